"""JSON that begins with a byte order mark, wherever JSON comes from outside. Source: RFC 8259 §8.1."""

import codecs
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from rest.answers import read_body
from shipmate.emulator import Fault, Platform, Reply, Server
from shipmate.jsonvalue import InvalidJson, from_json, parse_json
from shipmate.oauth2.token_response import read_members
from shipmate.platform.client import PlatformClient
from shipmate.platform.http_service import NO_AUTH, HttpService, RetryPolicy
from shipmate.settings import ApiSettings
from tests.contract.workbench import Workbench

TYPES = ["application/json", "application/json; charset=utf-8", "application/problem+json; charset=UTF-8"]
VALUES = [b'{"a": 1}', b"[]", b"12345678901234567890123", b'"\\ud800"', b'"\xc3\xbc"', b"null"]


def marked(content: bytes) -> bytes:
    return codecs.BOM_UTF8 + content


@pytest.mark.parametrize("content", VALUES)
def test_messages_files_and_options_may_have_one(content: bytes) -> None:
    """Bytes and texts, as quick and as slow JSON."""
    value = from_json(content)
    assert from_json(marked(content)) == value
    assert from_json(marked(content).decode()) == value
    assert parse_json(marked(content).decode()) == value


@pytest.mark.parametrize("content", [b"", b"{", codecs.BOM_UTF8 + b"{}", b"\xff"])
def test_a_mark_makes_no_json(content: bytes) -> None:
    """Nor do two."""
    with pytest.raises(InvalidJson):
        from_json(marked(content))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as started:
        yield started


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("content", VALUES)
def test_answers_of_apis_may_have_one(bench: Workbench, server: Server, kind: str, content: bytes) -> None:
    """For authors and for the reference component, with a charset in the header and without."""
    bench.keys = bench.provider.issue()
    server.route("GET", "/x", lambda request: Reply(200, marked(content), {"Content-Type": kind}))
    response = bench.session().get(server.url + "/x")
    assert response.json() == from_json(content)
    assert read_body(response) == from_json(content)


@pytest.mark.parametrize("content", [b"{", b"", b"\xff", b"<html>"])
def test_an_answer_of_something_else_is_an_error_as_before(bench: Workbench, server: Server, content: bytes) -> None:
    """Of the kind that requests raises."""
    bench.keys = bench.provider.issue()
    kind = {"Content-Type": "application/json; charset=utf-8"}
    server.route("GET", "/x", lambda request: Reply(200, marked(content), kind))
    with pytest.raises(requests.exceptions.JSONDecodeError):
        bench.session().get(server.url + "/x").json()


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("has_proxy", [True, False])
def test_answers_of_the_platform_may_have_one(server: Server, kind: str, has_proxy: bool) -> None:
    """Step data, secrets and startup data."""
    server.route("GET", "/x", lambda request: Reply(200, marked(b'{"a": 1}'), {"Content-Type": kind}))
    service = HttpService("service", NO_AUTH, RetryPolicy(attempts=1))
    assert service.get_object(server.url + "/x", "answer", has_proxy=has_proxy) == {"a": 1}
    with Platform() as platform:
        client = PlatformClient(ApiSettings.from_environ(platform.environ()))
        answer: dict[str, Any] = {"status": 200, "body": marked(b'{"a": 1}'), "headers": {"Content-Type": kind}}
        platform.script(None, Fault(**answer))
        assert client.startup_data("flow") == {"a": 1}


def test_token_answers_may_have_one() -> None:
    """And the rotated token in them is not lost."""
    assert read_members(marked(b'{"access_token": "a"}')) == {"access_token": "a"}
