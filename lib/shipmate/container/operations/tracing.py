"""Makes the spans of OpenTelemetry for messages, HTTP requests and refreshes, and carries the trace to the next steps.

The platform's runtimes pass the headers ``x-eio-meta-...`` on from step to step, so the context of a trace travels in
two of them. Attributes have no bodies and no ids of accounts, and every text goes through the redactor.

Source: W3C Trace Context; the semantic conventions of OpenTelemetry for messaging and HTTP.
"""

import logging
import re
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

from opentelemetry.context import Context, attach, create_key, detach, get_value, set_value
from opentelemetry.trace import (
    INVALID_SPAN,
    Span,
    SpanKind,
    StatusCode,
    TracerProvider,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shipmate import __version__, observation
from shipmate.errors import code_of
from shipmate.settings import FlowSettings, TransportName

_log: Final = logging.getLogger("shipmate.traces")
_HEADERS: Final = {f"x-eio-meta-{name}": name for name in ("traceparent", "tracestate")}
"""The names of W3C Trace Context, by those of the headers that carry their values."""
_LONGEST_HEADER: Final = 512
"""The characters of a ``tracestate`` that every participant passes on. Source: W3C Trace Context §3.3.1.5."""
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-[!-~]*)?")
_MOST_MEMBERS: Final = 32
_MEMBER: Final = re.compile(
    r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"  # the key
    r"=[ -+\--<>-~]{1,256}"  # printable ASCII without comma and equals sign; the caller has removed blanks at its end
)
_LONGEST_ID: Final = 256
_LONGEST_URL: Final = 2048
_FLUSH_SECONDS: Final = 5.0
_SYSTEMS: Final[Mapping[TransportName, str]] = {"amqp": "rabbitmq", "proxy": "sailor_proxy"}
_LEAST_ERROR: Final = 400
_METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_PORTS: Final = {"http": 80, "https": 443}
_ACCOUNT: Final = re.compile(r"(/(?:accounts|credentials|secrets)/)[^/]+")
"""The part of a path of the platform's API that names an account."""
_PROPAGATOR: Final = TraceContextTextMapPropagator()
_MESSAGE: Final = create_key("shipmate-message")

Redact = Callable[[str], str]


class Tracing(observation.Observer):
    """Makes spans with a provider of tracers: for messages, and below them for requests and refreshes."""

    __slots__ = ("_fixed", "_name", "_provider", "_redact", "_tracer")

    def __init__(self, provider: TracerProvider, flow: FlowSettings, transport: TransportName, redact: Redact) -> None:
        """Make spans for one step.

        Args:
            provider: The operator's, from an SDK of OpenTelemetry.
            flow: The ids of the step.
            transport: The transport of its messages.
            redact: Removes secrets from a text.
        """
        self._provider = provider
        self._tracer = provider.get_tracer("shipmate", __version__)
        self._redact = redact
        self._name = f"process {flow.step_id}"
        self._fixed = {
            "messaging.system": _SYSTEMS[transport],
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": flow.step_id,
            "shipmate.flow.id": flow.flow_id,
            "shipmate.step.id": flow.step_id,
            "shipmate.component.id": flow.comp_id,
            "shipmate.function": flow.function,
        }

    def message(self, metadata: Mapping[str, Any], thread_id: Any, size_bytes: int = 0) -> observation.Message:
        """Begin the span of a message, below the one that its headers name."""
        span = self._span(self._name, SpanKind.CONSUMER, self._fixed, _PROPAGATOR.extract(_carried(metadata)))
        if span.is_recording():  # redaction takes 20 µs for each text
            thread = self._shown(thread_id)
            span.set_attribute("shipmate.thread.id", thread)
            span.set_attribute("messaging.message.conversation_id", thread)
            if message_id := metadata.get("messageId"):
                span.set_attribute("messaging.message.id", self._shown(message_id))
        return _MessageSpan(span)

    def http_request(self, target: observation.Target, method: str, url: str) -> observation.HttpRequest:
        """Begin the span of a request; the platform's own calls before the first message have none."""
        if target == "platform" and not get_current_span().get_span_context().is_valid:
            return super().http_request(target, method, url)
        known = method.upper()
        known = known if known in _METHODS else "_OTHER"
        address = {
            name: self._shown(value, _LONGEST_URL) if isinstance(value, str) else value
            for name, value in _address(url, hides_accounts=target == "platform").items()
        }
        attributes = {"http.request.method": known, "shipmate.target": target, **address}
        return _RequestSpan(self._span("HTTP" if known == "_OTHER" else known, SpanKind.CLIENT, attributes))

    def refresh(self) -> observation.Refresh:
        """Begin the span of a refresh."""
        return _RefreshSpan(self._span("refresh keys", SpanKind.INTERNAL, {}))

    def error(self, code: str, formatted: Mapping[str, Any]) -> None:
        """Note the code of an error in the span of its message, or the class if it is not the runtime's error."""
        message = get_value(_MESSAGE)
        if isinstance(message, _MessageSpan):
            message.failed(code if code != "other" else self._shown(formatted.get("name")))

    def flush(self) -> None:
        """Export the remaining spans within some seconds, since the process ends without the SDK's shutdown."""
        flush = getattr(self._provider, "force_flush", None)
        if flush is not None:
            thread = threading.Thread(target=flush, name="shipmate-traces", daemon=True)
            thread.start()
            thread.join(_FLUSH_SECONDS)

    def _shown(self, value: object, longest: int = _LONGEST_ID) -> str:
        """Return a foreign text without secrets, and without lone surrogates, which make a whole export fail."""
        return self._redact(str(value))[:longest].encode("utf-8", "backslashreplace").decode()

    def _span(
        self, name: str, kind: SpanKind, attributes: Mapping[str, str | int], context: Context | None = None
    ) -> Span:
        """Begin a span, by default below the thread's current one; return a span that does nothing if that fails."""
        try:
            return self._tracer.start_span(name, context=context, kind=kind, attributes=attributes)
        except Exception as error:  # the edge to the operator's SDK: the work goes on without a trace
            _log.warning("a span cannot begin: %s", type(error).__name__)
            return INVALID_SPAN


class _Current:
    """Makes a span the current one of its thread within a block."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: Span) -> None:
        self._span = span

    def __enter__(self) -> Self:
        self._token = attach(set_span_in_context(self._span))
        return self

    def _leave(self) -> None:
        detach(self._token)

    def _fail(self, error: str) -> None:
        self._span.set_attribute("error.type", error)
        self._span.set_status(StatusCode.ERROR)

    def _end(self) -> None:
        try:
            self._span.end()
        except Exception as error:  # the edge to the operator's SDK: a message is settled all the same
            _log.warning("a span cannot be exported: %s", type(error).__name__)


class _MessageSpan(_Current, observation.Message):
    """The span of a message: the current one while the message is on its thread, and open until it is settled."""

    __slots__ = ("_error",)

    def __init__(self, span: Span) -> None:
        super().__init__(span)
        self._error = ""

    def __enter__(self) -> Self:
        self._token = attach(set_value(_MESSAGE, self, set_span_in_context(self._span)))
        return self

    def __exit__(self, *failure: object) -> None:
        self._leave()

    def headers(self, metadata: dict[str, Any]) -> dict[str, Any]:
        """Replace the trace context of the delivery by that of the message's span."""
        context: dict[str, str] = {}
        _PROPAGATOR.inject(context, set_span_in_context(self._span))
        if not context:
            return metadata
        others = {name: value for name, value in metadata.items() if name not in _HEADERS}
        return {**others, **{header: context[name] for header, name in _HEADERS.items() if name in context}}

    def failed(self, error: str) -> None:
        """Note an error; the first one says why the message fails."""
        self._error = self._error or error

    def settled(self, outcome: observation.Outcome) -> None:
        self._span.set_attribute("shipmate.outcome", outcome)
        if outcome == "error":
            self._fail(self._error or "_OTHER")
        self._end()


class _RequestSpan(_Current, observation.HttpRequest):
    __slots__ = ()

    def answered(self, status: int) -> None:
        self._span.set_attribute("http.response.status_code", status)
        if status >= _LEAST_ERROR:
            self._fail(str(status))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave()
        if kind is not None:
            self._fail(kind.__name__)
        self._end()


class _RefreshSpan(_Current, observation.Refresh):
    __slots__ = ("_outcome",)

    def __init__(self, span: Span) -> None:
        super().__init__(span)
        self._outcome = ""

    def answered(self, answer: str) -> None:
        self._outcome = answer

    def adopted(self) -> None:
        self._outcome = "adopted"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave()
        self._span.set_attribute("shipmate.refresh.outcome", self._outcome or ("failed" if error else "unchanged"))
        if error is not None:
            self._fail(code_of(error))
        self._end()


def _carried(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return the context of a trace in the headers of a message, without values that are malformed.

    OpenTelemetry would write a malformed ``tracestate`` into the log, whatever its sender has put into it.

    >>> _carried({"X-Eio-Meta-Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "threadId": "t"})
    {'traceparent': '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'}

    Source: W3C Trace Context §3.2, §3.3.
    """
    found = ((_HEADERS.get(name.lower()), value) for name, value in metadata.items() if isinstance(name, str))
    context = {
        name: value for name, value in found if name and isinstance(value, str) and len(value) <= _LONGEST_HEADER
    }
    if not _TRACEPARENT.fullmatch(context.get("traceparent", "")):
        return {}
    state = [each for member in context.pop("tracestate", "").split(",") if (each := member.strip(" \t"))]
    keys = {member.partition("=")[0] for member in state}
    if state and len(keys) == len(state) <= _MOST_MEMBERS and all(_MEMBER.fullmatch(each) for each in state):
        context["tracestate"] = ",".join(state)
    return context


def _address(url: str, *, hides_accounts: bool) -> dict[str, str | int]:
    """Return the attributes of a URL, without its query and its user; none for a malformed one.

    >>> _address("https://ada:secret@api.example/v1/accounts/7?key=secret#top", hides_accounts=True)
    {'url.full': 'https://api.example/v1/accounts/***', 'server.address': 'api.example', 'server.port': 443}
    """
    from urllib3.util import parse_url  # 20 ms, and loaded by then

    try:
        parts = parse_url(url.lstrip())
    except ValueError:
        return {}
    scheme, host = parts.scheme or "", parts.host or ""
    if scheme not in _PORTS or not host:
        return {}
    path = _ACCOUNT.sub(r"\1***", parts.path or "/") if hides_accounts else parts.path or "/"
    port = "" if parts.port is None else f":{parts.port}"
    return {
        "url.full": f"{scheme}://{host}{port}{path}",
        "server.address": host.strip("[]"),
        "server.port": parts.port or _PORTS[scheme],
    }
