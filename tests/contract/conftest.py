"""Real servers and a call for OAuth2 sessions."""

from collections.abc import Iterator

import pytest

from shipmate.emulator import DemoApi, OAuth2Provider
from shipmate.logs.log import Redactor
from shipmate.oauth2.accounts import CredentialStore
from shipmate.oauth2.services import Clock, OAuth2Services
from tests.contract.workbench import Call, StoredOutside, Time, Workbench, no_secrets


@pytest.fixture
def bench() -> Iterator[Workbench]:
    """Return a provider with rotation and reuse detection, an API, and an expired token."""
    with OAuth2Provider() as provider, DemoApi(provider) as api:
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
        yield Workbench(provider, api, time, stored, Call(provider, stored), services, keys)
