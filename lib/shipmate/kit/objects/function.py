"""What all generated functions share: their ids, and the names by which ``component.json`` knows them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from shipmate.invocation.message import Message, message
from shipmate.kit.objects.fields import Schema
from shipmate.kit.objects.names import Names, names_from
from shipmate.kit.objects.views import Descriptor
from shipmate.session.diverted import Diverted

if TYPE_CHECKING:
    from shipmate.invocation.context import Context

Then = Callable[["Context", Mapping[str, Any], Message], Message | None]
"""What an author adds behind a function: of the context, the configuration and the message."""


class GeneratedFunction:
    """A function of a component: ``main`` in ``component.json`` may name it, ``"./crm.py:contacts.lookup"``.

    It has what a module has: ``process``, ``get_meta_model``, and the select models of its fields.
    """

    kind = "action"
    returns = True
    """Whether the function returns one message, and does not emit several."""

    def __init__(self, names: Names) -> None:
        """Store the ids."""
        self.names = names
        self._added: tuple[Then, ...] = ()

    def using(self, names: Names | Mapping[str, Any] | str | None = None, **changes: Any) -> Self:
        """Return the same function with other ids and defaults: ``contacts.delete.using(if_not_found="strategy")``."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.names = names_from(names, self.names).with_changes(changes)
        return other

    def then(self, add: Then) -> Self:
        """Return the same function, with one of an author behind it: ``contacts.lookup.then(with_file)``.

        Args:
            add: Gets the context, the configuration and the message that would be emitted, and returns the one that is
                emitted, or None.

        Raises:
            ValueError: The function emits several messages.
        """
        if not self.returns:
            raise ValueError("then: expected a function that returns one message, found one that emits several")
        other = self.using()
        other._added = (*self._added, add)
        return other

    def process(self, context: "Context", msg: Message, cfg: Mapping[str, Any], snapshot: Any) -> Message | None:
        """Process a message; an error of the API becomes a message or a rebound if the step's fields say so."""
        try:
            found = self.run(context, msg, cfg, snapshot)
            for add in self._added:
                found = add(context, cfg, found) if found is not None else None
            return found
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
