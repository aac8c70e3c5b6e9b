"""The functions that stand in for standard components."""

import io
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from shipmate import Context
from shipmate.flow.builtin import descriptor_of, process_of, reply, router, timer, webhook
from shipmate.flow.builtin.router import Branch
from shipmate.flow.expressions import Expression, ExpressionError
from shipmate.flow.graph import Node
from shipmate.flow.standard import StandardFunction, standard_functions


class Calls:
    """A context that records the emitted events."""

    def __init__(self, variables: Mapping[str, str] | None = None, files: Mapping[str, bytes] | None = None) -> None:
        self.emitted: list[tuple[str, Any]] = []
        self.stored: list[tuple[bytes, str]] = []
        attachments = SimpleNamespace(open=lambda url: io.BytesIO((files or {})[url]))
        self.context = Context(
            lambda event, value: self.emitted.append((event, value)),
            log_fields=dict.fromkeys(("thread_id", "message_id", "parent_message_id")),
            open_oauth2=lambda options, cfg: pytest.fail("no stand-in needs a session"),
            open_session=lambda options, cfg: pytest.fail("no stand-in needs a session"),
            api=lambda: SimpleNamespace(objects=SimpleNamespace(create=self._store)),  # type: ignore[arg-type, return-value]
            attachments=lambda: attachments,  # type: ignore[arg-type, return-value]
            flow_variables=variables or {},
        )

    def _store(self, content: bytes, content_type: str) -> str:
        self.stored.append((content, content_type))
        return "object-1"

    @property
    def messages(self) -> list[Any]:
        return [value for event, value in self.emitted if event == "data"]


def standard(component: str) -> list[StandardFunction]:
    """Return the functions of a standard component."""
    node = Node(
        id="step", component=component, team=None, function="", name="", fields={}, account=None, secret=None,
        service=None, is_first=False, is_error_handler=False, prefetch=1, containers=1, has_passthrough=True,
        log_level="info", pointer="",
    )  # fmt: skip
    return list(standard_functions(node).values())


def routed(*conditions: str, default: bool = False) -> tuple[Calls, list[str]]:
    """Send one message through a router, and return the keys of the branches that got it."""
    calls = Calls()
    branches = [Branch(f"to{n}", Expression(text), f"key{n}") for n, text in enumerate(conditions)]
    if default:
        branches.append(Branch("else", None, "default"))
    router.function(branches)(calls.context, {"id": "m1", "body": {"n": 1}, "headers": {"a": 1}}, {}, {})
    return calls, [each["headers"]["x-eio-routing-key"] for each in calls.messages]


def test_a_router_sends_a_copy_into_each_true_branch() -> None:
    calls, keys = routed("n = 1", "n = 2", "true", default=True)

    assert keys == ["key0", "key2"]
    assert calls.messages[0] == {"id": "m1", "body": {"n": 1}, "headers": {"a": 1, "x-eio-routing-key": "key0"}}


def test_the_default_branch_gets_what_no_other_gets() -> None:
    assert routed("n = 2", "false", default=True)[1] == ["default"]


def test_without_a_true_branch_and_a_default_the_message_ends() -> None:
    assert routed("false")[1] == []


@pytest.mark.parametrize(
    ("condition", "is_true"),
    [
        ("[]", True),
        ("{}", True),
        ('"0"', True),
        ("n", True),
        ('""', False),
        ("0", False),
        ("null", False),
        ("x", False),
    ],
)
def test_a_condition_counts_as_in_javascript_and_warns(
    condition: str, is_true: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert bool(routed(condition)[1]) is is_true
    assert "is no boolean" in caplog.text


def test_a_failing_condition_is_one_error_and_nothing_is_sent() -> None:
    calls = Calls()
    branches = [Branch("a", Expression("true"), "a"), Branch("b", Expression('$number("x")'), "b")]

    with pytest.raises(ExpressionError, match="D3030"):
        router.function(branches)(calls.context, {"body": {}}, {}, {})

    assert calls.emitted == []


def test_a_condition_sees_body_passthrough_and_variables() -> None:
    calls = Calls({"site": "web"})
    message = {"body": {"a": 1}, "passthrough": {"step_1": {"body": {"b": 2}}}}
    condition = 'a = 1 and $getPassthrough().step_1.body.b = 2 and $getFlowVariables().site = "web"'

    router.function([Branch("a", Expression(condition), "a")])(calls.context, message, {}, {})

    assert len(calls.messages) == 1


@pytest.mark.parametrize("body", [None, [], "text", 7])
def test_a_body_without_members_goes_to_the_default_branch(body: Any) -> None:
    calls = Calls()

    router.function([Branch("a", Expression("a = 1"), "a"), Branch("b", None, "b")])(
        calls.context, {"body": body}, {}, {}
    )

    assert [each["headers"] for each in calls.messages] == [{"x-eio-routing-key": "b"}]


def test_a_router_replaces_a_routing_key_of_the_message() -> None:
    """Otherwise the sender would choose the next step."""
    calls = Calls()
    message = {"body": {}, "headers": {"X-EIO-Routing-Key": "elsewhere"}}

    router.function([Branch("a", Expression("true"), "a")])(calls.context, message, {}, {})

    assert calls.messages[0]["headers"] == {"x-eio-routing-key": "a"}


def test_the_timer_emits_its_tick_and_keeps_the_last_one() -> None:
    calls = Calls()

    timer.process(calls.context, {"body": {}}, {}, {"lastPoll": "2026-01-01T00:00:00.000Z"})

    (data, snapshot) = calls.emitted
    assert data[1]["body"]["lastPoll"] == "2026-01-01T00:00:00.000Z"
    assert snapshot == ("snapshot", {"lastPoll": data[1]["body"]["fireTime"]})
    assert datetime.fromisoformat(data[1]["body"]["fireTime"]).tzinfo == UTC


@pytest.mark.parametrize(
    ("cfg", "last_poll"),
    [({}, "1970-01-01T00:00:00.000Z"), ({"startTime": "2020-05-01T00:00:00.000Z"}, "2020-05-01T00:00:00.000Z")],
)
def test_the_first_tick_begins_at_the_start_time(cfg: dict[str, Any], last_poll: str) -> None:
    calls = Calls()

    timer.process(calls.context, {"body": {}}, cfg, {})

    assert calls.messages[0]["body"]["lastPoll"] == last_poll


@pytest.mark.parametrize(
    "cfg", [{"startTime": "2999-01-01T00:00:00.000Z"}, {"endTime": "2000-01-01T00:00:00.000Z"}], ids=["early", "late"]
)
def test_the_timer_emits_nothing_outside_its_window(cfg: dict[str, Any]) -> None:
    calls = Calls()

    timer.process(calls.context, {"body": {}}, cfg, {})

    assert calls.emitted == []


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-31T12:00:00Z", "2026-02-30T00:00:00.000Z", 7, ["x"]])
def test_the_timer_refuses_a_malformed_time(text: Any) -> None:
    with pytest.raises(timer.BadTime, match="startTime: expected a time such as"):
        timer.is_in_window({"startTime": text}, datetime.now(UTC))


def test_the_timer_refuses_a_start_behind_the_end() -> None:
    cfg = {"startTime": "2026-02-01T00:00:00.000Z", "endTime": "2026-01-01T00:00:00.000Z"}
    with pytest.raises(timer.BadTime, match="startTime before endTime"):
        timer.is_in_window(cfg, datetime.now(UTC))


def test_the_webhook_passes_the_message_on_and_says_how_it_came() -> None:
    message = {
        "id": "m1",
        "body": {"a": 1},
        "headers": {"reply_to": "r1"},
        "query": {},
        "method": "POST",
        "url": "/hook/f1",
    }

    emitted = webhook.process(Calls().context, message, {}, {})

    assert emitted["id"] == "m1"
    assert emitted["body"] == {
        "a": 1, "_query": {}, "_headers": {"reply_to": "r1"}, "_method": "POST", "_url": "/hook/f1",
    }  # fmt: skip


@pytest.mark.parametrize("body", [[1], "text", None])
def test_the_webhook_adds_nothing_to_a_body_without_members(body: Any) -> None:
    assert webhook.process(Calls().context, {"body": body, "method": "POST"}, {}, {})["body"] == body


def replied(body: Any, **options: Any) -> Calls:
    calls = Calls(**options)
    reply.process(calls.context, {"body": body, "headers": {"reply_to": "r1"}}, {}, {})
    return calls


def test_a_reply_answers_the_caller_and_passes_the_body_on() -> None:
    body = {"responseBody": {"id": 7}, "statusCode": "201", "customHeaders": {"etag": "1"}}

    answer, data = replied(body).messages

    assert answer == {
        "body": {"id": 7},
        "headers": {
            "X-EIO-Routing-Key": "r1", "Content-Type": "application/json", "x-eio-status-code": 201, "etag": "1",
        },
    }  # fmt: skip
    assert data == {"body": body}


def test_without_a_response_body_the_reply_is_the_whole_body() -> None:
    answer, _ = replied({"responseBody": "", "contentType": "text/plain"}).messages

    assert answer["body"] == {"responseBody": "", "contentType": "text/plain"}
    assert answer["headers"]["Content-Type"] == "text/plain"


def test_without_a_caller_there_is_no_reply() -> None:
    calls = Calls()

    reply.process(calls.context, {"body": {"responseBody": "x"}, "headers": {}}, {}, {})

    assert calls.messages == [{"body": {"responseBody": "x"}}]


@pytest.mark.parametrize("status", [199, 1000, "x", None, [200], "nan"])
def test_a_reply_refuses_a_status_that_does_not_exist(status: Any) -> None:
    with pytest.raises(reply.BadReply, match="statusCode: expected a number from 200 to 999"):
        replied({"responseBody": "x", "statusCode": status})


def test_custom_headers_do_not_send_the_reply_elsewhere() -> None:
    answer, _ = replied({"responseBody": "x", "customHeaders": {"x-eio-routing-key": "other"}}).messages

    assert answer["headers"]["X-EIO-Routing-Key"] == "r1"
    assert "x-eio-routing-key" not in answer["headers"]


def test_a_reply_with_an_attachment_copies_the_file_into_the_object_storage() -> None:
    calls = Calls(files={"http://files/1": b"%PDF"})
    body = {"responseUrl": "http://files/1", "contentType": "application/pdf"}

    reply.process_with_attachment(calls.context, {"body": body, "headers": {"reply_to": "r1"}}, {}, {})

    answer, data = calls.messages
    assert calls.stored == [(b"%PDF", "application/pdf")]
    assert answer["body"] == {}
    assert answer["headers"]["x-ipaas-object-storage-id"] == "object-1"
    assert data == {"body": body}


def test_a_reply_with_an_attachment_needs_its_url() -> None:
    with pytest.raises(reply.BadReply, match="responseUrl"):
        reply.process_with_attachment(Calls().context, {"body": {}, "headers": {}}, {}, {})


@pytest.mark.parametrize(
    "standard",
    [
        *standard("simple-trigger"), *standard("timer"), *standard("webhook"), *standard("filter"), *standard("mapper"),
        *standard("jsonata"), *standard("splitter"), *standard("request-reply"),
    ],
    ids=lambda each: f"{each.component}:{each.id}",
)  # fmt: skip
def test_each_standard_function_has_its_stand_in(standard: StandardFunction) -> None:
    assert callable(process_of(standard))
    assert (descriptor_of(standard).id, descriptor_of(standard).kind) == (standard.id, standard.kind)


def test_the_router_is_made_of_its_branches() -> None:
    with pytest.raises(KeyError):
        process_of(StandardFunction("router", "route", "action"))
