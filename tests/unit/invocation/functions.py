"""Sinks that the tests of calls watch, and functions that fail in every way."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from shipmate.invocation.events import Event
from shipmate.invocation.executor import Ids, Outcome
from shipmate.invocation.sink import PLATFORM, Sink

SECRET = "a-secret-of-someone"
IDS = Ids("thread", "message", "parent")

Run = Callable[..., Outcome]


class Collected(Sink):
    """A sink that keeps events, and refuses those that it is told to."""

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


class Lenient(Collected):
    """A sink for the platform."""

    rules = PLATFORM


class HeldSink(Collected):
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


def body(value: Any) -> dict[str, Any]:
    return {"body": value}


async def coroutine(context: Any, msg: Any, cfg: Any, snapshot: Any) -> Any:
    await context.emit("data", body(1))
    return body(2)


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
