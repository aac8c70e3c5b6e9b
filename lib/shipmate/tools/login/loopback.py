"""The server on this machine that waits for the browser to come back."""

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
# As long as the token endpoint may take, and some tries more.
_VERDICT_SECONDS: Final = 240.0
_LAST_WORDS_SECONDS: Final = 2.0
_FREE_PORT_TRIES: Final = 10
_NO_SUCH_ADDRESS: Final = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


class Loopback:
    """Listens on the redirect address; one answer ends the wait, and its browser is told how it all ended."""

    def __init__(self, redirect: Redirect) -> None:
        """Take the port.

        Raises:
            BadInput: It is not free; the message names it.
        """
        self._listeners = _listeners(redirect, self._take)
        self.redirect = redirect.on(self._listeners[0].server_port)
        self._read: Callable[[CallbackRequest], CallbackResult] = lambda _: CallbackResult(page.NOT_FOUND)
        self._say: Callable[[str], object] = lambda _: None
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
        """Tell the browser that waits how it ended, and stop."""
        if kind is None:
            self._verdict = page.SIGNED_IN
        self._decided.set()
        if self._arrived.is_set():
            self._answered.wait(_LAST_WORDS_SECONDS)
        for listener in self._listeners:
            listener.close()

    def listen(self, read: Callable[[CallbackRequest], CallbackResult], say: Callable[[str], object]) -> None:
        """Answer browsers from now on.

        Args:
            read: Decides what an arrival means.
            say: Tells the person what was ignored.
        """
        self._read, self._say = read, say
        for listener in self._listeners:
            listener.start()

    def wait(self, timeout_seconds: float) -> Code | Denied | None:
        """Return what the browser has brought, None when it did not come in time."""
        self._arrived.wait(timeout_seconds)
        return self._outcome

    def _take(self, arrival: CallbackRequest) -> tuple[Page, Callable[[], object]]:
        """Return the page for an arrival, and what to call when it was written."""
        reading = self._read(arrival)
        if reading.note:
            self._say(reading.note)
        if reading.outcome is None:
            return reading.page, lambda: None
        with self._lock:
            if self._outcome is not None:
                return page.REPEATED, lambda: None
            self._outcome = reading.outcome
        self._arrived.set()
        if isinstance(reading.outcome, Denied):
            return reading.page, self._answered.set
        # The page tells the truth: it comes when the keys are saved, or are not.
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
        # HTTPServer looks up the host's name here, which can take seconds without a resolver.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.socket.getsockname()[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about browsers that went away, which the default prints."""

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
        """Stay quiet: the request line has the code in it."""

    def parse_request(self) -> bool:
        """Have every method served by the same function: what it is, is decided there."""
        is_request = super().parse_request()
        if is_request:
            setattr(self, f"do_{self.command}", self._serve)
        return is_request

    def version_string(self) -> str:
        """Say what answers, and not on which Python."""
        return "shipmate"

    def _serve(self) -> None:
        arrival = CallbackRequest(self.command, self.path, self.headers.get("Host", ""))
        shown, written = self.server.take(arrival)
        body = b"" if self.command == "HEAD" else shown.encoded()
        with suppress(OSError):  # the browser has gone, which changes nothing
            self.send_response(shown.status)
            for name, value in {**shown.headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
        written()


def _listeners(redirect: Redirect, take: Take) -> list[_Listener]:
    """Return sockets on all addresses, with the same port."""
    for _ in range(_FREE_PORT_TRIES):
        port, made = redirect.port or 0, list[_Listener]()
        try:
            for address in redirect.addresses:
                try:
                    made.append(_Listener(address, port, take))
                except OSError as error:
                    if not (made and error.errno in _NO_SUCH_ADDRESS):  # a machine without IPv6
                        raise
                port = made[0].server_port
        except OSError as error:
            for listener in made:
                listener.close()
            if made and redirect.port is None and error.errno == errno.EADDRINUSE:
                continue  # free on one address, and not on the other one
            raise _not_free(redirect, address, error) from error
        return made
    raise BadInput(f"expected a free port for {redirect.host}, found none: name one with --port")


def _not_free(redirect: Redirect, address: str, error: OSError) -> BadInput:
    return BadInput(
        f"expected a free port, found {file_problem(error)}: {address} port {redirect.port or 'of any number'}; "
        "another one is taken with --port, and the provider must know it"
    )
