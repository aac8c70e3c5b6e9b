"""Verifying credentials: the person who has signed in reads the reason."""

from typing import Any

from emulated_salesforce import EmulatedSalesforce
from shipmate.emulator import Fault, OAuth2Provider
from shipmate.testing import ComponentUnderTest


def test_a_good_sign_in_is_verified_by_one_cheap_request(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """It counts against the org's daily limit, as every call does."""
    assert component.verify(cfg) == {"verified": True}
    assert [(each.method, each.path) for each in salesforce.requests] == [("GET", "/services/data/v64.0")]


def test_a_revoked_sign_in_is_not_verified(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, oauth2_provider: OAuth2Provider, cfg: dict[str, Any]
) -> None:
    """The refresh is refused."""
    oauth2_provider.revoke()
    verdict = component.verify(cfg)
    assert verdict["verified"] is False
    assert "invalid_grant" in verdict["reason"]


def test_an_account_without_the_api_is_not_verified(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """The sign-in is good, and the edition or the profile does not have the API."""
    body = [{"message": "The REST API is not enabled for this Organization.", "errorCode": "API_DISABLED_FOR_ORG"}]
    salesforce.script(None, Fault(status=403, body=body))
    assert component.verify(cfg) == {
        "verified": False,
        "reason": "API_DISABLED_FOR_ORG: The REST API is not enabled for this Organization.",
    }


def test_a_version_that_the_org_does_not_have_is_told(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """NOT_FOUND alone would say nothing to whoever has typed the version."""
    verdict = component.verify({**cfg, "api_version": "199.0"})
    assert verdict["verified"] is False
    assert "no version 199.0 of the API" in verdict["reason"]


def test_a_version_that_is_none_is_told(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """Nothing is sent for it."""
    verdict = component.verify({**cfg, "api_version": "newest"})
    assert "api_version: expected a version from 46.0 on, found 'newest'" in verdict["reason"]
    assert salesforce.requests == []


def test_keys_without_an_instance_are_not_verified(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, cfg: dict[str, Any]
) -> None:
    """As when somebody has copied only the token."""
    del cfg["oauth"]["instance_url"]
    verdict = component.verify(cfg)
    assert verdict["verified"] is False
    assert "instance_url" in verdict["reason"]
