"""What a step opens when it is watched."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from shipmate import observation
from shipmate.container.operations import watch as module
from shipmate.container.operations.server import Answer
from shipmate.container.operations.watch import Watch
from shipmate.emulator import Platform
from shipmate.emulator.ports import free_port
from shipmate.errors import BadSetting
from shipmate.settings import StepSettings
from tests.memory_transport import MemoryTransport
from tests.station import environ_without_broker

New = Callable[..., Watch]
INSTALL = "the extra metrics is not installed: pip install 'shipmate[metrics]'"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def new(platform: Platform, port: int) -> Iterator[New]:
    """Begins to watch; the port is that of the test."""
    with ExitStack() as stack:

        def begin(**settings: object) -> Watch:
            given = {"SHIPMATE_HTTP_PORT": port, **settings}
            environ = environ_without_broker(platform, FUNCTION="commands", **given)
            transport = MemoryTransport()
            transport.is_consuming = True
            return stack.enter_context(Watch(StepSettings.from_environ(environ), transport))

        yield begin


def ask(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body


def test_the_answers_say_why(new: New, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_KEPT_SECONDS", 0)
    new()
    status, body = ask(port, "/ready")
    assert (status, json.loads(body)) == (503, {"ok": False, "reason": "starting"})
    observation.current.phase_began("consuming")
    status, body = ask(port, "/ready")
    assert (status, json.loads(body)) == (200, {"ok": True, "reason": "consuming"})
    assert ask(port, "/live")[0] == 200


def test_metrics_come_with_the_extra(new: New, port: int) -> None:
    new()
    status, body = ask(port, "/metrics")
    assert status == 200
    assert "shipmate_live" in body


def test_without_the_extra_the_other_answers_are_there(new: New, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    new()
    assert ask(port, "/live")[0] == 200
    assert ask(port, "/metrics") == (501, f"{INSTALL}\n")


def test_metrics_that_are_asked_for_need_the_extra(new: New, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(BadSetting, match=f"SHIPMATE_METRICS: {INSTALL}".replace("[", r"\[")):
        new(SHIPMATE_METRICS="true")
    with pytest.raises(ConnectionRefusedError):
        ask(port, "/live")


def test_metrics_can_be_turned_off(new: New, port: int) -> None:
    new(SHIPMATE_METRICS="false")
    assert ask(port, "/metrics") == (404, "SHIPMATE_METRICS is false\n")


def test_answers_are_given_again_for_a_moment() -> None:
    """Whoever asks a thousand times a second costs as much as ten times a second."""
    now, calls = 0.0, []

    def page() -> Answer:
        calls.append(now)
        return Answer(200, b"well")

    kept = module._kept(page, lambda: now)
    for _ in range(5):
        assert kept() == (200, b"well", "text/plain; charset=utf-8")
    now = 0.2
    kept()
    assert calls == [0.0, 0.2]


def test_nothing_remains_when_it_ends(new: New, port: int, tmp_path: Path) -> None:
    path = tmp_path / "health"
    watch = new(SHIPMATE_HEALTH_FILE=path)
    assert path.exists()
    assert observation.current is not observation.NOBODY
    watch.__exit__()
    assert not path.exists()
    assert observation.current is observation.NOBODY
    with pytest.raises(ConnectionRefusedError):
        ask(port, "/live")


def test_a_failed_start_leaves_nothing_open(new: New, port: int) -> None:
    """The file cannot be written, and the port is open already."""
    with pytest.raises(BadSetting, match="SHIPMATE_HEALTH_FILE"):
        new(SHIPMATE_HEALTH_FILE="/nowhere/health")
    assert observation.current is observation.NOBODY
    with pytest.raises(ConnectionRefusedError):
        ask(port, "/live")
