"""JSON: copies, both directions of encoding, strict reading, pointers and kinds."""

import dataclasses
import enum
import json
import math
import re
import uuid
from collections import OrderedDict, namedtuple
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shipmate.errors import InvalidMessage
from shipmate.jsonvalue import (
    InvalidJson,
    encode,
    from_json,
    is_empty,
    is_falsy,
    kind_of,
    object_member,
    parse_json,
    plain,
    pointer_to,
    steps_of,
    to_json,
)

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
    name: Any


class Text(str):
    def __str__(self) -> str:
        return "something else"


class Whole(int):
    pass


class Real(float):
    pass


Point = namedtuple("Point", "x y")


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
        ({"body": {"a/b": [1, {"~": {7654321}}]}}, "at /body/a~1b/1/~0"),
        ([{7654321}], "found set, which has no order: use sorted(...) or list(...) at /0"),
        (b"7654321", "found bytes: decode it to text"),
        ({"a": map(str, [7654321])}, "found map: use list(...) at /a"),
        ({"a": Contact}, "found type, a class: use an instance at /a"),
        ({"a": len}, "a function: call it at /a"),
        ({"a": Contact({7654321})}, "found set, which has no order: use sorted(...) or list(...) at /a/name"),
        ({"a": object()}, "found object: convert it to a dict, a list, text or a number at /a"),
        ({"a": {7654321: 1}}, "a name of type int, not text: use str(...), at /a"),
    ],
)
def test_what_is_not_json_is_named_by_its_place_and_never_by_its_value(value: object, place: str) -> None:
    with pytest.raises(InvalidMessage) as raised:
        to_json(value)
    assert place in str(raised.value)
    assert "7654321" not in str(raised.value)
    assert "red" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("4.02"), 4.02),
        (Decimal("1.10"), 1.1),
        (Decimal("-7"), -7),
        (Decimal("1E+3"), 1000),
        (Decimal("123456789012345678"), 123456789012345678),
        (Decimal("0.1234567890123456789"), "0.1234567890123456789"),
        (Decimal("1E+1000000"), "1E+1000000"),
        (Decimal("1E-1000000"), "1E-1000000"),
        (Decimal("NaN"), None),
        (Decimal("-Infinity"), None),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (Colour.RED, "red"),
        (Level.LOW, 1),
        (enum.Enum("Size", {"BIG": (1, 2)}).BIG, [1, 2]),
        (Contact("Ada"), {"name": "Ada"}),
        (Contact(Contact(Decimal("0.5"))), {"name": {"name": 0.5}}),
        ({Colour.RED: 1}, {"red": 1}),
    ],
)
def test_common_types_become_json_in_the_obvious_way(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)
    assert from_json(to_json({"a": value})) == {"a": expected}


def test_an_attrs_class_becomes_an_object() -> None:
    record = pytest.importorskip("attrs").make_class("Record", ["name", "size"])
    assert plain(record("a", Decimal(1))) == {"name": "a", "size": 1}


@given(st.decimals())
def test_a_decimal_loses_nothing_as_a_number(value: Decimal) -> None:
    found = plain(value)
    if isinstance(found, float | int):
        assert Decimal(repr(found)) == value
    else:
        assert found is None or Decimal(found) == value


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[object] = []
    value.append({"again": value})
    with pytest.raises(InvalidMessage, match="containing itself"):
        to_json(value)
    with pytest.raises(InvalidMessage, match="not a plain copy"):
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
    with pytest.raises(InvalidMessage, match="not a plain copy"):
        encode({"a": {1}})


def test_lone_surrogates_stay_escaped() -> None:
    assert to_json({"a": "\ud800é"}) == b'{"a":"\\ud800\\u00e9"}'
    assert from_json(b'"\\ud800"') == "\ud800"
    assert from_json('"\ud800"') == "\ud800"


def test_bytes_of_any_kind_are_read() -> None:
    assert from_json(bytearray(b"1")) == from_json(memoryview(b"1")) == 1


BROKEN = [
    (b'{"secret": 1 2}', r"an error at line 1, column 14 \(expecting ',' delimiter\)"),
    (b" ", "nothing"),
    (b"NaN", "NaN, which is not JSON"),
    (b"[-Infinity]", "-Infinity, which is not JSON"),
    (b"[" * 100_000, "a value that is nested too deeply"),
    (b"1" * 5000, "a number with too many digits"),
]


@pytest.mark.parametrize(("data", "found"), [*BROKEN, (b"\xff\xfe", r"bytes that are not UTF-8 \(at byte 1\)")])
def test_text_that_is_not_json_is_refused_with_its_place_and_without_its_content(data: bytes, found: str) -> None:
    with pytest.raises(InvalidJson, match=f"^{found}$") as raised:
        from_json(data)
    assert not hasattr(raised.value, "doc")


@pytest.mark.parametrize(("data", "found"), BROKEN)
def test_files_and_options_are_read_as_strictly(data: bytes, found: str) -> None:
    with pytest.raises(InvalidJson, match=f"^{found}$"):
        parse_json(data.decode())


@given(JSON_VALUES)
def test_reading_without_orjson_gives_the_same_value(value: object) -> None:
    assert parse_json(to_json(value).decode()) == value


def test_repeated_names_can_be_seen() -> None:
    assert parse_json('{"a": 1, "a": 2}', make_object=list) == [("a", 1), ("a", 2)]


@given(st.lists(SURROGATES | st.text("~/01")))
@example(["~1", "a/b", "~0~"])
def test_a_pointer_has_the_steps_that_it_was_made_of(steps: list[str]) -> None:
    assert steps_of(pointer_to(*steps)) == steps


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({}, "an object"),
        (MappingProxyType({}), "an object"),
        ([], "an array"),
        ((), "an array"),
        ("", "text"),
        (True, "a boolean"),
        (None, "nothing"),
        (1, "a number"),
        (1.5, "a number"),
    ],
)
def test_every_kind_of_value_has_a_name(value: object, kind: str) -> None:
    assert kind_of(value) == kind


@pytest.mark.parametrize("value", [None, [], "text", {}, {"a": None}, {"a": [1]}, {"a": "x"}, {"b": {"c": 1}}])
def test_a_member_that_is_no_object_counts_as_an_empty_one(value: object) -> None:
    assert object_member(value, "a") == {}


@pytest.mark.parametrize("value", [None, False, 0, 0.0, "", math.nan])
def test_what_javascript_takes_for_false_is_falsy_and_empty(value: object) -> None:
    assert is_falsy(value)
    assert is_empty(value)


@pytest.mark.parametrize(("value", "has_content"), [({}, False), ([], False), (7, False), (True, False), ("x", True)])
def test_objects_arrays_and_numbers_are_true_and_may_be_empty(value: object, has_content: bool) -> None:
    assert not is_falsy(value)
    assert is_empty(value) is not has_content


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{\n  "a": 1,\n}', "line 2, column 9 (a comma before })"),
        ("[1,\n\n]", "line 1, column 3 (a comma before ])"),
        ('{"a": 1,,}', "line 1, column 9 (two commas)"),
        ('{\n  "a": 1\n  "b": 2\n}', "line 2, column 9 (a missing comma)"),
        ('{\n"a" 1}', "line 2, column 5 (expecting ':' delimiter)"),
    ],
)
def test_a_slip_is_told_at_the_place_to_change(text: str, expected: str) -> None:
    with pytest.raises(InvalidJson, match=re.escape(expected)):
        parse_json(text)
