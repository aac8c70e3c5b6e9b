"""What authors import, and what the interpreter loads for it."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import shipmate

SLOW = {
    "requests", "urllib3", "jsonschema", "pika", "cryptography", "orjson", "asyncio", "prometheus_client",
    "shipmate.emulator",
}  # fmt: skip


def loaded_by(*arguments: str) -> set[str]:
    """Return the names of the modules that a fresh interpreter has imported when it is done."""
    report = "import atexit, sys; atexit.register(lambda: print('LOADED', *sys.modules, file=sys.stderr)); "
    done = subprocess.run(
        [sys.executable, "-c", report + arguments[0], *arguments[1:]], capture_output=True, text=True, check=True
    )
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("LOADED "))
    return set(line.split()[1:])


def test_the_public_names_are_sorted_and_all_exist() -> None:
    """``__all__`` is the promise of what can be imported."""
    assert shipmate.__all__ == sorted(shipmate.__all__)
    # Type checkers tell the two contexts apart, and the interpreter does not.
    assert {name for name in shipmate.__all__ if getattr(shipmate, name).__name__ != name} == {"AsyncContext"}
    assert shipmate.AsyncContext is shipmate.Context
    assert set(shipmate.__all__) <= set(dir(shipmate))


def test_the_message_is_the_function_even_after_its_module_was_imported() -> None:
    """The module of the same name must not take the function's place."""
    import shipmate.invocation.executor
    import shipmate.jsonvalue

    assert shipmate.message({"id": 7}) == {"body": {"id": 7}}


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    """So that ``hasattr`` and ``from shipmate import`` work as anywhere."""
    with pytest.raises(AttributeError, match="module 'shipmate' has no attribute 'OAuth3'"):
        shipmate.OAuth3  # noqa: B018 - looking it up is what raises


def test_the_version_is_that_of_the_distribution() -> None:
    """There is one version, although it is written in two places."""
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]

    assert shipmate.__version__ == project["version"]


def test_importing_shipmate_loads_nothing_slow() -> None:
    """A component that only wants ``message`` must not pay for the rest."""
    loaded = loaded_by("import shipmate; shipmate.message({})")

    assert loaded & (SLOW | {"click", "logging"}) == set()


def test_asking_for_help_loads_nothing_slow() -> None:
    """The start of every command is the start of this one."""
    run = "import runpy; sys.argv = ['shipmate', '--help']; runpy.run_module('shipmate', run_name='__main__')"
    loaded = loaded_by(run)

    assert "shipmate.cli" in loaded
    assert loaded & SLOW == set()


def test_the_provider_is_loaded_when_it_is_asked_for() -> None:
    """``OAuth2`` comes from a package that most commands do not need."""
    assert "shipmate.oauth2" not in loaded_by("import shipmate")
    loaded = loaded_by("from shipmate import OAuth2; OAuth2(refresh='every_access')")
    assert "shipmate.oauth2" in loaded
    assert "requests" not in loaded


def test_the_types_are_loaded_without_requests() -> None:
    """A component that names them starts as fast as one without annotations."""
    loaded = loaded_by("from shipmate import AsyncContext, Attachment, Context, HttpReply, Message, OAuth2, Verdict")
    assert "shipmate.invocation.context" in loaded
    assert loaded & {"requests", "urllib3", "asyncio", "shipmate.emulator"} == set()


@pytest.mark.parametrize(
    ("transport", "needed", "of_the_other"),
    [("amqp", "pika", {"hpack", "h2", "shipmate.container.proxy"}), ("proxy", "hpack", {"pika", "h2"})],
)
def test_the_container_starts_without_what_the_first_message_does_not_need(
    transport: str, needed: str, of_the_other: set[str]
) -> None:
    """Cold start: the client of one transport and the encryption are needed, requests and the command line are not."""
    loaded = loaded_by(f"import shipmate.container.step, shipmate.container.{transport}")

    unneeded = {"requests", "urllib3", "jsonschema", "click", "shipmate.emulator", "shipmate.oauth2.refresher"}
    assert loaded & (unneeded | of_the_other) == set()
    assert {needed, "cryptography"} <= loaded


def test_a_step_imports_no_transport_before_it_is_chosen() -> None:
    """A container pays for the one that it uses."""
    assert loaded_by("import shipmate.container.step") & {"pika", "hpack", "h2"} == set()
