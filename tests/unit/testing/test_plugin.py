"""What pytest loads of the test kit in runs that do not use it."""

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from shipmate import testing
from tests.authors import run_pytest


def shipmate_modules(code: str, folder: Path) -> set[str]:
    """Return the modules of shipmate, and requests, that a fresh interpreter has loaded at the end of some code."""
    names = "{name for name in sys.modules if name.partition('.')[0] in ('shipmate', 'requests', 'vcr', 'pika')}"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint('LOADED', *{names})"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("LOADED"))
    return set(line.split()[1:])


def test_a_run_that_does_not_use_the_kit_loads_the_plugin_alone(tmp_path: Path) -> None:
    """Every run of pytest on the machine imports it, also of projects that have nothing to do with shipmate."""
    (tmp_path / "test_other.py").write_text("def test_other():\n    pass\n")
    others = {each.name for each in entry_points(group="pytest11")} - {"shipmate"}
    options = ["-q", *(f"-pno:{name}" for name in ("cacheprovider", *others))]
    run = f"import pytest\nassert pytest.main({options}) == 0"

    plugin = {"shipmate.testing", "shipmate.testing.plugin"}
    assert shipmate_modules(run, tmp_path) == shipmate_modules("import shipmate", tmp_path) | plugin


def test_importing_shipmate_or_the_container_loads_nothing_of_the_kit(tmp_path: Path) -> None:
    """It is for tests."""
    loaded = shipmate_modules(
        "import shipmate, shipmate.container.step, shipmate.cli.commands, shipmate.local.run", tmp_path
    )

    assert {name for name in loaded if name.startswith("shipmate.testing")} == set()


def test_the_names_of_the_kit_are_sorted_and_all_exist() -> None:
    """``__all__`` is the promise of what can be imported."""
    assert testing.__all__ == sorted(testing.__all__)
    assert {name for name in testing.__all__ if getattr(testing, name).__name__ != name} == set()
    with pytest.raises(AttributeError, match=r"module 'shipmate.testing' has no attribute 'suite_of'"):
        testing.suite_of  # noqa: B018 - looking it up is what raises


REFRESHES = """
def test_of_the_test(platform, oauth2_provider):
    assert platform.provider is oauth2_provider

def test_in_the_other_order(oauth2_provider, platform):
    assert platform.provider is oauth2_provider

def test_of_its_own(component, platform):
    platform.secrets["s"] = {"type": "oauth2", "credentials": platform.provider.issue()}
"""


def test_the_platform_has_a_provider_that_refreshes_its_secrets(tmp_path: Path) -> None:
    """That of the test, if it has one, so that the test can expire the tokens."""
    (tmp_path / "component.json").write_text('{"title": "T", "credentials": {"oauth2": {"client_id": "c"}}}')
    (tmp_path / "test_it.py").write_text(REFRESHES)
    done = run_pytest(tmp_path, "-q")
    assert "3 passed" in done.stdout, done.stdout
