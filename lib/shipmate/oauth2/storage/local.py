"""Where the keys of accounts are kept during a local run: those of the ``cfg`` in its file, others at the platform."""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from shipmate.errors import MissingSetting
from shipmate.oauth2.storage.file import TokenFile
from shipmate.oauth2.storage.token_store import AccountsClient, TokenStore

_LOG: Final = logging.getLogger("shipmate.accountkeys")


class LocalTokenStore(TokenStore):
    """Where keys live during a local run: those of the ``cfg`` in its file, other accounts' at the platform."""

    def __init__(self, file: TokenFile | None, account: str | None, *, platform: Callable[[], AccountsClient]) -> None:
        """Keep the keys of ``account`` in ``file``; without one, they are not kept at all."""
        self._file = file
        self._account = account
        self._platform = platform
        self._warned: set[str] = set()
        self._lock = threading.Lock()

    def check(self, account: str | None) -> None:
        """Raise `KeysNotSaved` when keys of that account could not be saved at all."""
        if self._file is not None and self._is_own(account):
            self._file.check()

    def read(self, account: str | None) -> Mapping[str, Any] | None:
        """Return the credential fields as the file has them now, None for a ``cfg`` that came from elsewhere."""
        return self._file.read() if self._file is not None and self._is_own(account) else None

    def lock(self, account: str | None) -> AbstractContextManager[None]:
        """Keep other processes that use the same file from refreshing meanwhile."""
        return self._file.lock() if self._file is not None and self._is_own(account) else nullcontext()

    def save(self, keys: Mapping[str, Any], account: str | None) -> None:
        """Save new keys where they belong, or warn once that they are not saved.

        Raises:
            KeysNotSaved: The file could not be rewritten.
            PlatformRefused: The platform does not take the keys of another account.
            PlatformUnavailable: The platform does not answer.
        """
        if account is None or self._is_own(account):
            if self._file is not None:
                self._file.save(keys)
            else:
                self._warn("New keys were not saved: give the cfg as a file, --cfg FILE, and they will be")
            return
        try:
            client = self._platform()
        except MissingSetting as missing:
            self._warn(f"New keys of another account were not saved: {missing}")
            return
        client.update_account(account, keys)

    def wait_for_writes(self, timeout_seconds: float) -> None:
        """Wait until the file is not being written any more."""
        if self._file is not None:
            self._file.wait_for_writes(timeout_seconds)

    def _is_own(self, account: str | None) -> bool:
        return account is None or account == self._account

    def _warn(self, text: str) -> None:
        with self._lock:
            is_news = text not in self._warned
            self._warned.add(text)
        if is_news:
            _LOG.warning("%s", text)
