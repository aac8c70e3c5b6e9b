"""When an access token expires, in the forms in which providers say it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.oauth2.expiry import Expiry, answered_expiry, dated, stored_expiry


@pytest.mark.parametrize("expires_in", [3600, 3600.0, "3600", "3600.0"])
def test_a_life_may_be_a_number_or_text(expires_in: object) -> None:
    """Providers send the life as a number and as text."""
    assert answered_expiry({"expires_in": expires_in}, asked_at=10, wall_clock=5) == Expiry(3610, 3600)


@pytest.mark.parametrize("expires_in", [0, "0", -1, "abc", "", None, True, [], float("nan"), float("inf"), "1e400"])
def test_a_life_that_makes_no_sense_is_unknown(expires_in: object) -> None:
    """Zero means "never" at some providers; nonsense is no reason to fail."""
    assert answered_expiry({"expires_in": expires_in}, asked_at=10, wall_clock=5) is None


def test_stored_keys_say_their_expiry_by_expires_at_alone() -> None:
    """A life without a start says nothing about now."""
    assert stored_expiry({"expires_in": 10, "issued_at": 1}, now=0, wall_clock=1000) is None
    assert stored_expiry({"expires_at": 1100}, now=50, wall_clock=1000) == Expiry(150, None)
    assert stored_expiry({"expires_at": "1100", "expires_in": "30"}, now=50, wall_clock=1000) == Expiry(150, 30)


@given(st.floats(1, 1e6), st.floats(0, 1))
def test_the_margin_before_expiry_is_a_tenth_of_the_life_and_at_most_a_minute(life: float, share: float) -> None:
    """A short-lived token must not be due as soon as it is there."""
    expiry = Expiry(life, life)
    now = life * share
    assert expiry.is_due(now) == (now >= life - min(60, life * 0.1))
    assert not expiry.is_due(0)


def test_an_expiry_without_a_life_has_a_margin_of_a_minute() -> None:
    """Being early costs one token request, being late a refused one."""
    assert Expiry(100).is_due(40)
    assert not Expiry(100).is_due(39)


@pytest.mark.parametrize(
    "value",
    [
        2000,
        "2000",
        2000.0,
        "1970-01-01T00:33:20Z",
        "1970-01-01T00:33:20.0000000Z",
        "1970-01-01T00:33:20",
        "1970-01-01T01:33:20+01:00",
        "Thu, 01 Jan 1970 00:33:20 GMT",
    ],
)
def test_the_moment_of_an_expiry_is_read_in_many_forms(value: object) -> None:
    """A provider's own expires_at is no epoch seconds as a rule."""
    assert stored_expiry({"expires_at": value}, now=10, wall_clock=1000) == Expiry(1010)


@pytest.mark.parametrize("factor", [10**3, 10**6, 10**9])
def test_smaller_units_than_seconds_are_recognised(factor: int) -> None:
    """Their numbers lie thousands of years ahead."""
    at = 1_800_000_000
    assert stored_expiry({"expires_at": at * factor}, now=0, wall_clock=at - 5) == Expiry(5)


@pytest.mark.parametrize("value", [0, -1, "", "never", None, True, [], "0001-01-01T00:00:00Z", "9" * 400, float("nan")])
def test_a_moment_that_means_nothing_is_unknown(value: object) -> None:
    """Also Go's zero time, which means "never"."""
    assert stored_expiry({"expires_at": value}, now=0, wall_clock=1000) is None


def test_a_response_is_dated_unless_the_provider_has_done_so() -> None:
    """Its own value stays as it is."""
    assert dated({"expires_in": 60}, wall_clock=1000.9) == {"expires_in": 60, "expires_at": 1060}
    for answer in (
        {"expires_in": 60, "expires_at": "2030-01-01T00:00:00Z"},
        {"access_token": "a"},
        {"expires_in": "x"},
    ):
        assert dated(answer, wall_clock=1000) == answer


def test_haste_makes_a_token_due_earlier() -> None:
    """By so many times the usual span; it has expired at the same moment as before."""
    expiry = Expiry(at=3600, life_seconds=3600)
    assert [expiry.is_due(now, haste=5) for now in (3299, 3300, 3540)] == [False, True, True]
    assert [expiry.is_due(now) for now in (3539, 3540)] == [False, True]
    assert not expiry.is_past(3599)
