"""A lock between containers: an exclusive queue, which belongs to one connection and is deleted with it.

The platform has no other object that containers share and that one of them can own. If the broker forbids such queues,
or is not there in time, the work continues without the lock. docs/decisions/0003-lock-at-the-broker.md has the
reasons.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from pika.channel import Channel
from pika.exceptions import AMQPError, ChannelClosedByBroker

from shipmate.errors import BrokerLost
from shipmate.oauth2.storage.token_store import RefreshAbandoned

_log: Final = logging.getLogger("shipmate.amqp")
_CONNECTION_PAUSE_SECONDS: Final = 0.05
_SHORTEST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 2.0
_PART_OF_WAIT: Final = 0.2
_JITTER: Final = 0.5
_ACCESS_REFUSED: Final = 403
_OWNED_BY_ANOTHER: Final = 405
_PRECONDITION_FAILED: Final = 406
_REFUSALS: Final = {_ACCESS_REFUSED, _PRECONDITION_FAILED}
"""No permission; a queue of this name with other properties, or as many queues as the virtual host may have."""
# As long as a refresh may take: a second use of a refresh token is worse than the wait.
_WAIT_SECONDS: Final = 60.0
_SHORT_WAIT_SECONDS: Final = 1.0
_IMPATIENT_SECONDS: Final = 300.0


def pause_seconds(waited_seconds: float) -> float:
    """Return the pause before the next attempt to acquire a lock: about a fifth of the wait so far, 0.2 to 2 s.

    Each attempt costs the broker a channel and a line of its log: a thousand containers of one account must not ask
    faster than it answers, and not all at the same moment.
    """
    pause = min(max(waited_seconds * _PART_OF_WAIT, _SHORTEST_PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
    return pause * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311


class Patience:
    """How long to wait for each lock: as long as a refresh may take, but only briefly after a wait in vain.

    A queue that somebody else keeps under the name of a lock must not delay every refresh of the account. And a process
    whose time to stop is over does not wait for other containers.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start without waits in vain; ``clock`` counts seconds."""
        self._clock = clock
        self._in_vain: dict[str, float] = {}
        """The end of the short waits, by the name of the lock."""
        self._over = threading.Event()
        self._awaited: list[Lease] = []

    @property
    def is_over(self) -> bool:
        """True if the process waits for no lock any more."""
        return self._over.is_set()

    def end(self) -> None:
        """Abandon all waits, on any thread, also those for a broker that does not answer; may be called again."""
        self._over.set()
        for lease in tuple(self._awaited):
            lease.abandon()

    def wait(self, lease: "Lease", seconds: float) -> bool:
        """Wait until a lease is decided; return False if the time is up."""
        self._awaited.append(lease)
        try:
            return lease.wait(_SHORT_WAIT_SECONDS if self.is_over else seconds)
        finally:
            self._awaited.remove(lease)

    def pause(self, seconds: float) -> None:
        """Pause before the next attempt, until the waits end."""
        self._over.wait(seconds)

    def seconds(self, name: str) -> float:
        """Return the longest wait for a lock."""
        return _SHORT_WAIT_SECONDS if self._in_vain.get(name, 0.0) > self._clock() else _WAIT_SECONDS

    def waited(self, name: str, *, is_decided: bool) -> None:
        """Note a wait that has ended, and whether it has decided about the lock; safe on any thread."""
        if is_decided:
            self._in_vain.pop(name, None)
        elif self._in_vain.get(name, 0.0) <= self._clock():
            self._in_vain[name] = self._clock() + _IMPATIENT_SECONDS
            _log.warning(
                "for the next %g s, waiting %g s at most for this lock; if no container uses it, delete the queue",
                _IMPATIENT_SECONDS,
                _SHORT_WAIT_SECONDS,
            )


class Lock:
    """A lock between containers for one refresh: a context manager to enter again while another container has it."""

    def __init__(
        self,
        name: str,
        patience: Patience,
        *,
        begin: Callable[[], "Lease"],
        end: Callable[["Lease"], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        """Start the wait.

        Args:
            name: Name of the queue.
            patience: How long to wait.
            begin: Begins an attempt to acquire the lock.
            end: Releases it.
            clock: Counts seconds.
            sleep: Pauses; `Patience.pause` unless given.
        """
        self._name = name
        self._patience = patience
        self._begin = begin
        self._end = end
        self._clock = clock
        self._sleep = sleep or patience.pause
        self._limit_seconds = patience.seconds(name)
        self._began = clock()
        self._lease: Lease | None = None

    def __enter__(self) -> bool:
        """Try to acquire the lock; return True, after a pause, if another container has it.

        Return False when the work may begin: with the lock, or without it if there are no locks or the wait is over.

        Raises:
            BrokerLost: The process ends, so the work shall not begin.
            RefreshAbandoned: The time to stop is over, and another container has the lock.
        """
        lease = self._begin()
        is_decided = self._patience.wait(lease, max(_SHORT_WAIT_SECONDS, self._left_seconds))
        if lease.lost is not None:
            self._end(lease)
            raise lease.lost
        if self._patience.is_over and (lease.is_in_use or not is_decided):
            self._end(lease)
            raise _abandoned()
        if lease.is_in_use:
            if (left := self._left_seconds) > 0:
                # The last pause may end later: containers that began together must not go on at the same moment.
                self._sleep(pause_seconds(self._limit_seconds - left))
                return True
            is_decided = False
        if not is_decided:
            _log.warning(
                "no refresh lock within %g s, continuing without it: %s is in use", self._limit_seconds, self._name
            )
        self._patience.waited(self._name, is_decided=is_decided)
        self._lease = lease
        return False

    def __exit__(self, *error: object) -> None:
        """Release the lock."""
        lease, self._lease = self._lease, None
        if lease is not None:
            self._end(lease)

    @property
    def _left_seconds(self) -> float:
        return self._began + self._limit_seconds - self._clock()


def _abandoned() -> RefreshAbandoned:
    return RefreshAbandoned("the process stops while another container refreshes: the message stays with the broker")


class Lease:
    """One use of a lock; `begin` and `end` run on the I/O thread, `wait` on the thread that needs the lock."""

    def __init__(self, loop: Any, name: str, connection: Callable[[], Any], uses: dict[str, int]) -> None:
        """Prepare.

        Args:
            loop: The I/O loop.
            name: Name of the queue.
            connection: Returns the connection that shall own the lock, None while there is none; raises `BrokerLost`
                if there will be none.
            uses: How many leases of the connection use each lock, which the broker lets it acquire again.
        """
        self.is_in_use = False
        """True if another connection owns the lock."""
        self.lost: BrokerLost | RefreshAbandoned | None = None
        """Why the lock is not waited for: there will be no connection, or the time to stop is over."""
        self._loop = loop
        self._name = name
        self._connection = connection
        self._uses = uses
        self._is_counted = False
        self._channel: Channel | None = None
        self._is_over = False
        self._decided = threading.Event()

    def wait(self, timeout_seconds: float) -> bool:
        """Wait until the lock is acquired, or until it is clear that it cannot be; return False if the time is up."""
        return self._decided.wait(timeout_seconds)

    def abandon(self) -> None:
        """End the wait, on any thread."""
        if not self._decided.is_set():
            self.lost = _abandoned()
            self._decided.set()

    def begin(self) -> None:
        """Try to acquire the lock; while there is no connection, try again every 50 ms.

        A lock that is lost with its connection is acquired again, sooner than others that wait for it would try.
        """
        if self._is_over:
            return
        try:
            connection = self._connection()
        except BrokerLost as lost:
            self.lost = lost
            self._decided.set()
            return
        try:
            if connection is not None and connection.is_open:
                connection.channel(on_open_callback=self._on_open)
                return
        except AMQPError:
            _log.debug("the connection ended before the refresh lock was asked for")
        # Without the broker, all containers of the account would refresh at once, and none could publish what it gets.
        self._try_again()

    def _try_again(self) -> None:
        self._loop.call_later(_CONNECTION_PAUSE_SECONDS, self.begin)

    def end(self) -> None:
        """Release the lock."""
        self._is_over = True
        is_last = self._leave()
        channel = self._channel
        if channel is None or not channel.is_open:
            return
        try:
            if is_last:
                channel.queue_delete(self._name)
            channel.close()
        except AMQPError:
            _log.debug("the refresh lock ended with its connection")

    def _on_open(self, channel: Channel) -> None:
        if self._is_over:
            channel.close()
            return
        self._channel = channel
        channel.add_on_close_callback(self._on_close)
        self._uses[self._name] = self._uses.get(self._name, 0) + 1
        self._is_counted = True
        channel.queue_declare(self._name, exclusive=True, auto_delete=True, callback=lambda _: self._on_acquired())

    def _leave(self) -> bool:
        """Count this lease no longer; return whether no other one of the connection uses the lock."""
        if self._is_counted:
            self._is_counted = False
            self._uses[self._name] -= 1
            if not self._uses[self._name]:
                del self._uses[self._name]
        return self._name not in self._uses

    def _on_acquired(self) -> None:
        if self._is_over:
            self.end()
        self._decided.set()

    def _on_close(self, channel: Channel, reason: Exception) -> None:
        if self._is_over:
            return
        self._leave()
        if self._decided.is_set() and isinstance(reason, ChannelClosedByBroker):
            return  # the lock was lost with the connection, and another container has it now
        code = reason.reply_code if isinstance(reason, ChannelClosedByBroker) else None
        if code == _OWNED_BY_ANOTHER:
            self.is_in_use = True
        elif code in _REFUSALS:
            _log.warning("the broker refuses the refresh lock, continuing without it")
        else:  # the connection has ended
            self._try_again()
            return
        self._decided.set()
