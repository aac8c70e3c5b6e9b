"""A command in the foreground of a terminal: its job on a thread, its output on a private descriptor, its signals."""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final, NoReturn, TextIO

from shipmate.logs.log import LoggingHandle, Redactor, configure
from shipmate.signals import Job, SignalQueue, end_by_signal, end_process

_LOG: Final = logging.getLogger("shipmate.foreground")
_SIGNALS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
# As long as one refresh can take: a rotated token that is not saved is lost.
_DRAIN_SECONDS: Final = 180.0
_READER_GONE: Final = object()


class Output:
    """Where results go, one JSON value per line; a reader that goes away ends the output, and is no error."""

    def __init__(self, descriptor: int) -> None:
        """Take over an open file descriptor."""
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._released = threading.Event()
        self.on_closed: Callable[[], None] = lambda: None
        """Called once, when the reader has gone."""
        self.is_closed = False
        self.interim_status = 0
        """The status of a process that ends because its reader has gone."""

    def write(self, value: Any) -> None:
        """Write a JSON value as one line, at once and as a whole."""
        text = json.dumps(value, ensure_ascii=False, separators=(", ", ": ")) + "\n"
        # Only a lone surrogate cannot be encoded, and its backslash form is its JSON escape as well.
        self.write_bytes(text.encode("utf-8", "backslashreplace"))

    def write_bytes(self, content: bytes) -> None:
        """Write encoded text."""
        view = memoryview(content)
        with self._lock:
            try:
                while view and not self.is_closed:
                    view = view[os.write(self._descriptor, view) :]
            except BrokenPipeError:
                self.is_closed = True
                self.on_closed()

    def hold_back(self) -> None:
        """Keep this thread from going on as if its result had been read, until the process ends."""
        self._released.wait()

    def release(self) -> None:
        """Let the threads that are held back go on."""
        self._released.set()


@contextmanager
def private_output() -> Iterator[Output]:
    """Keep standard output for results: whatever else is printed meanwhile goes to standard error.

    That holds for ``print``, for C code and for child processes.
    """
    _occupy_standard_descriptors()
    own = os.dup(1)
    os.set_blocking(own, True)  # some parents hand down pipes that are not, and results must not be cut short
    stdout = sys.stdout
    if stdout is not None:
        stdout.flush()
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        yield Output(own)
    finally:
        if stdout is not None:
            # What was printed through a reference to the old object belongs to standard error, too.
            with suppress(OSError, ValueError):
                stdout.flush()
        sys.stdout = stdout
        os.dup2(own, 1)
        os.close(own)


def run(job: Callable[[], int], *, output: Output, drain: Callable[[float], object]) -> int:
    """Run ``job`` on a thread of its own and return its exit status.

    The main thread waits, so that a signal is heard at any time, whatever the job does. On a signal, and when the
    reader of the output has gone, the process ends without the job, but not without a refresh that is under way.

    Args:
        job: Returns the exit status.
        output: Where the job writes.
        drain: Waits, for at most the given seconds, until no refresh is under way.
    """
    events: SignalQueue[object] = SignalQueue()
    output.on_closed = lambda: events.put(_READER_GONE)
    work = Job(job, events)
    with events.hearing(_signals(), lambda number: number):
        work.start()
        if (event := events.get()) is not work:
            _end_early(event, output, drain)
    if not events.is_empty:  # a signal that came at the same moment
        _end_early(events.get(), output, drain)
    events.close()
    return work.result()


def _end_early(event: object, output: Output, drain: Callable[[float], object]) -> NoReturn:
    if isinstance(event, signal.Signals):
        _LOG.warning("%s: stopping, as soon as no token refresh is under way", event.name)
        drain(_DRAIN_SECONDS)
        end_by_signal(event)
    drain(_DRAIN_SECONDS)
    end_process(output.interim_status)


def configure_log(level: int, redactor: Redactor, *, stream: TextIO) -> LoggingHandle:
    """Log to a person's terminal, or as JSON to what reads ``stream`` instead; stacks only for those who debug."""
    configured = configure(level, redactor, stream=stream, as_json=not stream.isatty())
    if level > logging.DEBUG:
        logging.getLogger().handlers[-1].addFilter(_shorten)  # the one that was just added
    return configured


def _shorten(record: logging.LogRecord) -> bool:
    """Bring an error to one line: its event has the stack; one that the author logs on purpose stays as it is."""
    err = record.__dict__.get("err")
    if isinstance(err, Mapping) and not record.exc_text:
        record.__dict__["err"] = {name: value for name, value in err.items() if name != "stack"}
        record.msg, record.args = " ".join(record.getMessage().split()), None
    return True


def end_on_signals() -> None:
    """Have the process end without a traceback on a signal, from now on, where no job is run."""
    for number in _signals():
        signal.signal(number, lambda received, _: end_by_signal(received))


def flush() -> None:
    """Write out what the streams hold back; a reader that has gone is no failure of the interpreter's exit."""
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
    # A process under nohup is meant to outlive its terminal.
    return [number for number in _SIGNALS if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]


def _occupy_standard_descriptors() -> None:
    """Open what the caller has closed: the next file that is opened would get its number, and our output."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    if sys.stderr is None:
        sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
