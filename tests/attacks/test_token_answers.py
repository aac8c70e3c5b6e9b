"""Answers of a token endpoint that are meant to cost time or memory, or to break the rules that read them."""

import json
import tracemalloc
from typing import Any

import pytest

from shipmate.oauth2.failures import KnownFailures
from shipmate.oauth2.seen_tokens import SeenTokens
from shipmate.oauth2.token_response import Busy, Granted, Misconfigured, Refused, Uncertain, Unusable, understand

ANSWERS = Granted | Refused | Misconfigured | Busy | Uncertain | Unusable


def nested(depth: int, opening: str, closing: str) -> bytes:
    return (opening * depth + closing * depth).encode()


@pytest.mark.parametrize("status", [200, 400, 401, 500, 999])
@pytest.mark.parametrize(
    "body",
    [
        nested(900, "[", "]"),
        b'{"error": "invalid_grant", "error_description": ' + nested(900, "[", "]") + b"}",
        b'{"error": ' + nested(900, '{"error": ', "}").replace(b": }", b": 1}") + b"}",
        b'{"message": {"message": {"error": [{}, [], null, 1e999, NaN]}}}',
        b'{"error": ["invalid_grant"], "error_uri": {}, "expires_at": []}',
        b'{"error": "\\ud800", "error_description": "\\udfff"}',
        b'{"access_token": "a", "expires_in": ' + b"9" * 5000 + b"}",
        b"a=" + b"%" * 1000,
        b"\x00" * 1000,
    ],
)
@pytest.mark.parametrize(
    "content_type", [None, "x; charset=utf-16", "charset=" + "x" * 99, "charset==", "charset=\x00"]
)
def test_no_answer_breaks_the_rules(status: int, body: bytes, content_type: str | None) -> None:
    """Each one has a meaning."""
    assert isinstance(understand(status, body, content_type=content_type), ANSWERS)


@pytest.mark.parametrize("charset", ["punycode", "idna", "unicode_escape", "unicode+escape", "raw-unicode-escape"])
def test_python_s_own_encodings_are_not_used(charset: str) -> None:
    """Decoding some of them takes quadratic time."""
    body = b'{"access_token": "a", "x": "' + b"a" * 200_000 + b'-b"}'
    assert isinstance(understand(200, body, content_type=f"application/json; charset={charset}"), Granted)


@pytest.mark.parametrize(
    "text",
    [
        "refresh token " * 60_000,
        "grant " * 100_000,
        "AADSTS" * 100_000,
        "a_" * 300_000,
        "aB" * 300_000,
        "charset" * 90_000,
    ],
)
@pytest.mark.parametrize("shape", [{"error": "e", "error_description": "{}"}, {"errors": ["{}"] * 3}, {"error": "{}"}])
def test_long_texts_are_read_in_linear_time(text: str, shape: dict[str, Any]) -> None:
    """A megabyte of words that the rules look for; quadratic work on it would not end within the test's time."""
    body = json.dumps(shape).replace("{}", text).encode()
    assert isinstance(understand(400, body, content_type=f"x; {text[:60_000]}"), ANSWERS)


def test_years_of_refreshes_do_not_grow_the_process() -> None:
    """Neither the memory of tokens nor that of failures."""
    seen, failures = SeenTokens(), KnownFailures()

    def work(first: int) -> int:
        for number in range(first, first + 5000):
            seen.add({"access_token": f"a{number}", "refresh_token": f"r{number}"})
            failures.add(("client", number), Busy("HTTP 429", 60), until=1e9)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = work(0)
        assert work(5000) - before < 50_000
    finally:
        tracemalloc.stop()
