"""A way to the broker that a test can close: its clients lose the broker, and the other clients keep it."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread

from shipmate.emulator import RabbitMQNode
from shipmate.emulator.ports import HOST, free_port


class BrokerGate:
    """Passes connections on to a broker; a closed gate refuses new connections, and ends the open ones."""

    def __init__(self, broker: RabbitMQNode) -> None:
        """Choose a port, and open the gate."""
        self._broker = broker
        self._address = (HOST, free_port())
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[Thread] = []
        self._is_open = False
        self.open()

    @property
    def uri(self) -> str:
        """The address for clients."""
        return self._broker.uri.replace(f":{self._broker.port}/", f":{self._address[1]}/")

    def open(self) -> None:
        """Listen, on the same port as before."""
        listener = socket.create_server(self._address)
        self._is_open = True
        self._sockets.append(listener)
        self._start(self._accept, listener)

    def close(self) -> None:
        """Refuse connections, and end those that are open."""
        with self._lock:
            self._is_open = False
            sockets, self._sockets = self._sockets, []
            for each in sockets:
                with suppress(OSError):  # the other side has ended it
                    each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        for each in sockets:
            each.close()

    def _start(self, serve: Callable[..., None], *arguments: socket.socket) -> None:
        self._threads.append(Thread(target=serve, args=arguments))
        self._threads[-1].start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the gate is closed
            while True:
                client, _ = listener.accept()
                broker = socket.create_connection((HOST, self._broker.port))
                with self._lock:
                    if not self._is_open:
                        client.close()
                        broker.close()
                        return
                    self._sockets += [client, broker]
                    self._start(_pass_on, client, broker)
                    self._start(_pass_on, broker, client)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def broker_gate(broker: RabbitMQNode) -> Iterator[BrokerGate]:
    """Yield an open gate, and close it at the end."""
    gate = BrokerGate(broker)
    try:
        yield gate
    finally:
        gate.close()
