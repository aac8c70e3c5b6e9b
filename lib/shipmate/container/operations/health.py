"""Answers whether the process works, and whether the step can receive messages."""

import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from shipmate.container.operations.tally import Tally

_PATIENCE_SECONDS: Final = 0.8
"""The longest time from a ping to its answer: a probe usually waits for 1 s."""


class Watched(Protocol):
    """The members of a transport that health asks."""

    @property
    def obstacle(self) -> str | None:
        """The reason why no messages can arrive, None if they can."""

    def ping(self, answer: Callable[[], None]) -> None:
        """Let the I/O thread call ``answer`` in its next turn."""


class Verdict(NamedTuple):
    """An answer, and the reason for it in a few words: ``Verdict(False, "starting")``."""

    is_well: bool
    reason: str


class Health:
    """The health of one step, for any thread."""

    def __init__(
        self,
        transport: Watched,
        tally: Tally,
        *,
        stuck_seconds: int | None = None,
        patience_seconds: float = _PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare, without a ping.

        Args:
            transport: The transport of the step.
            tally: Knows the phase of the step, and the functions at work.
            stuck_seconds: How long a function may run without emitting anything, None for any time.
            patience_seconds: How long the I/O thread may take to answer a ping.
            clock: Counts seconds.
        """
        self._transport = transport
        self._tally = tally
        self._stuck_seconds = stuck_seconds
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._answered = threading.Event()
        self._pinged_seconds: float | None = None
        """The time of the unanswered ping, None if there is none."""

    def live(self) -> Verdict:
        """Tell whether the process works; if not, only a restart helps.

        The I/O thread is not asked during start and stop: if they fail, the process ends by itself.
        """
        phase = self._tally.phase
        if phase != "starting" and self._stuck_seconds is not None:
            silent_seconds = self._tally.silent_seconds
            if silent_seconds > self._stuck_seconds:
                return Verdict(
                    False,
                    f"a function has emitted nothing for {silent_seconds:.0f} s, "
                    f"SHIPMATE_STUCK_SECONDS allows {self._stuck_seconds}",
                )
        if phase == "consuming" and not self._is_turning():
            return Verdict(False, f"the I/O thread has not answered for {self._patience_seconds:g} s")
        return Verdict(True, phase)

    def ready(self) -> Verdict:
        """Tell whether the step can receive messages."""
        phase = self._tally.phase
        if phase != "consuming":
            return Verdict(False, phase)
        obstacle = self._transport.obstacle
        if obstacle is None and not self._is_turning():
            obstacle = f"the I/O thread has not answered for {self._patience_seconds:g} s"
        return Verdict(obstacle is None, obstacle or phase)

    def _is_turning(self) -> bool:
        """Ping the I/O thread and wait for its answer; for a ping already sent, wait only for the rest of its time."""
        with self._lock:
            if self._pinged_seconds is None:
                self._answered.clear()
                self._pinged_seconds = self._clock()
                self._transport.ping(self._answered.set)
            left_seconds = self._pinged_seconds + self._patience_seconds - self._clock()
            is_answered = self._answered.wait(max(0.0, left_seconds))
            if is_answered:
                self._pinged_seconds = None
            return is_answered
