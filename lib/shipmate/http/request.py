"""Writes usual requests as the library requests writes them: the bytes of the head and of the body.

A request whose URL, headers or body requests would change or refuse is unusual: `prepare` returns None for it, and
requests itself sends it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import requests
from requests.cookies import RequestsCookieJar, get_cookie_header
from requests.hooks import default_hooks
from requests.models import RequestEncodingMixin
from requests.structures import CaseInsensitiveDict
from requests.utils import default_headers, requote_uri

from shipmate.http.headers import is_value
from shipmate.http.pool import Server
from shipmate.urls import origin

_encoded: Final[Any] = RequestEncodingMixin.__dict__["_encode_params"].__func__
_cookie_header: Final[Any] = get_cookie_header
_to_json: Final[Any] = vars(requests.compat)["json"].dumps
"""That of simplejson where it is installed."""
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_BODILESS: Final = frozenset({"GET", "HEAD"})
_REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Source: RFC 9110 §9.2.2."""
_CHARACTERS: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-F]{2})"
_URL: Final = re.compile(
    r"(?P<start>https?://(?P<authority>[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*(?::[1-9][0-9]{0,4})?))"
    rf"(?P<path>/(?!/){_CHARACTERS}*)?(?P<query>\?(?:{_CHARACTERS}|\?)+)?"
)
"""A URL that every parser reads in the same way, and writes as it is."""
_ARGUMENTS: Final = frozenset({"headers", "params", "json", "data", "timeout", "allow_redirects", "verify", "cert"})
_SELDOM: Final = frozenset({"cookies", "files", "proxies", "stream"})
"""Arguments of requests that must be empty on the lean path."""
_MOST_TIMEOUT_SECONDS: Final = 1e6
_NEVER_LEAN: Final = frozenset(
    {"transfer-encoding", "expect", "upgrade", "content-length", "te", "trailer", "host", "cookie"}
)
_DEFAULTS: Final = {name.lower(): (name, value) for name, value in default_headers().items()}


class Sent(NamedTuple):
    """A request as it was sent."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | str | None

    def prepared(self) -> requests.PreparedRequest:
        """Return the request in the form of requests."""
        request = requests.PreparedRequest()
        request.method = self.method
        request.url = self.url
        request.headers = CaseInsensitiveDict(self.headers)
        request.body = self.body
        request.hooks = default_hooks()
        request._cookies = RequestsCookieJar()  # type: ignore[attr-defined]  # requests copies it for a redirect
        return request


@dataclass(slots=True)
class LeanRequest:
    """A request that is ready to be sent."""

    sent: Sent
    head: bytes
    body: bytes
    server: Server
    timeout: tuple[float | None, float | None]
    """The seconds to connect and to wait for the next bytes."""

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again even if the server has received it."""
        return self.sent.method in _REPEATABLE


class _Body(NamedTuple):
    """A body: its bytes, its form in ``response.request.body``, its content type."""

    content: bytes
    shown: bytes | str | None
    content_type: str | None


_NO_BODY: Final = _Body(b"", None, None)


def prepare(method: str, url: str, arguments: Mapping[str, Any], cookies: Any) -> LeanRequest | None:
    """Return a request that is ready to be sent, None for an unusual one.

    Args:
        method: The HTTP method.
        url: The URL.
        arguments: As for requests; the headers are the author's, with the token.
        cookies: The jar of the session, None or empty without cookies.
    """
    if method not in _METHODS:
        return None
    for name, value in arguments.items():
        if name not in _ARGUMENTS and (value or name not in _SELDOM):
            return None
    timeout = _timeout(arguments.get("timeout"))
    match = _URL.fullmatch(url)
    place = origin(url)
    if timeout is None or match is None or place is None:
        return None
    target = _target(match, arguments.get("params"))
    verify, cert = arguments.get("verify", True), arguments.get("cert")
    body = _body(method, arguments)
    if target is None or body is None or not isinstance(verify, bool | str) or isinstance(cert, list):
        return None
    headers = _headers(method, arguments.get("headers") or {}, body)
    if headers is None:
        return None
    sent = Sent(method, match["start"] + target, headers, body.shown)
    if cookies and (cookie := _cookie_header(cookies, sent.prepared())):
        if not is_value(cookie):
            return None
        headers["Cookie"] = cookie
    try:
        fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        head = f"{method} {target} HTTP/1.1\r\nHost: {_host(match, place[0])}\r\n{fields}\r\n".encode("latin-1")
    except UnicodeEncodeError:
        return None
    return LeanRequest(sent, head, body.content, Server(place, verify, cert), timeout)


def _timeout(timeout: Any) -> tuple[float | None, float | None] | None:
    """Return the seconds to connect and to read; None for a time-out of another kind."""
    both = timeout if isinstance(timeout, tuple) and len(timeout) == 2 else (timeout, timeout)
    for seconds in both:
        if seconds is not None and (type(seconds) not in (int, float) or not 0 < seconds < _MOST_TIMEOUT_SECONDS):
            return None
    return both


def _target(match: re.Match[str], params: Any) -> str | None:
    """Return the path and the query of a request line; None if requests writes the URL in another way."""
    path, query = match["path"] or "/", match["query"] or ""
    if "/." in path or ("%" in match[0] and requote_uri(match[0]) != match[0]):
        return None
    if params:
        if not isinstance(params, Mapping):
            return None
        encoded = _encoded(params)
        if encoded:
            query = f"{query}&{encoded}" if query else f"?{encoded}"
    return path + query


def _host(match: re.Match[str], scheme: str) -> str:
    authority = match["authority"]
    return authority.removesuffix(":443" if scheme == "https" else ":80")


def _headers(method: str, given: Mapping[str, Any], body: _Body) -> dict[str, str] | None:
    """Return the header fields except Host and Cookie; None if one of them is unusual."""
    headers = dict(_DEFAULTS)
    for name, value in given.items():
        if type(name) is not str or type(value) is not str or (key := name.lower()) in _NEVER_LEAN:
            return None
        headers[key] = (name, value)
    if body.content_type is not None:
        headers.setdefault("content-type", ("Content-Type", body.content_type))
    if body.content or method not in _BODILESS:
        headers["content-length"] = ("Content-Length", str(len(body.content)))
    return dict(headers.values())


def _body(method: str, arguments: Mapping[str, Any]) -> _Body | None:
    """Return the body; None for one that is read piece by piece, and for a value that requests refuses."""
    data = arguments.get("data")
    if not data:
        value = arguments.get("json")
        if value is None:
            # The empty ones of these types have no body; other values that are false are unusual.
            return _NO_BODY if data is None or isinstance(data, str | bytes | list | tuple | dict) else None
        try:
            content = _to_json(value, allow_nan=False).encode("utf-8")
        except ValueError:
            return None
        return _Body(content, content, "application/json")
    if isinstance(data, str):
        return _Body(data.encode("utf-8"), data, None)
    if isinstance(data, bytes):
        return _Body(data, data, None)
    if not isinstance(data, dict | list | tuple):
        return None
    encoded = _encoded(data)
    # With no value but None, requests sends an empty body in chunks.
    return _Body(encoded.encode("utf-8"), encoded, "application/x-www-form-urlencoded") if encoded else None
