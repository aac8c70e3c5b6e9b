"""Rebounds messages while Salesforce is busy."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from salesforce.answers import Busy
from shipmate import Context, Message, TokenEndpointUnavailable

Process = Callable[[Context, Message, dict[str, Any], dict[str, Any]], None]


def rebounds(process: Process) -> Process:
    """Return the function, with ``Busy`` turned into a rebound: the platform sends the message again later.

    For functions that may be called again only: they emit their messages a second time.
    """

    @wraps(process)
    def or_later(context: Context, msg: Message, cfg: dict[str, Any], snapshot: dict[str, Any]) -> None:
        try:
            process(context, msg, cfg, snapshot)
        except (Busy, TokenEndpointUnavailable) as error:
            context.emit("rebound", str(error))

    return or_later
