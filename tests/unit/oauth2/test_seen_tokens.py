"""Which keys are a new sign-in."""

from hypothesis import given
from hypothesis import strategies as st

from shipmate.oauth2.keys import has_tokens
from shipmate.oauth2.seen_tokens import SeenTokens

NAMES = st.sampled_from(["access_token", "refresh_token", "scope", "custom"])
KEYS = st.dictionaries(NAMES, st.text(min_size=1) | st.integers() | st.none(), max_size=8)


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
