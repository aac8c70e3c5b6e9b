"""Runs a command at a terminal: its job on a thread, its output on a private descriptor, its signals."""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final, NoReturn, TextIO

from shipmate.cli import tracebacks
from shipmate.logs.formats import ReadableFormatter
from shipmate.logs.log import LoggingHandle, configure
from shipmate.logs.redaction import Redactor
from shipmate.signals import Job, SignalQueue, end_by_signal, end_process
from shipmate.wording import escaped

_LOG: Final = logging.getLogger("shipmate.cli")
_SIGNALS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
# The longest time of one refresh: a rotated token that is not saved is lost.
_DRAIN_SECONDS: Final = 180.0
_READER_GONE: Final = object()


class Output:
    """Writes results, one JSON value per line; it is no error if the reader closes the output."""

    def __init__(self, descriptor: int) -> None:
        """Take over an open file descriptor."""
        self._descriptor = descriptor
        self.is_terminal = os.isatty(descriptor)
        self._lock = threading.Lock()
        self._released = threading.Event()
        self.on_closed: Callable[[], None] = lambda: None
        """Called once, when the reader has closed the output."""
        self.is_closed = False
        self.interim_status = 0
        """The exit status if the process ends because the reader has closed the output."""

    def write(self, value: Any) -> None:
        """Write a JSON value as one line, without a break by other threads."""
        self.write_text(json.dumps(value, ensure_ascii=False, separators=(", ", ": ")) + "\n")

    def write_text(self, text: str) -> None:
        """Write text; a terminal gets no characters that control it."""
        if self.is_terminal:
            text = escaped(text, keep="\n\t")
        # Only a lone surrogate cannot be encoded; its backslash form is its JSON escape.
        self.write_bytes(text.encode("utf-8", "backslashreplace"))

    def write_bytes(self, content: bytes) -> None:
        """Write encoded text."""
        view = memoryview(content)
        with self._lock:
            try:
                while view and not self.is_closed and self._descriptor >= 0:
                    view = view[os.write(self._descriptor, view) :]
            except BrokenPipeError:
                self.is_closed = True
                self.on_closed()

    def end(self) -> None:
        """Close the descriptor; whatever is written later goes nowhere, not into a file that has its number then."""
        with self._lock:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def hold_back(self) -> None:
        """Block this thread until the process ends: nobody has read its result."""
        self._released.wait()

    def release(self) -> None:
        """Unblock the threads in `hold_back`."""
        self._released.set()


@contextmanager
def private_output() -> Iterator[Output]:
    """Reserve standard output for results: within the block, all other output goes to standard error.

    This includes the output of ``print``, C code, and child processes.
    """
    _occupy_standard_descriptors()
    own = os.dup(1)
    os.set_blocking(own, True)  # a parent may pass a non-blocking pipe, which would cut results short
    stdout = sys.stdout
    if stdout is not None:
        stdout.flush()
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    output = Output(own)
    try:
        yield output
    finally:
        if stdout is not None:
            # Text printed through a reference to the old object goes to standard error, too.
            with suppress(OSError, ValueError):
                stdout.flush()
        sys.stdout = stdout
        os.dup2(own, 1)
        output.end()


def run(job: Callable[[], int], *, output: Output, drain: Callable[[float], object]) -> int:
    """Run a job on a thread of its own and return its exit status.

    The main thread waits for signals, whatever the job does. On a signal, and when the reader closes the output, the
    process ends without the rest of the job, after a running token refresh.

    Args:
        job: Returns the exit status.
        output: The output of the job.
        drain: Waits until no refresh is running, at most the seconds that it gets.
    """
    events: SignalQueue[object] = SignalQueue()
    output.on_closed = lambda: events.put(_READER_GONE)
    work = Job(job, events)
    with events.receiving(_signals(), lambda number: number):
        work.start()
        if (event := events.get()) is not work:
            _end_early(event, output, drain)
    if not events.is_empty:  # a signal that came at the same moment
        _end_early(events.get(), output, drain)
    events.close()
    return work.result()


def _end_early(event: object, output: Output, drain: Callable[[float], object]) -> NoReturn:
    if isinstance(event, signal.Signals):
        _LOG.warning("%s: stopping after the running token refresh, if there is one", event.name)
        drain(_DRAIN_SECONDS)
        end_by_signal(event)
    drain(_DRAIN_SECONDS)
    end_process(output.interim_status)


def configure_terminal_log(level: int, redactor: Redactor, *, stream: TextIO) -> LoggingHandle:
    """Log readable lines to a terminal and JSON to any other stream; with tracebacks only at level DEBUG or below."""
    handle = configure(level, redactor, stream=stream, as_json=not stream.isatty())
    if stream.isatty():
        logging.getLogger().handlers[-1].setFormatter(
            _TerminalFormatter(is_coloured=tracebacks.has_colours(os.environ))
        )
    if level > logging.DEBUG:
        logging.getLogger().handlers[-1].addFilter(_shorten)  # the handler that configure has added
    return handle


class _TerminalFormatter(ReadableFormatter):
    """Writes records that a text in them cannot end: further lines are indented, and control characters escaped.

    A traceback begins with the author's frames.
    """

    def __init__(self, *, is_coloured: bool) -> None:
        """Write tracebacks in colour, or without."""
        super().__init__()
        self._is_coloured = is_coloured

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        record.message = record.getMessage()
        texts = [escaped(self.formatMessage(record), keep="\n\t")]
        if record.exc_text:  # the factory of the records has written it, without secrets
            texts.append(tracebacks.readable_text(record.exc_text, is_coloured=self._is_coloured).rstrip("\n"))
        if record.stack_info:
            texts.append(tracebacks.readable_text(record.stack_info, is_coloured=self._is_coloured).rstrip("\n"))
        return "\n".join(texts).replace("\n", "\n    ")


def _shorten(record: logging.LogRecord) -> bool:
    """Shorten an error to one line, since its event has the stack; errors that the author logs stay as they are."""
    err = record.__dict__.get("err")
    if isinstance(err, Mapping) and not record.exc_text:
        record.__dict__["err"] = {name: value for name, value in err.items() if name != "stack"}
        record.msg, record.args = " ".join(record.getMessage().split()), None
    return True


def end_on_signals() -> None:
    """End the process without a traceback on a signal, from now on, while no job runs."""
    for number in _signals():
        signal.signal(number, lambda received, _: end_by_signal(received))


def flush() -> None:
    """Flush the standard streams; it is no error if their reader has gone."""
    for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
        try:
            stream.flush()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, descriptor)
            os.close(nowhere)
        except (OSError, ValueError, AttributeError):
            continue


def _signals() -> list[signal.Signals]:
    # nohup ignores SIGHUP: the process is meant to outlive its terminal.
    return [number for number in _SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]


def _occupy_standard_descriptors() -> None:
    """Open the standard descriptors that the caller has closed: otherwise an open file would get their numbers."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stderr is None:
        sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
