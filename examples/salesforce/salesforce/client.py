"""Sends requests to Salesforce's REST API, with a token that stays alive."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import requests

from salesforce.errors import refusal
from shipmate import ApiError, Context, Policy
from shipmate.kit import Api, cache_key, json_of
from shipmate.kit.values import text
from shipmate.urls import segment

# The other options are in component.json. Salesforce answers a refresh without a new refresh token, and perhaps with a
# new instance_url: shipmate keeps the old refresh token and follows the new instance_url.
API: Final = Api("{instance_url}/services/data", extra={"format": "json"}, read_error=refusal)

# A user may be waiting for the result. The daily limit counts each attempt, so it is not asked again after 429.
POLICY: Final = Policy(attempts=3, statuses="502-504", longest_pause_seconds=5.0)
# A query may take two minutes. Source: SOQL and SOSL Reference, limits.
_TIMEOUTS_SECONDS: Final = (10.0, 130.0)
_DEFAULT_VERSION: Final = "64.0"
# Older versions answer an upsert without the id of the record.
_OLDEST_VERSION: Final = 46
_VERSION: Final = re.compile(r"v?(\d{2,3})(?:\.0)?", re.IGNORECASE)
_FOLLOWING: Final = re.compile(r"/services/data/v\d+\.\d/[\w./-]+")


class Salesforce:
    """The API of one account, at the instance in its token."""

    def __init__(self, context: Context, cfg: Mapping[str, Any], attempts: int = POLICY.attempts) -> None:
        """Open a session; one that writes sends a request once, since a rebound sends it again."""
        self.version, self.account = api_version(cfg), cache_key(cfg)
        self._api = API.connect(context, cfg, policy=replace(POLICY, attempts=attempts))
        self._api.session.timeout = _TIMEOUTS_SECONDS

    def get(self, *path: str) -> Any:
        """Return the JSON at a path below the version's URL."""
        return json_of(self.send("GET", *path))

    def send(self, method: str, *path: str, **options: Any) -> requests.Response:
        """Send a request to a path below the version's URL, given by its unescaped segments.

        Raises:
            ApiError: Salesforce has not answered with a success.
        """
        response = self._api.send(method, "/".join([f"v{self.version}", *map(segment, path)]), **options)
        if response.status_code >= 300:
            raise refusal(response)
        return response

    def follow(self, path: str, headers: Mapping[str, str]) -> requests.Response:
        """Send a GET request to a path in an answer of Salesforce, as in ``nextRecordsUrl``."""
        if not _FOLLOWING.fullmatch(path) or ".." in path:
            raise ApiError("expected a path below /services/data as the next page, found something else")
        return self._api.page(path, headers=headers)


def api_version(cfg: Mapping[str, Any]) -> str:
    """Return the version of the API.

    >>> api_version({"api_version": "v62.0"}), api_version({})
    ('62.0', '64.0')
    """
    given = text(cfg, "api_version", _DEFAULT_VERSION)
    match = _VERSION.fullmatch(given)
    if match is None or int(match[1]) < _OLDEST_VERSION:
        raise ValueError(f"api_version: expected a version from {_OLDEST_VERSION}.0 on, found {given!r}")
    return f"{match[1]}.0"
