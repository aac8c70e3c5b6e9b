"""The pass-through hands on all bytes of containers and broker, and counts them; as a process of its own, too."""

import os
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import trustme

from shipmate.flow.counting import Tally
from shipmate.flow.pass_through import BrokerAddress, PassThrough
from shipmate.flow.pass_through_process import PassThroughEnded, PassThroughProcess
from tests.unit.flow.test_counting import GREETING, publish


@contextmanager
def serving(broker: BrokerAddress) -> Iterator[PassThrough]:
    passes = PassThrough(broker)
    thread = threading.Thread(target=passes.serve)
    thread.start()
    try:
        yield passes
    finally:
        passes.close()
        thread.join(5)
        assert not thread.is_alive()


@pytest.fixture
def tally() -> Tally:
    return Tally()


class FakeBroker:
    """Accepts one connection, and answers with what it has received."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        peer, _ = self.listener.accept()
        with peer:
            while data := peer.recv(65_536):
                peer.sendall(data)


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    broker = FakeBroker()
    yield broker
    broker.listener.close()


def echoed(client: socket.socket, sent: bytes) -> bytes:
    """Send bytes, and return what comes back for them."""
    sender = threading.Thread(target=client.sendall, args=(sent,))
    sender.start()
    received = b""
    while len(received) < len(sent):
        received += client.recv(65_536)
    sender.join()
    return received


def test_bytes_go_through_unchanged_in_both_directions(broker: FakeBroker, tally: Tally) -> None:
    sent = GREETING + publish("data.0", bytes(range(256)) * 20_000)
    with serving(BrokerAddress("127.0.0.1", broker.port)) as passes:
        with socket.create_connection(("127.0.0.1", passes.open(tally))) as client:
            assert echoed(client, sent) == sent
        broker.thread.join(5)
    assert tally.published == {"data.0": 1}
    assert tally.connections == 0


def test_a_broker_with_tls_gets_it_from_the_pass_through(tally: Tally) -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client_context = ssl.create_default_context()
    authority.configure_trust(client_context)
    sent = GREETING + publish("data.0", bytes(range(256)) * 8_000)

    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with server.wrap_socket(peer, server_side=True) as encrypted:
            received = b""
            while len(received) < len(sent):
                received += encrypted.recv(65_536)
            encrypted.sendall(received)
            encrypted.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        address = BrokerAddress("localhost", listener.getsockname()[1], client_context)
        with (
            serving(address) as passes,
            socket.create_connection(("127.0.0.1", passes.open(tally))) as client,
        ):
            assert echoed(client, sent) == sent
        assert tally.published == {"data.0": 1}
        thread.join(5)


def test_a_broker_that_is_away_ends_the_connection_of_the_container(tally: Tally) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with (
        serving(BrokerAddress("127.0.0.1", port)) as passes,
        socket.create_connection(("127.0.0.1", passes.open(tally))) as client,
    ):
        assert client.recv(1) == b""


@pytest.fixture
def process(broker: FakeBroker) -> Iterator[PassThroughProcess]:
    process = PassThroughProcess(BrokerAddress("127.0.0.1", broker.port), "amqp://127.0.0.1")
    process.start()
    yield process
    process.close()


def test_the_process_counts_what_has_gone_through_at_each_question(process: PassThroughProcess, tally: Tally) -> None:
    with socket.create_connection(("127.0.0.1", process.open(tally))) as client:
        for number in (1, 2):
            sent = (GREETING if number == 1 else b"") + publish("data.0") + publish("error.0", b"x" * 100_000)
            assert echoed(client, sent) == sent
            process.refresh()
            assert tally.published == {"data.0": number, "error.0": number}
        assert tally.connections == 1


def test_each_container_has_counts_of_its_own(process: PassThroughProcess, tally: Tally) -> None:
    second = Tally()
    process.open(tally)
    with socket.create_connection(("127.0.0.1", process.open(second))) as client:
        assert echoed(client, GREETING) == GREETING
        process.refresh()
    assert (tally.connections, second.connections) == (0, 1)


def test_a_container_loses_its_connection_when_the_process_ends(process: PassThroughProcess, tally: Tally) -> None:
    with socket.create_connection(("127.0.0.1", process.open(tally))) as client:
        assert echoed(client, GREETING) == GREETING
        process.close()
        assert client.recv(1) == b""


def test_a_process_that_is_killed_is_noticed_at_the_next_question(process: PassThroughProcess, tally: Tally) -> None:
    process.open(tally)
    assert process.group is not None
    os.killpg(process.group, signal.SIGKILL)
    with pytest.raises(PassThroughEnded, match="has ended"):
        process.refresh()
