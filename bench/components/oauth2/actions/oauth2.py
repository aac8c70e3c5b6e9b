"""Action: call a protected API, and return the body as it came."""

from typing import Any


def process(context: Any, msg: dict[str, Any], cfg: dict[str, Any], snapshot: Any) -> dict[str, Any]:
    """Let the runtime keep the token alive."""
    context.oauth2(cfg).get(cfg["base_url"] + "/me").raise_for_status()
    return {"body": msg["body"]}
