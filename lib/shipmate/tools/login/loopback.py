"""Serves the redirect address on this machine."""

import errno
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Final, Self

from shipmate.errors import BadInput
from shipmate.tools.login import page
from shipmate.tools.login.callback import CallbackRequest, CallbackResult, Code, Denied
from shipmate.tools.login.page import Page
from shipmate.tools.login.redirect import Redirect
from shipmate.wording import file_problem

_READ_SECONDS: Final = 10.0
# Longer than all attempts at the token endpoint take.
_VERDICT_SECONDS: Final = 240.0
_LAST_WORDS_SECONDS: Final = 2.0
_FREE_PORT_TRIES: Final = 10
_NO_SUCH_ADDRESS: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class Loopback:
    """Listens on the redirect address until one answer arrives; its browser shows the result of the sign-in."""

    def __init__(self, redirect: Redirect) -> None:
        """Bind the port.

        Raises:
            BadInput: The port is not free; the message names it.
        """
        self._listeners = _listeners(redirect, self._take)
        self.redirect = redirect.on(self._listeners[0].server_port)
        self._read: Callable[[CallbackRequest], CallbackResult] = lambda _: CallbackResult(page.NOT_FOUND)
        self._warn: Callable[[str], object] = lambda _: None
        self._lock = threading.Lock()
        self._outcome: Code | Denied | None = None
        self._arrived, self._decided, self._answered = (threading.Event() for _ in range(3))
        self._verdict: Page = page.FAILED

    def __enter__(self) -> Self:
        """Return the server; `listen` starts it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show the result in the waiting browser, and stop."""
        if kind is None:
            self._verdict = page.SIGNED_IN
        self._decided.set()
        if self._arrived.is_set():
            self._answered.wait(_LAST_WORDS_SECONDS)
        for listener in self._listeners:
            listener.close()

    def listen(self, read: Callable[[CallbackRequest], CallbackResult], warn: Callable[[str], object]) -> None:
        """Answer requests from now on.

        Args:
            read: Decides what a request means.
            warn: Shows a warning to the person.
        """
        self._read, self._warn = read, warn
        for listener in self._listeners:
            listener.start()

    def wait(self, timeout_seconds: float) -> Code | Denied | None:
        """Return the outcome of the sign-in, None if none arrived in time."""
        self._arrived.wait(timeout_seconds)
        return self._outcome

    def _take(self, request: CallbackRequest) -> tuple[Page, Callable[[], object]]:
        """Return the page for a request, and the function to call after it was sent."""
        result = self._read(request)
        if result.warning:
            self._warn(result.warning)
        if result.outcome is None:
            return result.page, lambda: None
        with self._lock:
            if self._outcome is not None:
                return page.REPEATED, lambda: None
            self._outcome = result.outcome
        self._arrived.set()
        if isinstance(result.outcome, Denied):
            return result.page, self._answered.set
        # The page shows whether the tokens were saved, so it waits for that.
        self._decided.wait(_VERDICT_SECONDS)
        return self._verdict, self._answered.set


Take = Callable[[CallbackRequest], tuple[Page, Callable[[], object]]]


class _Listener(ThreadingHTTPServer):
    """The socket on one address."""

    daemon_threads = True

    def __init__(self, address: str, port: int, take: Take) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.take = take
        self._thread: threading.Thread | None = None
        super().__init__((address, port), _Connection)

    def server_bind(self) -> None:
        # HTTPServer would look up the host's name, which can take seconds without a resolver.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.socket.getsockname()[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: a browser may close its connection."""

    def start(self) -> None:
        self._thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="loopback", daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        self.server_close()


class _Connection(BaseHTTPRequestHandler):
    """One request of a browser."""

    timeout = _READ_SECONDS
    server: _Listener

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the request line contains the code."""

    def parse_request(self) -> bool:
        """Serve every method with the same function, which decides about it."""
        is_request = super().parse_request()
        if is_request:
            setattr(self, f"do_{self.command}", self._serve)
        return is_request

    def version_string(self) -> str:
        """Return the name of the server, without the version of Python."""
        return "shipmate"

    def _serve(self) -> None:
        request = CallbackRequest(self.command, self.path, self.headers.get("Host", ""))
        answer, on_sent = self.server.take(request)
        body = b"" if self.command == "HEAD" else answer.encoded()
        with suppress(OSError):  # a browser that has gone changes nothing
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
        on_sent()


def _listeners(redirect: Redirect, take: Take) -> list[_Listener]:
    """Return listeners on all addresses of the redirect, with the same port.

    Raises:
        BadInput: The port is not free.
    """
    for _ in range(_FREE_PORT_TRIES):
        port, listeners = redirect.port or 0, list[_Listener]()
        try:
            for address in redirect.addresses:
                try:
                    listeners.append(_Listener(address, port, take))
                except OSError as error:
                    if not (listeners and error.errno in _NO_SUCH_ADDRESS):  # a machine without IPv6
                        raise
                port = listeners[0].server_port
        except OSError as error:
            for listener in listeners:
                listener.close()
            if listeners and redirect.port is None and error.errno == errno.EADDRINUSE:
                continue  # the port is free on one address only
            raise _not_free(redirect, address, error) from error
        return listeners
    raise BadInput(f"expected a free port for {redirect.host}, found none: choose one with --port")


def _not_free(redirect: Redirect, address: str, error: OSError) -> BadInput:
    return BadInput(
        f"expected a free port, found {file_problem(error)}: {address} port {redirect.port or '(any)'}; "
        "choose another one with --port, which the provider must know"
    )
