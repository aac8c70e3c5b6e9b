"""The keys of two OAuth2 clients must not be in one credential field: one would overwrite those of the other."""

from typing import Any

import pytest

from shipmate.errors import InvalidOption
from tests.unit.session.conftest import Desk

FIRST = {"grant": "client_credentials", "token_url": "https://a.example.com/token", "client_id": "{{A}}"}


@pytest.mark.parametrize("cfg", [{}, {"_account": "7"}])
@pytest.mark.parametrize(
    "other", [{"token_url": "https://b.example.com/token"}, {"client_id": "b"}, {"extra": {"audience": "b"}}]
)
def test_two_clients_with_one_field_are_refused(desk: Desk, cfg: dict[str, Any], other: dict[str, Any]) -> None:
    """Before a token of one reaches the API of the other; the values are in no error."""
    desk.session(cfg, **FIRST)
    with pytest.raises(InvalidOption, match=r"found 'oauth' for two clients, whose \w+ differ: give one") as found:
        desk.session(cfg, **{**FIRST, **other})
    assert "example.com" not in str(found.value)


def test_clients_with_a_field_each_are_no_conflict(desk: Desk) -> None:
    """Nor is the same client once more, with other options of its requests."""
    cfg = {"_account": "7"}
    desk.session(cfg, **FIRST)
    desk.session(cfg, **FIRST, refresh="every_access")
    desk.session(cfg, **{**FIRST, "client_id": "b"}, field="other")


def test_other_accounts_and_messages_may_have_other_clients(desk: Desk) -> None:
    """Such as tenants, each with a token URL of its own."""
    other = {**FIRST, "token_url": "https://b.example.com/token"}
    desk.session({"_account": "7"}, **FIRST)
    desk.session({"_account": "8"}, **other)
    desk.session({}, **FIRST)
    desk.next_message()
    desk.session({}, **other)
