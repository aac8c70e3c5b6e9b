"""The frames of a connection are counted, however they arrive."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import BasicProperties, frame, spec

from shipmate.flow.counting import FrameCounter, FrameReader, Tally

GREETING = b"AMQP\x00\x00\x09\x01"


def method(kind: Any, channel: int = 1, **arguments: Any) -> bytes:
    return bytes(frame.Method(channel, kind(**arguments)).marshal())


def content(body: bytes, channel: int = 1, *, piece: int = 131_064) -> bytes:
    pieces = [body[start : start + piece] for start in range(0, len(body), piece)]
    header = frame.Header(channel, len(body), BasicProperties(headers={"a": 1})).marshal()
    return header + b"".join(frame.Body(channel, each).marshal() for each in pieces)


def deliver(
    tag: int, body: bytes = b"{}", *, redelivered: bool = False, channel: int = 1, consumer: str = "c"
) -> bytes:
    head = method(
        spec.Basic.Deliver,
        channel,
        consumer_tag=consumer,
        delivery_tag=tag,
        redelivered=redelivered,
        exchange="x",
        routing_key="input.0",
    )
    return head + content(body, channel)


def publish(key: str, body: bytes = b"{}", channel: int = 1) -> bytes:
    return method(spec.Basic.Publish, channel, exchange="x", routing_key=key) + content(body, channel)


def ack(tag: int, *, multiple: bool = False, channel: int = 1) -> bytes:
    return method(spec.Basic.Ack, channel, delivery_tag=tag, multiple=multiple)


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def counter(tally: Tally) -> FrameCounter:
    counter = FrameCounter(tally)
    counter.from_client.feed(GREETING)
    return counter


def test_a_delivery_is_unsettled_until_its_acknowledgement(counter: FrameCounter, tally: Tally) -> None:
    counter.from_broker.feed(deliver(1) + deliver(2))
    assert (tally.delivered, tally.unsettled) == (2, 2)
    counter.from_client.feed(ack(1))
    assert (tally.acknowledged, tally.unsettled) == (1, 1)


def test_an_acknowledgement_of_several_settles_all_up_to_its_tag(counter: FrameCounter, tally: Tally) -> None:
    counter.from_broker.feed(b"".join(deliver(tag) for tag in range(1, 6)))
    counter.from_client.feed(ack(2) + ack(4, multiple=True))
    assert (tally.acknowledged, tally.unsettled) == (4, 1)


def test_a_rejected_message_is_settled_and_a_requeued_one_is_not(counter: FrameCounter, tally: Tally) -> None:
    counter.from_broker.feed(b"".join(deliver(tag) for tag in range(1, 5)))
    counter.from_client.feed(method(spec.Basic.Reject, delivery_tag=1, requeue=False))
    counter.from_client.feed(method(spec.Basic.Reject, delivery_tag=2, requeue=True))
    counter.from_client.feed(method(spec.Basic.Nack, delivery_tag=4, multiple=True, requeue=True))
    assert (tally.rejected, tally.requeued, tally.settled, tally.unsettled) == (1, 3, 1, 0)


def test_channels_have_tags_of_their_own(counter: FrameCounter, tally: Tally) -> None:
    counter.from_broker.feed(deliver(1, channel=1) + deliver(1, channel=2))
    counter.from_client.feed(ack(1, channel=2))
    assert tally.unsettled == 1


def test_a_consumer_without_acknowledgements_has_nothing_unsettled(counter: FrameCounter, tally: Tally) -> None:
    counter.from_client.feed(method(spec.Basic.Consume, queue="q", consumer_tag="mine", no_ack=True))
    counter.from_broker.feed(method(spec.Basic.ConsumeOk, consumer_tag="mine") + deliver(1, consumer="mine"))
    assert (tally.consumers, tally.unsettled, tally.acknowledged) == (1, 0, 1)


def test_publications_are_counted_by_routing_key_and_until_their_confirm(counter: FrameCounter, tally: Tally) -> None:
    counter.from_client.feed(method(spec.Confirm.Select))
    counter.from_client.feed(publish("data.0") + publish("data.0") + publish("error.0") + publish("data.0"))
    assert tally.published == {"data.0": 3, "error.0": 1}
    assert tally.unconfirmed == 4
    counter.from_broker.feed(ack(2) + ack(3, multiple=True))
    assert (tally.unconfirmed, tally.refused) == (1, 0)
    counter.from_broker.feed(method(spec.Basic.Nack, delivery_tag=4))
    assert (tally.unconfirmed, tally.refused) == (0, 1)


def test_a_closed_connection_gives_its_unsettled_messages_back(counter: FrameCounter, tally: Tally) -> None:
    counter.from_broker.feed(deliver(1))
    counter.end()
    assert (tally.connections, tally.unsettled, tally.settled, tally.lost) == (0, 0, 0, 1)


def test_a_connection_that_is_closed_in_order_is_not_lost(counter: FrameCounter, tally: Tally) -> None:
    counter.from_broker.feed(deliver(1))
    counter.from_client.feed(ack(1) + method(spec.Connection.Close, 0, reply_code=200, class_id=0, method_id=0))
    counter.end()
    assert tally.lost == 0


def test_a_closed_channel_gives_its_unsettled_messages_back(counter: FrameCounter, tally: Tally) -> None:
    counter.from_broker.feed(deliver(1) + deliver(1, channel=2))
    counter.from_broker.feed(method(spec.Channel.Close, 2, reply_code=404, reply_text="", class_id=0, method_id=0))
    assert (tally.unsettled, tally.lost) == (1, 1)


@given(st.lists(st.integers(1, 200), min_size=1), st.integers(0, 5000))
def test_frames_are_found_in_pieces_of_any_size(sizes: list[int], length: int) -> None:
    heartbeat = frame.Heartbeat().marshal()
    large = deliver(1, b"\xce" * length) + heartbeat + deliver(2, b"", redelivered=True) + deliver(3)
    tally = Tally()
    counter = FrameCounter(tally)
    position = 0
    for turn in range(len(large)):
        size = sizes[turn % len(sizes)]
        counter.from_broker.feed(large[position : position + size])
        position += size
    assert (tally.delivered, tally.redelivered, tally.unsettled) == (3, 1, 3)


def test_a_body_of_many_frames_is_one_message(counter: FrameCounter, tally: Tally) -> None:
    counter.from_client.feed(publish("data.0", b"x" * 1_000_000))
    assert tally.published == {"data.0": 1}


def test_what_is_no_frame_is_not_looked_at(tally: Tally) -> None:
    seen: list[int] = []
    reader = FrameReader(lambda channel, kind, data, at: seen.append(kind))
    reader.feed(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    reader.feed(ack(1))
    assert seen == []
