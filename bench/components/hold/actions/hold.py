"""Action: wait until a message is in each place of the prefetch, then return the body: the most that is in memory."""

import os
import threading
from typing import Any

_SECONDS = 600.0
_ALL = threading.Barrier(int(os.environ["ELASTICIO_RABBITMQ_PREFETCH_SAILOR"]))


def process(context: Any, msg: dict[str, Any], cfg: dict[str, Any], snapshot: Any) -> dict[str, Any]:
    """Hold the message as a function does that waits for an API."""
    _ALL.wait(_SECONDS)
    return {"body": msg["body"]}
