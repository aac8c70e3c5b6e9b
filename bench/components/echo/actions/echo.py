"""Action: return the body as it came."""

from typing import Any


def process(context: Any, msg: dict[str, Any], cfg: dict[str, Any], snapshot: Any) -> dict[str, Any]:
    """Do as little as a function can."""
    return {"body": msg["body"]}
