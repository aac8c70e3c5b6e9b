"""Keeps tokens during a local run: those of the step's account in its file, those of other accounts at the platform."""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from shipmate.errors import MissingSetting
from shipmate.oauth2.storage.file import TokenFile
from shipmate.oauth2.storage.token_store import AccountsClient, TokenStore

_LOG: Final = logging.getLogger("shipmate.oauth2")


class LocalTokenStore(TokenStore):
    """The token store of a local run."""

    def __init__(self, file: TokenFile | None, account: str | None, *, platform: Callable[[], AccountsClient]) -> None:
        """Keep the keys of ``account`` in ``file``; without a file they are lost with the process.

        Args:
            file: The file that the keys come from, None if they come from another place.
            account: ``_account`` in the ``cfg``, None without one.
            platform: Returns the client of the platform's API.
        """
        self._file = file
        self._account = account
        self._platform = platform
        self._warned: set[tuple[str, ...]] = set()
        self._lock = threading.Lock()

    def check(self, account: str | None) -> None:
        """Raise `KeysNotSaved` if keys of this account cannot be saved at all."""
        if self._file is not None and self._is_own(account):
            self._file.check()

    def read(self, account: str | None) -> Mapping[str, Any] | None:
        """Return the credential fields in the file, None for another account or without a file."""
        return self._file.read() if self._file is not None and self._is_own(account) else None

    def lock(self, account: str | None) -> AbstractContextManager[None]:
        """Keep other processes with the same file from refreshing while the block runs."""
        return self._file.lock() if self._file is not None and self._is_own(account) else nullcontext()

    def save(self, keys: Mapping[str, Any], account: str | None) -> None:
        """Save new keys in the file or at the platform, or warn once that they are not saved.

        Raises:
            KeysNotSaved: The file could not be replaced.
            PlatformRefused, PlatformUnavailable: The platform has not taken the keys of another account.
        """
        if account is None or self._is_own(account):
            if self._file is not None:
                self._file.save(keys)
            else:
                self._warn("new keys are not saved: give the keys in a file, --account FILE, to keep them")
            return
        try:
            self._platform().update_account(account, keys)
        except MissingSetting as missing:
            self._warn("new keys of another account are not saved: %s", str(missing))

    def wait_for_writes(self, timeout_seconds: float) -> None:
        """Wait for a running save."""
        if self._file is not None:
            self._file.wait_for_writes(timeout_seconds)

    def _is_own(self, account: str | None) -> bool:
        return account is None or account == self._account

    def _warn(self, text: str, *values: str) -> None:
        with self._lock:
            is_new = (text, *values) not in self._warned
            self._warned.add((text, *values))
        if is_new:
            _LOG.warning(text, *values)
