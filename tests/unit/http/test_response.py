"""The response of the lean path: what is built late is as if it had been there from the start."""

import copy
import gzip
import pickle
from typing import Any

import pytest
import requests
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict

from shipmate.errors import ResponseTooLarge
from shipmate.http.connection import Answer
from shipmate.http.limits import within
from shipmate.http.request import Sent
from shipmate.http.response import LeanResponse

FIELDS = [("Content-Type", "text/plain; charset=utf-8"), ("Set-Cookie", "a=b"), ("X-A", "1"), ("x-a", "2")]


def response(
    body: bytes = b"text", *fields: tuple[str, str], status: int = 200, max_bytes: int | None = None
) -> LeanResponse:
    sent = Sent("POST", "http://a.example/b?c=d", {"X-Sent": "yes"}, b"sent")
    return LeanResponse(sent, Answer(status, "Fine", [*FIELDS, *fields], body), 0.5, within(max_bytes, 10))


def test_it_is_a_response_of_requests() -> None:
    found = response()
    assert isinstance(found, requests.Response)
    assert found.headers["x-A"] == "1, 2"
    assert found.raw.headers.getlist("X-A") == ["1", "2"]
    assert found.raw.read() == b""
    assert found.cookies.get_dict() == {"a": "b"}
    assert found.encoding == "utf-8"
    assert (found.request.method, found.request.url, found.request.body) == ("POST", found.url, b"sent")
    assert found.request.headers["x-sent"] == "yes"
    assert found.elapsed.total_seconds() == 0.5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("headers", CaseInsensitiveDict({"Y": "z"})),
        ("encoding", "latin-1"),
        ("encoding", None),
        ("request", requests.PreparedRequest()),
        ("raw", None),
        ("cookies", RequestsCookieJar()),
        ("status_code", 299),
        ("_content", b"other"),
    ],
)
def test_authors_may_set_its_attributes(name: str, value: Any) -> None:
    """Hooks do; before the attribute was read, and afterwards."""
    for is_read in (False, True):
        found = response()
        if is_read:
            getattr(found, name)
        setattr(found, name, value)
        assert getattr(found, name) is value


def test_what_is_built_is_built_once() -> None:
    found = response()
    for name in ("headers", "request", "raw", "cookies"):
        assert getattr(found, name) is getattr(found, name)


@pytest.mark.parametrize("again", [copy.copy, lambda found: pickle.loads(pickle.dumps(found))])  # noqa: S301
def test_a_copy_is_a_response_of_requests(again: Any) -> None:
    """Caches keep responses so."""
    copied = again(response())
    assert type(copied) is requests.Response
    assert (copied.text, copied.headers["X-A"], copied.cookies["a"], copied.request.body) == (
        "text",
        "1, 2",
        "b",
        b"sent",
    )
    assert list(copied.iter_content(3)) == [b"tex", b"t"]


def test_cookies_are_noticed_in_any_case() -> None:
    assert response().sets_cookies
    found = LeanResponse(
        Sent("GET", "http://a/", {}, None), Answer(200, "", [("set-cookie", "a=b")], b""), 0, within(None, 1)
    )
    assert found.sets_cookies
    assert not LeanResponse(
        found._sent, Answer(200, "", [("Set-Cookie2", "a=b")], b""), 0, within(None, 1)
    ).sets_cookies


@pytest.mark.parametrize(
    ("status", "location", "is_redirect"), [(302, "/", True), (302, None, False), (200, "/", False)]
)
def test_a_redirect_has_a_status_and_a_location(status: int, location: str | None, is_redirect: bool) -> None:
    fields = [("location", location)] if location else []
    assert response(b"", *fields, status=status).is_redirect is is_redirect


def test_a_packed_body_is_unpacked_up_to_the_limit() -> None:
    found = response(gzip.compress(b"a" * 1000, mtime=0), ("Content-Encoding", "gzip"), max_bytes=1000)
    found.keep_packed()
    assert found.content == b"a" * 1000
    found = response(gzip.compress(b"a" * 1001, mtime=0), ("Content-Encoding", "gzip"), max_bytes=1000)
    found.keep_packed()
    with pytest.raises(ResponseTooLarge):
        found.content  # noqa: B018
