"""Stores and reads the files of messages, in both storages of the platform.

Source: contract §8.7.
"""

from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Final, NotRequired, TypedDict, cast
from urllib.parse import parse_qs, urljoin, urlsplit

from shipmate.errors import BadInput, PlatformRefused
from shipmate.platform.client import PlatformClient
from shipmate.platform.http_service import NO_AUTH, ExpectedStatuses, HttpService, RetryPolicy, json_object
from shipmate.urls import origin

if TYPE_CHECKING:
    import requests

_REDIRECTS: Final = ExpectedStatuses(frozenset({301, 302, 303, 307, 308}))
_MOST_REDIRECTS: Final = 10
_SIGNED_URL: Final = "/v2/resources/storage/signed-url"
# Large files take long.
_RETRIES: Final = RetryPolicy(timeout_seconds=120.0)


# Spelt as a call because of the hyphen.
Attachment = TypedDict("Attachment", {"url": str, "content-type": NotRequired[str], "size": NotRequired[int]})
"""A file of a message: ``{"url": "https://...", "content-type": "text/csv", "size": 12}``, its size in bytes."""


class Attachments:
    """Stores and reads files: ``message(body, attachments={"a.pdf": context.attachments.upload("a.pdf", data)})``."""

    def __init__(self, platform: Callable[[], PlatformClient], retries: RetryPolicy = _RETRIES) -> None:
        """Prepare calls; nothing is sent yet.

        Args:
            platform: Returns the client of the platform's API; called only when that API is needed.
            retries: Attempts and pauses at the storage of signed URLs.
        """
        self._platform = platform
        # A signed URL needs no credentials, and must not receive those of the platform.
        self._signed = HttpService("attachment storage", NO_AUTH, retries)

    def upload(self, name: str, content: bytes | IO[bytes], content_type: str | None = None) -> Attachment:
        """Store a file and return its attachment for a message.

        Args:
            name: The name of the file.
            content: Bytes, or a stream that is read to its end.
            content_type: The media type; guessed from the name by default.

        Returns:
            ``{"url": "https://...", "content-type": "text/csv", "size": 12}``

        Raises:
            PlatformRefused, PlatformUnavailable: The file could not be stored.
        """
        import mimetypes

        data = content if isinstance(content, bytes) else content.read()
        guessed, compression = mimetypes.guess_type(name)
        kind = content_type or (None if compression else guessed) or "application/octet-stream"
        urls = json_object(self._platform().post(_SIGNED_URL), "signed URL")
        if not isinstance(urls.get("put_url"), str) or not isinstance(urls.get("get_url"), str):
            raise PlatformRefused("signed URL: expected put_url and get_url in the answer, found something else")
        self._signed.send("PUT", urls["put_url"], data=data, headers={"Content-Type": kind})
        return {"url": urls["get_url"], "content-type": kind, "size": len(data)}

    def open(self, url: str) -> IO[bytes]:
        """Return a stream of a file's content; the caller closes it.

        Raises:
            MissingSetting: The object storage is not configured.
            BadInput: The URL is malformed, or belongs to the object storage of another installation.
            PlatformRefused, PlatformUnavailable: The file could not be read.
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            raise BadInput("expected the URL of an attachment, found a malformed URL") from None
        if parse_qs(parts.query).get("storage_type") == ["maester"]:
            objects = self._platform().objects
            objects.require_settings()
            object_id = objects.id_in(url)
            if object_id is None:
                raise BadInput("expected an attachment of this installation's object storage, found another address")
            response = objects.read(object_id, stream=True, expecting=_REDIRECTS)
        else:
            response = self._signed.send("GET", url, stream=True, expecting=_REDIRECTS)
        response = self._followed(response)
        response.raw.decode_content = True
        # By default it closes itself at its end, and io.TextIOWrapper, which reads once more there, fails.
        response.raw.auto_close = False
        return cast(IO[bytes], response.raw)

    def _followed(self, response: "requests.Response") -> "requests.Response":
        """Return the response at the end of redirects, which are followed without credentials and cookies."""
        for _ in range(_MOST_REDIRECTS):
            if response.status_code not in _REDIRECTS.expected:
                return response
            response.close()
            before, location = origin(response.url), response.headers.get("Location", "")
            try:
                url = urljoin(response.url, location)
            except ValueError:
                url = ""
            after = origin(url)
            if not location or before is None or after is None or (before[0] == "https" and after[0] != "https"):
                raise PlatformRefused("attachment: expected a redirect to another https address, found something else")
            response = self._signed.send("GET", url, stream=True, expecting=_REDIRECTS)
        response.close()
        raise PlatformRefused(f"attachment: expected less than {_MOST_REDIRECTS} redirects, found more")
