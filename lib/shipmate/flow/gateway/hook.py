"""The webhook of a flow: whether it has one, who may call it, whether the caller waits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from shipmate.flow.components import Implementation
from shipmate.flow.gateway.authorization import Authorization
from shipmate.flow.graph import Flow, Node
from shipmate.flow.standard import standard_functions
from shipmate.jsonvalue import object_member

_WEBHOOK: Final = "webhook"
_REPLY: Final = "request-reply"


@dataclass(frozen=True, slots=True)
class Hook:
    """The webhook of a flow."""

    flow_id: str
    authorization: Authorization = field(default_factory=Authorization)
    reply_prefix: str | None = None
    """The beginning of ``reply_to`` if a step replies, None if the caller gets an answer at once."""
    is_raw: bool = False
    """Whether bodies stay text."""


def is_webhook(node: Node, implementation: Implementation) -> bool:
    """Return whether HTTP requests begin a flow with this first step.

    It is the standard webhook, or a trigger with ``type: webhook`` of a component in a folder.
    """
    descriptor = implementation.descriptor
    if descriptor is not None and node.function in descriptor.functions:
        return descriptor.functions[node.function].raw.get("type") == _WEBHOOK or _is_standard(node, _WEBHOOK)
    return _is_standard(node, _WEBHOOK)


def hook_of(flow: Flow, keys: Mapping[str, Any], reply_prefix: str) -> Hook:
    """Return the webhook of a flow.

    Args:
        flow: The flow.
        keys: The keys of the first step's account; empty without one.
        reply_prefix: The beginning of the routing keys of replies.
    """
    has_reply = any(_is_standard(each, _REPLY) for each in flow.nodes)
    return Hook(
        flow.id,
        Authorization(object_member(dict(keys), "auth")),
        reply_prefix if has_reply else None,
        flow.first.takes_raw_data,
    )


def _is_standard(node: Node, service: str) -> bool:
    """Return whether a step is of a standard component, by its service or its name."""
    return node.service == service or any(each.component == service for each in standard_functions(node).values())
