"""The process of the OAuth2 provider and its API, from the side of who starts it."""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from bench.oauth2_server import NO_WARM_UP, WarmUp

_PROGRAM: Final = Path(__file__).with_name("oauth2_server.py")
_TIMEOUT_SECONDS: Final = 10.0


class Service:
    """A running provider whose access tokens are good for a number of calls."""

    def __init__(self, uses: int, *, warm_up: WarmUp = NO_WARM_UP) -> None:
        """Start it.

        Args:
            uses: How many calls an access token is good for.
            warm_up: How a run begins; calls take long meanwhile.
        """
        command = [sys.executable, str(_PROGRAM), str(uses), str(warm_up.refreshes), str(warm_up.uses)]
        # In a session of its own, so that Ctrl-C does not end it before those who need it.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def __enter__(self) -> "Service":
        """Be of use."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it."""
        self._process.communicate(timeout=_TIMEOUT_SECONDS)

    def environ(self) -> dict[str, str]:
        """Return the variables by which a component finds the provider."""
        return {
            "CLIENT_ID": "bench",
            "CLIENT_SECRET": "made-up",
            "AUTH_URI": f"{self.url}/authorize",
            "TOKEN_URI": f"{self.url}/token",
        }

    def sign_in(self) -> dict[str, Any]:
        """Sign in, and return the keys."""
        return self._ask("/sign-in")

    def statistics(self) -> dict[str, int]:
        """Return the counts since the sign-in: ``calls``, ``refused``, ``refreshes``, ``reused`` refresh tokens."""
        return self._ask("/statistics")

    def _ask(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.url + path, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - our own server
            found: dict[str, Any] = json.load(answer)
            return found
