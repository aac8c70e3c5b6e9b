"""The provider of the long run, which has to catch what it looks for."""

from bench.oauth2_server import Tokens, WarmUp


def test_an_access_token_is_good_for_a_number_of_calls() -> None:
    """That is how often a runtime has to refresh."""
    tokens = Tokens(2)
    keys = tokens.sign_in()

    assert [tokens.use(keys["access_token"]) for _ in range(3)] == [True, True, False]
    assert tokens.statistics() == {"calls": 2, "refused": 1, "refreshes": 0, "reused": 0}


def test_the_first_tokens_of_a_long_run_are_good_for_few_calls() -> None:
    """So that every worker has refreshed before anything is compared."""
    tokens = Tokens(1000, WarmUp(refreshes=1, uses=20))
    keys = tokens.sign_in()

    assert [tokens.use(keys["access_token"]) for _ in range(21)].count(True) == 20
    new = tokens.refresh(keys["refresh_token"])
    assert new is not None
    assert all(tokens.use(new["access_token"]) for _ in range(1000))


def test_a_refresh_replaces_both_tokens() -> None:
    """What was replaced is worth nothing."""
    tokens = Tokens(2)
    old = tokens.sign_in()
    new = tokens.refresh(old["refresh_token"])

    assert new is not None
    assert not tokens.use(old["access_token"])
    assert tokens.use(new["access_token"])


def test_a_refresh_token_that_comes_twice_is_refused_and_counted() -> None:
    """This is what makes a provider sign a customer out."""
    tokens = Tokens(2)
    old = tokens.sign_in()
    tokens.refresh(old["refresh_token"])

    assert tokens.refresh(old["refresh_token"]) is None
    assert tokens.refresh("never issued") is None
    assert tokens.statistics()["reused"] == 1


def test_a_new_sign_in_begins_the_counts_again() -> None:
    """Each run is judged by itself."""
    tokens = Tokens(2)
    old = tokens.sign_in()
    tokens.refresh(old["refresh_token"])
    tokens.refresh(old["refresh_token"])
    tokens.sign_in()

    assert tokens.statistics() == {"calls": 0, "refused": 0, "refreshes": 0, "reused": 0}
    assert tokens.refresh(old["refresh_token"]) is None


def test_requests_without_tokens_are_refused() -> None:
    """Before the first sign-in an empty token is not the right one."""
    tokens = Tokens(2)

    assert tokens.answer("/me", "", b"")[0] == 401
    assert tokens.answer("/token", "", b"refresh_token=")[0] == 400
    assert tokens.answer("/elsewhere", "", b"")[0] == 404
