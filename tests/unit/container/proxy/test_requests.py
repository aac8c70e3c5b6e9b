"""The paths and bodies of requests."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.container.proxy.requests import claim_body, finish_path, id_text, message_path, poll_path


def test_the_paths_are_those_of_the_contract() -> None:
    """Proxy 18."""
    assert poll_path(20) == "/message?prefetch=20"
    assert message_path("in-1", "data", "my.route") == (
        "/message?incomingMessageId=in-1&type=data&customRoutingKey=my.route"
    )
    assert message_path("in-1", "updateSnapshot", None) == "/message?incomingMessageId=in-1&type=snapshot"
    assert finish_path("in-1", is_success=False) == "/finish-processing?incomingMessageId=in-1&status=error"
    assert claim_body(["in-1"], step_id="step_1", flow_id="flow-1") == (
        b'[{"messageId":"in-1","stepId":"step_1","taskId":"flow-1"}]'
    )


def test_without_a_message_its_id_is_left_out() -> None:
    """PDEF-2: no text "undefined"."""
    assert message_path(None, "error", None) == "/message?type=error"
    assert finish_path(None, is_success=True) == "/finish-processing?status=success"


@pytest.mark.parametrize(
    ("text", "written"),
    [("a b", "a+b"), ("~*-._", "%7E*-._"), ("ä€", "%C3%A4%E2%82%AC"), ("a&b=c?#/", "a%26b%3Dc%3F%23%2F"),
     ("\ud800", "%EF%BF%BD"), ("a+b", "a%2Bb")],
)  # fmt: skip
def test_queries_are_written_as_javascript_does(text: str, written: str) -> None:
    assert message_path(text, "data", None) == f"/message?incomingMessageId={written}&type=data"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_key_reads_back(key: str) -> None:
    assert parse_qs(urlsplit(message_path("in", "data", key)).query)["customRoutingKey"] == [key]


def test_an_id_that_is_no_text_is_written_as_json() -> None:
    assert [id_text(each) for each in (None, "", "a", 7, True)] == [None, None, "a", "7", "true"]
    assert json.loads(claim_body([7], step_id="s", flow_id="f"))[0]["messageId"] == 7
