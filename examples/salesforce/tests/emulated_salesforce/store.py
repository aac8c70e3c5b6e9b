"""The records of the emulated org, and the rules by which they are written."""

import itertools
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from emulated_salesforce.sobjects import ORG, SObject

Row = dict[str, Any]


class Refused(Exception):
    """An error answer: a list of errors, as Salesforce shapes them."""

    def __init__(self, status: int, code: str, message: str, fields: list[str] | None = None, **more: Any) -> None:
        """Make an answer of one error."""
        super().__init__(code)
        self.status = status
        self.body: Any = [{"message": message, "errorCode": code, "fields": fields or [], **more}]


class Store:
    """The records; safe to use from several threads."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Begin empty."""
        self._now = now
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self.rows: dict[str, Row] = {}

    def add(self, name: str, **values: Any) -> str:
        """Put a record in, past all rules, and return its ID; ``SystemModstamp`` may be given."""
        with self._lock:
            record_id = f"{ORG[name].prefix}{next(self._numbers):012d}AAA"
            columns = dict.fromkeys(ORG[name].columns)
            stamped = {
                "Id": record_id,
                "IsDeleted": False,
                "SystemModstamp": self._stamp(),
                "HasOptedOutOfEmail": False,
            }
            defaults = {column: value for column, value in stamped.items() if column in columns}
            self.rows[record_id] = {**columns, **defaults, **values}
        return record_id

    def of(self, name: str, *, with_deleted: bool = False) -> list[Row]:
        """Return the records of an object."""
        with self._lock:
            found = [row for row in self.rows.values() if row["Id"].startswith(ORG[name].prefix)]
            return [row for row in found if with_deleted or not row["IsDeleted"]]

    def create(self, name: str, values: Mapping[str, Any], *, allows_duplicates: bool) -> str:
        """Create a record by the rules and return its ID."""
        with self._lock:
            described = _object(name)
            _check(described, values, "createable")
            missing = [
                each.name
                for each in described.own
                if each.createable and not each.nillable and not each.defaulted and values.get(each.name) in (None, "")
            ]
            if missing:
                text = f"Required fields are missing: [{', '.join(missing)}]"
                raise Refused(400, "REQUIRED_FIELD_MISSING", text, missing)
            self._check_duplicates(name, values, allows_duplicates=allows_duplicates)
            return self.add(name, **values)

    def update(self, name: str, record_id: str, values: Mapping[str, Any]) -> None:
        """Change a record by the rules."""
        with self._lock:
            row = self.find(name, record_id)
            _check(_object(name), values, "updateable")
            row.update(values, SystemModstamp=self._stamp())

    def delete(self, name: str, record_id: str) -> None:
        """Put a record into the bin."""
        with self._lock:
            self.find(name, record_id).update(IsDeleted=True, SystemModstamp=self._stamp())

    def find(self, name: str, record_id: str) -> Row:
        """Return a record."""
        row = self.rows.get(record_id)
        if row is None or not record_id.startswith(_object(name).prefix):
            raise Refused(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: Id")
        if row["IsDeleted"]:
            raise Refused(404, "ENTITY_IS_DELETED", "entity is deleted")
        return row

    def matching(self, name: str, key: str, value: str) -> list[str]:
        """Return the IDs of the records with an external id."""
        column = _object(name).columns.get(key)
        if column is None or not (column.external_id or column.id_lookup):
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        return [row["Id"] for row in self.of(name) if str(row.get(key) or "").lower() == value.lower()]

    def _check_duplicates(self, name: str, values: Mapping[str, Any], *, allows_duplicates: bool) -> None:
        email = values.get("Email")
        same = [row["Id"] for row in self.of(name) if email and row.get("Email") == email]
        if same and not allows_duplicates:
            matches = [{"record": {"attributes": {"type": name}, "Id": each}} for each in same]
            result = {"allowSave": True, "matchResults": [{"entityType": name, "matchRecords": matches}]}
            raise Refused(400, "DUPLICATES_DETECTED", "Use one of these records?", duplicateResut=result)

    def _stamp(self) -> str:
        return f"{self._now().astimezone(UTC):%Y-%m-%dT%H:%M:%S.000+0000}"


def _object(name: str) -> SObject:
    if name not in ORG:
        raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
    return ORG[name]


def _check(described: SObject, values: Mapping[str, Any], ability: str) -> None:
    for name, value in values.items():
        column = described.columns.get(name)
        if column is None:
            text = f"No such column '{name}' on sobject of type {described.name}"
            raise Refused(400, "INVALID_FIELD", text)
        if not getattr(column, ability):
            text = f"Unable to create/update fields: {name}. Please check the security settings of this field."
            raise Refused(400, "INVALID_FIELD_FOR_INSERT_UPDATE", text, [name])
        if column.choices and value is not None and value not in column.choices:
            text = f"{column.label or name}: bad value for restricted picklist field: {value}"
            raise Refused(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text, [name])
