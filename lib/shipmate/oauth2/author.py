"""Calls the functions that an author gives as options: a fault in one must not cost a message or a token."""

import logging
from collections.abc import Callable
from typing import Any, Final

_log: Final = logging.getLogger("shipmate.oauth2")


def ask_author(option: str, function: Callable[..., object], *arguments: Any) -> object:
    """Return the result of an author's function, None if it raises an error, which is logged.

    Args:
        option: The option that the function was given as: ``"expired"``.
        function: The function.
        arguments: Its arguments.
    """
    try:
        return function(*arguments)
    except Exception as error:
        _log.warning(
            "the function in the option %s has raised an error: it is ignored",
            option,
            exc_info=True,
            extra={"option": option, "reason": type(error).__name__},
        )
        return None
