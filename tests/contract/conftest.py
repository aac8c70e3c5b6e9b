"""Real servers and a call for OAuth2 sessions."""

from collections.abc import Iterator

import pytest

from shipmate.emulator import DemoApi, OAuth2Provider
from shipmate.logs.log import Redactor
from shipmate.oauth2.accounts import CredentialStore
from shipmate.oauth2.services import Clock, OAuth2Services
from tests.contract.workbench import Call, StoredOutside, Time, Workbench, no_secrets


@pytest.fixture
def servers() -> Iterator[tuple[OAuth2Provider, DemoApi]]:
    """A provider with rotation and reuse detection, and an API."""
    with OAuth2Provider() as provider, DemoApi(provider) as api:
        yield provider, api


@pytest.fixture
def bench(servers: tuple[OAuth2Provider, DemoApi]) -> Workbench:
    """Return the servers, and an expired token."""
    provider, api = servers
    time, stored = Time(), StoredOutside()
    services = OAuth2Services(
        credential_store=CredentialStore(),
        token_store=stored,
        defaults={},
        credential_fields=frozenset(),
        default_field="oauth",
        environ={},
        redactor=Redactor(),
        secrets=no_secrets,
        clock=Clock(monotonic=lambda: time.now, epoch=lambda: time.now, sleep=time.sleep),
    )
    keys = provider.issue(expired=True)
    return Workbench(provider, api, time, stored, Call(provider, stored), services, keys)
