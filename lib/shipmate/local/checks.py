"""Compares the cfg of a local run with the fields that the descriptor declares."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from shipmate.component import Component, Function
from shipmate.component.credentials import view_classes
from shipmate.local.options import Inputs
from shipmate.wording import did_you_mean

_LOG: Final = logging.getLogger("shipmate.local")
_OF_PLATFORM: Final = frozenset({"secretId", "nodeSettings"})


def check_fields(component: Component, inputs: Inputs, function: Function) -> None:
    """Log a warning for each required field that the cfg lacks, and for each field that nothing declares.

    Args:
        component: The component.
        inputs: The cfg, and the names of the fields that do not come from the account.
        function: The function that gets the cfg.
    """
    credentials: Mapping[str, Any] = component.credentials.get("fields") or {}
    for name, declared in credentials.items():
        if _is_missing(declared, inputs.cfg.get(name)) and "secretId" not in inputs.cfg:
            _LOG.warning("the credential field %s is required, and the account has none: %s", name,
                         _remedy(component, name))  # fmt: skip
    for name, declared in function.fields.items():
        if _is_missing(declared, inputs.cfg.get(name)):
            _LOG.warning("the field %s of %s is required, and the cfg has none: add it by --set %s=VALUE, in the cfg "
                         "of a fixture, or in --cfg", name, function.id, name)  # fmt: skip
    known = {*credentials, *function.fields}
    if not known:
        return
    for name in sorted(inputs.given - known - _OF_PLATFORM):
        if not name.startswith("_"):
            _LOG.warning("the cfg has the field %s, which component.json does not declare for %s%s", name, function.id,
                         did_you_mean(name, known))  # fmt: skip


def _is_missing(declared: Any, value: Any) -> bool:
    return isinstance(declared, Mapping) and declared.get("required") is True and value in (None, "", {}, [])


def _remedy(component: Component, name: str) -> str:
    if view_classes(component).get(name) == "OAuthFieldView" and component.oauth2:
        return "run shipmate login"
    return "add it to account.keys.json, or to the file of --account"
