"""An emulated OAuth2 provider in the place of the one that a component's descriptor names."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from shipmate.component import Component
from shipmate.emulator import OAuth2Provider, Server
from shipmate.oauth2.options import VARIABLE, Variables
from shipmate.testing.routes import Route, Routes

_ENDPOINTS: Final = {"token_uri": "/token", "auth_uri": "/authorize", "revoke_uri": "/revoke"}


def sample_variables(component: Component, environ: Mapping[str, str]) -> dict[str, str]:
    """Return values for the variables that the component declares or its ``credentials.oauth2`` uses.

    Those that the environment has are left out, and those that a credential field has.
    """
    fields = component.credentials.get("fields") or {}
    named = [*component.env_vars, *(name for name in _variables(component.oauth2) if name not in fields)]
    return {name: sample_variable(name) for name in named if name not in environ}


def sample_variable(name: str) -> str:
    """Return a value for a variable that is not set, an address if its name says so.

    >>> sample_variable("TOKEN_URI"), sample_variable("CLIENT_ID")
    ('https://token-uri.example.com', 'sample-client_id')
    """
    if name.upper().endswith(("_URI", "_URL")):
        return f"https://{name.lower().replace('_', '-')}.example.com"
    return f"sample-{name.lower()}"


def provider_of(component: Component, environ: Mapping[str, str], **options: Any) -> OAuth2Provider:
    """Return a provider that knows the component's client.

    A client that is named by a credential field is not known here: then it is the ``demo-client`` of the emulator.

    Args:
        component: The component.
        environ: The environment, which has all variables of the client.
        **options: As for `shipmate.emulator.OAuth2Provider`.
    """
    oauth2 = component.oauth2 or {}
    fields = component.credentials.get("fields") or {}
    client = [oauth2.get("client_id"), oauth2.get("client_secret")]
    if "clients" not in options and client[0] and not any(name in fields for name in _variables(client)):
        variables = Variables(environ, {}, frozenset())
        client_id, secret = (variables.fill(value, "the client") if value else None for value in client)
        options["clients"] = {client_id: secret}
    return OAuth2Provider(**options)


def routes_to(provider: Server, component: Component, environ: Mapping[str, str]) -> Iterator[Route]:
    """Yield the routes from the addresses in ``credentials.oauth2`` to a running provider."""
    for name, path in _ENDPOINTS.items():
        declared = (component.oauth2 or {}).get(name)
        if isinstance(declared, str) and declared:
            # A variable that is not set is a credential field, and may have any value.
            url = VARIABLE.sub(lambda match: environ.get(match[1], match[0]), declared)
            yield Route(url.partition("?")[0], provider.url, path)


def serve_tokens(routes: Routes, provider: OAuth2Provider, component: Component, environ: Mapping[str, str]) -> None:
    """Have the provider answer for the endpoints in ``credentials.oauth2``."""
    for route in routes_to(provider, component, environ):
        routes.add(route)


def _variables(value: Any) -> list[str]:
    if isinstance(value, str):
        return VARIABLE.findall(value)
    members = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [name for member in members for name in _variables(member)]
