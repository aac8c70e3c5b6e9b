"""Sends events and finishes until the proxy accepts them: each repeated byte for byte, with pauses.

Source: proxy §8, §9.
"""

import logging
from collections import deque
from functools import partial
from typing import Final

from shipmate import observation
from shipmate.container.proxy.connections import Connections, what
from shipmate.container.proxy.http2.exchange import Answer
from shipmate.container.proxy.loop import Loop
from shipmate.container.proxy.post import Post
from shipmate.container.proxy.reconnect import Delays
from shipmate.container.proxy.statuses import is_accepted, is_temporary
from shipmate.container.silence import Silence
from shipmate.errors import EmitUnconfirmed

_log: Final = logging.getLogger("shipmate.proxy")
_ANSWER_BYTES: Final = 8192
"""How much of an answer is kept for the text of an error; the rest is read and dropped."""
_STOPPING: Final = "the process is stopping"


class Sender:
    """Sends on the present connection, and waits while there is none; all methods run on the I/O thread."""

    def __init__(self, connections: Connections, loop: Loop, delays: Delays) -> None:
        """Begin with nothing to send."""
        self._connections = connections
        self._loop = loop
        self._delays = delays
        self._attempts = delays.settings.request_attempts
        self._waiting: deque[Post] = deque()
        """To be sent next."""
        self._sent: set[Post] = set()
        """Sent and not answered."""
        self._retrying: set[Post] = set()
        """Failed, and waiting for the pause before the next attempt."""
        self._is_hurried = self._is_stopping = False
        self._silence = Silence(loop.clock())

    def submit(self, post: Post) -> None:
        """Send a request at the next `flush` that finds a connection."""
        self._waiting.append(post)

    def flush(self) -> None:
        """Send what waits, as far as the proxy allows it."""
        while self._waiting and (http := self._connections.http) is not None:
            post = self._waiting.popleft()
            if not self._sent:
                self._silence.restart(self._loop.clock())
            self._sent.add(post)
            post.is_sent = True
            http.post(
                post.path,
                post.body,
                metadata=post.metadata,
                most_bytes=_ANSWER_BYTES,
                on_answer=partial(self._answered, post),
            )

    def hurry(self) -> None:
        """Repeat at once what waits for its next attempt, and make only short pauses from now on."""
        self._is_hurried = True
        retrying, self._retrying = self._retrying, set()  # their timers then do nothing
        self._waiting.extend(retrying)

    def stop_retrying(self) -> None:
        """Report failures at once from now on, and those of requests that wait for their next attempt."""
        if self._is_stopping:
            return
        self._is_stopping = True
        self._silence.restart(self._loop.clock())
        retrying, self._retrying = self._retrying, set()
        for post in retrying:
            self._fail(post, _STOPPING)

    def abandon(self, seconds: float) -> None:
        """Fail all requests if the proxy has accepted nothing for ``seconds`` and three times its usual delay.

        Needs two calls: at the first one, answers that have come may still be unread.
        """
        unsent_bytes = sum(len(post.body) for post in self._sent)
        if not self._silence.is_too_long(self._loop.clock(), seconds, unsent_bytes):
            return
        stuck = [*self._sent, *self._waiting]
        self._sent, self._waiting = set(), deque()
        for post in stuck:
            self._fail(post, "the process is stopping and the sailor proxy does not answer")

    def _answered(self, post: Post, answer: Answer) -> None:
        if post not in self._sent:  # abandoned
            return
        self._sent.remove(post)
        if answer.status:
            self._connections.succeeded()
        if is_accepted(answer.status):
            self._silence.confirmed(self._loop.clock())
            post.then(None)
        elif answer.is_lost and not self._is_stopping:
            observation.current.publication_retried()
            self.submit(post)  # on the next connection, if that is not open yet
        elif is_temporary(answer.status):
            self._retry(post, answer)
        else:
            self._fail(post, _text(answer))

    def _retry(self, post: Post, answer: Answer) -> None:
        """Repeat after a pause, or give up after the last attempt."""
        if self._is_stopping or (self._attempts is not None and post.failures >= self._attempts):
            self._fail(post, _text(answer))
            return
        post.failures += 1
        observation.current.publication_retried()
        _log.warning("a request failed, repeating it", extra={"cause": what(answer), "retry": post.failures})
        self._retrying.add(post)
        pause = self._delays.request_seconds(post.failures, is_hurried=self._is_hurried)
        self._loop.call_later(pause, partial(self._repeat, post))

    def _repeat(self, post: Post) -> None:
        if post in self._retrying:
            self._retrying.remove(post)
            self.submit(post)

    def _fail(self, post: Post, text: str) -> None:
        post.then(EmitUnconfirmed(text, is_left_to_broker=self._is_stopping))


def _text(answer: Answer) -> str:
    """Return the text of the error for an answer that is final. Source: proxy §8.1."""
    if not answer.status:
        return f"Failed to send message, {answer.cause}"
    return answer.body.decode("utf-8", "replace") or f"Failed to send message, status code: {answer.status}"
