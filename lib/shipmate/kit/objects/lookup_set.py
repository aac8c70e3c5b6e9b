"""The function that finds objects by many values of a unique field."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shipmate.invocation.message import Message, message
from shipmate.kit.objects.batches import several
from shipmate.kit.objects.declaration import Declaration
from shipmate.kit.objects.errors import NothingFound, ValueMissing
from shipmate.kit.objects.fields import Field, Schema
from shipmate.kit.objects.members import is_missing
from shipmate.kit.objects.names import Names
from shipmate.kit.objects.resource_function import ResourceFunction
from shipmate.kit.objects.routes import text_of
from shipmate.kit.objects.views import Descriptor, check_box
from shipmate.kit.values import flag

if TYPE_CHECKING:
    from shipmate.invocation.context import Context


class LookupSet(ResourceFunction):
    """Finds objects by many values of a unique field, in as few requests as the API allows."""

    requests: tuple[str, ...] = ("set",)

    def run(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> Message | None:
        """Return the objects by value.

        Raises:
            ValueMissing: The message has no list of values, or an empty value.
            NothingFound: A value has no object, and the step's fields do not allow that.
            MoreThanOneFound: A value has several objects.
            ValueError: There are too many values.
        """
        names, records = self.names, self.records(context, cfg)
        title = records.declared.title
        values = _values(names, msg["body"])
        found = several(records, self.chosen_criteria(records.declared, cfg), values)
        if len(found) < len(values):
            if records.declared.waits and flag(cfg, names.wait):
                context.emit("rebound", f"{title}: {len(values) - len(found)} of {len(values)} not found yet")
                return None
            if not flag(cfg, names.allow_zero):
                raise NothingFound(f"{title}: expected an object for each of {len(values)} values, found {len(found)}")
        return message({names.results_dictionary: found})

    def schemas(self, declared: Declaration, cfg: Mapping[str, Any]) -> dict[str, Schema]:
        """Return the schemas: the values in, the objects by value out."""
        field = declared.field(self.chosen_criteria(declared, cfg)) or Field(declared.id)
        kind = "number" if field.type in ("number", "integer") else "string"
        values: Schema = {"title": "Items to lookup", "type": "array", "items": {"type": kind}, "required": True}
        results: Schema = {"title": "Results", "type": "object", "properties": {}, "required": True}
        return {
            "in": {"type": "object", "properties": {self.names.items: values}},
            "out": {"type": "object", "properties": {self.names.results_dictionary: results}},
        }

    def fields(self) -> dict[str, Descriptor]:
        """Return the function's fields in ``component.json``."""
        names = self.names
        found = {
            **self.criteria_fields(),
            names.allow_zero: check_box(
                names, "Allow zero results", "Then values for which nothing is found are left out"
            ),
        }
        if self._first().waits:
            found[names.wait] = check_box(
                names, "Wait for objects to exist", "Then a message is tried again later until all are found"
            )
        return found

    def titles(self) -> tuple[str, str]:
        """Return the title and the description in ``component.json``."""
        title = self._source.title
        return f"Lookup Set of {title}s", f"Finds each {title} with one of several values"


def _values(names: Names, body: Mapping[str, Any]) -> list[str]:
    """Return the values of a message, each once."""
    given = body.get(names.items)
    if not isinstance(given, list):
        raise ValueMissing(f"{names.items}: expected a list of values, found none")
    if any(map(is_missing, given)):
        raise ValueMissing(f"{names.items}: expected a value in each place, found an empty one")
    values = list(dict.fromkeys(map(text_of, given)))
    if len(values) > names.most_items:
        raise ValueError(f"{names.items}: expected at most {names.most_items} values, found {len(values)}")
    return values
