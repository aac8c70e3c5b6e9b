"""The runtimes that are measured, with their commands and components."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

_BENCH: Final = Path(__file__).resolve().parent
_NODE_SOURCE: Final = _BENCH / "node"
_NODE: Final = _BENCH / ".node"
_RUN: Final = ("-m", "shipmate", "run")
_FOLDERS: Final = {name: _BENCH / "components" / name for name in ("echo", "oauth2")}
_SAILOR: Final = "elasticio-sailor-nodejs"
_INSTALL_SECONDS: Final = 300
# Imports all packages that the container needs, and prints the version.
_PROBE: Final = "import platform, shipmate.cli.commands, shipmate.container.amqp; print(platform.python_version())"


class NotAvailable(Exception):
    """A runtime cannot be installed on this machine; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """A program that processes the messages of a step."""

    name: str
    label: str
    command: tuple[str, ...]
    folders: Mapping[str, Path]
    """Folders of the components, by function."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """Variables of this runtime alone."""
    transport: Literal["amqp", "proxy"] = "amqp"


def shipmate() -> Runtime:
    """Return the runtime of this repository."""
    return Runtime("shipmate", "shipmate run", (sys.executable, *_RUN), _FOLDERS)


def transports() -> list[Runtime]:
    """Return the runtime of this repository with each transport; the first one is compared with the other."""
    command = (sys.executable, *_RUN)
    return [
        Runtime("proxy", "over a sailor proxy", command, _FOLDERS, transport="proxy"),
        Runtime("amqp", "over AMQP", command, _FOLDERS),
    ]


def interpreter(program: str) -> Runtime:
    """Return the runtime of this repository under another interpreter.

    Args:
        program: The interpreter, for example that of a virtual environment with the packages of requirements.txt.

    Raises:
        NotAvailable: It does not start, or a package is missing.
    """
    environ = {"PYTHONPATH": str(_BENCH.parent / "lib")}
    try:
        done = subprocess.run(
            [program, "-c", _PROBE], env={**os.environ, **environ}, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise NotAvailable(f"{program}: {error.strerror}") from None
    if done.returncode != 0:
        raise NotAvailable(f"{program}: {(done.stderr.strip().splitlines() or ['it printed nothing'])[-1]}")
    version = done.stdout.strip()
    return Runtime(f"python-{version}", f"Python {version}", (program, *_RUN), _FOLDERS, environ)


def bare() -> Runtime:
    """Return the bare loop, which runs no functions: it echoes, and calls the API itself."""
    command = (sys.executable, str(_BENCH / "bare_loop.py"))
    return Runtime("bare", "bare pika loop", command, dict.fromkeys(("echo", "oauth2"), _BENCH))


def node() -> Runtime:
    """Return the official Node runtime; install it if it is missing or has another version.

    Raises:
        NotAvailable: Node or npm is missing, or npm cannot install the runtime.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise NotAvailable(f"{program} was not found")
    if node_version() != _wanted_version():
        _install()
    shutil.copytree(_NODE_SOURCE, _NODE, dirs_exist_ok=True)
    command = ("node", f"node_modules/{_SAILOR}/run.js")
    return Runtime("node", f"Node runtime {node_version()}", command, dict.fromkeys(("echo", "oauth2"), _NODE))


RUNTIMES: Final = {"shipmate": shipmate, "bare": bare, "node": node}
"""The runtimes by name; the first one is compared with the others."""


def node_version() -> str | None:
    """Return the installed version of the Node runtime, None if it is not installed."""
    try:
        return str(json.loads((_NODE / "node_modules" / _SAILOR / "package.json").read_text())["version"])
    except FileNotFoundError:
        return None


def _wanted_version() -> str:
    return str(json.loads((_NODE_SOURCE / "package.json").read_text())["dependencies"][_SAILOR])


def _install() -> None:
    shutil.copytree(_NODE_SOURCE, _NODE, dirs_exist_ok=True)
    command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    try:
        done = subprocess.run(command, cwd=_NODE, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NotAvailable(f"npm did not install it within {_INSTALL_SECONDS} s") from None
    if done.returncode != 0 or node_version() is None:
        lines = done.stderr.strip().splitlines()
        raise NotAvailable(f"npm could not install it: {lines[-1] if lines else f'status {done.returncode}'}")
