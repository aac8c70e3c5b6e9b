"""The thread that serves all connections of the sailor proxy."""

import selectors
import socket
import threading
from collections.abc import Callable

from shipmate.emulator.sailor_proxy.connection import Connection
from shipmate.emulator.sailor_proxy.timers import Timers


class IoLoop:
    """Accepts connections and serves them, on one thread, until it is stopped.

    Args:
        address: Host and port.
        lock: Guards everything that connections use; all that wait for a change are woken.
        timers: The calls that are due later.
        accept: Returns the connection for a socket, None to hang up.
    """

    def __init__(
        self,
        address: tuple[str, int],
        lock: threading.Condition,
        timers: Timers,
        accept: Callable[[socket.socket, Callable[[Connection], None]], Connection | None],
    ) -> None:
        self._lock, self._timers, self._accept = lock, timers, accept
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(address, backlog=128)
        self._listener.setblocking(False)
        self._is_stopped = False
        self._woken, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self.connections: list[Connection] = []
        self._thread = threading.Thread(target=self._serve, name="emulator-sailor-proxy", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Let the thread look at the timers again."""
        try:
            self._waker.send(b"\0")
        except BlockingIOError:
            pass  # it is awake

    def stop(self) -> None:
        """Stop listening, close all connections, and return when the thread has ended."""
        with self._lock:
            self._is_stopped = True
            self.wake()  # under the lock: the thread closes what this needs when it sees that it is stopped
        self._thread.join()

    def _serve(self) -> None:
        with self._lock:
            timeout = self._timers.next_seconds()
        while True:
            ready = self._selector.select(timeout)
            with self._lock:
                if self._is_stopped:
                    self._close()
                    return
                for key, mask in ready:
                    self._handle(key, mask)
                self._timers.run()
                self._lock.notify_all()
                timeout = self._timers.next_seconds()

    def _handle(self, key: selectors.SelectorKey, mask: int) -> None:
        if key.fileobj is self._listener:
            self._open()
        elif key.fileobj is self._woken:
            self._woken.recv(4096)
        else:
            connection: Connection = key.data
            if mask & selectors.EVENT_WRITE and connection.is_open:
                connection.write()
            if mask & selectors.EVENT_READ and connection.is_open:
                connection.read()

    def _open(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return  # the client has gone
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = self._accept(sock, self._changed)
        if connection is None:
            sock.close()

    def _changed(self, connection: Connection) -> None:
        """Watch what a connection waits for: bytes from the client, and room for its own."""
        if not connection.is_open:
            if connection in self.connections:
                self.connections.remove(connection)
                self._selector.unregister(connection.sock)
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.unwritten else 0)
        if connection not in self.connections:
            self.connections.append(connection)
            self._selector.register(connection.sock, events, connection)
        elif self._selector.get_key(connection.sock).events != events:
            self._selector.modify(connection.sock, events, connection)

    def _close(self) -> None:
        self._listener.close()
        for connection in list(self.connections):
            connection.close()
        self._selector.close()
        self._woken.close()
        self._waker.close()
        self._lock.notify_all()
