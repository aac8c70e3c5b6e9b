"""The event loops and threads that calls borrow."""

import asyncio
import gc
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from shipmate.invocation import loops
from shipmate.invocation.executor import Outcome
from shipmate.invocation.loops import Loops
from tests.unit.invocation.functions import (
    Collected,
    Run,
    body,
    coroutine,
)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks that are left behind have no time to end."""
    monkeypatch.setattr(loops, "_LEFT_BEHIND_SECONDS", 0.01)


@pytest.mark.usefixtures("hurried")
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

    assert run(function, Collected()) == Outcome(1)
    gc.collect()
    assert "never retrieved" in caplog.text
    assert "failed while it was cancelled" in caplog.text
    assert "something without exception" in caplog.text


def test_tasks_that_are_left_behind_are_awaited(run: Run) -> None:
    """Their work belongs to the message, and so does that of tasks that they start."""
    done: list[str] = []

    async def late(name: str, *after: str) -> None:
        await asyncio.to_thread(lambda: None)
        if after:
            asyncio.create_task(late(*after))  # noqa: RUF006
        done.append(name)

    async def function(context: Any, *_: Any) -> dict[str, Any]:
        asyncio.create_task(late("first", "second"))  # noqa: RUF006
        return body(1)

    async def generator(context: Any, *_: Any) -> Any:
        asyncio.create_task(late("third"))  # noqa: RUF006
        yield body(2)

    for each in (function, generator):
        sink = Collected()
        assert run(each, sink) == Outcome(0)
        assert len(sink.events) == 1
    assert done == ["first", "second", "third"]


def test_a_task_that_is_left_behind_and_fails_is_an_error(run: Run) -> None:
    """Its work is lost, and the input must not be acknowledged."""

    async def late(text: str) -> None:
        await asyncio.to_thread(lambda: None)
        raise ValueError(text)

    async def function(context: Any, *_: Any) -> None:
        for text in "12":
            asyncio.create_task(late(text))  # noqa: RUF006

    sink = Collected()
    assert run(function, sink) == Outcome(1)
    assert "ValueError: 1" in str(sink.events)
    assert "ValueError: 2" in str(sink.events)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("count", [1, 7])
def test_tasks_that_never_end_are_an_error_that_names_them(run: Run, count: int) -> None:
    """They were cancelled without a word."""

    async def forever() -> None:
        await asyncio.Event().wait()

    async def function(context: Any, *_: Any) -> None:
        for number in range(count):
            asyncio.create_task(forever(), name=f"poller-{number}")  # noqa: RUF006

    sink = Collected()
    assert run(function, sink) == Outcome(1)
    text = str(sink.events)
    assert "forever (poller-0)" in text
    assert ("and 2 more" in text) is (count == 7)


def test_a_function_that_fails_does_not_wait_for_its_tasks(run: Run) -> None:
    """They are cancelled, as by asyncio.run."""

    async def function(context: Any, *_: Any) -> None:
        asyncio.create_task(asyncio.Event().wait())  # noqa: RUF006
        await asyncio.to_thread(lambda: None)
        raise ValueError("no")

    sink = Collected()
    assert run(function, sink) == Outcome(1)
    assert "WorkLeftBehind" not in str(sink.events)


def test_an_emit_after_the_end_is_in_the_log(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """A pool of threads keeps the exception to itself."""
    contexts: list[Any] = []

    def function(context: Any, *_: Any) -> None:
        contexts.append(context)

    run(function, Collected())
    with ThreadPoolExecutor() as pool:
        late = pool.submit(contexts[0].emit, "data", body(1))
    assert late.exception() is not None
    assert '"data" was emitted after the end of its message: it is lost' in caplog.text


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
    kept = Loops()

    async def running() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    first = kept.run(running(), lambda _: False)
    assert kept.run(running(), lambda _: False) is first
    kept.close()
    assert first.is_closed()
    second = kept.run(running(), lambda _: False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del kept
        gc.collect()
    assert second.is_closed()


def test_a_loop_that_the_component_closes_or_stops_is_not_used_again(run: Run) -> None:
    async def stopping(*_: Any) -> None:
        asyncio.get_running_loop().stop()
        await asyncio.Event().wait()

    assert run(stopping, Collected()) == Outcome(1)
    assert run(coroutine, Collected()) == Outcome(0)
