"""What all generated functions share: their ids, and the names by which ``component.json`` knows them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from shipmate.invocation.message import Message, message
from shipmate.kit.objects.fields import Schema
from shipmate.kit.objects.names import Names, names_from
from shipmate.kit.objects.views import Descriptor
from shipmate.session.diverted import Diverted

if TYPE_CHECKING:
    from shipmate.invocation.context import Context


class Function:
    """A function of a component: ``main`` in ``component.json`` may name it, ``"./crm.py:contacts.lookup"``.

    It has what a module has: ``process``, ``get_meta_model``, and the select models of its fields.
    """

    kind = "action"

    def __init__(self, names: Names) -> None:
        """Store the ids."""
        self.names = names

    def using(self, names: Names | Mapping[str, Any] | str | None = None, **changes: Any) -> Self:
        """Return the same function with other ids and defaults: ``contacts.delete.using(if_not_found="strategy")``."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.names = names_from(names, self.names).with_changes(changes)
        return other

    def process(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> Message | None:
        """Process a message; an error of the API becomes a message or a rebound if the step's fields say so."""
        try:
            return self.run(context, msg, cfg, snapshot)
        except Diverted as diverted:
            if diverted.body is not None:
                return message(diverted.body)
            context.emit("rebound", diverted.reason)
            return None

    def run(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> Message | None:
        """Process a message: emit messages, or return one."""
        raise NotImplementedError

    def get_meta_model(self, context: "Context", cfg: Mapping[str, Any]) -> dict[str, Schema]:
        """Return the schemas of the input and the output: ``{"in": {...}, "out": {...}}``."""
        raise NotImplementedError

    def descriptor(self) -> Descriptor:
        """Return the entry in ``component.json``, without ``main``."""
        raise NotImplementedError
