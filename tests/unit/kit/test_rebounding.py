"""Messages come again while an API cannot serve them, and only if that does no harm."""

from typing import Any

import pytest

from shipmate.errors import ApiError, EmitUnconfirmed, NoSample, PlatformUnavailable
from shipmate.kit import rebounding
from shipmate.session.diverted import Diverted


class Context:
    """A context that notes what is emitted."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def emit(self, event: str, value: Any) -> None:
        self.events.append((event, value))


def fail(error: Exception) -> None:
    raise error


def events_after(error: Exception) -> list[tuple[str, Any]]:
    """Return the events of a function that raises an error."""
    context: Any = Context()
    with rebounding(context):
        fail(error)
    return list(context.events)


@pytest.mark.parametrize(
    "error", [ApiError("busy", is_repeatable=True), PlatformUnavailable("busy"), Diverted("busy", None)]
)
def test_an_error_that_passes_rebounds_the_message(error: Exception) -> None:
    """With its reason."""
    assert events_after(error) == [("rebound", "busy")]


def test_an_error_that_the_step_wants_to_see_is_emitted() -> None:
    """As errorPolicy says."""
    [(event, value)] = events_after(Diverted("busy", {"statusCode": 503}))
    assert (event, value["body"]) == ("data", {"statusCode": 503})


@pytest.mark.parametrize(
    "error", [ApiError("refused", status=422), EmitUnconfirmed("lost"), NoSample("none"), ValueError("x")]
)
def test_other_errors_stay_errors(error: Exception) -> None:
    """A repetition would not help, or do something twice."""
    with pytest.raises(type(error)):
        events_after(error)
