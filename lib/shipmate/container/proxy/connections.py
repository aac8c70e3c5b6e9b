"""Keeps a connection to the proxy: opens the next one when it ends, and claims the messages in work before all else.

Source: proxy §4.5, §10.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

from shipmate import observation
from shipmate.container.proxy.connecting import Address, open_wire
from shipmate.container.proxy.http2.connection import Http2Connection
from shipmate.container.proxy.http2.exchange import Answer
from shipmate.container.proxy.http2.header_encoder import HeaderEncoder
from shipmate.container.proxy.link import Link, describe
from shipmate.container.proxy.loop import Loop, Timer
from shipmate.container.proxy.reconnect import Delays
from shipmate.container.proxy.requests import CLAIM_PATH
from shipmate.container.proxy.retirement import Retirement
from shipmate.container.proxy.statuses import is_accepted, is_temporary
from shipmate.container.proxy.wire import Wire
from shipmate.errors import ClaimRefused, ProxyLost, ShipmateError

_log: Final = logging.getLogger("shipmate.proxy")
_ANSWER_BYTES: Final = 8192
_OWED_SECONDS: Final = 10.0
"""How long polls that the proxy may still answer keep a connection that it has ended."""


class ConnectionsUser(Protocol):
    """Uses the connection while it is open."""

    def connected_again(self) -> None:
        """React to a further connection: messages on it may have been delivered before."""

    def claim(self) -> bytes | None:
        """Return the body that claims the messages in work, None if there are none."""

    def connection_open(self) -> None:
        """Send what waits: a connection is open, or takes other numbers of requests than before."""

    def connection_left(self) -> None:
        """React to the end of the present connection: the next requests go to the next one."""


class Connections:
    """The present connection, and those before it that have requests to end; all methods run on the I/O thread."""

    def __init__(
        self,
        loop: Loop,
        delays: Delays,
        authorization: str,
        *,
        submit: Callable[..., None],
        on_first: Callable[[], None],
        on_given_up: Callable[[ShipmateError], None],
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            loop: Waits for sockets and timers.
            delays: Say how long to wait between attempts.
            authorization: The header that all requests have.
            submit: Runs a function on the I/O thread, from any thread.
            on_first: Called when the first connection is open.
            on_given_up: Called when there will be no further connection, with the reason.
        """
        self._loop = loop
        self._delays = delays
        self._settings = delays.settings
        self._address = Address.from_uri(delays.settings.uri)
        self._authorization = authorization
        self._submit = submit
        self._on_first = on_first
        self._on_given_up = on_given_up
        self._link: Link | None = None
        self.is_open = False
        """True while requests can be sent: there is a connection, and the messages in work are claimed on it."""
        self._retirement = Retirement(loop)
        self._attempts = 0
        """Pauses before attempts to connect since the last success."""
        self._timer: Timer | None = None
        self._has_connected = self._has_been_open = False
        self._is_loss_known = False
        """True if the log says that the connection is lost."""
        self._is_hurried = False
        self._is_over = False
        self._last_jump = float("-inf")
        """The last time at which another connection was opened at once."""
        self._claiming: Link | None = None
        """The connection on which a claim is under way."""
        self._claim_failures = 0

    @property
    def http(self) -> Http2Connection | None:
        """The connection if a request can be sent now; before the claim is accepted none can."""
        link = self._link
        return link.http if link is not None and self.is_open and link.http.has_room else None

    @property
    def max_streams(self) -> int | None:
        """How many streams the proxy allows, None for any number."""
        return None if self._link is None else self._link.http.max_streams

    def begin(self, user: ConnectionsUser) -> None:
        """Connect, for a user that is ready."""
        self._user = user
        self._connect()

    def _connect(self) -> None:
        self._timer = None
        open_wire(self._address, partial(self._submit, self._connected))

    def flush(self) -> None:
        """Send all frames that wait, on all connections."""
        if self._link is not None:
            self._link.flush()
        if self._link is not None and self._link.http.is_worn_out:
            self.replace("all numbers of its streams are used")
        for link in self._retirement.links:
            link.flush()

    def succeeded(self) -> None:
        """Note that the proxy has answered a request: later attempts begin with short pauses again."""
        self._attempts = 0

    def replace(self, cause: str) -> None:
        """Open another connection at once, claim on it, and then close the present one."""
        if self._link is not None:
            self._retire(self._link, cause, owed_seconds=0.0)

    def probe(self, then: Callable[[], None]) -> None:
        """Call a function when the proxy has read all that was sent to it, as far as there is a connection."""
        if self._link is not None:
            self._link.probe(then)

    def hurry(self) -> None:
        """Connect again after short pauses only, because the process is stopping."""
        self._is_hurried = True
        if self._timer is not None and not self._timer.is_cancelled:
            self._timer.cancel()
            self._timer = self._loop.call_later(self._delays.reconnect_seconds(1), self._connect)

    def give_up(self, error: ShipmateError) -> None:
        """Send nothing more, because the process must end."""
        if self._is_over:
            return
        self._stop()
        self._on_given_up(error)

    def close(self, then: Callable[[], None]) -> None:
        """Close all connections, then call a function."""
        links = [*([self._link] if self._link is not None else []), *self._retirement.links]
        self._stop()
        closed: list[Link] = []

        def ended(link: Link) -> None:
            closed.append(link)
            if len(closed) == len(links):
                then()

        if not links:
            then()
        for link in links:
            link.close(partial(ended, link))

    # LinkUser

    def link_ready(self, link: Link) -> None:
        """Claim on a new connection, or use it at once; or use what its new settings allow."""
        if link is not self._link:
            return
        if self.is_open:
            self._user.connection_open()
        else:
            self._prepare(link)

    def link_alive(self, link: Link) -> None:
        """Count an answered PING as a success."""
        self.succeeded()

    def link_going(self, link: Link, cause: str) -> None:
        """Open another connection at once; requests that the proxy has read end on this one."""
        if link is self._link:
            self._retire(link, f"the proxy ends it: {cause}", owed_seconds=_OWED_SECONDS)

    def link_lost(self, link: Link, cause: str) -> None:
        """Open another connection after a pause."""
        self._retirement.discard(link)
        if link is self._link:
            self._leave(cause)
            self._schedule()

    def _leave(self, cause: str) -> None:
        """Stop to use the present connection."""
        self._link = None
        self.is_open = False
        self._user.connection_left()
        if not self._is_over and self._has_been_open and not self._is_loss_known:
            self._is_loss_known = True
            _log.warning("the connection to the sailor proxy was lost: %s", cause)

    def _retire(self, link: Link, cause: str, *, owed_seconds: float) -> None:
        self._leave(cause)
        self._retirement.add(link, owed_seconds=owed_seconds)
        now = self._loop.clock()
        is_rare = not self._attempts and now - self._last_jump > self._delays.reconnect_seconds(1)
        if is_rare and not self._is_over:  # else a proxy that ends each connection would be asked without a pause
            self._last_jump = now
            self._connect()
        else:
            self._schedule()

    def _schedule(self) -> None:
        """Connect after a pause, or give up after the last attempt."""
        if self._is_over:
            return
        most = self._settings.reconnect_attempts
        if most is not None and self._attempts >= most:
            self.give_up(ProxyLost(f"cannot reach the sailor proxy ({most} attempts): {self._place}"))
            return
        self._attempts += 1
        number = 1 if self._is_hurried else self._attempts
        self._timer = self._loop.call_later(self._delays.reconnect_seconds(number), self._connect)

    @property
    def _place(self) -> str:
        return f"{self._address.authority}, ELASTICIO_SAILOR_PROXY_URI"

    def _connected(self, result: Wire | OSError) -> None:
        """Take the result of an attempt."""
        if isinstance(result, Wire):
            if self._is_over:
                result.close()
                return
            encoder = HeaderEncoder(
                scheme=self._address.scheme,
                authority=self._address.authority,
                authorization=self._authorization,
            )
            self._has_connected = True
            self._link = Link(self._loop, result, encoder, ping_ms=self._settings.ping_interval_ms, user=self)
            self._on_first()
            return
        if self._has_connected:
            _log.debug("cannot connect to the sailor proxy: %s", describe(result))
            self._schedule()
        else:
            self.give_up(ProxyLost(f"cannot reach the sailor proxy: {self._place}, {describe(result)}"))

    def _prepare(self, link: Link) -> None:
        """Claim the messages in work, if there are any, and then open the connection for all else."""
        if link is not self._link or link is self._claiming or not link.http.has_room:
            return
        body = self._user.claim()
        if body is None:
            self._open(link)
        else:
            self._claiming = link
            link.http.post(CLAIM_PATH, body, most_bytes=_ANSWER_BYTES, on_answer=partial(self._claim_answered, link))

    def _claim_answered(self, link: Link, answer: Answer) -> None:
        if link is self._claiming:
            self._claiming = None
        if answer.status:
            self.succeeded()
        if link is not self._link or answer.is_lost:
            return  # the next connection claims again
        if is_accepted(answer.status):
            self._claim_failures = 0
            self._open(link)
        elif is_temporary(answer.status):
            self._claim_failures += 1
            _log.warning("the sailor proxy does not accept the claim of the messages in work: %s", what(answer))
            self._loop.call_later(
                self._delays.request_seconds(self._claim_failures, is_hurried=self._is_hurried),
                partial(self._prepare, link),
            )
        else:
            self.give_up(
                ClaimRefused(
                    f"the sailor proxy refuses the claim of the messages in work ({what(answer)}): "
                    "another container may have them"
                )
            )

    def _open(self, link: Link) -> None:
        if self._has_been_open:
            self._user.connected_again()
            observation.current.reconnected("proxy")
        if self._is_loss_known:
            _log.info("the connection to the sailor proxy is back")
        self._has_been_open = True
        self._is_loss_known = False
        self.is_open = True
        self._retirement.begin()
        self._user.connection_open()

    def _stop(self) -> None:
        self._is_over = True
        self.is_open = False
        self._retirement.stop()
        if self._timer is not None:
            self._timer.cancel()


def what(answer: Answer) -> str:
    """Return in words what has come of a request that was not accepted."""
    return f"status {answer.status}" if answer.status else answer.cause
