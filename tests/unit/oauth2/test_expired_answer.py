"""Which answers of an API mean that the access token has expired."""

import pytest

from shipmate.oauth2.expired_answer import asks_for_refresh


def refresh_wanted(
    status: int, challenge: str | None = None, *, expired: bool | None = None, past: bool = False
) -> bool:
    predicate = None if expired is None else lambda: expired
    return asks_for_refresh(status, challenge, is_expired=predicate, is_past=past)


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
