"""Polls for messages: each slot asks for one, and asks again when its message is finished.

Source: proxy §5.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Final

from shipmate.container.proxy.connections import Connections, what
from shipmate.container.proxy.http2 import frames
from shipmate.container.proxy.http2.connection import Http2Connection
from shipmate.container.proxy.http2.exchange import Answer, Exchange
from shipmate.container.proxy.loop import Loop, Timer
from shipmate.container.proxy.reconnect import Delays
from shipmate.container.proxy.requests import poll_path

_log: Final = logging.getLogger("shipmate.proxy")
_MESSAGE_BYTES: Final = 134_217_728
"""The longest body of a message, as RabbitMQ limits it by default."""
_STREAMS_FOR_POSTS: Final = 4
"""How many of the streams that the proxy allows are kept free for events, finishes and claims. Source: proxy §17."""
_QUICK_SECONDS: Final = 0.05
_MOST_QUICK: Final = 10
_QUICK_PAUSE_SECONDS: Final = 0.05
"""A proxy that has answered so many polls in a row at once, without a message, is asked more slowly."""
_LAST_ANSWERS_SECONDS: Final = 1.0
_LEAST_WAIT_SECONDS: Final = 0.5
"""How long messages may still come after the last polls were closed, at most and at least. Source: proxy §17 (Q15)."""


class _Poll:
    """A request for a message."""

    __slots__ = ("begun_seconds", "exchange", "failures", "http", "quick")

    def __init__(self, failures: int, quick: int) -> None:
        self.failures = failures
        """How often the slot has failed in a row."""
        self.quick = quick
        """How often it was answered at once without a message, in a row."""
        self.begun_seconds = 0.0
        self.exchange: Exchange | None = None
        self.http: Http2Connection | None = None


class Slots:
    """The slots of one step; all methods run on the I/O thread."""

    def __init__(
        self,
        connections: Connections,
        loop: Loop,
        delays: Delays,
        *,
        busy: Callable[[], int],
        on_message: Callable[[Answer], None],
    ) -> None:
        """Begin without polls.

        Args:
            connections: The connection for the polls.
            loop: Measures pauses.
            delays: Say how long they are.
            busy: Returns how many slots have a message that is not finished.
            on_message: Called with each answer that has a message.
        """
        self._connections = connections
        self._loop = loop
        self._delays = delays
        self._most = delays.settings.prefetch
        self._path = poll_path(delays.settings.prefetch)
        self._on_message = on_message
        self._busy = busy
        self.is_polling = False
        """True if messages are wanted."""
        self._polls: set[_Poll] = set()
        """Those on the present connection."""
        self._others: set[_Poll] = set()
        """Those on earlier connections, or closed, which may still be answered."""
        self._pauses: dict[Timer, None] = {}
        """The slots that wait before they ask again."""
        self._status: int | None = None
        """The status by which polls fail, None while they are answered."""

    @property
    def limit(self) -> int:
        """How many slots there are: fewer if the proxy allows few streams, so that no event waits for a poll."""
        streams = self._connections.max_streams
        return self._most if streams is None else max(1, min(self._most, streams - _STREAMS_FOR_POSTS))

    @property
    def _has_free_slot(self) -> bool:
        return len(self._polls) + len(self._pauses) + self._busy() < self.limit

    def fill(self) -> None:
        """Have every free slot ask for a message; called after each turn of the loop."""
        if not self.is_polling:
            return
        while self._has_free_slot:
            if not self._ask(_Poll(0, 0)):
                return

    def shrink(self) -> None:
        """Close polls that the proxy does not allow any more; a message that is on the way is taken."""
        surplus = len(self._polls) - self.limit
        for poll in [each for each in self._polls if each.exchange is not None and not each.exchange.is_begun]:
            if surplus <= 0:
                return
            surplus -= 1
            self._polls.remove(poll)
            self._others.add(poll)
            self._close(poll)

    def left_connection(self) -> None:
        """Ask again on the next connection; polls that the proxy may still answer on this one remain."""
        self._others |= self._polls
        self._polls = set()

    def stop(self, then: Callable[[], None]) -> None:
        """Close all polls; call a function when no more messages come."""
        self.is_polling = False
        for timer in self._pauses:
            timer.cancel()
        self._pauses = {}
        self.left_connection()
        if not self._others:
            then()
            return
        for poll in self._others:
            self._close(poll)
        _Last(self, self._loop, self._connections, then)

    @property
    def has_polls(self) -> bool:
        """True if a message may still come."""
        return bool(self._polls or self._others)

    @property
    def is_receiving(self) -> bool:
        """True if a message has come in part."""
        return any(poll.exchange is not None and poll.exchange.is_begun for poll in self._polls | self._others)

    def drop(self) -> None:
        """Take no more answers."""
        for poll in self._others:
            if poll.http is not None and poll.exchange is not None:
                poll.http.reset(poll.exchange, frames.CANCEL)
                poll.http.forget(poll.exchange)
        self._others = set()

    def _close(self, poll: _Poll) -> None:
        exchange = poll.exchange
        if poll.http is not None and exchange is not None and not exchange.is_begun:
            poll.http.reset(exchange, frames.NO_ERROR, reads_on=True)

    def _ask(self, poll: _Poll) -> bool:
        """Send a poll; return False if that is impossible now."""
        http = self._connections.http
        if http is None:
            return False
        poll.begun_seconds = self._loop.clock()
        poll.http = http
        self._polls.add(poll)
        poll.exchange = http.get(self._path, most_bytes=_MESSAGE_BYTES, on_answer=partial(self._answered, poll))
        return True

    def _answered(self, poll: _Poll, answer: Answer) -> None:
        is_present = poll in self._polls
        self._polls.discard(poll)
        self._others.discard(poll)
        if answer.status:
            self._connections.succeeded()
        if answer.status in (200, 204):
            self._note_status(None)
        if answer.status == 200:
            self._on_message(answer)
        elif is_present and self.is_polling and not answer.is_lost:
            self._ask_again(poll, answer)

    def _ask_again(self, poll: _Poll, answer: Answer) -> None:
        """Ask again at once after an answer without a message, and after a pause if the poll has failed."""
        if answer.status == 204 or answer.is_calm:
            is_quick = self._loop.clock() - poll.begun_seconds < _QUICK_SECONDS
            following = _Poll(0, poll.quick + 1 if is_quick else 0)
            if following.quick < _MOST_QUICK and self._ask(following):
                return
            pause = _QUICK_PAUSE_SECONDS
        else:
            following = _Poll(poll.failures + 1, 0)
            pause = self._delays.poll_seconds(following.failures)
            self._note_status(answer.status, what(answer))
        timer: Timer

        def resume() -> None:
            self._pauses.pop(timer, None)
            if self._has_free_slot:
                self._ask(following)

        timer = self._loop.call_later(pause, resume)
        self._pauses[timer] = None

    def _note_status(self, status: int | None, cause: str = "") -> None:
        """Log that polls fail, or are answered again: once for each change."""
        if status == self._status:
            return
        before, self._status = self._status, status
        if status is None:
            if before is not None:
                _log.info("the sailor proxy answers polls again")
        elif status in (401, 403):
            _log.error(
                "the sailor proxy refuses polls (status %d): check ELASTICIO_SAILOR_PROXY_JWT_SECRET and "
                "ELASTICIO_API_KEY",
                status,
            )
        else:
            _log.warning("a poll of the sailor proxy failed: %s", cause)


class _Last:
    """Waits until no more messages can come on polls that were closed."""

    def __init__(self, slots: Slots, loop: Loop, connections: Connections, then: Callable[[], None]) -> None:
        self._slots = slots
        self._loop = loop
        self._then = then
        self._is_read = False
        """True when the proxy has read that the polls are closed."""
        begun = loop.clock()
        self._least_seconds, self._most_seconds = begun + _LEAST_WAIT_SECONDS, begun + _LAST_ANSWERS_SECONDS
        connections.probe(self._on_read)
        self._look()

    def _on_read(self) -> None:
        self._is_read = True

    def _look(self) -> None:
        now = self._loop.clock()
        is_quiet = now >= self._least_seconds and self._is_read and not self._slots.is_receiving
        if not self._slots.has_polls or is_quiet or now >= self._most_seconds:
            self._slots.drop()
            self._then()
        else:
            self._loop.call_later(0.05, self._look)
