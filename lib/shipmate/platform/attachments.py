"""Stores and reads the files of messages, in both storages of the platform, and never a whole file in memory.

Source: contract §8.7.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NotRequired, TypedDict
from urllib.parse import parse_qs, urljoin, urlsplit

from shipmate.errors import BadInput, PlatformRefused
from shipmate.platform.client import PlatformClient
from shipmate.platform.http_service import NO_AUTH, ExpectedStatuses, HttpService, RetryPolicy, json_object
from shipmate.platform.object_storage import FILE_SECONDS
from shipmate.urls import origin

if TYPE_CHECKING:
    import requests

    from shipmate.http.download import DownloadedFile
    from shipmate.http.upload import Content, Upload

_REDIRECTS: Final = ExpectedStatuses(frozenset({301, 302, 303, 307, 308}))
_MOST_REDIRECTS: Final = 10
_SIGNED_URL: Final = "/v2/resources/storage/signed-url"
_RETRIES: Final = RetryPolicy(timeout_seconds=FILE_SECONDS)


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
        self._retries = retries
        # A signed URL needs no credentials, and must not receive those of the platform.
        self._signed = HttpService("attachment storage", NO_AUTH, retries)

    def upload(
        self, name: str, content: "Content", content_type: str | None = None, *, size: int | None = None
    ) -> Attachment:
        """Store a file in pieces of 1 MiB, and return its attachment for a message.

        The object storage gets the file if it is configured, otherwise a signed URL.

        Args:
            name: The name of the file.
            content: Bytes, a file, pieces of bytes, an answer of an API with ``stream=True``, or a function that
                returns one of them. Only bytes, files with ``seek``, and functions are sent again after a failure.
            content_type: The media type; guessed from the name by default.
            size: The length in bytes, if it is known and the content does not say.

        Returns:
            ``{"url": "https://...", "content-type": "text/csv", "size": 12}``

        Raises:
            PlatformRefused, PlatformUnavailable: The file could not be stored.
            IncompleteContent: The content is shorter or longer than announced.
            Exception: The content could not be read; its own error.
        """
        import mimetypes

        from shipmate.http.upload import Upload

        guessed, compression = mimetypes.guess_type(name)
        kind = content_type or (None if compression else guessed) or "application/octet-stream"
        upload = Upload(content, size)
        objects = self._platform().objects
        url = objects.url(objects.upload(upload, kind)) if objects.is_configured else self._upload_signed(upload, kind)
        return {"url": url, "content-type": kind, "size": upload.sent_bytes}

    def _upload_signed(self, upload: "Upload", kind: str) -> str:
        urls = json_object(self._platform().post(_SIGNED_URL), "signed URL")
        put_url, get_url = urls.get("put_url"), urls.get("get_url")
        if not isinstance(put_url, str) or not isinstance(get_url, str):
            raise PlatformRefused("signed URL: expected put_url and get_url in the answer, found something else")
        self._signed.upload("PUT", put_url, upload, headers={"Content-Type": kind})
        return get_url

    def open(
        self, url: str, *, max_bytes: int | None = None, total_timeout_seconds: float | None = None
    ) -> "DownloadedFile":
        """Return a stream of a file's content; the caller closes it.

        After a connection that was cut, the stream goes on at the same place if the file has not changed.

        Args:
            url: The URL of an attachment, or of any file that needs no credentials.
            max_bytes: The most bytes of the file, None for any number.
            total_timeout_seconds: The time until the last byte, None for any.

        Raises:
            MissingSetting: The object storage is not configured.
            BadInput: The URL is malformed, or belongs to the object storage of another installation.
            PlatformRefused, PlatformUnavailable: The file could not be read. The stream raises them, too, and also
                `IncompleteContent`, `ResponseTooLarge` and `ResponseTooSlow`.
        """
        from shipmate.http.download import DownloadRules, open_download

        send, is_fixed = self._request_for(url)
        rules = DownloadRules(max_bytes, total_timeout_seconds, is_fixed=is_fixed, pause=self._pause)
        return open_download(lambda headers, seconds: self._followed(send, headers, seconds), rules)

    def _request_for(self, url: str) -> "tuple[Callable[..., requests.Response], bool]":
        """Return the function that asks for a file, and whether the file never changes."""
        if not is_stored(url):
            return partial(self._signed.send, "GET", url), False
        objects = self._platform().objects
        objects.require_settings()
        object_id = objects.id_in(url)
        if object_id is None:
            raise BadInput("expected an attachment of this installation's object storage, found another address")
        return partial(objects.read, object_id), True

    def _pause(self, cuts: int) -> None:
        self._retries.sleep(self._retries.pause_after(cuts))

    def _followed(
        self, send: "Callable[..., requests.Response]", headers: Mapping[str, str], seconds: float | None
    ) -> "requests.Response":
        """Return the response at the end of redirects, which are followed without credentials and cookies."""
        arguments: dict[str, Any] = {"stream": True, "headers": headers, "expecting": _REDIRECTS}
        arguments["total_timeout_seconds"] = seconds
        response = send(**arguments)
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
            response = self._signed.send("GET", url, **arguments)
        response.close()
        raise PlatformRefused(f"attachment: expected less than {_MOST_REDIRECTS} redirects, found more")


def is_stored(url: str) -> bool:
    """Tell whether the URL of a file is one of an object storage; all others are read without credentials.

    >>> is_stored("https://storage.example/objects/1?storage_type=maester"), is_stored("https://a.example/b.csv")
    (True, False)

    Raises:
        BadInput: The URL is malformed.
    """
    try:
        return parse_qs(urlsplit(url).query).get("storage_type") == ["maester"]
    except ValueError:
        raise BadInput("expected the URL of an attachment, found a malformed URL") from None
