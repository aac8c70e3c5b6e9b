"""The events of one call: each is checked, copied, delivered to the run mode's sink, and accounted for."""

import logging
import threading
from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from shipmate import observation
from shipmate.errors import EmitError, InvalidMessage, KeysNotSaved, code_of
from shipmate.invocation.emission import Emission
from shipmate.invocation.events import EVENTS, NOTHING, Event, ready_value, require_snapshot_part, unknown
from shipmate.invocation.failure import error_text, format_error
from shipmate.invocation.gate import Gate
from shipmate.invocation.loops import Loops, is_loop_running
from shipmate.invocation.message import check_message
from shipmate.invocation.sink import Sink
from shipmate.jsonvalue import plain
from shipmate.logs.log import Redactor

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_log: Final = logging.getLogger("shipmate.invocation")

# If one of these fails, the message has not done its work, even if the function catches the exception.
_FAIL_THE_MESSAGE: Final = frozenset({"data", "updateKeys"})


class Call:
    """The events of one call of an author's function.

    The call is open while the function runs, then closed to new events, and over when all events are delivered.
    """

    __slots__ = (
        "__weakref__", "_emitter", "_errors_at_end", "_events", "_failed", "_gate", "_is_over", "_lock", "_loops",
        "_redactor", "_reported", "_sink", "errors", "is_verification", "rules",
    )  # fmt: skip

    def __init__(
        self,
        sink: Sink,
        redactor: Redactor,
        loops: Loops,
        *,
        events: tuple[str, ...] = EVENTS,
        is_verification: bool = False,
    ) -> None:
        """Open the call.

        Args:
            sink: Takes the events; its rules hold for the call.
            redactor: Removes secrets from the texts of errors.
            loops: Lends the thread that delivers the events of an event loop.
            events: The events that may be emitted; without ``error`` among them, errors are only logged.
            is_verification: Whether the call verifies credentials.
        """
        self.is_verification = is_verification
        self._sink = sink
        self.rules = sink.rules
        self._redactor = redactor
        self._loops = loops
        self._events = events
        self._gate = Gate(stays_open=self.rules.first_end_decides)
        self._lock = threading.Lock()
        self._is_over = False
        self._errors_at_end: int | None = None
        self._emitter: ThreadPoolExecutor | None = None
        self._failed: list[Emission] = []
        self._reported: list[BaseException] = []
        self.errors = 0
        """The number of errors so far: emitted, raised, or of events that could not be delivered."""

    @property
    def deciding_errors(self) -> int:
        """The number of errors that decide about the input. Source: contract §3.4."""
        return self.errors if self._errors_at_end is None else self._errors_at_end

    def emit(self, event: str, value: Any = None) -> Emission | None:
        """Deliver an event: at once, or, if an event loop would have to wait, in order on another thread.

        Returns:
            An awaitable in an event loop, else None.

        Raises:
            UnknownEvent: The event does not exist, or is not available in this kind of call.
            InvalidMessage: The value does not fit the event.
            MessageEnded: The call is over, or has emitted ``end``.
            EmitError: The sink has not taken the event.
        """
        if is_loop_running():
            return self.emit_soon(event, value)
        self.emit_now(event, value)
        return None

    def emit_now(self, event: str, value: Any = None) -> None:
        """Deliver an event and wait for it."""
        if ready := self._begin(event, value, is_encoded_at_once=self._sink.deliver_later is not None):
            try:
                self._deliver_in_order(ready)
            finally:
                self._gate.leave()

    def emit_soon(self, event: str, value: Any = None) -> Emission:
        """Deliver an event on another thread, after all earlier events; return an awaitable for the delivery."""
        from concurrent.futures import Future

        future: Future[None] = Future()
        future.set_running_or_notify_cancel()
        emission = Emission(future)
        if ready := self._begin(event, value, is_background=True):
            try:
                run = copy_context().run  # the log says which message an event belongs to
                self._borrowed_emitter().submit(run, self._deliver_in_background, ready, emission, future)
            except BaseException:
                self._gate.leave()
                raise
        else:
            future.set_result(None)
        return emission

    def end_with(self, value: Any, on_end: Callable[[], None]) -> bool:
        """Close the call with a last ``data`` event without waiting for it; return False if that is impossible.

        It is impossible if the sink cannot, or while other events are under way: the end comes after them.

        Args:
            value: The message.
            on_end: Called, on any thread, when the event is safe, or when its failure has been reported.

        Raises:
            InvalidMessage: The value is no message.
            EmitError: The sink has not taken the event; ``on_end`` is not called.
        """
        deliver_later = self._sink.deliver_later
        if deliver_later is None or not (event := self._begin("data", value, is_encoded_at_once=True)):
            return False
        if not self._gate.close_if_alone():
            self._gate.leave()
            return False

        def on_delivered(error: BaseException | None) -> None:
            self._gate.leave()
            if error is None:
                self._is_over = True
            else:
                self.close(error)
            on_end()

        try:
            deliver_later(event, on_delivered)
        except BaseException:
            self._gate.leave()
            raise
        return True

    def emit_keys(self, value: dict[str, Any], account: str | None) -> None:
        """Deliver new keys, even if the call is over: a rotated token that is not saved is lost.

        Raises:
            EmitError: The sink has not taken the keys. No error event is published.
        """
        self._gate.enter_always()
        try:
            self._deliver(Event("updateKeys", plain(value), account, is_awaited=True))
        finally:
            self._gate.leave()

    def report(self, error: BaseException) -> None:
        """Publish an exception as an ``error`` event of this call, once; at most one `KeysNotSaved` per call."""
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
        code = code_of(error)
        _log.error("%s: %s", formatted["name"], formatted["message"], extra={"err": {**formatted, "code": code}})
        observation.current.error(code, formatted)
        if "error" in self._events and not is_late:
            self._publish(formatted)

    def leave(self) -> None:
        """Leave the message to the next container: the process stops before it can be processed."""
        self._sink.leave()

    def report_failure(self, error: BaseException) -> bool:
        """Report the failure of a task that nothing awaits; tell whether an emit failed in it."""
        if isinstance(error, EmitError):
            self.report(error)
            return True
        return False

    def close(self, failure: BaseException | None = None) -> None:
        """Refuse further events, wait for those under way, and report failures that the function has not seen.

        Args:
            failure: The exception that the function raised.
        """
        self._gate.close()
        with self._lock:
            emitter, self._emitter = self._emitter, None
        if emitter is not None:
            self._loops.return_emitter(emitter)
        for emission in self._failed:
            if not emission.is_failure_seen and emission.failure is not None:
                self.report(emission.failure)
        if failure is not None:
            self.report(failure)
        self._is_over = True

    def _is_known(self, error: BaseException) -> bool:
        if isinstance(error, BaseExceptionGroup):
            return all(self._is_known(member) for member in error.exceptions)
        return any(error is known for known in self._reported)

    def _begin(
        self, name: str, value: Any, *, is_encoded_at_once: bool = False, is_background: bool = False
    ) -> Event | None:
        """Check an event, copy its value unless it is encoded at once, and count it in; None if it is to be ignored."""
        if name not in self._events:
            raise unknown(name, self._events)
        if name == "data":
            check_message(value, needs_body=self.rules.needs_body)
        elif name == "updateSnapshot" and not self.rules.ignores_wrong_snapshots:
            require_snapshot_part(value)
        ready = value if is_encoded_at_once and name == "data" else ready_value(name, value, self._redactor)
        if ready is NOTHING or not self._gate.enter(name, is_background=is_background):
            return None
        if name == "error":
            with self._lock:
                self.errors += 1
            observation.current.error(code_of(value), ready)
        return Event(name, ready)

    def _deliver_in_order(self, event: Event) -> None:
        if event.name == "end":
            self._gate.wait_for_others()
            if self.rules.first_end_decides:
                self._errors_at_end = self.errors
        try:
            self._deliver(event)
        except EmitError as error:
            if event.name in _FAIL_THE_MESSAGE:
                self.report(error)
            raise

    def _deliver_in_background(self, event: Event, emission: Emission, future: "Future[None]") -> None:
        try:
            self._deliver_in_order(event)
        except BaseException as error:  # raised where the emission is awaited
            self._failed.append(emission)
            future.set_exception(error)
        else:
            future.set_result(None)
        finally:
            self._gate.leave()

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
        except Exception as cause:  # the message has failed already, and there is no other place to report it
            _log.error("the error event could not be handed over: %s", error_text(cause))

    def _borrowed_emitter(self) -> "ThreadPoolExecutor":
        with self._lock:
            if self._emitter is None:
                self._emitter = self._loops.borrow_emitter()
            return self._emitter
