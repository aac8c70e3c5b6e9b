"""An OAuth2 provider and an API that it protects, faster than the runtimes that are measured.

One thread in its own process, with persistent connections; the emulator, which records all requests, is too slow. The
process writes its port to standard output, and ends when its standard input is closed.
"""

import asyncio
import json
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

_END_OF_HEAD: Final = b"\r\n\r\n"
_LATE_SECONDS: Final = 0.02
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
    """The tokens of one sign-in; a refresh token can be used once. No I/O."""

    def __init__(self, uses: int, warm_up: WarmUp = NO_WARM_UP) -> None:
        """Start without a sign-in.

        Args:
            uses: Calls until an access token expires.
            warm_up: The warm-up after the sign-in.
        """
        self._uses = uses
        self._warm_up = warm_up
        self._begin()

    def _begin(self) -> None:
        self.calls = self.refused = self.refreshes = self.reused = 0
        self._uses_left = 0
        self._access_token = self._refresh_token = ""
        self._spent: set[str] = set()

    @property
    def is_warming_up(self) -> bool:
        """Whether the warm-up is not over."""
        return self.refreshes < self._warm_up.refreshes

    def sign_in(self) -> dict[str, Any]:
        """Return the keys of a new sign-in; this revokes the old ones and resets the counts."""
        self._begin()
        return self._issue()

    def _issue(self) -> dict[str, Any]:
        self._access_token, self._refresh_token = f"access-{secrets.token_hex(8)}", f"refresh-{secrets.token_hex(8)}"
        self._uses_left = self._warm_up.uses if self.is_warming_up else self._uses
        return {
            "access_token": self._access_token,
            "refresh_token": self._refresh_token,
            "token_type": "Bearer",
            "expires_in": 3600,
        }

    def refresh(self, refresh_token: str) -> dict[str, Any] | None:
        """Spend a refresh token, and return the token response; None if it is unknown or spent."""
        if refresh_token in self._spent:
            self.reused += 1
        if not refresh_token or refresh_token != self._refresh_token:
            return None
        self._spent.add(refresh_token)
        self.refreshes += 1
        return self._issue()

    def use(self, access_token: str) -> bool:
        """Count one call, and return whether the access token is valid."""
        if not access_token or access_token != self._access_token or not self._uses_left:
            self.refused += 1
            return False
        self._uses_left -= 1
        self.calls += 1
        return True

    def statistics(self) -> dict[str, int]:
        """Return the counts since the sign-in."""
        return {"calls": self.calls, "refused": self.refused, "refreshes": self.refreshes, "reused": self.reused}

    def answer(self, target: str, authorization: str, body: bytes) -> tuple[int, Mapping[str, Any]]:
        """Return the status and the body of the reply to a request."""
        match target:
            case "/me":
                is_success = self.use(authorization.removeprefix("Bearer "))
                return (200, _ME) if is_success else (401, {"error": "invalid_token"})
            case "/token":
                refresh_token = parse_qs(body.decode()).get("refresh_token", [""])[0]
                response = self.refresh(refresh_token)
                return (400, {"error": "invalid_grant"}) if response is None else (200, response)
            case "/sign-in":
                return 200, self.sign_in()
            case "/statistics":
                return 200, self.statistics()
            case _:
                return 404, {"error": "not_found"}


class _Connection(asyncio.Protocol):
    """One connection; requests are served one after the other."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - true for the connections of a server
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(_END_OF_HEAD)) >= 0:
            request, *lines = self._received[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            begin = end + len(_END_OF_HEAD)
            length = int(headers.get("content-length", 0))
            if len(self._received) < begin + length:
                return
            body, self._received = self._received[begin : begin + length], self._received[begin + length :]
            target = request.split(" ")[1]
            # A delay lets all workers be in a call at once, so that each opens its connection during the warm-up.
            is_late = target == "/me" and self._tokens.is_warming_up
            answer = self._tokens.answer(target, headers.get("authorization", ""), body)
            if is_late:
                asyncio.get_running_loop().call_later(_LATE_SECONDS, self._send, *answer)
            else:
                self._send(*answer)

    def _send(self, status: int, answer: Mapping[str, Any]) -> None:
        content = json.dumps(answer).encode()
        challenge = 'WWW-Authenticate: Bearer error="invalid_token"\r\n' if status == 401 else ""
        head = (
            f"HTTP/1.1 {status} {_PHRASES[status]}\r\nContent-Type: application/json\r\n"
            f"{challenge}Content-Length: {len(content)}\r\n\r\n"
        )
        self._transport.write(head.encode() + content)


async def serve(uses: int, warm_up: WarmUp) -> None:
    """Serve until standard input is closed."""
    loop = asyncio.get_running_loop()
    tokens = Tokens(uses, warm_up)
    server = await loop.create_server(lambda: _Connection(tokens), "127.0.0.1", 0)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin, ended.set)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()


if __name__ == "__main__":
    arguments = [int(each) for each in sys.argv[1:]]
    asyncio.run(serve(arguments[0], WarmUp(*arguments[1:])))
