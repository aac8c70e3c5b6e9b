"""Event loops and emitting threads, which calls borrow because creating them for each message is slow."""

import sys
import weakref
from collections.abc import Awaitable, Callable, Collection
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, TypeVar

from shipmate.errors import WorkLeftBehind

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

_T = TypeVar("_T")

# How long tasks that a function has left behind may take to end.
_LEFT_BEHIND_SECONDS: Final = 10.0
_MOST_NAMES: Final = 5

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

        Tasks that are left behind by an awaitable that has not failed are awaited for 10 s, and cancelled then.

        If this thread runs a loop already, as tests do, the awaitable runs in another thread.

        Args:
            awaitable: Any awaitable.
            on_task_error: Called for exceptions of tasks that nothing awaits.

        Raises:
            BaseException: The exception of the awaitable, or of tasks that it has left behind.
            WorkLeftBehind: Such tasks did not end in time.
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
    is_rid_of_tasks = False
    try:
        value = await awaitable
        error = await _end_of_leftovers(loop) if (is_left := bool(_leftovers(loop))) else None
        is_rid_of_tasks = not is_left
        return value, error
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # the edge to the author's code
        return None, error
    finally:
        if not is_rid_of_tasks:
            await _cancel_leftovers(loop)
        loop.set_exception_handler(None)


def _leftovers(loop: "asyncio.AbstractEventLoop") -> "set[asyncio.Task[Any]]":
    import asyncio

    return {task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()}


async def _end_of_leftovers(loop: "asyncio.AbstractEventLoop") -> BaseException | None:
    """Await the tasks that a function has left behind, and those that they start; return what is wrong with them."""
    import asyncio

    failures: list[BaseException] = []
    until = loop.time() + _LEFT_BEHIND_SECONDS
    while leftovers := _leftovers(loop):
        ended, pending = await asyncio.wait(leftovers, timeout=max(0.0, until - loop.time()))
        failures += [error for task in ended if not task.cancelled() and (error := task.exception()) is not None]
        if pending and loop.time() >= until:
            failures.append(WorkLeftBehind(_names(pending)))
            break
    if len(failures) > 1:
        return BaseExceptionGroup("tasks that the function has left behind failed", failures)
    return failures[0] if failures else None


def _names(tasks: "Collection[asyncio.Task[Any]]") -> str:
    """Return a text that names tasks that did not end."""
    names = sorted(f"{getattr(task.get_coro(), '__qualname__', 'task')} ({task.get_name()})" for task in tasks)
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return (
        f"the function has returned, and tasks did not end within {_LEFT_BEHIND_SECONDS:g} s: await them, or cancel "
        f"them before the function returns: {', '.join(names[:_MOST_NAMES])}{more}"
    )


async def _cancel_leftovers(loop: "asyncio.AbstractEventLoop") -> None:
    import asyncio

    leftovers = _leftovers(loop)
    for task in leftovers:
        task.cancel()
    for task, outcome in zip(leftovers, await asyncio.gather(*leftovers, return_exceptions=True), strict=True):
        if isinstance(outcome, Exception):
            loop.call_exception_handler(
                {"message": "a task failed while it was cancelled", "exception": outcome, "task": task}
            )
