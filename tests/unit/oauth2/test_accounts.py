"""The credentials of a process: when their tokens are due. tests/contract/test_oauth2.py has the rest."""

import pytest

from shipmate.oauth2.accounts import CredentialStore
from shipmate.oauth2.credential import Credential


@pytest.mark.parametrize(("is_unlocked", "spread"), [(False, {1.0}), (True, None)])
def test_tokens_are_due_at_different_moments_only_where_no_lock_keeps_others_out(
    is_unlocked: bool, spread: set[float] | None
) -> None:
    """Each new token draws anew; 1 is the usual moment."""
    account = CredentialStore(is_unlocked=is_unlocked).account("key", {"access_token": "0"}, None, is_exact=True)
    found = {account.haste}
    for number in range(20):
        account.keep(Credential({"access_token": f"a{number}"}))
        before = account.haste
        account.keep(account.credential.refused("gone"))  # no new token
        assert account.haste == before
        found.add(before)
    assert found == spread if spread else (len(found) == 21 and min(found) >= 1 and max(found) <= 5)
