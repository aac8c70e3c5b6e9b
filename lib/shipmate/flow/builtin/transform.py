"""Stands in for the JSONata transformation: emits the value of an expression."""

from typing import Any

from shipmate import Context, message
from shipmate.flow.builtin.evaluation import evaluated
from shipmate.flow.expressions import ExpressionError


class TransformationFailed(ValueError):
    """The expression cannot be evaluated for a message."""


def process(context: Context, msg: dict[str, Any], cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the object that ``expression`` yields, or each item of a list, or each character of a text.

    A number, a boolean, null, nothing and empty values are not emitted.
    """
    try:
        value = evaluated(context, msg, cfg)
    except ExpressionError as error:
        raise TransformationFailed(f"Jsonata transformation failed! {error}") from None
    if isinstance(value, list | str):
        for each in value:
            context.emit("data", message(each))
    elif isinstance(value, dict) and value:
        context.emit("data", message(value))
