"""Stands in for the router: sends copies of a message into the branches whose condition is true."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shipmate import Context
from shipmate.flow.expressions import Expression, truth

ROUTING_KEY: Final = "x-eio-routing-key"


@dataclass(frozen=True, slots=True)
class Branch:
    """An edge that leaves the router."""

    target: str
    """The id of the next step, for log records."""
    condition: Expression | None
    """None for the default branch."""
    routing_key: str
    """The key under which the branch gets its messages."""


def function(branches: Sequence[Branch]) -> Callable[..., None]:
    """Return the function ``process`` of a router with these branches.

    It evaluates all conditions before it emits anything: a condition that fails is one error of the router, and no
    branch gets the message. The default branch gets it only if no condition is true.
    """
    conditional = [each for each in branches if each.condition is not None]
    default = [each for each in branches if each.condition is None]

    def process(context: Context, msg: dict[str, Any], cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
        chosen = [each for each in conditional if _is_true(context, each, msg)] or default
        if not chosen:
            context.logger.info("no condition is true, and there is no default branch: the message ends here")
        for branch in chosen:
            context.emit("data", _addressed(msg, branch.routing_key))

    return process


def _is_true(context: Context, branch: Branch, msg: Mapping[str, Any]) -> bool:
    """Return whether the condition of a branch is true, as JavaScript sees it."""
    assert branch.condition is not None  # noqa: S101 - only conditional branches come here
    body = msg.get("body")
    value = branch.condition.evaluate(
        {} if body is None else body, passthrough=msg.get("passthrough"), variables=context.flow_variables
    )
    if not isinstance(value, bool):
        context.logger.warning(
            "the condition of the branch to %s is no boolean; it counts as %s", branch.target, str(truth(value)).lower()
        )
    return truth(value)


def _addressed(msg: Mapping[str, Any], routing_key: str) -> Any:
    """Return a copy of the message for one branch."""
    headers = {name: value for name, value in msg.get("headers", {}).items() if name.lower() != ROUTING_KEY}
    return {**msg, "headers": {**headers, ROUTING_KEY: routing_key}}
