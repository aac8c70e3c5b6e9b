"""Rebounds messages while an API cannot serve them."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shipmate.errors import ApiError, EmitError, NoSample, TransientError
from shipmate.invocation.message import message
from shipmate.session.diverted import Diverted

if TYPE_CHECKING:
    from shipmate.invocation.context import Context


@contextmanager
def rebounding(context: "Context", *, codes: Collection[str] = ()) -> Iterator[None]:
    """Rebound the message after an error that may pass, if a repetition does no harm: ``with rebounding(context):``.

    An error of the API that the fields of the step turn into a message is emitted. Messages that were emitted before
    the error are emitted again with the rebound.

    Args:
        context: The context of the call.
        codes: The API's own codes of errors that pass, too: ``("LOCKED",)``.

    Raises:
        ApiError: The API refuses the request for good, or may have done it.
    """
    try:
        yield
    except (ApiError, Diverted, TransientError) as error:
        if isinstance(error, Diverted) and error.body is not None:
            context.emit("data", message(error.body))
        elif _rebounds(error) or (isinstance(error, ApiError) and error.api_code in codes):
            context.emit("rebound", str(error))
        else:
            raise


def emit_each(context: "Context", bodies: Iterable[Any]) -> int:
    """Emit a message for each body, and return their number.

    An error after the first message does not rebound: the messages before it would be emitted again.

    Args:
        context: The context of the call.
        bodies: The bodies, which may be read from an API one by one.

    Raises:
        ApiError: The API cannot serve the message, and messages were emitted before.
    """
    count = 0
    try:
        for body in bodies:
            context.emit("data", message(body))
            count += 1
    except (ApiError, Diverted, TransientError) as error:
        if not count or not _rebounds(error):
            raise
        text = f"after {count} message{'s' if count > 1 else ''}: {error}"
        raise ApiError(text, status=getattr(error, "status", 0)) from None
    return count


def _rebounds(error: ApiError | Diverted | TransientError) -> bool:
    """Tell whether an error rebounds the message."""
    if isinstance(error, Diverted):
        return error.body is None
    if isinstance(error, ApiError):
        return error.is_repeatable
    # An event that was not delivered has failed the message already; a sample has nobody to wait.
    return not isinstance(error, EmitError | NoSample)
