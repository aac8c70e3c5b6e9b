"""What becomes of publications at AMQP: routing keys, copies of errors, and rebounds."""

import math
from typing import Any

import pytest

from shipmate.container.amqp.deliveries import AmqpDelivery
from shipmate.container.amqp.routing import Routing
from shipmate.container.transport import Publication, ReboundLimitReached
from shipmate.errors import EmitError
from shipmate.settings import BrokerSettings, Secret

METADATA = {"messageId": "m1", "threadId": "t1"}


def routing(**settings: Any) -> Routing:
    """Return the routing of a step with these settings."""
    return Routing(BrokerSettings(Secret(""), "queue", "exchange", "data", "error", "rebound", "snapshot", **settings))


def delivery(**headers: Any) -> AmqpDelivery:
    """Return a delivery with these headers."""
    return AmqpDelivery(b"input", headers, False, None, properties=None, tag=1, epoch=0)


def rebound(reason: str = "why", **headers: Any) -> Publication:
    """Return a rebound of a delivery with these headers."""
    return Publication("rebound", {**METADATA, "reboundReason": reason, "end": 9}, b"", delivery(**headers))


@pytest.mark.parametrize(
    ("event", "key"), [("data", "data"), ("error", "error"), ("snapshot", "snapshot"), ("updateSnapshot", "snapshot")]
)
def test_each_event_has_its_routing_key(event: str, key: str) -> None:
    """Contract 5.3: from the settings."""
    routed = routing().route(Publication(event, METADATA, b"body", None))
    assert (routed.routing_key, routed.body, routed.headers) == (key, b"body", METADATA)
    assert (routed.origin, routed.expiration_ms, routed.is_reply) == (None, None, False)


def test_the_authors_routing_key_wins_for_data() -> None:
    """Contract 5.3."""
    assert routing().route(Publication("data", METADATA, b"", None, "mine")).routing_key == "mine"


@pytest.mark.parametrize(("reply_to", "key"), [("answers", "answers"), (7, "7")])
def test_a_reply_goes_to_the_caller_who_waits(reply_to: Any, key: str) -> None:
    """Contract 6.6: the author's own key changes nothing."""
    routed = routing().route(Publication("httpReply", {**METADATA, "reply_to": reply_to}, b"", None, "mine"))
    assert (routed.routing_key, routed.is_reply) == (key, True)


def test_a_reply_without_a_caller_is_refused() -> None:
    """Contract 6.6: the text is the one of the official runtime."""
    expected = "^Component emitted 'httpReply' event but 'reply_to' was not found in AMQP headers$"
    with pytest.raises(EmitError, match=expected):
        routing().route(Publication("httpReply", METADATA, b"", None))


def test_the_copy_of_an_error_is_the_error_alone() -> None:
    """Contract 6.2: under an id of its own, with a header that says what it is."""
    error = Publication("error", {**METADATA, "reply_to": "answers"}, b"envelope", None, bare_error=b"bare")
    copy = routing().error_reply(error)
    assert copy is not None
    assert (copy.routing_key, copy.body, copy.is_reply) == ("answers", b"bare", True)
    headers = dict(copy.headers)
    assert len(headers.pop("messageId")) == 36
    assert headers == {"threadId": "t1", "reply_to": "answers", "x-eio-error-response": True}
    assert error.metadata["messageId"] == "m1"


@pytest.mark.parametrize(
    ("metadata", "bare_error", "has_error_replies"),
    [({}, b"bare", True), ({"reply_to": "answers"}, b"bare", False), ({"reply_to": "answers"}, None, True)],
    ids=["nobody waits", "switched off", "no error"],
)
def test_other_errors_have_no_copy(metadata: dict[str, Any], bare_error: bytes | None, has_error_replies: bool) -> None:
    """Contract 2.4, 6.2."""
    error = Publication("error", {**METADATA, **metadata}, b"envelope", None, bare_error=bare_error)
    assert routing(has_error_replies=has_error_replies).error_reply(error) is None


def test_a_rebound_keeps_what_it_came_with() -> None:
    """Contract 6.3: bytes, headers and, by its origin, properties; only three headers are new."""
    publication = rebound(Custom=1, end=3, reboundIteration=1, messageId="m0")
    routed = routing().route(publication)
    assert routed.headers == {
        "Custom": 1,
        "messageId": "m0",
        "end": 9,
        "reboundIteration": 2,
        "reboundReason": "why",
    }
    assert (routed.routing_key, routed.body, routed.origin) == ("rebound", b"input", publication.delivery)
    assert publication.delivery is not None
    assert publication.delivery.metadata["end"] == 3


@pytest.mark.parametrize(("count", "expiration_ms"), [(0, 1000), (1, 2000), (4, 16_000)])
def test_each_rebound_takes_twice_as_long(count: int, expiration_ms: int) -> None:
    """Contract 6.3."""
    routed = routing(rebound_delay_ms=1000).route(rebound(reboundIteration=count))
    assert routed.expiration_ms == expiration_ms


@pytest.mark.parametrize(
    ("value", "count"), [(None, 0), ("7", 0), (True, 0), (3, 3), (2.0, 2), (-5, 0), (math.inf, 0), (math.nan, 0)]
)
def test_an_iteration_counts_only_as_a_number(value: Any, count: int) -> None:
    """Contract 6.3; one below 0 would make an expiration that no broker takes."""
    assert routing().route(rebound(reboundIteration=value)).headers["reboundIteration"] == count + 1


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (3, 3), (3, 7)])
def test_a_rebound_beyond_the_limit_is_refused(limit: int, count: int) -> None:
    """Contract 6.3, without DEF-23: 0 allows none."""
    with pytest.raises(ReboundLimitReached):
        routing(rebound_limit=limit).route(rebound(reboundIteration=count))
