"""A component, an emulated platform, and an API that records what proves the account."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shipmate import component
from shipmate.emulator import OAuth2Provider, Platform, Reply, Request, Server
from shipmate.errors import ShipmateError
from shipmate.invocation.services import LazyOAuth2, platform_of
from shipmate.logs.log import Redactor
from shipmate.session.api import open_session
from shipmate.session.plan import SessionServices
from shipmate.session.policy import Policy
from shipmate.session.session import Session

QUICK = Policy(delay_seconds=0.001, jitter=0.0)
"""A policy that does not make tests slow."""


class Store:
    """Keys of accounts that nobody keeps."""

    is_unlocked = False

    def check(self, account: str | None) -> None: ...
    def read(self, account: str | None) -> None: ...
    def lock(self, account: str | None) -> AbstractContextManager[None]:
        return nullcontext()

    def save(self, keys: Mapping[str, Any], account: str | None) -> None: ...


@dataclass(eq=False)
class Call:
    """A message in work."""

    updates: list[dict[str, Any]] = field(default_factory=list)
    is_verification: bool = False

    def emit_keys(self, value: dict[str, Any], account: str | None) -> None:
        self.updates.append(value)

    def report(self, error: ShipmateError) -> None:
        raise AssertionError(str(error))


class GuardedApi(Server):
    """An API that accepts what `accepts` says, and answers 401 to all others."""

    accepts: Callable[[Request], bool] = staticmethod(lambda request: True)

    def answer(self, request: Request) -> Reply:
        if not self.accepts(request):
            return Reply(401, {"error": "unauthorized"})
        return super().answer(request)


@dataclass
class Desk:
    """Everything that a session needs."""

    folder: Path
    provider: OAuth2Provider
    platform: Platform
    api: GuardedApi
    redactor: Redactor = field(default_factory=Redactor)
    call: Call = field(default_factory=Call)
    descriptor: dict[str, Any] = field(default_factory=dict)
    _lazy: LazyOAuth2 | None = None

    @property
    def lazy(self) -> LazyOAuth2:
        """The services of the process."""
        if self._lazy is None:
            (self.folder / "component.json").write_text(json.dumps({"title": "T", **self.descriptor}))
            environ = self.platform.environ()
            self._lazy = LazyOAuth2(
                component.load(self.folder),
                environ=environ,
                redactor=self.redactor,
                token_store=Store(),
                platform=platform_of(environ),
            )
        return self._lazy

    @property
    def services(self) -> SessionServices:
        return self.lazy.sessions()

    def fields(self, **classes: str) -> None:
        """Give the component credential fields: ``fields(apiKey="PasswordFieldView")``."""
        described = {name: {"label": name, "viewClass": kind} for name, kind in classes.items()}
        self.descriptor["credentials"] = {**self.descriptor.get("credentials", {}), "fields": described}

    def session(self, cfg: dict[str, Any], **options: Any) -> Session:
        """Return a session of the message in work."""
        return open_session({"policy": QUICK, **options}, cfg, call=self.call, services=self.services)

    def next_message(self) -> None:
        """Let the following sessions belong to another message."""
        self.call = Call()

    def statuses(self, server: str = "api") -> list[int | None]:
        """Return the statuses of the answers of a server."""
        return [each.status for each in self.api.journal.of(server)]

    def platform_calls(self) -> list[str]:
        """Return which secrets were read and refreshed."""
        return ["refresh" if each.path.endswith("/refresh") else "read" for each in self.api.journal.of("platform")]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a desk whose API answers ``{"id": 7}`` at /me."""
    with (
        OAuth2Provider() as provider,
        Platform(provider=provider) as platform,
        GuardedApi(name="api", journal=provider.journal) as api,
    ):
        api.route("GET", "/me", lambda request: Reply(200, {"id": 7}))
        api.route("POST", "/me", lambda request: Reply(201, {"id": 8}))
        yield Desk(tmp_path, provider, platform, api)


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Run ``work`` in that many threads at once and return the results."""
    results: list[Any] = [None] * count
    barrier = threading.Barrier(count)

    def start(number: int) -> None:
        barrier.wait()
        results[number] = work(number)

    threads = [threading.Thread(target=start, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
