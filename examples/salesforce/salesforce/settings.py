"""Reads the fields of a step, whose values are texts."""

import re
from collections.abc import Mapping
from typing import Any, Final

from shipmate.kit.values import required, text

Cfg = Mapping[str, Any]

DEFAULT_VERSION: Final = "64.0"
# Older versions answer an upsert without the id of the record.
_OLDEST_VERSION: Final = 46
_VERSION: Final = re.compile(r"v?(\d{2,3})(?:\.0)?", re.IGNORECASE)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def api_version(cfg: Cfg) -> str:
    """Return the version of the API.

    >>> api_version({"api_version": "v62.0"}), api_version({})
    ('62.0', '64.0')
    """
    given = text(cfg, "api_version", DEFAULT_VERSION)
    match = _VERSION.fullmatch(given)
    if match is None or int(match[1]) < _OLDEST_VERSION:
        raise ValueError(f"api_version: expected a version from {_OLDEST_VERSION}.0 on, found {given!r}")
    return f"{match[1]}.0"


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
