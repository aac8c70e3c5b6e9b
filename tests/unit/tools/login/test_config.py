"""The settings of a sign-in: read from the descriptor, with variables filled."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import load
from shipmate.errors import BadInput, DescriptorError, MissingSetting
from shipmate.tools.login.config import SignInConfig, sign_in_config

OAUTH2 = {
    "client_id": "{{CLIENT_ID}}",
    "auth_uri": "https://{{prodEnv}}.example.com/authorize",
    "token_uri": "https://{{prodEnv}}.example.com/token",
}


def read(folder: Path, cfg: dict[str, Any] | None = None, **oauth2: Any) -> SignInConfig:
    """Return the settings of a component whose descriptor has these members, too."""
    fields = {name: {"label": name, "viewClass": kind} for name, kind in FIELDS.items()}
    raw = {"title": "Test", "credentials": {"fields": fields, "oauth2": {**OAUTH2, **oauth2}}}
    (folder / "component.json").write_text(json.dumps(raw))
    given = {"prodEnv": "login"} if cfg is None else cfg
    return sign_in_config(load(folder), given, {"CLIENT_ID": "id", "AUDIENCE": "api", "prodEnv": "wrong"})


FIELDS = {"prodEnv": "TextFieldView", "account": "OAuthFieldView"}


def test_variables_come_from_credential_fields_first_and_from_the_environment(tmp_path: Path) -> None:
    """Like on the platform, {{prodEnv}} is from the account and {{CLIENT_ID}} from the installation."""
    terms = read(tmp_path)

    assert terms.auth_uri == "https://login.example.com/authorize"
    assert terms.client.token_url == "https://login.example.com/token"
    assert terms.client.client_id == "id"


def test_the_keys_belong_to_the_oauth_field(tmp_path: Path) -> None:
    """The field may have any name."""
    assert read(tmp_path).field == "account"


def test_unknown_members_are_parameters_for_the_provider(tmp_path: Path) -> None:
    """Addresses and the runtime's own settings are not."""
    terms = read(
        tmp_path,
        access_type="offline",
        prompt=["login", "consent"],
        audience="{{AUDIENCE}}",
        include_granted_scopes=True,
        claims={"userinfo": {"email": None}},
        login_hint=None,
        refresh_token_uri="https://example.com/refresh",
        revoke_uri="https://example.com/revoke",
        issuer="https://example.com",
        scopes=["a", "b"],
        client_auth="basic",
    )

    assert terms.extras == {
        "access_type": "offline",
        "prompt": "login consent",
        "audience": "api",
        "include_granted_scopes": "true",
        "claims": '{"userinfo": {"email": null}}',
    }
    assert (terms.client.scopes, terms.client.client_auth) == ("a b", "basic")
    assert (terms.revoke_uri, terms.issuer) == ("https://example.com/revoke", "https://example.com")


@pytest.mark.parametrize(
    ("resource", "exchanged"),
    [("https://a.test", {"resource": "https://a.test"}), (["https://a.test", "https://b.test"], {})],
)
def test_a_single_resource_is_also_sent_with_the_code(
    tmp_path: Path, resource: str | list[str], exchanged: dict[str, str]
) -> None:
    """A token is for one resource; of several, the provider chooses one."""
    terms = read(tmp_path, resource=resource)

    assert terms.extras["resource"] == resource
    assert terms.client.extra == exchanged


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    """The person can set it in the account."""
    with pytest.raises(MissingSetting, match="NOT_SET is missing: set the environment variable for audience of OAuth2"):
        read(tmp_path, audience="{{NOT_SET}}")


@pytest.mark.parametrize(
    ("member", "value", "expected"),
    [
        ("client_id", "", "client_id: expected the client's id, found nothing"),
        ("client_secret", 7, "client_secret: expected text, found a number"),
        ("auth_uri", "file:///etc/passwd", "auth_uri: expected an https address"),
        ("auth_uri", "https://example.com/#here", "auth_uri: expected an https address without a fragment"),
        ("revoke_uri", "http://example.com/revoke", "revoke_uri: expected an https address"),
        ("token_uri", "http://example.com/token", "token_uri: expected a token URL with https"),
    ],
)
def test_a_wrong_setting_is_named_by_its_pointer(tmp_path: Path, member: str, value: Any, expected: str) -> None:
    """The check comes before the browser opens."""
    with pytest.raises(DescriptorError, match=f"component.json: /credentials/oauth2/{expected}"):
        read(tmp_path, **{member: value})


def test_a_wrong_address_in_the_option_is_named_by_the_option(tmp_path: Path) -> None:
    """The descriptor is not at fault."""
    read(tmp_path)
    with pytest.raises(BadInput, match=r"expected an https address .*, found 'foo' for --revoke-uri"):
        sign_in_config(load(tmp_path), {"prodEnv": "login"}, {"CLIENT_ID": "id"}, revoke_uri="foo")


def test_credentials_that_the_platform_manages_have_no_sign_in(tmp_path: Path) -> None:
    """The message says why."""
    (tmp_path / "component.json").write_text('{"title": "Test", "authClientTypes": ["oauth2"], "credentials": {}}')

    with pytest.raises(DescriptorError, match="found nothing: with authClientTypes, sign in with --secret FILE"):
        sign_in_config(load(tmp_path), {}, {})
