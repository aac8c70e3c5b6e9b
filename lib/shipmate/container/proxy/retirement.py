"""Connections that take no more requests, and end those that they have.

Source: proxy §4.5, §5.5.
"""

from typing import Final

from shipmate.container.proxy.http2 import frames
from shipmate.container.proxy.link import Link
from shipmate.container.proxy.loop import Loop, Timer

_LOOK_SECONDS: Final = 0.5


class Retirement:
    """Keeps connections until their requests have ended; only on the I/O thread."""

    def __init__(self, loop: Loop) -> None:
        """Begin with none."""
        self._loop = loop
        self._owed_seconds: dict[Link, float] = {}
        """How long after the next connection is open the polls of a connection may be answered."""
        self._until_seconds: dict[Link, float] = {}
        """The end of that time, for connections whose successor is open."""
        self._timer: Timer | None = None

    @property
    def links(self) -> tuple[Link, ...]:
        """The connections."""
        return (*self._owed_seconds, *self._until_seconds)

    def add(self, link: Link, *, owed_seconds: float) -> None:
        """Take a connection whose polls may be answered for so long, after the next connection is open."""
        self._owed_seconds[link] = owed_seconds

    def discard(self, link: Link) -> None:
        """Forget a connection that is lost."""
        self._owed_seconds.pop(link, None)
        self._until_seconds.pop(link, None)

    def begin(self) -> None:
        """Close connections as soon as their requests have ended: the next connection is open."""
        now = self._loop.clock()
        self._until_seconds |= {link: now + seconds for link, seconds in self._owed_seconds.items()}
        self._owed_seconds = {}
        if self._until_seconds and self._timer is None:
            self._timer = self._loop.call_later(0, self._look)

    def stop(self) -> None:
        """Close nothing any more by itself."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.clock()
        for link, until in tuple(self._until_seconds.items()):
            exchanges = link.http.exchanges
            if all(each.is_reset for each in exchanges):
                del self._until_seconds[link]
                link.http.fail("the connection is closed")
                link.close(lambda: None)
            elif now >= until:
                for each in exchanges:
                    if each.is_get and not each.is_begun:
                        link.http.reset(each, frames.NO_ERROR, reads_on=True)
        self._timer = self._loop.call_later(_LOOK_SECONDS, self._look) if self._until_seconds else None
