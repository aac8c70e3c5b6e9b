"""Event loops and emitting threads that calls borrow, so that not every message makes its own."""

import sys
import weakref
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

_T = TypeVar("_T")

OnTaskError = Callable[[BaseException], bool]
"""Told of an exception that no task retrieved; tells whether that was all there is to do about it."""


def is_loop_running() -> bool:
    """Tell whether this thread runs an event loop; nobody does before something has imported asyncio (50 ms)."""
    module = sys.modules.get("asyncio")
    return module is not None and module._get_running_loop() is not None


class Loops:
    """The event loops and emitting threads of the process; whatever is idle is lent to the next call.

    A loop outlives its call because clients that a component keeps are bound to theirs.
    """

    def __init__(self) -> None:
        """Start empty; what is left is closed with this object, or at the end of the process."""
        self._runners: list[asyncio.Runner] = []
        self._emitters: list[ThreadPoolExecutor] = []
        weakref.finalize(self, _close, self._runners, self._emitters)

    def run(self, awaitable: Awaitable[Any], on_task_error: OnTaskError) -> Any:
        """Return the outcome of the awaitable; like `asyncio.run`, except that the loop is kept.

        In a thread that runs a loop already, as tests do, it runs in a thread of its own.
        """
        if is_loop_running():
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(1) as thread:
                return thread.submit(copy_context().run, self._run, awaitable, on_task_error).result()
        return self._run(awaitable, on_task_error)

    def _run(self, awaitable: Awaitable[Any], on_task_error: OnTaskError) -> Any:
        import asyncio

        runner = _take(self._runners) or asyncio.Runner()
        try:
            value, error = runner.run(_settled(awaitable, on_task_error), context=copy_context())
        except BaseException:
            # A task that called sys.exit has stopped the loop in the middle. That is raised here, and need not be
            # logged once more when the task is collected.
            loop = runner.get_loop()
            runner.close()
            loop.set_exception_handler(lambda loop, problem: None)
            raise
        self._runners.append(runner)
        if error is not None:
            raise error
        return value

    def borrow_emitter(self) -> "ThreadPoolExecutor":
        """Return a thread that does what it is given one after the other."""
        if emitter := _take(self._emitters):
            return emitter
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(1, thread_name_prefix="shipmate-emit")

    def return_emitter(self, emitter: "ThreadPoolExecutor") -> None:
        """Take back a borrowed thread, which has nothing left to do."""
        self._emitters.append(emitter)

    def close(self) -> None:
        """Close what is idle."""
        _close(self._runners, self._emitters)


def _take(idle: list[_T]) -> _T | None:
    try:
        return idle.pop()
    except IndexError:
        return None


def _close(runners: "list[asyncio.Runner]", emitters: "list[ThreadPoolExecutor]") -> None:
    while runner := _take(runners):
        runner.close()
    while emitter := _take(emitters):
        emitter.shutdown()


async def _settled(awaitable: Awaitable[Any], on_task_error: OnTaskError) -> tuple[Any, BaseException | None]:
    """Return the value or the error of the awaitable; as an error that is raised, SystemExit would break the loop."""
    import asyncio

    def on_exception(loop: asyncio.AbstractEventLoop, problem: dict[str, Any]) -> None:
        error = problem.get("exception")
        if error is None or not on_task_error(error):
            loop.default_exception_handler(problem)

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(on_exception)
    try:
        return await awaitable, None
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # the edge to the author's code
        return None, error
    finally:
        await _cancel_leftovers(loop)
        loop.set_exception_handler(None)


async def _cancel_leftovers(loop: "asyncio.AbstractEventLoop") -> None:
    import asyncio

    leftovers = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in leftovers:
        task.cancel()
    for task, outcome in zip(leftovers, await asyncio.gather(*leftovers, return_exceptions=True), strict=True):
        if isinstance(outcome, Exception):
            loop.call_exception_handler(
                {"message": "a task failed while it was cancelled", "exception": outcome, "task": task}
            )
