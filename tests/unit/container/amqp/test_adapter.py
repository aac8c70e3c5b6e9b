"""The adapted connection: the same bytes as pika's, and the limits of what it is written for."""

import socket
import tomllib
from pathlib import Path
from typing import Any

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import BasicProperties, SelectConnection, frame
from pika.adapters.select_connection import IOLoop
from pika.spec import Basic

from shipmate.container.amqp.adapter import BatchingConnection, PikaIOServices, check_pika_version
from shipmate.container.amqp.broker import Broker
from shipmate.errors import OperatorError
from shipmate.settings import BrokerSettings, RateSettings, Secret

ROOT = Path(__file__).resolve().parents[4]
BODIES = st.lists(st.binary(max_size=200), min_size=1, max_size=8)


class Receiving(BatchingConnection):
    """An open connection without a socket, which keeps the frames that it receives."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.bytes_received = 0
        self._frame_buffer = b""
        self.connection_state = self.CONNECTION_OPEN

    def _process_frame(self, frame_value: Any) -> None:
        self.received.append(frame_value)
        if isinstance(frame_value, frame.Heartbeat):  # stands for a frame that ends the connection
            self._frame_buffer = b""


def wire_of(bodies: list[bytes]) -> bytes:
    """Return deliveries as a broker sends them."""
    parts = []
    for number, body in enumerate(bodies):
        parts.append(frame.Method(1, Basic.Deliver("tag", number, False, "", "key")).marshal())
        parts.append(frame.Header(1, len(body), BasicProperties(headers={"n": number})).marshal())
        parts.append(frame.Body(1, body).marshal())
    return b"".join(parts)


@given(BODIES, st.data())
def test_frames_are_found_however_they_arrive(bodies: list[bytes], cut: st.DataObject) -> None:
    """TCP splits anywhere: no frame is lost or doubled, and every byte counts for the heartbeat."""
    wire = wire_of(bodies)
    cuts = sorted(cut.draw(st.lists(st.integers(0, len(wire)), max_size=10)))
    connection = Receiving()

    for begin, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        connection._on_data_available(wire[begin:end])

    assert [each.fragment for each in connection.received if isinstance(each, frame.Body)] == bodies
    assert len(connection.received) == 3 * len(bodies)
    assert connection.bytes_received == len(wire)
    assert connection._frame_buffer == b""


def test_nothing_is_read_after_a_frame_that_ends_the_connection() -> None:
    """The broker redelivers the rest on the next connection."""
    connection = Receiving()
    connection._on_data_available(frame.Heartbeat().marshal() + wire_of([b"late"]))
    assert len(connection.received) == 1


@given(st.binary(max_size=60), st.sampled_from([b"\x00\x3c", b"\x00\x0a"]), st.booleans())
def test_unreadable_headers_spoil_only_their_message(junk: bytes, content: bytes, has_table: bool) -> None:
    """An exception would end the process, and the next process that gets the message."""
    payload = content + bytes(9) + b"\x07" + (b"\x20\x00" if has_table else b"") + junk
    connection = Receiving()
    connection._on_data_available(b"\x02\x00\x01" + len(payload).to_bytes(4, "big") + payload + b"\xce")
    (header,) = connection.received
    assert (header.channel_number, header.body_size) == (1, 7)


class Sending(BatchingConnection):
    """An open connection without a socket, which keeps the bytes that it sends."""

    def __init__(self) -> None:
        self.sent = b""
        self.bytes_sent = self.frames_sent = 0
        self.connection_state = self.CONNECTION_OPEN
        self._body_max_length = 1000

    def _emit(self, frames: list[bytes]) -> None:
        self.sent += b"".join(frames)


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 2500])
def test_messages_are_sent_as_pika_sends_them(size: int) -> None:
    """Frame by frame, whatever the size of the body."""
    ours, theirs = Sending(), Sending()
    method = Basic.Publish(exchange="exchange", routing_key="key", mandatory=True)
    content = BasicProperties(headers={"n": 1}), b"x" * size
    ours._send_message(7, method, content)
    SelectConnection._send_message(theirs, 7, method, content)
    assert ours.sent == theirs.sent
    assert ours.bytes_sent == theirs.bytes_sent == len(ours.sent)


@pytest.mark.parametrize("version", ["1.3.2", "1.4.4", "1.4.99.post1"])
def test_supported_versions_of_pika_are_accepted(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """Their private members are those that are overridden here."""
    monkeypatch.setattr(pika, "__version__", version)
    check_pika_version()


@pytest.mark.parametrize("version", ["1.3.1", "1.5.0b1", "2.0", "unknown"])
def test_a_broker_refuses_to_start_with_another_version_of_pika(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """In one line, and before it connects. The range is the one of pyproject.toml, which pip can be told to ignore."""
    monkeypatch.setattr(pika, "__version__", version)
    settings = BrokerSettings(Secret("amqp://localhost"), "", "exchange", "data", "error", "rebound", "snapshot")
    with pytest.raises(OperatorError) as caught:
        Broker(settings, RateSettings(), on_lost=lambda error: None)
    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (requirement,) = (each for each in dependencies if each.startswith("pika"))
    assert str(caught.value) == f"expected {requirement}, found pika {version}: install a supported version"


def test_a_connection_that_ends_at_once_is_reported_as_a_failure() -> None:
    """A load balancer without a broker accepts connections and resets them; that must not end the I/O thread."""
    loop = IOLoop()
    outcomes: list[Any] = []

    def on_done(outcome: Any) -> None:
        outcomes.append(outcome)
        loop.stop()

    connecting = PikaIOServices(loop).create_streaming_connection(lambda: None, socket.socket(), on_done)
    assert outcomes == []
    loop.start()
    loop.close()
    assert isinstance(outcomes[0], ValueError)
    connecting.cancel()
