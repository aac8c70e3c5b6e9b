"""Reads the credential fields of a component.

Source: contract §11.2.
"""

from collections.abc import Mapping
from typing import Any

from shipmate.component import Component


def token_field(component: Component) -> str:
    """Return the name of the field that holds the OAuth2 keys: the first ``OAuthFieldView``, ``oauth`` without one."""
    return next((name for name, kind in view_classes(component).items() if kind == "OAuthFieldView"), "oauth")


def view_classes(component: Component) -> dict[str, Any]:
    """Return the view class of each credential field: ``{"oauth": "OAuthFieldView"}``."""
    fields = component.credentials.get("fields") or {}
    return {name: field.get("viewClass") for name, field in fields.items() if isinstance(field, Mapping)}


def auth_client_types(component: Component) -> tuple[str, ...]:
    """Return the types of secrets that the component accepts: ``("oauth2", "basic")``; empty without secrets."""
    types = component.raw.get("authClientTypes")
    return tuple(map(str, types)) if isinstance(types, list | tuple) else ()
