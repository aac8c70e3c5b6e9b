"""Rebounds messages while an API cannot serve them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shipmate.errors import ApiError, EmitError, NoSample, TransientError
from shipmate.invocation.message import message
from shipmate.session.diverted import Diverted

if TYPE_CHECKING:
    from shipmate.invocation.context import Context


@contextmanager
def rebounding(context: "Context") -> Iterator[None]:
    """Rebound the message after an error that may pass, if a repetition does no harm: ``with rebounding(context):``.

    An error of the API that the fields of the step turn into a message is emitted. Messages that were emitted before
    the error are emitted again with the rebound.

    Args:
        context: The context of the call.

    Raises:
        ApiError: The API refuses the request for good, or may have done it.
    """
    try:
        yield
    except Diverted as diverted:
        if diverted.body is None:
            context.emit("rebound", diverted.reason)
        else:
            context.emit("data", message(diverted.body))
    except ApiError as error:
        if not error.is_repeatable:
            raise
        context.emit("rebound", str(error))
    except TransientError as error:
        # An event that was not delivered has failed the message already; a sample has nobody to wait.
        if isinstance(error, EmitError | NoSample):
            raise
        context.emit("rebound", str(error))
