"""The spans of a test, in memory."""

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_span_id, format_trace_id

from shipmate import observation
from shipmate.container.operations.tracing import Tracing
from shipmate.logs.log import Redactor
from shipmate.settings import FlowSettings

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
FLOW = FlowSettings("flow", "exec", "step", "container", "workspace", "user", "component", "commands")


class Spans:
    """What was exported."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.redactor = Redactor()

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    @property
    def only(self) -> ReadableSpan:
        (span,) = self.all
        return span

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all if span.name == name]

    def tracing(self) -> Tracing:
        return Tracing(self.provider, FLOW, "amqp", self.redactor.redact)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def place(span: ReadableSpan) -> tuple[str, str]:
    """Return the ids of the trace and of the parent."""
    assert span.context is not None
    return format_trace_id(span.context.trace_id), format_span_id(span.parent.span_id) if span.parent else ""


def header(span: ReadableSpan) -> str:
    """Return the header that names a span."""
    context = span.context
    assert context is not None
    return f"00-{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}-{context.trace_flags:02x}"


@pytest.fixture
def spans() -> Iterator[Spans]:
    """Spans in memory, for all that happens in the test."""
    made = Spans()
    observation.use(made.tracing())
    yield made
    observation.use()


def is_below(span: ReadableSpan, parent: ReadableSpan) -> bool:
    return span.parent is not None and parent.context is not None and span.parent.span_id == parent.context.span_id
