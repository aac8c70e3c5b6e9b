"""The pass-through to the broker as a process of its own.

In the coordinator its thread would wait for the interpreter's lock at each frame, several times for each message. The
coordinator asks for the counts over a pipe, and the process ends when the pipe does.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections import Counter
from typing import IO, Any, Final

from shipmate.errors import TransientError
from shipmate.flow.counting import Tally
from shipmate.flow.pass_through import BrokerAddress, PassThrough

_OPEN: Final = "open"
_COUNTS: Final = "counts"
_MODULE: Final = "shipmate.flow.pass_through_process"
_NUMBERS: Final = (
    "connections", "consumers", "delivered", "redelivered", "unsettled", "acknowledged", "rejected", "requeued",
    "unconfirmed", "refused", "lost",
)  # fmt: skip


class PassThroughEnded(TransientError):
    """The process has ended, so that no container reaches the broker."""

    code = "pass_through_ended"


class PassThroughProcess:
    """Starts the process, and reads its counts; for one thread."""

    def __init__(self, broker: BrokerAddress, uri: str) -> None:
        """Prepare; nothing is started yet.

        Args:
            broker: The address of the broker.
            uri: The same as text, from which the process reads the certificates of TLS.
        """
        self._setup = {"host": broker.host, "port": broker.port, "uri": uri if broker.tls is not None else None}
        self._tallies: list[Tally] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def group(self) -> int | None:
        """The process group, None without a process."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process, in a session of its own, so that no signal of the terminal reaches it."""
        self._process = subprocess.Popen(  # noqa: S603 - a module of ours
            [sys.executable, "-P", "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._send(self._setup)

    def open(self, tally: Tally) -> int:
        """Listen for a container, and return the port; `refresh` writes its counts into the tally.

        Raises:
            PassThroughEnded: The process has ended.
        """
        port: int = self._ask(_OPEN)
        self._tallies.append(tally)
        return port

    def refresh(self) -> None:
        """Read the counts of all containers, of one moment.

        Raises:
            PassThroughEnded: The process has ended.
        """
        for tally, counts in zip(self._tallies, self._ask(_COUNTS), strict=True):
            write_counts(tally, counts)

    def close(self) -> None:
        """End the process, and with it all connections."""
        process, self._process = self._process, None
        if process is not None:
            for stream in (process.stdin, process.stdout):
                assert stream is not None  # noqa: S101
                with contextlib.suppress(OSError):  # a question that a process which was killed did not read
                    stream.close()
            process.wait()

    def _ask(self, question: str) -> Any:
        self._send(question)
        assert self._process is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        answer = self._process.stdout.readline()
        if not answer:
            raise self._ended()
        return json.loads(answer)

    def _send(self, value: object) -> None:
        if self._process is None or self._process.stdin is None:
            raise self._ended()
        try:
            self._process.stdin.write(json.dumps(value).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._ended() from None

    def _ended(self) -> PassThroughEnded:
        return PassThroughEnded("the process between the containers and the broker has ended")


def read_counts(tally: Tally) -> list[Any]:
    """Return the counts of a tally as JSON.

    >>> read_counts(Tally())
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {}]
    """
    return [*(getattr(tally, name) for name in _NUMBERS), tally.published]


def write_counts(tally: Tally, counts: list[Any]) -> None:
    """Write into a tally what `read_counts` has read from another one."""
    *numbers, published = counts
    for name, number in zip(_NUMBERS, numbers, strict=True):
        setattr(tally, name, number)
    tally.published = Counter(published)


class _Answers:
    """Answers questions on the thread of the pass-through, so that the counts are of one moment."""

    def __init__(self, passes: PassThrough, questions: IO[bytes], answers: IO[bytes]) -> None:
        self._passes = passes
        self._questions, self._answers = questions, answers
        self._tallies: list[Tally] = []

    def answer(self) -> None:
        """Answer one question; the end of the questions is that of the coordinator, and of this process."""
        line = self._questions.readline()
        if not line:
            self._passes.close()
        elif json.loads(line) == _OPEN:
            tally = Tally()
            self._tallies.append(tally)
            self._write(self._passes.open(tally))
        else:
            self._passes.count()
            self._write([read_counts(each) for each in self._tallies])

    def _write(self, value: object) -> None:
        self._answers.write(json.dumps(value).encode() + b"\n")
        self._answers.flush()


def main() -> None:
    """Serve until standard input ends."""
    # Without a buffer: a question in a buffer would not wake the selector.
    questions = os.fdopen(sys.stdin.fileno(), "rb", buffering=0)
    setup = json.loads(questions.readline())
    tls = None
    if setup["uri"] is not None:
        from shipmate.flow.queues import broker_address  # loads the AMQP client

        tls = broker_address(setup["uri"]).tls
    passes = PassThrough(BrokerAddress(setup["host"], setup["port"], tls))
    passes.watch(questions, _Answers(passes, questions, sys.stdout.buffer).answer)
    passes.serve()


if __name__ == "__main__":
    main()
