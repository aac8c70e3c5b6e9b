"""What a function learns of its events when they are not taken, and what becomes of its message then."""

import threading

import pytest

from shipmate.container.delivery_sink import DeliverySink, start_error
from shipmate.container.messages.codec import Incoming
from shipmate.container.transport import Delivery
from shipmate.errors import EmitUnconfirmed
from shipmate.invocation.call import Call
from shipmate.invocation.events import Event
from shipmate.invocation.loops import Loops
from shipmate.jsonvalue import to_json
from shipmate.logs.log import Redactor
from tests.memory_transport import MemoryTransport
from tests.station import StartInMemory, commands


def test_what_a_function_returns_is_not_waited_for(start_in_memory: StartInMemory) -> None:
    """Its thread is free; the message is settled when the event is confirmed."""
    station = start_in_memory()
    transport = station.transport
    transport.hold()
    transport.deliver(station.cipher.encode(b'{"body": {"return": {"body": 1}}}', 1), {})
    assert transport.settled == []
    transport.confirm()
    assert [is_success for _, is_success in transport.settled] == [True]


def test_an_emit_returns_when_it_is_confirmed(start_in_memory: StartInMemory) -> None:
    """A function that emits knows that its event is safe."""
    station = start_in_memory()
    station.transport.hold()
    thread = threading.Thread(target=station.deliver, args=(commands(["emit", "data", {"body": 1}]),))
    thread.start()
    station.transport.wait_until_held()
    assert station.transport.settled == []
    station.transport.confirm()
    thread.join()
    assert [is_success for _, is_success in station.transport.settled] == [True]


@pytest.mark.parametrize("event", ["data", "httpReply", "rebound", "snapshot", "updateSnapshot"])
def test_an_event_that_is_refused_raises_in_the_function(start_in_memory: StartInMemory, event: str) -> None:
    """The function may go on; only data that is lost fails the message by itself. Contract 3.4."""
    station = start_in_memory()
    station.transport.refuse(event)
    done = station.deliver(commands(["try", event, {"body": 1}]))
    assert done.bodies == [{"caught": "refused"}]
    assert [each.error["message"] for each in done.errors] == (["refused"] if event == "data" else [])
    assert done.is_success is (event != "data")


def test_a_returned_message_that_is_refused_is_an_error(start_in_memory: StartInMemory) -> None:
    """The function has returned by then; the input is rejected."""
    station = start_in_memory()
    station.transport.refuse("data")
    done = station.deliver(commands(**{"return": {"body": 1}}))
    assert [each.error["message"] for each in done.errors] == ["refused"]
    assert not done.is_success


def test_an_error_that_is_refused_rejects_the_message_all_the_same(start_in_memory: StartInMemory) -> None:
    """There is nobody left to report it to but the log."""
    station = start_in_memory()
    station.transport.refuse("error")
    done = station.deliver(commands(["raise", "it failed"]))
    assert done.errors == []
    assert not done.is_success


@pytest.mark.parametrize("event", ["snapshot", "updateSnapshot"])
def test_a_snapshot_that_was_not_published_is_not_given_to_the_next_message(
    start_in_memory: StartInMemory, event: str
) -> None:
    """Contract 15, DEF-27: this process and the platform know the same."""
    station = start_in_memory()
    station.transport.refuse(event)
    station.deliver(commands(["try", event, {"a": 1}]))
    assert station.deliver(commands(["given"])).bodies[0]["snapshot"] == {}


def test_a_stopping_process_leaves_the_messages_that_are_not_confirmed(start_in_memory: StartInMemory) -> None:
    """Neither an error nor an outcome is published: the message is delivered to another container."""
    station = start_in_memory()
    transport = station.transport
    transport.hold()
    transport.deliver(station.cipher.encode(b'{"body": {"return": {"body": 1}}}', 1), {})
    transport.stop_retrying()
    transport.abandon(0.4)
    assert transport.wait_until_idle(10)
    assert (len(transport.left), transport.settled, transport.published) == (1, [], [])


def test_a_message_that_is_left_publishes_nothing_more_but_saves_its_keys(start_in_memory: StartInMemory) -> None:
    """The next container does it all again; a rotated token would be lost."""
    station = start_in_memory()
    resources, transport = station.loaded.resources, station.transport
    transport.stop_retrying()
    transport.refuse("data")
    sink = DeliverySink(resources, transport, Delivery(b"", {}, False, None), Incoming.from_metadata({}))
    for event in (Event("data", {"body": 1}), Event("snapshot", {"a": 1}), Event("data", {"body": 2})):
        with pytest.raises(EmitUnconfirmed):
            sink.deliver(event)
    sink.deliver(Event("updateKeys", {"oauth": {"access_token": "new-token"}}))
    assert (sink.is_left, transport.published) == (True, [])
    assert resources.state.config()["oauth"] == {"access_token": "new-token"}


def test_a_message_that_its_call_leaves_publishes_nothing_more(start_in_memory: StartInMemory) -> None:
    """Not even the error of its function: the next container processes it."""
    station = start_in_memory()
    sink = DeliverySink(
        station.loaded.resources, station.transport, Delivery(b"", {}, False, None), Incoming.from_metadata({})
    )
    Call(sink, Redactor(), Loops()).leave()
    with pytest.raises(EmitUnconfirmed, match="the message stays with the broker"):
        sink.deliver(Event("error", {"name": "E", "message": "m"}))
    assert (sink.is_left, station.transport.published) == (True, [])


def test_the_error_of_a_start_has_no_message(start_in_memory: StartInMemory) -> None:
    """Contract 1.5: its ids are those of the step, and an id of its own."""
    codec = start_in_memory().loaded.resources.codec
    publication = start_error(codec, {"name": "E", "message": "m", "stack": "s"})
    assert (publication.event, publication.delivery, publication.bare_error) == ("error", None, None)
    assert set(publication.metadata) == set(
        "execId taskId workspaceId containerId userId stepId compId function messageId".split()
    )


def test_a_long_reason_of_a_rebound_is_cut(start_in_memory: StartInMemory) -> None:
    """It is a header, and all headers must fit into one frame of AMQP."""
    (rebound,) = start_in_memory().deliver(commands(["emit", "rebound", "r" * 200_000])).rebounds
    assert rebound.headers["reboundReason"] == "r" * 10_000


@pytest.mark.parametrize("limit", [500, 1000, 4000, 20_000])
def test_an_error_is_as_long_as_the_transport_allows(start_in_memory: StartInMemory, limit: int) -> None:
    """Proxy 7.3, PDEF-7: first without the input, then with shorter texts; the message is settled in any case."""
    station = start_in_memory()
    station.transport.error_limit_bytes = limit
    message = commands(["emit", "error", {"name": "Mine", "message": "m" * 5000, "stack": "s"}], filler="f" * 8000)
    done = station.deliver(message)
    (error,) = done.errors
    assert len(error.body) <= limit
    assert error.error["name"] == "Mine"
    assert (error.error["message"] == "m" * 5000) is (limit > 8000)
    assert error.error_input is None
    assert not done.is_success


def test_an_error_stays_readable_whatever_the_limit_is(start_in_memory: StartInMemory) -> None:
    """The stack goes first; of the message the beginning is left."""
    station = start_in_memory()
    station.transport.error_limit_bytes = 10
    (error,) = station.deliver(commands(["raise", "m" * 5000])).errors
    assert error.error == {"name": "ValueError", "message": "m" * 200, "stack": ""}


def test_an_event_of_the_author_s_own_type_is_only_for_transports_that_take_it(
    start_in_memory: StartInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proxy 7.1: encrypted with the protocol that the author names, 2 by default."""
    refused = start_in_memory().deliver(commands(["emit", "customType", {"type": "mine", "payload": {"p": 1}}]))
    assert [each.error["name"] for each in refused.errors] == ["UnknownEvent"]
    monkeypatch.setattr(MemoryTransport, "more_events", ("customType",))
    station = start_in_memory()
    transport = station.transport
    for value in ({"type": "mine", "payload": {"p": 1}}, {"type": "mine", "payload": {"p": 1}, "protocolVersion": 1}):
        transport.deliver(station.cipher.encode(to_json(commands(["emit", "customType", value])), 1), {})
    assert [(each.event, each.metadata["protocolVersion"]) for each in transport.published] == [
        ("mine", 2),
        ("mine", 1),
    ]
    first, second = (station.cipher.decode(each.body, each.metadata["protocolVersion"]) for each in transport.published)
    assert first == second == b'{"p":1}'
    for wrong in (None, {}, {"type": 7, "payload": 1}, {"type": ""}):
        transport.deliver(station.cipher.encode(to_json(commands(["emit", "customType", wrong])), 1), {})
    assert [each.event for each in transport.published[2:]] == ["error"] * 4
