"""Reads the settings of a sign-in from a component's descriptor, and fills their variables."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as member
from typing import Any, Final, NoReturn

from shipmate.component import DESCRIPTOR, Component
from shipmate.component.credentials import token_field
from shipmate.errors import BadInput, ClientMisconfigured, DescriptorError, InvalidOption
from shipmate.jsonvalue import kind_of
from shipmate.oauth2.options import Client, ClientOptions, Variables
from shipmate.urls import is_private

_POINTER: Final = "/credentials/oauth2"
_NEEDED: Final[Mapping[str, str]] = {
    "auth_uri": "the address of the sign-in page",
    "token_uri": "the address of the token endpoint",
    "client_id": "the client's id",
}
_TEXTS: Final = (*_NEEDED, "client_secret", "revoke_uri", "issuer")
_SEPARATE: Final = ("auth_uri", "revoke_uri", "issuer")
# The other members go to the provider unchanged: access_type, prompt, audience, resource and more.
_OURS: Final = frozenset(
    {*_TEXTS, "scopes", "client_auth", "jwt_algorithm", "jwt_header", "pkce", "token_params", "token_pointer"}
)


@dataclass(frozen=True, slots=True)
class SignInConfig:
    """The settings of a sign-in."""

    auth_uri: str
    client: Client
    field: str
    """The credential field for the tokens."""
    extras: Mapping[str, str | list[str]] = member(default_factory=dict)
    """Further parameters of the authorization request."""
    revoke_uri: str | None = None
    issuer: str | None = None
    """The issuer that must answer; None accepts the origins of the other addresses."""
    uses_pkce: bool = True
    token_pointer: str = ""
    """The JSON pointer of the object with the tokens in the answer of the token endpoint; empty for the answer."""


@dataclass(frozen=True, slots=True)
class AuthClient:
    """The settings of a client, and the place that has them."""

    oauth2: Mapping[str, Any] | None = member(repr=False)
    place: str
    """The file and the JSON pointer, for texts."""


def sign_in_config(
    component: Component,
    cfg: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    revoke_uri: str | None = None,
    auth_client: AuthClient | None = None,
) -> SignInConfig:
    """Return the settings of a component, with each ``{{NAME}}`` filled from a credential field or the environment.

    Args:
        component: The component.
        cfg: The credential fields.
        environ: The environment.
        revoke_uri: The revocation endpoint that replaces the descriptor's.
        auth_client: The settings that replace the descriptor's: those of a secret.

    Raises:
        BadInput: ``revoke_uri`` is not an address that tokens may be sent to.
        DescriptorError: The descriptor has no usable ``credentials.oauth2``; the message has the JSON pointer.
        MissingSetting: Variables are not set; the message names all of them.

    Source: contract §11.2.
    """
    client_of = auth_client or AuthClient(component.oauth2, f"{component.root / DESCRIPTOR}: {_POINTER}")
    place, described = client_of.place, _described(component, client_of)
    token_params = _checked(place, described, "token_params", dict, "an object of texts") or {}
    uses_pkce = _checked(place, described, "pkce", bool, "true or false") is not False
    token_pointer = _checked(place, described, "token_pointer", str, "a JSON pointer") or ""
    provider = _provider(component, described, place)
    variables = Variables(environ, cfg, frozenset(component.credentials.get("fields") or {}))
    from_option = {"revoke_uri": revoke_uri} if revoke_uri is not None else {}
    given = {**described, **from_option}
    variables.require(_templates(given, provider))
    texts = {name: _filled_url(place, variables, name, given.get(name)) for name in _SEPARATE}
    for name in ("auth_uri", "revoke_uri"):
        if texts[name] and (not is_private(texts[name]) or "#" in texts[name]):
            expected = "an https address without a fragment"
            if name in from_option:
                raise BadInput(f"expected {expected}, found {texts[name]!r} for --revoke-uri")
            _refuse(place, name, expected, texts[name])
    try:
        client = provider.fill(variables)
    except ClientMisconfigured as error:
        raise DescriptorError(f"{place}/token_uri: {error}") from error
    extras = _extras(described, variables)
    resource = extras.get("resource")
    # A token is for one resource; of several, the provider chooses one. Source: RFC 8707 §2.2.
    extra = {"resource": resource} if isinstance(resource, str) else {}
    extra |= variables.fill(token_params, "token_params")
    return SignInConfig(
        client=replace(client, extra=extra),
        field=token_field(component),
        extras=extras,
        uses_pkce=uses_pkce,
        token_pointer=token_pointer,
        **texts,
    )


def _checked(place: str, described: Mapping[str, Any], name: str, kind: type, expected: str) -> Any:
    """Return an optional member of the descriptor."""
    value = described.get(name)
    if kind is dict:
        value = dict(value) if isinstance(value, Mapping) else value
        is_valid = isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
    else:
        is_valid = isinstance(value, kind) and (name != "token_pointer" or str(value).startswith("/"))
    if value is not None and not is_valid:
        _refuse(place, name, expected, value)
    return value


def _described(component: Component, client: AuthClient) -> Mapping[str, Any]:
    oauth2, place = client.oauth2, client.place
    if oauth2 is None:
        is_managed = bool(component.raw.get("authClientTypes"))
        managed = ": with authClientTypes, sign in with --secret FILE, or at the platform" if is_managed else ""
        raise DescriptorError(f"{place}: expected the provider's addresses, found nothing{managed}")
    for name, what in _NEEDED.items():
        if not oauth2.get(name):
            _refuse(place, name, what, None)
    for name in _TEXTS:
        if not isinstance(oauth2.get(name), str | None):
            _refuse(place, name, "text", oauth2[name])
    return oauth2


def _provider(component: Component, described: Mapping[str, Any], place: str) -> ClientOptions:
    try:
        return ClientOptions.from_options({}, described, token_field(component))
    except InvalidOption as error:
        raise DescriptorError(f"{place}: {error}") from error


def _filled_url(place: str, variables: Variables, name: str, url: Any) -> Any:
    try:
        return variables.fill_url(url, name) if url else None
    except ClientMisconfigured as error:
        raise DescriptorError(f"{place}/{error}") from error


def _templates(given: Mapping[str, Any], provider: ClientOptions) -> dict[str, Any]:
    """Return all values that are filled, by the names of their options."""
    own = {name: given.get(name) for name in (*_SEPARATE, "token_params")}
    return {**own, **provider.templates(), **_parameters(given)}


def _extras(described: Mapping[str, Any], variables: Variables) -> dict[str, str | list[str]]:
    """Return the further parameters of the authorization request."""
    members = {name: variables.fill(value, name) for name, value in _parameters(described).items()}
    return {name: _parameter(name, value) for name, value in members.items()}


def _parameters(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members for the authorization request; addresses are settings, not parameters."""
    return {
        name: value
        for name, value in described.items()
        if name not in _OURS and not name.endswith(("_uri", "_url")) and value is not None
    }


def _parameter(name: str, value: Any) -> str | list[str]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value if name == "resource" else " ".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def _refuse(place: str, name: str, expected: str, found: Any) -> NoReturn:
    shown = "nothing" if not found else repr(found) if isinstance(found, str) else kind_of(found)
    raise DescriptorError(f"{place}/{name}: expected {expected}, found {shown}")
