"""Public names of a package that are imported on their first use, since most programs need only a few."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazy_face(
    package: str, public: Sequence[str], modules: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package, to be assigned to these names in it.

    Args:
        package: The name of the package.
        public: The names that can be imported, loaded or not.
        modules: The modules of the names that are loaded on their first use: ``{"Policy": "shipmate.session.policy"}``.
    """

    def attribute(name: str) -> Any:
        """Import a public name on its first use."""
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(modules[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        """Return the names that can be imported."""
        return sorted({*vars(sys.modules[package]), *public})

    return attribute, names
