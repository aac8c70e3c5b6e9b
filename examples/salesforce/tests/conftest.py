"""What the tests share: a Salesforce on this machine, at the address that real tokens name."""

import sys
from pathlib import Path
from typing import Any

import pytest

from shipmate.emulator import OAuth2Provider
from shipmate.emulator.grants import TokenRules
from shipmate.testing import ComponentUnderTest

# The tests run from here as well as from elsewhere: nothing else makes their helpers importable there.
sys.path.append(str(Path(__file__).parent))

from emulated_salesforce import EmulatedSalesforce  # it is importable from here on

INSTANCE = "https://acme.my.salesforce.com"


@pytest.fixture
def salesforce(component: ComponentUnderTest, oauth2_provider: OAuth2Provider) -> EmulatedSalesforce:
    """An org whose sign-in answers as Salesforce does: without an expiry, and without a new refresh token."""
    org = EmulatedSalesforce(oauth2_provider)
    component.serve(INSTANCE, org)
    oauth2_provider.grants.rules = TokenRules(
        rotation=False,
        sends_expires_in=False,
        extra=lambda number: {
            "instance_url": org.instance_url,
            "id": "https://login.salesforce.com/id/00D000000000001AAA/005000000000001AAA",
            "issued_at": f"17000000000{number:02d}",
            "signature": f"signature-{number}",
        },
    )
    org.instance_url = INSTANCE
    return org


@pytest.fixture
def cfg(salesforce: EmulatedSalesforce, oauth2_provider: OAuth2Provider) -> dict[str, Any]:
    """The credentials of an account that has just signed in."""
    return {"environment": "login", "oauth": oauth2_provider.issue("api refresh_token")}
