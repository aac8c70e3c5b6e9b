"""What authors import from the kit, and what the interpreter loads for it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shipmate import kit


def loaded_by(code: str) -> set[str]:
    """Return the names of the modules that a fresh interpreter has imported after some code."""
    report = "; import sys; print('LOADED', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True)
    return set(done.stdout.split()[1:])


def test_the_public_names_are_sorted_and_all_exist() -> None:
    """``__all__`` is the promise of what can be imported."""
    assert kit.__all__ == sorted(kit.__all__)
    assert all(getattr(kit, name).__name__ == name for name in kit.__all__)
    assert set(kit.__all__) <= set(dir(kit))
    with pytest.raises(AttributeError, match=r"module 'shipmate\.kit' has no attribute 'keysets'"):
        kit.keysets  # noqa: B018 - looking it up is what raises


def test_nobody_pays_for_what_is_not_used() -> None:
    """Neither a component without the kit, nor polling for requests."""
    assert not any(name.startswith("shipmate.kit") for name in loaded_by("import shipmate.container.step"))
    loaded = loaded_by("from shipmate.kit import keyset; keyset('updated')")
    assert (
        loaded & {"requests", "urllib3", "jsonschema", "asyncio", "shipmate.kit.webhook", "shipmate.emulator"} == set()
    )


def test_validate_says_that_a_declaration_has_no_order(tmp_path: Path) -> None:
    """In one line, before the component is published."""
    (tmp_path / "poll.py").write_text(
        "from shipmate.kit import keyset\n\nCONTACTS = keyset(())\n\n\ndef process(context, msg, cfg, snapshot): ...\n"
    )
    trigger = {"title": "Poll", "main": "./poll.py", "type": "polling"}
    (tmp_path / "component.json").write_text(json.dumps({"title": "Contacts", "triggers": {"poll": trigger}}))
    command = [sys.executable, "-m", "shipmate", "validate", "--component", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode != 0
    assert "keyset: expected the paths of a time and an id" in done.stdout + done.stderr


def test_no_module_of_the_kit_has_the_name_of_a_function() -> None:
    """Importing it would put the module in the place of the function."""
    modules = {each.stem for each in Path(kit.__file__).parent.iterdir()}
    assert modules.isdisjoint(kit.__all__)
