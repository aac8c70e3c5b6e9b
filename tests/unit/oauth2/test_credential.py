"""The rules about one credential."""

from shipmate.oauth2.credential import Credential
from shipmate.oauth2.expiry import Expiry


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


def test_no_token_shows_in_a_credential() -> None:
    """A credential that ends up in a message of an exception shows no token."""
    assert "s3cret" not in repr(Credential({"access_token": "s3cret"}))
