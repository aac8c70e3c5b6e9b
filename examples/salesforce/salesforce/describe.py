"""Reads the fields of objects, as Salesforce describes them to this account."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from salesforce.client import Salesforce
from shipmate import ApiError
from shipmate.kit import Cache

# Compound fields; their parts are fields, too: BillingAddress is BillingStreet, BillingCity...
_COMPOUND: Final = frozenset({"address", "location"})

Field = Mapping[str, Any]
"""A field as Salesforce describes it: ``{"name": "Email", "label": "Email", "type": "email", "createable": true}``."""


@dataclass(frozen=True)
class Description:
    """An object with its fields, without compound fields."""

    name: str
    fields: list[Field]

    def field(self, name: str) -> Field:
        """Return a field by its name.

        Raises:
            ApiError: The object has no such field.
        """
        for each in self.fields:
            if each["name"].lower() == name.lower():
                return each
        raise ApiError(f"INVALID_FIELD: expected a field of {self.name}, found {name!r}")

    def readable(self, names: list[str]) -> list[Field]:
        """Return the fields that a query selects: all, or the chosen ones; never files, which are too large."""
        return [each for each in self.fields if is_readable(each) and (not names or each["name"] in {"Id", *names})]


def is_readable(field: Field) -> bool:
    """Tell whether a query can select a field."""
    return bool(field["type"] != "base64")


def describe(client: Salesforce, name: str) -> Description:
    """Return the current description of an object."""
    body = client.get("sobjects", name, "describe")
    return Description(body["name"], [each for each in body["fields"] if each["type"] not in _COMPOUND])


def known(client: Salesforce, name: str) -> Description:
    """Return the description of an object, at most five minutes old: one costs a call and many kilobytes."""
    return _KNOWN.get((client.account, name), lambda: describe(client, name))


_KNOWN: Final[Cache[Description]] = Cache(300, most=50)
