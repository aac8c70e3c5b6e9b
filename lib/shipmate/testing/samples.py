"""Sample inputs for the functions of a component: the author's where there are any, otherwise generated."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from shipmate.component import Component, Function, metadata
from shipmate.component.credentials import auth_client_types, token_field, view_classes
from shipmate.errors import BadInput
from shipmate.local import fixtures
from shipmate.testing.provider import sample_variable

API_URL: Final = "https://api.example.com"
"""Address of the API if the descriptor has none."""
SECRET_ID: Final = "secret-of-the-suite"  # noqa: S105 - an id
"""Id of the secret at the emulated platform."""
_URL_WORDS: Final = ("url", "uri", "host", "endpoint", "server")
"""Words in the name of a field whose value is an address."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The arguments of one call."""

    msg: dict[str, Any] = field(repr=False)
    cfg: dict[str, Any] = field(repr=False)
    snapshot: Any = field(repr=False)
    source: str | None
    """Origin of the author's inputs; None if all are generated."""


class Samples:
    """The samples of one component."""

    def __init__(
        self,
        component: Component,
        given: Mapping[str, Mapping[str, Any]] | None = None,
        credentials: Mapping[str, Any] | None = None,
    ) -> None:
        """Hold the author's inputs.

        Args:
            component: The component.
            given: ``msg``, ``cfg`` and ``snapshot`` by function; missing ones come from the fixture of the function.
            credentials: Credential fields for all functions, in place of generated ones.
        """
        self._component = component
        self._given = given or {}
        self._credentials = dict(credentials or {})
        self.saved_field: str | None = None
        """The field in which the component saves tokens although its descriptor has no OAuth2; None if unknown."""

    @property
    def token_field(self) -> str | None:
        """The credential field with the OAuth2 keys, None when the component has no OAuth2."""
        component = self._component
        if self.secret_types:
            return None
        has_field = "OAuthFieldView" in view_classes(component).values()
        return token_field(component) if component.oauth2 or has_field else self.saved_field

    @property
    def secret_types(self) -> tuple[str, ...]:
        """The types of secrets of the platform that the component accepts; empty if it keeps its own credentials."""
        return auth_client_types(self._component)

    def credentials(self) -> dict[str, Any]:
        """Return the credential fields without OAuth2 keys: the author's, those of the first fixture, else samples."""
        fields = self._component.credentials.get("fields") or {}
        of_fixture: Mapping[str, Any] = {}
        for name in fixture_names(self._component.root):
            cfg = self._fixture(name).get("cfg")
            if isinstance(cfg, Mapping):
                of_fixture = {member: value for member, value in cfg.items() if member in fields}
                break
        if self.secret_types:
            return {"secretId": SECRET_ID, **of_fixture, **self._credentials}
        return {**sample_fields(fields), **of_fixture, **self._credentials}

    def of(self, function: Function) -> Sample:
        """Return the sample of a function: from the argument ``given``, then from its fixture, else generated.

        Raises:
            BadInput: ``test/fixture.json`` cannot be read.
            DescriptorError: The function's metadata is no schema.
        """
        given = dict(self._given.get(function.id, {}))
        fixture = self._fixture(function.id) if function.id in fixture_names(self._component.root) else {}
        source = "its argument samples" if given else str(fixtures.FIXTURES) if fixture else None
        inputs = {**fixture, **given}
        required = {name: each for name, each in function.fields.items() if each.get("required")}
        cfg = {**self.credentials(), **sample_fields(required), **(inputs.get("cfg") or {}), **self._credentials}
        msg = inputs["msg"] if "msg" in inputs else self._message(function)
        return Sample({"headers": {}, "body": {}, **msg}, cfg, inputs.get("snapshot", {}), source)

    def lacks_message(self, function: Function) -> bool:
        """Return whether the author gives no message for a function."""
        names = fixture_names(self._component.root)
        fixture = self._fixture(function.id) if function.id in names else {}
        return "msg" not in {**fixture, **self._given.get(function.id, {})}

    def with_keys(self, cfg: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
        """Return a configuration with OAuth2 keys merged into its token field."""
        name = self.token_field
        if name is None:
            return dict(cfg)
        old = cfg.get(name)
        return {**cfg, name: {"instance_url": API_URL, **(old if isinstance(old, Mapping) else {}), **keys}}

    def _message(self, function: Function) -> dict[str, Any]:
        schema = metadata.schema_of(self._component, function, "in")
        return {"body": metadata.sample(schema) if schema is not None else {}}

    def _fixture(self, name: str) -> dict[str, Any]:
        sources = fixtures.read_fixture(self._component.root, name, _SampleEnviron(os.environ), without=frozenset())
        return {member: source.value for member, source in sources.items()}


def sample_secret(kind: str, *, tokens: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a secret of a type, with new values each time.

    Args:
        kind: The type of the secret.
        tokens: A token response, for a secret of OAuth2.
    """
    value = f"sample-{secrets.token_hex(12)}"
    credentials: dict[str, dict[str, Any]] = {
        "basic": {"username": "sample", "password": value},
        "api_key": {"headerName": "X-API-Key", "headerValue": value},
        "noauth": {},
    }
    return {"type": kind, "state": "ready", "credentials": credentials.get(kind, dict(tokens))}


class _SampleEnviron(dict[str, str]):
    """The environment with a sample value for each variable that is not set."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return sample_variable(name)


def fixture_names(root: Path) -> list[str]:
    """Return the names of the component's fixtures; an empty list without ``test/fixture.json``."""
    if not (root / fixtures.FIXTURES).exists():
        return []
    try:
        return fixtures.fixture_names(root)
    except BadInput:
        return [""]  # reading a fixture reports the error


def sample_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return sample values for fields of the descriptor, except OAuth2 keys.

    >>> sample_fields({"size": {"viewClass": "SelectView", "model": {"s": "Small"}}, "base_url": {}})
    {'size': 's', 'base_url': 'https://api.example.com'}
    """
    objects = {name: each for name, each in fields.items() if isinstance(each, Mapping)}
    return {name: _value(name, each) for name, each in objects.items() if each.get("viewClass") != "OAuthFieldView"}


def _value(name: str, declared: Mapping[str, Any]) -> Any:
    view_class, model, placeholder = (declared.get(each) for each in ("viewClass", "model", "placeholder"))
    if view_class == "CheckBoxView":
        return False
    if view_class == "PasswordFieldView":
        return f"sample-{secrets.token_hex(12)}"
    if view_class == "HTTPAuthView":
        return {"type": "basic", "basic": {"username": "sample", "password": f"sample-{secrets.token_hex(12)}"}}
    if isinstance(model, Mapping) and model:
        return next(iter(model))
    if isinstance(placeholder, str) and placeholder.startswith("https://") and "<" not in placeholder:
        return placeholder
    if any(word in name.lower() for word in _URL_WORDS):
        return API_URL
    return placeholder if isinstance(placeholder, str) and placeholder else "sample"
