"""Finds records by the value of one of their fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from salesforce.client import Salesforce
from salesforce.describe import DESCRIPTIONS, Field, describe
from salesforce.query import Record, pages, plain
from salesforce.records import given_record
from salesforce.schemas import Schema, of_value, outgoing
from salesforce.settings import Cfg, api_name, api_names
from salesforce.soql import literal, select


@dataclass(frozen=True)
class Lookup:
    """The object and the field in which a step looks for a value, and the fields that it reads."""

    object: str
    field: str
    fields: list[str]

    @classmethod
    def from_cfg(cls, cfg: Cfg) -> "Lookup":
        """Read the fields of the step."""
        return cls(api_name(cfg, "object"), api_name(cfg, "field"), api_names(cfg, "fields"))

    def find(self, client: Salesforce, msg: Mapping[str, Any], *, most: int) -> list[Record]:
        """Return the records with the value in a message, at most ``most``, in the order of their IDs.

        Raises:
            ValueError: The message has no value of the field's type.
            Busy, SalesforceError: Salesforce does not answer with records.
        """
        described = DESCRIPTIONS.of(client, self.object)
        field = described.field(self.field)
        value = literal(given_record(msg).get("value"), field.type)
        fields = list(dict.fromkeys(["Id", *(self.fields or described.readable())]))
        soql = select(fields, self.object, f"WHERE {field.name} = {value}", "ORDER BY Id", f"LIMIT {most}")
        return [plain(record) for page in pages(client, soql) for record in page.records]

    def schemas(self, client: Salesforce) -> tuple[Schema, Schema]:
        """Return the schemas of the incoming message and of a record."""
        described = describe(client, self.object)
        return of_value(described.field(self.field)), outgoing(chosen_fields(described.fields, self.fields))


def chosen_fields(fields: tuple[Field, ...], names: list[str]) -> list[Field]:
    """Return the fields that a query selects: the chosen ones, or all."""
    return [each for each in fields if each.type != "base64" and (not names or each.name in {"Id", *names})]
