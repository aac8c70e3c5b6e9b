"""The arguments that the functions of a component are called with, by position."""

import inspect
from collections.abc import Callable
from typing import Any, Final

from shipmate.errors import FunctionNotFound

PROCESS: Final = ("context", "msg", "cfg", "snapshot")
MODEL: Final = ("context", "cfg")
VERIFY: Final = ("context", "credentials")
HOOKS: Final = {"init": ("cfg",), "startup": ("cfg",), "shutdown": ("cfg", "startup_data")}


def require_call(name: str, function: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    """Do nothing if a function can be called with so many arguments.

    Raises:
        FunctionNotFound: It cannot.

    >>> require_call("process", lambda msg, cfg: None, PROCESS)
    Traceback (most recent call last):
    shipmate.errors.FunctionNotFound: expected process(context, msg, cfg, snapshot), found process(msg, cfg)
    """
    try:
        # What a decorator calls in turn is its own business.
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):  # one that is not written in Python
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        found = ", ".join(signature.parameters)
        raise FunctionNotFound(f"expected {name}({', '.join(arguments)}), found {name}({found})") from None
