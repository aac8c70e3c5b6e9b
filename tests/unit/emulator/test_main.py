"""``python -m shipmate.emulator``."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from queue import Queue

import pytest
import requests

import shipmate.emulator
from shipmate.emulator import __main__ as command

TIMEOUT = 10


def test_it_serves_an_account_with_an_expired_token_until_stopped() -> None:
    lines: Queue[str] = Queue()
    shown: list[str] = []
    stopped = threading.Event()
    thread = threading.Thread(target=command.serve, args=(stopped.wait, lines.put), kwargs={"show": shown.append})
    thread.start()
    try:
        found = json.loads(lines.get(timeout=TIMEOUT))
        environ = found["environ"]
        auth = (environ["ELASTICIO_API_USERNAME"], environ["ELASTICIO_API_KEY"])
        step = requests.get(found["platform"] + "/v1/tasks/flow/steps/step", auth=auth, timeout=TIMEOUT).json()
        oauth = step["config"]["oauth"]
        headers = {"Authorization": "Bearer " + oauth["access_token"]}
        assert requests.get(found["api"] + "/me?key=s3cret", headers=headers, timeout=TIMEOUT).status_code == 401
        assert shown == ["platform GET /v1/tasks/flow/steps/step: 200\n", "api GET /me: 401\n"]
        ((client_id, client_secret),) = found["clients"].items()
        form = {"grant_type": "refresh_token", "refresh_token": oauth["refresh_token"]}
        assert requests.post(found["token_url"], data=form, auth=(client_id, client_secret), timeout=TIMEOUT).ok
    finally:
        stopped.set()
        thread.join(TIMEOUT)
    assert not thread.is_alive()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_one_line_and_ends_by_a_signal_with_0(number: signal.Signals) -> None:
    root = Path(shipmate.emulator.__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "shipmate.emulator"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    with process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["provider"].startswith("http://127.0.0.1:")
        process.send_signal(number)
        assert process.wait(TIMEOUT) == 0
        assert process.stdout.read() == ""


def test_the_first_line_is_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def stop(wait: Callable[[], object], write: object, port: int, **_: object) -> None:
        signal.raise_signal(signal.SIGTERM)
        assert wait() == signal.SIGTERM

    monkeypatch.setattr(command, "serve", stop)
    with Path(os.devnull).open("w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        try:
            assert command.main([]) == 0
            assert output.line_buffering
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def test_ports_in_a_row_can_be_chosen() -> None:
    """A document can then say where things are."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        process = subprocess.run(
            [sys.executable, "-m", "shipmate.emulator", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(shipmate.emulator.__file__).parents[2])},
        )
    assert process.returncode == 1
    assert process.stderr == f"Error: cannot listen on the ports {port} to {port + 2}: address already in use\n"

    stopped = threading.Event()
    lines: Queue[str] = Queue()
    thread = threading.Thread(target=command.serve, args=(stopped.wait, lines.put, free_ports()))
    thread.start()
    try:
        found = json.loads(lines.get(timeout=TIMEOUT))
    finally:
        stopped.set()
        thread.join(TIMEOUT)
    ports = [int(found[name].rsplit(":", 1)[1]) for name in ("provider", "api", "platform")]
    assert ports == [ports[0], ports[0] + 1, ports[0] + 2]


def test_a_proxy_can_be_served_and_steered_as_well() -> None:
    """As far as a shell needs it: messages into the step, its events, failures."""
    stopped = threading.Event()
    lines: Queue[str] = Queue()
    thread = threading.Thread(target=command.serve, args=(stopped.wait, lines.put), kwargs={"with_proxy": True})
    thread.start()
    try:
        found = json.loads(lines.get(timeout=TIMEOUT))
        assert found["environ"]["ELASTICIO_SAILOR_PROXY_URI"] == found["proxy"]
        assert "ELASTICIO_FUNCTION" not in found["environ"]
        assert "ELASTICIO_API_URI" in found["environ"]
        (message_id,) = requests.post(found["control"] + "/messages", json={}, timeout=TIMEOUT).json()
        assert requests.get(found["control"] + "/state", timeout=TIMEOUT).json()["waiting"] == 1
        assert len(message_id) == 36
    finally:
        stopped.set()
        thread.join(TIMEOUT)


def test_with_a_proxy_the_highest_port_is_a_lower_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--proxy", "--port", "65532"])
    assert "expected a number from 1 to 65531, found 65532" in capsys.readouterr().err


def free_ports() -> int:
    """Return the first of three ports in a row that nobody listens on now."""
    while True:
        with ExitStack() as stack:
            first = stack.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                for more in (1, 2):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port + more))
            except OSError:
                continue
            return port


@pytest.mark.parametrize("port", ["0", "http", "65534", "-1"])
def test_an_impossible_port_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--port", port])
    assert ended.value.code == 2
    assert "expected a number from 1 to 65533" in capsys.readouterr().err
