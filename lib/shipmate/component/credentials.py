"""Reads the credential fields of a descriptor."""

from collections.abc import Mapping
from typing import Any

from shipmate.component import Component


def token_field(component: Component) -> str:
    """Return the credential field that holds the keys: the first of its kind, ``oauth`` by custom."""
    return next((name for name, kind in view_classes(component).items() if kind == "OAuthFieldView"), "oauth")


def view_classes(component: Component) -> dict[str, Any]:
    fields = component.credentials.get("fields") or {}
    return {name: field.get("viewClass") for name, field in fields.items() if isinstance(field, Mapping)}
