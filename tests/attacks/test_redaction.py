"""Texts that are meant to occupy the redactor: its work grows no faster than they do."""

import random
import string
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from shipmate.logs.redaction import Redactor

JWT_HEAD = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9."
UNITS = [
    *("token", "x-token", "x-gkey", "token=", "token=a&", '"token":"a",', "api_key:", "tokentoken ", "secret\\\\\\"),
    *("authorization", "authorization: ", 'authorization":"', "cookie='", 'Digest a="b",', "bearer ", "basic "),
    *("-----BEGIN PRIVATE KEY-----", "eyJ", "-eyJ----Y.", JWT_HEAD, "a://", "a://b@", "+A0", "?key=a", "code="),
    *("<token>", "<token ", "<token>a</token>", "<token><![CDATA[", "&lt;token&gt;", '{"name":"token","value":"a"},'),
    *("%41", "%41a", "%25", "%", "\\", "\\n", "\\u0041", "\\ud83d", "&amp;", "&#65;", "&a", "+", " ", "\n", '"', "a"),
]


def work(do: Callable[[], Any]) -> int:
    """Return the number of function calls, C functions included."""
    calls = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        do()
    finally:
        sys.setprofile(None)
    return calls


def text_of(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


@pytest.mark.parametrize("unit", UNITS)
def test_twice_the_text_is_twice_the_work(unit: str) -> None:
    redactor = Redactor()
    redactor.add("token-of-the-account", "hunter2")
    once = work(lambda: redactor.redact(text_of(unit, 10_000)))
    assert work(lambda: redactor.redact(text_of(unit, 20_000))) <= 2.2 * once + 100


@pytest.mark.timeout(10)
@pytest.mark.parametrize("unit", UNITS)
def test_a_long_text_takes_no_time_that_anyone_notices(unit: str) -> None:
    # Seconds with quadratic work; a hundredth of that without.
    redactor = Redactor()
    redactor.add("token-of-the-account")
    redactor.redact(text_of(unit, 300_000))


def test_the_number_of_secrets_that_start_alike_does_not_matter() -> None:
    choose = random.Random(1).choices  # noqa: S311  no keys
    tokens = [f"{JWT_HEAD}{''.join(choose(string.ascii_letters, k=300 + number % 300))}" for number in range(1000)]
    few, many = Redactor(), Redactor()
    few.add(*tokens[:10])
    many.add(*tokens)
    text = text_of(JWT_HEAD, 50_000)
    assert work(lambda: many.redact(text)) <= work(lambda: few.redact(text)) + 100
    assert many.redact(f"<{tokens[0]}> <{tokens[999]}>") == "<***> <***>"


def test_values_that_are_nested_deeply_are_hidden_as_a_whole() -> None:
    value: Any = "hunter2"
    for _ in range(50_000):
        value = {"a": [value]}
    redactor = Redactor()
    redactor.add_mapping({"token": value})
    assert redactor.redact_json(value) == "***"
    assert redactor.redact("hunter2") == "***"
