"""Checks that a component's functions accept the positional arguments that the runtime passes."""

import inspect
from collections.abc import Callable
from typing import Any, Final

from shipmate.errors import WrongSignature

PROCESS: Final = ("context", "msg", "cfg", "snapshot")
MODEL: Final = ("context", "cfg")
VERIFY: Final = ("context", "credentials")
HOOKS: Final = {"init": ("cfg",), "startup": ("cfg",), "shutdown": ("cfg", "startup_data")}


def require_call(name: str, function: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    """Do nothing if a function accepts these arguments by position.

    Raises:
        WrongSignature: The function does not accept them.

    >>> require_call("process", lambda msg, cfg: None, PROCESS)
    Traceback (most recent call last):
    shipmate.errors.WrongSignature: expected process(context, msg, cfg, snapshot), found process(msg, cfg)
    """
    try:
        # Without following __wrapped__: the runtime calls the decorator's function, not the one behind it.
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):  # a function that is not written in Python
        return
    try:
        signature.bind(*arguments)
    except TypeError:
        found = f"{name}{_with_names_only(signature)}"
        raise WrongSignature(f"expected {name}({', '.join(arguments)}), found {found}") from None


def _with_names_only(signature: inspect.Signature) -> inspect.Signature:
    """Return a signature without annotations and defaults, whose texts may be anything: ``(context, *, limit)``."""
    empty = inspect.Parameter.empty
    parameters = [each.replace(annotation=empty, default=empty) for each in signature.parameters.values()]
    return inspect.Signature(parameters)
