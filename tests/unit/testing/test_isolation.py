"""Components that are kept apart in one process."""

import importlib
import sys
from pathlib import Path

from shipmate.testing.isolation import only_component


def component(root: Path, text: str) -> Path:
    """Make a component with modules of the usual names, and one named as a module of Python."""
    (root / "actions").mkdir(parents=True)
    (root / "actions" / "go.py").write_text(f"NAME = {text!r}\n")
    (root / "shipmate_kit_helpers.py").write_text(f"NAME = {text!r}\n")
    (root / "venv").mkdir()
    return root


def test_each_component_has_its_own_modules(tmp_path: Path) -> None:
    """Although all of them call theirs alike."""
    names = []
    for root in (component(tmp_path / "a", "a"), component(tmp_path / "b", "b"), tmp_path / "a"):
        with only_component(root):
            modules = [importlib.import_module(name) for name in ("actions.go", "shipmate_kit_helpers")]
            names.append([module.NAME for module in modules])

    assert names == [["a", "a"], ["b", "b"], ["a", "a"]]
    assert "shipmate_kit_helpers" not in sys.modules


def test_what_a_test_has_imported_before_stays_the_same_module(tmp_path: Path) -> None:
    """A test that replaces something in it would replace it in vain otherwise."""
    first, second = component(tmp_path / "a", "a"), component(tmp_path / "b", "b")
    path = list(sys.path)
    with only_component(first):
        helpers = importlib.import_module("shipmate_kit_helpers")
        with only_component(first):
            assert importlib.import_module("shipmate_kit_helpers") is helpers
        with only_component(second):
            assert importlib.import_module("shipmate_kit_helpers").NAME == "b"
        assert importlib.import_module("shipmate_kit_helpers") is helpers
    assert sys.path == path


def test_modules_of_python_and_of_the_tests_are_left_alone(tmp_path: Path) -> None:
    """A folder ``venv`` or ``tests`` in a component does not mean them."""
    root = component(tmp_path / "a", "a")
    (root / "tests").mkdir()
    import venv

    import tests

    with only_component(root):
        assert sys.modules["venv"] is venv
        assert sys.modules["tests"] is tests
