"""Inputs to try a component's functions on: the author's own where there are any, otherwise made up."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from shipmate.component import Component, Function, metadata
from shipmate.component.credentials import token_field, view_classes
from shipmate.errors import BadInput
from shipmate.local import fixtures
from shipmate.testing.provider import sample_variable

API_URL: Final = "https://api.example.com"
"""Where the API of a component is whose descriptor says no address."""
_NAMES_OF_URLS: Final = ("url", "uri", "host", "endpoint", "server")


@dataclass(frozen=True, slots=True)
class Sample:
    """The arguments of one call."""

    msg: dict[str, Any] = field(repr=False)
    cfg: dict[str, Any] = field(repr=False)
    snapshot: Any = field(repr=False)
    source: str | None
    """Where the author gives it, None when it was made up."""


class Samples:
    """The samples of one component."""

    def __init__(
        self,
        component: Component,
        given: Mapping[str, Mapping[str, Any]] | None = None,
        credentials: Mapping[str, Any] | None = None,
    ) -> None:
        """Note what the author gives.

        Args:
            component: The component.
            given: ``msg``, ``cfg`` and ``snapshot`` by function; what is missing comes from a fixture of its name.
            credentials: Credential fields for all functions, in place of those that are made up.
        """
        self._component = component
        self._given = given or {}
        self._credentials = dict(credentials or {})

    @property
    def token_field(self) -> str | None:
        """The credential field with the OAuth2 keys, None when the component has no OAuth2."""
        component = self._component
        has_field = "OAuthFieldView" in view_classes(component).values()
        return token_field(component) if component.oauth2 or has_field else None

    def credentials(self) -> dict[str, Any]:
        """Return the credential fields, with the keys to come; those of the first fixture win over made-up ones."""
        fields = self._component.credentials.get("fields") or {}
        fixed: Mapping[str, Any] = {}
        for name in fixture_names(self._component.root):
            cfg = self._fixture(name).get("cfg")
            if isinstance(cfg, Mapping):
                fixed = {member: value for member, value in cfg.items() if member in fields}
                break
        return {**sample_fields(fields), **fixed, **self._credentials}

    def of(self, function: Function) -> Sample:
        """Return the sample of a function: what the arguments give, then its fixture, then what can be made up.

        Raises:
            BadInput: ``test/fixture.json`` cannot be read.
            DescriptorError: The function's metadata is no schema.
        """
        given = dict(self._given.get(function.id, {}))
        fixture = self._fixture(function.id) if function.id in fixture_names(self._component.root) else {}
        source = "its argument samples" if given else f"{fixtures.FIXTURES}" if fixture else None
        found = {**fixture, **given}
        required = {name: each for name, each in function.fields.items() if each.get("required")}
        cfg = {**self.credentials(), **sample_fields(required), **(found.get("cfg") or {}), **self._credentials}
        msg = found["msg"] if "msg" in found else self._message(function)
        return Sample({"headers": {}, "body": {}, **msg}, cfg, found.get("snapshot", {}), source)

    def with_keys(self, cfg: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
        """Return a configuration with OAuth2 keys, whose further members stay."""
        name = self.token_field
        if name is None:
            return dict(cfg)
        old = cfg.get(name)
        return {**cfg, name: {"instance_url": API_URL, **(old if isinstance(old, Mapping) else {}), **keys}}

    def _message(self, function: Function) -> dict[str, Any]:
        schema = metadata.schema_of(self._component, function, "in")
        return {"body": metadata.sample(schema) if schema is not None else {}}

    def _fixture(self, name: str) -> dict[str, Any]:
        read = fixtures.read_fixture(self._component.root, name, _SampleEnviron(os.environ), without=frozenset())
        return {member: source.value for member, source in read.items()}


class _SampleEnviron(dict[str, str]):
    """The environment, in which variables that are not set have sample values."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return sample_variable(name)


def fixture_names(root: Path) -> list[str]:
    """Return the names of the component's fixtures; none when it has no file of them."""
    if not (root / fixtures.FIXTURES).exists():
        return []
    try:
        return fixtures.fixture_names(root)
    except BadInput:
        return [""]  # reading it tells what is wrong


def sample_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return values for fields of the descriptor; OAuth2 keys are not among them.

    >>> sample_fields({"size": {"viewClass": "SelectView", "model": {"s": "Small"}}, "base_url": {}})
    {'size': 's', 'base_url': 'https://api.example.com'}
    """
    described = {name: each for name, each in fields.items() if isinstance(each, Mapping)}
    return {name: _value(name, each) for name, each in described.items() if each.get("viewClass") != "OAuthFieldView"}


def _value(name: str, described: Mapping[str, Any]) -> Any:
    kind, model, placeholder = (described.get(each) for each in ("viewClass", "model", "placeholder"))
    if kind == "CheckBoxView":
        return False
    if kind == "PasswordFieldView":
        return f"sample-{secrets.token_hex(12)}"
    if kind == "HTTPAuthView":
        return {"type": "basic", "basic": {"username": "sample", "password": f"sample-{secrets.token_hex(12)}"}}
    if isinstance(model, Mapping) and model:
        return next(iter(model))
    if isinstance(placeholder, str) and placeholder.startswith("https://") and "<" not in placeholder:
        return placeholder
    if any(word in name.lower() for word in _NAMES_OF_URLS):
        return API_URL
    return placeholder if isinstance(placeholder, str) and placeholder else "sample"
