"""Connections that threads share: opened by urllib3, kept for the next request to the same server."""

import threading
import weakref
from collections import OrderedDict, deque
from typing import Final, NamedTuple

from shipmate.http.connection import Connection
from shipmate.urls import Origin

_MOST_SERVERS: Final = 16
_MOST_IDLE: Final = 100
"""The most connections to one server that are kept without a request."""


class Server(NamedTuple):
    """A server, and how its certificate is checked."""

    origin: Origin
    verify: bool | str
    cert: str | tuple[str, str] | None


class Pool:
    """The idle connections of the process."""

    def __init__(self) -> None:
        """Start without connections."""
        self._lock = threading.Lock()
        self._idle: OrderedDict[Server, deque[Connection]] = OrderedDict()
        weakref.finalize(self, _close, self._idle)

    def take(self, server: Server) -> Connection | None:
        """Return an idle connection that can take a request, the one that was used last; None without one."""
        idle = self._idle.get(server)
        while idle:
            try:
                connection = idle.pop()
            except IndexError:  # another thread was faster
                return None
            if connection.is_alive():
                return connection
            connection.close()
        return None

    def keep(self, server: Server, connection: Connection) -> None:
        """Keep a connection for the next request, or close it if it can take none or there are enough."""
        if not connection.is_reusable:
            connection.close()
            return
        idle = self._idle.get(server)
        if idle is None:
            idle = self._add(server)
        if len(idle) >= _MOST_IDLE:
            connection.close()
        else:
            idle.append(connection)
            if self._idle.get(server) is not idle:  # another thread removed the server meanwhile
                _close_all(idle)

    def _add(self, server: Server) -> deque[Connection]:
        with self._lock:
            idle = self._idle.setdefault(server, deque())
            closed = [self._idle.popitem(last=False)[1] for _ in range(len(self._idle) - _MOST_SERVERS)]
        for connections in closed:
            _close_all(connections)
        return idle


def _close(idle: OrderedDict[Server, deque[Connection]]) -> None:
    for connections in idle.values():
        _close_all(connections)


def _close_all(connections: deque[Connection]) -> None:
    while connections:
        connections.pop().close()
