"""The address on this machine that the provider sends the browser back to."""

from dataclasses import dataclass, replace
from typing import Final, NoReturn
from urllib.parse import urlsplit

from shipmate.errors import BadInput
from shipmate.oauth2.options import is_loopback

_DEFAULT: Final = "http://127.0.0.1/callback"


@dataclass(frozen=True, slots=True)
class Redirect:
    """A loopback address: ``http``, a host, a port, and the rest as it was registered.

    Source: RFC 8252 §7.3.
    """

    host: str
    port: int | None
    """None takes a port that is free."""
    rest: str
    """Path and query, exactly as written."""

    @classmethod
    def from_options(cls, redirect_uri: str | None, port: int | None) -> "Redirect":
        """Return the address that the options ask for.

        Raises:
            BadInput: It is not a loopback address, or has another port than ``--port`` says.
        """
        text = redirect_uri if redirect_uri is not None else _DEFAULT
        try:
            parts = urlsplit(text)
            host, written = parts.hostname or "", parts.port
        except ValueError:
            _refuse(text)
        if parts.scheme != "http" or not is_loopback(host) or parts.username is not None or not text.isprintable():
            _refuse(text)
        if parts.fragment or " " in text or (parts.path and not parts.path.startswith("/")):
            _refuse(text)
        if None not in (port, written) and port != written:
            raise BadInput(f"expected the same port twice, found --port {port} and --redirect-uri {text}")
        rest = text.partition("://")[2][len(parts.netloc) :]
        return cls(host, port or written, rest)

    def on(self, port: int) -> "Redirect":
        """Return the address with the port that was free."""
        return replace(self, port=port)

    @property
    def uri(self) -> str:
        """The address as the provider gets it, twice the same.

        >>> Redirect("localhost", 8080, "/callback").uri
        'http://localhost:8080/callback'
        """
        return f"http://{self._authority}{self.rest}"

    @property
    def path(self) -> str:
        """The path that a browser asks for."""
        return self.rest.partition("?")[0] or "/"

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where to listen: a browser tries both kinds of address for ``localhost``."""
        return ("127.0.0.1", "::1") if self.host == "localhost" else (self.host,)

    @property
    def hosts(self) -> frozenset[str]:
        """What a browser on this machine may call us; any other name was made to lead here.

        Source: RFC 9110 §7.2.
        """
        names = {self._authority, *(f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]"))}
        if self.port == 80:
            names |= {name.removesuffix(":80") for name in names}
        return frozenset(names)

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _refuse(text: str) -> NoReturn:
    raise BadInput(
        f"expected an address of this machine as http://localhost:8080/callback, found {text!r} for --redirect-uri"
    )
