"""Evaluates the expression of a step's settings for a message."""

from typing import Any

from shipmate import Context
from shipmate.errors import BadInput
from shipmate.flow.expressions import Expression


def evaluated(context: Context, msg: dict[str, Any], cfg: dict[str, Any]) -> Any:
    """Return the value of the setting ``expression`` for a message.

    Raises:
        BadInput: The setting is missing.
        ExpressionError: The expression has an error, or fails for this message.
    """
    text = cfg.get("expression")
    if not isinstance(text, str) or not text.strip():
        raise BadInput("fields.expression: expected a JSONata expression, found none")
    body = msg.get("body")
    return Expression.compile(text).evaluate(
        {} if body is None else body, passthrough=msg.get("passthrough"), variables=context.flow_variables
    )
