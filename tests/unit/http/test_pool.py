"""Connections that are kept for the next request."""

import gc
import socket
import threading
from collections import deque
from collections.abc import Iterator

import pytest

from shipmate.http import pool as pool_module
from shipmate.http.connection import Connection
from shipmate.http.pool import Pool, Server

SERVER = Server(("http", "a.example", 80), True, None)


class Sockets:
    """Pairs of sockets; the far end of a connection notices when the near one is closed."""

    def __init__(self) -> None:
        self.far: dict[Connection, socket.socket] = {}

    def connection(self) -> Connection:
        near, far = socket.socketpair()
        connection = Connection(near)
        self.far[connection] = far
        return connection

    def is_closed(self, connection: Connection) -> bool:
        far = self.far[connection]
        far.setblocking(False)
        try:
            return far.recv(1) == b""
        except BlockingIOError:
            return False
        except ConnectionResetError:  # it was closed with bytes that it had not read
            return True


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    sockets = Sockets()
    yield sockets
    for connection, far in sockets.far.items():
        connection.close()
        far.close()


def test_the_connection_that_was_used_last_is_taken_first(sockets: Sockets) -> None:
    """The others may be closed by the server meanwhile."""
    pool, first, second = Pool(), sockets.connection(), sockets.connection()
    assert pool.take(SERVER) is None
    pool.keep(SERVER, first)
    pool.keep(SERVER, second)
    assert [pool.take(SERVER), pool.take(SERVER), pool.take(SERVER)] == [second, first, None]


@pytest.mark.parametrize(
    "other",
    [
        Server(("https", "a.example", 80), True, None),
        Server(("http", "b.example", 80), True, None),
        Server(("http", "a.example", 81), True, None),
        Server(("http", "a.example", 80), False, None),
        Server(("http", "a.example", 80), "/ca.pem", None),
        Server(("http", "a.example", 80), True, "/client.pem"),
    ],
)
def test_a_connection_serves_its_server_only(sockets: Sockets, other: Server) -> None:
    """Another check of certificates makes another server."""
    pool = Pool()
    pool.keep(SERVER, sockets.connection())
    assert pool.take(other) is None


def test_a_connection_that_has_ended_is_closed_and_not_taken(sockets: Sockets) -> None:
    pool, first, second = Pool(), sockets.connection(), sockets.connection()
    pool.keep(SERVER, first)
    pool.keep(SERVER, second)
    sockets.far[second].sendall(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    assert pool.take(SERVER) is first
    assert sockets.is_closed(second)


def test_a_connection_that_can_take_no_request_is_closed(sockets: Sockets) -> None:
    pool, connection = Pool(), sockets.connection()
    connection.is_reusable = False
    pool.keep(SERVER, connection)
    assert pool.take(SERVER) is None
    assert sockets.is_closed(connection)


def test_a_server_has_a_limit_of_idle_connections(sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_MOST_IDLE", 2)
    pool, connections = Pool(), [sockets.connection() for _ in range(3)]
    for connection in connections:
        pool.keep(SERVER, connection)
    assert [sockets.is_closed(connection) for connection in connections] == [False, False, True]


def test_the_servers_have_a_limit(sockets: Sockets, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connections of the oldest one are closed."""
    monkeypatch.setattr(pool_module, "_MOST_SERVERS", 2)
    pool, connections = Pool(), [sockets.connection() for _ in range(3)]
    servers = [Server(("http", f"{number}.example", 80), True, None) for number in range(3)]
    for server, connection in zip(servers, connections, strict=True):
        pool.keep(server, connection)
    assert [sockets.is_closed(connection) for connection in connections] == [True, False, False]
    assert pool.take(servers[0]) is None
    assert pool.take(servers[2]) is connections[2]


def test_a_connection_to_a_server_that_was_removed_meanwhile_is_closed(
    sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread made room for its own server."""
    pool, connection = Pool(), sockets.connection()
    monkeypatch.setattr(pool, "_add", lambda server: deque())
    pool.keep(SERVER, connection)
    assert sockets.is_closed(connection)


def test_a_pool_closes_its_connections_when_nobody_needs_it(sockets: Sockets) -> None:
    pool, connection = Pool(), sockets.connection()
    pool.keep(SERVER, connection)
    del pool
    gc.collect()
    assert sockets.is_closed(connection)


def test_no_two_threads_get_the_same_connection(sockets: Sockets) -> None:
    pool, taken, problems = Pool(), set(), []
    for _ in range(10):
        pool.keep(SERVER, sockets.connection())

    def work() -> None:
        for _ in range(500):
            connection = pool.take(SERVER)
            if connection is None:
                continue
            if connection in taken:
                problems.append(connection)
            taken.add(connection)
            taken.discard(connection)
            pool.keep(SERVER, connection)

    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert problems == []
    assert sum(pool.take(SERVER) is not None for _ in range(11)) == 10
