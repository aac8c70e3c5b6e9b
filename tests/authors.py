"""Pytest as authors of components run it: in a process of its own, on the tests of a component."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """How one test of a suite has ended."""

    status: str
    text: str


PLUGIN_OF_SHIPMATE_ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "shipmate.testing.plugin"}
"""The variables of a pytest as authors have it: to load the other plugins of this machine takes as long as all else."""

Outcomes = Mapping[str, Mapping[str, Outcome]]
"""By component, by test."""


def run_pytest(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, in a process without this run's settings and plugins."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI", "SHIPMATE_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**kept, **PLUGIN_OF_SHIPMATE_ALONE, **environ},
        capture_output=True,
        text=True,
    )


def read_outcomes(report: Path) -> Outcomes:
    """Return what pytest has written about its tests."""
    found: dict[str, dict[str, Outcome]] = {}
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest has just written it
        ended = next(iter(case.findall("*")), None)
        status, text = (ended.tag, str(ended.get("message")) + str(ended.text)) if ended is not None else ("passed", "")
        component = str(case.get("classname")).partition(".")[0]
        found.setdefault(component, {})[str(case.get("name")).removeprefix("test_")] = Outcome(status, text)
    return found
