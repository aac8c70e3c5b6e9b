"""Event loops and emitting threads, which calls borrow because creating them for each message is slow."""

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
"""Called with an exception that no task retrieved; returns whether it has handled it."""


def is_loop_running() -> bool:
    """Tell whether this thread runs an event loop; without importing asyncio, which takes 50 ms."""
    module = sys.modules.get("asyncio")
    return module is not None and module._get_running_loop() is not None


class Loops:
    """The event loops and emitting threads of the process; a call borrows an idle one.

    A loop outlives its call, because a component may keep clients that are bound to it.
    """

    def __init__(self) -> None:
        """Start without loops and threads; those in use end with this object, or with the process."""
        self._runners: list[asyncio.Runner] = []
        self._emitters: list[ThreadPoolExecutor] = []
        weakref.finalize(self, _close, self._runners, self._emitters)

    def run(self, awaitable: Awaitable[Any], on_task_error: OnTaskError) -> Any:
        """Return the result of an awaitable, like `asyncio.run`, and keep the loop.

        If this thread runs a loop already, as tests do, the awaitable runs in another thread.

        Args:
            awaitable: Any awaitable.
            on_task_error: Called for exceptions of tasks that nothing awaits.

        Raises:
            BaseException: The exception of the awaitable.
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
            value, error = runner.run(_outcome(awaitable, on_task_error), context=copy_context())
        except BaseException:
            # A task that called sys.exit has stopped the loop. The exception is raised here; without this handler
            # asyncio would log it once more when the task is collected.
            loop = runner.get_loop()
            runner.close()
            loop.set_exception_handler(lambda loop, problem: None)
            raise
        self._runners.append(runner)
        if error is not None:
            raise error
        return value

    def borrow_emitter(self) -> "ThreadPoolExecutor":
        """Return an executor with one thread, which does its work in order."""
        if emitter := _take(self._emitters):
            return emitter
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(1, thread_name_prefix="shipmate-emit")

    def return_emitter(self, emitter: "ThreadPoolExecutor") -> None:
        """Take back an executor that has no work left."""
        self._emitters.append(emitter)

    def close(self) -> None:
        """Close idle loops and threads."""
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


async def _outcome(awaitable: Awaitable[Any], on_task_error: OnTaskError) -> tuple[Any, BaseException | None]:
    """Return the value of an awaitable, or its exception: a raised SystemExit would stop the loop."""
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
