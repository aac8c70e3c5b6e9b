"""Logs what Python itself prints on standard error: exceptions that nobody catches, and warnings."""

import logging
import sys
import threading
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TextIO

from shipmate.logs.fields import RUNTIME

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_LOG: Final = logging.getLogger(RUNTIME)
_WARNINGS: Final = logging.getLogger("py.warnings")


def log_what_python_reports() -> Callable[[], None]:
    """Log exceptions of threads, destructors, exit functions and the main thread, and warnings.

    Returns:
        A function that undoes this.
    """
    before = sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning
    sys.excepthook, threading.excepthook, sys.unraisablehook = _of_the_main_thread, _of_a_thread, _unraisable
    warnings.showwarning = _warning

    def restore() -> None:
        sys.excepthook, threading.excepthook, sys.unraisablehook, warnings.showwarning = before

    return restore


def _of_the_main_thread(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):  # Ctrl-C
        sys.stderr.write("KeyboardInterrupt\n")
        return
    _LOG.critical("an exception ends the process", exc_info=(kind, error, traceback))


def _of_a_thread(arguments: threading.ExceptHookArgs) -> None:
    if arguments.exc_type is SystemExit:  # as in Python's own hook
        return
    error = arguments.exc_value or arguments.exc_type()
    name = arguments.thread.name if arguments.thread is not None else "?"
    _LOG.error("an exception ends the thread %s", name, exc_info=(arguments.exc_type, error, arguments.exc_traceback))


def _unraisable(arguments: "UnraisableHookArgs") -> None:
    error = arguments.exc_value or arguments.exc_type()
    _LOG.error(
        "%s %s",
        arguments.err_msg or "an exception is ignored in",
        _name_of(arguments.object),
        exc_info=(arguments.exc_type, error, arguments.exc_traceback),
    )


def _warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    _WARNINGS.warning("%s", warnings.formatwarning(message, category, filename, lineno, line))


def _name_of(value: Any) -> str:
    """Return a name without the text of the value, which may fail or have secrets."""
    return str(getattr(value, "__qualname__", type(value).__name__))
