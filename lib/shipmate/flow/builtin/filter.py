"""Stands in for the filter: a message goes on if an expression is true for it."""

from typing import Any

from shipmate import Context, message
from shipmate.flow.builtin.evaluation import evaluated
from shipmate.flow.expressions import truth
from shipmate.jsonvalue import is_falsy


class ConditionNotMet(ValueError):
    """The expression is false for a message, and the step asserts that it is true."""


def process(context: Context, msg: dict[str, Any], cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
    """Emit the body if ``expression`` is true; otherwise the message ends here, with ``assertion`` as an error."""
    if truth(evaluated(context, msg, cfg)):
        context.emit("data", message(_with_passthrough(msg, cfg)))
        return
    context.logger.info("the expression is false: the message ends here")
    if not is_falsy(cfg.get("assertion")):
        raise ConditionNotMet(f"Condition not met on JSONata expression: {cfg['expression']}")


def _with_passthrough(msg: dict[str, Any], cfg: dict[str, Any]) -> Any:
    """Return the body, with the messages of earlier steps as ``elasticioMeta`` if the step has been set up so."""
    body = msg.get("body")
    if is_falsy(cfg.get("addMetadataToResponse")) or not isinstance(body, dict):
        return body
    return {**body, "elasticioMeta": msg.get("passthrough") or {}}
