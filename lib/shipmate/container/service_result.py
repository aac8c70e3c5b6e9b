"""The result of a service call, and the address that it is posted to.

Source: contract §10.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

from shipmate.errors import BadSetting
from shipmate.jsonvalue import encode
from shipmate.platform.http_service import HeaderAuth, HttpService, RetryPolicy, basic_auth
from shipmate.settings import Secret, integer, text

RESULT_URL: Final = "ELASTICIO_POST_RESULT_URL"
_POST_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a service call: ``{"status": "success", "data": {"verified": True}}``; no data if it is None."""

    status: str
    data: Any = field(default=None, repr=False)

    def encoded(self) -> bytes:
        """Return the JSON.

        Raises:
            InvalidMessage: The data has a part that is not JSON.
        """
        return encode({"status": self.status} if self.data is None else {"status": self.status, "data": self.data})


@dataclass(frozen=True, slots=True)
class ResultEndpoint:
    """The address that takes the result, and how often to try."""

    url: str = field(repr=False)
    user: str | None = None
    password: Secret | None = field(default=None, repr=False)
    attempts: int = 3
    delay_ms: int = 100

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "ResultEndpoint":
        """Read the address; user and password are taken out of it, even one without the other.

        >>> endpoint = ResultEndpoint.from_environ({"ELASTICIO_POST_RESULT_URL": "http://us%40er:p%3Aw@host/results/1"})
        >>> endpoint.url, endpoint.user, str(endpoint.password)
        ('http://host/results/1', 'us@er', 'p:w')

        Raises:
            MissingSetting: The variable is unset or empty.
            BadSetting: It is not an address; the text has nothing of it.
        """
        url = text(environ, RESULT_URL).strip()
        try:
            parts = urlsplit(url)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_address = False
        if not is_address:
            raise BadSetting(f"{RESULT_URL}: expected an http or https address, found something else")
        url = url.replace(f"{parts.netloc.rpartition('@')[0]}@", "", 1) if "@" in parts.netloc else url
        if parts.username or parts.password:
            user, secret = _decoded(parts.username or ""), Secret(_decoded(parts.password or ""))
        else:
            user, secret = None, None
        attempts = integer(environ, "ELASTICIO_API_REQUEST_RETRY_ATTEMPTS", 3)
        return cls(url, user, secret, attempts, integer(environ, "ELASTICIO_API_REQUEST_RETRY_DELAY", 100))

    def authorization(self) -> str | None:
        """Return the Authorization header, None for an address without user and password."""
        if self.user is None:
            return None
        return basic_auth(self.user, self.password or "")

    def post(self, result: Result) -> None:
        """Post a result; any status 2xx is a success.

        Raises:
            PlatformRefused, PlatformUnavailable: The platform has not taken it in as many attempts as are allowed.
        """
        retries = RetryPolicy(self.attempts, self.delay_ms / 1000, _POST_SECONDS)
        service = HttpService("platform", HeaderAuth(self.authorization()), retries)
        service.send("POST", self.url, data=result.encoded(), headers={"Content-Type": "application/json"})


def _decoded(part: str) -> str:
    """Return a percent-decoded part of an address, byte for byte; ``+`` stays as it is."""
    return unquote_to_bytes(part).decode("utf-8", "surrogateescape")
