"""One call of one function: every kind of function, every event, every way to fail."""

import asyncio
import collections.abc
import dataclasses
import functools
import gc
import io
import logging
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from shipmate.emulator import Platform
from shipmate.errors import EmitError, InvalidMessage, KeysNotSaved, MessageEnded, MissingSetting, UnknownEvent
from shipmate.invocation import executor
from shipmate.invocation.emission import Call, Emission
from shipmate.invocation.executor import Event, Ids, Outcome, Sink
from shipmate.invocation.loops import Loops
from shipmate.invocation.message import check_message
from shipmate.invocation.services import Services
from shipmate.logs import log
from shipmate.logs.log import Redactor
from shipmate.platform.client import PlatformClient
from shipmate.settings import ApiSettings

SECRET = "a-secret-of-someone"
IDS = Ids("thread", "message", "parent")


class Collected:
    """A sink that keeps events, and refuses those it is told to."""

    def __init__(self, **refusals: BaseException) -> None:
        self.events: list[Event] = []
        self.refusals = refusals

    def deliver(self, event: Event) -> None:
        if event.name in self.refusals:
            raise self.refusals[event.name]
        self.events.append(event)

    @property
    def seen(self) -> list[tuple[str, Any]]:
        """The events as pairs, errors by their message alone."""
        return [(e.name, e.value["message"] if e.name == "error" else e.value) for e in self.events]


def no_platform() -> Any:
    raise MissingSetting("ELASTICIO_API_URI is not set")


@pytest.fixture
def services() -> Iterator[Services]:
    redactor = Redactor()
    redactor.add(SECRET)
    shared = object()
    made = Services(redactor, lambda: shared, no_platform, {"region": "eu"})  # type: ignore[arg-type, return-value]
    yield made
    made.loops.close()


class Lenient(Collected):
    """A sink for the platform."""

    is_lenient = True


def returning(value: Any) -> Any:
    """Return an asynchronous function that returns a value."""

    async def function(*_: Any) -> Any:
        return value

    return function


Run = Callable[..., Outcome]


@pytest.fixture
def run(services: Services) -> Run:
    def run(function: Callable[..., Any], sink: Sink, *, msg: Any = None) -> Outcome:
        return executor.process(function, msg or {}, {}, {}, sink=sink, services=services, ids=IDS)

    return run


def body(value: Any) -> dict[str, Any]:
    return {"body": value}


# --- kinds of functions


def plain(context: Any, msg: Any, cfg: Any, snapshot: Any) -> Any:
    context.emit("data", body(1))
    return body(2)


async def coroutine(context: Any, msg: Any, cfg: Any, snapshot: Any) -> Any:
    await context.emit("data", body(1))
    return body(2)


def generator(context: Any, msg: Any, cfg: Any, snapshot: Any) -> Iterator[Any]:
    yield body(1)
    yield None
    yield body(2)


def returning_generator(context: Any, msg: Any, cfg: Any, snapshot: Any) -> Any:
    yield body(1)
    return body(2)


async def async_generator(context: Any, msg: Any, cfg: Any, snapshot: Any) -> AsyncIterator[Any]:
    yield body(1)
    yield None
    await asyncio.to_thread(lambda: None)
    yield body(2)


async def coroutine_of_a_generator(context: Any, msg: Any, cfg: Any, snapshot: Any) -> Any:
    return generator(context, msg, cfg, snapshot)


KINDS = [plain, coroutine, generator, returning_generator, async_generator, coroutine_of_a_generator]


@pytest.mark.parametrize("function", KINDS)
@pytest.mark.parametrize("is_decorated", [False, True])
def test_every_kind_of_function_emits_what_it_makes(function: Any, is_decorated: bool, run: Run) -> None:
    def decorated(*args: Any) -> Any:
        return function(*args)

    sink = Collected()
    assert run(decorated if is_decorated else functools.partial(function), sink) == Outcome(0)
    assert sink.seen == [("data", body(1)), ("data", body(2))]


@pytest.mark.parametrize("function", [*KINDS])
def test_every_kind_of_function_works_where_a_loop_is_running(function: Any, run: Run) -> None:
    async def test() -> Outcome:
        return run(function, sink)

    sink = Collected()
    assert asyncio.run(test()) == Outcome(0)
    assert sink.seen == [("data", body(1)), ("data", body(2))]


def test_none_is_nothing_and_what_is_empty_is_not_none(run: Run) -> None:
    sink = Collected()
    assert run(lambda *_: None, sink) == Outcome(0)
    assert sink.seen == []
    empties: tuple[Any, ...] = ({}, [], 0, "", False)
    for empty in empties:
        assert run(lambda *_, empty=empty: empty, sink).errors == 1
    assert [name for name, _ in sink.seen] == ["error"] * 5


@pytest.mark.parametrize("function", [lambda value: lambda *_: value, lambda value: returning(value)])
def test_a_lenient_sink_takes_what_the_official_runtime_takes(run: Run, function: Any) -> None:
    """Contract 7: the platform's messages may lack a body, and what is falsy in JavaScript is nothing."""
    sink = Lenient()
    for nothing in (None, 0, "", False):
        assert run(function(nothing), sink) == Outcome(0)
    assert sink.seen == []
    assert run(function({}), sink) == Outcome(0)
    assert run(function({"headers": {}}), sink) == Outcome(0)
    assert sink.seen == [("data", {}), ("data", {"headers": {}})]
    for wrong in ([], "text", 5, True):
        assert run(function(wrong), sink).errors == 1


def test_the_function_gets_context_message_configuration_and_snapshot(services: Services) -> None:
    got: list[Any] = []
    executor.process(
        lambda *args: got.append(args[1:]), "msg", "cfg", "snapshot", sink=Collected(), services=services, ids=IDS
    )
    assert got == [("msg", "cfg", "snapshot")]


def test_each_value_is_handed_over_before_the_generator_goes_on(run: Run) -> None:
    sink = Collected()
    seen: list[int] = []

    def counting(*_: Any) -> Iterator[Any]:
        for number in range(3):
            yield body(number)
            seen.append(len(sink.events))

    async def counting_async(*_: Any) -> AsyncIterator[Any]:
        for number in range(3):
            yield body(number)
            seen.append(len(sink.events))

    run(counting, sink)
    run(counting_async, sink)
    assert seen == [1, 2, 3, 4, 5, 6]


def test_a_refused_value_is_raised_where_it_was_yielded(run: Run) -> None:
    def careful(*_: Any) -> Iterator[Any]:
        try:
            yield {"no": "body"}
        except InvalidMessage:
            yield body("instead")
        yield body("after")

    async def careful_async(*_: Any) -> AsyncIterator[Any]:
        try:
            yield {"no": "body"}
        except InvalidMessage:
            yield body("instead")
        yield body("after")

    for function in (careful, careful_async):
        sink = Collected()
        assert run(function, sink) == Outcome(0)
        assert sink.seen == [("data", body("instead")), ("data", body("after"))]


def test_a_generator_that_ends_after_a_refused_value_is_done(run: Run) -> None:
    def giving_up(*_: Any) -> Iterator[Any]:
        try:
            yield "no message"
        except InvalidMessage:
            return

    async def giving_up_async(*_: Any) -> AsyncIterator[Any]:
        try:
            yield "no message"
        except InvalidMessage:
            return

    assert run(giving_up, Collected()) == run(giving_up_async, Collected()) == Outcome(0)


# --- errors


def exiting(*_: Any) -> None:
    sys.exit(3)


async def exiting_async(*_: Any) -> None:
    sys.exit(3)


async def exiting_in_a_task(*_: Any) -> None:
    async def leave() -> None:
        sys.exit(3)

    await asyncio.gather(asyncio.create_task(leave()), asyncio.Event().wait())


def failing(*_: Any) -> None:
    raise ValueError(f"with {SECRET}")


def failing_generator(*_: Any) -> Iterator[Any]:
    yield body(1)
    raise ValueError(f"with {SECRET}")


async def failing_async_generator(*_: Any) -> AsyncIterator[Any]:
    yield body(1)
    raise ValueError(f"with {SECRET}")


def interrupted(*_: Any) -> None:
    raise KeyboardInterrupt


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
    assert "test_executor.py" in error.value["stack"].splitlines()[1]
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


# --- events and their values


def test_every_event_reaches_the_sink_with_its_value(run: Run) -> None:
    def function(context: Any, *_: Any) -> None:
        context.emit("rebound", ValueError(f"later {SECRET}"))
        context.emit("rebound", "later")
        context.emit("rebound", {"code": 5})
        context.emit("rebound")
        context.emit("snapshot", [1])
        context.emit("updateSnapshot", {"page": 2})
        context.emit("updateKeys", {"oauth": {"access_token": "a"}})
        context.emit("httpReply", {"statusCode": 200})
        context.emit("end", "ignored")

    sink = Collected()
    assert run(function, sink) == Outcome(0)
    assert sink.seen == [
        ("rebound", "later ***"),
        ("rebound", "later"),
        ("rebound", "{'code': 5}"),
        ("rebound", "Not Available"),
        ("snapshot", [1]),
        ("updateSnapshot", {"page": 2}),
        ("updateKeys", {"oauth": {"access_token": "a"}}),
        ("httpReply", {"statusCode": 200}),
        ("end", None),
    ]
    assert {event.account for event in sink.events} == {None}


def test_a_snapshot_update_with_what_is_no_object_is_left_out(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """Contract §6.4: it is logged, and no failure."""
    sink = Collected()
    assert run(lambda context, *_: context.emit("updateSnapshot", [1]), sink) == Outcome(0)
    assert sink.events == []
    assert "updateSnapshot takes an object" in caplog.text


@pytest.mark.parametrize("event", ["updateKeys", "httpReply"])
def test_events_that_need_an_object_refuse_other_values(event: str, run: Run) -> None:
    def function(context: Any, *_: Any) -> None:
        with pytest.raises(InvalidMessage, match="needs an object, found list"):
            context.emit(event, [])

    sink = Collected()
    assert run(function, sink) == Outcome(0)
    assert sink.events == []


def test_a_snapshot_update_with_mongo_operators_is_left_out(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def function(context: Any, *_: Any) -> None:
        await context.emit("updateSnapshot", {"$set": {"a": 1}})

    sink = Collected()
    assert run(function, sink) == Outcome(0)
    assert sink.events == []
    assert "$set" in caplog.text


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ("dta", 'Did you mean "data"'),
        ("xyz", r'There is no event "xyz"\. Known events: data, error'),
        (body(1), "name of an event, found dict"),
        (5, "found int"),
    ],
)
def test_an_unknown_event_is_refused_with_those_that_exist(event: Any, says: str, run: Run) -> None:
    def function(context: Any, *_: Any) -> None:
        with pytest.raises(UnknownEvent, match=says):
            context.emit(event, body(1))

    assert run(function, Collected()) == Outcome(0)


def test_what_is_emitted_is_copied_and_left_as_it_was(run: Run) -> None:
    emitted = {"body": {"list": [1]}}

    def function(context: Any, *_: Any) -> None:
        context.emit("data", emitted)
        emitted["body"]["list"].append(2)

    sink = Collected()
    run(function, sink)
    sink.events[0].value["headers"] = {}
    assert sink.events[0].value["body"] == {"list": [1]}
    assert emitted == {"body": {"list": [1, 2]}}


# --- the end


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
        assert "end was emitted before" in caplog.text


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


class Gate(Collected):
    """A sink that takes data only when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = threading.Semaphore(0)
        self.open = threading.Event()

    def deliver(self, event: Event) -> None:
        if event.name == "data":
            self.arrived.release()
            assert self.open.wait(10)
        super().deliver(event)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Return a gate that opens when, and only when, the call waits for what is under way."""
    made = Gate()
    wait = Call._wait_until_left

    def open_and_wait(call: Call, count: int) -> None:
        made.open.set()
        wait(call, count)

    monkeypatch.setattr(Call, "_wait_until_left", open_and_wait)
    return made


def test_the_end_waits_for_emits_of_all_threads(run: Run, gate: Gate) -> None:
    def function(context: Any, *_: Any) -> None:
        for number in range(3):
            threading.Thread(target=context.emit, args=("data", body(number))).start()
        for _number in range(3):
            assert gate.arrived.acquire(timeout=10)

    assert run(function, gate) == Outcome(0)
    assert sorted(value["body"] for _, value in gate.seen) == [0, 1, 2]


class LateGate(Gate):
    """A gate of the platform, which need not be waited for."""

    is_lenient = True

    def deliver(self, event: Event) -> None:
        deliver = super(Gate, self).deliver if event.value == body("last") else super().deliver
        deliver(event)

    def deliver_later(self, event: Event, then: Callable[[BaseException | None], None]) -> None:
        super(Gate, self).deliver(event)
        then(None)


def test_the_end_waits_for_what_another_thread_emits_while_the_function_returns(
    services: Services, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was returned could go without being waited for, but not with something else under way."""
    late = LateGate()
    late.open = gate.open
    contexts: list[Any] = []

    def check_while_another_thread_emits(value: Any, **how: Any) -> None:
        check_message(value, **how)
        if value == body("last") and contexts:
            threading.Thread(target=contexts.pop().emit, args=("data", body("other"))).start()
            assert late.arrived.acquire(timeout=10)

    monkeypatch.setattr("shipmate.invocation.emission.check_message", check_while_another_thread_emits)

    def function(context: Any, *_: Any) -> Any:
        contexts.append(context)
        return body("last")

    seen: list[Any] = []
    executor.process_later(
        function, {}, {}, {}, sink=late, services=services, ids=IDS, on_end=lambda _: seen.extend(late.seen)
    )
    assert sorted(value["body"] for _, value in seen) == ["last", "other"]


def test_an_emitted_end_comes_after_what_other_threads_emit(run: Run, gate: Gate) -> None:
    def function(context: Any, *_: Any) -> None:
        threading.Thread(target=context.emit, args=("data", body(1))).start()
        assert gate.arrived.acquire(timeout=10)
        context.emit("end")

    assert run(function, gate) == Outcome(0)
    assert [name for name, _ in gate.seen] == ["data", "end"]


# --- event loops


def test_emits_in_a_loop_start_at_once_in_order_and_need_no_await(run: Run) -> None:
    threads = set()

    class Watching(Collected):
        def deliver(self, event: Event) -> None:
            threads.add(threading.get_ident())
            super().deliver(event)

    async def function(context: Any, *_: Any) -> None:
        for number in range(20):
            context.emit("data", body(number))

    sink = Watching()
    assert run(function, sink) == Outcome(0)
    assert [value["body"] for _, value in sink.seen] == list(range(20))
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_an_emit_can_be_a_task_gathered_and_awaited_twice(run: Run) -> None:
    async def function(context: Any, *_: Any) -> None:
        emission = context.emit("data", body(0))
        assert isinstance(emission, collections.abc.Coroutine)
        await emission
        await emission
        await asyncio.create_task(context.emit("data", body(1)))
        await asyncio.gather(context.emit("data", body(2)), context.emit("data", body(3)))
        async with asyncio.TaskGroup() as group:
            group.create_task(context.emit("data", body(4)))
        await asyncio.wait_for(context.emit("data", body(5)), 10)
        context.emit("data", body(6)).close()

    sink = Collected()
    assert run(function, sink) == Outcome(0)
    assert [value["body"] for _, value in sink.seen] == list(range(7))


def test_the_loop_goes_on_while_an_event_is_handed_over(run: Run) -> None:
    sink = Gate()

    async def function(context: Any, *_: Any) -> None:
        async def open_gate() -> None:
            sink.open.set()

        await asyncio.gather(context.emit("data", body(1)), open_gate())

    async def yielding(*_: Any) -> AsyncIterator[Any]:
        task = asyncio.create_task(asyncio.to_thread(sink.open.set))
        yield body(1)
        await task

    assert run(function, sink) == Outcome(0)
    sink.open.clear()
    assert run(yielding, sink) == Outcome(0)


def test_a_cancelled_wait_does_not_call_the_event_back(run: Run) -> None:
    sink = Gate()

    async def function(context: Any, *_: Any) -> None:
        waiting = asyncio.create_task(context.emit("data", body(1)))
        not_started = asyncio.create_task(context.emit("data", body(2)))
        not_started.cancel()
        await asyncio.to_thread(sink.arrived.acquire)
        waiting.cancel()
        for task in (waiting, not_started):
            with pytest.raises(asyncio.CancelledError):
                await task
        sink.open.set()

    assert run(function, sink) == Outcome(0)
    assert [value["body"] for _, value in sink.seen] == [1, 2]


@pytest.mark.parametrize("event", ["data", "snapshot"])
@pytest.mark.parametrize("as_task", [False, True])
def test_failures_that_nobody_awaits_count_once_and_make_no_noise(
    event: str, as_task: bool, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async def function(context: Any, *_: Any) -> None:
        emission = context.emit(event, body(1))
        if as_task:
            done = asyncio.Event()
            asyncio.create_task(emission).add_done_callback(lambda _: done.set())
            await done.wait()

    sink = Collected(**{event: OSError("no broker")})
    assert run(function, sink) == Outcome(1)
    assert len(sink.events) == 1
    assert "never retrieved" not in caplog.text


def test_failures_that_are_awaited_and_caught_do_not_count(run: Run) -> None:
    async def function(context: Any, *_: Any) -> None:
        with pytest.raises(EmitError):
            await context.emit("httpReply", {})

    assert run(function, Collected(httpReply=OSError("no broker"))) == Outcome(0)


def test_other_tasks_that_fail_unseen_are_logged_as_ever(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise ValueError("unseen")

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("stubborn")

    async def function(context: Any, *_: Any) -> None:
        asyncio.create_task(fail())  # noqa: RUF006
        asyncio.create_task(stubborn())  # noqa: RUF006
        asyncio.create_task(asyncio.Event().wait())  # noqa: RUF006
        await asyncio.to_thread(lambda: None)
        asyncio.get_running_loop().call_exception_handler({"message": "something without exception"})

    assert run(function, Collected()) == Outcome(0)
    gc.collect()
    assert "never retrieved" in caplog.text
    assert "failed while it was cancelled" in caplog.text
    assert "something without exception" in caplog.text


def test_a_plain_function_may_run_its_own_loop(run: Run) -> None:
    def function(context: Any, *_: Any) -> None:
        async def inner() -> None:
            context.emit("data", body(1))
            await context.emit("data", body(2))

        asyncio.run(inner())

    sink = Collected()
    assert run(function, sink) == Outcome(0)
    assert len(sink.events) == 2


def test_the_loop_is_kept_for_the_next_call_and_closed_in_the_end() -> None:
    loops = Loops()

    async def running() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    first = loops.run(running(), lambda _: False)
    assert loops.run(running(), lambda _: False) is first
    loops.close()
    assert first.is_closed()
    second = loops.run(running(), lambda _: False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del loops
        gc.collect()
    assert second.is_closed()


def test_a_loop_that_the_component_closes_or_stops_is_not_used_again(run: Run) -> None:
    async def stopping(*_: Any) -> None:
        asyncio.get_running_loop().stop()
        await asyncio.Event().wait()

    assert run(stopping, Collected()) == Outcome(1)
    assert run(coroutine, Collected()) == Outcome(0)


def test_an_emit_that_finds_no_thread_is_not_waited_for(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoThreads:
        def submit(self, *_: Any) -> None:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")

        def shutdown(self) -> None:
            pass

    monkeypatch.setattr(services.loops, "borrow_emitter", NoThreads)
    call = Call(Collected(), services.redactor, services.loops)
    with pytest.raises(RuntimeError):
        call.emit_soon("data", body(1))
    call.close()


def test_exceptions_can_be_thrown_into_a_wait_in_the_old_way() -> None:
    ways: tuple[tuple[Any, ...], ...] = ((ValueError,), (ValueError, ValueError("x")), (ValueError, None, None))
    for args in ways:
        with pytest.raises(ValueError):  # noqa: PT011
            Emission(Future()).throw(*args)
    with pytest.raises(ValueError, match="x"):
        Emission(Future()).throw(ValueError, ValueError("x"), None)


# --- the port for oauth2


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
    assert kwargs["services"] is services.oauth2()


# --- the context


def test_the_context_offers_what_the_run_mode_provides(run: Run, services: Services) -> None:
    def function(context: Any, *_: Any) -> None:
        assert context.flow_variables == {"region": "eu"}
        with pytest.raises(MissingSetting):
            _ = context.api
        with pytest.raises(MissingSetting):
            context.attachments.upload("a.csv", b"1,2")

    assert run(function, Collected()) == Outcome(0)


def test_files_are_stored_where_the_run_mode_says(services: Services) -> None:
    """An upload goes to the platform that the run mode knows, and its address into the message."""
    with Platform() as platform:
        settings = ApiSettings.from_environ(platform.environ())
        made = dataclasses.replace(services, platform=lambda: PlatformClient(settings))
        sink = Collected()

        def function(context: Any, *_: Any) -> Any:
            return {"body": {}, "attachments": {"a.csv": context.attachments.upload("a.csv", b"1,2")}}

        assert executor.process(function, {}, {}, {}, sink=sink, services=made, ids=IDS) == Outcome(0)
        assert list(platform.steward.files.values()) == [(b"1,2", "text/csv")]
        (event,) = sink.events
        assert event.value["attachments"]["a.csv"]["size"] == 3


def test_records_made_meanwhile_carry_the_ids(run: Run) -> None:
    stream = io.StringIO()

    async def function(context: Any, *_: Any) -> None:
        context.logger.info("one")
        logging.getLogger("else").info("two")

    with log.configure(20, Redactor(), stream=stream, as_json=False):
        run(function, Collected())
    assert all("messageId=message parentMessageId=parent" in line for line in stream.getvalue().splitlines())


# --- functions that answer


def test_a_model_is_what_the_function_returns(services: Services) -> None:
    async def model(context: Any, cfg: Any) -> Any:
        await context.emit("updateKeys", {"oauth": {}})
        return {"a": (1,)}

    sink = Collected()
    assert executor.call_model(model, {}, sink=sink, services=services) == {"a": [1]}
    assert sink.seen == [("updateKeys", {"oauth": {}})]
    assert executor.call_model(lambda context, cfg: None, {}, sink=sink, services=services, ids=IDS) is None


def test_a_model_raises_what_the_function_raises(services: Services) -> None:
    def wrong(context: Any, cfg: Any) -> None:
        context.emit("data", body(1))

    def yielding(context: Any, cfg: Any) -> Iterator[int]:
        yield 1

    for function, error in [(failing, ValueError), (exiting, SystemExit), (wrong, UnknownEvent)]:
        with pytest.raises(error):
            executor.call_model(function, {}, sink=Collected(), services=services)
    unusable: tuple[Any, ...] = (yielding, lambda *_: {1})
    for answer in unusable:
        with pytest.raises(InvalidMessage):
            executor.call_model(answer, {}, sink=Collected(), services=services)


def test_lost_keys_of_a_model_are_logged_and_publish_nothing(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    async def model(context: Any, cfg: Any) -> Any:
        context.emit("updateKeys", {})
        return {}

    sink = Collected(updateKeys=OSError("down"))
    assert executor.call_model(model, {}, sink=sink, services=services) == {}
    assert sink.events == []
    assert "could not be handed over: down" in caplog.text


def test_without_a_function_all_credentials_are_verified(services: Services) -> None:
    assert executor.verify(None, {}, sink=Collected(), services=services) == {"verified": True}


async def verified_later(context: Any, credentials: Any) -> Any:
    return {"verified": True, "who": "me"}


def yielding_verifier(context: Any, credentials: Any) -> Iterator[Any]:
    yield True


class Reply:
    """What a verifier may return without meaning anything by it."""


@pytest.mark.parametrize(
    ("function", "verdict"),
    [
        (lambda *_: {"verified": False, "more": (1,)}, {"verified": False, "more": [1]}),
        (lambda *_: None, {"verified": True}),
        (lambda *_: True, {"verified": True}),
        (lambda *_: {}, {"verified": True}),
        (lambda *_: 0, {"verified": True}),
        (lambda *_: Reply(), {"verified": True}),
        (lambda *_: False, {"verified": False, "reason": "verify_credentials returned False"}),
        (failing, {"verified": False, "reason": "with ***"}),
        (exiting, {"verified": False, "reason": "The component called sys.exit(3)"}),
        (verified_later, {"verified": True, "who": "me"}),
        (
            yielding_verifier,
            {"verified": False, "reason": "This function must return its answer, found yield in it"},
        ),
        (
            lambda *_: {"verified": {1}},
            {"verified": False, "reason": "Not JSON: found set at /verified"},
        ),
    ],
)
def test_what_a_verifier_does_decides(function: Any, verdict: Any, services: Services) -> None:
    assert executor.verify(function, {}, sink=Collected(), services=services, ids=IDS) == verdict


def test_an_interrupted_verifier_gives_no_verdict(services: Services) -> None:
    with pytest.raises(KeyboardInterrupt):
        executor.verify(interrupted, {}, sink=Collected(), services=services)


def test_hooks_are_plain_or_async() -> None:
    async def hook(cfg: Any) -> Any:
        return cfg

    assert executor.run_hook(lambda cfg, data: (cfg, data), 1, 2) == (1, 2)
    assert executor.run_hook(hook, 1) == 1
    with pytest.raises(ValueError, match="with"):
        executor.run_hook(failing)
