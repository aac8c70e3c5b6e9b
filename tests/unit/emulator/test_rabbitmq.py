"""The private RabbitMQ node, with made-up programs in the place of Erlang and RabbitMQ."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shipmate.emulator import RabbitMQNode, RabbitMQNotInstalled, RabbitMQNotStarted, rabbitmq
from shipmate.errors import OperatorError

SERVER = f"""#!{sys.executable}
import os, socket
with socket.create_server(("127.0.0.1", int(os.environ["RABBITMQ_NODE_PORT"]))) as server:
    while True:
        client, _ = server.accept()
        client.sendall(b"hello")
        client.close()
"""
BROKEN_SERVER = "#!/bin/sh\necho the disk is full\nexit 3\n"

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Makes programs, by name, the only ones that are installed."""
    monkeypatch.setattr(rabbitmq, "PLACES", (str(tmp_path),))
    monkeypatch.setenv("PATH", "")

    def programs(**texts: str) -> None:
        for name, text in texts.items():
            path = tmp_path / name.replace("_", "-")
            path.write_text(text)
            path.chmod(0o755)

    return programs


def is_running(pid: int | None) -> bool:
    """Tell whether a process exists."""
    assert pid is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_nothing_of_a_node_remains(install: Install) -> None:
    """Neither its files nor its process."""
    install(rabbitmq_server=SERVER)

    with RabbitMQNode() as node:
        group = node.group
        assert is_running(group)
        assert node.folder.is_dir()
    assert not is_running(group)
    assert not node.folder.exists()
    node.close()


def test_a_stopped_node_comes_back_on_its_port(install: Install) -> None:
    install(rabbitmq_server=SERVER)

    with RabbitMQNode() as node:
        uri, group = node.uri, node.group
        node.start()
        assert node.group == group
        node.restart()
        assert node.uri == uri == f"amqp://guest:guest@127.0.0.1:{node.port}/"
        assert node.group != group
        assert not is_running(group)
        node.kill()
        node.start()


def test_a_broker_that_outlives_its_script_ends_with_the_node(install: Install) -> None:
    """The script of RabbitMQ waits for Erlang, and may be killed alone."""
    install(rabbitmq_server=f"#!/bin/sh\n{sys.executable} server.py &\necho $! > child\nwait\n")
    node = RabbitMQNode()
    (node.folder / "server.py").write_text(SERVER)
    with node:
        child = int((node.folder / "child").read_text())
        assert node.group is not None
        os.kill(node.group, signal.SIGKILL)
    while is_running(child):
        os.sched_yield()
    assert node.group is None
    with pytest.raises(OperatorError, match="found a stopped one: start it"):
        node.evaluate("1")


def test_a_node_that_does_not_start_tells_why(install: Install) -> None:
    """At once, with its own words, and without leaving anything behind."""
    install(rabbitmq_server=BROKEN_SERVER)
    node = RabbitMQNode()

    with pytest.raises(RabbitMQNotStarted, match=r"RabbitMQ ended with status 3; .*\nthe disk is full"), node:
        pass
    assert not node.folder.exists()


def test_a_missing_program_is_named_with_the_package_that_has_it(install: Install) -> None:
    install()

    with pytest.raises(RabbitMQNotInstalled, match="rabbitmq-server was not found: install RabbitMQ"):
        RabbitMQNode().__enter__()


def test_nodes_share_neither_ports_nor_files_nor_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the environment has the settings of another RabbitMQ."""
    monkeypatch.setenv("RABBITMQ_USE_LONGNAME", "true")
    monkeypatch.setenv("ERL_FLAGS", "-setcookie another")
    monkeypatch.setenv("RABBITMQ_NODENAME", "rabbit@here")
    one, other = RabbitMQNode(), RabbitMQNode()
    try:
        shared = one._environ.items() & other._environ.items() - os.environ.items()
        assert dict(shared) == {
            "ERL_EPMD_PORT": "1",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        }
        assert not {"RABBITMQ_USE_LONGNAME", "ERL_FLAGS"} & one._environ.keys()
    finally:
        one.close()
        other.close()
