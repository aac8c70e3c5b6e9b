"""Reads the fields of steps and messages: texts, numbers, times, people."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import getaddresses
from typing import Any, Final

_ADDRESS: Final = re.compile(r"[^@\s<>]+@[^@\s<>]+")
_CLOCKS_DIFFER: Final = timedelta(hours=1)
_GRAPH_MOMENT: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]+)?Z")
_OFFSET: Final = re.compile(r"(?:[zZ]|[+-]\d{2}:?\d{2})$")


def text_of(source: Mapping[str, Any], name: str, default: str = "") -> str:
    """Return a text, the default if it is missing or empty.

    Raises:
        ValueError: The value is no text.
    """
    value = source.get(name)
    if value is None or value == "":
        return default
    if not isinstance(value, str):
        raise ValueError(f"{name}: expected text, found {type(value).__name__}")
    return value


def required_text(source: Mapping[str, Any], name: str) -> str:
    """Return a required text.

    Raises:
        ValueError: The value is missing, empty or no text.
    """
    value = text_of(source, name).strip()
    if not value:
        raise ValueError(f"{name}: expected text, found nothing")
    return value


def choice_of(source: Mapping[str, Any], name: str, choices: tuple[str, ...], default: str) -> str:
    """Return one of the choices, in any letter case.

    Raises:
        ValueError: The value is none of the choices.
    """
    given = text_of(source, name, default).strip()
    for choice in choices:
        if choice.lower() == given.lower():
            return choice
    raise ValueError(f"{name}: expected one of {', '.join(choices)}, found {given!r}")


def moment_of(source: Mapping[str, Any], name: str) -> str:
    """Return a time in UTC in the form of Graph, an empty text if it is missing.

    >>> moment_of({"start": "2026-05-01T09:00:00+02:00"}, "start")
    '2026-05-01T07:00:00Z'

    Raises:
        ValueError: The value is not ISO 8601.
    """
    text = text_of(source, name).strip()
    return graph_moment(_parsed(text, name)) if text else ""


def graph_moment(moment: datetime) -> str:
    """Return a time in the form of Graph; a time without a zone is in UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def order_of(moment: str) -> str:
    """Return the sort key of a time of Graph, which may have fractions of a second; an empty text is the earliest.

    >>> order_of("2026-05-01T07:00:00Z") < order_of("2026-05-01T07:00:00.5Z") == order_of("2026-05-01T07:00:00.50Z")
    True

    Raises:
        ValueError: The text has another form, so that its order is unknown.
    """
    match = _GRAPH_MOMENT.fullmatch(moment)
    if match is None and moment:
        raise ValueError("a time of Graph: expected a form such as 2026-05-01T07:00:00Z, found another one")
    return f"{match[1]}{(match[2] or '').rstrip('0').rstrip('.')}" if match else ""


def is_ahead(moment: str) -> bool:
    """Tell whether a time of Graph is in the future, by more than clocks differ."""
    return order_of(moment) > (datetime.now(UTC) + _CLOCKS_DIFFER).strftime("%Y-%m-%dT%H:%M:%S")


def zoned(source: Mapping[str, Any], name: str, zone: str) -> dict[str, str]:
    """Return a time with its zone; a time with an offset is converted to UTC.

    >>> zoned({"start": "2026-05-01T09:00"}, "start", "Europe/Berlin")
    {'dateTime': '2026-05-01T09:00:00', 'timeZone': 'Europe/Berlin'}

    Raises:
        ValueError: The value is missing or not ISO 8601.
    """
    text = required_text(source, name)
    moment = _parsed(text, name)
    if _OFFSET.search(text) and moment.tzinfo is not None:
        return {"dateTime": graph_moment(moment).rstrip("Z"), "timeZone": "UTC"}
    return {"dateTime": moment.strftime("%Y-%m-%dT%H:%M:%S"), "timeZone": zone}


def people_of(source: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Return people in the form of Graph.

    The value is a text (``"Ada <ada@example.com>, bob@example.com"``, also with semicolons), or a list of such texts,
    of objects with ``address`` and ``name``, or of objects in the form of Graph.

    >>> people_of({"to": "bob@example.com"}, "to")
    [{'emailAddress': {'address': 'bob@example.com'}}]

    Raises:
        ValueError: A part of the value is no address.
    """
    given = source.get(name)
    if given is None or given == "":
        return []
    found = []
    for each in given if isinstance(given, list) else [given]:
        found += _people_in(each, name)
    return found


def _people_in(given: object, name: str) -> list[dict[str, Any]]:
    if isinstance(given, str):
        pairs = getaddresses([given.replace(";", ",")])
        return [_person(address, shown, name) for shown, address in pairs if shown or address]
    if isinstance(given, dict):
        inner = given.get("emailAddress", given)
        if isinstance(inner, dict):
            return [_person(inner.get("address"), inner.get("name"), name)]
    raise ValueError(f"{name}: expected addresses, found {type(given).__name__}")


def _person(address: object, shown: object, name: str) -> dict[str, Any]:
    if not isinstance(address, str) or not _ADDRESS.fullmatch(address.strip()):
        raise ValueError(f"{name}: expected an address such as ada@example.com, found something else")
    person = {"address": address.strip()}
    if isinstance(shown, str) and shown.strip():
        person["name"] = shown.strip()
    return {"emailAddress": person}


def _parsed(text: str, name: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name}: expected a time such as 2026-05-01T09:00:00, found {text[:40]!r}") from None
