"""Messages and their encoding."""

import dataclasses
import enum
import json
import math
import uuid
from collections import OrderedDict, namedtuple
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.errors import InvalidMessage, ReauthorizationRequired
from shipmate.invocation.failure import error_text, format_error
from shipmate.invocation.message import check_message, message
from shipmate.jsonvalue import encode, from_json, plain, to_json

SURROGATES = st.text(st.characters())
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | SURROGATES,
    lambda inner: st.lists(inner) | st.dictionaries(SURROGATES, inner),
    max_leaves=20,
)


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Contact:
    name: str


class Text(str):
    def __str__(self) -> str:
        return "something else"


class Whole(int):
    pass


class Real(float):
    pass


Point = namedtuple("Point", "x y")


def test_message_has_only_what_was_given() -> None:
    assert message(None) == {"body": None}
    assert message([1], attachments={}, headers={"a": "b"}) == {"body": [1], "attachments": {}, "headers": {"a": "b"}}


@pytest.mark.parametrize("value", [{"body": None}, MappingProxyType({"body": 1, "else": 2})])
def test_what_has_a_body_is_a_message(value: object) -> None:
    check_message(value)


@pytest.mark.parametrize("value", [{}, {"Body": 1}, None, "body", ["body"], 0])
def test_what_has_no_body_is_refused_with_the_way_to_make_a_message(value: object) -> None:
    with pytest.raises(InvalidMessage, match=r"shipmate\.message"):
        check_message(value)


@given(JSON_VALUES)
def test_json_values_survive_both_directions(value: object) -> None:
    assert from_json(to_json(value)) == value
    assert from_json(to_json(value).decode()) == value
    assert json.loads(to_json(value)) == value


@given(JSON_VALUES)
def test_a_plain_copy_equals_the_value_and_shares_nothing_with_it(value: object) -> None:
    copy = plain(value)
    assert copy == value
    if isinstance(value, dict | list):
        assert copy is not value


@given(st.text() | st.binary())
def test_whatever_is_read_is_a_value_or_a_value_error(data: str | bytes) -> None:
    try:
        value = from_json(data)
    except ValueError:
        return
    assert from_json(to_json(value)) == value or not math.isfinite(0.0 if value is None else 1.0)


def test_what_json_writes_differently_is_converted() -> None:
    value = {
        "tuple": (1, Point(2, 3)),
        "nan": [math.nan, math.inf, -math.inf, Real("nan")],
        "ordered": OrderedDict(a=1),
        "proxy": MappingProxyType({"a": 1}),
        "subclasses": [Text("text"), Whole(5), Real(1.5)],
        Text("name"): True,
    }
    assert from_json(to_json(value)) == {
        "tuple": [1, [2, 3]],
        "nan": [None] * 4,
        "ordered": {"a": 1},
        "proxy": {"a": 1},
        "subclasses": ["text", 5, 1.5],
        "name": True,
    }


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 678000, UTC), "2026-01-02T03:04:05.678Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), "2026-01-02T03:04:05.678901Z"),
        (datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=2))), "2026-01-02T00:00:00+02:00"),
        (datetime(2026, 1, 2, 3, 4), "2026-01-02T03:04:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (time(3, 4, 5), "03:04:05"),
    ],
)
def test_dates_become_iso_8601_text(moment: object, text: str) -> None:
    assert plain([moment]) == [text]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"body": {"a/b": [1, {"~": Decimal("7654321")}]}}, "at /body/a~1b/1/~0"),
        ([{7654321}], "found set at /0"),
        (b"7654321", "found bytes at the top"),
        ({"a": uuid.UUID(int=7654321)}, "found UUID at /a"),
        ({"a": Colour.RED}, "found Colour at /a"),
        ({"a": Level.LOW}, "found Level at /a"),
        ({"a": Contact("7654321")}, "found Contact at /a"),
        ({"a": {7654321: 1}}, "a name of type int, not text, at /a"),
        ({Colour.RED: 1}, "a name of type Colour"),
    ],
)
def test_what_is_not_json_is_named_by_its_place_and_never_by_its_value(value: object, place: str) -> None:
    with pytest.raises(InvalidMessage) as raised:
        to_json(value)
    assert place in str(raised.value)
    assert "7654321" not in str(raised.value)
    assert "red" not in str(raised.value)


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[object] = []
    value.append({"again": value})
    with pytest.raises(InvalidMessage, match="containing itself"):
        to_json(value)
    with pytest.raises(InvalidMessage, match="not made plain"):
        encode(value)


def test_deep_but_finite_nesting_survives() -> None:
    value: list[object] = []
    for _ in range(300):
        value = [value]
    assert from_json(to_json(value)) == value


def test_integers_keep_every_digit_until_python_refuses_to_write_them() -> None:
    assert from_json(b"[18446744073709551616, -9223372036854775809]") == [2**64, -(2**63) - 1]
    assert to_json(2**64) == b"18446744073709551616"
    with pytest.raises(InvalidMessage, match="too long"):
        to_json(10**5000)


def test_encoding_what_was_not_made_plain_is_refused() -> None:
    with pytest.raises(InvalidMessage, match="not made plain"):
        encode({"a": {1}})


def test_lone_surrogates_stay_escaped() -> None:
    assert to_json({"a": "\ud800é"}) == b'{"a":"\\ud800\\u00e9"}'
    assert from_json(b'"\\ud800"') == "\ud800"
    assert from_json('"\ud800"') == "\ud800"


def test_bytes_of_any_kind_are_read() -> None:
    assert from_json(bytearray(b"1")) == from_json(memoryview(b"1")) == 1


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b'{"secret": 1 2}', "line 1, column 14"),
        (b"", "line 1, column 1"),
        (b"NaN", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"\xff\xfe", "not UTF-8 at byte 0"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 5000, "4300"),
    ],
)
def test_text_that_is_not_json_is_a_value_error_with_the_place(data: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says) as raised:
        from_json(data)
    assert "secret" not in str(raised.value)
    assert not hasattr(raised.value, "doc")


def raised_by_author() -> BaseException:
    try:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise RuntimeError("outer") from inner
    except RuntimeError as error:
        return error


def test_an_exception_keeps_its_class_text_and_traceback_with_causes() -> None:
    formatted = format_error(raised_by_author())
    assert formatted["name"] == "RuntimeError"
    assert formatted["message"] == "outer"
    assert "KeyError: 'inner'" in formatted["stack"]
    assert "raised_by_author" in formatted["stack"]


def test_the_stack_of_an_exception_starts_in_the_authors_file() -> None:
    class Strange:
        def __getattr__(self, name: str) -> object:
            raise ReauthorizationRequired(f"no {name}")

    def author() -> None:
        from_json_of_author(Strange())

    def from_json_of_author(value: object) -> None:
        hash(value)
        value.anything  # type: ignore[attr-defined]  # noqa: B018

    with pytest.raises(ReauthorizationRequired) as raised:
        author()
    stack = format_error(raised.value)["stack"]
    assert stack.splitlines()[-1] == "code: reauthorization_required"
    with pytest.raises(InvalidMessage) as refused:
        plain({"a": {1}})
    lines = format_error(refused.value)["stack"].splitlines()
    assert "test_jsonvalue.py" in lines[1]
    assert not any("shipmate/invocation/message.py" in line for line in lines)


def test_a_stack_of_the_runtime_alone_is_left_out() -> None:
    code = compile("def go(check): check(0)", str(__file__).replace(__file__, _runtime_file()), "exec")
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102
    error = InvalidMessage("x")
    try:
        names["go"](check_message)  # type: ignore[operator]
    except InvalidMessage as raised:
        error = raised
    assert error.__traceback__ is not None
    error.__traceback__ = error.__traceback__.tb_next
    assert "File" not in format_error(error)["stack"]


def _runtime_file() -> str:
    return check_message.__code__.co_filename


def test_groups_are_formatted_with_their_members() -> None:
    formatted = format_error(BaseExceptionGroup("several", [ValueError("one"), raised_by_author()]))
    assert formatted["name"] == "ExceptionGroup"
    assert "ValueError: one" in formatted["stack"]


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class WithMessage:
    message = "from an object"
    name = "Odd"
    stack = 5


class Hostile:
    @property
    def message(self) -> str:
        raise ValueError("no message")

    def __str__(self) -> str:
        return "hostile"


@pytest.mark.parametrize(
    ("value", "name", "text"),
    [
        ("boom", "Error", "boom"),
        (None, "Error", "Not Available"),
        ("", "Error", "Not Available"),
        (False, "Error", "Not Available"),
        (0, "Error", "Not Available"),
        (math.nan, "Error", "Not Available"),
        (42, "Error", 42),
        ([], "Error", []),
        ({"code": 5}, "Error", {"code": 5}),
        ({"message": "m", "name": "N"}, "N", "m"),
        ({"message": None, "name": ""}, "Error", None),
        ({"message": ""}, "Error", ""),
        ({"message": 0}, "Error", 0),
        ({"message": False, "name": 5}, 5, False),
        ({1}, "Error", "{1}"),
        (WithMessage(), "Odd", "from an object"),
        (Hostile(), "Error", "hostile"),
        (ValueError(), "ValueError", "ValueError"),
        (Unprintable(), "Unprintable", "Unprintable"),
        (SystemExit(3), "SystemExit", "The component called sys.exit(3)"),
    ],
)
def test_anything_can_be_an_error(value: object, name: str, text: object) -> None:
    formatted = format_error(value)
    assert (formatted["name"], formatted["message"]) == (name, text)
    assert formatted["stack"]
    to_json(formatted)


def test_the_stack_that_an_object_brings_is_kept() -> None:
    assert format_error({"message": "m", "stack": "s"})["stack"] == "s"
    assert format_error("m")["stack"] == "Not Available"


def test_an_exception_that_cannot_be_formatted_has_no_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(error: BaseException) -> None:
        raise ValueError("broken")

    monkeypatch.setattr("traceback.TracebackException.from_exception", broken)
    assert format_error(KeyError("k")) == {"name": "KeyError", "message": "'k'", "stack": "Not Available"}


def test_a_bare_exit_is_told_as_such() -> None:
    assert error_text(SystemExit()) == "The component called sys.exit()"
