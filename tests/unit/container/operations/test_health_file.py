"""The health of a step in a file, and how ``shipmate health`` reads it."""

import json
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shipmate.cli import commands
from shipmate.container.operations import health_file as module
from shipmate.container.operations.health import Health, Verdict
from shipmate.container.operations.health_file import HealthFile, read_health
from shipmate.container.operations.tally import Tally
from shipmate.errors import BadSetting
from tests.memory_transport import MemoryTransport


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "health"


@pytest.fixture
def file(path: Path, tally: Tally) -> Iterator[HealthFile]:
    """The file of a step that starts."""
    transport = MemoryTransport()
    transport.is_consuming = True
    one = HealthFile(str(path), Health(transport, tally))
    yield one
    one.close()


def test_it_is_there_at_once_and_goes_with_the_step(file: HealthFile, path: Path) -> None:
    assert read_health(str(path), "live") == (True, "starting")
    assert read_health(str(path), "ready") == (False, "starting")
    file.close()
    assert read_health(str(path), "live") == (False, f"{path} does not exist: the step does not run")


def test_it_is_written_again(file: HealthFile, path: Path, tally: Tally) -> None:
    tally.phase_began("consuming")
    file.write()
    assert read_health(str(path), "ready") == (True, "consuming")
    assert [each.name for each in path.parent.iterdir()] == ["health"]


def test_it_follows_a_change_within_a_second(path: Path, tally: Tally) -> None:
    written = threading.Event()

    class Noted(HealthFile):
        def write(self) -> None:
            super().write()
            if tally.phase == "consuming":
                written.set()

    one = Noted(str(path), Health(MemoryTransport(), tally))
    tally.phase_began("consuming")
    assert written.wait(10)
    one.close()
    assert module._INTERVAL_SECONDS <= 0.5


def test_its_thread_writes_it(path: Path, tally: Tally, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after a disk that was full for a while, which is logged once."""
    monkeypatch.setattr(module, "_INTERVAL_SECONDS", 0.01)
    written = threading.Event()
    calls: list[int] = []

    class Full(HealthFile):
        def write(self) -> None:
            calls.append(1)
            if len(calls) in (2, 3):
                raise OSError(28, "No space left on device")
            super().write()
            if len(calls) > 4:
                written.set()

    one = Full(str(path), Health(MemoryTransport(), tally))
    assert written.wait(5)
    one.close()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"written": -10.0}, "was last written 10 s ago"),
        ({"written": 3600.0}, "was written before the machine started: the step does not run"),
        ({"pid": 999_999_999}, "process 999999999 has ended"),
        ({"pid": 0}, "process 0 has ended"),
        ({"pid": None}, "found other content"),
        ({"live": 7}, "found other content"),
        ({"live": [True]}, "found other content"),
        ({"written": "x"}, "found other content"),
    ],
)
def test_what_a_file_says_is_believed_only_from_a_step_at_work(
    file: HealthFile, path: Path, change: dict[str, Any], text: str
) -> None:
    values = {**json.loads(path.read_text()), **change}
    if isinstance(values["written"], float) and "written" in change:
        values["written"] += module.time.monotonic()
    path.write_text(json.dumps(values))
    verdict = read_health(str(path), "live")
    assert not verdict.is_well
    assert text in verdict.reason


@pytest.mark.parametrize("content", ["", "{", "[]", "7", "[" * 4000, "\0" * 10_000_000])
def test_another_content_is_one_line(path: Path, content: str) -> None:
    path.write_text(content)
    text = f"{path}: expected a file written by a step, found other content"
    assert read_health(str(path), "live") == (False, text)


def test_a_folder_is_one_line(tmp_path: Path) -> None:
    assert read_health(str(tmp_path), "live") == (False, f"{tmp_path} cannot be read: a directory")


def test_a_pipe_without_a_writer_keeps_nobody_waiting(path: Path) -> None:
    os.mkfifo(path)
    text = f"{path}: expected a file written by a step, found other content"
    assert read_health(str(path), "live") == (False, text)


@pytest.mark.parametrize("name", [".", "/", "{folder}", "{folder}/", "{folder}/..", "{folder}/pipe"])
def test_what_is_not_a_regular_file_is_never_replaced(tmp_path: Path, tally: Tally, name: str) -> None:
    """A folder, or a device such as /dev/null, which root could replace."""
    os.mkfifo(tmp_path / "pipe")
    path = name.format(folder=tmp_path)
    text = f"SHIPMATE_HEALTH_FILE: expected the path of a regular file, found '{path}'"
    with pytest.raises(BadSetting, match=f"^{re.escape(text)}$"):
        HealthFile(path, Health(MemoryTransport(), tally))
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]


def test_a_name_that_no_file_can_have_is_one_line(tally: Tally) -> None:
    with pytest.raises(BadSetting, match=r"SHIPMATE_HEALTH_FILE: cannot write '.*': a name that no file can have"):
        HealthFile("/nowhere\udfff", Health(MemoryTransport(), tally))


def test_a_process_of_another_user_is_at_work(file: HealthFile, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", kill)
    assert read_health(str(path), "live") == (True, "starting")


def test_a_file_that_cannot_be_written_is_one_line(tally: Tally) -> None:
    with pytest.raises(BadSetting, match="SHIPMATE_HEALTH_FILE: cannot write '/nowhere/health': no such file"):
        HealthFile("/nowhere/health", Health(MemoryTransport(), tally))


@pytest.mark.parametrize(
    ("verdict", "arguments", "status"),
    [
        (Verdict(True, "consuming"), ["health"], 0),
        (Verdict(False, "starting"), ["health", "--ready"], 1),
        (Verdict(False, "\x1b[2J"), ["health"], 1),
    ],
)
def test_the_command_prints_one_line(
    verdict: Verdict,
    arguments: list[str],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[tuple[str, str]] = []

    def read(path: str, question: str) -> Verdict:
        asked.append((path, question))
        return verdict

    monkeypatch.setenv("SHIPMATE_HEALTH_FILE", "/run/health")
    monkeypatch.setattr(module, "read_health", read)
    assert commands.run(arguments) == status
    (line,) = capsys.readouterr().out.splitlines()
    assert line == verdict.reason.replace("\x1b", "\\u001b")
    assert asked == [("/run/health", "ready" if "--ready" in arguments else "live")]


def test_the_command_needs_the_variable(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("SHIPMATE_HEALTH_FILE", raising=False)
    assert commands.run(["health"]) == 2
    assert capsys.readouterr().err == "Error: SHIPMATE_HEALTH_FILE is missing\n"
