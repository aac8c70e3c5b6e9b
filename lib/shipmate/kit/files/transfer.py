"""Carries one file: from an API to an attachment, or from an attachment to an API, in pieces of 1 MiB."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from shipmate.errors import ApiError, BadInput
from shipmate.http.download import DownloadedFile, DownloadRules, open_download
from shipmate.http.upload import Upload
from shipmate.kit.files.names import clean_name
from shipmate.platform.attachments import is_stored
from shipmate.urls import is_private, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from shipmate.invocation.context import AsyncContext, Context
    from shipmate.platform.attachments import Attachment

_QUOTED_NAME: Final = re.compile(r'filename="((?:[^"\\]|\\.){1,1000})"', re.IGNORECASE)
_NAME: Final = re.compile(r"filename=([^\s;\"]{1,1000})", re.IGNORECASE)
# Source: RFC 8187 §3.2.
_ENCODED_NAME: Final = re.compile(r"filename\*=(utf-8|iso-8859-1)'[^']{0,40}'([^\s;]{1,3000})", re.IGNORECASE)


class HttpSession(Protocol):
    """A session of ``context.session(cfg)`` or ``context.oauth2(cfg)``."""

    @property
    def request(self) -> "Callable[..., requests.Response]":
        """Send a request: ``request("GET", url)``; ``data`` may be a function that returns the body of one attempt."""
        ...


class StoredFile(NamedTuple):
    """A file that has become an attachment."""

    name: str
    """Its name, cleaned."""
    attachment: "Attachment"


def download(
    session: HttpSession,
    url: str,
    *,
    max_bytes: int | None = None,
    total_timeout_seconds: float | None = None,
    **options: Any,
) -> DownloadedFile:
    """Return a stream of a file of an API: ``with download(session, url) as file: file.read(1024)``.

    After a connection that was cut, the stream goes on at the same place if the file has not changed. A redirect to
    another host, such as a signed URL of a storage, gets no credentials.

    Args:
        session: The session of the API.
        url: The URL of the file.
        max_bytes: The most bytes of the file, None for any number.
        total_timeout_seconds: The time until the last byte, None for any.
        **options: Further arguments of the request, ``headers`` for example.

    Raises:
        ApiError: The API answers with an error.
        requests.RequestException: The API does not answer.
    """
    given: Mapping[str, Any] = options.pop("headers", None) or {}

    def send(headers: "Mapping[str, str]", seconds: float | None) -> "requests.Response":
        limits = {} if seconds is None else {"total_timeout_seconds": seconds}
        response = session.request("GET", url, stream=True, headers={**given, **headers}, **limits, **options)
        if response.status_code >= 400:
            response.close()
            raise refusal("GET", url, response)
        return response

    return open_download(send, DownloadRules(max_bytes, total_timeout_seconds))


def refusal(method: str, url: str, response: "requests.Response") -> ApiError:
    """Return the error for an answer whose body is not read."""
    text = f"{method} {shown(url)} answered {response.status_code} {response.reason or ''}".strip()
    return ApiError(text, status=response.status_code)


def to_attachment(
    context: "Context | AsyncContext",
    session: HttpSession,
    url: str,
    *,
    name: str = "",
    content_type: str | None = None,
    **options: Any,
) -> StoredFile:
    """Store a file of an API as an attachment: ``name, attachment = to_attachment(context, session, url)``.

    Args:
        context: The context of the call.
        session: The session of the API.
        url: The URL of the file.
        name: Its name; that of the answer, or the end of the URL, unless given.
        content_type: Its media type; that of the answer unless given.
        **options: The limits and further arguments of `download`.

    Raises:
        ApiError: The API answers with an error.
        IncompleteContent: The API did not send the whole file.
        PlatformRefused, PlatformUnavailable: The file could not be stored.
    """
    with download(session, url, **options) as first:
        found = clean_name(name) if name else name_of(first.headers, url)
        kind = content_type or first.headers.get("Content-Type") or None
        content = beginning_with(first, lambda: download(session, url, **options))
        return StoredFile(found, context.attachments.upload(found, content, kind))


def name_of(headers: "Mapping[str, str]", url: str) -> str:
    """Return the cleaned name of the file in an answer: by its header Content-Disposition, or the end of its URL."""
    return clean_name(_name_in(headers.get("Content-Disposition", "")) or _end_of(url))


def beginning_with(first: DownloadedFile, reopen: Callable[[], DownloadedFile]) -> Callable[[], DownloadedFile]:
    """Return a function that opens a file; its first call returns the one that is open already."""
    opened = [first]
    return lambda: opened.pop() if opened else reopen()


def from_attachment(
    context: "Context | AsyncContext",
    url: str,
    session: HttpSession,
    method: str,
    target: str,
    *,
    source: "Callable[[], DownloadedFile] | None" = None,
    **options: Any,
) -> "requests.Response":
    """Send a file to an API in one request: ``from_attachment(context, url, session, "PUT", target)``.

    The length is sent if the storage says it. A session that sends the request again opens the file again.

    Args:
        context: The context of the call.
        url: The URL of the file: an attachment, or any file that needs no credentials.
        session: The session of the API.
        method: The method of the request.
        target: The URL of the request.
        source: Opens the file in another way than `open_source`, with limits for example.
        **options: Further arguments of the request, ``headers`` for example.

    Raises:
        BadInput: The URL of the file is neither an attachment nor https.
        PlatformRefused, PlatformUnavailable, IncompleteContent: The file could not be read.
        requests.RequestException: The API does not answer.
    """
    upload = Upload(source or (lambda: open_source(context, url)))
    try:
        return session.request(method, target, data=upload.body, **options)
    except Exception:
        if upload.failure is None:
            raise
        # It is the cause: the session has only seen that its request ended.
        raise upload.failure from None
    finally:
        upload.close()


def open_source(
    context: "Context | AsyncContext", url: str, *, allows_foreign: bool = True, max_bytes: int | None = None
) -> DownloadedFile:
    """Return a stream of the file that a message names by its URL; nobody else receives credentials.

    Args:
        context: The context of the call.
        url: The URL of the file.
        allows_foreign: Whether other URLs than those of the object storage are allowed.
        max_bytes: The most bytes of the file.

    Raises:
        BadInput: The URL is not allowed, or not https.
        PlatformRefused, PlatformUnavailable: The file could not be read.
    """
    if not isinstance(url, str) or not url:
        raise BadInput("the URL of the file: expected text, found none")
    if not is_stored(url):
        if not allows_foreign:
            raise BadInput("the URL of the file: expected one of the platform's object storage, found another")
        if not is_private(url):
            raise BadInput("the URL of the file: expected https, found another URL")
    return context.attachments.open(url, max_bytes=max_bytes)


def _name_in(disposition: str) -> str:
    """Return the name in a header Content-Disposition, ``""`` without one.

    >>> _name_in("attachment; filename=\\"a b.csv\\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.csv")
    'Größe.csv'

    Source: RFC 6266 §4.
    """
    if match := _ENCODED_NAME.search(disposition):
        return unquote(match[2], encoding=match[1].lower(), errors="replace")
    if match := _QUOTED_NAME.search(disposition):
        name = re.sub(r"\\(.)", r"\1", match[1])
    else:
        match = _NAME.search(disposition)
        name = match[1] if match else ""
    try:
        # requests reads headers as Latin-1, and many servers write UTF-8.
        return name.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return name


def _end_of(url: str) -> str:
    try:
        return unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    except ValueError:
        return ""
