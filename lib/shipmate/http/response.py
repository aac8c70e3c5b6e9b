"""The responses of the lean path: those of requests, whose seldom used parts are built when they are used."""

import io
from collections.abc import Callable
from datetime import timedelta
from email.message import Message
from http.cookiejar import CookieJar
from typing import Any, TypeVar

import requests
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.models import REDIRECT_STATI
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers
from urllib3 import HTTPHeaderDict, HTTPResponse

from shipmate.http.adapter import LimitedResponse
from shipmate.http.connection import Answer
from shipmate.http.limits import within
from shipmate.http.request import Sent

_T = TypeVar("_T")


class _Original:
    """The part of http.client's response that cookies are read from."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self.msg = Message()
        for name, value in fields:
            self.msg[name] = value

    def isclosed(self) -> bool:
        return True

    def close(self) -> None:
        """Do nothing."""


class LeanResponse(LimitedResponse):
    """A response that was read whole; it builds its headers, cookies, request and raw answer when they are used."""

    def __init__(self, sent: Sent, answer: Answer, seconds: float, limits: within) -> None:
        """Store the answer; nothing is decoded yet."""
        # `requests.Response.__init__` is not called: it builds an empty jar, headers and more.
        self._sent = sent
        self._answer = answer
        self._lazy: dict[str, Any] = {}
        self.limits = limits
        self.status_code = answer.status
        self.reason = answer.reason
        self.url = sent.url
        self.history = []
        self.elapsed = timedelta(seconds=seconds)
        self._content: Any = answer.body
        self._content_consumed = True
        self._next = None

    def add_cookies_to(self, jar: CookieJar) -> None:
        """Add the cookies that the answer sets to a jar."""
        extract_cookies_to_jar(jar, self.request, self.raw)  # type: ignore[no-untyped-call]

    @property
    def sets_cookies(self) -> bool:
        """Whether the answer sets cookies."""
        return any(len(name) == len("set-cookie") and name.lower() == "set-cookie" for name, _ in self._answer.fields)

    @property
    def is_redirect(self) -> bool:
        """Whether the answer leads to another URL."""
        return self.status_code in REDIRECT_STATI and super().is_redirect

    def _built(self, name: str, build: Callable[[], _T]) -> _T:
        if name not in self._lazy:
            self._lazy[name] = build()
        value: _T = self._lazy[name]
        return value

    @property
    def headers(self) -> CaseInsensitiveDict[str]:
        """The header fields; several of one name are joined."""
        return self._built("headers", lambda: CaseInsensitiveDict(HTTPHeaderDict(self._answer.fields)))

    @headers.setter
    def headers(self, value: Any) -> None:
        self._lazy["headers"] = value

    @property
    def encoding(self) -> str | None:
        """The encoding of the text, by the header; None if it does not say."""
        return self._built("encoding", lambda: get_encoding_from_headers(self.headers))

    @encoding.setter
    def encoding(self, value: str | None) -> None:
        self._lazy["encoding"] = value

    @property
    def request(self) -> requests.PreparedRequest:
        """The request that this answers."""
        return self._built("request", self._sent.prepared)

    @request.setter
    def request(self, value: requests.PreparedRequest) -> None:
        self._lazy["request"] = value

    @property
    def raw(self) -> Any:
        """The answer in the form of urllib3; its body has been read."""
        return self._built("raw", lambda: self._raw_of(b""))

    @raw.setter
    def raw(self, value: Any) -> None:
        self._lazy["raw"] = value

    @property
    def cookies(self) -> RequestsCookieJar:
        """The cookies that the answer sets."""
        return self._built("cookies", self._jar)

    @cookies.setter
    def cookies(self, value: RequestsCookieJar) -> None:
        self._lazy["cookies"] = value

    def keep_packed(self) -> None:
        """Keep the body as it came; urllib3 unpacks it when it is read."""
        self.raw = self._raw_of(self._answer.body)
        self._content = False
        self._content_consumed = False

    def __reduce__(self) -> Any:
        """Return the same as a response of requests, for `pickle` and `copy`."""
        return _restored, (self.__getstate__(),)

    def _raw_of(self, body: bytes) -> HTTPResponse:
        """Return the answer in the form of urllib3, with a body that can be read."""
        return HTTPResponse(
            io.BytesIO(body),
            HTTPHeaderDict(self._answer.fields),
            self._answer.status,
            version=self._answer.version,
            reason=self._answer.reason,
            preload_content=False,
            decode_content=False,
            enforce_content_length=False,  # the connection has counted the bytes
            original_response=_Original(self._answer.fields),  # type: ignore[arg-type]
        )

    def _jar(self) -> RequestsCookieJar:
        jar = RequestsCookieJar()
        self.add_cookies_to(jar)
        return jar


def _restored(state: dict[str, Any]) -> requests.Response:
    response = requests.Response()
    response.__setstate__(state)  # type: ignore[attr-defined]  # its types leave it out
    return response
