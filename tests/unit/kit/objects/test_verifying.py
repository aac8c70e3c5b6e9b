"""Verifying credentials with a declared API, and what validate says about its credential fields."""

import json
import logging
from typing import Any

import pytest

from shipmate.emulator import Fault
from shipmate.kit import Api
from shipmate.tools.validation import validate_component
from tests.unit.kit.objects.conftest import Declare
from tests.unit.kit.objects.crm_api import Crm

Cfg = dict[str, Any]

VERIFIER = "from crm import api\n\nverify_credentials = api.verify_credentials\n"


def verdict(component: Any, cfg: Cfg) -> Any:
    """Return the verdict on an account."""
    (component.root / "verify_credentials.py").write_text(VERIFIER)
    return component.verify(cfg)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "the API refuses the credentials (401): no scope"),
        (403, "the API knows the account and does not allow it GET /me (403): no scope"),
        (404, "the API does not have GET /me (404), check the URL: no scope"),
        (418, "the API answered 418 to GET /me: no scope"),
    ],
)
def test_a_refusal_says_what_is_wrong(declare: Declare, crm: Crm, cfg: Cfg, status: int, reason: str) -> None:
    """With the API's own words, and without the key."""
    crm.script("/v1/me", Fault(status, {"message": "no scope"}))
    assert verdict(declare(), cfg) == {"verified": False, "reason": reason}


def test_an_account_may_be_verified_by_a_403(
    declare: Declare, crm: Crm, cfg: Cfg, caplog: pytest.LogCaptureFixture
) -> None:
    """If the API answers 401 to wrong credentials; then a missing scope is a warning."""
    component = declare(
        "api = Api('{base_url}/v1', header='X-Key: {apiKey}', verify='/me', verified_by=(403,))", add="api"
    )
    crm.script("/v1/me", Fault(403, {"message": "no scope"}))
    with caplog.at_level(logging.WARNING):
        assert verdict(component, cfg) == {"verified": True}
    assert "the credentials are valid, but not for all requests" in caplog.text
    assert verdict(component, {**cfg, "apiKey": "wrong"})["verified"] is False


@pytest.mark.parametrize(
    ("api", "text"),
    [
        (Api("{base_url}", header="X-Key: {key}"), "expected the field 'key', which Api(header=...) sends, found none"),
        (Api("{base_url}", query="k={secret}"), "expected the field 'secret', which Api(query=...) sends, found none"),
        (Api("{url}", basic="{base_url}:{apiKey}"), "expected the field 'url', which the base URL of Api needs"),
        (Api("{base_url}", auth="basic"), "expected fields for basic, which Api(auth=...) names, found none"),
        (Api("{base_url}", auth=["bearer", "api_key"]), "expected fields for bearer, which Api(auth=...) names"),
    ],
)
def test_the_fields_that_an_api_needs_are_missed(api: Api, text: str) -> None:
    """Every request would fail without them."""
    (found,) = api.missing_fields({"base_url": "TextFieldView", "apiKey": "PasswordFieldView"}, has_oauth2=False)
    assert found.startswith(text)


def test_members_of_a_token_are_no_fields() -> None:
    """The provider adds them."""
    api = Api("{instance_url}", header="Authorization: OAuth {access_token}")
    assert list(api.missing_fields({"oauth": "OAuthFieldView"}, has_oauth2=True)) == []


def test_validate_compares_the_fields_with_the_api(declare: Declare) -> None:
    """The API of a declared function, and that of the verification."""
    component = declare()
    (component.root / "verify_credentials.py").write_text(VERIFIER)
    assert not validate_component(component.root).errors
    file = component.root / "component.json"
    raw = json.loads(file.read_text())
    raw["credentials"]["fields"]["api_key"] = raw["credentials"]["fields"].pop("apiKey")
    file.write_text(json.dumps(raw))

    errors = [each for each in validate_component(component.root).errors if each.pointer == "/credentials/fields"]
    assert [each.message for each in errors] == ["expected the field 'apiKey', which Api(header=...) sends, found none"]


def test_a_field_that_no_request_carries_is_found(declare: Declare) -> None:
    """It would be asked of every person, and prove nothing."""
    component = declare()
    file = component.root / "component.json"
    raw = json.loads(file.read_text())
    fields = {
        name: {"label": name, "viewClass": "PasswordFieldView"} for name in ("pin", "secret", "token", "password")
    }
    raw["credentials"]["fields"].update(fields)
    file.write_text(json.dumps(raw))
    module = component.root / "crm.py"
    module.write_text(module.read_text().replace('Field("password"', 'Field("secret"'))
    (component.root / "own.py").write_text('def proof(cfg):\n    return cfg["secret"]\n')
    (component.root / "tests").mkdir()
    (component.root / "tests" / "test_own.py").write_text('CFG = {"pin": "1"}\n')

    found = {each.pointer: each.message for each in validate_component(component.root).problems}
    assert "no module names: call it" in found["/credentials/fields/pin"]
    assert 'header="X-Key: {pin}"' in found["/credentials/fields/pin"]
    assert found["/credentials/fields/password"].endswith("add a field for the user: email, login, user, username")
    assert not {"/credentials/fields/secret", "/credentials/fields/token"} & set(found)


def test_an_api_with_a_token_url_has_oauth2_without_credentials_oauth2_in_the_descriptor() -> None:
    """Such a component gets its token by a password, for example, and has no field for keys."""
    api = Api("https://api.example.com", auth="oauth2", grant="password", token_url="https://api.example.com/token")
    fields = {"username": "TextFieldView", "password": "PasswordFieldView"}
    assert list(api.missing_fields(fields, has_oauth2=False)) == []
