"""The function that deletes an object."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shipmate.errors import NoSample
from shipmate.invocation.message import Message, message
from shipmate.kit.objects.declaration import Declaration
from shipmate.kit.objects.errors import NothingFound, nothing_with
from shipmate.kit.objects.fields import Schema
from shipmate.kit.objects.records import Records
from shipmate.kit.objects.resource_function import ResourceFunction
from shipmate.kit.objects.views import Descriptor, select
from shipmate.kit.polling.fields import is_sample
from shipmate.kit.values import choice

if TYPE_CHECKING:
    from shipmate.invocation.context import Context

_NOTHING: Mapping[str, str] = {
    "emitNothing": "Emit nothing",
    "emitEmpty": "Emit an empty object",
    "throwError": "Throw an error",
}


class Delete(ResourceFunction):
    """Deletes the object that a unique field identifies."""

    requests: tuple[str, ...] = ("find", "delete")

    def run(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> Message | None:
        """Return the id of the deleted object.

        Raises:
            ValueMissing: The message has no value.
            NothingFound: There is no such object, and the step's field asks for an error.
            NoSample: There is no such object, the run fetches a sample, and would emit nothing.
            MoreThanOneFound: There are several.
        """
        names, records = self.names, self.records(context, cfg)
        declared = records.declared
        criteria = self.chosen_criteria(declared, cfg)
        strategy = choice(cfg, names.if_not_found, *_NOTHING, default=names.default_if_not_found)
        value = self.required_value(declared, msg["body"], criteria)
        id = _id(records, criteria, value)
        if id is not None and records.delete(id):
            return message({declared.id: id})
        if strategy == "throwError":
            raise NothingFound(nothing_with(declared.title, criteria))
        if strategy == "emitNothing" and is_sample():
            raise NoSample(
                "the sample: expected an object to delete, found none; this concerns the sample only: in the flow, "
                "nothing found is no error"
            )
        return message({}) if strategy == "emitEmpty" else None

    def schemas(self, declared: Declaration, cfg: Mapping[str, Any]) -> dict[str, Schema]:
        """Return the schemas: the value in, the id out."""
        criteria = self.chosen_criteria(declared, cfg)
        field = declared.field(declared.id)
        id: Schema = field.to_schema(writes=False) if field is not None else {"title": "ID", "type": "string"}
        return {
            "in": {"type": "object", "properties": self.value_schema(declared, criteria, required=True)},
            "out": {"type": "object", "properties": {declared.id: id}},
        }

    def fields(self) -> dict[str, Descriptor]:
        """Return the function's fields in ``component.json``."""
        names = self.names
        strategy = select("Emit strategy when no object found", _NOTHING, _NOTHING[names.default_if_not_found])
        return {**self.criteria_fields(), names.if_not_found: strategy}

    def changes_schema(self) -> bool:
        """Return whether a field changes the schemas: the one to find the object by."""
        return bool(self.criteria_fields())

    def titles(self) -> tuple[str, str]:
        """Return the title and the description in ``component.json``."""
        return f"Delete {self._source.title}", f"Deletes one {self._source.title}"


class DeleteById(Delete):
    """Deletes an object by its id."""

    requests: tuple[str, ...] = ("item", "delete")
    by_id_only = True

    def titles(self) -> tuple[str, str]:
        """Return the title and the description in ``component.json``."""
        return f"Delete {self._source.title} By ID", f"Deletes one {self._source.title}"


def _id(records: Records, criteria: str, value: Any) -> Any:
    """Return the id of the object, None if there is none."""
    if criteria == records.declared.id:
        return value
    found = records.one(criteria, value)
    return None if found is None else records.id_of(found)
