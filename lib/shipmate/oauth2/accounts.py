"""The live credentials of the process: one per account, one refresh in flight for each."""

import copy
import logging
import random
import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from shipmate.errors import TokenEndpointUnavailable
from shipmate.oauth2.credential import Credential
from shipmate.oauth2.expiry import Expiry
from shipmate.oauth2.failures import KnownFailures
from shipmate.oauth2.keys import Keys, has_tokens
from shipmate.oauth2.seen_tokens import SeenTokens

if TYPE_CHECKING:
    from shipmate.http.adapter import LimitedAdapter
    from shipmate.http.client import LeanClient

_log: Final = logging.getLogger("shipmate.oauth2")

# The longest that a refresh takes: three tries with their timeouts, the search for newer keys, and saving.
_LONGEST_WAIT_SECONDS: Final = 180.0
_LAST_SAVE_SECONDS: Final = 10.0
_MOST_HASTE: Final = 5.0
_POOLS: Final = 16
_POOL_CONNECTIONS: Final = 64


class _SingleFlight:
    """A refresh in flight: one thread leads it, the others wait for its outcome."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.credential: Credential | None = None
        self.error: BaseException | None = None

    def outcome(self) -> Credential:
        """Wait for the refresh; return its credential, or raise its error.

        Raises:
            TokenEndpointUnavailable: The refresh did not end in time.
        """
        if not self.done.wait(_LONGEST_WAIT_SECONDS):
            raise TokenEndpointUnavailable(
                f"another thread did not end its refresh in time ({_LONGEST_WAIT_SECONDS:g} s)"
            )
        if self.credential is None:
            # A copy for each thread: they must not share one traceback.
            raise copy.copy(self.error) if self.error is not None else TokenEndpointUnavailable("no outcome")
        return self.credential


class Account:
    """One account's live credential, shared by all threads, sessions and ``cfg`` copies."""

    def __init__(self, store: "CredentialStore", *, is_keyless: bool) -> None:
        """Start without keys; ``is_keyless`` says that the ``cfg`` has no keys either."""
        self.is_keyless = is_keyless
        self.credential = Credential()
        self.seen_tokens = SeenTokens()
        self.haste = 1.0
        """How many times earlier than usual the access token is due."""
        self.looked_at: float | None = None
        """Monotonic seconds of the last look for a new sign-in after a refusal."""
        self.save_again: Callable[[], object] | None = None
        """Saves the live keys once more; None unless saving them failed."""
        self._store = store
        self._refreshed: tuple[weakref.ref[object], int] | None = None
        self._lock = threading.Lock()
        self._flight: _SingleFlight | None = None
        self._presented: tuple[Keys, Expiry | None] | None = None

    def present(self, keys: Keys, expiry: Expiry | None) -> None:
        """Take the keys of a ``cfg``: seen ones change nothing, others are a new sign-in."""
        with self._lock:
            if self.seen_tokens.knows(keys):
                return
            if self._flight is not None:
                self._presented = (keys, expiry)
                return
            self._keep(self.credential.signed_in(keys, expiry))

    def keep(self, credential: Credential) -> None:
        """Make this the live credential."""
        with self._lock:
            self._keep(credential)

    def refresh(self, step: Callable[[Credential], object], *, unless_newer_than: int | None) -> Credential:
        """Return the credential after a refresh: the one in flight, or else one that this thread leads.

        Args:
            step: Refreshes a credential; called in the thread that leads.
            unless_newer_than: The generation that the caller knows: a usable credential of a later generation is
                returned without a refresh. None always refreshes.
        """
        with self._lock:
            live = self.credential
            if unless_newer_than is not None and live.generation > unless_newer_than and _is_usable(live):
                return live
            flight, is_leader = self._flight, False
            if flight is None:
                flight, is_leader = _SingleFlight(), True
                self._flight = flight
        if not is_leader:
            return flight.outcome()
        try:
            with self._store.in_flight():
                step(self.credential)
            flight.credential = self.credential
            return flight.credential
        except BaseException as error:
            flight.error = error
            raise
        finally:
            self._finish(flight)

    def replacement(self, generation: int) -> Credential | None:
        """Return the usable credential of a later generation, None if there is none; start no refresh.

        A refresh in flight may bring one, so its outcome is awaited.
        """
        with self._lock:
            flight, live = self._flight, self.credential
        if flight is not None and live.generation <= generation:
            live = flight.outcome()
        return live if live.generation > generation and _is_usable(live) else None

    def note_refresh(self, call: object, generation: int) -> None:
        """Remember that a message has caused the refresh to a generation."""
        self._refreshed = (weakref.ref(call), generation)

    def was_refreshed_for(self, call: object, generation: int) -> bool:
        """Tell whether this message has caused the refresh to a generation: another one would bring nothing."""
        noted = self._refreshed
        return noted is not None and noted[0]() is call and noted[1] == generation

    def _finish(self, flight: _SingleFlight) -> None:
        with self._lock:
            self._flight = None
            if self._presented is not None:
                self._keep(self.credential.signed_in(*self._presented))
                self._presented = None
        flight.done.set()

    def _keep(self, credential: Credential) -> None:
        self.seen_tokens.add(credential.keys)
        previous, self.credential = self.credential, credential.following(self.credential)
        if self._store.is_unlocked and self.credential.generation != previous.generation:
            self.haste = random.uniform(1, _MOST_HASTE)  # noqa: S311


class CredentialStore:
    """The accounts of the process; each run mode creates one store."""

    def __init__(self, *, is_unlocked: bool = False) -> None:
        """Start without accounts; ``is_unlocked`` says that no lock keeps other processes from refreshing them.

        Each such process then finds its tokens due at another moment, so that two of them hardly refresh together.
        """
        self.is_unlocked = is_unlocked
        self.failures = KnownFailures()
        self._adapter: LimitedAdapter | None = None
        self._client: LeanClient | None = None
        self._accounts: dict[Hashable, list[Account]] = {}
        self._last: dict[Hashable, tuple[Keys, Account]] = {}
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._flights = 0
        self._is_draining = False

    def last_presented(self, key: Hashable, keys: Keys) -> Account | None:
        """Return the account for an exact key if these keys were presented to it last, as most messages do."""
        last = self._last.get(key)
        return last[1] if last is not None and last[0] == keys else None

    def account(self, key: Hashable, keys: Keys, expiry: Expiry | None, *, is_exact: bool) -> Account:
        """Return the account for ``key``, and present the keys of a ``cfg`` to it.

        Args:
            key: Identifies the account if ``is_exact``, else its client.
            keys: The keys in the ``cfg``; they tell the accounts of one client apart.
            expiry: The expiry of the keys, None if unknown.
            is_exact: Whether the key alone identifies the account.
        """
        is_keyless = not has_tokens(keys)
        with self._lock:
            candidates = self._accounts.setdefault(key, [])
            for account in candidates:
                if is_exact or (account.is_keyless if is_keyless else account.seen_tokens.shares(keys)):
                    break
            else:
                account = Account(self, is_keyless=is_keyless)
                candidates.append(account)
            account.present(keys, expiry)
            if is_exact:
                self._last[key] = (dict(keys), account)
            return account

    def new_account(self) -> Account:
        """Return an account without keys that no other session shares, to verify what ``cfg`` or a secret says now."""
        return Account(self, is_keyless=True)

    @property
    def adapter(self) -> "LimitedAdapter":
        """The connection pools of the APIs, shared by all sessions so that connections outlive a message."""
        from shipmate.http.adapter import LimitedAdapter  # requests: 97 ms

        with self._lock:
            if self._adapter is None:
                self._adapter = LimitedAdapter(pool_connections=_POOLS, pool_maxsize=_POOL_CONNECTIONS)
            return self._adapter

    @property
    def client(self) -> "LeanClient":
        """The client for usual requests to the APIs, shared as the adapter is."""
        from shipmate.http.client import LeanClient

        adapter = self.adapter
        with self._lock:
            if self._client is None or self._client.adapter is not adapter:  # a test may replace the adapter
                self._client = LeanClient(adapter)
            return self._client

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count a refresh in flight while the block runs.

        Raises:
            TokenEndpointUnavailable: The process is stopping and starts no refresh.
        """
        with self._lock:
            if self._is_draining:
                raise TokenEndpointUnavailable("the process is stopping and starts no refresh")
            self._flights += 1
        try:
            yield
        finally:
            with self._lock:
                self._flights -= 1
                self._idle.notify_all()

    def drain(self, timeout_seconds: float) -> bool:
        """Refuse new refreshes and wait for those in flight; return False if one has not ended in time.

        Keys that are still unsaved would be lost with the process, so they are saved once more.
        """
        deadline = time.monotonic() + timeout_seconds
        with self._idle:
            self._is_draining = True
            while self._flights:
                if not self._idle.wait(max(0.0, deadline - time.monotonic())):
                    return False
            accounts = [account for candidates in self._accounts.values() for account in candidates]
        unsaved = [it.save_again for it in accounts if it.save_again and it.credential.is_unsaved]
        threads = [threading.Thread(target=_save, args=(save,), daemon=True) for save in unsaved]
        for thread in threads:
            thread.start()
        deadline = min(deadline, time.monotonic() + _LAST_SAVE_SECONDS)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return True


def _save(save: Callable[[], object]) -> None:
    try:
        save()
    except Exception as error:  # the edge of a thread, and the end of the process
        _log.error("refreshed keys could not be saved and are lost: %s", error)


def _is_usable(credential: Credential) -> bool:
    return credential.is_complete and credential.refusal is None and not credential.is_unsaved
