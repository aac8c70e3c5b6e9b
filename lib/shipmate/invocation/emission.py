"""The awaitable that ``emit`` returns in an ``async`` function."""

from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Future


class Emission(Coroutine[Any, Any, None]):
    """An event on its way to the sink: it can be awaited, made a task, gathered, or left alone."""

    __slots__ = ("_future", "_steps", "is_failure_seen")

    def __init__(self, future: "Future[None]") -> None:
        """Wait for ``future``, which is running: a cancelled wait does not cancel the event."""
        self._future = future
        self._steps: Generator[Any, Any, None] | None = None
        self.is_failure_seen = False

    @property
    def failure(self) -> BaseException | None:
        """The exception of an event that could not be delivered, None for one that was; waits for the end."""
        return self._future.exception()

    def __await__(self) -> Generator[Any, Any, None]:
        """Wait until the event is safe.

        Raises:
            InvalidMessage: The value does not fit the event.
            EmitError: The event could not be delivered.
        """
        import asyncio

        try:
            yield from asyncio.wrap_future(self._future).__await__()
        except Exception:
            self.is_failure_seen = True
            raise

    def _started(self) -> Generator[Any, Any, None]:
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps

    def send(self, value: Any) -> Any:
        """Continue the wait; called by an event loop."""
        return self._started().send(value)

    def throw(self, typ: Any, val: Any = None, tb: TracebackType | None = None) -> Any:
        """Raise an exception in the wait; called by an event loop."""
        if val is None and tb is None:
            return self._started().throw(typ)
        return self._started().throw(val if val is not None else typ)

    def close(self) -> None:
        """End the wait; the event goes on."""
        self._started().close()
