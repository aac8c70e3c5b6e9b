"""The redirect address: the provider sends the browser back to it, usually on this machine."""

from dataclasses import dataclass, replace
from typing import Final, NoReturn
from urllib.parse import urlsplit

from shipmate.errors import BadInput
from shipmate.urls import is_loopback

_DEFAULT: Final = "http://127.0.0.1/callback"


@dataclass(frozen=True, slots=True)
class Redirect:
    """An address: host, port, and the rest as the provider has registered it; ``http`` on loopback, or ``https``.

    Source: RFC 8252 §7.3.
    """

    host: str
    port: int | None
    """None for any free port."""
    rest: str
    """Path and query, exactly as written."""
    is_local: bool = True
    """Whether this machine serves it; otherwise the person brings the answer from the browser."""

    @classmethod
    def from_options(cls, redirect_uri: str | None, port: int | None) -> "Redirect":
        """Return the address for ``--redirect-uri`` and ``--port``.

        Raises:
            BadInput: It is neither a loopback address nor https, or the two options have different ports.
        """
        text = redirect_uri if redirect_uri is not None else _DEFAULT
        try:
            parts = urlsplit(text)
            host, written = parts.hostname or "", parts.port
        except ValueError:
            _refuse(text)
        is_local = parts.scheme == "http" and is_loopback(host)
        if not (is_local or parts.scheme == "https") or not host or "@" in parts.netloc or not text.isprintable():
            _refuse(text)
        if parts.fragment or " " in text or (parts.path and not parts.path.startswith("/")):
            _refuse(text)
        if None not in (port, written) and port != written:
            raise BadInput(f"expected equal ports, found --port {port} and --redirect-uri {text}")
        if not is_local and port is not None:
            raise BadInput(f"expected --port for an address of this machine only, found {text!r} for --redirect-uri")
        rest = text.partition("://")[2][len(parts.netloc) :]
        return cls(host, port or written, rest, is_local)

    def on(self, port: int) -> "Redirect":
        """Return the address with this port."""
        return replace(self, port=port)

    @property
    def uri(self) -> str:
        """The address as the provider gets it, in the authorization and in the token request.

        >>> Redirect("localhost", 8080, "/callback").uri
        'http://localhost:8080/callback'
        """
        return f"{'http' if self.is_local else 'https'}://{self._authority}{self.rest}"

    @property
    def path(self) -> str:
        """The path of the browser's request."""
        return self.rest.partition("?")[0] or "/"

    @property
    def addresses(self) -> tuple[str, ...]:
        """The IP addresses to listen on: for ``localhost``, a browser tries IPv4 and IPv6."""
        return ("127.0.0.1", "::1") if self.host == "localhost" else (self.host,)

    @property
    def hosts(self) -> frozenset[str]:
        """The allowed values of the Host header; any other name may be DNS rebinding.

        Source: RFC 9110 §7.2.
        """
        if not self.is_local:
            name = self._authority.removesuffix(":443")
            return frozenset({name, f"{name}:443"} if self.port in (None, 443) else {name})
        names = {self._authority, *(f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]"))}
        if self.port == 80:
            names |= {name.removesuffix(":80") for name in names}
        return frozenset(names)

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None and not self.is_local else f"{host}:{self.port}"


def _refuse(text: str) -> NoReturn:
    raise BadInput(
        f"expected an address of this machine as http://localhost:8080/callback, or https, found {text!r} "
        "for --redirect-uri"
    )
