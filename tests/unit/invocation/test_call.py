"""The events of a call: its errors, its end, and the keys of its sessions."""

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shipmate.errors import EmitError, InvalidMessage, KeysNotSaved, MessageEnded
from shipmate.invocation import executor
from shipmate.invocation.call import Call
from shipmate.invocation.events import Event
from shipmate.invocation.executor import Outcome
from shipmate.invocation.gate import Gate
from shipmate.invocation.message import check_message
from shipmate.invocation.services import Services
from shipmate.invocation.sink import PLATFORM
from tests.unit.invocation.functions import (
    IDS,
    SECRET,
    Collected,
    HeldSink,
    Lenient,
    Run,
    body,
    coroutine,
    exiting,
    exiting_async,
    exiting_in_a_task,
    failing,
    failing_async_generator,
    failing_generator,
    interrupted,
)


@pytest.mark.parametrize(
    ("function", "name", "text"),
    [
        (failing, "ValueError", "with ***"),
        (failing_generator, "ValueError", "with ***"),
        (failing_async_generator, "ValueError", "with ***"),
        (exiting, "SystemExit", "The component called sys.exit(3)"),
        (exiting_async, "SystemExit", "The component called sys.exit(3)"),
        (exiting_in_a_task, "SystemExit", "The component called sys.exit(3)"),
        (interrupted, "KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_whatever_is_raised_is_one_error_event(function: Any, name: str, text: str, run: Run) -> None:
    sink = Collected()
    assert run(function, sink) == Outcome(1)
    error = sink.events[-1]
    assert error.name == "error"
    assert set(error.value) == {"name", "message", "stack"}
    assert (error.value["name"], error.value["message"]) == (name, text)
    assert "functions.py" in error.value["stack"].splitlines()[1]
    assert SECRET not in str(sink.events)


def test_a_component_that_exits_in_a_task_does_not_spoil_the_next_call(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    run(exiting_in_a_task, Collected())
    assert run(coroutine, Collected()) == Outcome(0)
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_emitted_errors_count_and_may_be_anything(run: Run) -> None:
    def function(context: Any, *_: Any) -> None:
        context.emit("error", ValueError(SECRET))
        context.emit("error", {"message": "mine", "name": "Mine"})
        context.emit("error", {"password": "hunter2hunter2", "code": 5})
        context.emit("error")
        context.emit("data", body(1))

    sink = Collected()
    assert run(function, sink) == Outcome(4)
    assert sink.seen == [
        ("error", "***"),
        ("error", "mine"),
        ("error", {"password": "***", "code": 5}),
        ("error", "Not Available"),
        ("data", body(1)),
    ]


def test_an_error_event_that_cannot_be_delivered_is_logged_and_counted(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    assert run(failing, Collected(error=OSError("gone"))) == Outcome(1)
    assert "the error event could not be handed over: gone" in caplog.text


@pytest.mark.parametrize("event", ["data", "updateKeys"])
def test_lost_data_and_keys_fail_the_message_even_when_caught(event: str, run: Run) -> None:
    caught: list[EmitError] = []

    def catching(context: Any, *_: Any) -> None:
        try:
            context.emit(event, body(1))
        except EmitError as error:
            caught.append(error)

    cause = OSError(f"no broker for {SECRET}")
    sink = Collected(**{event: cause})
    assert run(catching, sink) == Outcome(1)
    assert sink.seen == [("error", f'The event "{event}" could not be handed over: no broker for ***')]
    assert caught[0].__cause__ is cause


@pytest.mark.parametrize("event", ["data", "updateKeys"])
def test_lost_data_and_keys_are_reported_once_when_uncaught(event: str, run: Run) -> None:
    async def grouped(context: Any, *_: Any) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(context.emit(event, body(1)))

    for function in (lambda context, *_: context.emit(event, body(1)), grouped):
        sink = Collected(**{event: OSError("no broker")})
        assert run(function, sink) == Outcome(1)
        assert len(sink.events) == 1


def test_a_value_that_is_lost_is_raised_in_the_generator(run: Run) -> None:
    def yielding(*_: Any) -> Iterator[Any]:
        try:
            yield body(1)
        except EmitError:
            context_snapshot.append("not stored")
            raise

    context_snapshot: list[str] = []
    sink = Collected(data=OSError("no broker"))
    assert run(yielding, sink) == Outcome(1)
    assert context_snapshot == ["not stored"]
    assert len(sink.events) == 1


def test_other_lost_events_are_errors_only_when_uncaught(run: Run) -> None:
    def catching(context: Any, *_: Any) -> None:
        with pytest.raises(EmitError):
            context.emit("snapshot", {})

    sink = Collected(snapshot=OSError("no broker"))
    assert run(catching, sink) == Outcome(0)
    assert run(lambda context, *_: context.emit("snapshot", {}), sink) == Outcome(1)
    assert sink.seen == [("error", 'The event "snapshot" could not be handed over: no broker')]


def test_keys_that_are_not_saved_pass_as_they_are(run: Run) -> None:
    cause = KeysNotSaved("no _account in cfg")
    sink = Collected(updateKeys=cause)

    def function(context: Any, *_: Any) -> None:
        with pytest.raises(KeysNotSaved) as raised:
            context.emit("updateKeys", {"oauth": {}})
        assert raised.value is cause
        raise cause

    assert run(function, sink) == Outcome(1)
    assert sink.seen == [("error", "no _account in cfg")]


def test_a_message_that_the_sink_finds_invalid_is_the_authors_to_see(run: Run) -> None:
    def catching(context: Any, *_: Any) -> None:
        with pytest.raises(InvalidMessage):
            context.emit("data", body(1))

    sink = Collected(data=InvalidMessage("too large"))
    assert run(catching, sink) == Outcome(0)
    assert sink.events == []


def test_after_end_only_another_end_is_tolerated(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    def function(context: Any, *_: Any) -> None:
        context.emit("end")
        context.emit("end")
        with pytest.raises(MessageEnded):
            context.emit("data", body(1))

    async def function_async(context: Any, *_: Any) -> None:
        await context.emit("end")
        await context.emit("end")
        with pytest.raises(MessageEnded):
            context.emit("data", body(1))

    for one in (function, function_async):
        caplog.clear()
        sink = Collected()
        assert run(one, sink) == Outcome(0)
        assert sink.seen == [("end", None)]
        assert "has emitted end twice" in caplog.text


def test_the_first_end_decides_for_a_lenient_sink_and_prevents_nothing(run: Run) -> None:
    """Contract 3.4, 6.7: components that come from the official runtime end their messages before they are done."""

    def function(context: Any, *_: Any) -> Any:
        context.emit("end")
        context.emit("error", "late")
        context.emit("end")
        return body(1)

    sink = Lenient()
    assert run(function, sink) == Outcome(0)
    assert [name for name, _ in sink.seen] == ["end", "error", "data"]

    def failing(context: Any, *_: Any) -> None:
        context.emit("error", "early")
        context.emit("end")
        raise ValueError("late")

    assert run(failing, Lenient()) == Outcome(1)


def test_a_function_that_is_done_can_emit_no_more(run: Run) -> None:
    contexts: list[Any] = []
    run(lambda context, *_: contexts.append(context), Collected())
    with pytest.raises(MessageEnded):
        contexts[0].emit("data", body(1))
    with pytest.raises(MessageEnded):
        contexts[0].emit("end")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> HeldSink:
    """Return a sink that takes data when, and only when, the call waits for what is under way."""
    made = HeldSink()
    wait = Gate._wait_until_left

    def open_and_wait(gate: Gate, count: int) -> None:
        made.open.set()
        wait(gate, count)

    monkeypatch.setattr(Gate, "_wait_until_left", open_and_wait)
    return made


def test_the_end_waits_for_emits_of_all_threads(run: Run, gate: HeldSink) -> None:
    def function(context: Any, *_: Any) -> None:
        for number in range(3):
            threading.Thread(target=context.emit, args=("data", body(number))).start()
        for _number in range(3):
            assert gate.arrived.acquire(timeout=10)

    assert run(function, gate) == Outcome(0)
    assert sorted(value["body"] for _, value in gate.seen) == [0, 1, 2]


class LateSink(HeldSink):
    """A sink for the platform that need not be waited for."""

    rules = PLATFORM

    def deliver(self, event: Event) -> None:
        deliver = super(HeldSink, self).deliver if event.value == body("last") else super().deliver
        deliver(event)

    def deliver_later(self, event: Event, then: Callable[[BaseException | None], None]) -> None:
        super(HeldSink, self).deliver(event)
        then(None)


def test_the_end_waits_for_what_another_thread_emits_while_the_function_returns(
    services: Services, gate: HeldSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was returned could go without being waited for, but not with something else under way."""
    late = LateSink()
    late.open = gate.open
    contexts: list[Any] = []

    def check_while_another_thread_emits(value: Any, **how: Any) -> None:
        check_message(value, **how)
        if value == body("last") and contexts:
            threading.Thread(target=contexts.pop().emit, args=("data", body("other"))).start()
            assert late.arrived.acquire(timeout=10)

    monkeypatch.setattr("shipmate.invocation.call.check_message", check_while_another_thread_emits)

    def function(context: Any, *_: Any) -> Any:
        contexts.append(context)
        return body("last")

    seen: list[Any] = []
    executor.process_later(
        function, {}, {}, {}, sink=late, services=services, ids=IDS, on_end=lambda _: seen.extend(late.seen)
    )
    assert sorted(value["body"] for _, value in seen) == ["last", "other"]


def test_an_emitted_end_comes_after_what_other_threads_emit(run: Run, gate: HeldSink) -> None:
    def function(context: Any, *_: Any) -> None:
        threading.Thread(target=context.emit, args=("data", body(1))).start()
        assert gate.arrived.acquire(timeout=10)
        context.emit("end")

    assert run(function, gate) == Outcome(0)
    assert [name for name, _ in gate.seen] == ["data", "end"]


def test_keys_are_handed_over_with_their_account_and_without_an_error_event(services: Services) -> None:
    sink = Collected()
    call = Call(sink, services.redactor, services.loops)
    call.emit_keys({"oauth": {"access_token": "a"}}, "account")
    assert sink.events == [Event("updateKeys", {"oauth": {"access_token": "a"}}, "account")]
    sink.refusals["updateKeys"] = OSError("down")
    with pytest.raises(EmitError) as raised:
        call.emit_keys({}, None)
    assert isinstance(raised.value.__cause__, OSError)
    assert call.errors == 0


def test_keys_are_handed_over_even_when_the_call_is_over(services: Services) -> None:
    sink = Collected()
    call = Call(sink, services.redactor, services.loops)
    call.close()
    call.emit_keys({"oauth": {}}, None)
    assert len(sink.events) == 1


def test_lost_keys_are_reported_once_per_message_and_never_twice(services: Services) -> None:
    sink = Collected()
    call = Call(sink, services.redactor, services.loops)
    first, second = KeysNotSaved("first"), KeysNotSaved("second")
    for error in (first, second, first, second):
        call.report(error)
    call.close(ExceptionGroup("both", [first, second]))
    assert sink.seen == [("error", "first")]
    assert call.errors == 1


def test_what_goes_wrong_after_the_end_is_logged_alone(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    sink = Collected()
    call = Call(sink, services.redactor, services.loops)
    call.close()
    call.report(KeysNotSaved("too late"))
    assert sink.events == []
    assert "too late" in caplog.text


def test_a_session_is_opened_for_the_call(services: Services, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    opened: list[Any] = []
    monkeypatch.setattr("shipmate.oauth2.api.open_session", lambda *args, **kwargs: opened.append((args, kwargs)))
    run(lambda context, msg, cfg, snapshot: context.oauth2(cfg, refresh="on_401"), Collected())
    ((options, cfg), kwargs) = opened[0]
    assert (options, cfg) == ({"refresh": "on_401"}, {})
    assert isinstance(kwargs["call"], Call)
    assert kwargs["services"] is services.oauth2.get()
