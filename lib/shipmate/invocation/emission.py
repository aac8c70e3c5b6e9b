"""What one call emits: each event is checked, copied, handed to the run mode's sink, and accounted for."""

import logging
import threading
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextvars import copy_context
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol

from shipmate.errors import EmitError, InvalidMessage, KeysNotSaved, MessageEnded
from shipmate.invocation.events import EVENTS, NOTHING, Event, ready_value, unknown
from shipmate.invocation.failure import error_text, format_error
from shipmate.invocation.loops import Loops, is_loop_running
from shipmate.invocation.message import check_message
from shipmate.jsonvalue import plain
from shipmate.logs.log import Redactor

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_log: Final = logging.getLogger("shipmate.emission")

# Without these the message has not done its work, whatever the function makes of the exception.
_FAIL_THE_MESSAGE: Final = frozenset({"data", "updateKeys"})


_Then = Callable[[BaseException | None], None]


class Sink(Protocol):
    """Where a run mode takes the events of a call."""

    def deliver(self, event: Event) -> None:
        """Take one event, from any thread; return when it is safe, raise when it is not."""


class EncodingSink(Sink, Protocol):
    """A sink that makes JSON of a value before it returns, so that nobody need copy the value for it."""

    is_lenient: bool
    """Whether it takes messages without a body."""

    def deliver_later(self, event: Event, then: _Then) -> None:
        """Take one event without waiting; ``then`` is told on any thread that it is safe, or why it is not.

        Raises:
            InvalidMessage, EmitError: It was not taken; ``then`` is not told.
        """


class Emission(Coroutine[Any, Any, None]):
    """An emit that is under way; it can be awaited, made a task, gathered, or left alone."""

    __slots__ = ("_future", "_steps", "is_failure_seen")

    def __init__(self, future: "Future[None]") -> None:
        """Stand for the outcome in ``future``, which is running: a cancelled wait does not call the event back."""
        self._future = future
        self._steps: Generator[Any, Any, None] | None = None
        self.is_failure_seen = False

    @property
    def failure(self) -> BaseException | None:
        """What went wrong, once it is over."""
        return self._future.exception()

    def __await__(self) -> Generator[Any, Any, None]:
        """Wait until the sink has taken the event."""
        import asyncio

        try:
            yield from asyncio.wrap_future(self._future).__await__()
        except Exception:
            self.is_failure_seen = True
            raise

    def _started(self) -> Generator[Any, Any, None]:
        if self._steps is None:
            self._steps = self.__await__()
        return self._steps

    def send(self, value: Any) -> Any:
        """Go on waiting."""
        return self._started().send(value)

    def throw(self, typ: Any, val: Any = None, tb: TracebackType | None = None) -> Any:
        """Raise an exception where the wait is."""
        if val is None and tb is None:
            return self._started().throw(typ)
        return self._started().throw(val if val is not None else typ)

    def close(self) -> None:
        """Stop waiting."""
        self._started().close()


class Call:
    """One call of an author's function, as far as its events are concerned.

    It is open until the function is done, then closed to new events, and over when all of them are handed over.
    """

    __slots__ = (
        "_emitter", "_errors_at_end", "_events", "_failed", "_is_closed", "_is_ended", "_is_over", "_later", "_lock",
        "_loops", "_quiet", "_redactor", "_reported", "_sink", "_under_way", "errors", "is_lenient",
    )  # fmt: skip

    def __init__(self, sink: Sink, redactor: Redactor, loops: Loops, *, events: tuple[str, ...] = EVENTS) -> None:
        """Open the call.

        Args:
            sink: Takes the events.
            redactor: Removes secrets from the texts of errors.
            loops: Lends the thread on which events of an event loop are handed over.
            events: The events that may be emitted; without ``error`` among them, errors are logged instead.
        """
        self._sink = sink
        self._later: Callable[[Event, _Then], None] | None = getattr(sink, "deliver_later", None)
        self.is_lenient: bool = getattr(sink, "is_lenient", False)
        """Whether a message may lack its body, what is falsy in JavaScript is nothing when it is returned, and ``end``
        decides about the input and keeps nothing else from being emitted."""
        self._redactor = redactor
        self._loops = loops
        self._events = events
        self._lock = threading.Lock()
        self._quiet: threading.Condition | None = None
        self._under_way = 0
        self._is_ended = self._is_closed = self._is_over = False
        self._errors_at_end: int | None = None
        self._emitter: ThreadPoolExecutor | None = None
        self._failed: list[Emission] = []
        self._reported: list[BaseException] = []
        self.errors = 0
        """How many errors the call has had: emitted, raised, or of events that could not be handed over."""

    @property
    def deciding_errors(self) -> int:
        """How many of the errors decide about the input. Source: contract §3.4."""
        return self.errors if self._errors_at_end is None else self._errors_at_end

    def emit(self, event: str, value: Any = None) -> Emission | None:
        """Hand an event over: at once, or in order on a thread of its own if an event loop would have to wait.

        Returns:
            Something to await in an event loop, else None.

        Raises:
            UnknownEvent: There is no such event, or not in this kind of call.
            InvalidMessage: The value is not what this event needs.
            MessageEnded: The call is over, or has emitted ``end``.
            EmitError: The sink has not taken it.
        """
        if is_loop_running():
            return self.emit_soon(event, value)
        self.emit_now(event, value)
        return None

    def emit_now(self, event: str, value: Any = None) -> None:
        """Hand an event over, and return when that is done."""
        if ready := self._begin(event, value, is_at_once=self._later is not None):
            try:
                self._hand_over(ready)
            finally:
                self._finish()

    def emit_soon(self, event: str, value: Any = None) -> Emission:
        """Start to hand an event over, after those before it, and return what waits for the end of that."""
        from concurrent.futures import Future

        future: Future[None] = Future()
        future.set_running_or_notify_cancel()
        emission = Emission(future)
        if ready := self._begin(event, value):
            try:
                self._borrowed_emitter().submit(copy_context().run, self._hand_over_later, ready, emission, future)
            except BaseException:
                self._finish()
                raise
        else:
            future.set_result(None)
        return emission

    def end_with(self, value: Any, on_end: Callable[[], None]) -> bool:
        """Close the call with a last data event, without waiting for it; tell whether that can be done.

        It cannot where others are under way: they must be waited for before the end.

        Args:
            value: The message.
            on_end: Called, on any thread, when the event is safe, or when what went wrong has been reported.

        Raises:
            InvalidMessage: The value is no message.
            EmitError: The sink has not taken it, and will not call back.
        """
        if self._later is None or not (event := self._begin("data", value, is_at_once=True)):
            return False
        with self._lock:
            self._is_closed = is_alone = self._under_way == 1 and self._emitter is None
        if not is_alone:
            self._finish()
            return False

        def then(error: BaseException | None) -> None:
            self._finish()
            if error is None:
                self._is_over = True
            else:
                self.close(error)
            on_end()

        try:
            self._later(event, then)
        except BaseException:
            self._finish()
            raise
        return True

    def emit_keys(self, value: dict[str, Any], account: str | None) -> None:
        """Hand new keys over, also of a call that is over: a rotated token that is not saved is lost.

        Raises:
            EmitError: The sink has not taken them. No error event is published.
        """
        with self._lock:
            self._under_way += 1
        try:
            self._deliver(Event("updateKeys", plain(value), account, is_awaited=True))
        finally:
            self._finish()

    def report(self, error: BaseException) -> None:
        """Publish an exception as an error of this call, unless it already has been; lost keys once per call."""
        with self._lock:
            if self._is_known(error):
                return
            is_repeated = isinstance(error, KeysNotSaved) and any(isinstance(e, KeysNotSaved) for e in self._reported)
            self._reported.append(error)
            if is_repeated:
                return
            self.errors += 1
            is_late = self._is_over
        formatted = self._redactor.redact_json(format_error(error))
        _log.error("%s: %s", formatted["name"], formatted["message"], extra={"err": formatted})
        if "error" in self._events and not is_late:
            self._publish(formatted)

    def report_failure(self, error: BaseException) -> bool:
        """Report what failed in a task that nobody waits for; tell whether it was an emit."""
        if isinstance(error, EmitError):
            self.report(error)
            return True
        return False

    def close(self, failure: BaseException | None = None) -> None:
        """Refuse further events, wait for those under way, and report what nobody has seen, and the failure."""
        with self._lock:
            self._is_closed = True
            self._wait_until_left(0)
            emitter, self._emitter = self._emitter, None
        if emitter is not None:
            self._loops.return_emitter(emitter)
        for emission in self._failed:
            if not emission.is_failure_seen and emission.failure is not None:
                self.report(emission.failure)
        if failure is not None:
            self.report(failure)
        with self._lock:
            self._is_over = True

    def _is_known(self, error: BaseException) -> bool:
        if isinstance(error, BaseExceptionGroup):
            return all(self._is_known(member) for member in error.exceptions)
        return any(error is known for known in self._reported)

    def _begin(self, name: str, value: Any, *, is_at_once: bool = False) -> Event | None:
        """Check what is emitted, and copy it unless it is encoded at once; None when there is nothing to hand over."""
        if name not in self._events:
            raise unknown(name, self._events)
        if name == "data":
            check_message(value, needs_body=not self.is_lenient)
        ready = value if is_at_once and name == "data" else ready_value(name, value, self._redactor)
        if ready is NOTHING:
            return None
        with self._lock:
            if self._is_ended and name == "end":
                _log.warning("end was emitted before: nothing done")
                return None
            if self._is_closed or (self._is_ended and not self.is_lenient):
                raise MessageEnded(f'"{name}" was emitted after the end of its message')
            self._under_way += 1
            self._is_ended |= name == "end"
            self.errors += name == "error"
        return Event(name, ready)

    def _finish(self) -> None:
        with self._lock:
            self._under_way -= 1
            if self._quiet is not None:
                self._quiet.notify_all()

    def _wait_until_left(self, count: int) -> None:
        """Wait, with the lock held, until no more than so many events are under way."""
        while self._under_way > count:
            self._quiet = self._quiet or threading.Condition(self._lock)
            self._quiet.wait()

    def _hand_over(self, event: Event) -> None:
        if event.name == "end":
            with self._lock:
                self._wait_until_left(1)
                if self.is_lenient:
                    self._errors_at_end = self.errors
        try:
            self._deliver(event)
        except EmitError as error:
            if event.name in _FAIL_THE_MESSAGE:
                self.report(error)
            raise

    def _hand_over_later(self, event: Event, emission: Emission, future: "Future[None]") -> None:
        try:
            self._hand_over(event)
        except BaseException as error:  # raised where the emission is awaited
            self._failed.append(emission)
            future.set_exception(error)
        else:
            future.set_result(None)
        finally:
            self._finish()

    def _deliver(self, event: Event) -> None:
        try:
            self._sink.deliver(event)
        except (InvalidMessage, EmitError):
            raise
        except Exception as cause:
            reason = self._redactor.redact(error_text(cause))
            raise EmitError(f'The event "{event.name}" could not be handed over: {reason}') from cause

    def _publish(self, formatted: Mapping[str, Any]) -> None:
        try:
            self._sink.deliver(Event("error", formatted))
        except Exception as cause:  # the message has failed already, and nothing is left to tell it to
            _log.error("the error event could not be handed over: %s", error_text(cause))

    def _borrowed_emitter(self) -> "ThreadPoolExecutor":
        with self._lock:
            if self._emitter is None:
                self._emitter = self._loops.borrow_emitter()
            return self._emitter
