"""Reads the fields of objects, as Salesforce describes them to this account."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from salesforce.answers import SalesforceError, content
from salesforce.client import Salesforce

# Compound fields; their parts are fields, too: BillingAddress is BillingStreet, BillingCity...
_COMPOUND: Final = frozenset({"address", "location"})
_LIFE_SECONDS: Final = 300.0
_MOST_KEPT: Final = 50


@dataclass(frozen=True)
class Field:
    """A field of an object."""

    name: str
    label: str
    type: str
    length: int = 0
    is_createable: bool = False
    is_updateable: bool = False
    is_filterable: bool = False
    is_required: bool = False
    """Whether a new record must have it: it may not be empty, and has no default."""
    is_key: bool = False
    """Whether an upsert can find records by it."""
    choices: tuple[str, ...] = ()
    references: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Field":
        """Return one of the ``fields`` of a description."""
        choices = raw.get("picklistValues") or () if raw.get("type") in ("picklist", "combobox") else ()
        return cls(
            name=str(raw["name"]),
            label=str(raw.get("label") or raw["name"]),
            type=str(raw.get("type") or "string"),
            length=int(raw.get("length") or 0),
            is_createable=bool(raw.get("createable")),
            is_updateable=bool(raw.get("updateable")),
            is_filterable=bool(raw.get("filterable")),
            is_required=bool(raw.get("createable") and not raw.get("nillable") and not raw.get("defaultedOnCreate")),
            is_key=bool(raw.get("externalId") or raw.get("idLookup")) and raw["name"] != "Id",
            choices=tuple(str(each["value"]) for each in choices if each.get("active")),
            references=tuple(str(name) for name in raw.get("referenceTo") or ()),
        )


@dataclass(frozen=True)
class Description:
    """An object with its fields, without compound fields."""

    name: str
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field:
        """Return a field by its name.

        Raises:
            SalesforceError: The object has no such field.
        """
        for each in self.fields:
            if each.name.lower() == name.lower():
                return each
        raise SalesforceError(f"INVALID_FIELD: expected a field of {self.name}, found {name!r}", code="INVALID_FIELD")

    def readable(self) -> list[str]:
        """Return the names of all fields that a query may select; files are too large."""
        return [each.name for each in self.fields if each.type != "base64"]


class Descriptions:
    """A cache of descriptions: reading one costs a call and many kilobytes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without descriptions."""
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str, str], tuple[float, Description]] = {}

    def of(self, client: Salesforce, name: str) -> Description:
        """Return the description of an object, at most five minutes old.

        Raises:
            Busy, SalesforceError: Salesforce has not answered with a description.
        """
        key, now = (client.account, client.version, name), self._clock()
        with self._lock:
            read_at, found = self._known.get(key, (now - _LIFE_SECONDS, None))
        if found is None or now - read_at >= _LIFE_SECONDS:
            found = describe(client, name)
            with self._lock:
                if len(self._known) >= _MOST_KEPT:
                    self._known.clear()
                self._known[key] = (now, found)
        return found


def describe(client: Salesforce, name: str) -> Description:
    """Return the current description of an object."""
    body = content(client.get("sobjects", name, "describe"))
    fields = [Field.from_json(raw) for raw in body["fields"]]
    return Description(str(body["name"]), tuple(each for each in fields if each.type not in _COMPOUND))


DESCRIPTIONS: Final = Descriptions()
"""Those of this process."""
