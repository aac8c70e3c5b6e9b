"""The rules about one credential."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.oauth2.credential import (
    TIME_BOUND,
    Credential,
    Expiry,
    SeenTokens,
    answered_expiry,
    asks_for_refresh,
    dated,
    has_tokens,
    merge,
    stored_expiry,
)

NAMES = st.sampled_from(["access_token", "refresh_token", "scope", "instance_url", "custom", *sorted(TIME_BOUND)])
KEYS = st.dictionaries(NAMES, st.text(min_size=1) | st.integers() | st.none(), max_size=8)


def refresh_wanted(
    status: int, challenge: str | None = None, *, expired: bool | None = None, past: bool = False
) -> bool:
    predicate = None if expired is None else lambda: expired
    return asks_for_refresh(status, challenge, is_expired=predicate, is_past=past)


@given(KEYS, KEYS)
def test_a_merge_keeps_the_whole_answer(old: dict[str, object], answer: dict[str, object]) -> None:
    """Every member of the answer is stored, except an unusable refresh token where there is an older one."""
    merged = merge(old, answer)
    for name, value in answer.items():
        if name == "refresh_token" and not (value and isinstance(value, str)) and old.get("refresh_token"):
            assert merged[name] == old[name]
        else:
            assert merged[name] == value


@given(KEYS, KEYS)
def test_a_merge_forgets_what_was_said_about_the_old_token(old: dict[str, object], answer: dict[str, object]) -> None:
    """Time-bound members of the old keys never survive, other members always do; nothing is added."""
    merged = merge(old, answer)
    assert set(merged) == {name for name in old if name not in TIME_BOUND} | set(answer)


def test_a_full_answer_is_stored_exactly_as_it_came() -> None:
    """With a standard answer the stored keys equal the response."""
    answer = {"access_token": "b", "refresh_token": "s", "token_type": "Bearer", "expires_in": 3600, "scope": "x"}
    assert merge({**answer, "access_token": "a", "expires_at": 1}, answer) == answer


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


@given(st.lists(KEYS, max_size=20))
def test_the_seen_tokens_never_forgets_a_token(history: list[dict[str, object]]) -> None:
    """However many refreshes ago it was, a token of ours never looks like a new sign-in."""
    seen = SeenTokens()
    for keys in history:
        seen.add(keys)
    assert all(seen.knows(keys) for keys in history)
    assert all(seen.shares(keys) == has_tokens(keys) for keys in history)
    assert not seen.knows({"access_token": "\x00never"})
    assert not seen.knows({**(history[0] if history else {}), "refresh_token": "\x00never"})


def test_keys_without_tokens_are_no_sign_in() -> None:
    """An empty field must not replace live keys."""
    assert SeenTokens().knows({})
    assert SeenTokens().knows({"access_token": "", "refresh_token": None})


def test_the_same_access_token_again_has_no_known_expiry() -> None:
    """Otherwise a provider that returns a cached token would be asked for ever."""
    credential = Credential({"access_token": "a", "refresh_token": "r"})
    assert credential.refreshed({"access_token": "a", "expires_in": 1}, Expiry(1, 1)).expiry is None
    assert credential.refreshed({"access_token": "b", "expires_in": 1}, Expiry(1, 1)).expiry == Expiry(1, 1)


def test_a_refresh_is_a_later_generation_even_with_the_same_token() -> None:
    """Threads that waited for it must not refresh again."""
    first = Credential({"access_token": "a"})
    again = first.refreshed({"access_token": "a"}, None).following(first)
    assert again.generation == first.generation + 1
    assert again.saved().following(again).generation == again.generation


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer error="insufficient_scope"',
        "Bearer realm=x, error=insufficient_scope",
        'Basic realm="a, b", Bearer scope="x y", error = "insufficient_scope"',
    ],
)
def test_a_missing_permission_is_not_helped_by_a_refresh(challenge: str) -> None:
    """insufficient_scope vetoes every reason for a refresh."""
    assert not refresh_wanted(401, challenge)
    assert not refresh_wanted(403, challenge, expired=True, past=True)


@pytest.mark.parametrize(
    "challenge",
    [None, "", "Bearer", 'Bearer error="invalid_token"', 'Bearer error_description="error=insufficient_scope"'],
)
def test_401_asks_for_a_refresh(challenge: str | None) -> None:
    """Whatever else it says, unless a permission is missing."""
    assert refresh_wanted(401, challenge, expired=False)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_ambiguous_statuses_need_a_known_expiry_that_is_past(status: int) -> None:
    """A missing page is not an expired token."""
    assert not refresh_wanted(status)
    assert refresh_wanted(status, past=True)
    assert not refresh_wanted(status, past=True, expired=False)


@pytest.mark.parametrize("status", [200, 400, 403, 500])
def test_the_predicate_of_the_author_adds_to_401(status: int) -> None:
    """Some APIs say "expired" with status 200."""
    assert refresh_wanted(status, expired=True)
    assert not refresh_wanted(status, expired=False)


@pytest.mark.parametrize("status", [200, 204, 302, 402, 409, 429, 500, 503])
def test_other_statuses_never_ask_for_a_refresh(status: int) -> None:
    """Even when the expiry is past."""
    assert not refresh_wanted(status, past=True)


def test_no_token_shows_in_a_credential() -> None:
    """A credential that ends up in a message of an exception shows no token."""
    assert "s3cret" not in repr(Credential({"access_token": "s3cret"}))


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


def test_the_memory_of_tokens_is_bounded() -> None:
    """A process that refreshes for months does not grow; the first tokens and those in use are never forgotten."""
    seen = SeenTokens()
    pair = {"access_token": "a0", "refresh_token": "r0"}
    late = {"access_token": "late"}
    seen.add(pair)
    for number in range(1, 5000):
        seen.add({"access_token": f"a{number}", "refresh_token": f"r{number}"})
        if number == 2000:
            seen.add(late)
        assert number < 2000 or number % 100 or seen.knows(late)
    assert len(seen._first) + len(seen._recent) <= 1100
    assert seen.knows(pair)
    assert seen.shares({"access_token": "x", "refresh_token": "r0"})
    assert seen.knows({"access_token": "a4999"})
    assert not seen.knows({"access_token": "a1000"})
