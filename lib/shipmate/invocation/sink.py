"""The port between a call and its run mode: where events go, and which rules hold for them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from shipmate.invocation.events import EVENTS, Event

OnDelivered = Callable[[BaseException | None], None]
"""Called on any thread when an event is safe, or with the reason why it is not."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules on which run modes differ."""

    needs_body: bool = True
    """A message without a ``body`` is an error."""
    js_falsy_is_nothing: bool = False
    """A function that returns ``False``, 0 or ``""``, which are falsy in JavaScript, emits nothing."""
    first_end_decides: bool = False
    """Only errors before the first ``end`` fail the input, and other events may follow it; else none may."""
    ignores_wrong_snapshots: bool = False
    """A value of ``updateSnapshot`` without effect is logged and ignored; else it is an error."""
    events: tuple[str, ...] = EVENTS
    """The events that a function that processes messages may emit."""


STRICT: Final = Rules()
"""The rules on a developer's machine and in tests: a likely mistake is an error."""
PLATFORM: Final = Rules(
    needs_body=False, js_falsy_is_nothing=True, first_end_decides=True, ignores_wrong_snapshots=True
)
"""The rules of the platform. Source: contract §3.4, §7, without its DEF-26."""


class Sink(Protocol):
    """Takes the events of a call; each run mode has its own."""

    rules: Rules = STRICT
    deliver_later: Callable[[Event, OnDelivered], None] | None = None
    """Takes a ``data`` event without waiting; None for a sink that cannot.

    A sink that can encodes the value before it returns, so that `deliver` gets ``data`` events uncopied, too.
    The callback is not called if this raises InvalidMessage or EmitError.
    """

    def deliver(self, event: Event) -> None:
        """Take one event, from any thread; return when it is safe, raise when it is not."""

    def leave(self) -> None:
        """Leave the message to the next container, if there are others: the process stops."""
        return  # so that sinks without other containers need not define it
