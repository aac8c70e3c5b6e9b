"""The objects of the emulated org, and how Salesforce describes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Column:
    """A field of an object, with what differs from an ordinary optional text field."""

    name: str
    type: str = "string"
    label: str = ""
    length: int = 0
    createable: bool = True
    updateable: bool = True
    nillable: bool = True
    defaulted: bool = False
    external_id: bool = False
    id_lookup: bool = False
    choices: tuple[str, ...] = ()
    references: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """Return it as one of the ``fields`` of a description."""
        return {
            "name": self.name,
            "label": self.label or self.name,
            "type": self.type,
            "length": self.length,
            "createable": self.createable,
            "updateable": self.updateable,
            "nillable": self.nillable,
            "defaultedOnCreate": self.defaulted,
            "filterable": self.type not in ("textarea", "base64", "address"),
            "externalId": self.external_id,
            "idLookup": self.id_lookup or self.external_id,
            "custom": self.name.endswith("__c"),
            "restrictedPicklist": bool(self.choices),
            "picklistValues": [
                *({"value": value, "label": value, "active": True, "defaultValue": False} for value in self.choices),
                *([{"value": "Retired", "label": "Retired", "active": False}] if self.choices else []),
            ],
            "referenceTo": list(self.references),
            "relationshipName": None,
            "compoundFieldName": None,
        }


def _read_only(name: str, kind: str, **more: Any) -> Column:
    return Column(name, kind, createable=False, updateable=False, nillable=False, defaulted=True, **more)


_SYSTEM = (
    _read_only("Id", "id", label="Record ID", length=18, id_lookup=True),
    _read_only("IsDeleted", "boolean", label="Deleted"),
    _read_only("SystemModstamp", "datetime", label="System Modstamp"),
)


@dataclass(frozen=True)
class SObject:
    """An object of the org."""

    name: str
    label: str
    prefix: str
    own: tuple[Column, ...]
    abilities: Mapping[str, bool] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, Column]:
        """All its fields by their names."""
        return {each.name: each for each in (*_SYSTEM, *self.own)}

    def summary(self) -> dict[str, Any]:
        """Return it as one of the ``sobjects`` of the global description."""
        able = ("createable", "updateable", "deletable", "queryable", "replicateable")
        flags = {name: self.abilities.get(name, True) for name in able}
        return {"name": self.name, "label": self.label, "keyPrefix": self.prefix, "deprecatedAndHidden": False} | flags


ACCOUNT = SObject(
    "Account",
    "Account",
    "001",
    (
        Column("Name", length=255, nillable=False, label="Account Name"),
        Column("Industry", "picklist", length=255, choices=("Energy", "Retail")),
        Column("AnnualRevenue", "currency", label="Annual Revenue"),
        Column("BillingAddress", "address", createable=False, updateable=False),
        Column("BillingCity", length=40),
    ),
)
CONTACT = SObject(
    "Contact",
    "Contact",
    "003",
    (
        Column("FirstName", length=40, label="First Name"),
        Column("LastName", length=80, nillable=False, label="Last Name"),
        Column("Name", length=121, createable=False, updateable=False, nillable=False),
        Column("Email", "email", length=80, id_lookup=True),
        Column("Birthdate", "date"),
        Column("HasOptedOutOfEmail", "boolean", nillable=False, defaulted=True, label="Email Opt Out"),
        Column("AccountId", "reference", length=18, references=("Account",), label="Account ID"),
        Column("Score__c", "double", label="Score"),
        Column("LastCall__c", "datetime", label="Last call"),
        Column("OpensAt__c", "time"),
        Column("Key__c", length=32, external_id=True, label="Key"),
        Column("Photo__c", "base64"),
    ),
)
CHANGE_EVENT = SObject(
    "ContactHistory",
    "Contact History",
    "017",
    (Column("Field", createable=False, updateable=False),),
    {"createable": False, "updateable": False, "deletable": False, "replicateable": False},
)
INVOICE = SObject("Invoice__c", "Account", "a01", (Column("Number__c", external_id=True, length=20, updateable=False),))

ORG = {each.name: each for each in (ACCOUNT, CONTACT, CHANGE_EVENT, INVOICE)}
