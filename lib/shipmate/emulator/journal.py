"""What goes over the wire between a client and the emulator: requests, replies, and the journal of both."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl


@dataclass(slots=True, eq=False)
class Request:
    """One request as it arrived.

    ``path`` is still percent-encoded, so that tests can see how a client escapes. ``sequence`` counts over all
    servers that share a journal. ``status`` is what was answered: None while it is not, 0 when it was dropped.

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
        """The query's parameters; the last one wins when a name is repeated."""
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
        """Return one header, whatever its case, or None."""
        value = self.headers.get(name)
        return None if value is None else str(value)

    @property
    def bearer(self) -> str | None:
        """The bearer token of the Authorization header, or None."""
        scheme, _, token = (self.header("Authorization") or "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; ``body`` is bytes, text, None, or anything else to be sent as JSON.

    >>> Reply(201, {"id": 1}).encoded()
    ('application/json', b'{"id": 1}')
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> tuple[str | None, bytes]:
        """Return the content type that follows from the body's kind, and the bytes to send."""
        if self.body is None:
            return None, b""
        if isinstance(self.body, bytes):
            return "application/octet-stream", self.body
        if isinstance(self.body, str):
            return "text/plain; charset=utf-8", self.body.encode()
        return "application/json", json.dumps(self.body).encode()


class Journal:
    """All requests of one or several servers, in the order of their arrival."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._requests: list[Request] = []
        self._servers: list[str] = []

    def __repr__(self) -> str:
        return f"Journal({[f'{each.server} {each.method} {each.path}' for each in self.requests]})"

    @property
    def requests(self) -> list[Request]:
        """A copy of everything that arrived so far."""
        with self._changed:
            return list(self._requests)

    def enrol(self, name: str) -> str:
        """Return the name under which a server is kept apart from others of the same name: api, api-2, ..."""
        with self._changed:
            self._servers.append(name)
            count = self._servers.count(name)
        return name if count == 1 else f"{name}-{count}"

    def of(self, server: str) -> list[Request]:
        """Return what arrived at one server."""
        return [each for each in self.requests if each.server == server]

    def record(self, server: str, method: str, target: str, headers: Message, body: bytes) -> Request:
        """Add a request, number it, and wake whoever waits for it."""
        path, _, query_string = target.partition("?")
        with self._changed:
            request = Request(len(self._requests) + 1, server, method, path, query_string, headers, body)
            self._requests.append(request)
            self._changed.notify_all()
        return request

    def wait_for(self, count: int, timeout_seconds: float = 10.0, *, server: str | None = None) -> Sequence[Request]:
        """Block until so many requests have arrived, and return them.

        Raises:
            TimeoutError: They did not arrive in time.
        """

        def arrived() -> list[Request]:
            return [each for each in self._requests if server is None or each.server == server]

        with self._changed:
            if not self._changed.wait_for(lambda: len(arrived()) >= count, timeout_seconds):
                raise TimeoutError(f"expected {count} requests, {len(arrived())} arrived in {timeout_seconds} s")
            return arrived()
