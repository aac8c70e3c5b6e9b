"""Checks that the OAuth2 clients of a component do not keep their keys in one credential field."""

import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from shipmate import OAuth2
from shipmate.errors import InvalidOption
from shipmate.jsonvalue import object_member, pointer_to
from shipmate.oauth2.options import ClientOptions
from shipmate.tools.validation.credentials import view_classes
from shipmate.tools.validation.report import Findings


def check_clients(findings: Findings, root: Path, raw: Mapping[str, Any]) -> None:
    """Report clients of the imported modules that share a field.

    Args:
        findings: Receives the problems.
        root: The component's folder; its modules are imported.
        raw: The descriptor.
    """
    if raw.get("authClientTypes"):
        return  # the platform keeps the keys
    described = object_member(object_member(raw, "credentials"), "oauth2")
    default = next((name for name, view in view_classes(raw).items() if view == "OAuthFieldView"), "oauth")
    known: dict[str, ClientOptions] = {}
    for given in _declared(root):
        try:
            client = ClientOptions.from_options(given, described, default)
        except InvalidOption:
            continue  # the first session says so
        if client.token_url is None and client.client_id is None:
            continue
        try:
            known.setdefault(client.field, client).check_field(client)
        except InvalidOption as error:
            # A warning: the field may also choose between them, such as a sandbox and production.
            text = f"{error}; unless each account uses one of them only"
            findings.warning(f"/credentials/fields{pointer_to(client.field)}", text)
            return


def _declared(root: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the options of each client that a module of the component has under a name."""
    root = root.resolve()

    @cache
    def is_inside(path: str) -> bool:
        return Path(path).resolve().is_relative_to(root)

    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        # Some folders have hundreds of modules, and to resolve each of these takes as long as all other checks.
        if not file or not is_inside(os.path.dirname(file)) or not is_inside(file):
            continue
        for value in list(vars(module).values()):
            if isinstance(value, OAuth2):
                yield value.options
            elif callable(of_api := getattr(type(value), "oauth2_options", None)):
                given = of_api(value)
                if given is not None:
                    yield given
