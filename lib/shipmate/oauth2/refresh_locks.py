"""The locks of one refresh: that of the token store, which all containers share, and the author's own."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import Any, Final, Self

from shipmate.errors import BrokerLost
from shipmate.oauth2.storage.token_store import RefreshAbandoned, TokenStore

_log: Final = logging.getLogger("shipmate.oauth2")


class RefreshLocks:
    """The locks of one refresh; the end of the block releases those that are held."""

    def __init__(
        self,
        store: TokenStore,
        author: Callable[[str | None], AbstractContextManager[object]] | None,
        account: str | None,
    ) -> None:
        """Hold nothing yet.

        Args:
            store: Has the lock that all processes share.
            author: Returns the author's own lock for an account, None without one.
            account: The id of the account, None for the one in ``cfg``.
        """
        self._store = store
        self._author = author
        self._account = account
        self._shared: AbstractContextManager[bool | None] | None = None
        self._held = ExitStack()
        self.are_held = not store.is_unlocked
        """False if no lock keeps other processes out."""

    def __enter__(self) -> Self:
        """Return the locks."""
        return self

    def __exit__(self, *failure: Any) -> None:
        """Release the locks that are held."""
        self._held.__exit__(*failure)

    def acquire(self) -> bool:
        """Acquire the locks; return False, after a pause, if another process has the shared one: nothing is held then.

        A lock that cannot be acquired is left out: it only makes a race unlikely.

        Raises:
            BrokerLost: The process ends.
            RefreshAbandoned: The process stops, and waits no longer for the lock of another one.
        """
        is_entered, is_in_use = self._enter(self._shared_lock)
        if is_entered and is_in_use is True:
            self.release()
            return False
        if self._author is not None:
            is_entered, _ = self._enter(self._author)
            self.are_held |= is_entered
        return True

    def release(self) -> None:
        """Release the locks that are held; may be called again."""
        self._held.close()

    def _shared_lock(self, account: str | None) -> AbstractContextManager[bool | None]:
        """Return the same lock for all attempts: its wait is limited for all of them together."""
        if self._shared is None:
            self._shared = self._store.lock(account)
        return self._shared

    def _enter(self, lock_of: Callable[[str | None], AbstractContextManager[Any]]) -> tuple[bool, Any]:
        """Return whether a lock was entered, and its value."""
        try:
            lock = lock_of(self._account)
            value = lock.__enter__()
        except (BrokerLost, RefreshAbandoned):
            raise
        except Exception as error:  # a refresh without the lock is better than none
            _log.warning(
                "no refresh lock, continuing without it",
                extra={"reason": type(error).__name__},
                exc_info=lock_of is self._author,  # the author's own frames
            )
            return False, None
        self._held.push(partial(_release, lock))
        return True, value


def _release(lock: AbstractContextManager[object], *failure: Any) -> None:
    """Release a lock; neither its errors nor its result change the outcome of the refresh."""
    try:
        lock.__exit__(*failure)
    except Exception as error:
        if error is not failure[1]:
            _log.warning("a refresh lock cannot be released", extra={"reason": type(error).__name__})
