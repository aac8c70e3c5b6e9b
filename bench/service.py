"""The OAuth2 provider and API of `oauth2_server` in a process, and a client for its counts."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import psutil

from bench.oauth2_server import NO_WARM_UP, WarmUp
from bench.processes import cpu_seconds

_PROGRAM: Final = Path(__file__).with_name("oauth2_server.py")
_TIMEOUT_SECONDS: Final = 10.0


class Service:
    """A running provider; a context manager that ends it."""

    def __init__(self, uses: int, *, warm_up: WarmUp = NO_WARM_UP) -> None:
        """Start the process.

        Args:
            uses: Calls until an access token expires.
            warm_up: The warm-up of a run; calls are delayed during it.
        """
        command = [sys.executable, str(_PROGRAM), str(uses), str(warm_up.refreshes), str(warm_up.uses)]
        # In its own session, so that Ctrl-C does not end it before its clients.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def __enter__(self) -> "Service":
        """Return the running provider."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the process by closing its standard input."""
        self._process.communicate(timeout=_TIMEOUT_SECONDS)

    def environ(self) -> dict[str, str]:
        """Return the environment variables of a component's OAuth2 client."""
        return {
            "CLIENT_ID": "bench",
            "CLIENT_SECRET": "made-up",
            "AUTH_URI": f"{self.url}/authorize",
            "TOKEN_URI": f"{self.url}/token",
        }

    def url_after(self, wait_ms: int) -> str:
        """Return the address of the API that answers calls after a time."""
        return f"{self.url}/{wait_ms}" if wait_ms else self.url

    def cpu_seconds(self) -> float:
        """Return the CPU time of the process so far."""
        return cpu_seconds(psutil.Process(self._process.pid))

    def sign_in(self, uses: int | None = None, *, life_seconds: int | None = None) -> dict[str, Any]:
        """Sign in, and return the token response.

        Args:
            uses: Calls until an access token of this sign-in expires, if not as usual.
            life_seconds: Seconds until it expires, in place of a number of calls.
        """
        if life_seconds is not None:
            return self._get(f"/sign-in?seconds={life_seconds}")
        return self._get("/sign-in" if uses is None else f"/sign-in?uses={uses}")

    def statistics(self) -> dict[str, int]:
        """Return the counts since the sign-in.

        They are ``calls``, ``refused`` calls, ``expired`` access tokens that a call has met, ``refreshes``, and
        ``reused`` refresh tokens.
        """
        return self._get("/statistics")

    def _get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.url + path, timeout=_TIMEOUT_SECONDS) as reply:  # noqa: S310 - our own server
            body: dict[str, Any] = json.load(reply)
            return body
