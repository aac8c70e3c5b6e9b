"""pytest as authors of components run it: in a process, on the tests of a component."""

import os
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.forked import PYTEST, run


@dataclass(frozen=True)
class Outcome:
    """The outcome of one test: passed, failure, error or skipped, with its message."""

    status: str
    text: str


PLUGIN_OF_SHIPMATE_ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "shipmate.testing.plugin"}
"""Variables for a pytest without the plugins of this repository, which authors do not have and which load slowly."""

Outcomes = Mapping[str, Mapping[str, Outcome]]
"""Outcomes by component and test."""


def run_pytest(
    folder: Path, *arguments: str, loaded: Sequence[str] = PYTEST, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder, in a process without this run's settings and plugins."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "CI", "SHIPMATE_"))}
    environ = {**kept, **PLUGIN_OF_SHIPMATE_ALONE, **environ}
    return run("pytest", "-p", "no:cacheprovider", *arguments, loaded=loaded, env=environ, cwd=folder)


def read_outcomes(report: Path) -> Outcomes:
    """Return the outcomes from a JUnit report of pytest."""
    outcomes: dict[str, dict[str, Outcome]] = {}
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314 - pytest has just written it
        child = next(iter(case.findall("*")), None)
        status, text = (child.tag, str(child.get("message")) + str(child.text)) if child is not None else ("passed", "")
        component = str(case.get("classname")).partition(".")[0]
        outcomes.setdefault(component, {})[str(case.get("name")).removeprefix("test_")] = Outcome(status, text)
    return outcomes
