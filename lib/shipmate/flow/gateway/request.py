"""Reads the head of an HTTP request: strict, without I/O.

Source: RFC 9110 §5, §8.6; RFC 9112 §3, §5, §6.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

_TOKEN: Final = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_MOST_HEADERS: Final = 100
_LONGEST_LENGTH: Final = 15
"""The most digits of a Content-Length."""


class BadRequest(Exception):
    """The request cannot be answered with anything but an error.

    ``status`` is that of the answer, and the text its ``error``.
    """

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Head:
    """The request line and the headers."""

    method: str
    target: str
    """The path and the query, as they came."""
    is_http_1_1: bool
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    """Pairs of name, in lower case, and value, in the order of the request."""

    def header(self, name: str) -> str | None:
        """Return the first value of a header by its name in lower case, or None."""
        return next((value for each, value in self.headers if each == name), None)

    def values(self, name: str) -> list[str]:
        """Return the comma-separated members of all headers of a name, in lower case."""
        joined = ",".join(value for each, value in self.headers if each == name)
        return [member for each in joined.split(",") if (member := each.strip().lower())]

    @property
    def path(self) -> str:
        """The path, percent-encoded as it came."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query, without its question mark."""
        return self.target.partition("?")[2]

    @property
    def keeps_alive(self) -> bool:
        """Whether the caller may send another request on this connection."""
        options = self.values("connection")
        return "close" not in options and (self.is_http_1_1 or "keep-alive" in options)

    @property
    def is_chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return bool(self.values("transfer-encoding"))

    @property
    def length(self) -> int:
        """The bytes of a body that does not come in chunks."""
        return int(self.header("content-length") or 0)


def parse_head(data: bytes) -> Head:
    """Return the head of a request.

    Args:
        data: The request line and the headers, with the empty line at their end.

    Raises:
        BadRequest: The head is malformed, or its body has no clear length.

    >>> parse_head(b"GET /hook/f1?a=1 HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n").target
    '/hook/f1?a=1'
    """
    first, *lines = data.removesuffix(b"\r\n\r\n").lstrip(b"\r\n").split(b"\r\n")
    method, target, is_http_1_1 = _request_line(first)
    if len(lines) > _MOST_HEADERS:
        raise BadRequest(f"expected at most {_MOST_HEADERS} headers, found more", 431)
    head = Head(method, target, is_http_1_1, tuple(_headers(lines)))
    _check_length(head)
    if is_http_1_1 and len([name for name, _ in head.headers if name == "host"]) != 1:
        raise BadRequest("expected one Host header")
    return head


def _request_line(line: bytes) -> tuple[str, str, bool]:
    words = line.split(b" ")
    if len(words) != 3 or not words[0] or not _TOKEN.issuperset(words[0]):
        raise BadRequest("expected a request line of method, path and version")
    method, target, version = words
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise BadRequest("expected HTTP/1.1", 505)
    if not target.startswith(b"/") or not all(0x21 <= byte <= 0x7E for byte in target):
        raise BadRequest("expected a path that begins with / and is percent-encoded")
    return method.decode("ascii"), target.decode("ascii"), version == b"HTTP/1.1"


def _headers(lines: list[bytes]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or not _TOKEN.issuperset(name):
            raise BadRequest("expected headers of the form Name: value")
        if any((byte < 0x20 and byte != 0x09) or byte == 0x7F for byte in value):
            raise BadRequest("expected header values without control characters")
        yield name.decode("ascii").lower(), value.strip(b" \t").decode("utf-8", "replace")


def _check_length(head: Head) -> None:
    """Refuse a body whose end two programs could see in different places."""
    lengths = [value for name, value in head.headers if name == "content-length"]
    codings = head.values("transfer-encoding")
    if (codings or head.header("transfer-encoding") is not None) and (codings != ["chunked"] or lengths):
        raise BadRequest("expected either Content-Length or Transfer-Encoding: chunked")
    if len(lengths) > 1 or not all(
        each.isascii() and each.isdigit() and len(each) <= _LONGEST_LENGTH for each in lengths
    ):
        raise BadRequest("expected one Content-Length, a number of bytes")
