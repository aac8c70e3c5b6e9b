"""The sign-in as the command runs it, up to its first error."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import load
from shipmate.errors import ShipmateError
from shipmate.logs.redaction import Redactor
from shipmate.tools.login import AccountFile, Login
from shipmate.tools.login.config import sign_in_config

PAGE = Path(__file__).resolve().parents[4] / "docs" / "how-to" / "sign-in.md"
OAUTH2 = {"client_id": "id", "auth_uri": "https://example.com/authorize", "token_uri": "https://example.com/token"}
NOTHING = {"redirect_uri": None, "port": None, "opens_browser": False, "timeout_seconds": 0.01}


def login(root: Path, cfg: str | None = None, **credentials: Any) -> Login:
    """Return the sign-in of a component."""
    fields = {"region": {"label": "Region", "viewClass": "TextFieldView"}}
    raw = {"title": "Test", "credentials": {"fields": fields, "oauth2": OAUTH2, **credentials}}
    (root / "component.json").write_text(json.dumps(raw))
    return Login(
        load(root),
        AccountFile.from_options(root, cfg=cfg),
        environ={},
        redactor=Redactor(),
        say=lambda _: None,
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"auth_uri": None}, "/credentials/oauth2/auth_uri: expected the address of the sign-in page, found nothing"),
        ({"token_uri": "http://example.com"}, "/credentials/oauth2/token_uri: expected a token URL with https"),
        ({"client_auth": "digest"}, "/credentials/oauth2: option client_auth of OAuth2: expected one of post"),
        ({"pkce": "no"}, "/credentials/oauth2/pkce: expected true or false, found 'no'"),
        ({"token_params": {"a": 1}}, "/credentials/oauth2/token_params: expected an object of texts, found an object"),
        ({"token_pointer": "user"}, "/credentials/oauth2/token_pointer: expected a JSON pointer, found 'user'"),
        ({"scopes": 7}, "/credentials/oauth2: option scopes of OAuth2: expected text or a list of texts"),
        ({"auth_uri": "https://{{region}}.test"}, "region is missing: set the credential field or the"),
    ],
)
def test_an_unusable_descriptor_is_refused_before_anything_runs(
    tmp_path: Path, change: dict[str, Any], expected: str
) -> None:
    """The message has the place to correct."""
    with pytest.raises(ShipmateError) as caught:
        login(tmp_path, oauth2={**OAUTH2, **change}).sign_in(**NOTHING)

    assert expected in str(caught.value)
    assert caught.value.exit_status == 2


def test_a_descriptor_without_oauth2_is_named_with_its_pointer(tmp_path: Path) -> None:
    """The component has no sign-in."""
    with pytest.raises(ShipmateError) as caught:
        login(tmp_path, oauth2=None).sign_in(**NOTHING)

    place = f"{tmp_path}/component.json: /credentials/oauth2"
    assert str(caught.value) == f"{place}: expected the provider's addresses, found nothing"
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"redirect_uri": "http://example.com/cb"}, "expected an address of this machine"),
        ({"redirect_uri": "https://example.com/cb", "port": 81}, "expected --port for an address of this machine only"),
        ({"redirect_uri": "http://localhost:80", "port": 81}, "expected equal ports"),
    ],
)
def test_an_unusable_redirect_address_is_refused(tmp_path: Path, options: dict[str, Any], expected: str) -> None:
    """Otherwise the person would sign in for an answer that cannot arrive."""
    with pytest.raises(ShipmateError, match=expected) as caught:
        login(tmp_path).sign_in(**{**NOTHING, **options})
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("content", [None, "{}", '{"oauth": null}', '{"oauth": {"refresh_token": ""}}'])
def test_an_account_without_tokens_cannot_be_revoked(tmp_path: Path, content: str | None) -> None:
    """The person expects that access ends, so that this is no success."""
    if content is not None:
        (tmp_path / "account.keys.json").write_text(content)

    with pytest.raises(ShipmateError, match="expected keys to revoke, found no"):
        login(tmp_path).revoke("https://example.com/revoke")


def test_the_descriptor_in_the_guide_works(tmp_path: Path) -> None:
    """Authors copy it."""
    text = re.findall(r"^```json\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)[0]
    environ = {"CONTACTS_KEY": "id", "CONTACTS_SECRET": "secret"}
    fields = {"region": {"label": "Region", "viewClass": "TextFieldView"}}
    raw = {"title": "Test", "credentials": {"fields": fields, **json.loads(f"{{{text}}}")}}
    (tmp_path / "component.json").write_text(json.dumps(raw))
    terms = sign_in_config(load(tmp_path), {"region": "eu"}, environ)

    assert terms.auth_uri == "https://eu.example.com/authorize"
    assert terms.extras == {"prompt": "consent"}
