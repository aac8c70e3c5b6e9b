"""The sign-in: an expired session is renewed in the middle of the work, whatever the function."""

import json
from typing import Any

import pytest

from emulated_salesforce import EmulatedSalesforce
from shipmate.emulator import Fault, OAuth2Provider, Platform
from shipmate.testing import ComponentUnderTest

CONTACT = {"body": {"LastName": "Lovelace"}}


def test_an_expired_session_is_refreshed_and_the_record_is_created_once(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, oauth2_provider: OAuth2Provider, cfg: dict[str, Any]
) -> None:
    """401 with INVALID_SESSION_ID, refresh, updateKeys, the request again: the main job of this component."""
    oauth2_provider.expire_access_tokens()
    old = cfg["oauth"]

    done = component.run("create_object", CONTACT, {**cfg, "object": "Contact"})

    assert [name for name, _ in done.events] == ["updateKeys", "data"]
    assert [each.status for each in salesforce.requests] == [401, 201]
    assert len(salesforce.store.of("Contact")) == 1
    new = done.updated_keys[0]["oauth"]
    assert new["access_token"] != old["access_token"]
    assert new["signature"] != old["signature"]


def test_the_refresh_token_is_kept_from_before(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, oauth2_provider: OAuth2Provider, cfg: dict[str, Any]
) -> None:
    """Salesforce sends none with a refresh: without the old one, the second refresh would be the last."""
    for _ in range(2):
        oauth2_provider.expire_access_tokens()
        done = component.run("create_object", CONTACT, {**cfg, "object": "Contact"})
        assert done.updated_keys[0]["oauth"]["refresh_token"] == cfg["oauth"]["refresh_token"]
    assert oauth2_provider.refreshes == 2


def test_the_token_request_asks_for_json(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, oauth2_provider: OAuth2Provider, cfg: dict[str, Any]
) -> None:
    """Salesforce can answer in other formats."""
    oauth2_provider.expire_access_tokens()
    component.run("create_object", CONTACT, {**cfg, "object": "Contact"})
    request = oauth2_provider.token_requests[0]
    assert request.form["format"] == "json"
    assert request.header("Host") == "login.salesforce.com"


def test_a_sandbox_signs_in_at_its_own_host(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, oauth2_provider: OAuth2Provider, cfg: dict[str, Any]
) -> None:
    """The environment is a credential field that stands in the addresses of component.json."""
    oauth2_provider.expire_access_tokens()
    component.run("create_object", CONTACT, {**cfg, "environment": "test", "object": "Contact"})
    assert oauth2_provider.token_requests[0].header("Host") == "test.salesforce.com"


def test_an_org_that_has_moved_is_followed(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, oauth2_provider: OAuth2Provider, cfg: dict[str, Any]
) -> None:
    """Only the refresh tells that the instance is another one now; the request that is repeated must go there."""
    component.serve("https://acme--moved.my.salesforce.com", salesforce)
    salesforce.instance_url = "https://acme--moved.my.salesforce.com"
    salesforce.host = "acme--moved.my.salesforce.com"

    done = component.run("create_object", CONTACT, {**cfg, "object": "Contact"})

    assert done.message["body"]["created"] is True
    assert [each.header("Host") for each in salesforce.requests] == [
        "acme.my.salesforce.com",
        "acme--moved.my.salesforce.com",
    ]
    assert done.updated_keys[0]["oauth"]["instance_url"] == "https://acme--moved.my.salesforce.com"


def test_a_session_that_stays_invalid_is_an_error_after_one_refresh(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, oauth2_provider: OAuth2Provider, cfg: dict[str, Any]
) -> None:
    """An account without access to the API gets 401 however fresh its token is: that must not go round in circles."""
    body = [{"message": "This session is not valid for use with the REST API", "errorCode": "INVALID_SESSION_ID"}]
    salesforce.script(None, Fault(status=401, body=body), times=9)

    done = component.run("create_object", CONTACT, {**cfg, "object": "Contact"})

    assert done.errors[0]["message"].startswith("INVALID_SESSION_ID: This session is not valid")
    assert oauth2_provider.refreshes == 1


def test_a_revoked_account_asks_for_a_new_sign_in(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, oauth2_provider: OAuth2Provider, cfg: dict[str, Any]
) -> None:
    """Whoever reads the error must know that only a new sign-in helps."""
    oauth2_provider.revoke()
    done = component.run("create_object", CONTACT, {**cfg, "object": "Contact"})
    assert done.errors[0]["name"] == "ReauthorizationRequired"


def test_a_token_endpoint_that_is_down_is_a_rebound(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, oauth2_provider: OAuth2Provider, cfg: dict[str, Any]
) -> None:
    """Nobody needs to act, and nothing was done: the message comes again later."""
    oauth2_provider.expire_access_tokens()
    oauth2_provider.script("/token", Fault(status=503, headers={"Retry-After": "0"}), times=9)
    done = component.run("create_object", CONTACT, {**cfg, "object": "Contact"})
    assert [name for name, _ in done.events] == ["rebound"]
    assert salesforce.store.of("Contact") == []


@pytest.mark.parametrize("function", ["create_object", "updated_objects", "lookup_object"])
def test_metadata_refreshes_too(
    component: ComponentUnderTest,
    salesforce: EmulatedSalesforce,
    oauth2_provider: OAuth2Provider,
    cfg: dict[str, Any],
    function: str,
) -> None:
    """Somebody builds a flow hours after having signed in."""
    oauth2_provider.expire_access_tokens()
    component.call(function, "get_meta_model", {**cfg, "object": "Contact", "field": "Email"})
    assert len(component.updated_keys) == 1


def test_no_token_is_logged(
    component: ComponentUnderTest, salesforce: EmulatedSalesforce, oauth2_provider: OAuth2Provider, cfg: dict[str, Any]
) -> None:
    """Neither in the log nor in the texts of errors."""
    oauth2_provider.expire_access_tokens()
    done = component.run("create_object", {"body": {"Nonsense": 1}}, {**cfg, "object": "Contact"})
    assert done.errors
    said = component.log + json.dumps(done.errors)
    for keys in (cfg["oauth"], done.updated_keys[0]["oauth"]):
        assert keys["access_token"] not in said
        assert keys["refresh_token"] not in said


def test_keys_that_the_platform_manages_work_too(
    platform: Platform, component: ComponentUnderTest, salesforce: EmulatedSalesforce, oauth2_provider: OAuth2Provider
) -> None:
    """Newer platforms keep the keys and refresh them; instance_url is among what they keep beside."""
    keys = oauth2_provider.issue("api refresh_token", expired=True)
    beside = {name: keys.pop(name) for name in ("instance_url", "id", "issued_at", "signature")}
    credentials = {**keys, "undefined_params": beside}
    platform.secrets["s1"] = {"name": "s1", "state": "ready", "type": "oauth2", "credentials": credentials}
    platform.provider = oauth2_provider

    done = component.run("create_object", CONTACT, {"secretId": "s1", "object": "Contact"})

    assert done.message["body"]["created"] is True
    assert done.updated_keys == []
    assert [each.status for each in salesforce.requests] == [401, 201]
