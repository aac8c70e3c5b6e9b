"""What a run leaves on the disk, and who cleans up after it."""

import errno
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from shipmate.errors import BadInput
from shipmate.flow.folder import Note, RunFolder, replace_file
from shipmate.flow.graph import Flow
from shipmate.flow.guard import Guard
from shipmate.flow.single import flow_of

GUARDED = """
import os, signal, subprocess, sys
from pathlib import Path
from shipmate.flow.guard import Guard
child = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
guard = Guard()
guard.start([Path(sys.argv[1])])
guard.watch([child.pid])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    (tmp_path / "component.json").write_text('{"actions": {"echo": {"title": "Echo", "main": "./echo.py"}}}')
    return flow_of(tmp_path, "echo")


def test_one_run_of_a_flow_at_a_time(flow: Flow) -> None:
    first, second = RunFolder(flow), RunFolder(flow)
    first.acquire()
    with pytest.raises(BadInput, match="expected one run of the flow at a time"):
        second.acquire()
    first.release()
    second.acquire()
    second.release()


def test_two_flows_beside_each_other_have_folders_of_their_own(flow: Flow) -> None:
    assert RunFolder(flow).path != RunFolder(replace(flow, id="other")).path


@pytest.mark.parametrize("name", ["../up", "/root", "..", "", "a/b", "ü" * 200])
def test_no_id_of_a_flow_leaves_the_folder(flow: Flow, name: str, tmp_path: Path) -> None:
    assert RunFolder(replace(flow, id=name)).path.parent == tmp_path / ".shipmate" / "flow"


def test_the_note_of_a_killed_run_is_found_until_it_is_forgotten(flow: Flow) -> None:
    folder = RunFolder(flow)
    folder.acquire()
    assert folder.found() is None
    folder.leave(Note("amqp://broker", "x", ("q1", "q2")))
    assert folder.found() == Note("amqp://broker", "x", ("q1", "q2"))
    folder.forget()
    assert folder.found() is None
    folder.release()


def test_git_ignores_the_folder(flow: Flow, tmp_path: Path) -> None:
    folder = RunFolder(flow)
    folder.acquire()
    folder.release()
    assert (tmp_path / ".shipmate" / ".gitignore").read_text() == "*\n"


def test_an_earlier_run_leaves_no_logs(flow: Flow) -> None:
    folder = RunFolder(flow)
    folder.acquire()
    folder.log("step_9", 1).write_text("old")
    folder.release()
    folder.acquire()
    assert not list(folder.logs.iterdir())
    folder.release()


def test_the_guard_of_a_killed_process_kills_its_groups_and_deletes_its_folders(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", GUARDED, folder], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.read()  # the child has the output as well: it ends when both are dead
    while folder.exists():
        os.sched_yield()


def test_a_released_guard_does_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    folder.mkdir()
    child = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
    guard = Guard()
    guard.start([folder])
    guard.watch([child.pid])
    guard.release()
    assert child.poll() is None
    assert folder.exists()
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def test_a_file_that_cannot_be_replaced_is_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "snapshots.json"
    replace_file(path, "{}")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "a name that nobody knows")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="No space left on device") as raised:
        replace_file(path, '{"a": 1}')
    assert raised.value.filename == str(path)
    assert [each.name for each in tmp_path.iterdir()] == ["snapshots.json"]
    assert path.read_text() == "{}"
