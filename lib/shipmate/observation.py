"""Reports the facts of this process to its observers: metrics, traces, health.

The runtime reports each fact to `current`, which does nothing until `use` names observers. Only facts pass through this
module: observers do not change what the runtime does, except that they may add headers to the outputs of a message.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Literal, Self

Outcome = Literal["success", "error", "rebound", "left"]
"""How a message ended: acknowledged, rejected, acknowledged after a rebound, or left to the next container."""
Phase = Literal["starting", "consuming", "stopping"]
"""What a step does: it becomes ready, takes messages, or finishes those in work."""
Target = Literal["api", "token_endpoint", "platform"]
"""The receiver of a request: the component's API, the OAuth2 provider, or the platform and its storage."""


class _Block:
    """Begins and ends on the same thread, as a ``with`` statement does."""

    __slots__ = ()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End, with the exception that leaves the block, if any."""


class Message(_Block):
    """One message in work. The block ends when the message leaves its thread; `settled` comes then or later."""

    __slots__ = ()

    def headers(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """Return the metadata for all events of the message: the given ones, possibly with more headers."""
        return metadata

    def function_called(self) -> None:
        """Note that the author's function begins; not called if the message cannot be decoded."""

    def function_ended(self) -> None:
        """Note that the author's function has ended, its generator and tasks included; only the first call counts."""

    def function_waits(self) -> None:
        """Note that the author's function waits until an event is safe; on any thread."""

    def function_continues(self) -> None:
        """Note that the awaited event is safe or has failed."""

    def emitted(self, event: str) -> None:
        """Note that an event is safe: the transport has confirmed it, or the keys are saved; on any thread."""

    def settled(self, outcome: Outcome) -> None:
        """Note the end of the message; called once, on any thread."""


class HttpRequest(_Block):
    """One HTTP request, redirects included; without `answered` it has failed."""

    __slots__ = ()

    def answered(self, status: int) -> None:
        """Note the status of the answer."""


class Refresh(_Block):
    """One refresh of an account's keys; the error that leaves the block says why there are none."""

    __slots__ = ()

    def answered(self, answer: str) -> None:
        """Note the answer to a token request; the last one counts.

        Args:
            answer: ``granted``, ``refused``, ``misconfigured``, ``busy``, ``uncertain`` or ``unusable``.
        """

    def adopted(self) -> None:
        """Note that the result is keys that another process has saved."""


UNOBSERVED: Final = Message()
_HTTP_REQUEST: Final = HttpRequest()
UNOBSERVED_REFRESH: Final = Refresh()


class Observer:
    """Receives the facts; this class ignores them, and subclasses override the methods that they need.

    All methods are called on any thread. They must return soon and raise nothing.
    """

    __slots__ = ()

    def phase_began(self, phase: Phase) -> None:
        """Note the new phase of the step; the first one is ``starting``."""

    def message(self, metadata: Mapping[str, Any], thread_id: Any, size_bytes: int = 0) -> Message:
        """Return the observer of one message.

        Args:
            metadata: The headers of the delivery, as they came. Source: contract §5.1.
            thread_id: The ``threadId`` of the message, which may be new.
            size_bytes: The bytes of the encrypted message.
        """
        return UNOBSERVED

    def http_request(self, target: Target, method: str, url: str) -> HttpRequest:
        """Return the observer of one HTTP request; the URL may have secrets in its query and its path."""
        return _HTTP_REQUEST

    def refresh(self) -> Refresh:
        """Return the observer of one refresh."""
        return UNOBSERVED_REFRESH

    def keys_adopted(self) -> None:
        """Note the use of keys that another process has saved, in a refresh or after a refusal."""

    def lock_waited(self, seconds: float) -> None:
        """Note the end of a wait for a refresh lock, with or without the lock."""

    def published(self, seconds: float) -> None:
        """Note that a publication is confirmed.

        Args:
            seconds: Its duration, with all repetitions, without the wait for the rate limit.
        """

    def publication_retried(self) -> None:
        """Note that a publication is sent again."""

    def throttled(self, event: str, seconds: float) -> None:
        """Note that a publication has waited for the rate limit of its event."""

    def reconnected(self, connection: str) -> None:
        """Note that a connection is ready again: ``read``, ``write`` or ``proxy``."""

    def body_fetched(self) -> None:
        """Note that a body was read from the object storage."""

    def body_stored(self) -> None:
        """Note that a body was written to the object storage."""

    def error(self, code: str, formatted: Mapping[str, Any]) -> None:
        """Note an error of a message: of the thread's current message, if there is one.

        Args:
            code: The stable code of the error, ``other`` for an error that is not the runtime's.
            formatted: The value of the ``error`` event, without secrets: ``{"name": "E", "message": "m", ...}``.
        """


NOBODY: Final = Observer()
current: Observer = NOBODY
"""The observer that the runtime reports to; read it at each call, as ``observation.current``."""


def use(*observers: Observer) -> None:
    """Report to these observers from now on; call it before threads start. Without observers, report to nobody."""
    global current
    current = observers[0] if len(observers) == 1 else _Several(observers) if observers else NOBODY


class _Blocks(_Block):
    """Several blocks that begin in order and end in reverse."""

    __slots__ = ("_all",)

    def __init__(self, blocks: tuple[Any, ...]) -> None:
        self._all = blocks

    def __enter__(self) -> Self:
        for each in self._all:
            each.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        for each in reversed(self._all):
            each.__exit__(*error)


class _Messages(_Blocks, Message):
    __slots__ = ()

    def headers(self, metadata: dict[str, Any]) -> dict[str, Any]:
        for each in self._all:
            metadata = each.headers(metadata)
        return metadata

    def function_called(self) -> None:
        for each in self._all:
            each.function_called()

    def function_ended(self) -> None:
        for each in self._all:
            each.function_ended()

    def function_waits(self) -> None:
        for each in self._all:
            each.function_waits()

    def function_continues(self) -> None:
        for each in self._all:
            each.function_continues()

    def emitted(self, event: str) -> None:
        for each in self._all:
            each.emitted(event)

    def settled(self, outcome: Outcome) -> None:
        for each in self._all:
            each.settled(outcome)


class _HttpRequests(_Blocks, HttpRequest):
    __slots__ = ()

    def answered(self, status: int) -> None:
        for each in self._all:
            each.answered(status)


class _Refreshes(_Blocks, Refresh):
    __slots__ = ()

    def answered(self, answer: str) -> None:
        for each in self._all:
            each.answered(answer)

    def adopted(self) -> None:
        for each in self._all:
            each.adopted()


class _Several(Observer):
    """Passes each fact to several observers, in order."""

    __slots__ = ("_all",)

    def __init__(self, observers: tuple[Observer, ...]) -> None:
        self._all = observers

    def phase_began(self, phase: Phase) -> None:
        for each in self._all:
            each.phase_began(phase)

    def message(self, metadata: Mapping[str, Any], thread_id: Any, size_bytes: int = 0) -> Message:
        return _Messages(tuple(each.message(metadata, thread_id, size_bytes) for each in self._all))

    def http_request(self, target: Target, method: str, url: str) -> HttpRequest:
        return _HttpRequests(tuple(each.http_request(target, method, url) for each in self._all))

    def refresh(self) -> Refresh:
        return _Refreshes(tuple(each.refresh() for each in self._all))

    def keys_adopted(self) -> None:
        for each in self._all:
            each.keys_adopted()

    def lock_waited(self, seconds: float) -> None:
        for each in self._all:
            each.lock_waited(seconds)

    def published(self, seconds: float) -> None:
        for each in self._all:
            each.published(seconds)

    def publication_retried(self) -> None:
        for each in self._all:
            each.publication_retried()

    def throttled(self, event: str, seconds: float) -> None:
        for each in self._all:
            each.throttled(event, seconds)

    def reconnected(self, connection: str) -> None:
        for each in self._all:
            each.reconnected(connection)

    def body_fetched(self) -> None:
        for each in self._all:
            each.body_fetched()

    def body_stored(self) -> None:
        for each in self._all:
            each.body_stored()

    def error(self, code: str, formatted: Mapping[str, Any]) -> None:
        for each in self._all:
            each.error(code, formatted)
