"""What is stored of old keys and of a token response."""

from hypothesis import given
from hypothesis import strategies as st

from shipmate.oauth2.keys import TIME_BOUND, merge

NAMES = st.sampled_from(["access_token", "refresh_token", "scope", "instance_url", "custom", *sorted(TIME_BOUND)])
KEYS = st.dictionaries(NAMES, st.text(min_size=1) | st.integers() | st.none(), max_size=8)


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
