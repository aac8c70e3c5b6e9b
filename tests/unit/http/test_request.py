"""Usual requests are written as requests writes them, and others are left to it."""

from typing import Any

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from shipmate.http.request import LeanRequest, prepare

ODD = [
    "%",
    "%41",
    "%2F",
    "%2f",
    "%2e",
    "..",
    "/",
    "//",
    "?",
    "#",
    "&",
    ";",
    "\\",
    "@",
    ":",
    "[",
    "]",
    " ",
    "\t",
    "\n",
    "ö",
    "€",
]
PIECES = st.lists(st.one_of(st.sampled_from(ODD), st.text("aB09._~!$'()*+,=-|^`{}<>\"", max_size=4)), max_size=8)
TEXTS = PIECES.map("".join)
VALUES = st.one_of(TEXTS, st.integers(), st.none(), st.booleans(), st.lists(TEXTS, max_size=2))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


def both(method: str, url: str, **arguments: Any) -> tuple[LeanRequest | None, requests.PreparedRequest | None]:
    """Return a request as both prepare it; None from requests if it refuses it."""
    lean = prepare(method, url, arguments, None)
    try:
        with requests.Session() as session:
            full = session.prepare_request(requests.Request(method, url, **arguments))
    except (requests.RequestException, ValueError):
        full = None
    return lean, full


@settings(max_examples=200)
@given(
    start=st.sampled_from(["http://a.example", "https://a.example:443", "http://a.example:8080", "HTTP://a.example"]),
    end=TEXTS,
    params=st.one_of(st.none(), st.dictionaries(TEXTS, VALUES, max_size=3)),
)
def test_a_url_is_written_as_by_requests(start: str, end: str, params: Any) -> None:
    lean, full = both("GET", start + end, params=params)
    if lean is None:
        return  # requests sends it
    assert full is not None
    assert lean.sent.url == full.url
    assert lean.head.split(b" ")[1].decode() == full.path_url


@settings(max_examples=200)
@given(host=st.text("aZ09.-_~%:[]@é", max_size=12), path=st.sampled_from(["", "/", "/a", "?b"]))
def test_a_host_is_written_as_by_requests(host: str, path: str) -> None:
    lean, full = both("GET", f"http://{host}{path}")
    if lean is None:
        return  # requests sends it
    assert full is not None
    assert lean.sent.url == full.url


@settings(max_examples=200)
@given(
    method=st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]),
    arguments=st.one_of(
        st.fixed_dictionaries({"json": JSON}),
        st.fixed_dictionaries({"data": st.one_of(TEXTS, st.binary(), st.dictionaries(TEXTS, VALUES, max_size=3))}),
        st.fixed_dictionaries({"data": st.lists(st.tuples(TEXTS, VALUES), max_size=3), "json": JSON}),
    ),
    headers=st.dictionaries(st.sampled_from(["content-type", "X-A", "ACCEPT", "accept"]), st.sampled_from(["a", ""])),
)
def test_a_body_and_its_headers_are_as_by_requests(method: str, arguments: dict[str, Any], headers: Any) -> None:
    lean, full = both(method, "http://a.example/", headers=headers, **arguments)
    if lean is None:
        return  # requests sends it
    assert full is not None
    assert lean.sent.body == full.body
    content = full.body.encode() if isinstance(full.body, str) else full.body
    assert lean.body == (content or b"")
    assert {name.lower(): value for name, value in lean.sent.headers.items()} == {
        name.lower(): value for name, value in full.headers.items()
    }
    fields = dict(line.split(": ", 1) for line in lean.head.decode().split("\r\n")[1:-2])
    assert fields == {"Host": "a.example", **lean.sent.headers}


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example", "https://a.example/", "http://127.0.0.1:8080/a/b.json?c=d&e=f%20g", "http://a/%C3%B6",
        "https://x-1.a_b.example:8443/v1/items;a=b/(c)?q=a:b@c/d?e",
    ],
)  # fmt: skip
def test_usual_urls_are_not_left_to_requests(url: str) -> None:
    lean, full = both("GET", url)
    assert lean is not None
    assert full is not None
    assert lean.sent.url == full.url


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://a.example:80/", b"a.example"), ("https://a.example:443/", b"a.example"),
        ("http://a.example:443/", b"a.example:443"), ("https://a.example:80/", b"a.example:80"),
        ("http://a.example:8080/", b"a.example:8080"),
    ],
)  # fmt: skip
def test_the_default_port_is_not_sent(url: str, host: bytes) -> None:
    """RFC 9110 §4.2.3; the URL of the response keeps it."""
    lean = prepare("GET", url, {}, None)
    assert lean is not None
    assert b"\r\nHost: " + host + b"\r\n" in lean.head
    assert lean.sent.url == url
