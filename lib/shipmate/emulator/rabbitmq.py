"""A private RabbitMQ node: its files and ports are its own, so that many can run beside each other on one machine."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Final

from shipmate.emulator.erlang_modules import link_modules
from shipmate.emulator.ports import HOST, free_port
from shipmate.errors import OperatorError

PLACES: Final = ("/usr/lib/rabbitmq/bin", "/opt/homebrew/sbin", "/usr/local/sbin")
"""Searched before PATH, where Debian has a wrapper that switches to the user ``rabbitmq``."""
_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.05
_GREETING: Final = b"AMQP\x00\x00\x09\x01"
_LOG_CHARACTERS: Final = 2000
_MODULES: Final = "modules"


class RabbitMQNotInstalled(OperatorError):
    """A program of RabbitMQ or Erlang is missing on this machine."""

    code = "rabbitmq_not_installed"


class RabbitMQNotStarted(OperatorError):
    """The node ended or did not accept clients in time; the text has the end of its output."""

    code = "rabbitmq_not_started"


class RabbitMQNode:
    """A RabbitMQ node for tests and demonstrations; a context manager that starts it and deletes it at the end.

        with RabbitMQNode() as node, StepQueues(node.uri) as queues:
            ...

    It listens on 127.0.0.1, on ports that are free when it is made, with the user ``guest``. It needs an installed
    RabbitMQ, no running one, and takes about one and a half seconds of CPU time to start. No file or process of it
    remains: it does without ``epmd``, Erlang's directory of nodes, which would run on for ever.

    `stop` and `kill` are for tests of what happens without a broker: after `start` the port and all that is durable
    are there again.
    """

    def __init__(self) -> None:
        """Choose the ports and make the folder; `start` starts the node."""
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="shipmate-rabbitmq-"))
        (self.folder / "enabled_plugins").write_text("[].")
        (self.folder / "plugins").mkdir()
        self._distribution_port = free_port()
        self._environ = self._variables()
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "RabbitMQNode":
        """Start the node; delete its folder if that fails."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the node and delete its files."""
        self.close()

    @property
    def uri(self) -> str:
        """The address for clients: ``amqp://guest:guest@127.0.0.1:PORT/``."""
        return f"amqp://guest:guest@{HOST}:{self.port}/"

    @property
    def group(self) -> int | None:
        """The process group of the node, None while it is stopped."""
        return None if self._server is None else self._server.pid

    def start(self) -> None:
        """Start the node unless it runs, and return when it accepts clients.

        Raises:
            RabbitMQNotInstalled: A program was not found.
            RabbitMQNotStarted: The node ended, or accepts no clients within 60 seconds.
        """
        if self._server is not None and self._server.poll() is None:
            return
        program = _find("rabbitmq-server")
        if not (self.folder / _MODULES).exists():
            link_modules("rabbit", _libraries(), self.folder / _MODULES)
        self._server = self._spawn(program)
        self._wait(self._server)

    def stop(self) -> None:
        """Stop the node in order; it can be started again."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait(_STOP_SECONDS)
            self._server = None

    def kill(self) -> None:
        """Kill the node; it can be started again."""
        if self._server is not None:
            _kill(self._server)
            self._server = None

    def restart(self) -> None:
        """Stop the node and start it again."""
        self.stop()
        self.start()

    def evaluate(self, expression: str) -> str:
        """Evaluate an Erlang expression in the node and return its value as text; takes some hundredths of a second.

        Raises:
            RabbitMQNotInstalled: ``erl_call`` was not found.
            OperatorError: The expression is wrong or has failed, or the node is stopped.
        """
        if self._server is None:
            raise OperatorError("expected a running node to evaluate an expression in, found a stopped one: start it")
        cookie = (self.folder / ".erlang.cookie").read_text()
        # The node refuses a second client of the same name, and all have one by default.
        name = f"call-{uuid.uuid4().hex}"
        command = [_find("erl_call"), "-address", f"{HOST}:{self._distribution_port}", "-h", name, "-c", cookie, "-e"]
        done = subprocess.run(  # noqa: S603 - a program of Erlang
            command, env=self._environ, input=f"{expression}.\n", capture_output=True, text=True
        )
        if not done.stdout.startswith("{ok, "):
            raise OperatorError(f"the expression {expression!r} has failed: {done.stdout or done.stderr}")
        return done.stdout[len("{ok, ") : -len("}")]

    def close(self) -> None:
        """Kill the node and delete its files; may be called again."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _variables(self) -> dict[str, str]:
        """Return the environment of the node."""
        name = f"shipmate-{os.getpid()}-{self.port}@localhost"
        # One scheduler without busy waiting: the other cores are for the programs under test.
        scheduler = "+S 1:1 +sbwt none"
        port = str(self._distribution_port)
        # Named by the arguments, the node does not start a second Erlang only to have an epmd.
        distribution = (
            f"-sname {name} -kernel inet_dist_use_interface {{127,0,0,1}} "
            f"inet_dist_listen_min {port} inet_dist_listen_max {port}"
        )
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("RABBITMQ_", "ERL_"))}
        return {
            **inherited,
            "HOME": str(self.folder),  # for the cookie
            "ERL_CRASH_DUMP": str(self.folder / "crash"),
            # Nothing listens there: the node shall not be in the directory that runs for other nodes.
            "ERL_EPMD_PORT": "1",
            # For each Erlang: RabbitMQ starts another one each minute, to have an epmd.
            "ERL_ZFLAGS": f"-start_epmd false -erl_epmd_port {port}",
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "rabbitmq-env.conf"),
            "RABBITMQ_DIST_PORT": port,
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_NODENAME": name,
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            # No plugin is enabled, and the folders of all would be looked at before the modules.
            "RABBITMQ_PLUGINS_DIR": str(self.folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{scheduler} {distribution} -pa {_MODULES}",
        }

    def _spawn(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a program in a session of its own, so that Ctrl-C does not end it before its clients."""
        with self._output.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - programs of RabbitMQ
                command,
                env=self._environ,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def _output(self) -> Path:
        return self.folder / "output"

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not _accepts(self.port):
            status = process.poll()
            if status is None and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
                continue
            ending = "did not start in time" if status is None else f"ended with status {status}"
            text = self._output.read_text(errors="replace")[-_LOG_CHARACTERS:]
            _kill(process)
            raise RabbitMQNotStarted(f"RabbitMQ {ending}; the end of its output:\n{text}")


def _find(program: str) -> str:
    if (path := _which(program)) is None:
        raise RabbitMQNotInstalled(
            f"{program} was not found: install RabbitMQ, on Debian with: apt-get install rabbitmq-server"
        )
    return path


def _which(program: str) -> str | None:
    return shutil.which(program, path=os.pathsep.join(PLACES)) or shutil.which(program)


def _libraries() -> list[Path]:
    """Return the folders with the libraries of RabbitMQ and Erlang; only the time of a start depends on them."""
    folders = {"rabbitmq-server": "plugins", "erl": "lib"}
    found = {_which(program): folder for program, folder in folders.items()}
    return [Path(program).resolve().parent.parent / folder for program, folder in found.items() if program]


def _accepts(port: int) -> bool:
    """Tell whether a broker accepts a connection and answers."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as client:
            client.sendall(_GREETING)
            return bool(client.recv(1))
    except OSError:
        return False


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a program that `_spawn` started, and its children, which may outlive it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
