"""Where the keys of accounts are kept for a container: at the platform.

Source: contract §6.5, §9.2.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from shipmate.errors import KeysNotSaved
from shipmate.oauth2.credential import fingerprint
from shipmate.oauth2.storage.token_store import AccountsClient, TokenStore

_NO_ACCOUNT: Final = "expected _account in cfg, found none: new keys could not be saved at the platform"


class PlatformTokenStore(TokenStore):
    """The keys of a step's own account, and of others that its functions name."""

    def __init__(
        self,
        account: str | None,
        *,
        platform: Callable[[], AccountsClient],
        read_config: Callable[[], Mapping[str, Any]] | None = None,
        lock: Callable[[str], AbstractContextManager[None]] | None = None,
    ) -> None:
        """Prepare; nothing is asked yet.

        Args:
            account: The account in ``cfg``, None if there is none.
            platform: Returns the client of the platform's API.
            read_config: Returns the step's ``cfg`` as the platform has it now, None where there is no step.
            lock: Keeps other containers from what has the same name, None where there is no broker.
        """
        self._account = account
        self._platform = platform
        self._read_config = read_config
        self._lock = lock

    def check(self, account: str | None) -> None:
        """Raise `KeysNotSaved` when keys of that account could not be saved at all."""
        if not (account or self._account):
            raise KeysNotSaved(_NO_ACCOUNT)

    def read(self, account: str | None) -> Mapping[str, Any] | None:
        """Return the credential fields as the platform has them now, None where they cannot be read."""
        is_own = account is None or account == self._account
        return self._read_config() if self._read_config is not None and is_own else None

    def lock(self, account: str | None) -> AbstractContextManager[None]:
        """Keep other containers from refreshing the same account meanwhile."""
        name = account or self._account
        if self._lock is None or not name:
            return nullcontext()
        return self._lock(f"refresh.{fingerprint(name).hex()}")

    def save(self, keys: Mapping[str, Any], account: str | None) -> None:
        """Save new keys at the platform.

        Raises:
            KeysNotSaved: No account is known.
            PlatformRefused, PlatformUnavailable: The platform has not taken them.
        """
        self.check(account)
        self._platform().update_account(account or self._account or "", keys)
