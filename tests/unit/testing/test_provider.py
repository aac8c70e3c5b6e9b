"""The provider in the place of the one that a descriptor names."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import Component, load
from shipmate.testing.provider import provider_of, routes_to, sample_variables

CLIENT = {"client_id": "{{ID}}", "client_secret": "{{SECRET}}", "token_uri": "https://{{shop}}.example.com/token?a=1"}


def component(root: Path, **raw: Any) -> Component:
    """Return a component with a descriptor."""
    fields = {"shop": {"label": "Shop", "viewClass": "TextFieldView"}}
    (root / "component.json").write_text(json.dumps({"title": "T", "credentials": {"fields": fields, **raw}}))
    return load(root)


def test_variables_that_are_not_set_get_sample_values(tmp_path: Path) -> None:
    """Those of fields are values of the account."""
    made = sample_variables(component(tmp_path, oauth2={**CLIENT, "scopes": ["{{SCOPE}}"]}), {"ID": "set"})

    assert made == {"SECRET": "sample-secret", "SCOPE": "sample-scope"}


@pytest.mark.parametrize(
    ("client", "known"),
    [
        ({}, {"i": "s"}),
        ({"client_secret": ""}, {"i": None}),
        ({"client_id": "{{shop}}"}, {"demo-client": "demo-secret"}),
        ({"client_id": ""}, {"demo-client": "demo-secret"}),
    ],
)
def test_the_provider_knows_the_client(tmp_path: Path, client: dict[str, str], known: dict[str, Any]) -> None:
    """Unless a credential field says who it is."""
    made = component(tmp_path, oauth2={**CLIENT, **client})

    assert provider_of(made, {"ID": "i", "SECRET": "s"}).clients.known == known
    assert provider_of(made, {}, clients={"own": "one"}, rotation=False).clients.known == {"own": "one"}


def test_its_endpoints_stand_for_those_of_the_descriptor(tmp_path: Path) -> None:
    """For whatever a credential field puts into the address."""
    made = component(tmp_path, oauth2=CLIENT)
    with provider_of(made, {"ID": "i", "SECRET": "s"}) as provider:
        (route,) = routes_to(provider, made, {})
        assert route.apply("https://ada.example.com/token") == provider.token_url
        assert route.apply("https://ada.example.com/other") is None
