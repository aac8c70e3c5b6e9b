"""Python processes that begin as copies of one in which modules are loaded already.

Most commands that the tests start end within some milliseconds, and to load their modules takes a hundred or more. A
copy is a process like any other, with its own pid, environment, folder, streams, signals and exit status. Only what
Python does before the first import is not repeated: tests of that start a Python of their own.
"""

import atexit
import faulthandler
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

COMMANDS: Final = (
    "shipmate.cli.terminal",
    "shipmate.component.metadata",
    "shipmate.local.account",
    "shipmate.local.dotenv",
    "shipmate.local.fixtures",
    "shipmate.local.run",
    "shipmate.oauth2.session",
    "shipmate.platform.client",
    "shipmate.tools.login",
    "shipmate.tools.scaffold",
    "shipmate.tools.validation",
)
"""What the commands load that run, check and begin a component."""
CONTAINERS: Final = ("shipmate.container.amqp.broker", "shipmate.container.step")
"""What the containers load."""
FLOWS: Final = ("shipmate.cli.flow_retry", "shipmate.cli.flow_run", "shipmate.flow.trace_tree")
"""What the commands load that run flows."""
PYTEST: Final = (
    "pytest",
    "shipmate.component.metadata",
    "shipmate.emulator",
    "shipmate.oauth2.session",
    "shipmate.platform.client",
    "shipmate.session",
    "shipmate.testing.container",
    "shipmate.testing.provider",
    "shipmate.testing.subject",
    "shipmate.testing.suite",
)
"""What pytest loads in the folder of a component, without the plugin, whose assertions it has to rewrite."""
_MOST_BYTES: Final = 1 << 20
_DUMP: Final = signal.SIGUSR1
"""The signal at which a copy writes the stacks of its threads to standard error."""
_OBEYED: Final = {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"}
"""The variables of the interpreter that a copy obeys."""


def start(
    module: str,
    *arguments: str | Path,
    loaded: Sequence[str],
    env: Mapping[str, str],
    cwd: str | Path,
    stdin: Any = subprocess.DEVNULL,
    stdout: Any = subprocess.PIPE,
    stderr: Any = subprocess.PIPE,
) -> "Process":
    """Start ``python -m``.

    It is no copy if the environment has a variable that only a Python of its own obeys, and where a fork without exec
    is not safe, as on macOS.

    Args:
        module: The name of the module.
        *arguments: The arguments of the module.
        loaded: The names of the modules that a copy has loaded already.
        env: The whole environment.
        cwd: The folder in which it starts.
        stdin: As for Popen; text in pipes is UTF-8.
        stdout: As for Popen.
        stderr: As for Popen.
    """
    words = [module, *map(str, arguments)]
    added = {name for name, _ in env.items() - os.environ.items() if name.startswith("PYTHON")}
    if sys.platform == "linux" and added <= _OBEYED:
        return Forked(words, tuple(loaded), {"env": dict(env), "cwd": str(cwd)}, (stdin, stdout, stderr))
    return subprocess.Popen(
        [sys.executable, "-m", *words],
        env=env,
        cwd=cwd,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        encoding="utf-8",
    )


def run(module: str, *arguments: str | Path, input: str = "", **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run ``python -m`` to its end with the options of `start`, and with the text of its standard input, if any."""
    if input:
        options["stdin"] = subprocess.PIPE
    with start(module, *arguments, **options) as process:
        out, err = process.communicate(input)
    return subprocess.CompletedProcess(process.args, process.wait(), out, err)


class Forked:
    """A copy, with those methods and attributes of `subprocess.Popen` that the tests use."""

    def __init__(
        self, arguments: list[str], loaded: tuple[str, ...], request: dict[str, Any], streams: tuple[Any, Any, Any]
    ) -> None:
        """Start the process; see `start`."""
        self.args = arguments
        self.returncode: int | None = None
        stdin, stdout, stderr = streams
        self.stdin, for_stdin = _ends(stdin, "w")
        self.stdout, for_stdout = _ends(stdout, "r")
        self.stderr, for_stderr = (None, os.dup(for_stdout)) if stderr == subprocess.STDOUT else _ends(stderr, "r")
        self._status, status = _pair()
        given = [for_stdin, for_stdout, for_stderr, status.detach()]
        socket.send_fds(_server(loaded), [json.dumps({**request, "arguments": arguments}).encode()], given)
        for each in given:
            os.close(each)
        self.pid = int(self._status.recv(20))

    def __enter__(self) -> "Forked":
        return self

    def __exit__(self, *_: object) -> None:
        """Close the streams, and wait for the end."""
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()

    def poll(self) -> int | None:
        """Return the exit status, None while the process runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit status, negative after a signal.

        Raises:
            TimeoutExpired: The process runs longer than these seconds.
        """
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
            self.returncode = int(self._status.recv(20))
            self._status.close()
        return self.returncode

    def communicate(self, input: str = "", timeout: float | None = None) -> tuple[str, str]:
        """Write the input, read all output, and wait for the end.

        Raises:
            TimeoutExpired: The process ran longer than these seconds; it was killed. The notes have the end of its
                standard error, with the stacks of its threads.
        """
        texts = ["", ""]

        def read(number: int, stream: Any) -> None:
            with stream:
                texts[number] = stream.read()

        streams = [(number, each) for number, each in enumerate((self.stdout, self.stderr)) if each is not None]
        threads = [threading.Thread(target=read, args=each, daemon=True) for each in streams]
        for thread in threads:
            thread.start()
        if self.stdin is not None:
            with suppress(BrokenPipeError), self.stdin as stream:
                stream.write(input)
        try:
            self.wait(timeout)
        except subprocess.TimeoutExpired as expired:
            self.send_signal(_DUMP)
            with suppress(subprocess.TimeoutExpired):
                self.wait(1)
            self.kill()
            for thread in threads:
                thread.join(1)
            expired.add_note(texts[1][-10_000:])
            raise
        for thread in threads:
            thread.join()
        return texts[0], texts[1]

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


Process = Forked | subprocess.Popen[str]
"""A process of ``python -m``."""


def _ends(given: Any, mode: str) -> tuple[Any, int]:
    """Return the stream of this process, None without a pipe, and the descriptor for the other one."""
    if given == subprocess.PIPE:
        reader, writer = os.pipe()
        own, other = (writer, reader) if mode == "w" else (reader, writer)
        return open(own, mode, encoding="utf-8"), other
    if given == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_RDWR)
    return None, os.dup(given if isinstance(given, int) else given.fileno())


def _pair() -> tuple[socket.socket, socket.socket]:
    """Return two ends between which messages stay apart."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


@cache
def _server(loaded: tuple[str, ...]) -> socket.socket:
    """Start the process that has loaded the modules, and return the socket for requests to it."""
    own, other = _pair()
    with other:
        process = subprocess.Popen(
            [sys.executable, __file__, str(other.fileno()), *loaded],
            env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
            stdin=subprocess.DEVNULL,
            pass_fds=[other.fileno()],
            start_new_session=True,  # no signal of the terminal reaches it
        )

    def end() -> None:
        own.close()
        process.wait()

    atexit.register(end)
    return own


def _serve(requests: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Fork at each request, and tell who asked the pid and the exit status; return the request in the new process."""
    running: dict[int, tuple[int, int]] = {}
    """The pids and the sockets for the status, by the descriptor that is at its end when the process is."""
    while True:
        for each in select.select([requests, *running], [], [])[0]:
            if each is not requests:
                pid, status = running.pop(each)
                os.write(status, b"%d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                os.close(status)
                os.close(each)
                continue
            data, given, _, _ = socket.recv_fds(requests, _MOST_BYTES, 4)
            if not data:
                os._exit(0)
            alive, held = os.pipe()
            if not (pid := os.fork()):
                requests.close()
                for descriptor in [alive, *running, *(status for _, status in running.values())]:
                    os.close(descriptor)
                return json.loads(data), given
            os.close(held)
            os.write(given[3], b"%d" % pid)
            running[alive] = pid, given.pop()
            for descriptor in given:
                os.close(descriptor)


def _become(request: dict[str, Any], given: list[int], path: list[str]) -> None:
    """Make this process one that Python has started for the request."""
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    for number, descriptor in enumerate(given[:3]):
        os.dup2(descriptor, number)
    for descriptor in given:
        os.close(descriptor)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        former = getattr(sys, name)
        stream = open(number, "r" if name == "stdin" else "w", encoding="utf-8", errors=former.errors, closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    faulthandler.register(_DUMP, sys.__stderr__.fileno())  # type: ignore[union-attr]
    sys.stderr.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.path[:] = [request["cwd"], *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)), *path]
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.argv[1:] = request["arguments"][1:]
    if any(name.startswith("COVERAGE_PROCESS_") for name in os.environ):
        import coverage

        coverage.process_startup()


def _main() -> None:
    requests = socket.socket(fileno=int(sys.argv[1]))
    path = sys.path[1:]  # without the folder of this file
    sys.path[:] = path
    for name in sys.argv[2:]:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection would write to all pages, and so copy them
    request, given = _serve(requests)
    _become(request, given, path)
    try:
        runpy.run_module(request["arguments"][0], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            raise
        _end(end.code or 0)
    _end(0)


def _end(status: int) -> None:
    """End the process as Python does, but without taking all modules apart: that takes longer than most commands."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _main()
