"""An emit that is under way, as an ``async`` function sees it."""

from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Future


class Emission(Coroutine[Any, Any, None]):
    """An emit that is under way; it can be awaited, made a task, gathered, or left alone."""

    __slots__ = ("_future", "_steps", "is_failure_seen")

    def __init__(self, future: "Future[None]") -> None:
        """Stand for the outcome in ``future``, which is running: a cancelled wait does not call the event back."""
        self._future = future
        self._steps: Generator[Any, Any, None] | None = None
        self.is_failure_seen = False

    @property
    def failure(self) -> BaseException | None:
        """What went wrong, once it is over."""
        return self._future.exception()

    def __await__(self) -> Generator[Any, Any, None]:
        """Wait until the sink has taken the event."""
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
        """Go on waiting."""
        return self._started().send(value)

    def throw(self, typ: Any, val: Any = None, tb: TracebackType | None = None) -> Any:
        """Raise an exception where the wait is."""
        if val is None and tb is None:
            return self._started().throw(typ)
        return self._started().throw(val if val is not None else typ)

    def close(self) -> None:
        """Stop waiting."""
        self._started().close()
