"""The event loops and threads that calls borrow."""

import asyncio
import gc
import warnings
from typing import Any

import pytest

from shipmate.invocation.executor import Outcome
from shipmate.invocation.loops import Loops
from tests.unit.invocation.functions import (
    Collected,
    Run,
    body,
    coroutine,
)


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
