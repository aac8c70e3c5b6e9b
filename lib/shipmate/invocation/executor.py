"""Calls one function of an author: arguments, result, errors, end. The run mode's sink takes the events."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from shipmate import observation
from shipmate.component.signature import takes_context
from shipmate.errors import InvalidMessage
from shipmate.invocation.call import Call
from shipmate.invocation.context import Context
from shipmate.invocation.events import KEYS_ONLY
from shipmate.invocation.failure import error_text
from shipmate.invocation.loops import Loops
from shipmate.invocation.services import Services
from shipmate.invocation.sink import Sink
from shipmate.jsonvalue import is_falsy, plain
from shipmate.logs.log import message_fields

if TYPE_CHECKING:
    from shipmate.oauth2.options import OAuth2Options
    from shipmate.oauth2.session import OAuth2Session
    from shipmate.platform.attachments import Attachments
    from shipmate.platform.client import PlatformClient
    from shipmate.session.plan import SessionOptions
    from shipmate.session.session import Session

_LOG: Final = logging.getLogger("shipmate.invocation")
_NOT_VERIFIED = "verify_credentials returned False"


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of the incoming message, for log records."""

    thread_id: str | None = None
    message_id: str | None = None
    parent_message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a call of ``process``: the number of errors that decide about its message."""

    errors: int
    value: Any = None


def process(
    function: Callable[..., Any], msg: Any, cfg: Any, snapshot: Any, *, sink: Sink, services: Services, ids: Ids
) -> Outcome:
    """Process one message; exceptions of the function become ``error`` events.

    Args:
        function: The author's ``process``: plain, ``async``, a generator or an async generator.
        msg: The message; the function may change it, ``cfg`` and ``snapshot``.
        cfg: The configuration.
        snapshot: The snapshot.
        sink: Takes the events.
        services: The services of the run mode.
        ids: The ids of the message.

    Source: contract §7.
    """
    ended: list[Outcome] = []
    process_later(function, msg, cfg, snapshot, sink=sink, services=services, ids=ids, on_end=ended.append)
    (outcome,) = ended
    return outcome


def process_later(
    function: Callable[..., Any],
    msg: Any,
    cfg: Any,
    snapshot: Any,
    *,
    sink: Sink,
    services: Services,
    ids: Ids,
    on_end: Callable[[Outcome], None],
    observed: observation.Message = observation.UNOBSERVED,
) -> None:
    """Process one message as `process` does, but do not wait for the returned message if the sink allows that.

    Args:
        function: As for `process`, and so are the next six.
        msg: The message.
        cfg: The configuration.
        snapshot: The snapshot.
        sink: Takes the events.
        services: The services of the run mode.
        ids: The ids of the message.
        on_end: Called once, on any thread, when every event is safe or its failure is reported.
        observed: Learns when the function begins and ends.
    """
    call = Call(sink, services.redactor, services.loops, events=sink.rules.events)
    context = _context(call, services, ids)
    failure: BaseException | None = None
    with message_fields(ids.thread_id, ids.message_id, ids.parent_message_id):
        observed.function_called()
        try:
            result = function(context, msg, cfg, snapshot)
            if type(result) is dict:
                observed.function_ended()
                if call.end_with(result, lambda: on_end(Outcome(call.deciding_errors))):
                    return
            _emit_result(result, call, services.loops)
        except BaseException as error:  # the edge to the author's code: sys.exit() ends the message, not the process
            failure = error
        observed.function_ended()
        try:
            call.close(failure)
        finally:
            failure = None  # its traceback refers to this frame
    on_end(Outcome(call.deciding_errors))


def call_model(
    function: Callable[..., Any], cfg: Any, *, sink: Sink, services: Services, ids: Ids | None = None
) -> Any:
    """Return the answer of ``get_meta_model`` or of a select model; it may emit only ``updateKeys``.

    Raises:
        BaseException: The exception of the function.
        InvalidMessage: The answer is not JSON.
    """
    return plain(_answer(function, cfg, sink=sink, services=services, ids=ids or Ids()))


def verify(
    function: Callable[..., Any] | None,
    credentials: Any,
    *,
    sink: Sink,
    services: Services,
    ids: Ids | None = None,
    on_error: Callable[[BaseException], object] = lambda error: None,
) -> dict[str, Any]:
    """Return the verdict on credentials: ``{"verified": True}``, or False with a ``reason``.

    Args:
        function: The author's ``verify_credentials``; without it all credentials are verified.
        credentials: The credential fields.
        sink: Takes ``updateKeys``.
        services: The services of the run mode.
        ids: The ids for log records.
        on_error: Called with the exception of the function, if it raises one.

    Source: contract §10.2, without its DEF-16.
    """
    if function is None:
        return {"verified": True}
    try:
        answer = _answer(function, credentials, sink=sink, services=services, ids=ids or Ids(), is_verification=True)
        if isinstance(answer, Mapping) and "verified" in answer:
            return dict(services.redactor.redact_json(plain(answer)))
    except KeyboardInterrupt:  # Ctrl-C at a terminal is no verdict
        raise
    except BaseException as error:
        # The verdict has the text alone, which says little about a mistake in the function.
        _LOG.debug("verify_credentials has raised %s", type(error).__name__, exc_info=error)
        on_error(error)
        return {"verified": False, "reason": services.redactor.redact(error_text(error))}
    return {"verified": False, "reason": _NOT_VERIFIED} if answer is False else {"verified": True}


def run_hook(function: Callable[..., Any], *args: Any, sink: Sink, services: Services) -> Any:
    """Return the result of an ``init``, ``startup`` or ``shutdown`` hook, plain or ``async``.

    Args:
        function: The hook; one that takes an argument more gets a context first, and may emit only ``updateKeys``.
        *args: Its arguments without the context.
        sink: Takes ``updateKeys``.
        services: The services of the run mode.

    Raises:
        BaseException: The exception of the hook.
        InvalidMessage: The hook is a generator, whose code would never run.
    """
    call: Call | None = None
    if takes_context(function, len(args)):
        call = Call(sink, services.redactor, services.loops, events=KEYS_ONLY)
        args = (_context(call, services, Ids()), *args)
    try:
        result = function(*args)
        if isinstance(result, Awaitable):
            loops = Loops()
            try:
                result = loops.run(result, lambda _: False)
            finally:
                loops.close()
    finally:
        if call is not None:
            call.close()
    return _without_generator(result)


def _context(call: Call, services: Services, ids: Ids) -> Context:
    def open_oauth2(options: "OAuth2Options", cfg: Mapping[str, Any]) -> "OAuth2Session":
        from shipmate.oauth2 import api  # most calls open no session

        return api.open_session(options, cfg, call=call, services=services.oauth2.get())

    def open_session(options: "SessionOptions", cfg: Mapping[str, Any]) -> "Session":
        from shipmate.session import api  # most calls open no session

        return api.open_session(options, cfg, call=call, services=services.oauth2.sessions())

    def api() -> "PlatformClient":
        client = services.platform()
        client.require_settings()
        return client

    def attachments() -> "Attachments":
        from shipmate.platform.attachments import Attachments  # requests: 97 ms

        return Attachments(services.platform)

    return Context(
        call.emit,
        log_fields={
            "thread_id": ids.thread_id,
            "message_id": ids.message_id,
            "parent_message_id": ids.parent_message_id,
        },
        open_oauth2=open_oauth2,
        open_session=open_session,
        api=api,
        attachments=attachments,
        flow_variables=services.flow_variables,
    )


def _emit_result(result: Any, call: Call, loops: Loops) -> None:
    """Emit the result of a function; its type decides, not the kind of function, which may be decorated."""
    if result is None or (call.rules.js_falsy_is_nothing and is_falsy(result)):
        return
    if type(result) is dict:
        call.emit_now("data", result)
    elif isinstance(result, Generator):
        _emit_result(_drive(result, call), call, loops)
    elif isinstance(result, AsyncGenerator):
        loops.run(_drive_async(result, call), call.report_failure)
    elif isinstance(result, Awaitable):
        _emit_result(loops.run(result, call.report_failure), call, loops)
    elif isinstance(result, Iterator):
        _emit_result(_drive(_generator(result), call), call, loops)
    elif isinstance(result, AsyncIterator):
        loops.run(_drive_async(_async_generator(result), call), call.report_failure)
    else:
        call.emit_now("data", result)


def _generator(iterator: Iterator[Any]) -> Generator[Any, None, None]:
    """Return a generator of the values of an iterator, ``map(...)`` for example."""
    yield from iterator


async def _async_generator(iterator: AsyncIterator[Any]) -> AsyncGenerator[Any, None]:
    """Return an async generator of the values of an async iterator."""
    async for value in iterator:
        yield value


def _drive(generator: Generator[Any, None, Any], call: Call) -> Any:
    """Emit each value before the generator goes on, raise failures in it, and return its return value."""
    try:
        value = next(generator)
        while True:
            try:
                if value is not None:
                    call.emit_now("data", value)
            except BaseException as error:
                value = generator.throw(error)
            else:
                value = next(generator)
    except StopIteration as stop:
        return stop.value
    finally:
        generator.close()


async def _drive_async(generator: AsyncGenerator[Any, None], call: Call) -> None:
    """Emit each value before the generator goes on, and raise failures in it; the event loop is not blocked."""
    try:
        value = await anext(generator)
        while True:
            try:
                if value is not None:
                    await call.emit_soon("data", value)
            except BaseException as error:
                value = await generator.athrow(error)
            else:
                value = await anext(generator)
    except StopAsyncIteration:
        pass
    finally:
        await generator.aclose()


def _answer(
    function: Callable[..., Any],
    cfg: Any,
    *,
    sink: Sink,
    services: Services,
    ids: Ids,
    is_verification: bool = False,
) -> Any:
    """Return the answer of a function that processes no message, after its keys are saved."""
    call = Call(sink, services.redactor, services.loops, events=KEYS_ONLY, is_verification=is_verification)
    with message_fields(ids.thread_id, ids.message_id, ids.parent_message_id):
        try:
            result = function(_context(call, services, ids), cfg)
            while isinstance(result, Awaitable):
                result = services.loops.run(result, call.report_failure)
        finally:
            call.close()
    return _without_generator(result)


def _without_generator(result: Any) -> Any:
    """Return the result of a function that emits nothing: the code of a generator would never run.

    Raises:
        InvalidMessage: The result is a generator.
    """
    if isinstance(result, Generator | AsyncGenerator):
        raise InvalidMessage("This function must return its result, found a generator")
    return result
