"""Formats errors as the platform shows them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shipmate.errors import InvalidMessage, ShipmateError

if TYPE_CHECKING:
    from traceback import StackSummary, TracebackException
from shipmate.jsonvalue import is_falsy, plain

_NOT_AVAILABLE: Final = "Not Available"
_OWN_FOLDER: Final = str(Path(__file__).parents[1])
_PLUMBING: Final = re.compile(r"[/\\](?:asyncio|concurrent[/\\]futures)[/\\]\w+\.py$|[/\\]threading\.py$|^<frozen ")


def format_error(value: object) -> dict[str, Any]:
    """Return what is published for an error: ``{"name": ..., "message": ..., "stack": ...}``.

    An exception's stack starts in the author's file. Never raises, whatever the value is.

    Source: contract §6.2.
    """
    if isinstance(value, BaseException):
        return {"name": type(value).__name__, "message": error_text(value), "stack": _stack(value)}
    try:
        return _formatted(*_members(value))
    except Exception:  # whatever a property or a comparison of the author's object raises
        return _formatted(_text_of(value), None, None)


def _members(value: object) -> tuple[object, object, object]:
    """Return what such an object has as message, name and stack; one without a message is the message."""
    if isinstance(value, Mapping):
        if "message" in value:
            return value["message"], value.get("name"), value.get("stack")
    elif hasattr(value, "message"):
        return value.message, getattr(value, "name", None), getattr(value, "stack", None)
    return _NOT_AVAILABLE if is_falsy(value) else value, None, None


def _formatted(text: object, name: object, stack: object) -> dict[str, Any]:
    """Fill the gaps but that of the message, which may be anything."""
    return {
        "name": _json_or_text(name) if name else "Error",
        "message": _json_or_text(text),
        "stack": _json_or_text(stack) if stack else _NOT_AVAILABLE,
    }


def _json_or_text(value: object) -> Any:
    try:
        return plain(value)
    except InvalidMessage:
        return _text_of(value)


def error_text(error: BaseException) -> str:
    """Return what an exception says, never empty."""
    if isinstance(error, SystemExit):
        return f"The component called sys.exit({_text_of(error.code) if error.code is not None else ''})"
    return _text_of(error)


def _text_of(value: object) -> str:
    try:
        return str(value) or type(value).__name__
    except Exception:  # whatever an author's __str__ raises
        return type(value).__name__


def _stack(error: BaseException) -> str:
    """Return the traceback text without the runtime's frames above the author's; its last line has our code."""
    from traceback import TracebackException

    try:
        trace = TracebackException.from_exception(error)
        _trim(trace)
        if isinstance(error, ShipmateError):
            _trim_end(trace.stack)
        text = "".join(trace.format()).rstrip()
    except Exception:  # an author's exception may raise while it is formatted
        return _NOT_AVAILABLE
    return f"{text}\ncode: {error.code}" if isinstance(error, ShipmateError) else text


def _trim(trace: "TracebackException") -> None:
    """Drop the leading frames that are not the author's, in the exception and in those it is chained to."""
    pending: list[TracebackException | None] = [trace]
    while pending:
        one = pending.pop()
        if one is not None:
            _trim_frames(one.stack)
            pending += [one.__cause__, one.__context__, *(one.exceptions or ())]


def _trim_frames(frames: "StackSummary") -> None:
    for index, frame in enumerate(frames):
        if not frame.filename.startswith(_OWN_FOLDER) and not _PLUMBING.search(frame.filename):
            del frames[:index]
            return


def _trim_end(frames: "StackSummary") -> None:
    """Drop the runtime's frames below the author's: an error that is raised on purpose needs no explanation."""
    while frames and frames[-1].filename.startswith(_OWN_FOLDER):
        del frames[-1]
