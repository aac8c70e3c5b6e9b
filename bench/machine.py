"""The circumstances of a run: processor, versions, date."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.brokers import FoundBroker
from bench.runtimes import Runtime

_ROOT = Path(__file__).resolve().parent.parent


def describe(broker: FoundBroker, runtimes: Sequence[Runtime], *, now: datetime | None = None) -> Mapping[str, str]:
    """Return the circumstances for the report, in order: ``{"Date": ..., "Processor": ..., ...}``."""
    moment = now or datetime.now(UTC)
    facts = {
        "Date": f"{moment:%Y-%m-%d %H:%M} UTC",
        "Processor": f"{processor()}, {os.cpu_count()} cores",
        "System": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "Load before": load(),
        "RabbitMQ": f"{broker.version}, {broker.origin}",
        "shipmate": f"{version('shipmate')}{_commit()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}{_origin()}",
        "pika": version("pika"),
    }
    for runtime in runtimes:
        if runtime.name == "node":
            facts["Node"] = f"{_line(['node', '--version']) or 'unknown'}, {runtime.label}"
    return facts


def load() -> str:
    """Return the load of the last 1, 5 and 15 minutes: ``"1.66, 2.13, 4.34"``."""
    return ", ".join(f"{each:.2f}" for each in os.getloadavg())


def processor() -> str:
    """Return the processor's name."""
    if sys.platform == "darwin":
        return _line(["sysctl", "-n", "machdep.cpu.brand_string"]) or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _origin() -> str:
    """Say whether the interpreter is the system's, which is built with optimisation; no setting of Python tells."""
    return ", of the system" if sys.base_prefix == "/usr" else f", built by {platform.python_compiler()}"


def _commit() -> str:
    """Return the commit of the code, empty without git."""
    commit = _line(["git", "-C", str(_ROOT), "rev-parse", "--short", "HEAD"])
    return f" at {commit}" if commit else ""


def _line(command: list[str]) -> str | None:
    if shutil.which(command[0]) is None:
        return None
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or None if done.returncode == 0 else None
