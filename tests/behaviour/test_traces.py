"""The trace of a message that goes from step to step, on each transport."""

from tests.spans import PARENT, TRACE, TRACEPARENT, Spans, attributes, is_below, spans
from tests.station import Start

__all__ = ["spans"]

NEXT = {"return": {"body": {"return": {"body": {"return": {"body": 1}}}}}}


def test_three_steps_are_one_trace(spans: Spans, start: Start) -> None:
    """Each output names the span of its message, which the next step takes as the parent."""
    station = start()
    headers = {"threadId": "t1", "x-eio-meta-traceparent": TRACEPARENT}
    message = {"body": NEXT}
    for _ in range(3):
        (data,) = station.deliver(message, headers=headers).data
        message, headers = data.message, dict(data.headers)
    first, second, third = spans.all
    assert {span.context.trace_id for span in spans.all if span.context} == {int(TRACE, 16)}
    assert first.parent is not None
    assert first.parent.span_id == int(PARENT, 16)
    assert is_below(second, first)
    assert is_below(third, second)
    assert [attributes(span)["shipmate.thread.id"] for span in spans.all] == ["t1"] * 3


def test_a_step_without_traces_passes_the_trace_on(start: Start) -> None:
    """As every runtime of the platform does."""
    headers = {"x-eio-meta-traceparent": TRACEPARENT, "x-eio-meta-tracestate": "a=1"}
    (data,) = start().deliver({"body": {"return": {"body": 1}}}, headers=headers).data
    assert {name: data.headers[name] for name in headers} == headers
