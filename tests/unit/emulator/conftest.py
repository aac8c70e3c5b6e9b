"""Providers for the tests of the emulator."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shipmate.emulator import OAuth2Provider
from tests.unit.emulator.token_endpoint import SECRET, Clock


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the providers."""
    return Clock()


@pytest.fixture
def make(clock: Clock) -> Iterator[Callable[..., OAuth2Provider]]:
    """Return a function that starts providers."""
    started: list[OAuth2Provider] = []

    def provider(clients: dict[str, str | None] | None = None, **options: Any) -> OAuth2Provider:
        started.append(OAuth2Provider(clients or {"id": SECRET, "public": None}, clock=clock, **options).start())
        return started[-1]

    yield provider
    for each in started:
        each.stop()


@pytest.fixture
def provider(make: Callable[..., OAuth2Provider]) -> OAuth2Provider:
    """Return a provider with rotation and reuse detection."""
    return make()
