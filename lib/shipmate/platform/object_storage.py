"""The client of the platform's object storage.

Source: contract §8.6.
"""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from shipmate.errors import PlatformRefused
from shipmate.platform.http_service import ExpectedStatuses, HeaderAuth, HttpService, RetryPolicy, json_object, segment
from shipmate.settings import ApiSettings

if TYPE_CHECKING:
    import requests

    from shipmate.http.upload import Upload

FILE_SECONDS: Final = 120.0
"""The longest wait for the next bytes of a file, and for a piece of it to be sent."""


class ObjectStorage:
    """The object storage, Maester: it stores bytes under an id."""

    def __init__(self, settings: ApiSettings, sleep: Callable[[float], object]) -> None:
        """Prepare calls; the first one raises an error if the storage is not configured."""
        self._base = settings.storage_uri
        self._settings = settings
        self._flow_id, self._step_id = settings.flow_id, settings.step_id
        retries = RetryPolicy(
            attempts=settings.storage_retries + 1,
            timeout_seconds=settings.storage_timeout_ms / 1000,
            is_growing=True,
            temporary=frozenset(),  # contract §8.6
            sleep=sleep,
        )
        auth = HeaderAuth(f"Bearer {settings.storage_token}")
        self._http = HttpService("object storage", auth, retries, settings.limits)

    def require_settings(self) -> None:
        """Do nothing if the storage is configured.

        Raises:
            MissingSetting: The address or the token is missing.
        """
        self._settings.require_storage()

    @property
    def is_configured(self) -> bool:
        """Whether the address and the token are known."""
        return bool(self._base and self._settings.storage_token)

    def create(self, content: bytes, content_type: str = "application/json") -> str:
        """Store bytes and return their id."""
        return self._id_of(self._send("POST", "/objects", data=content, headers={"Content-Type": content_type}))

    def upload(self, content: "Upload", content_type: str) -> str:
        """Store content that is sent in pieces, and return its id."""
        self.require_settings()
        headers = {**self._request_id, "Content-Type": content_type}
        return self._id_of(
            self._http.upload("POST", f"{self._base}/objects", content, headers=headers, timeout=FILE_SECONDS)
        )

    @staticmethod
    def _id_of(response: "requests.Response") -> str:
        object_id = json_object(response, "object storage").get("objectId")
        if not isinstance(object_id, str):
            raise PlatformRefused("object storage: expected an objectId in the answer, found none")
        return object_id

    def read(
        self, object_id: str, *, stream: bool = False, expecting: ExpectedStatuses | None = None, **kwargs: Any
    ) -> "requests.Response":
        """Return the response with the stored bytes."""
        path = f"/objects/{segment(object_id)}"
        response: requests.Response = self._send("GET", path, stream=stream, expecting=expecting, **kwargs)
        return response

    def update(self, object_id: str, content: bytes) -> None:
        """Replace stored bytes."""
        self._send("PUT", f"/objects/{segment(object_id)}", data=content)

    def delete(self, object_id: str) -> None:
        """Delete stored bytes."""
        self._send("DELETE", f"/objects/{segment(object_id)}")

    def url(self, object_id: str) -> str:
        """Return the URL of an object, as attachments have it."""
        return f"{self._base}/objects/{segment(object_id)}?storage_type=maester"

    def id_in(self, url: str) -> str | None:
        """Return the id of an object in the URL that `url` returns for it, None for another URL."""
        start = f"{self._base}/objects/"
        if not self._base or not url.startswith(start):
            return None
        found = re.split(r"[?#]", url.removeprefix(start), maxsplit=1)[0]
        return None if "/" in found else unquote(found)

    def _send(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **kwargs: Any) -> Any:
        self.require_settings()
        return self._http.send(method, self._base + path, headers={**self._request_id, **(headers or {})}, **kwargs)

    @property
    def _request_id(self) -> dict[str, str]:
        return {"x-request-id": f"f:{self._flow_id};s:{self._step_id};m:"}
