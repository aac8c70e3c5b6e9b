"""Maps messages: as the hidden step of an edge, and as the visible component ``mapper``."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from shipmate import Context
from shipmate.errors import BadInput
from shipmate.flow.mapping import Mapping
from shipmate.jsonvalue import encode, from_json


def function(mapping: Mapping, source: str | None) -> Callable[..., Any]:
    """Return the function ``process`` of the mapping of an edge.

    Args:
        mapping: The compiled mapping.
        source: The id of the step before; None for the mapping in front of the error handler.
    """

    def process(context: Context, msg: dict[str, Any], cfg: dict[str, Any], snapshot: dict[str, Any]) -> dict[str, Any]:
        return mapping.apply(msg, sender=source, variables=context.flow_variables)

    return process


def process(context: Context, msg: dict[str, Any], cfg: dict[str, Any], snapshot: dict[str, Any]) -> dict[str, Any]:
    """Map a message by the setting ``mapper``."""
    if not isinstance(mapper := cfg.get("mapper"), str | dict):
        raise BadInput("fields.mapper: expected an object of expressions or one expression, found none")
    return _compiled(encode(mapper)).apply(msg, variables=context.flow_variables)


@lru_cache(maxsize=64)
def _compiled(mapper: bytes) -> Mapping:
    return Mapping.compile(from_json(mapper), "/fields/mapper")
