"""The functions that stand in for standard components of the platform, and run inside the coordinator."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final

from shipmate.component import Function
from shipmate.flow.standard import StandardFunction

_PLACES: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("simple-trigger", "timer"): ("timer", "process"),
    ("timer", "timer"): ("timer", "process"),
    ("webhook", "receive"): ("webhook", "process"),
    ("filter", "SimpleJSONataFilter"): ("filter", "process"),
    ("jsonata", "transform"): ("transform", "process"),
    ("splitter", "splitOnJsonataExpression"): ("splitter", "process"),
    ("splitter", "split"): ("splitter", "process_path"),
    ("request-reply", "reply"): ("reply", "process"),
    ("request-reply", "replyWithAttachment"): ("reply", "process_with_attachment"),
    ("mapper", "jsonataMap"): ("mapper", "process"),
}
"""The module and its function for each standard component and function. The router needs its branches: see there."""


def process_of(standard: StandardFunction) -> Callable[..., Any]:
    """Return the function ``process`` that stands in for a function other than the router's.

    Raises:
        KeyError: It is the router's, which `shipmate.flow.builtin.router.function` makes.
    """
    module, name = _PLACES[standard.component, standard.id]
    function: Callable[..., Any] = getattr(import_module(f"{__name__}.{module}"), name)
    return function


def descriptor_of(standard: StandardFunction) -> Function:
    """Return the function as a descriptor has it; its ``main`` names the component that it stands in for."""
    return Function(standard.id, standard.kind, main=f"{standard.component}:{standard.id}")
