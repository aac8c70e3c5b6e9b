"""The components of the platform that almost every flow has, and what stands for them on this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from shipmate.flow.graph import Node

_SUFFIX: Final = "-component"
ROUTER: Final = "router"


@dataclass(frozen=True, slots=True)
class StandardFunction:
    """A function of a standard component that runs here without the component."""

    component: str
    """The component's name without the suffix ``-component``."""
    id: str
    kind: Literal["trigger", "action"]
    expressions: tuple[str, ...] = ()
    """The fields that are required and hold a JSONata expression."""


_FUNCTIONS: Final = (
    StandardFunction("simple-trigger", "timer", "trigger"),
    StandardFunction("timer", "timer", "trigger"),
    StandardFunction("webhook", "receive", "trigger"),
    StandardFunction("router", "route", "action"),
    StandardFunction("filter", "SimpleJSONataFilter", "action", ("expression",)),
    StandardFunction("jsonata", "transform", "action", ("expression",)),
    StandardFunction("splitter", "splitOnJsonataExpression", "action", ("expression",)),
    StandardFunction("splitter", "split", "action"),
    StandardFunction("request-reply", "reply", "action"),
    StandardFunction("request-reply", "replyWithAttachment", "action"),
    StandardFunction("mapper", "jsonataMap", "action"),
)
_REMOVED: Final[Mapping[tuple[str, str], str]] = {
    ("filter", "filter"): "whose condition is JavaScript; use SimpleJSONataFilter",
    ("mapper", "map"): "whose mapping is handlebars, which the platform has removed; use jsonataMap",
}
"""What is wrong with functions that nothing stands for."""
_OTHER_NAMES: Final[Mapping[str, str]] = {"jsonata-transform": "jsonata"}
_BY_NAME: Final[Mapping[str, Mapping[str, StandardFunction]]] = {
    component: {each.id: each for each in _FUNCTIONS if each.component == component}
    for component in {each.component for each in _FUNCTIONS}
}


def without_suffix(component: str) -> str:
    """Return the name of a component without ``-component``.

    >>> without_suffix("filter-component"), without_suffix("crm")
    ('filter', 'crm')
    """
    return component.removesuffix(_SUFFIX) or component


def standard_functions(node: Node) -> Mapping[str, StandardFunction]:
    """Return the functions of the standard component of a step by their ids; none for any other component.

    The name decides, whatever the team; then the service, which an exported flow copies from the component.
    """
    name = without_suffix(node.component)
    return _BY_NAME.get(_OTHER_NAMES.get(name, name)) or _BY_NAME.get(node.service or "") or {}


def removed_function(node: Node) -> str | None:
    """Return what is wrong with a function that nothing stands for, None for any other."""
    return _REMOVED.get((without_suffix(node.component), node.function))
