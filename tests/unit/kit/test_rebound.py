"""Messages come again while an API cannot serve them, and only if that does no harm."""

from typing import Any

import pytest

from shipmate.errors import ApiError, EmitUnconfirmed, NoSample, PlatformUnavailable
from shipmate.kit import emit_each, rebounding
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


def test_an_author_names_the_codes_of_errors_that_pass() -> None:
    """As of an object that somebody else has just created."""
    context: Any = Context()
    with rebounding(context, codes=("E06010",)):
        raise ApiError("exists", status=400, api_code="E06010")
    assert context.events == [("rebound", "exists")]
    with pytest.raises(ApiError), rebounding(context, codes=("E06010",)):
        raise ApiError("refused", status=400, api_code="E1")


@pytest.mark.parametrize(
    "error", [ApiError("refused", status=422), EmitUnconfirmed("lost"), NoSample("none"), ValueError("x")]
)
def test_other_errors_stay_errors(error: Exception) -> None:
    """A repetition would not help, or do something twice."""
    with pytest.raises(type(error)):
        events_after(error)


def failing(error: Exception, count: int) -> Any:
    """Yield bodies, and raise an error after them."""
    yield from ({"n": number} for number in range(count))
    raise error


TEMPORARY = [ApiError("busy", status=503, is_repeatable=True), PlatformUnavailable("busy"), Diverted("busy", None)]


@pytest.mark.parametrize("error", TEMPORARY)
def test_messages_before_the_error_are_a_reason_against_a_rebound(error: Exception) -> None:
    """They would be emitted again."""
    context: Any = Context()
    with pytest.raises(ApiError, match=r"^after 2 messages: busy$"), rebounding(context):
        emit_each(context, failing(error, 2))
    assert [event for event, _ in context.events] == ["data", "data"]


@pytest.mark.parametrize("error", TEMPORARY)
def test_an_error_before_the_first_message_rebounds(error: Exception) -> None:
    """Nothing was emitted."""
    context: Any = Context()
    with rebounding(context):
        emit_each(context, failing(error, 0))
    assert context.events == [("rebound", "busy")]


def test_other_errors_between_messages_stay_as_they_are() -> None:
    """A refusal says more without a remark, and errorPolicy may want a message."""
    context: Any = Context()
    with pytest.raises(ApiError, match=r"^refused$"):
        emit_each(context, failing(ApiError("refused", status=422), 1))
    with pytest.raises(Diverted):
        emit_each(context, failing(Diverted("busy", {"statusCode": 503}), 1))
    assert emit_each(context, [{}, {}]) == 2
