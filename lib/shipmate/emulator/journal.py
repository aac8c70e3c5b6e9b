"""HTTP requests and replies of the emulator's servers, and the journal of all requests."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl


@dataclass(slots=True, eq=False)
class Request:
    """A received request.

    ``path`` is still percent-encoded, so that tests can check how a client escapes. ``sequence`` counts over all
    servers that share a journal. ``status`` is that of the reply: None before the reply, 0 for a dropped connection.

    >>> request = Request(1, "api", "POST", "/a", "x=1", Message(), b'{"n": 1}')
    >>> request.query, request.json()
    ({'x': '1'}, {'n': 1})
    """

    sequence: int
    server: str
    method: str
    path: str
    query_string: str
    headers: Message
    body: bytes
    status: int | None = field(default=None)

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the query; of a repeated name the last value."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The body read as a form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    def json(self) -> Any:
        """Return the body read as JSON.

        Raises:
            ValueError: The body is not JSON.
        """
        return json.loads(self.body)

    def header(self, name: str) -> str | None:
        """Return a header by its name in any case, or None."""
        value = self.headers.get(name)
        return None if value is None else str(value)

    @property
    def bearer(self) -> str | None:
        """The bearer token of the Authorization header, or None."""
        scheme, _, token = (self.header("Authorization") or "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply; ``body`` is bytes, text, None, or any other value, which is sent as JSON.

    >>> Reply(201, {"id": 1}).encoded()
    ('application/json', b'{"id": 1}')
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> tuple[str | None, bytes]:
        """Return the content type that follows from the type of the body, and the bytes to send."""
        if self.body is None:
            return None, b""
        if isinstance(self.body, bytes):
            return "application/octet-stream", self.body
        if isinstance(self.body, str):
            return "text/plain; charset=utf-8", self.body.encode()
        return "application/json", json.dumps(self.body).encode()


class Journal:
    """The requests to one or several servers, in the order of arrival; thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._requests: list[Request] = []
        self._servers: list[str] = []

    def __repr__(self) -> str:
        return f"Journal({[f'{each.server} {each.method} {each.path}' for each in self.requests]})"

    @property
    def requests(self) -> list[Request]:
        """A copy of all requests so far."""
        with self._changed:
            return list(self._requests)

    def enrol(self, name: str) -> str:
        """Register a server, and return its unique name: api, api-2, ..."""
        with self._changed:
            self._servers.append(name)
            count = self._servers.count(name)
        return name if count == 1 else f"{name}-{count}"

    def of(self, server: str) -> list[Request]:
        """Return the requests to one server."""
        return [each for each in self.requests if each.server == server]

    def record(self, server: str, method: str, target: str, headers: Message, body: bytes) -> Request:
        """Add a request, with its number, and wake the threads that wait for it."""
        path, _, query_string = target.partition("?")
        with self._changed:
            request = Request(len(self._requests) + 1, server, method, path, query_string, headers, body)
            self._requests.append(request)
            self._changed.notify_all()
        return request

    def wait_for(self, count: int, timeout_seconds: float = 10.0, *, server: str | None = None) -> Sequence[Request]:
        """Wait until ``count`` requests have arrived, at one server or at any, and return them.

        Raises:
            TimeoutError: Fewer arrived in time.
        """

        def arrived() -> list[Request]:
            return [each for each in self._requests if server is None or each.server == server]

        with self._changed:
            if not self._changed.wait_for(lambda: len(arrived()) >= count, timeout_seconds):
                raise TimeoutError(f"expected {count} requests within {timeout_seconds} s, found {len(arrived())}")
            return arrived()
