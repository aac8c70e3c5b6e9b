"""Messages that could take the step or its connections down: each ends as an error, and the next one is processed."""

from struct import pack
from typing import Any

import pika
import pytest

from shipmate.emulator import StepQueues
from shipmate.jsonvalue import to_json
from tests.container import Container, Launch, eventually

_HEADERS_ONLY = b"\x20\x00"
_TOO_LONG = 300
_MORE_THAN_A_FRAME = 200_000
_TOO_DEEP = 20_000


class RawHeaders(pika.BasicProperties):
    """Properties with a table of headers that the client library would not make."""

    def __init__(self, *entries: tuple[bytes, bytes]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        table = b"".join(bytes((len(name),)) + name + value for name, value in entries)
        self.encoded = [_HEADERS_ONLY, pack(">I", len(table)), table]

    def encode(self) -> list[bytes]:
        return self.encoded


def text(value: str) -> bytes:
    """Return a text as AMQP has it."""
    return b"S" + pack(">I", len(value)) + value.encode()


def goes_on(container: Container, queues: StepQueues) -> None:
    """Check that another message is processed, that nothing is left over, and that the step can be stopped."""
    queues.publish({"body": {"return": {"body": "next"}}})
    assert queues.take("data")[0].message["body"] == "next"
    assert container.stop() == 0
    assert queues.depth("input") == 0


def test_odd_times_and_numbers_are_headers_like_others(launch: Launch, queues: StepQueues) -> None:
    """Milliseconds where AMQP has seconds: the client library cannot read them, and no restart would help."""
    container = launch()
    body = queues.cipher.encode(to_json({"body": {"return": {"body": 1}}}), 1)
    time, number = b"T" + pack(">Q", 1_700_000_000_000), b"s" + pack(">h", -5)
    headers = RawHeaders((b"sentAt", time), (b"x-eio-meta-short", number), (b"messageId", text("m1")))
    queues.channel.basic_publish("", queues.queue("input"), body, headers)
    (data,) = queues.take("data")
    assert (data.headers["parentMessageId"], data.headers["x-eio-meta-short"]) == ("m1", -5)
    goes_on(container, queues)


def test_headers_that_cannot_be_read_reject_their_message_alone(launch: Launch, queues: StepQueues) -> None:
    """Lists in lists beyond what the client library can follow: they would end one process after the other."""
    container = launch().ready()
    body = queues.cipher.encode(to_json({"body": {"return": {"body": 1}}}), 1)
    nested = b"V"
    for _ in range(_TOO_DEEP):
        nested = b"A" + pack(">I", len(nested)) + nested
    headers = RawHeaders((b"messageId", text("m1")), (b"nested", nested))
    queues.channel.basic_publish("", queues.queue("input"), body, headers)
    assert "headers" in queues.take("error")[0].error["message"]
    eventually(lambda: queues.depth("dead") == 1, queues)
    queues.channel.queue_purge(queues.queue("dead"))
    goes_on(container, queues)


def test_a_name_of_a_header_that_is_no_text_is_passed_over(launch: Launch, queues: StepQueues) -> None:
    """Names are bytes to the broker."""
    container = launch()
    body = queues.cipher.encode(to_json({"body": {"return": {"body": 1}}}), 1)
    headers = RawHeaders((b"messageId", text("m1")), (b"\xff\xfe", text("any")))
    queues.channel.basic_publish("", queues.queue("input"), body, headers)
    assert queues.take("data")[0].headers["parentMessageId"] == "m1"
    goes_on(container, queues)


@pytest.mark.parametrize(
    "value",
    [
        {"body": 1, "headers": {"x-eio-routing-key": "k" * _TOO_LONG}},
        {"body": 1, "id": "i" * _MORE_THAN_A_FRAME},
    ],
    ids=["a routing key", "headers"],
)
def test_what_the_protocol_cannot_carry_is_an_error_at_once(
    launch: Launch, queues: StepQueues, value: dict[str, Any]
) -> None:
    """To try again would not help; headers must fit into one frame, and one that is larger ends the connection."""
    container = launch(AMQP_PUBLISH_RETRY_DELAY=1)
    queues.publish({"body": {"do": [["emit", "data", value]]}})
    assert queues.take("error")[0].error["message"].startswith("Failed on publishing")
    eventually(lambda: queues.depth("dead") == 1, queues)
    goes_on(container, queues)


def test_who_is_published_beside_poison_is_not_taken_for_it(launch: Launch, queues: StepQueues) -> None:
    """The broker would end the connection for all that is under way."""
    container = launch(RABBITMQ_PREFETCH_SAILOR=20, AMQP_PUBLISH_RETRY_DELAY=1, DATA_RATE_LIMIT=0)
    for number in range(60):
        extra = {"id": "i" * _MORE_THAN_A_FRAME} if number % 20 == 7 else {}
        queues.publish({"body": {"return": {"body": number, **extra}}})
    bodies = {each.message["body"] for each in queues.take("data", 57)}
    assert bodies == {number for number in range(60) if number % 20 != 7}
    eventually(lambda: queues.depth("dead") == 3, queues)
    queues.purge()
    goes_on(container, queues)
