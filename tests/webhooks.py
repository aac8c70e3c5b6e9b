"""Callers of a webhook gateway, and a flow behind it, for tests."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from shipmate.flow.gateway import Authorization, Gateway, Hook, Limits, StepFailure, StepReply, StoredFile

Reply = Callable[[Mapping[str, Any], Mapping[str, Any]], StepReply | StepFailure | None]


class FlowBehind:
    """The flow behind a gateway: takes messages, stores files, and replies."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.headers: list[dict[str, Any]] = []
        self.stored: dict[str, tuple[bytes, str]] = {}
        self.files: dict[str, StoredFile] = {}
        self.is_full = False
        self.failure: Exception | None = None
        self.reply: Reply = lambda message, headers: None
        self.arrived = threading.Semaphore(0)
        self.gateway: Gateway | None = None

    def publish(self, message: Mapping[str, Any], headers: Mapping[str, Any]) -> bool:
        if self.failure is not None:
            raise self.failure
        if self.is_full:
            return False
        self.messages.append(dict(message))
        self.headers.append(dict(headers))
        answer = self.reply(message, headers)
        if answer is not None and self.gateway is not None:
            self.gateway.on_reply(headers["reply_to"], answer)
        self.arrived.release()
        return True

    def store(self, content: bytes, content_type: str) -> str:
        url = f"http://files/{len(self.stored) + 1}"
        self.stored[url] = (content, content_type)
        return url

    def read(self, object_id: str) -> StoredFile | None:
        return self.files.get(object_id)

    @property
    def message(self) -> dict[str, Any]:
        """The only message."""
        (message,) = self.messages
        return message


class Caller:
    """Calls one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.address = urlsplit(gateway.url)
        self.path = self.address.path

    def call(
        self,
        method: str = "POST",
        path: str = "",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[HTTPResponse, bytes]:
        """Send a request, and return the response with its body; ``path`` follows that of the webhook."""
        connection = HTTPConnection(self.address.netloc, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, self.path + path, body, dict(headers or {}))
            response = connection.getresponse()
            return response, response.read()

    def status(self, method: str) -> int | None:
        """Send a request without a body, and return the status of the response, None for a closed connection."""
        try:
            return self.call(method)[0].status
        except ConnectionError:
            return None

    def connect(self) -> socket.socket:
        """Return a new connection."""
        return socket.create_connection((self.address.hostname or "", self.address.port or 0), timeout=10)

    def raw(self, request: bytes) -> bytes:
        """Send bytes, and return everything until the gateway closes the connection."""
        with self.connect() as connection:
            with contextlib.suppress(ConnectionError):  # the gateway may refuse before it has read everything
                connection.sendall(request)
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    """Return what a connection brings until its end."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


@contextlib.contextmanager
def running(
    auth: Mapping[str, Any] | None = None,
    *,
    has_reply: bool = False,
    is_raw: bool = False,
    limits: Limits | None = None,
) -> Iterator[tuple[FlowBehind, Caller]]:
    """Run a gateway for the flow f1, and yield the flow behind it and a caller."""
    behind = FlowBehind()
    hook = Hook("f1", Authorization(auth or {}), "flow.reply" if has_reply else None, is_raw)
    with Gateway(hook, behind.publish, behind, limits=limits) as gateway:
        behind.gateway = gateway
        yield behind, Caller(gateway)
