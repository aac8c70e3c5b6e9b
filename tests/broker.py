"""A RabbitMQ of the tests' own: its node, files and ports are private, and it ends with them."""

import contextlib
import logging
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pika
import pytest

# Debian's command in PATH becomes another user; the one below it does not.
PLACES = ("/usr/lib/rabbitmq/bin", "/opt/homebrew/sbin", "/usr/local/sbin")
START_SECONDS = 60
BELOW_THE_EPHEMERAL = range(15_000, 32_000)
logging.getLogger("pika").setLevel(logging.CRITICAL)  # it logs each attempt to connect


class NoRabbitMQ(Exception):
    """There is none on this machine."""


def find(command: str) -> str:
    """Return where a command of RabbitMQ is."""
    found = shutil.which(command, path=os.pathsep.join(PLACES)) or shutil.which(command)
    if found is None:
        raise NoRabbitMQ(f"{command} was not found: install RabbitMQ, on Debian with: apt-get install rabbitmq-server")
    return found


def free_port() -> int:
    """Return a port that nobody listens on now, and that no connection gets while the node is away for a moment."""
    while True:
        port = random.SystemRandom().choice(BELOW_THE_EPHEMERAL)
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind(("127.0.0.1", port))
            return port


class RabbitMQ:
    """A node that can be stopped, killed and started again; what is durable survives that."""

    def __init__(self) -> None:
        """Prepare the node's folder; `start` starts it."""
        self.folder = Path(tempfile.mkdtemp(prefix="shipmate-rabbitmq-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        plugins = self.folder / "enabled_plugins"
        plugins.write_text("[].")
        node = f"shipmate-{os.getpid()}-{self.port}@localhost"
        self.environ = {
            **os.environ,
            "HOME": str(self.folder),
            "RABBITMQ_NODENAME": node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "ERL_CRASH_DUMP": str(self.folder / "crash"),
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # One core is enough, and leaves the other one to what is tested.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
        }
        self.environ.pop("RABBITMQ_USE_LONGNAME", None)

    @property
    def uri(self) -> str:
        """The node's address."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start the node, and return when it lets a client in."""
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [find("rabbitmq-server")],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        parameters = pika.URLParameters(self.uri)
        parameters.connection_attempts, parameters.retry_delay = START_SECONDS * 10, 0.1
        try:
            pika.BlockingConnection(parameters).close()
        except Exception:
            output_text = (self.folder / "output").read_text(errors="replace")[-2000:]
            self.kill()
            raise RuntimeError(f"RabbitMQ did not start:\n{output_text}") from None

    def stop(self) -> None:
        """Stop the node in order."""
        assert self.process is not None
        self.process.terminate()
        self.process.wait(30)

    def kill(self) -> None:
        """Kill the node."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def restart(self) -> None:
        """Stop the node and start it again."""
        self.stop()
        self.start()

    def ctl(self, *arguments: str) -> str:
        """Run ``rabbitmqctl`` on the node and return what it prints; takes about two seconds."""
        command = [find("rabbitmqctl"), "--quiet", *arguments]
        return subprocess.run(command, env=self.environ, check=True, capture_output=True, text=True).stdout

    def remove(self) -> None:
        """Kill the node and delete its files."""
        self.kill()
        subprocess.run(["/usr/bin/env", "pkill", "-f", f"epmd.*{self.environ['ERL_EPMD_PORT']}"], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def started() -> RabbitMQ:
    """Return a node that runs; without RabbitMQ on the machine skip the test, or fail where it must be there."""
    node = RabbitMQ()
    try:
        node.start()
    except NoRabbitMQ as missing:
        node.remove()
        if os.environ.get("CI") or os.environ.get("SHIPMATE_REQUIRE_BROKER"):
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    return node
