"""Says whether the process lives, and whether messages can come."""

import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from shipmate.container.operations.tally import Tally

_PATIENCE_SECONDS: Final = 0.8
"""The longest time from a ping to its answer: a probe usually waits for 1 s."""


class Watched(Protocol):
    """What health needs of a transport."""

    @property
    def obstacle(self) -> str | None:
        """What keeps messages from coming, None if nothing does."""

    def ping(self, answer: Callable[[], None]) -> None:
        """Have ``answer`` called by the next turn of the I/O."""


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
        """Prepare; nothing is asked yet.

        Args:
            transport: The transport of the step.
            tally: Knows the phase of the step, and the functions at work.
            stuck_seconds: How long a function may run without emitting anything, None for any time.
            patience_seconds: How long a turn of the I/O may take.
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
        """When the ping was sent that has no answer yet, None without one."""

    def live(self) -> Verdict:
        """Tell whether the process can do its work; if not, only a restart helps.

        While it starts or stops, the process ends by itself if that fails.
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
            return Verdict(False, f"the I/O has not turned for {self._patience_seconds:g} s")
        return Verdict(True, phase)

    def ready(self) -> Verdict:
        """Tell whether messages can come."""
        phase = self._tally.phase
        if phase != "consuming":
            return Verdict(False, phase)
        obstacle = self._transport.obstacle
        if obstacle is None and not self._is_turning():
            obstacle = f"the I/O has not turned for {self._patience_seconds:g} s"
        return Verdict(obstacle is None, obstacle or phase)

    def _is_turning(self) -> bool:
        """Ping the I/O and wait for its answer; while one is missing, wait only for the rest of its time."""
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
