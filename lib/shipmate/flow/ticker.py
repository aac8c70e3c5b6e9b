"""Begins a flow at the moments of its schedule."""

import logging
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from shipmate.container.messages.codec import new_id
from shipmate.flow.schedule import Schedule

_log: Final = logging.getLogger("shipmate.flow")
_MOST_WAITING: Final = 2
"""The ticks that the first step may have: one in work and one that waits."""
_LONGEST_WAIT_SECONDS: Final = 60.0
"""After it the clock is read again, since it may have been set, or the machine may have slept."""

Tick = tuple[dict[str, Any], dict[str, Any]]


def new_tick() -> Tick:
    """Return the message that begins a flow, and its AMQP headers: ``messageId``, ``threadId`` and the trace id."""
    message_id, thread_id = new_id(), uuid.uuid4().hex
    message: dict[str, Any] = {"id": message_id, "body": {}, "headers": {}, "attachments": {}, "metadata": {}}
    return message, {"messageId": message_id, "threadId": thread_id, "x-eio-meta-trace-id": thread_id}


class Ticker:
    """Calls a function at each moment of a schedule, on a thread of its own.

    A tick that comes while another one waits for the first step is dropped.
    """

    def __init__(
        self,
        schedule: Schedule,
        tick: Callable[[], object],
        count_waiting: Callable[[], int],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        """Wait for nothing yet.

        Args:
            schedule: The moments.
            tick: Puts a tick into the queue of the first step.
            count_waiting: Returns the number of ticks that the first step has in its queue and in work.
            now: Returns the time, with a zone.
            wait: Waits for a number of seconds, and returns True at the end of the ticker.
        """
        self._schedule = schedule
        self._tick = tick
        self._count_waiting = count_waiting
        self._now = now
        self._end = threading.Event()
        self._wait = wait or self._end.wait
        self._thread = threading.Thread(target=self.run, name="shipmate-ticker", daemon=True)
        self.ticks = 0
        self.dropped = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for a tick that is on its way; may be called again."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def run(self) -> None:
        """Tick until the schedule ends, or `stop` is called."""
        moment = self._schedule.first(self._now())
        while moment is not None:
            while (seconds := (moment - self._now()).total_seconds()) > 0:
                if self._wait(min(seconds, _LONGEST_WAIT_SECONDS)):
                    return
            if self._end.is_set():
                return
            self._tick_once()
            following = self._schedule.next_after(moment)
            while following is not None and following < self._now():  # the machine has slept
                following = self._schedule.next_after(following)
            moment = following

    def _tick_once(self) -> None:
        try:
            if self._count_waiting() >= _MOST_WAITING:
                self.dropped += 1
                _log.warning("the first step still works: a tick of the schedule is dropped (%d so far)", self.dropped)
                return
            self._tick()
            self.ticks += 1
        except Exception as error:  # the edge of the thread: the next tick may succeed
            _log.error("a tick of the schedule could not be queued", exc_info=error)
