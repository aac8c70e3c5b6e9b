"""The client of the platform's HTTP API: step data, accounts, secrets, startup data.

Source: contract §8.6, §9, §12.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from shipmate.errors import PlatformRefused
from shipmate.jsonvalue import is_empty, to_json
from shipmate.platform.http_service import (
    ExpectedStatuses,
    HeaderAuth,
    HttpService,
    RetryPolicy,
    basic_auth,
    json_object,
    segment,
)
from shipmate.platform.object_storage import ObjectStorage
from shipmate.settings import ApiSettings
from shipmate.urls import origin

if TYPE_CHECKING:
    import requests

_JSON: Final = {"Content-Type": "application/json"}
_CONFLICT: Final = 409
# For startup data, any status below 400 is a success. Source: contract §9.3.
_DONE: Final = frozenset(range(300, 400))
_STORED: Final = ExpectedStatuses(_DONE)
_STORED_OR_CONFLICT: Final = ExpectedStatuses(_DONE | {_CONFLICT})
_DELETED: Final = ExpectedStatuses(_DONE, expected_again=frozenset({404}))
_ABSOLUTE: Final = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


class PlatformClient:
    """The platform's API, as ``context.api`` in components; it does not show its credentials."""

    def __init__(self, settings: ApiSettings, retries: RetryPolicy | None = None) -> None:
        """Prepare calls; nothing is sent yet.

        Args:
            settings: Addresses and credentials.
            retries: Attempts and pauses; those of the settings by default.
        """
        self._settings = settings
        self._base = settings.uri
        self._workspace_id = settings.workspace_id
        self._has_proxy = settings.has_proxy
        retries = retries or RetryPolicy(attempts=settings.attempts, delay_seconds=settings.delay_ms / 1000)
        auth = HeaderAuth(basic_auth(settings.username, settings.key))
        self._http = HttpService("platform's API", auth, retries)
        self.objects = ObjectStorage(settings, retries.sleep)

    def require_settings(self) -> None:
        """Do nothing if the API can be called.

        Raises:
            MissingSetting: The address, the user or the key of the API is missing.
        """
        self._settings.require()

    def request(self, method: str, path: str, **kwargs: Any) -> "requests.Response":
        """Send a request to the platform's API: ``api.request("GET", "/v2/workspaces")``.

        Args:
            method: The HTTP method.
            path: A path of the API, or a URL with the origin of the API.
            **kwargs: As for requests: ``json``, ``params``, ``headers``, ...

        Raises:
            MissingSetting: The address, the user or the key of the API is missing.
            PlatformRefused: The URL has another origin, or the answer is a permanent error.
            PlatformUnavailable: Every attempt failed: without an answer, or with a temporary error.
        """
        self.require_settings()
        if _ABSOLUTE.match(path):
            if origin(path) is None or origin(path) != origin(self._base):
                raise PlatformRefused("expected a path of the platform's API, found a URL of another host")
            return self._http.send(method, path, **kwargs)
        return self._http.send(method, f"{self._base}/{path.lstrip('/')}", **kwargs)

    def get(self, path: str, **kwargs: Any) -> "requests.Response":
        """Send a GET request."""
        return self.request("GET", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> "requests.Response":
        """Send a POST request."""
        return self.request("POST", path, **kwargs)

    def put(self, path: str, **kwargs: Any) -> "requests.Response":
        """Send a PUT request."""
        return self.request("PUT", path, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> "requests.Response":
        """Send a DELETE request."""
        return self.request("DELETE", path, **kwargs)

    def step(self, flow_id: str, step_id: str) -> Mapping[str, Any]:
        """Return the data of a step: ``{"config": {...}, "snapshot": ..., "variables": {...}}``."""
        self.require_settings()
        url = f"{self._base}/v1/tasks/{segment(flow_id)}/steps/{segment(step_id)}"
        return self._http.get_object(url, "step data", has_proxy=self._has_proxy)

    def update_account(self, account: str, keys: Mapping[str, Any]) -> None:
        """Store new keys of an account."""
        expecting = ExpectedStatuses(quotes_answer=True, secrets=list(_texts(keys)))
        body = to_json({"keys": dict(keys)})
        self.put(f"/v1/accounts/{segment(account)}", data=body, headers=_JSON, expecting=expecting)

    def secret(self, secret_id: str) -> Mapping[str, Any]:
        """Return the attributes of a secret: ``{"type": "oauth2", "credentials": {...}}``."""
        return _attributes(self.get(self._secret_path(secret_id)))

    def refresh_secret(self, secret_id: str) -> Mapping[str, Any]:
        """Make the platform refresh a secret, and return its attributes."""
        return _attributes(self.post(f"{self._secret_path(secret_id)}/refresh"))

    def store_startup_data(self, flow_id: str, data: Any) -> None:
        """Store the result of a startup hook, and replace the data of an earlier start.

        None, numbers and booleans are stored as ``{}``. Source: contract §1.3.
        """
        path = _startup_path(flow_id)
        state = to_json({} if is_empty(data) else data)
        if self.post(path, data=state, headers=_JSON, expecting=_STORED_OR_CONFLICT).status_code == _CONFLICT:
            self.delete_startup_data(flow_id)
            self.post(path, data=state, headers=_JSON, expecting=_STORED)

    def startup_data(self, flow_id: str) -> Any:
        """Return the stored result of a startup hook."""
        response = self.get(_startup_path(flow_id), expecting=_STORED)
        try:
            return response.json()
        except ValueError:
            pass
        # Outside the handler, and so not chained: the decoder's error holds the whole answer.
        raise PlatformRefused("startup data: expected JSON, found something else")

    def delete_startup_data(self, flow_id: str) -> None:
        """Delete the stored result of a startup hook."""
        self.delete(_startup_path(flow_id), expecting=_DELETED)

    def _secret_path(self, secret_id: str) -> str:
        self._settings.require(needs_workspace=True)
        return f"/v2/workspaces/{segment(self._workspace_id)}/secrets/{segment(secret_id)}"

    def __repr__(self) -> str:
        """Show the address of the API without credentials."""
        try:
            parts = urlsplit(self._base)
        except ValueError:
            return "<platform API at a malformed address>"
        return f"<platform API at {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}>"


def _attributes(response: "requests.Response") -> Mapping[str, Any]:
    data = json_object(response, "secret").get("data")
    if isinstance(data, list) and len(data) == 1:  # as the documentation of the API has it
        data = data[0]
    attributes = data.get("attributes") if isinstance(data, dict) else None
    if not isinstance(attributes, dict):
        raise PlatformRefused("secret: expected data.attributes in the answer, found none")
    return attributes


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts in a value, at any depth."""
    if isinstance(value, str):
        yield from [value] if value else ()
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)


def _startup_path(flow_id: str) -> str:
    return f"/sailor-support/hooks/task/{segment(flow_id)}/startup/data"
