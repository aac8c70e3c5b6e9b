"""A small HTTP server with routes, a journal of what it was sent, and faults on demand."""

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
    """Something that goes wrong, or takes long, for one request.

    Without ``status``, ``redirect`` and ``drop`` the real answer is sent, only later. The request waits first for
    ``delay_seconds``, then for ``hold`` to be set.

    Args:
        status: The status to answer with instead.
        body: The body that goes with it: bytes, text, None, or a value to be sent as JSON.
        headers: Headers of the answer; they win over those that follow from the body.
        delay_seconds: How long the answer takes.
        hold: An event that must be set before the request goes on.
        redirect: A URL to redirect to; the status is 302 unless given.
        drop: Close the connection "before" the answer or in the "middle" of it.
        after_processing: Do first what the request asks for, and wait and fail then.
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
        """The answer that replaces the real one, or None when the real one is meant."""
        if self.redirect is not None:
            return Reply(self.status or 302, self.body, {"Location": self.redirect, **self.headers})
        if self.status is not None:
            return Reply(self.status, self.body, self.headers)
        return None


class Server:
    """A server on a local port, with a thread for each connection; a context manager.

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

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address without a trailing slash.

        Raises:
            RuntimeError: The server has never been started.
        """
        host, port = self._address
        if not port:
            raise RuntimeError(f"{self.name} has no address yet: start() it first")
        return f"http://{host}:{port}"

    @property
    def requests(self) -> list[Request]:
        """What arrived at this server so far, in order."""
        return self.journal.of(self.name)

    def start(self) -> Self:
        """Listen; a server that was stopped comes back on the port it had."""
        if self._listener is None:
            self._stopping.clear()
            self._listener = Listener(self._address, self.name, self._exchange)
            self._address = (self._address[0], self._listener.server_port)
            self._listener.thread.start()
        return self

    def stop(self) -> None:
        """Stop listening, let held requests go and close every connection; may be called again."""
        self._stopping.set()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def route(self, method: str, pattern: str, answer: Answer) -> None:
        """Let ``answer(request, **names)`` serve the paths of a pattern such as ``/contacts/{id}``.

        Args:
            method: The request's method, or ``*`` for any.
            pattern: A path whose ``{name}`` segments become arguments, percent-decoded. The first match wins.
            answer: What makes the reply.
        """
        self._routes.append((method, pattern.split("/"), answer))

    def script(self, path: str | None, *faults: Fault, times: int = 1, method: str | None = None) -> None:
        """Queue faults for the next requests of a path (of any path when it is None).

        Each fault serves one request, or ``times`` many. Requests of other paths leave the queue as it is.
        """
        with self._faults_lock:
            self._faults += [(path, method, fault) for fault in faults for _ in range(times)]

    def clear_script(self) -> None:
        """Forget the faults that no request has met."""
        with self._faults_lock:
            self._faults.clear()

    def wait_for(self, count: int, timeout_seconds: float = 10.0) -> list[Request]:
        """Block until so many requests have arrived here, and return them.

        Raises:
            TimeoutError: They did not arrive in time.
        """
        return list(self.journal.wait_for(count, timeout_seconds, server=self.name))

    def answer(self, request: Request) -> Reply:
        """Return what the routes say to a request.

        Raises:
            ValueError: The request cannot be understood, which is answered as 400.
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
        """Return the reply to a request, and whether it is cut in the middle; None drops the connection."""
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
        # Before the client can see the answer, so that a test that got it finds it here.
        request.status = 0 if reply is None else reply.status
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
            _log.exception("the emulator failed to answer")
            return Reply(500, {"error": "emulator_failed"})

    def _wait(self, fault: Fault) -> None:
        self._stopping.wait(fault.delay_seconds)
        # The hold is the test's own event, and stop() cannot set it: look at both in turn.
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
