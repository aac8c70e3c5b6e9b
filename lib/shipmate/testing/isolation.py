"""Isolation of components in one test process, since their modules have equal names, such as ``actions.create``."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Final

# pytest has imported the tests, which are not part of the component.
_TESTS: Final = frozenset({"conftest", "test", "tests"})
_RENAMED: Final = "shipmate_component_"
"""Prefix of modules whose own names are names of the standard library."""


@contextmanager
def only_component(root: Path) -> Iterator[None]:
    """Make the folder of a component importable, and hide modules of other components with equal names.

    Modules that the tests have imported from the component stay; those loaded inside are removed at the end.
    """
    names = _top_names(root)
    path = list(sys.path)
    before = {name: module for name, module in sys.modules.items() if _is_of_component(name, names)}
    foreign = {name: module for name, module in before.items() if not _is_under(root, module)}
    for name in foreign:
        del sys.modules[name]
    sys.path[:] = [str(root), *(each for each in path if each != str(root))]
    try:
        yield
    finally:
        sys.path[:] = path
        for name in [name for name in sys.modules if _is_of_component(name, names) and name not in before]:
            del sys.modules[name]
        sys.modules.update(before)


def _top_names(root: Path) -> frozenset[str]:
    """Return the names of the component's top-level modules and packages."""
    names = {path.stem for path in root.iterdir() if path.suffix == ".py" or path.is_dir()}
    return frozenset(names - _TESTS - sys.stdlib_module_names)


def _is_of_component(name: str, names: frozenset[str]) -> bool:
    return name.partition(".")[0] in names or name.startswith(_RENAMED)


def _is_under(root: Path, module: ModuleType) -> bool:
    """Return whether a module is in the component's folder; a namespace package must be there with all its parts."""
    file = getattr(module, "__file__", None)
    places = [file] if file else list(getattr(module, "__path__", []))
    return bool(places) and all(Path(place).resolve().is_relative_to(root.resolve()) for place in places)
