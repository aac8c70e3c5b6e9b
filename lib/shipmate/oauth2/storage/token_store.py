"""The port to the place where the tokens of accounts are kept outside this process: a file, or the platform."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from shipmate.errors import TokenEndpointUnavailable


class RefreshAbandoned(TokenEndpointUnavailable):
    """The process stops, and waits no longer for the refresh of another one; the next container gets the message."""


class TokenStore(Protocol):
    """Keeps the credential fields of accounts; ``account`` is None for the account in ``cfg``."""

    @property
    def is_unlocked(self) -> bool:
        """True if other processes refresh the same accounts and no lock can keep them out."""
        return False

    def check(self, account: str | None) -> None:
        """Raise `KeysNotSaved` if keys of this account cannot be saved at all."""

    def read(self, account: str | None) -> Mapping[str, Any] | None:
        """Return the credential fields as they are stored now, None if they cannot be read."""

    def lock(self, account: str | None) -> AbstractContextManager[bool | None]:
        """Keep other processes from refreshing the same account while the block runs.

        The value is True, after a pause, if another process has the lock: nothing is held then, and the same lock is
        entered again.
        """

    def save(self, keys: Mapping[str, Any], account: str | None) -> None:
        """Save credential fields: ``{"oauth": {"access_token": "...", ...}}``."""


class AccountsClient(Protocol):
    """The part of the platform's API that stores the keys of accounts."""

    def update_account(self, account: str, keys: Mapping[str, Any]) -> object:
        """Store new keys of an account."""
