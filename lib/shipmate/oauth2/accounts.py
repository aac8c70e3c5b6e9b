"""The live credentials of the process: one per account, one refresh in flight for each."""

import copy
import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from shipmate.errors import TokenEndpointUnavailable
from shipmate.oauth2.credential import Credential, Expiry, Keys, SeenTokens, has_tokens

if TYPE_CHECKING:
    from requests.adapters import HTTPAdapter

_log: Final = logging.getLogger("shipmate.oauth2")

# The longest a refresh can take: three tries with their time-outs, the look for a winner, and saving.
_LONGEST_WAIT_SECONDS: Final = 180.0
_LAST_SAVE_SECONDS: Final = 10.0
_POOLS: Final = 16
_POOL_CONNECTIONS: Final = 64


class _SingleFlight:
    """A refresh that is under way, and what came of it."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.credential: Credential | None = None
        self.error: BaseException | None = None

    def outcome(self) -> Credential:
        """Wait for the refresh and share its outcome, the error included."""
        if not self.done.wait(_LONGEST_WAIT_SECONDS):
            raise TokenEndpointUnavailable("a refresh by another thread did not end in time")
        if self.credential is None:
            # A copy for each waiter: threads must not share one traceback.
            raise copy.copy(self.error) if self.error is not None else TokenEndpointUnavailable("no outcome")
        return self.credential


class Account:
    """One account's live credential, shared by all threads, sessions and ``cfg`` copies."""

    def __init__(self, store: "CredentialStore", *, is_keyless: bool) -> None:
        """Start without any keys; ``is_keyless`` when the ``cfg`` that it is for has none either."""
        self.is_keyless = is_keyless
        self.credential = Credential()
        self.seen_tokens = SeenTokens()
        self.looked_at: float | None = None
        """When the stored keys were last read after a refusal, by the monotonic clock."""
        self.save_again: Callable[[], object] | None = None
        """Saves the live keys; there when that has failed."""
        self._store = store
        self._lock = threading.Lock()
        self._flight: _SingleFlight | None = None
        self._presented: tuple[Keys, Expiry | None] | None = None

    def present(self, keys: Keys, expiry: Expiry | None) -> None:
        """Take the keys of a ``cfg``: old ones change nothing, unknown ones are a new sign-in."""
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
        """Return the outcome of one refresh: of the one under way, or else of ``step``, which this thread runs.

        Args:
            step: Does the refresh of the credential that it is given.
            unless_newer_than: The generation that the caller knows: with a later one that is fit for use
                there is nothing to do. None insists on a refresh.
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

    def _finish(self, flight: _SingleFlight) -> None:
        with self._lock:
            self._flight = None
            if self._presented is not None:
                self._keep(self.credential.signed_in(*self._presented))
                self._presented = None
        flight.done.set()

    def _keep(self, credential: Credential) -> None:
        self.seen_tokens.add(credential.keys)
        self.credential = credential.following(self.credential)


class CredentialStore:
    """All accounts of the process; made once by the run mode."""

    def __init__(self) -> None:
        """Start without any account."""
        self._adapter: HTTPAdapter | None = None
        self._accounts: dict[Hashable, list[Account]] = {}
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._flights = 0
        self._is_draining = False

    def account(self, key: Hashable, keys: Keys, expiry: Expiry | None, *, is_exact: bool) -> Account:
        """Return the account for ``key``, with the keys of a ``cfg`` presented to it.

        Args:
            key: What identifies the account, or, when not ``is_exact``, its client.
            keys: The keys in the ``cfg``; they tell the accounts of one client apart.
            expiry: Their expiry if it is known.
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
            return account

    @property
    def adapter(self) -> "HTTPAdapter":
        """The connections to the APIs, shared by all sessions so that they are kept from message to message."""
        from requests.adapters import HTTPAdapter  # requests: 97 ms

        with self._lock:
            if self._adapter is None:
                self._adapter = HTTPAdapter(pool_connections=_POOLS, pool_maxsize=_POOL_CONNECTIONS)
            return self._adapter

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count a refresh as under way.

        Raises:
            TokenEndpointUnavailable: The process is stopping, and no refresh may start any more.
        """
        with self._lock:
            if self._is_draining:
                raise TokenEndpointUnavailable("the process is stopping: no refresh is started any more")
            self._flights += 1
        try:
            yield
        finally:
            with self._lock:
                self._flights -= 1
                self._idle.notify_all()

    def drain(self, timeout_seconds: float) -> bool:
        """Let no new refresh start and wait for those under way; tell whether all have ended in time.

        Keys that could not be saved so far are lost with the process, so that this is tried once more.
        """
        deadline = time.monotonic() + timeout_seconds
        with self._idle:
            self._is_draining = True
            while self._flights:
                if not self._idle.wait(max(0.0, deadline - time.monotonic())):
                    return False
            accounts = [each for those in self._accounts.values() for each in those]
        unsaved = [each.save_again for each in accounts if each.save_again and each.credential.is_unsaved]
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
        _log.error("refreshed keys are lost: they could not be saved, %s", error)


def _is_usable(credential: Credential) -> bool:
    return credential.access_token is not None and credential.refusal is None and not credential.is_unsaved
