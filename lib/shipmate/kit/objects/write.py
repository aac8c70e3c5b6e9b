"""The functions that create, change, and do whichever is needed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shipmate.invocation.message import Message, message
from shipmate.kit.objects.declaration import Declaration
from shipmate.kit.objects.errors import NothingFound, nothing_with
from shipmate.kit.objects.fields import Schema, object_of
from shipmate.kit.objects.members import is_missing
from shipmate.kit.objects.records import Record, Records
from shipmate.kit.objects.resource_function import ResourceFunction
from shipmate.kit.objects.views import Descriptor, check_box
from shipmate.kit.values import flag

if TYPE_CHECKING:
    from shipmate.invocation.context import Context


class Create(ResourceFunction):
    """Creates an object."""

    requests: tuple[str, ...] = ("create",)

    def run(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> Message:
        """Return the object as the API stored it."""
        return message(self.records(context, cfg).create(msg["body"]))

    def schemas(self, declared: Declaration, cfg: Mapping[str, Any]) -> dict[str, Schema]:
        """Return the schemas: what may be written in, the object out."""
        asked = object_of(declared.known_fields, writes=True, requires=True)
        return {"in": asked, "out": self.out_schema(declared)}

    def titles(self) -> tuple[str, str]:
        """Return the title and the description in ``component.json``."""
        return f"Create {self._source.title}", f"Creates one {self._source.title}"


class Update(ResourceFunction):
    """Changes an object that a unique field identifies."""

    requests: tuple[str, ...] = ("find", "update")

    def run(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> Message | None:
        """Return the object as the API stored it.

        Raises:
            ValueMissing: The message has no value.
            NothingFound: There is no such object.
            MoreThanOneFound: There are several.
        """
        records = self.records(context, cfg)
        declared = records.declared
        criteria = self.chosen_criteria(declared, cfg)
        value = self.required_value(declared, msg["body"], criteria)
        changed = self._update(records, criteria, value, self.without_value(declared, msg["body"], criteria))
        if changed is not None:
            return message(changed)
        nothing = nothing_with(declared.title, criteria)
        if declared.waits and flag(cfg, self.names.wait):
            context.emit("rebound", f"{nothing} yet")
            return None
        raise NothingFound(nothing)

    def schemas(self, declared: Declaration, cfg: Mapping[str, Any]) -> dict[str, Schema]:
        """Return the schemas: the value and the changes in, the object out."""
        criteria = self.chosen_criteria(declared, cfg)
        asked = object_of(declared.known_fields, writes=True)
        asked["properties"] = {**asked["properties"], **self.value_schema(declared, criteria, required=True)}
        return {"in": asked, "out": self.out_schema(declared)}

    def fields(self) -> dict[str, Descriptor]:
        """Return the function's fields in ``component.json``."""
        found = self.criteria_fields()
        if self._first().waits:
            note = "Then a message for which nothing is found is tried again later"
            found[self.names.wait] = check_box(self.names, "Wait for object to exist", note)
        return found

    def titles(self) -> tuple[str, str]:
        """Return the title and the description in ``component.json``."""
        return f"Update {self._source.title}", f"Changes one {self._source.title}; what a message lacks stays"

    def without_value(self, declared: Declaration, body: Mapping[str, Any], criteria: str) -> dict[str, Any]:
        """Return the members of a message that are written: not the value to find the object by."""
        name = self.value_name(declared, criteria)
        # A field of that name may be written as well, but an id identifies the object only.
        is_own = name != criteria or name == declared.id
        return {each: value for each, value in body.items() if not (is_own and each == name)}

    def _update(self, records: Records, criteria: str, value: Any, body: Mapping[str, Any]) -> Record | None:
        if criteria == records.declared.id:
            return records.update(value, body)
        stored = records.one(criteria, value)
        return None if stored is None else records.update(records.id_of(stored), body, stored)


class Upsert(Update):
    """Changes the object that a unique field identifies, or creates it."""

    requests: tuple[str, ...] = ("find", "create", "update", "upsert")

    def run(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> Message:
        """Return the object as the API stored it; a message without a value creates one.

        Raises:
            MoreThanOneFound: There are several.
        """
        records = self.records(context, cfg)
        declared = records.declared
        criteria = self.chosen_criteria(declared, cfg)
        value = self.value_in(declared, msg["body"], criteria)
        body = self.without_value(declared, msg["body"], criteria)
        return message(records.create(body) if is_missing(value) else records.upsert(criteria, value, body))

    def schemas(self, declared: Declaration, cfg: Mapping[str, Any]) -> dict[str, Schema]:
        """Return the schemas: the object in and out, the unique field among its members."""
        criteria = self.chosen_criteria(declared, cfg)
        asked = object_of(declared.known_fields, writes=True)
        if criteria not in asked["properties"]:
            (schema,) = self.value_schema(declared, criteria, required=False).values()
            asked["properties"] = {criteria: schema, **asked["properties"]}
        return {"in": asked, "out": self.out_schema(declared)}

    def fields(self) -> dict[str, Descriptor]:
        """Return the function's fields in ``component.json``."""
        return self.criteria_fields()

    def titles(self) -> tuple[str, str]:
        """Return the title and the description in ``component.json``."""
        title = self._source.title
        return f"Upsert {title}", f"Changes the {title} that a unique field identifies, or creates it"
