"""Stands in for the webhook: passes on the message of a request, which the gateway has made."""

from typing import Any, Final

from shipmate import Context
from shipmate.jsonvalue import is_falsy

_COPIED: Final = ("query", "headers", "method", "url", "additionalUrlPath")


def process(context: Context, msg: dict[str, Any], cfg: dict[str, Any], snapshot: dict[str, Any]) -> dict[str, Any]:
    """Return the message; its body also says how it came: ``_query``, ``_headers``, ``_method``, ``_url``."""
    if isinstance(msg.get("body"), dict):
        for name in _COPIED:
            if not is_falsy(msg.get(name)):
                msg["body"][f"_{name}"] = msg[name]
    return msg
