"""An OAuth2 provider and an API that it protects, cheaper than the runtimes that are measured.

One thread in its own process, with persistent connections; the emulator, which records all requests, is too slow.
Requests are parsed as bytes, and only as far as the answer depends on them; the answers are prebuilt. The process
writes its port to standard output, and ends when its standard input is closed.

    GET /me                a call of the API; /50/me is answered after 50 ms
    POST /token            a refresh
    GET /sign-in           new tokens; ?uses=300 for tokens that expire after 300 calls, ?seconds=3 after 3 seconds
    GET /statistics        the counts since the sign-in
"""

import heapq
import json
import math
import re
import secrets
import select
import selectors
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qs

_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
# Without its first letter, which is a capital in one client and none in another.
_AUTHORIZATION: Final = b"uthorization: Bearer "
_CALL: Final = re.compile(rb"(?:/(\d+))?/me")
_SIGN_IN: Final = re.compile(rb"/sign-in(?:\?(uses|seconds)=(\d+))?")
_LATE_SECONDS: Final = 0.02
_RECEIVED_BYTES: Final = 65_536
_BACKLOG: Final = 512
_PHRASES: Final = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}
_ME: Final = {"id": "user", "items": [{"id": number, "name": f"Item {number}"} for number in range(10)]}


@dataclass(frozen=True, slots=True)
class WarmUp:
    """The warm-up of a run: access tokens that expire after a few calls, until a number of refreshes."""

    refreshes: int
    """Number of refreshes after the sign-in."""
    uses: int
    """Calls until an access token expires."""


NO_WARM_UP: Final = WarmUp(0, 0)


class Tokens:
    """The tokens of one sign-in; a second use of a refresh token revokes all of them. No I/O."""

    def __init__(self, uses: int, warm_up: WarmUp = NO_WARM_UP, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without a sign-in.

        Args:
            uses: Calls until an access token expires.
            warm_up: The warm-up after the sign-in.
            clock: Counts seconds.
        """
        self._uses = self._usual_uses = uses
        self._life_seconds = math.inf
        self._warm_up = warm_up
        self._clock = clock
        self._begin()

    def _begin(self) -> None:
        self.calls = self.refused = self.expired = self.refreshes = self.reused = 0
        self._uses_left = 0
        self._expires_at = 0.0
        self._is_found_expired = False
        self._access_token = self._refresh_token = ""
        self._spent: set[str] = set()

    @property
    def is_warming_up(self) -> bool:
        """Whether the warm-up is not over."""
        return self.refreshes < self._warm_up.refreshes

    def sign_in(self, uses: int | None = None, *, life_seconds: float | None = None) -> dict[str, Any]:
        """Return the keys of a new sign-in; this revokes the old ones and resets the counts.

        Args:
            uses: Calls until an access token of this sign-in expires, if not as usual.
            life_seconds: Seconds until it expires, in place of a number of calls.
        """
        self._begin()
        self._uses = uses or (self._usual_uses if life_seconds is None else sys.maxsize)
        self._life_seconds = math.inf if life_seconds is None else life_seconds
        return self._issue()

    def _issue(self) -> dict[str, Any]:
        self._access_token, self._refresh_token = f"access-{secrets.token_hex(8)}", f"refresh-{secrets.token_hex(8)}"
        self._uses_left = self._warm_up.uses if self.is_warming_up else self._uses
        self._expires_at = self._clock() + self._life_seconds
        self._is_found_expired = False
        return {
            "access_token": self._access_token,
            "refresh_token": self._refresh_token,
            "token_type": "Bearer",
            "expires_in": int(min(self._life_seconds, 3600)),
        }

    def refresh(self, refresh_token: str) -> dict[str, Any] | None:
        """Spend a refresh token, and return the token response; None if it is unknown or spent."""
        if refresh_token in self._spent:
            self.reused += 1
            self._access_token = self._refresh_token = ""
        if not refresh_token or refresh_token != self._refresh_token:
            return None
        self._spent.add(refresh_token)
        self.refreshes += 1
        return self._issue()

    def use(self, access_token: str) -> bool:
        """Count one call, and return whether the access token is valid."""
        is_live = access_token != "" and access_token == self._access_token
        is_expired = not self._uses_left or self._clock() >= self._expires_at
        if not is_live or is_expired:
            self.refused += 1
            if is_live and not self._is_found_expired:
                self._is_found_expired = True
                self.expired += 1
            return False
        self._uses_left -= 1
        self.calls += 1
        return True

    def statistics(self) -> dict[str, int]:
        """Return the counts since the sign-in; ``expired`` counts the access tokens that a call found expired."""
        names = ("calls", "refused", "expired", "refreshes", "reused")
        return {name: getattr(self, name) for name in names}


def _answer(status: int, content: Mapping[str, Any]) -> bytes:
    """Return the bytes of a reply."""
    body = json.dumps(content).encode()
    challenge = 'WWW-Authenticate: Bearer error="invalid_token"\r\n' if status == 401 else ""
    head = (
        f"HTTP/1.1 {status} {_PHRASES[status]}\r\nContent-Type: application/json\r\n"
        f"{challenge}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


_ALLOWED: Final = _answer(200, _ME)
_REFUSED: Final = _answer(401, {"error": "invalid_token"})
_BAD_GRANT: Final = _answer(400, {"error": "invalid_grant"})
_NOT_FOUND: Final = _answer(404, {"error": "not_found"})


@lru_cache(maxsize=16)
def _seconds(target: bytes) -> float | None:
    """Return how long the API waits before it answers a call; None if the target is no call."""
    call = _CALL.fullmatch(target)
    return None if call is None else int(call[1] or 0) / 1000


class Api:
    """The answers to requests. No I/O."""

    def __init__(self, tokens: Tokens) -> None:
        """Answer with these tokens."""
        self._tokens = tokens

    def answer(self, head: bytes, body: bytes) -> tuple[bytes, float]:
        """Return the reply to a request, and the seconds until it is sent.

        Args:
            head: Request line and headers.
            body: The body, empty without one.
        """
        target = head[head.find(b" ") + 1 : head.find(b" HTTP/")]
        seconds = _seconds(target)
        if seconds is None:
            return self._other(target, body), 0.0
        # A delay lets all workers be in a call at once, so that each opens its connection during the warm-up.
        late = _LATE_SECONDS if self._tokens.is_warming_up else 0.0
        begin = head.find(_AUTHORIZATION)
        end = head.find(b"\r", begin)
        token = head[begin + len(_AUTHORIZATION) : end if end > 0 else None] if begin > 0 else b""
        return (_ALLOWED, seconds or late) if self._tokens.use(token.decode()) else (_REFUSED, late)

    def _other(self, target: bytes, body: bytes) -> bytes:
        if target == b"/token":
            response = self._tokens.refresh(parse_qs(body.decode()).get("refresh_token", [""])[0])
            return _BAD_GRANT if response is None else _answer(200, response)
        if target == b"/statistics":
            return _answer(200, self._tokens.statistics())
        if sign_in := _SIGN_IN.fullmatch(target):
            number = int(sign_in[2] or 0)
            seconds = number if sign_in[1] == b"seconds" else None
            return _answer(200, self._tokens.sign_in(number if seconds is None else None, life_seconds=seconds))
        return _NOT_FOUND


class _Server:
    """One thread that serves all connections; answers that wait are in a heap, by the time at which they are due."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._selector = selectors.DefaultSelector()
        self._due: list[tuple[float, int, socket.socket, bytes]] = []
        self._delayed = 0
        self._unfinished: dict[socket.socket, bytes] = {}

    def serve(self) -> None:
        """Print the port, and serve until standard input is closed."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        print(listener.getsockname()[1], flush=True)
        while True:
            for key, _ in self._wait():
                if key.fileobj is listener:
                    self._accept(listener)
                elif key.fileobj is sys.stdin:
                    return
                else:
                    self._receive(key.fileobj)  # type: ignore[arg-type]  # the others are connections
            self._send_due()

    def _wait(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for requests, or until the next answer is due."""
        if not self._due:
            return self._selector.select()
        # Exact to microseconds: a timeout of epoll is rounded up to milliseconds.
        select.select([self._selector], (), (), max(0.0, self._due[0][0] - time.monotonic()))
        return self._selector.select(0)

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(connection, selectors.EVENT_READ)

    def _receive(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(_RECEIVED_BYTES)
        except OSError:
            data = b""
        if not data:
            self._close(connection)
            return
        if self._unfinished:
            data = self._unfinished.pop(connection, b"") + data
        while (end := data.find(_END_OF_HEAD)) >= 0:
            head, begin = data[:end], end + len(_END_OF_HEAD)
            length = None if head.startswith(b"GET ") else _LENGTH.search(head)
            past = begin + (0 if length is None else int(length[1]))
            if len(data) < past:
                break
            answer, seconds = self._api.answer(head, data[begin:past])
            data = data[past:]
            if seconds:
                self._delayed += 1
                heapq.heappush(self._due, (time.monotonic() + seconds, self._delayed, connection, answer))
            else:
                self._send(connection, answer)
        if data:
            self._unfinished[connection] = data

    def _send_due(self) -> None:
        if self._due:
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                _, _, connection, answer = heapq.heappop(self._due)
                self._send(connection, answer)

    def _send(self, connection: socket.socket, answer: bytes) -> None:
        try:
            connection.sendall(answer)
        except OSError:
            self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        if connection.fileno() >= 0:
            self._selector.unregister(connection)
            connection.close()
            self._unfinished.pop(connection, None)


if __name__ == "__main__":
    arguments = [int(each) for each in sys.argv[1:]]
    _Server(Api(Tokens(arguments[0], WarmUp(*arguments[1:])))).serve()
