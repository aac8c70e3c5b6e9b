"""Messages that a stranger makes: what a step tells its sender, and where what it publishes can go."""

import base64
import json
import time
from struct import pack
from typing import Any

import pytest

from shipmate.container.amqp import lease
from shipmate.container.messages.cipher import Cipher
from tests.contract.test_step_poison import RawHeaders, text
from tests.station import IV, PASSWORD, AmqpStation, StartAmqp, StartInMemory, commands

CIPHER = Cipher(PASSWORD, IV)
DEEP = 200_000
GOOD = CIPHER.encrypt(b'{"body": {"return": {"body": 1}}}')


def encoded(plain: bytes) -> bytes:
    """Return a body that has the right key."""
    return CIPHER.encode(plain, 1)


BODIES = {
    "nothing": b"",
    "no base64": b"!!!!",
    "less than a block": base64.b64encode(b"short"),
    "not whole blocks": base64.b64encode(GOOD[:-1]),
    "another key": Cipher("another", IV).encode(b'{"body": 1}', 1),
    "wrong padding": base64.b64encode(GOOD[:-1] + bytes((GOOD[-1] ^ 1,))),
    "a cut tail": base64.b64encode(GOOD[:-16]),
    "a wrong first block": base64.b64encode(bytes(16) + GOOD[16:]),
    "no padding at all": base64.b64encode(bytes(32)),
    "no JSON": encoded(b"no JSON"),
    "empty JSON": encoded(b""),
    "half of JSON": encoded(b'{"body": '),
    "a list": encoded(b"[1]"),
    "null": encoded(b"null"),
    "a number": encoded(b"1e999"),
    "no UTF-8": encoded(b'\xff\xfe{"body": 1}'),
    "JSON without end": encoded(b"[" * DEEP),
    "deep JSON": encoded(b'{"body": ' + b"[" * DEEP + b"]" * DEEP + b"}"),
    "a long number": encoded(b"9" * 5000),
}


@pytest.mark.parametrize("input_format", ["message", "error"])
def test_a_sender_does_not_learn_why_a_message_cannot_be_decoded(
    start_in_memory: StartInMemory, input_format: str
) -> None:
    """With a text for wrong padding, 4,104 messages decrypted a block without the password."""
    station = start_in_memory(INPUT_FORMAT=input_format, ERROR_RATE_LIMIT=0)
    bodies = list(BODIES.values())
    if input_format == "error":
        inside = ("no base64", "less than a block", "another key", "wrong padding", "no JSON", "half of JSON")
        bodies += [b'{"error": "%b"}' % BODIES[name] for name in inside] + [b'{"errorInput": 1}']
    errors = []
    for protocol in (1, 2):
        for body in bodies:
            done = station.deliver_raw(body, {"messageId": "m1", "protocolVersion": protocol, "reply_to": "nobody"})
            (error,) = done.errors
            assert (error.error_input, done.is_success) == (None, False)
            assert station.transport.published[-1].bare_error is None
            errors.append(error.error)
    assert errors == [errors[0]] * len(errors)
    assert errors[0]["stack"] == "Not Available"


def test_the_log_says_why_a_message_cannot_be_decoded(
    start_in_memory: StartInMemory, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator reads it, and the sender does not."""
    start_in_memory().deliver_raw(BODIES["no JSON"], {})
    assert "a message could not be decoded: not JSON: " in caplog.text


def test_what_cannot_be_decoded_has_no_copy_for_its_sender(start_amqp: StartAmqp) -> None:
    """An answer to guesses is for those who have the password."""
    station = start_amqp()
    done = station.deliver_raw(BODIES["wrong padding"], {"messageId": "m1", "reply_to": station.reply_to})
    assert len(done.errors) == 1
    assert done.replies == []


@pytest.mark.parametrize("name", ["x-eio-error-response", "X-Eio-Error-Response"])
@pytest.mark.parametrize("value", [True, "true", 1])
def test_the_copy_of_an_error_has_no_copy_of_its_own_error(start_amqp: StartAmqp, name: str, value: Any) -> None:
    """Where reply_to led back to the step, one message made errors without end."""
    station = start_amqp()
    done = station.deliver(commands(["raise", "no"]), headers={"reply_to": station.reply_to, name: value})
    assert len(done.errors) == 1
    assert done.replies == []


@pytest.mark.parametrize("key", ["data", "error", "snapshot", "rebound", "input"])
@pytest.mark.parametrize(
    "what", [["raise", "no"], ["emit", "httpReply", {"statusCode": 200, "body": "", "headers": {}}]]
)
def test_nobody_waits_for_replies_at_the_keys_of_the_step_itself(start_amqp: StartAmqp, key: str, what: Any) -> None:
    """The copy of an error would be a message for the next step, or the next input of this one."""
    station = start_amqp(ERROR_RATE_LIMIT=0)
    queues = station.queues
    # A test's input arrives with the name of its queue as its key.
    queues.channel.queue_bind(queues.queue("input"), queues.exchange, queues.queue("input"))
    reply_to = queues.queue("input") if key == "input" else queues.routing_key(key)
    done = station.deliver(commands(what), headers={"reply_to": reply_to})
    assert len(done.errors) == 1
    assert (done.data, done.snapshots, done.rebounds) == ([], [], [])
    assert not done.is_success
    assert queues.depth("input") == 0


@pytest.mark.parametrize("name", ["CC", "BCC"])
def test_a_message_that_goes_back_goes_nowhere_else(start_amqp: StartAmqp, name: str) -> None:
    """RabbitMQ has further routing keys in these headers, which a sender must not choose for the step."""
    station = start_amqp()
    done = station.deliver(commands(["emit", "rebound", "later"]), headers={name: [station.reply_to], "Custom": 1})
    (rebound,) = done.rebounds
    assert name not in rebound.headers
    assert rebound.headers["Custom"] == 1
    assert done.replies == []


@pytest.mark.parametrize(
    ("settings", "count"), [({}, 19), ({"REBOUND_LIMIT": 10**9}, 10**8)], ids=["the last one", "a large number"]
)
def test_a_delay_is_one_that_the_broker_accepts(start_amqp: StartAmqp, settings: dict[str, Any], count: int) -> None:
    """RabbitMQ closes the channel over a longer one; the power of a large number takes all memory."""
    done = start_amqp(**settings).deliver(commands(["emit", "rebound", "later"]), headers={"reboundIteration": count})
    (rebound,) = done.rebounds
    assert rebound.properties.expiration == str(2**32 - 1)
    assert done.is_success


def test_a_foreign_queue_of_a_locks_name_delays_one_refresh(
    start_amqp: StartAmqp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not each one: the name of the lock can be known."""
    monkeypatch.setattr(lease, "_WAIT_SECONDS", 0.2)
    monkeypatch.setattr(lease, "_SHORT_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(lease, "_SHORTEST_PAUSE_SECONDS", 0.01)
    station = start_amqp()
    lock = station.step.transport.lock
    assert lock is not None
    waits = []
    name = f"{station.queues.name}-refresh"
    station.queues.channel.queue_declare(f"shipmate.{name}", exclusive=True)
    for _ in range(2):
        begun = time.monotonic()
        held = lock(name)
        while True:
            with held as is_in_use:
                if not is_in_use:
                    break
        waits.append(time.monotonic() - begun)
    assert waits[0] >= 0.2 > waits[1]


def listed(*values: bytes) -> bytes:
    """Return a list as AMQP has it."""
    return b"A" + pack(">I", sum(map(len, values))) + b"".join(values)


def table(*entries: tuple[bytes, bytes]) -> bytes:
    """Return a table as AMQP has it, its type included."""
    content = b"".join(bytes((len(name),)) + name + value for name, value in entries)
    return b"F" + pack(">I", len(content)) + content


def nested(depth: int) -> bytes:
    """Return lists in lists."""
    value = b"V"
    for _ in range(depth):
        value = listed(value)
    return value


# Those that the broker itself refuses are in the unit tests of properties.
VALUES = {
    "nothing": b"V",
    "true": b"t\x01",
    "an octet": b"b\xff",
    "a short number": b"s" + pack(">h", -5),
    "a long number": b"l" + pack(">q", -(2**63)),
    "a fraction": b"d" + pack(">d", 1.5),
    "a decimal": b"D" + pack(">Bi", 255, -(2**31)),
    "a time": b"T" + pack(">Q", 2**64 - 1),
    "bytes": b"x" + pack(">I", 3) + b"\xff\x00\n",
    "text that is no UTF-8": b"S" + pack(">I", 2) + b"\xff\xfe",
    "an empty text": text(""),
    "a long text": text("t" * 60_000),
    "control characters": text("\r\n\0\x1b]52;c;\x07"),
    "a list": listed(text("a"), b"V", b"t\x00"),
    "a table": table((b"a", text("b")), (b"\xff", b"V")),
    "a deep list": nested(300),
    "a list too deep to read": nested(20_000),
}
NAMES = [
    "messageId",
    "threadId",
    "stepId",
    "protocolVersion",
    "reply_to",
    "reboundIteration",
    "x-eio-meta-trace-id",
    "own",
]
REPLY = ["emit", "httpReply", {"statusCode": 200, "body": "", "headers": {}}]
EVENTS: list[list[Any]] = [["emit", "data", {"body": 1}], ["emit", "rebound", "later"], ["raise", "no"]]


def goes_on(station: AmqpStation, count: int) -> bool:
    """Tell whether another message is processed when so many are settled."""
    station.wait_until_settled(count)
    station.queues.publish({"body": {"return": {"body": "next"}}})
    station.wait_until_settled(count + 1)
    return station._settled[count]  # what was published is not read: the library of the test cannot read every header


@pytest.mark.parametrize("kind", VALUES)
def test_no_header_takes_a_step_down(start_amqp: StartAmqp, caplog: pytest.LogCaptureFixture, kind: str) -> None:
    """Each message is settled, whatever its headers are, and the next one is processed on the same connections."""
    station = start_amqp(ERROR_RATE_LIMIT=0, DATA_RATE_LIMIT=0, RABBITMQ_PREFETCH_SAILOR=20)
    queues, count = station.queues, 0
    for name in NAMES:
        for event in EVENTS:
            count += 1
            headers = RawHeaders((name.encode(), VALUES[kind]))
            queues.channel.basic_publish(
                "", queues.queue("input"), encoded(json.dumps(commands(event)).encode()), headers
            )
    assert goes_on(station, count)
    assert "internal error" not in caplog.text
    assert "the broker was lost" not in caplog.text


@pytest.mark.parametrize("event", EVENTS, ids=["data", "rebound", "error"])
def test_headers_that_fill_a_frame_reject_their_message_alone(start_amqp: StartAmqp, event: list[Any]) -> None:
    """What is published has more of them, and does not fit into a frame."""
    station = start_amqp()
    large = {f"x-eio-meta-{number}": "m" * 10_000 for number in range(13)}
    station.queues.publish(commands(event), headers=large)
    assert goes_on(station, 1)


@pytest.mark.parametrize("reply_to", ["k" * 300, "\0", "#", "*.*", "amq.rabbitmq.reply-to.x", "ü" * 200])
@pytest.mark.parametrize(
    "event", [["raise", "no"], ["emit", "httpReply", {"statusCode": 200, "body": "", "headers": {}}]]
)
def test_an_odd_address_is_an_error_and_no_more(start_amqp: StartAmqp, reply_to: str, event: list[Any]) -> None:
    """Some cannot be routing keys; nobody waits at the others."""
    station = start_amqp()
    done = station.deliver(commands(event), headers={"reply_to": reply_to})
    assert len(done.errors) == 1
    assert not done.is_success
    assert station.deliver({"body": {"return": {"body": "next"}}}).bodies == ["next"]
