"""An emulated OAuth2 provider in place of the one in a component's descriptor."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from shipmate.component import Component
from shipmate.emulator import OAuth2Provider, Server
from shipmate.oauth2.options import VARIABLE, Variables
from shipmate.testing.routes import Route, Routes

_ENDPOINTS: Final = {"token_uri": "/token", "auth_uri": "/authorize", "revoke_uri": "/revoke"}


def sample_variables(component: Component, environ: Mapping[str, str]) -> dict[str, str]:
    """Return sample values for the variables of the component and its ``credentials.oauth2``.

    Variables that the environment has are left out, and credential fields, which are filled from the configuration.
    """
    fields = component.credentials.get("fields") or {}
    names = [*component.env_vars, *(name for name in _variables(component.oauth2) if name not in fields)]
    return {name: sample_variable(name) for name in names if name not in environ}


def sample_variable(name: str) -> str:
    """Return a sample value for a variable: an address if its name ends with URI or URL.

    >>> sample_variable("TOKEN_URI"), sample_variable("CLIENT_ID")
    ('https://token-uri.example.com', 'sample-client_id')
    """
    if name.upper().endswith(("_URI", "_URL")):
        return f"https://{name.lower().replace('_', '-')}.example.com"
    return f"sample-{name.lower()}"


def provider_of(component: Component, environ: Mapping[str, str], **options: Any) -> OAuth2Provider:
    """Return a provider where the component's client is registered.

    If the client's id comes from a credential field, it is unknown here: ``demo-client`` is registered instead.

    Args:
        component: The component.
        environ: The environment with all variables of the client.
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
            # A variable that is not set is a credential field: its placeholder matches any value.
            url = VARIABLE.sub(lambda match: environ.get(match[1], match[0]), declared)
            yield Route(url.partition("?")[0], provider.url, path)


def serve_tokens(routes: Routes, provider: OAuth2Provider, component: Component, environ: Mapping[str, str]) -> None:
    """Route the endpoints in ``credentials.oauth2`` to the provider."""
    for route in routes_to(provider, component, environ):
        routes.add(route)


def _variables(value: Any) -> list[str]:
    """Return the names in all ``{{NAME}}`` placeholders of a JSON value."""
    if isinstance(value, str):
        return VARIABLE.findall(value)
    members = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [name for member in members for name in _variables(member)]
