"""Keeps components apart that one process tests: their modules have the same names, as ``actions.create``."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Final

# Tests are not part of what is tested, and pytest has imported them.
_NOT_OF_THE_COMPONENT: Final = frozenset({"conftest", "test", "tests"})
_WITHOUT_A_NAME: Final = "shipmate_component_"
"""Begins the names of modules whose own names are taken."""


@contextmanager
def only_component(root: Path) -> Iterator[None]:
    """Let the modules of one component alone have the names of its files and folders, and its folder be importable.

    What the tests have imported of it before stays; what is loaded meanwhile is loaded anew the next time.
    """
    names = _top_names(root)
    path = list(sys.path)
    before = {name: module for name, module in sys.modules.items() if _is_meant(name, names)}
    foreign = {name: module for name, module in before.items() if not _is_under(root, module)}
    for name in foreign:
        del sys.modules[name]
    sys.path[:] = [str(root), *(each for each in path if each != str(root))]
    try:
        yield
    finally:
        sys.path[:] = path
        for name in [name for name in sys.modules if _is_meant(name, names) and name not in before]:
            del sys.modules[name]
        sys.modules.update(before)


def _top_names(root: Path) -> frozenset[str]:
    found = {path.stem for path in root.iterdir() if path.suffix == ".py" or path.is_dir()}
    return frozenset(found - _NOT_OF_THE_COMPONENT - sys.stdlib_module_names)


def _is_meant(name: str, names: frozenset[str]) -> bool:
    return name.partition(".")[0] in names or name.startswith(_WITHOUT_A_NAME)


def _is_under(root: Path, module: ModuleType) -> bool:
    """Tell whether a module, and for a folder all of it, is in the component's folder."""
    file = getattr(module, "__file__", None)
    places = [file] if file else list(getattr(module, "__path__", []))
    return bool(places) and all(Path(place).resolve().is_relative_to(root.resolve()) for place in places)
