"""Formats errors as the platform shows them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from shipmate.errors import InvalidMessage, ShipmateError
from shipmate.jsonvalue import plain

if TYPE_CHECKING:
    from traceback import StackSummary, TracebackException
from shipmate.jsonvalue import is_falsy

_NOT_AVAILABLE: Final = "Not Available"
_OWN_FOLDER: Final = str(Path(__file__).parents[1])
_PLUMBING: Final = re.compile(r"[/\\](?:asyncio|concurrent[/\\]futures)[/\\]\w+\.py$|[/\\]threading\.py$|^<frozen ")


def format_error(value: object) -> dict[str, Any]:
    """Return the value of an ``error`` event: ``{"name": "E", "message": "m", "stack": "..."}``.

    The stack of an exception starts in the author's file. Never raises.

    Args:
        value: An exception, a text, or an object with ``message`` and perhaps ``name`` and ``stack``.

    Source: contract §6.2.
    """
    if isinstance(value, BaseException):
        return {"name": type(value).__name__, "message": error_text(value), "stack": _stack(value)}
    try:
        return _formatted(*_members(value))
    except Exception:  # a property or a comparison of the author's object may raise anything
        return _formatted(_text_of(value), None, None)


def _members(value: object) -> tuple[object, object, object]:
    """Return message, name and stack of an object; an object without a message is the message itself."""
    if isinstance(value, Mapping):
        if "message" in value:
            return value["message"], value.get("name"), value.get("stack")
    elif hasattr(value, "message"):
        return value.message, getattr(value, "name", None), getattr(value, "stack", None)
    return _NOT_AVAILABLE if is_falsy(value) else value, None, None


def _formatted(text: object, name: object, stack: object) -> dict[str, Any]:
    """Return the value of the event, with defaults for name and stack."""
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
    """Return the text of an exception, or its type if it has none."""
    if isinstance(error, SystemExit):
        return f"The component called sys.exit({_text_of(error.code) if error.code is not None else ''})"
    return _text_of(error)


def _text_of(value: object) -> str:
    try:
        return str(value) or type(value).__name__
    except Exception:  # an author's __str__ may raise anything
        return type(value).__name__


def _stack(error: BaseException) -> str:
    """Return the traceback without the runtime's frames above the author's; it ends with the code of our errors."""
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
    """Drop the leading frames that are not the author's, in the exception and in its causes."""
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
    """Drop the runtime's frames below the author's: they do not explain an error that is raised on purpose."""
    while frames and frames[-1].filename.startswith(_OWN_FOLDER):
        del frames[-1]
