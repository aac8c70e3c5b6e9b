"""The test kit for authors of components: a pytest plugin with fixtures, and ready-made checks.

``emissions`` is what a function has emitted; ``subject`` calls the functions of the component under test; ``routes``
sends requests for the outside world to emulated servers; ``provider`` stands in for the component's OAuth2 provider;
``container`` runs ``shipmate run`` as a real process; ``suite`` checks any component, on ``samples`` of its inputs;
``plugin`` makes fixtures of these.

Nothing of it is loaded before it is used: pytest imports the plugin in every run of a machine that has shipmate.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shipmate.testing.container import ContainerUnderTest
    from shipmate.testing.emissions import Emissions
    from shipmate.testing.scrubbing import scrubbed
    from shipmate.testing.subject import ComponentUnderTest
    from shipmate.testing.suite import component_suite

__all__ = ["ComponentUnderTest", "ContainerUnderTest", "Emissions", "component_suite", "scrubbed"]

_PLACES = {
    "ComponentUnderTest": "subject",
    "ContainerUnderTest": "container",
    "Emissions": "emissions",
    "component_suite": "suite",
    "scrubbed": "scrubbing",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name in _PLACES:
        from importlib import import_module

        return getattr(import_module(f"shipmate.testing.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
