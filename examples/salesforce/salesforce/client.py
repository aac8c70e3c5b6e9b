"""Sends requests to Salesforce's REST API, with a token that stays alive."""

import re
import threading
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import requests
from urllib3.exceptions import NewConnectionError

from salesforce.answers import GATEWAY_STATUSES, Busy, SalesforceError, require_success
from salesforce.settings import Cfg, api_version
from shipmate import Context, OAuth2

# The other options are in component.json. Salesforce answers a refresh without a new refresh token, and perhaps with a
# new instance_url: shipmate keeps the old refresh token and follows the new instance_url.
PROVIDER: Final = OAuth2(extra={"format": "json"}, hosts=["{instance_url}"])

# A query may take two minutes. Source: SOQL and SOSL Reference, limits.
_TIMEOUTS_SECONDS: Final = (10.0, 130.0)
_PAUSES_SECONDS: Final = (0.5, 1.0)
_LONGEST_PAUSE_SECONDS: Final = 5.0
_WORTH_REPEATING: Final = GATEWAY_STATUSES | {503}
_NO_ANSWER: Final = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
_FOLLOWING: Final = re.compile(r"/services/data/v\d+\.\d/[\w./-]+")


class Salesforce:
    """The API of one account, at the instance in its token."""

    def __init__(self, context: Context, cfg: Cfg) -> None:
        """Open a session; nothing is sent yet."""
        self.version = api_version(cfg)
        self._session = PROVIDER.session(context, cfg)
        self._session.timeout = _TIMEOUTS_SECONDS
        self._cfg = cfg

    @property
    def account(self) -> str:
        """The identity of this account: the URL of its user, or of its instance."""
        keys = self._cfg.get("oauth")
        members = keys if isinstance(keys, Mapping) else {}
        return str(members.get("id") or members.get("instance_url") or "")

    def get(self, *path: str, headers: Mapping[str, str] | None = None, **params: str) -> requests.Response:
        """Send a GET request to a path below the version's URL.

        Args:
            path: The segments of the path, unescaped.
            headers: Additional headers.
            **params: The query.

        Raises:
            Busy, SalesforceError: Salesforce has not answered with a success.
        """
        return self._read(self._url(path), params=params, headers=headers)

    def follow(self, path: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Send a GET request to a path in an answer of Salesforce, as in ``nextRecordsUrl``."""
        if not _FOLLOWING.fullmatch(path) or ".." in path:
            raise SalesforceError("expected a path below /services/data as the next page, found something else")
        return self._read("{instance_url}" + path, params={}, headers=headers)

    def post(self, *path: str, json: Any, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Send a POST request, which is not repeated after an unknown outcome."""
        return self._send("POST", self._url(path), json=json, headers=headers)

    def patch(self, *path: str, json: Any, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Send a PATCH request, which may be repeated."""
        return self._send("PATCH", self._url(path), json=json, headers=headers)

    def delete(self, *path: str) -> requests.Response:
        """Send a DELETE request."""
        return self._send("DELETE", self._url(path))

    def _url(self, path: tuple[str, ...]) -> str:
        for segment in path:
            # Escaping does not help: these segments would change the path.
            if segment in ("", ".", ".."):
                raise ValueError(f"expected a value that can stand in a URL, found {segment!r}")
        return "{instance_url}/services/data/v" + "/".join([self.version, *(quote(each, safe="") for each in path)])

    def _read(self, url: str, **arguments: Any) -> requests.Response:
        """Send a GET request, and repeat it soon if that may help: a user may be waiting for the result."""
        for pause in _PAUSES_SECONDS:
            retry_after = ""
            try:
                response = self._session.request("GET", url, **arguments)
            except _NO_ANSWER:
                pass
            else:
                retry_after = response.headers.get("Retry-After", "")
                if response.status_code not in _WORTH_REPEATING:
                    require_success(response, is_repeatable=True)
                    return response
            seconds = float(retry_after[:9]) if retry_after.isdecimal() else pause
            threading.Event().wait(min(seconds, _LONGEST_PAUSE_SECONDS))
        return self._send("GET", url, **arguments)

    def _send(self, method: str, url: str, **arguments: Any) -> requests.Response:
        is_repeatable = method != "POST"
        try:
            response = self._session.request(method, url, **arguments)
        except _NO_ANSWER as error:
            # Not chained: the texts of such errors have the query.
            reason = f"{method} got no answer ({type(error).__name__})"
            if is_repeatable or not _may_have_arrived(error):
                raise Busy(f"Salesforce is busy: {reason}") from None
            raise SalesforceError(f"{reason}: look whether the record was created before you repeat it") from None
        require_success(response, is_repeatable=is_repeatable)
        return response


def _may_have_arrived(error: requests.RequestException) -> bool:
    """Tell whether Salesforce may have handled a request without an answer: not if there was no connection."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return not isinstance(error, requests.ConnectTimeout) and not isinstance(reason, NewConnectionError)
