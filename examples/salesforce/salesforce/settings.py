"""Reads fields of a step with the names of objects and of fields."""

import re
from collections.abc import Mapping
from typing import Any, Final

from shipmate.kit.values import required

Cfg = Mapping[str, Any]

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def api_name(cfg: Cfg, name: str) -> str:
    """Return a field with the name of an object or of a field."""
    return _checked(required(cfg, name), name)


def api_names(cfg: Cfg, name: str) -> list[str]:
    """Return a field with any number of names: a list, or a text with commas.

    >>> api_names({"fields": ["Id", "Name"]}, "fields"), api_names({"fields": "Id, Name"}, "fields")
    (['Id', 'Name'], ['Id', 'Name'])
    """
    value = cfg.get(name) or []
    names = value.split(",") if isinstance(value, str) else [str(each) for each in value]
    return [_checked(each.strip(), name) for each in names if each.strip()]


def _checked(value: str, place: str) -> str:
    # Names are put into URLs and queries unescaped.
    if not _NAME.fullmatch(value):
        raise ValueError(f"{place}: expected an API name such as Account or Amount__c, found {value!r}")
    return value
