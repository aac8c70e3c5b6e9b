"""The private RabbitMQ node, with made-up programs in the place of Erlang and RabbitMQ."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shipmate.emulator import RabbitMQNode, RabbitMQNotInstalled, RabbitMQNotStarted, rabbitmq

LISTEN = """#!{python}
import os, socket, sys
with socket.create_server(("127.0.0.1", int({port}))) as server:
    while True:
        client, _ = server.accept()
        client.sendall(b"hello")
        client.close()
"""
EPMD = LISTEN.format(python=sys.executable, port="sys.argv[2]")
SERVER = LISTEN.format(python=sys.executable, port='os.environ["RABBITMQ_NODE_PORT"]')
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


def is_running(pid: int) -> bool:
    """Tell whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def pids_of(node: RabbitMQNode) -> list[int]:
    """Return the processes that a node has started."""
    return [each.pid for each in (node._epmd, node._server) if each is not None]


def test_nothing_of_a_node_remains(install: Install) -> None:
    """Neither its files nor its processes, of which epmd would otherwise run on for ever."""
    install(epmd=EPMD, rabbitmq_server=SERVER)

    with RabbitMQNode() as node:
        pids = pids_of(node)
        assert [is_running(each) for each in pids] == [True, True]
        assert node.folder.is_dir()
    assert [is_running(each) for each in pids] == [False, False]
    assert not node.folder.exists()
    node.close()


def test_a_stopped_node_comes_back_on_its_port(install: Install) -> None:
    install(epmd=EPMD, rabbitmq_server=SERVER)

    with RabbitMQNode() as node:
        uri, (epmd, server) = node.uri, pids_of(node)
        node.restart()
        assert node.uri == uri == f"amqp://guest:guest@127.0.0.1:{node.port}/"
        assert pids_of(node)[0] == epmd
        assert not is_running(server)
        node.kill()
        node.start()


def test_a_node_that_does_not_start_tells_why(install: Install) -> None:
    """At once, with its own words, and without leaving anything behind."""
    install(epmd=EPMD, rabbitmq_server=BROKEN_SERVER)
    node = RabbitMQNode()

    with pytest.raises(RabbitMQNotStarted, match=r"RabbitMQ ended with status 3; .*\nthe disk is full"), node:
        pass
    assert not node.folder.exists()


@pytest.mark.parametrize("installed", [{}, {"epmd": EPMD}, {"rabbitmq_server": SERVER}])
def test_a_missing_program_is_named_with_the_package_that_has_it(install: Install, installed: dict[str, str]) -> None:
    install(**installed)
    missing = "rabbitmq-server" if "epmd" in installed else "epmd"

    with pytest.raises(RabbitMQNotInstalled, match=f"{missing} was not found: .* apt-get install rabbitmq-server"):
        RabbitMQNode().__enter__()


def test_nodes_share_neither_ports_nor_files_nor_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the environment has the settings of another RabbitMQ."""
    monkeypatch.setenv("RABBITMQ_USE_LONGNAME", "true")
    monkeypatch.setenv("RABBITMQ_NODENAME", "rabbit@here")
    one, other = RabbitMQNode(), RabbitMQNode()
    try:
        shared = one._environ.items() & other._environ.items() - os.environ.items()
        assert dict(shared) == {
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CTL_ERL_ARGS": "+S 1:1 +sbwt none",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        }
        assert "RABBITMQ_USE_LONGNAME" not in one._environ
    finally:
        one.close()
        other.close()
