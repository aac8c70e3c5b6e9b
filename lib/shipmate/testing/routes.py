"""Routes from real hosts to emulated servers, for the requests of a test; the network is closed."""

import errno
import ipaddress
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar
from unittest import mock
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from shipmate.emulator import Server

_Server = TypeVar("_Server", bound="Server")
_PLACEHOLDER: Final = re.compile(r"\{\{[^{}]*+\}\}")


@dataclass(frozen=True, slots=True)
class Route:
    """Leads requests that begin with ``url`` to a server.

    Args:
        url: Scheme and host, optionally with a path; ``{{NAME}}`` matches anything but a slash.
        target: Address of the server.
        path: Replaces the path of the request; None keeps it.
    """

    url: str
    target: str
    path: str | None = None

    def apply(self, url: str) -> str | None:
        """Return the new address of a request, None if the route does not match."""
        pattern = "[^/?#]+".join(re.escape(part) for part in _PLACEHOLDER.split(self.url.rstrip("/")))
        if not re.match(pattern + r"(?=[/?#]|$)", url, re.IGNORECASE):  # pattern: the author of a test writes it
            return None
        return moved(url, self.target, self.path)


class Routes:
    """The routes of one test, the longest URL first; other hosts are refused unless they are on this machine.

    With a `default` servers on this machine are refused as well: an API in the configuration may really run here.
    """

    def __init__(self) -> None:
        """Start without routes."""
        self.routes: list[Route] = []
        self.default: str | None = None
        """Address of the server for all other hosts, including those on this machine."""
        self.own: set[str] = set()
        """Servers of the test, ``127.0.0.1:8000``: they keep their own addresses."""
        self.allowed: set[str] = set()
        """Hosts outside of this machine that may be reached."""
        self.refused: list[str] = []
        """Hosts that were requested, and are neither served nor allowed."""
        self.is_closed = True
        """True if the network is closed while the routes are installed."""

    def add(self, route: Route) -> None:
        """Add a route; of several that match a request, the one with the longest URL is used, then the latest."""
        self.routes.insert(0, route)
        self.routes.sort(key=lambda each: -len(each.url))

    def serve(self, url: str, server: _Server) -> _Server:
        """Start a server, lead the requests that begin with a URL to it, and return it."""
        server.start()
        self.own.add(urlsplit(server.url).netloc)
        self.add(Route(url, server.url))
        return server

    def target(self, url: str) -> str | None:
        """Return the new address of a request, None if it keeps its own."""
        for route in self.routes:
            if (target := route.apply(url)) is not None:
                return target
        if self.default is None or urlsplit(url).netloc in self.own:
            return None
        return moved(url, self.default)

    def as_json(self) -> dict[str, Any]:
        """Return the routes as JSON for another process, which reads them with `from_json`."""
        return {
            "routes": [[each.url, each.target, each.path] for each in self.routes],
            "default": self.default,
            "own": sorted(self.own),
            "allowed": sorted(self.allowed),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Routes":
        """Return the routes from `as_json`."""
        routes = cls()
        routes.routes = [Route(*each) for each in value["routes"]]
        routes.default = value["default"]
        routes.own = set(value["own"])
        routes.allowed = set(value["allowed"])
        return routes

    @contextmanager
    def installed(self, *, closes_network: bool = True) -> Iterator["Routes"]:
        """Let all requests of this process that the library requests sends follow the routes.

        This replaces the choice of a connection, so that mocks of whole requests (responses) are above it, and
        recorders of connections (vcrpy) below.

        Args:
            closes_network: Whether to refuse other hosts.
        """
        from requests.adapters import HTTPAdapter

        original = HTTPAdapter.get_connection_with_tls_context

        def connection(adapter: HTTPAdapter, request: Any, *args: Any, **kwargs: Any) -> Any:
            target = self.target(request.url)
            if target is None:
                return original(adapter, request, *args, **kwargs)
            return _Detour(adapter.poolmanager.connection_from_url(target), target, urlsplit(request.url).netloc)

        self.is_closed = closes_network
        with ExitStack() as stack:
            stack.enter_context(mock.patch.object(HTTPAdapter, "get_connection_with_tls_context", connection))
            if closes_network:
                stack.enter_context(self._closed_network())
                stack.enter_context(self._own_servers_only())
            yield self

    def _why(self, host: str) -> str:
        urls = [f"{scheme}://{host}/" for scheme in ("https", "http")]
        is_served = any(self.target(url) for url in urls)
        return "is served for the library requests only" if is_served else "is not served"

    @contextmanager
    def _closed_network(self) -> Iterator[None]:
        """Refuse to look up names of other machines; recorders and mocks above this still work."""
        original = socket.getaddrinfo

        def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if is_on_this_machine(name) or name in self.allowed:
                return original(host, *args, **kwargs)
            self.refused.append(name)
            raise socket.gaierror(socket.EAI_NONAME, f"{name} {self._why(name)}: this test has no network")

        with mock.patch.object(socket, "getaddrinfo", getaddrinfo):
            yield

    @contextmanager
    def _own_servers_only(self) -> Iterator[None]:
        """Refuse connections to all servers but the test's; those on this machine need no look-up of a name."""
        original = socket.socket.connect

        def connect(this: socket.socket, address: Any) -> None:
            is_of_internet = this.family in (socket.AF_INET, socket.AF_INET6)
            if self.default is None or not is_of_internet or f"{address[0]}:{address[1]}" in self.own:
                return original(this, address)
            self.refused.append(address[0])
            raise ConnectionRefusedError(
                errno.ECONNREFUSED, f"{address[0]} {self._why(address[0])}: this test has no network"
            )

        with mock.patch.object(socket.socket, "connect", connect):
            yield


class _Detour:
    """A connection pool that sends requests to another server, with the original host in the header ``Host``."""

    def __init__(self, pool: Any, target: str, host: str) -> None:
        self._pool = pool
        self._target = target[len(urlsplit(target).scheme) + 3 + len(urlsplit(target).netloc) :] or "/"
        self._host = host

    def urlopen(self, *, url: str, headers: Mapping[str, str], **kwargs: Any) -> Any:
        """Send a request; called by requests in place of the original pool."""
        return self._pool.urlopen(url=self._target, headers={"Host": self._host, **headers}, **kwargs)


def moved(url: str, target: str, path: str | None = None) -> str:
    """Return a URL at another server, with its own path or another one.

    >>> moved("https://api.example.com/me?full=1", "http://127.0.0.1:8000")
    'http://127.0.0.1:8000/me?full=1'
    """
    parts = urlsplit(url)
    return target + (parts.path if path is None else path) + (f"?{parts.query}" if parts.query else "")


def is_on_this_machine(host: str | None) -> bool:
    """Return whether a host name or address is the loopback of this machine."""
    if not host or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
