"""Which requests of a test go to which emulated server; the network stays closed."""

import errno
import ipaddress
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final
from unittest import mock
from urllib.parse import urlsplit

_PLACEHOLDER: Final = re.compile(r"\{\{.*?\}\}")


@dataclass(frozen=True, slots=True)
class Route:
    """Requests that begin with ``url`` go to ``target`` instead.

    Args:
        url: Scheme and host, perhaps with a path; ``{{NAME}}`` stands for anything but a slash.
        target: The address of the server.
        path: What replaces the path; it stays as it is without.
    """

    url: str
    target: str
    path: str | None = None

    def apply(self, url: str) -> str | None:
        """Return where a request goes, None if this route is not meant."""
        pattern = "[^/?#]+".join(re.escape(part) for part in _PLACEHOLDER.split(self.url.rstrip("/")))
        if not re.match(pattern + r"(?=[/?#]|$)", url, re.IGNORECASE):
            return None
        return moved(url, self.target, self.path)


class Routes:
    """The routes of one test, the longest first; whatever they do not name must be on this machine.

    With a `default` nothing else is reached there either: what a component takes for its API may really run here.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.routes: list[Route] = []
        self.default: str | None = None
        """The server for all other hosts, those on this machine included."""
        self.own: set[str] = set()
        """The servers of the test, as ``127.0.0.1:8000``: they are reached at their own addresses, too."""
        self.allowed: set[str] = set()
        """Hosts that may be reached although they are not on this machine."""
        self.refused: list[str] = []
        """Hosts that were asked for, and are neither served nor allowed."""
        self.is_closed = True
        """Whether the network is closed while the routes are installed."""

    def add(self, route: Route) -> None:
        """Add a route; among those that fit a request, the one with the longest URL counts, then the latest."""
        self.routes.insert(0, route)
        self.routes.sort(key=lambda each: -len(each.url))

    def target(self, url: str) -> str | None:
        """Return where a request goes instead, None when it goes where it says."""
        for route in self.routes:
            if (found := route.apply(url)) is not None:
                return found
        if self.default is None or urlsplit(url).netloc in self.own:
            return None
        return moved(url, self.default)

    def as_json(self) -> dict[str, Any]:
        """Return them for another process; see `from_json`."""
        return {
            "routes": [[each.url, each.target, each.path] for each in self.routes],
            "default": self.default,
            "own": sorted(self.own),
            "allowed": sorted(self.allowed),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Routes":
        """Return the routes that another process has had."""
        routes = cls()
        routes.routes = [Route(*each) for each in value["routes"]]
        routes.default = value["default"]
        routes.own = set(value["own"])
        routes.allowed = set(value["allowed"])
        return routes

    @contextmanager
    def installed(self, *, closes_network: bool = True) -> Iterator["Routes"]:
        """Have all requests of the process that the library requests makes follow the routes meanwhile.

        Where a connection is chosen, requests are led elsewhere: what mocks whole requests, as responses does, stays
        above that, and what records connections, as vcrpy does, below.
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
        """Let names be looked up on this machine only: a recorder or a mock above that goes on to work."""
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
        """Let no connection be made but to the servers of the test: this machine's need no look-up of names."""
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
    """Connections to another server than the request names; that server sees the name that it stands for."""

    def __init__(self, pool: Any, target: str, host: str) -> None:
        self._pool = pool
        self._target = target[len(urlsplit(target).scheme) + 3 + len(urlsplit(target).netloc) :] or "/"
        self._host = host

    def urlopen(self, *, url: str, headers: Mapping[str, str], **kwargs: Any) -> Any:
        """Send a request, as the pool of connections that this stands for."""
        return self._pool.urlopen(url=self._target, headers={"Host": self._host, **headers}, **kwargs)


def moved(url: str, target: str, path: str | None = None) -> str:
    """Return the same URL at another server, perhaps with another path.

    >>> moved("https://api.example.com/me?full=1", "http://127.0.0.1:8000")
    'http://127.0.0.1:8000/me?full=1'
    """
    parts = urlsplit(url)
    return target + (parts.path if path is None else path) + (f"?{parts.query}" if parts.query else "")


def is_on_this_machine(host: str | None) -> bool:
    """Tell whether a name or an address is this machine's loopback."""
    if not host or host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
