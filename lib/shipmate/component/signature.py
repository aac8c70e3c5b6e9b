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


def require_hook(name: str, hook: Callable[..., Any]) -> None:
    """Do nothing if a hook accepts its arguments, or these after a context.

    Raises:
        WrongSignature: The hook accepts neither.

    >>> require_hook("startup", lambda context, cfg: None)
    """
    if not takes_context(hook, len(HOOKS[name])):
        require_call(name, hook, HOOKS[name])


def takes_context(hook: Callable[..., Any], count: int) -> bool:
    """Tell whether a hook needs a context before its arguments, because it does not accept the arguments alone.

    >>> takes_context(lambda context, cfg: None, 1), takes_context(lambda cfg, more=None: None, 1)
    (True, False)

    Args:
        hook: The hook.
        count: The number of its arguments without a context.
    """
    try:
        signature = inspect.signature(hook, follow_wrapped=False)
    except (TypeError, ValueError):  # a function that is not written in Python
        return False
    return not _accepts(signature, count) and _accepts(signature, count + 1)


def _accepts(signature: inspect.Signature, count: int) -> bool:
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _with_names_only(signature: inspect.Signature) -> inspect.Signature:
    """Return a signature without annotations and defaults, whose texts may be anything: ``(context, *, limit)``."""
    empty = inspect.Parameter.empty
    parameters = [each.replace(annotation=empty, default=empty) for each in signature.parameters.values()]
    return inspect.Signature(parameters)
