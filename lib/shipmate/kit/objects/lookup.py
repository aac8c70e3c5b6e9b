"""The function that finds one object."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from shipmate.invocation.message import Message, message
from shipmate.kit.objects.declaration import Declaration
from shipmate.kit.objects.errors import NothingFound, ValueMissing, nothing_with
from shipmate.kit.objects.fields import Schema
from shipmate.kit.objects.links import chosen_links, inclusions, with_link_schemas, with_links
from shipmate.kit.objects.resource_function import ResourceFunction
from shipmate.kit.objects.views import Descriptor, check_box
from shipmate.kit.values import flag

if TYPE_CHECKING:
    from shipmate.invocation.context import Context


class Lookup(ResourceFunction):
    """Finds one object by a unique field."""

    requests: tuple[str, ...] = ("find",)
    omission = "Allow criteria to be omitted"
    """The label of the check box that allows messages without a value."""

    def run(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> Message | None:
        """Return the object, or an empty message where the step's fields allow it.

        Raises:
            ValueMissing: The message has no value.
            NothingFound: There is no such object.
            MoreThanOneFound: There are several.
        """
        names, records = self.names, self.records(context, cfg)
        criteria = self.chosen_criteria(records.declared, cfg)
        chosen = chosen_links(records.declared, cfg)
        value = self.value_in(records.declared, msg["body"], criteria)
        if value is None:
            if flag(cfg, names.allow_omitted):
                return message({})
            name = self.value_name(records.declared, criteria)
            raise ValueMissing(
                f'{name}: expected a value, found none: map one, or set "{self.omission}" if the step has this field'
            )
        found = records.one(criteria, value, inclusions(records.declared, chosen))
        if found is not None:
            return message(with_links(records, found, chosen))
        nothing = nothing_with(records.declared.title, criteria)
        if records.declared.waits and flag(cfg, names.wait):
            context.emit("rebound", f"{nothing} yet")
            return None
        if flag(cfg, names.allow_zero):
            return message({})
        raise NothingFound(nothing)

    def schemas(self, declared: Declaration, cfg: Mapping[str, Any]) -> dict[str, Schema]:
        """Return the schemas: the value in, the object out."""
        criteria = self.chosen_criteria(declared, cfg)
        value = self.value_schema(declared, criteria, required=not flag(cfg, self.names.allow_omitted))
        return {
            "in": {"type": "object", "properties": value},
            "out": with_link_schemas(declared, self.out_schema(declared), cfg),
        }

    def fields(self) -> dict[str, Descriptor]:
        """Return the function's fields in ``component.json``."""
        names = self.names
        found = {
            **self.criteria_fields(),
            **self.linked_fields(),
            names.allow_omitted: check_box(
                names, self.omission, "Then a message without a value gives an empty object"
            ),
            names.allow_zero: check_box(
                names, "Allow zero results", "Then nothing found gives an empty object, not an error"
            ),
        }
        if self._first().waits:
            found[names.wait] = check_box(
                names, "Wait for object to exist", "Then a message for which nothing is found is tried again later"
            )
        return found

    def titles(self) -> tuple[str, str]:
        """Return the title and the description in ``component.json``."""
        title = self._source.title
        return f"Lookup {title} (at most one)", f"Finds one {title} by a unique field"


class LookupById(Lookup):
    """Finds one object by its id."""

    requests = ("item",)
    by_id_only = True
    omission = "Allow ID to be omitted"

    def titles(self) -> tuple[str, str]:
        """Return the title and the description in ``component.json``."""
        return f"Lookup {self._source.title} By ID", f"Finds one {self._source.title} by its id"
