"""The sailor proxy of the benchmark, which must not lose or invent what it counts."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from bench.proxy_server import message_block, path_of
from bench.queues import ProxyQueues
from shipmate.container.proxy.http2.connection import Http2Connection
from shipmate.container.proxy.http2.exchange import Answer
from shipmate.container.proxy.http2.header_encoder import HeaderEncoder

MOST_BYTES = 10_000_000


@pytest.fixture
def queues() -> Iterator[ProxyQueues]:
    """A running proxy."""
    with ProxyQueues() as running:
        yield running


class Client:
    """A container that sends one request after the other."""

    def __init__(self, uri: str) -> None:
        parts = urlsplit(uri)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 0), 10)
        encoder = HeaderEncoder(scheme="http", authority=parts.netloc, authorization="Bearer made-up")
        self.http = Http2Connection(encoder, on_ready=int, on_pong=lambda _: None, on_goaway=lambda _: None)
        self._exchange_until(lambda: self.http.is_ready)

    def get(self, path: str) -> Answer:
        """Poll, and wait for the message."""
        answers: list[Answer] = []
        self.http.get(path, most_bytes=MOST_BYTES, on_answer=answers.append)
        self._exchange_until(lambda: bool(answers))
        return answers[0]

    def post(self, path: str, body: bytes = b"") -> int:
        """Send an event or a finish, and return the status."""
        answers: list[Answer] = []
        self.http.post(path, body, metadata=b"{}", most_bytes=MOST_BYTES, on_answer=answers.append)
        self._exchange_until(lambda: bool(answers))
        return answers[0].status

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _exchange_until(self, is_so) -> None:  # type: ignore[no-untyped-def]
        while True:
            for piece in self.http.to_send(0):
                self._socket.sendall(piece)
            if is_so():
                return
            received = self._socket.recv(65_536)
            assert received, "the proxy has hung up"
            self.http.receive(received)


@pytest.mark.parametrize("path", ["/m", "/" + "x" * 126, "/" + "x" * 300])
def test_the_path_of_a_request_is_found(path: str) -> None:
    """As the runtime encodes it, with lengths of one, two and more bytes."""
    encoder = HeaderEncoder(scheme="http", authority="proxy:1", authorization="Bearer made-up")
    assert [path_of(encoder.encode(method, path)) for method in ("GET", "POST")] == [path.encode()] * 2


def test_a_request_that_is_encoded_in_another_way_is_refused() -> None:
    """A wrong path would be a wrong count."""
    with pytest.raises(ValueError, match="Huffman"):
        path_of(b"\x83\x44\x82")


def test_the_metadata_of_a_message_fit_their_length() -> None:
    """The length is written in two bytes, whatever the number of the message."""
    blocks = [message_block(f"in-{number}") for number in (1, 10**7)]
    assert all(127 <= len(block) - len(b"\x88\x00\x10message-metadata\x7f\x00") < 255 for block in blocks)


@pytest.mark.parametrize("size_bytes", [1_000, 300_000])
def test_a_message_is_handed_out_and_counted_once(queues: ProxyQueues, size_bytes: int) -> None:
    """Bodies that are larger than the windows come in pieces, and go so."""
    body = b"x" * size_bytes
    queues.put(body, 3)
    client = Client(queues.uri)
    try:
        answer = client.get("/message?prefetch=1")
        assert (answer.status, answer.body) == (200, body)
        assert queues.depth("input") == 3
        assert client.post("/message?incomingMessageId=in-1&type=data", body) == 200
        assert client.post("/finish-processing?incomingMessageId=in-1&status=success") == 200
        assert (queues.depth("input"), queues.depth("data"), queues.take("data")[0].body) == (2, 1, body)
        assert queues.withdraw() == 2
        assert queues.depth("input") == 0
    finally:
        client.close()


def test_outputs_arrive_while_they_are_watched(queues: ProxyQueues) -> None:
    """A watched output is not counted, as one that is consumed from a queue."""
    client = Client(queues.uri)
    try:
        with queues.arrivals() as arrivals:
            client.post("/message?incomingMessageId=in-1&type=data", b"content")
            while not arrivals.moments:
                queues.wait(10)
        client.post("/message?incomingMessageId=in-1&type=error", b"{}")
    finally:
        client.close()
    assert (len(arrivals.moments), arrivals.last) == (1, b"content")
    assert (queues.depth("data"), queues.depth("error")) == (0, 1)
    queues.purge()
    assert queues.depth("error") == 0
    assert queues.transport_cpu_seconds()
