"""What a test of an OAuth2 session needs: a clock, stored keys, a call, and real servers."""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from shipmate.emulator import DemoApi, OAuth2Provider
from shipmate.errors import EmitError, KeysNotSaved, ShipmateError
from shipmate.oauth2.api import open_session
from shipmate.oauth2.services import OAuth2Services, SecretsClient
from shipmate.oauth2.session import OAuth2Session


@dataclass
class Time:
    """A clock that moves when told to, and by sleeping."""

    now: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self.slept.append(seconds)
        self.now += seconds


class StoredOutside:
    """Stored keys as a test sets them; None as there being nowhere to read from."""

    def __init__(self) -> None:
        self.fields: Mapping[str, Any] | None = None
        self.is_savable = True
        self.is_unlocked = False
        self.is_in_use: list[bool] = []
        """Whether the next attempts find the lock in use; further ones find it free."""
        self.locks = 0
        self.reads = 0
        self.on_read: Callable[[int], None] = lambda reads: None

    def check(self, account: str | None) -> None:
        if not self.is_savable:
            raise KeysNotSaved("there is no account to save keys to")

    def read(self, account: str | None) -> Mapping[str, Any] | None:
        self.reads += 1
        self.on_read(self.reads)
        return self.fields

    def lock(self, account: str | None) -> AbstractContextManager[bool | None]:
        self.locks += 1
        return _Lock(self.is_in_use)


class _Lock(AbstractContextManager[bool | None]):
    def __init__(self, is_in_use: list[bool]) -> None:
        self._is_in_use = is_in_use

    def __enter__(self) -> bool:
        return self._is_in_use.pop(0) if self._is_in_use else False

    def __exit__(self, *error: object) -> None:
        pass


class Call:
    """The side of the executor: takes updated keys and reports."""

    def __init__(self, provider: OAuth2Provider, stored: StoredOutside) -> None:
        self.updates: list[dict[str, Any]] = []
        self.accounts: list[str | None] = []
        self.seen: list[int] = []
        self.reports: list[ShipmateError] = []
        self.failures: list[Exception] = []
        self.is_left = False
        self.is_verification = False
        self._provider = provider
        self._lock = threading.Lock()

    def emit_keys(self, value: dict[str, Any], account: str | None) -> None:
        with self._lock:
            if self.failures:
                raise EmitError("updateKeys failed") from self.failures.pop(0)
            self.updates.append(value)
            self.accounts.append(account)
            self.seen.append(len(self._provider.journal.requests))

    def report(self, error: ShipmateError) -> None:
        self.reports.append(error)

    def leave(self) -> None:
        self.is_left = True


@dataclass
class Workbench:
    """Everything that a test of a session needs."""

    provider: OAuth2Provider
    api: DemoApi
    time: Time
    stored: StoredOutside
    call: Call
    services: OAuth2Services
    keys: dict[str, Any]

    def cfg(self, **fields: Any) -> dict[str, Any]:
        """Return a copy of the configuration as a container gets it for each message."""
        return {"oauth": dict(self.keys), **fields}

    def session(self, cfg: dict[str, Any] | None = None, **options: Any) -> OAuth2Session:
        """Return a session with the provider's client unless the options say otherwise."""
        defaults = {"client_id": "demo-client", "client_secret": "demo-secret", "token_url": self.provider.token_url}
        merged: dict[str, Any] = {**defaults, **options}
        return open_session(merged, self.cfg() if cfg is None else cfg, call=self.call, services=self.services)

    def calls(self) -> list[str]:
        """Return what the servers saw, in order: ``["api 401", "provider 200", ...]``."""
        return [f"{each.server} {each.status}" for each in self.provider.journal.requests]


def no_secrets() -> SecretsClient:
    """Fail: the test has no platform."""
    raise AssertionError("no secret was to be read")
