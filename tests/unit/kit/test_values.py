"""Fields of credentials and steps: cleared ones mean the default, wrong ones are named with their bounds."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shipmate.errors import InvalidField
from shipmate.kit import values


@pytest.mark.parametrize("given", [None, "", "   "])
def test_a_cleared_field_means_the_default(given: Any) -> None:
    """An empty text is no zero."""
    cfg = {"field": given}
    assert values.number(cfg, "field", default=5, least=1, most=10) == 5
    assert values.text(cfg, "field", "x") == "x"
    assert values.moment(cfg, "field") is None
    assert values.choice(cfg, "field", "a", "b", default="b") == "b"
    assert values.flag({"field": None}, "field", default=True) is True


@pytest.mark.parametrize("given", ["0", "11", "x", "1.5", 1.5, "1e1", True, "\u0669", "9" * 40, [], "--5", "-"])
def test_what_is_no_whole_number_within_the_bounds_is_refused(given: Any) -> None:
    """The text has the bounds."""
    with pytest.raises(ValueError, match=r"^retries: expected a number from 1 to 10, found "):
        values.number({"retries": given}, "retries", default=5, least=1, most=10)


def test_numbers_may_be_text_or_numbers() -> None:
    """And negative, if the bounds say so."""
    for given, expected in (("7", 7), (7, 7), (7.0, 7), (" 7 ", 7), ("-2", -2), ("0", 0)):
        assert values.number({"n": given}, "n", default=5, least=-5, most=10) == expected


def test_a_misspelt_choice_gets_a_hint() -> None:
    """The values are listed."""
    with pytest.raises(
        ValueError, match="expected one of emitIndividually, emitPage, found 'emitpage': did you mean emitPage"
    ):
        values.choice({"emit": "emitpage"}, "emit", "emitIndividually", "emitPage")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T10:30:00+01:00", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("31.01.2026 09:30", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        (1769850000, datetime(2026, 1, 31, 9, 0, tzinfo=UTC)),
        ("1769850000000", datetime(2026, 1, 31, 9, 0, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_each_form(given: Any, expected: datetime) -> None:
    """In UTC."""
    assert values.moment({"startTime": given}, "startTime") == expected


@pytest.mark.parametrize("given", ["01/02/2026", "soon", 7, True, "7" * 30, "/Date(99999999999999999)/"])
def test_what_is_no_moment_is_refused(given: Any) -> None:
    """With the name of the field, and without the value."""
    with pytest.raises(ValueError, match=r"^startTime: expected ") as caught:
        values.moment({"startTime": given}, "startTime")
    assert "soon" not in str(caught.value)
    assert "777" not in str(caught.value)


def test_a_body_is_tidied_as_its_schema_says() -> None:
    """At any depth, also where an older schema has the properties of items at the list; other values stay."""
    price = {"type": ["number", "null"]}
    line = {"properties": {"price": price, "count": {"type": "integer"}, "code": {"type": "string"}}}
    schema = {"properties": {"new": {"type": "array", "items": line}, "old": {"type": "array", **line}, "tax": price}}
    given = {"price": " 10.50 ", "count": "3", "code": "007", "note": "", "free": None, "on": False}
    clean = {"price": 10.5, "count": 3, "code": "007", "on": False}
    body = {"new": [given], "old": [given], "tax": "100.0", "more": {"tax": "1", "none": ""}, "blank": " "}

    assert values.tidy(body, schema) == {
        "new": [clean], "old": [clean], "tax": 100, "more": {"tax": "1"}, "blank": " "
    }  # fmt: skip
    assert values.tidy({"tax": ""}) == {}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("abc", "a text of 3 letters"),
        ("€", "a text like '€' (9 is any digit, a is any letter)"),
        ("1,5 kg", "a text like '9,9 aa' (9 is any digit, a is any letter)"),
    ],
)
def test_an_error_of_a_number_describes_the_text_without_showing_it(given: str, found: str) -> None:
    """A person who maps fields sees what is wrong; the log gets no data."""
    lines = {"type": "array", "items": {"properties": {"price": {"type": "number"}}}}
    with pytest.raises(InvalidField) as caught:
        values.tidy({"new": [{}, {"price": given}]}, {"properties": {"new": lines}})
    assert str(caught.value) == f"new.1.price: expected a number, found {found}"


@pytest.mark.parametrize(
    ("given", "found"),
    [("soon", "a text of 4 letters"), ("x", "a text of 1 letter"), (True, "a boolean"), (7, "a number"),
     ("01/02/2026", "a text like '99/99/9999' (9 is any digit, a is any letter)")],
)  # fmt: skip
def test_an_error_of_a_moment_describes_what_was_found(given: Any, found: str) -> None:
    """Also where it is no text."""
    with pytest.raises(InvalidField) as caught:
        values.moment({"start": given}, "start")
    assert str(caught.value) == f"start: expected a moment such as 2026-01-31T09:30:00Z, found {found}"
