"""Keeps the tokens of a container's accounts at the platform.

Source: contract §6.5, §9.2.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from shipmate.errors import KeysNotSaved
from shipmate.oauth2.keys import fingerprint
from shipmate.oauth2.storage.token_store import AccountsClient, TokenStore

_NO_ACCOUNT: Final = "expected _account in cfg, found none: new keys could not be saved at the platform"


class PlatformTokenStore(TokenStore):
    """The token store of a container: for the account of its step, and for others that functions name."""

    def __init__(
        self,
        account: str | None,
        *,
        platform: Callable[[], AccountsClient],
        read_config: Callable[[], Mapping[str, Any]] | None = None,
        lock: Callable[[str], AbstractContextManager[bool | None]] | None = None,
    ) -> None:
        """Prepare calls; nothing is sent yet.

        Args:
            account: ``_account`` in the ``cfg``, None without one.
            platform: Returns the client of the platform's API.
            read_config: Reads the step's ``cfg`` from the platform, None without a step.
            lock: Returns a lock of a name that all containers share, None if the transport has no locks.
        """
        self._account = account
        self._platform = platform
        self._read_config = read_config
        self._lock = lock

    @property
    def is_unlocked(self) -> bool:
        """True for a step whose transport has no locks: other containers may refresh at the same moment."""
        return self._lock is None and self._read_config is not None

    def check(self, account: str | None) -> None:
        """Raise `KeysNotSaved` if the account is unknown, so that keys cannot be saved."""
        if not (account or self._account):
            raise KeysNotSaved(_NO_ACCOUNT)

    def read(self, account: str | None) -> Mapping[str, Any] | None:
        """Return the credential fields as they are stored now, None for another account or without a step."""
        is_own = account is None or account == self._account
        return self._read_config() if self._read_config is not None and is_own else None

    def lock(self, account: str | None) -> AbstractContextManager[bool | None]:
        """Keep other containers from refreshing the same account while the block runs."""
        name = account or self._account
        if self._lock is None or not name:
            return nullcontext()
        return self._lock(f"refresh.{fingerprint(name).hex()}")

    def save(self, keys: Mapping[str, Any], account: str | None) -> None:
        """Save new keys at the platform.

        Raises:
            KeysNotSaved: The account is unknown.
            PlatformRefused, PlatformUnavailable: The platform has not taken the keys.
        """
        self.check(account)
        self._platform().update_account(account or self._account or "", keys)
