"""Emits of asynchronous functions."""

import asyncio
import collections.abc
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future
from typing import Any

import pytest

from shipmate.errors import EmitError
from shipmate.invocation.call import Call
from shipmate.invocation.emission import Emission
from shipmate.invocation.events import Event
from shipmate.invocation.executor import Outcome
from shipmate.invocation.services import Services
from tests.unit.invocation.functions import (
    Collected,
    HeldSink,
    Run,
    body,
)


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
    sink = HeldSink()

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
    sink = HeldSink()

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
