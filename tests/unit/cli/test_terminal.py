"""Commands at a terminal: only results on standard output, signals at any time, and running refreshes are awaited."""

import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from shipmate.cli import terminal
from shipmate.cli.terminal import Output
from shipmate.logs.redaction import Redactor
from shipmate.signals import SignalQueue


def never(_: float) -> None:
    """Fail when a drain is asked for."""
    pytest.fail("there is nothing to wait for")


class Left(BaseException):
    """Stands in for the end of the process."""


@pytest.fixture
def pipe() -> Iterator[tuple[Output, int]]:
    """Return an output and the end to read it from."""
    reader, writer = os.pipe()
    yield Output(writer), reader
    os.close(writer)
    os.close(reader)


@pytest.fixture
def exits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the statuses with which the process would have ended at once."""
    statuses: list[int] = []

    def leave(status: int) -> None:
        statuses.append(status)
        raise Left

    monkeypatch.setattr(os, "_exit", leave)
    monkeypatch.setattr("logging.shutdown", lambda: None)
    return statuses


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Leave the handlers of signals as they were."""
    before = {number: signal.getsignal(number) for number in terminal._SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class TestOutput:
    @pytest.mark.parametrize(
        ("value", "line"),
        [
            ({"event": "data", "value": {"n": 1}}, '{"event": "data", "value": {"n": 1}}\n'),
            ("Zoë \U0001f600", '"Zoë \U0001f600"\n'),
            ("\ud83d", '"\\ud83d"\n'),
            ("a\nb", '"a\\nb"\n'),
        ],
    )
    def test_a_value_is_one_line(self, pipe: tuple[Output, int], value: Any, line: str) -> None:
        output, reader = pipe
        output.write(value)
        assert os.read(reader, 1000).decode() == line

    def test_lines_of_many_threads_are_whole(self, pipe: tuple[Output, int]) -> None:
        output, reader = pipe
        threads = [threading.Thread(target=output.write, args=("x" * 100_000,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        content = b""
        while content.count(b"\n") < 4:
            content += os.read(reader, 1 << 16)
        for thread in threads:
            thread.join()
        assert [json.loads(line) for line in content.splitlines()] == ["x" * 100_000] * 4

    def test_a_reader_that_has_gone_is_noticed_once(self) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        output, gone = Output(writer), []
        output.on_closed = lambda: gone.append(True)
        output.write(1)
        output.write(2)
        os.close(writer)
        assert (output.is_closed, gone) == (True, [True])

    def test_threads_are_held_back_until_released(self, pipe: tuple[Output, int]) -> None:
        output, _ = pipe
        thread = threading.Thread(target=output.hold_back)
        thread.start()
        assert thread.is_alive()
        output.release()
        thread.join()


class TestRun:
    def test_the_status_of_the_job_is_returned(self, pipe: tuple[Output, int]) -> None:
        assert terminal.run(lambda: 1, output=pipe[0], drain=never) == 1

    def test_the_job_runs_on_a_thread_of_its_own(self, pipe: tuple[Output, int]) -> None:
        threads: list[threading.Thread] = []

        def job() -> int:
            threads.append(threading.current_thread())
            return 0

        assert terminal.run(job, output=pipe[0], drain=never) == 0
        assert threads != [threading.main_thread()]
        assert len(threads) == 1

    @pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3)])
    def test_what_the_job_raises_is_raised(self, pipe: tuple[Output, int], error: BaseException) -> None:
        def job() -> int:
            raise error

        with pytest.raises(type(error)) as caught:
            terminal.run(job, output=pipe[0], drain=never)
        assert caught.value is error

    @pytest.mark.parametrize("number", terminal._SIGNALS)
    def test_a_signal_ends_the_process_after_a_drain_while_the_job_still_runs(
        self, pipe: tuple[Output, int], exits: list[int], number: signal.Signals
    ) -> None:
        may_end, drained = threading.Event(), []

        def job() -> int:
            os.kill(os.getpid(), number)
            may_end.wait()
            return 0

        def drain(seconds: float) -> None:
            drained.append(seconds)
            os.kill(os.getpid(), number)  # a second signal does not abort the wait

        with pytest.raises(Left):
            terminal.run(job, output=pipe[0], drain=drain)
        may_end.set()
        assert exits == [128 + number]
        assert len(drained) == 1

    def test_a_signal_at_the_moment_of_the_end_is_not_lost(
        self, pipe: tuple[Output, int], exits: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        @contextmanager
        def receiving_late(inbox: SignalQueue[Any], *_: object) -> Iterator[None]:
            yield
            inbox.put(signal.SIGTERM)

        monkeypatch.setattr(SignalQueue, "receiving", receiving_late)
        with pytest.raises(Left):
            terminal.run(lambda: 0, output=pipe[0], drain=lambda _: None)
        assert exits == [143]

    @pytest.mark.parametrize("status", [0, 1])
    def test_a_reader_that_has_gone_ends_the_process_quietly(self, exits: list[int], status: int) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        drained: list[float] = []
        output = Output(writer)
        output.interim_status = status

        def job() -> int:
            output.write("anybody there?")
            output.hold_back()
            return 9

        with pytest.raises(Left):
            terminal.run(job, output=output, drain=drained.append)
        output.release()
        os.close(writer)
        assert exits == [status]
        assert len(drained) == 1

    def test_the_handlers_are_restored(self, pipe: tuple[Output, int]) -> None:
        before = signal.getsignal(signal.SIGTERM)
        terminal.run(lambda: 0, output=pipe[0], drain=never)
        assert signal.getsignal(signal.SIGTERM) is before

    def test_nohup_is_respected(self, pipe: tuple[Output, int]) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

        def job() -> int:
            os.kill(os.getpid(), signal.SIGHUP)
            return 0

        assert terminal.run(job, output=pipe[0], drain=never) == 0


@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
@pytest.mark.parametrize("is_terminal", [True, False])
def test_an_error_is_one_line_and_has_its_stack_only_for_those_who_debug(level: int, is_terminal: bool) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return is_terminal

    stream = Stream()
    with terminal.configure_terminal_log(level, Redactor(), stream=stream):
        err = {"name": "ValueError", "message": "two\nlines", "stack": "the stack"}
        logging.getLogger("shipmate.x").error("two\nlines", extra={"err": err})
        logging.getLogger("component").error("the author's")
    text = stream.getvalue()
    if level > logging.DEBUG:
        assert len(text.splitlines()) == 2
        assert "two lines" in text
        assert "the stack" not in text
    else:
        assert ("the stack" in text) == (not is_terminal)


def test_a_signal_while_nothing_runs_ends_the_process_with_its_number(exits: list[int]) -> None:
    terminal.end_on_signals()
    with pytest.raises(Left):
        signal.raise_signal(signal.SIGINT)
    assert exits == [130]


def test_flushing_survives_streams_that_are_closed_or_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    duplicated = []

    class Gone:
        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(os, "dup2", lambda source, target: duplicated.append(target))
    monkeypatch.setattr(sys, "stdout", Gone())
    monkeypatch.setattr(sys, "stderr", None)
    terminal.flush()
    assert duplicated == [1]


def test_whatever_is_printed_meanwhile_goes_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    with terminal.private_output() as output:
        print("print")  # noqa: T201
        os.write(1, b"write\n")
        subprocess.run(["echo", "child"], check=True)  # noqa: S607
        output.write("result")
    print("after")  # noqa: T201
    captured = capfd.readouterr()
    assert captured.out == '"result"\nafter\n'
    assert sorted(captured.err.splitlines()) == ["child", "print", "write"]


_SCRIPT = """
import os, sys
from shipmate.cli import terminal
with terminal.private_output() as output:
    print("noise")
    with open(sys.argv[1], "w") as file:
        assert file.fileno() > 2
    output.write("result")
"""


@pytest.mark.parametrize(
    ("redirection", "out"), [("", '"result"\n'), ("2>&-", '"result"\n'), (">&-", ""), ("0<&- >&- 2>&-", "")]
)
def test_closed_standard_streams_are_no_obstacle(tmp_path: Path, redirection: str, out: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(terminal.__file__).parents[2])}
    script, other = tmp_path / "script.py", tmp_path / "other.txt"
    script.write_text(_SCRIPT)
    done = subprocess.run(
        ["sh", "-c", f'"$0" "$1" "$2" {redirection}', sys.executable, str(script), str(other)],  # noqa: S607
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, out)
    assert other.read_text() == ""


def test_what_is_written_too_late_goes_into_no_other_file(tmp_path: Path) -> None:
    """The descriptor has a number that the next files get."""
    with terminal.private_output() as output:
        pass
    with ExitStack() as stack:
        files = [stack.enter_context((tmp_path / str(number)).open("wb")) for number in range(20)]
        output.write({"late": True})
    assert [Path(each.name).read_bytes() for each in files] == [b""] * 20
