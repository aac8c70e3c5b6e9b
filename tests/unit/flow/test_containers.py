"""The processes of a flow: their output, deaths and ends."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipmate.errors import BadInput
from shipmate.flow import containers
from shipmate.flow.containers import Container, Containers, Line, Start, readable
from shipmate.flow.counting import Tally
from shipmate.flow.topology import Station

STATION = Station("step_1", 0, "crm", "upsert", 1, 1, True)


class Started:
    """Containers whose program the test writes."""

    def __init__(self, folder: Path) -> None:
        self.errors: list[Line] = []
        self.containers = Containers(self.errors.append)
        self.folder = folder
        self.log = folder / "step_1-1.log"

    def begin(self, code: str, *, has_startup: bool = False) -> Container:
        start = Start([sys.executable, "-c", code], self.folder, dict(os.environ), has_startup)
        container = Container(STATION, 1, start, Tally(), self.log)
        self.containers.all.append(container)
        self.containers.begin(container)
        return container


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    started = Started(tmp_path)
    yield started
    started.containers.close()


def wait_for_death(container: Container) -> None:
    while not container.reap(0.0):
        os.sched_yield()


def test_the_output_is_in_the_log_and_its_errors_are_told(started: Started) -> None:
    container = started.begin(
        """print('{"level": 30, "msg": "begun"}'); print('{"level": 50, "msg": "no such list"}'); print("last")"""
    )
    wait_for_death(container)
    started.containers.close()
    assert len(started.log.read_text().splitlines()) == 3
    assert [(each.station, each.container, each.text) for each in started.errors] == [("step_1", 1, "no such list")]
    assert readable(list(container.last_lines)) == "    begun\n    no such list\n    last"


def test_the_log_line_of_an_error_that_is_published_is_not_told(started: Started) -> None:
    """It would be shown twice."""
    published = '{"name": "sailor", "level": 50, "msg": "ValueError: no", "err": {"message": "no"}}'
    in_node = '{"name": "component", "level": 50, "msg": "Error occurred during trigger or action processing"}'
    own = '{"name": "component", "level": 50, "msg": "own", "err": {"message": "no"}}'
    container = started.begin(f"print({published!r}); print({in_node!r}); print({own!r})")
    wait_for_death(container)
    started.containers.close()
    assert [each.text for each in started.errors] == ["own"]


def test_a_line_without_an_end_costs_no_more_memory_than_its_limit(started: Started) -> None:
    container = started.begin("import sys; sys.stdout.write('x' * 1_000_000)")
    wait_for_death(container)
    started.containers.close()
    assert started.log.read_bytes().count(b"x") == 1_000_000
    assert max(map(len, container.last_lines)) <= 200_000


def test_the_pause_before_the_next_start_doubles_until_a_message_is_settled(started: Started) -> None:
    container = started.begin("raise SystemExit(3)")
    pauses = []
    for _ in range(3):
        wait_for_death(container)
        pauses.append(container.due_at)
        started.containers.begin(container)
    container.close_log()
    assert pauses == [0.2, 0.4, 0.8]
    assert (container.status, container.deaths) == (3, 3)
    container.tally.acknowledged += 1
    wait_for_death(container)
    assert (container.deaths, container.due_at) == (1, 0.2)


def test_only_the_first_process_runs_the_hook_startup(started: Started) -> None:
    container = started.begin("import os; print(os.environ.get('ELASTICIO_STARTUP_REQUIRED'))", has_startup=True)
    wait_for_death(container)
    started.containers.begin(container)
    wait_for_death(container)
    started.containers.close()
    assert started.log.read_text() == "1\nNone\n"


@pytest.mark.parametrize(
    ("own", "printed"), [(None, "http://127.0.0.1:8000/hook/f"), ("https://tunnel.example.com", None)]
)
def test_the_address_of_the_webhook_is_a_variable_unless_a_person_has_set_it(
    started: Started, monkeypatch: pytest.MonkeyPatch, own: str | None, printed: str | None
) -> None:
    """The hook ``startup`` reads it to subscribe."""
    if own is not None:
        monkeypatch.setenv("ELASTICIO_FLOW_WEBHOOK_URI", own)
    container = started.begin("import os; print(os.environ.get('ELASTICIO_FLOW_WEBHOOK_URI'))")
    wait_for_death(container)
    started.containers.announce("http://127.0.0.1:8000/hook/f")
    started.containers.begin(container)
    wait_for_death(container)
    started.containers.close()
    assert started.log.read_text().splitlines() == [str(own), printed or str(own)]


def test_the_children_of_a_process_end_with_it(started: Started) -> None:
    code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE); input()"
    container = started.begin(code)
    wait_for_death(container)  # its input is closed; the child keeps the output open until it is killed
    started.containers.close()
    assert started.containers._thread.is_alive() is False


@pytest.mark.parametrize(("seconds", "is_in_a_hurry"), [(0.1, False), (1000.0, True)])
def test_a_process_that_does_not_end_is_killed(
    started: Started, monkeypatch: pytest.MonkeyPatch, seconds: float, is_in_a_hurry: bool
) -> None:
    """Sooner after a second Ctrl-C."""
    monkeypatch.setattr(containers, "_HURRY_SECONDS", 0.1)
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
    )
    container = started.begin(code)
    while not container.last_lines:
        os.sched_yield()
    started.containers.stop(seconds, is_in_a_hurry=lambda: is_in_a_hurry)
    assert container.status == -signal.SIGKILL


def test_a_program_that_is_not_there_is_named(tmp_path: Path, started: Started) -> None:
    container = Container(STATION, 1, Start(["no-such-program"], tmp_path, {}), Tally(), started.log)
    with pytest.raises(BadInput, match="expected a program for the step step_1, found no-such-program: no such file"):
        started.containers.begin(container)
    container.close_log()
