"""Spans of messages, requests and refreshes, as an SDK in memory gets them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from shipmate import observation
from shipmate.container.startup import Installation
from shipmate.container.step import Step
from shipmate.emulator import DemoApi, OAuth2Provider, Platform
from shipmate.settings import StepSettings
from tests.container import COMPONENT
from tests.memory_transport import ObservedTransport
from tests.spans import PARENT, TRACE, TRACEPARENT, Spans, attributes, header, is_below, place, spans
from tests.station import StartInMemory, commands, environ_without_broker

__all__ = ["spans"]

OWN = """
import asyncio, threading
from opentelemetry.trace import get_current_span

def note(place):
    get_current_span().set_attribute(place, True)

def process(context, msg, cfg, snapshot):
    note("plain")
    return each(context)

async def each(context):
    note("coroutine")
    await asyncio.gather(one(context), asyncio.to_thread(note, "thread"))
    yield {"body": 1}
    note("generator")

async def one(context):
    note("task")
    await context.emit("data", {"body": 2})
"""


def test_a_message_is_one_span_below_the_span_of_the_step_before(spans: Spans, start_in_memory: StartInMemory) -> None:
    """Its names are those of the conventions for messaging."""
    headers = {"x-eio-meta-traceparent": TRACEPARENT, "threadId": "t1", "messageId": "m1"}
    done = start_in_memory().deliver(commands(**{"return": {"body": 1}}), headers=headers)
    span = spans.only
    assert (span.name, span.kind) == ("process step", SpanKind.CONSUMER)
    assert place(span) == (TRACE, PARENT)
    assert attributes(span) == {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "step",
        "messaging.message.id": "m1",
        "messaging.message.conversation_id": "t1",
        "shipmate.thread.id": "t1",
        "shipmate.flow.id": "flow",
        "shipmate.step.id": "step",
        "shipmate.component.id": "component",
        "shipmate.function": "commands",
        "shipmate.outcome": "success",
    }
    assert span.status.status_code is StatusCode.UNSET
    assert [each.headers["x-eio-meta-traceparent"] for each in done.data] == [header(span)]


def test_every_event_names_the_span_of_its_message(spans: Spans, start_in_memory: StartInMemory) -> None:
    """Also errors: a step that handles them belongs to the trace. The other headers that travel are as without it."""
    emits = [["emit", "data", {"body": 1}], ["emit", "error", "no"], ["emit", "snapshot", {}]]
    headers = {"X-Eio-Meta-Own": "kept", "x-eio-meta-traceparent": TRACEPARENT, "x-eio-meta-tracestate": "a=1,b=2"}
    done = start_in_memory().deliver(commands(*emits), headers=headers)
    for each in (*done.data, *done.errors, *done.snapshots):
        own = {name: value for name, value in each.headers.items() if name.startswith("x-eio-meta-")}
        assert own == {
            "x-eio-meta-own": "kept",
            "x-eio-meta-traceparent": header(spans.only),
            "x-eio-meta-tracestate": "a=1,b=2",
        }
    assert [len(events) for events in (done.data, done.errors, done.snapshots)] == [1, 1, 1]


@pytest.mark.parametrize(
    "value",
    [
        b"\xff",
        7,
        None,
        "",
        "garbage",
        f"00-{'0' * 32}-{PARENT}-01",
        TRACEPARENT.upper(),
        TRACEPARENT + "-" * 100_000,
        f"{TRACEPARENT}\n",
        f" {TRACEPARENT}",
        f"ff{TRACEPARENT[2:]}",
        f"{TRACEPARENT}-more",
    ],
)
def test_a_header_that_names_no_span_begins_a_trace(
    spans: Spans, start_in_memory: StartInMemory, value: object
) -> None:
    """What a stranger has written costs neither the message nor time."""
    headers = {"x-eio-meta-traceparent": value, "x-eio-meta-tracestate": " " * 100_000}
    done = start_in_memory().deliver(commands(**{"return": {"body": 1}}), headers=headers)
    assert done.is_success
    assert place(spans.only)[1] == ""
    assert done.data[0].headers["x-eio-meta-traceparent"] == header(spans.only)
    assert "x-eio-meta-tracestate" not in done.data[0].headers


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a=1", "a=1"),
        (" a=1 ,\tb= 2,, 3t*_-/@v=x ", "a=1,b= 2,3t*_-/@v=x"),
        (",".join(f"k{number}=v" for number in range(32)), ",".join(f"k{number}=v" for number in range(32))),
        (",".join(f"k{number}=v" for number in range(33)), None),
        (f"a={'v' * 256}", f"a={'v' * 256}"),
        (f"a={'v' * 257}", None),
        *[
            (text, None)
            for text in (",", "a", "a=", "=1", "A=1", "1=1", "a=1,a=2", "a=1=2", "a=\u00e9", "a=1\n", "a=\ud800")
        ],
        ("a=1,Bearer of a secret", None),
    ],
)
def test_a_malformed_tracestate_is_dropped_and_not_logged(
    spans: Spans, start_in_memory: StartInMemory, value: str, expected: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """OpenTelemetry warns about it with the whole text, for each message."""
    headers = {"x-eio-meta-traceparent": TRACEPARENT, "x-eio-meta-tracestate": value}
    done = start_in_memory().deliver(commands(**{"return": {"body": 1}}), headers=headers)
    assert done.data[0].headers.get("x-eio-meta-tracestate") == expected
    assert place(spans.only) == (TRACE, PARENT)
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


def test_the_name_of_a_header_may_have_capitals(spans: Spans, start_in_memory: StartInMemory) -> None:
    """Contract 5.1: its letters may be of any case."""
    start_in_memory().deliver(commands(), headers={"X-Eio-Meta-TraceParent": TRACEPARENT})
    assert place(spans.only) == (TRACE, PARENT)


def test_texts_of_others_can_be_exported(spans: Spans, start_in_memory: StartInMemory) -> None:
    """A lone surrogate would lose all spans of its batch, and a long text makes them expensive."""
    spans.redactor.add("token-of-the-account")
    thread = "\ud800 token-of-the-account" + "x" * 100_000
    start_in_memory().deliver(
        commands(["emit", "error", {"name": "\udfff", "message": ""}]), headers={"threadId": thread}
    )
    with observation.current.http_request("api", "GET", "https://api.example/\ud800" + "x" * 100_000):
        pass
    assert encode_spans(spans.all).ByteSize() < 4000
    assert attributes(spans.all[0])["shipmate.thread.id"].startswith("\\ud800 ***xxx")


def test_a_trace_that_is_not_sampled_stays_so(spans: Spans, start_in_memory: StartInMemory) -> None:
    """The first step decides for all others."""
    headers = {"x-eio-meta-traceparent": TRACEPARENT[:-2] + "00"}
    done = start_in_memory().deliver(commands(**{"return": {"body": 1}}), headers=headers)
    assert spans.all == ()
    assert done.data[0].headers["x-eio-meta-traceparent"].startswith(f"00-{TRACE}-")
    assert done.data[0].headers["x-eio-meta-traceparent"].endswith("-00")


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (commands(["raise", "the secret of Ada"]), "ValueError"),
        (commands(["emit", "error", {"name": "Ours", "message": "the secret of Ada"}]), "Ours"),
        (commands(["emit", "data", 7]), "invalid_message"),
    ],
    ids=["exception", "event", "of the runtime"],
)
def test_a_failed_message_has_the_kind_of_its_error_and_no_text(
    spans: Spans, start_in_memory: StartInMemory, message: dict[str, Any], error: str
) -> None:
    """Texts of errors quote bodies."""
    start_in_memory().deliver(message)
    span = spans.only
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert (attributes(span)["error.type"], attributes(span)["shipmate.outcome"]) == (error, "error")
    assert "Ada" not in span.to_json()
    assert span.events == ()


def test_a_message_that_cannot_be_decoded_is_a_failed_span(spans: Spans, start_in_memory: StartInMemory) -> None:
    """It keeps its place in the trace."""
    start_in_memory().deliver_raw(b"undecodable", {"x-eio-meta-traceparent": TRACEPARENT})
    assert place(spans.only) == (TRACE, PARENT)
    assert attributes(spans.only)["error.type"] == "undecodable"


def test_a_message_that_is_sent_back_is_no_failure(spans: Spans, start_in_memory: StartInMemory) -> None:
    """It comes again, and then has a span of its own below the same parent."""
    start_in_memory().deliver(commands(["emit", "rebound", "later"]))
    assert attributes(spans.only)["shipmate.outcome"] == "rebound"
    assert spans.only.status.status_code is StatusCode.UNSET


def test_a_span_is_open_until_its_outputs_are_confirmed(spans: Spans, start_in_memory: StartInMemory) -> None:
    """The function has returned by then, and the thread works on another message."""
    station = start_in_memory()
    station.transport.hold()
    body = station.cipher.encode(b'{"body": {"return": {"body": 1}}}', 1)
    station.transport.deliver(body, {})
    assert spans.all == ()
    station.transport.confirm()
    assert attributes(spans.only)["shipmate.outcome"] == "success"


def test_the_span_of_the_message_is_the_current_one_wherever_the_function_runs(
    spans: Spans, new_step: Callable[..., Step], transport: ObservedTransport, tmp_path: Path
) -> None:
    """So authors make spans below it, in plain and async functions, tasks and generators."""
    (tmp_path / "component.json").write_text(json.dumps({"actions": {"own": {"main": "./own.py"}}}))
    (tmp_path / "own.py").write_text(OWN)
    step = new_step("own", folder=tmp_path)
    loaded = step.start()
    step.consume(loaded)
    transport.deliver(loaded.resources.codec.encrypted_json({"body": {}}), {})
    assert transport.wait_until_idle(10)
    loaded.services.loops.close()
    assert {"plain", "coroutine", "task", "thread", "generator"} <= set(attributes(spans.only))


class BrokenAtStart(SpanProcessor):
    def on_start(self, span: Span, parent_context: object = None) -> None:
        raise RuntimeError("broken at the start")


class BrokenAtEnd(SpanProcessor):
    def on_end(self, span: ReadableSpan) -> None:
        raise RuntimeError("broken at the end")


@pytest.mark.parametrize("broken", [BrokenAtStart, BrokenAtEnd])
def test_a_broken_sdk_costs_no_message(
    spans: Spans, start_in_memory: StartInMemory, broken: type[SpanProcessor]
) -> None:
    """A message is settled whatever the operator's code raises."""
    spans.provider.add_span_processor(broken())
    assert start_in_memory().deliver(commands(**{"return": {"body": 1}})).is_success


@pytest.mark.parametrize(
    ("target", "url", "shown"),
    [
        ("api", "https://ada:pw@api.example/a/b?key=1#top", "https://api.example/a/b"),
        ("api", "http://api.example:8080", "http://api.example:8080/"),
        ("api", "https://api.example/bot-of-the-account/send", "https://api.example/***/send"),
        ("api", "https://api.example/v1/accounts/7", "https://api.example/v1/accounts/7"),
        ("platform", "https://api.example/v1/accounts/7", "https://api.example/v1/accounts/***"),
        ("platform", "https://x/v2/workspaces/w/secrets/7/refresh", "https://x/v2/workspaces/w/secrets/***/refresh"),
        ("api", "http://[::1]:8080/a", "http://[::1]:8080/a"),
        ("api", "http://[::1", None),
        ("api", "mailto:ada@example.com", None),
    ],
)
def test_an_address_has_no_user_no_query_no_secret_and_no_account(
    spans: Spans, target: observation.Target, url: str, shown: str | None
) -> None:
    """The redactor knows the secrets of the account."""
    spans.redactor.add("bot-of-the-account")
    with spans.provider.get_tracer("test").start_as_current_span("message"):
        with observation.current.http_request(target, "get", url) as observed:
            observed.answered(200)
    span = spans.all[0]
    assert (span.name, span.kind) == ("GET", SpanKind.CLIENT)
    assert attributes(span).get("url.full") == shown
    assert attributes(span)["http.response.status_code"] == 200
    assert span.status.status_code is StatusCode.UNSET


def test_a_request_that_fails_says_how(spans: Spans) -> None:
    """By the status, or by the class of the exception."""
    with observation.current.http_request("api", "BREW", "https://api.example/a") as observed:
        observed.answered(418)
    with pytest.raises(TimeoutError), observation.current.http_request("api", "POST", "https://api.example/a"):
        raise TimeoutError("the secret of Ada")
    assert [(span.name, attributes(span)["error.type"]) for span in spans.all] == [
        ("HTTP", "418"),
        ("POST", "TimeoutError"),
    ]
    assert {span.status.status_code for span in spans.all} == {StatusCode.ERROR}
    assert attributes(spans.all[0])["http.request.method"] == "_OTHER"
    assert "Ada" not in spans.all[1].to_json()


def test_the_platform_calls_before_the_first_message_are_no_traces(
    spans: Spans, start_in_memory: StartInMemory
) -> None:
    """Each container reads its step's data; a trace for that alone tells nothing about a flow."""
    start_in_memory()
    assert spans.all == ()


def test_a_refresh_is_a_span_between_the_message_and_its_requests(
    spans: Spans, transport: ObservedTransport, process_state: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token request and the saving of the keys are below it; no secret and no account is in any of them."""
    with OAuth2Provider({"demo-client": "demo-secret-of-nobody"}) as provider, DemoApi(provider) as api:
        keys = provider.issue(expired=True)
        steps = {"flow": {"step": {"config": {"_account": "acc-of-ada"}}}}
        with Platform(steps=steps, accounts={"acc-of-ada": {"oauth": keys}}) as platform:
            values = {
                **environ_without_broker(platform, FUNCTION="calls"),
                "TEST_PROVIDER": provider.url,
                "TEST_CLIENT_ID": "demo-client",
                "TEST_CLIENT_SECRET": "demo-secret-of-nobody",
            }
            monkeypatch.setenv("TEST_API", api.url)
            installation = Installation(COMPONENT, values, spans.redactor)
            step = Step(StepSettings.from_environ(values), installation, transport.made)
            loaded = step.start()
            step.consume(loaded)
            transport.deliver(loaded.resources.codec.encrypted_json({"body": {}}), {})
            assert [is_success for _, is_success in transport.settled] == [True]
            step._events.close()
    (message,), (refresh,) = spans.named("process step"), spans.named("refresh keys")
    assert is_below(refresh, message)
    assert attributes(refresh)["shipmate.refresh.outcome"] == "granted"
    assert {shown(each) for each in spans.all if is_below(each, refresh)} == {
        "GET /v1/tasks/flow/steps/step 200",
        "POST /token 200",
        "PUT /v1/accounts/*** 200",
    }
    assert [shown(each) for each in spans.all if is_below(each, message)] == [
        "GET /me 401",
        "refresh keys",
        "GET /me 200",
    ]
    text = "".join(span.to_json() for span in spans.all)
    secrets = [keys["access_token"], keys["refresh_token"], "demo-secret-of-nobody", "acc-of-ada"]
    assert [each for each in secrets if each in text] == []


def shown(span: ReadableSpan) -> str:
    """Return a span's name, path and status."""
    found = attributes(span)
    path = urlsplit(found.get("url.full", "")).path
    return f"{span.name} {path} {found['http.response.status_code']}" if path else span.name
