"""A sign-in as the command starts it, as far as the first thing that is wrong."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import load
from shipmate.errors import ShipmateError
from shipmate.logs.redaction import Redactor
from shipmate.tools.login import Login
from shipmate.tools.login.config import sign_in_config

PAGE = Path(__file__).resolve().parents[4] / "docs" / "how-to" / "sign-in.md"
OAUTH2 = {"client_id": "id", "auth_uri": "https://example.com/authorize", "token_uri": "https://example.com/token"}
NOTHING = {"redirect_uri": None, "port": None, "opens_browser": False, "timeout_seconds": 0.01}


def login(root: Path, cfg: str | None = None, **credentials: Any) -> Login:
    """Return the sign-in of a component."""
    fields = {"region": {"label": "Region", "viewClass": "TextFieldView"}}
    raw = {"title": "Test", "credentials": {"fields": fields, "oauth2": OAUTH2, **credentials}}
    (root / "component.json").write_text(json.dumps(raw))
    return Login(load(root), cfg, environ={}, redactor=Redactor(), stdin=None, say=lambda _: None)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"auth_uri": None}, "/credentials/oauth2/auth_uri: expected the address of the sign-in page, found nothing"),
        ({"token_uri": "http://example.com"}, "/credentials/oauth2/token_uri: expected a token URL with https"),
        ({"client_auth": "digest"}, "/credentials/oauth2: option client_auth of OAuth2: expected one of post"),
        ({"scopes": 7}, "/credentials/oauth2: option scopes of OAuth2: expected text or a list of texts"),
        ({"auth_uri": "https://{{region}}.test"}, "region is missing: expected a credential field of that name, or"),
    ],
)
def test_a_descriptor_that_cannot_be_used_is_told_of_before_anything_is_run(
    tmp_path: Path, change: dict[str, Any], expected: str
) -> None:
    """With the place where it is to be corrected."""
    with pytest.raises(ShipmateError) as caught:
        login(tmp_path, oauth2={**OAUTH2, **change}).sign_in(**NOTHING)

    assert expected in str(caught.value)
    assert caught.value.exit_status == 2


def test_a_descriptor_without_oauth2_is_named_with_its_pointer(tmp_path: Path) -> None:
    """There is nothing to sign in to."""
    with pytest.raises(ShipmateError) as caught:
        login(tmp_path, oauth2=None).sign_in(**NOTHING)

    place = f"{tmp_path}/component.json: /credentials/oauth2"
    assert str(caught.value) == f"{place}: expected the provider's addresses, found nothing"
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"redirect_uri": "https://example.com/cb"}, "expected an address of this machine"),
        ({"redirect_uri": "http://localhost:80", "port": 81}, "expected equal ports"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_of(tmp_path: Path, options: dict[str, Any], expected: str) -> None:
    """Nobody signs in for an answer that cannot arrive."""
    with pytest.raises(ShipmateError, match=expected) as caught:
        login(tmp_path).sign_in(**{**NOTHING, **options})
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("content", [None, "{}", '{"oauth": null}', '{"oauth": {"refresh_token": ""}}'])
def test_nothing_to_revoke_is_told_of(tmp_path: Path, content: str | None) -> None:
    """It is no success: somebody expects that something ends."""
    if content is not None:
        (tmp_path / "account.keys.json").write_text(content)

    with pytest.raises(ShipmateError, match="expected keys to revoke, found no"):
        login(tmp_path).revoke("https://example.com/revoke")


def test_the_page_about_signing_in_has_a_descriptor_that_works(tmp_path: Path) -> None:
    """Authors copy it."""
    text = re.findall(r"^```json\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)[0]
    environ = {"CONTACTS_KEY": "id", "CONTACTS_SECRET": "secret"}
    fields = {"region": {"label": "Region", "viewClass": "TextFieldView"}}
    raw = {"title": "Test", "credentials": {"fields": fields, **json.loads(f"{{{text}}}")}}
    (tmp_path / "component.json").write_text(json.dumps(raw))
    terms = sign_in_config(load(tmp_path), {"region": "eu"}, environ)

    assert terms.auth_uri == "https://eu.example.com/authorize"
    assert terms.extras == {"prompt": "consent"}
