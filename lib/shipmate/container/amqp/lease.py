"""A lock between containers: a queue that only one connection can have, and that ends with that connection.

The platform offers nothing else that several containers share and that one of them can own. Where the broker does
not allow it, or does not answer in time, the work goes on without the lock.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from pika.channel import Channel
from pika.exceptions import AMQPError, ChannelClosedByBroker

_log: Final = logging.getLogger("shipmate.amqp")
_PAUSE_SECONDS: Final = 0.05
_ACCESS_REFUSED: Final = 403


class Lease:
    """One attempt to own a lock; `begin` and `end` happen on the I/O thread, `wait` on the one that works."""

    def __init__(self, loop: Any, name: str, connection: Callable[[], Any]) -> None:
        """Name the lock; ``connection`` returns the connection to own it with, None while there is none."""
        self._loop = loop
        self._name = name
        self._connection = connection
        self._channel: Channel | None = None
        self._is_over = False
        self._decided = threading.Event()

    def wait(self, timeout_seconds: float) -> None:
        """Wait until the lock is owned, or known not to be had."""
        if not self._decided.wait(timeout_seconds):
            _log.warning("the lock of a refresh was not to be had in time: going on without it")

    def begin(self) -> None:
        """Try to own the lock, again and again."""
        if self._is_over:
            return
        connection = self._connection()
        try:
            if connection is None or not connection.is_open:
                self._decided.set()
                return
            connection.channel(on_open_callback=self._opened)
        except AMQPError:
            self._decided.set()

    def end(self) -> None:
        """Let the lock go."""
        self._is_over = True
        channel = self._channel
        if channel is None or not channel.is_open:
            return
        try:
            channel.queue_delete(self._name)
            channel.close()
        except AMQPError:  # the connection is ending, and the lock with it
            _log.debug("a lock ends with its connection")

    def _opened(self, channel: Channel) -> None:
        if self._is_over:
            channel.close()
            return
        self._channel = channel
        channel.add_on_close_callback(self._closed)
        channel.queue_declare(self._name, exclusive=True, auto_delete=True, callback=lambda _: self._owned())

    def _owned(self) -> None:
        if self._is_over:
            self.end()
        self._decided.set()

    def _closed(self, channel: Channel, reason: Exception) -> None:
        if self._decided.is_set() or self._is_over:
            return
        if isinstance(reason, ChannelClosedByBroker) and reason.reply_code != _ACCESS_REFUSED:
            self._loop.call_later(_PAUSE_SECONDS, self.begin)  # somebody else has it
            return
        _log.warning("the broker offers no lock for refreshes: going on without it")
        self._decided.set()
