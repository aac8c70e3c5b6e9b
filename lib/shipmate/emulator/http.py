"""A small HTTP server with routes, a journal of its requests, and faults on demand."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import unquote

from shipmate.emulator.journal import Journal, Reply, Request
from shipmate.emulator.listener import Listener

Answer = Callable[..., Reply]

_log = logging.getLogger("shipmate.emulator")


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure or delay for one request.

    Without ``status``, ``redirect`` and ``drop`` the server sends its normal reply, after the delay. The request waits
    for ``delay_seconds`` first, then for ``hold``.

    Args:
        status: Status of the reply, in place of the normal one.
        body: Its body: bytes, text, None, or a value to send as JSON.
        headers: Its headers; they override those that follow from the body.
        delay_seconds: Delay of the reply.
        hold: An event that the request waits for.
        redirect: A URL to redirect to; the status is 302 unless given.
        drop: Close the connection "before" the reply, or in its "middle".
        after_processing: Process the request first, then wait and fail.
    """

    status: int | None = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    hold: threading.Event | None = None
    redirect: str | None = None
    drop: Literal["before", "middle"] | None = None
    after_processing: bool = False

    @property
    def reply(self) -> Reply | None:
        """The reply in place of the normal one; None for the normal one."""
        if self.redirect is not None:
            return Reply(self.status or 302, self.body, {"Location": self.redirect, **self.headers})
        if self.status is not None:
            return Reply(self.status, self.body, self.headers)
        return None


class Server:
    """An HTTP server on a local port, with a thread for each connection; a context manager.

    >>> with Server() as server:
    ...     server.route("GET", "/greet/{name}", lambda request, name: Reply(200, "hello " + name))
    ...     server.url.startswith("http://127.0.0.1:")
    True
    """

    def __init__(
        self, *, name: str = "server", journal: Journal | None = None, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.journal = journal or Journal()
        self.name = self.journal.enrol(name)
        self._address = (host, port)
        self._routes: list[tuple[str, list[str], Answer]] = []
        self._faults: list[tuple[str | None, str | None, Fault]] = []
        self._faults_lock = threading.Lock()
        self._stopping = threading.Event()
        self._listener: Listener | None = None
        self.on_reply: Callable[[Request], object] = lambda _: None
        """Called for each request, with its status, before the reply is sent."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address, without a trailing slash.

        Raises:
            RuntimeError: The server has never been started.
        """
        host, port = self._address
        if not port:
            raise RuntimeError(f"{self.name} has no address yet: call start() first")
        return f"http://{host}:{port}"

    @property
    def requests(self) -> list[Request]:
        """The requests to this server so far, in order."""
        return self.journal.of(self.name)

    def start(self) -> Self:
        """Listen; a stopped server gets its port again."""
        if self._listener is None:
            self._stopping.clear()
            self._listener = Listener(self._address, self.name, self._exchange)
            self._address = (self._address[0], self._listener.server_port)
            self._listener.thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, release held requests and close all connections; may be called again."""
        self._stopping.set()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def route(self, method: str, pattern: str, answer: Answer) -> None:
        """Serve the paths of a pattern with a function; the first route that matches is used.

        Args:
            method: The request's method, or ``*`` for any.
            pattern: A path such as ``/contacts/{id}``; ``{name}`` matches one segment, which is percent-decoded.
            answer: Returns the `Reply`; called as ``answer(request, id="7")``.
        """
        self._routes.append((method, pattern.split("/"), answer))

    def script(self, path: str | None, *faults: Fault, times: int = 1, method: str | None = None) -> None:
        """Queue faults for the next requests.

        Args:
            path: The path of these requests; None for any.
            *faults: One for each request, in order.
            times: How often each fault is used.
            method: Their method; None for any.
        """
        with self._faults_lock:
            self._faults += [(path, method, fault) for fault in faults for _ in range(times)]

    def clear_script(self) -> None:
        """Remove the faults that no request has used."""
        with self._faults_lock:
            self._faults.clear()

    def wait_for(self, count: int, timeout_seconds: float = 10.0) -> list[Request]:
        """Wait until this server has received ``count`` requests, and return them.

        Raises:
            TimeoutError: Fewer arrived in time.
        """
        return list(self.journal.wait_for(count, timeout_seconds, server=self.name))

    def answer(self, request: Request) -> Reply:
        """Return the reply of the first route that matches, otherwise 404 or 405.

        Raises:
            ValueError: The route's function rejects the request; the server replies with 400.
        """
        segments = request.path.split("/")
        allowed = []
        for method, pattern, answer in self._routes:
            names = _match(pattern, segments)
            if names is None:
                continue
            if method in ("*", request.method) or (method == "GET" and request.method == "HEAD"):
                return answer(request, **names)
            allowed.append(method)
        if allowed:
            return Reply(405, {"error": "method_not_allowed"}, {"Allow": ", ".join(sorted(set(allowed)))})
        return Reply(404, {"error": "not_found"})

    def serve(self, request: Request) -> tuple[Reply | None, bool]:
        """Return the reply to a request, None to drop the connection, and whether to cut the reply in the middle."""
        fault = self._next_fault(request)
        if fault is None:
            return self._processed(request), False
        real = self._processed(request) if fault.after_processing else None
        self._wait(fault)
        if fault.drop == "before":
            return None, False
        return fault.reply or real or self._processed(request), fault.drop == "middle"

    def _exchange(self, method: str, target: str, headers: Message, body: bytes) -> tuple[Reply | None, bool]:
        request = self.journal.record(self.name, method, target, headers, body)
        reply, is_cut = self.serve(request)
        # Set before the client receives the reply, so that a test that has received it finds the status.
        request.status = 0 if reply is None else reply.status
        self.on_reply(request)
        return reply, is_cut

    def _next_fault(self, request: Request) -> Fault | None:
        with self._faults_lock:
            for index, (path, method, fault) in enumerate(self._faults):
                if path in (None, request.path) and method in (None, request.method):
                    del self._faults[index]
                    return fault
        return None

    def _processed(self, request: Request) -> Reply:
        try:
            return self.answer(request)
        except ValueError as error:
            return Reply(400, {"error": "bad_request", "error_description": str(error)})
        except Exception:
            _log.exception("the emulator cannot answer a request")
            return Reply(500, {"error": "emulator_failed"})

    def _wait(self, fault: Fault) -> None:
        self._stopping.wait(fault.delay_seconds)
        # stop() must not set the hold, which is the test's own event: poll it and the end in turn.
        while fault.hold is not None and not self._stopping.is_set() and not fault.hold.wait(0.02):
            pass


def _match(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    names = {}
    for expected, found in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            names[expected[1:-1]] = unquote(found)
        elif expected != found:
            return None
    return names
