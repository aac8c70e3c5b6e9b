"""The declaration of a resource: the facts about it that all its functions share."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from shipmate.kit.objects.connection import Connection
from shipmate.kit.objects.fields import Field, title_of
from shipmate.kit.objects.filters import Filters
from shipmate.kit.objects.linked import Linked
from shipmate.kit.objects.names import Names
from shipmate.kit.objects.paging import Paging
from shipmate.kit.objects.routes import Route
from shipmate.kit.objects.sorting import Sorting

if TYPE_CHECKING:
    from shipmate.kit.objects.api import Api

FieldsOf = Callable[[Connection, Mapping[str, Any]], Sequence[Field]]
"""Returns the fields of a resource: of a connection and the configuration."""
FetchSet = Callable[[Connection, Mapping[str, Any], Sequence[str]], Sequence[Any]]
"""Returns the objects with some values: of a connection, the settings of the step, and the values."""

_FIND: Final = "find"
CREATE: Final = "create"
"""The way of an upsert that creates first."""
_REQUESTS: Final = ("list", "item", "find", "set", "create", "update", "upsert", "delete")
_OF_ONE: Final = frozenset({"id"})
_OF_CRITERIA: Final = frozenset({"id", "criteria", "value"})
_OF_SET: Final = frozenset({"criteria", "values"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """How objects are written; a request is a method, or a method and a path. None: there is no such request.

    Args:
        create: Creates an object: ``"POST"``.
        update: Changes an object: ``"PATCH"``, or ``"PUT"`` for an API that replaces it.
        upsert: ``"find"`` looks for the object and then creates or changes it. A request does both at once and is
            better, since nothing can come in between: ``"PUT /contacts?match={criteria}"``, with ``{value}`` for the
            value and ``{criteria}`` for the field. ``"create"`` creates an object, and changes the one that exists if
            the API answers with 409 or a code of ``conflict``: nothing can come in between, either.
        conflict: The API's own codes which say that an object exists already.
        delete: Deletes an object: ``"DELETE"``.
        wrap: The path of the object in a body that is sent: ``"contact"``.
        merges: Whether an update reads the object and sends all of it with the changes; unless given, if it is ``PUT``.
        sends_id: Whether an update has the id in its body, too.
        reads_back: Whether an answer without the object leads to one more request, which reads it.
    """

    create: str | None = "POST"
    update: str | None = "PATCH"
    upsert: str | None = _FIND
    delete: str | None = "DELETE"
    conflict: Sequence[str] = ()
    wrap: str = ""
    merges: bool | None = None
    sends_id: bool = False
    reads_back: bool = False

    @property
    def finds(self) -> bool:
        """Whether an upsert is two requests."""
        return self.upsert in (_FIND, CREATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """The facts about a resource; `shipmate.kit.Resource` describes them."""

    api: "Api"
    path: str
    title: str
    names: Names
    id: str
    fields: Sequence[Field] | FieldsOf
    unique: Mapping[str, str]
    """The fields by which one object can be found, and the request that does it; empty for a search."""
    item: str
    list: Route
    missing: tuple[int, ...]
    record: str
    pages: Paging
    filters: Filters | None
    parameters: Sequence[Field]
    write: Write
    settings: Mapping[str, Mapping[str, Any]]
    waits: bool
    takes_first: bool
    """Whether the first of several objects with a unique value counts."""
    most: int
    changes: Any = None
    fetch_changes: Callable[..., Any] | None = None
    order: Mapping[str, Any] | None = None
    sets: Mapping[str, str | FetchSet]
    """The requests that find objects by many values of a unique field."""
    set_size: int
    """The most values in one such request."""
    linked: Mapping[str, Linked]
    """The objects that belong to one, by the names of their members."""
    sort: Sorting | None
    select: str = ""
    """The parameter with the names of the fields that an answer has."""
    nested: str = ""
    """The member of an object that has its fields."""
    term_name: Callable[[str], str] = str
    """Returns the name of a field in the search terms and orders of messages."""

    def check(self) -> None:
        """Check that the parts fit together.

        Raises:
            ValueError: A request has an unknown placeholder, a unique field cannot be searched for, or two select
                models have one name.
        """
        known = {*self.settings, self.names.object_type}
        templates = [(self.list, frozenset[str]()), (self.route("GET"), _OF_ONE)]
        templates += [(Route.parse(text, default=self.path), _OF_CRITERIA) for text in self.unique.values() if text]
        for name in ("create", "update", "delete"):
            if (route := self.request(name)) is not None:
                templates.append((route, _OF_ONE))
        if self.write.upsert and not self.write.finds:
            templates.append((Route.parse(self.write.upsert, default=self.item), _OF_CRITERIA))
        templates += [(Route.parse(text, default=self.path), _OF_SET) for text in self._set_texts()]
        for route, allowed in templates:
            if unknown := route.names - allowed - known:
                raise ValueError(
                    f"{self.title}: {route.template}: expected {', '.join(sorted(allowed | known))} as placeholders, "
                    f"found {', '.join(sorted(unknown))}"
                )
        for name, text in self.unique.items():
            if not text and (self.filters is None or "eq" not in self.filters.forms):
                raise ValueError(
                    f"{self.title}: unique: expected filters with the operator eq, or a request for {name}, found none"
                )
        models: dict[str, Any] = {}
        for described in self.settings.values():
            model = described.get("model")
            if callable(model) and models.setdefault(model.__name__, model) is not model:
                raise ValueError(
                    f"{self.title}: settings: expected select models of different names, found {model.__name__} twice"
                )
        for name in self.sets:
            if name != self.id and name not in self.unique:
                known_fields = ", ".join([self.id, *self.unique])
                raise ValueError(f"{self.title}: sets: expected unique fields ({known_fields}), found {name}")

    def route(self, method: str) -> Route:
        """Return the route to one object."""
        return Route.parse(method, default=self.item)

    def request(self, name: str) -> Route | None:
        """Return the request that creates, updates or deletes, None if there is none."""
        text = getattr(self.write, name)
        return Route.parse(text, default=self.path if name == "create" else self.item) if text else None

    def settings_for(self, *requests: str) -> dict[str, Mapping[str, Any]]:
        """Return the settings that some requests need: those in their paths, and those in no path at all.

        Args:
            requests: Of ``list``, ``find``, ``item``, ``set``, ``create``, ``update``, ``upsert`` and ``delete``.
        """
        names = {request: self._names_in(request) for request in _REQUESTS}
        anywhere = frozenset[str]().union(*names.values())
        here = frozenset[str]().union(*(names[request] for request in requests))
        return {name: each for name, each in self.settings.items() if name in here or name not in anywhere}

    def criteria(self) -> dict[str, str]:
        """Return the choices of a field to find one object by: the id first, then by label."""
        others = {name: self._label(name) for name in self.unique if name != self.id}
        return {self.id: self._label(self.id), **dict(sorted(others.items(), key=lambda item: item[1]))}

    def with_fields(self, fields: Sequence[Field]) -> "Declaration":
        """Return the declaration with the fields that its function has returned."""
        return replace(self, fields=fields)

    @property
    def known_fields(self) -> Sequence[Field]:
        """The declared fields; none if a function returns them."""
        return () if callable(self.fields) else self.fields

    def field(self, name: str) -> Field | None:
        """Return a declared field."""
        return next((each for each in (*self.searched_fields, *self.known_fields) if each.name == name), None)

    @property
    def searched_fields(self) -> Sequence[Field]:
        """The fields that the API searches by, orders by and selects: those within the member ``nested``."""
        if not self.nested:
            return self.known_fields
        return next((each.fields for each in self.known_fields if each.name == self.nested), ())

    @property
    def filter_ids(self) -> dict[str, str]:
        """The fields that one may search by: their names by those in messages."""
        return {self.term_name(each.name): each.name for each in self.searched_fields if each.is_filter}

    def selection(self) -> Sequence[str]:
        """Return the names of the fields that requests ask for; none if the API returns all of them."""
        return [each.name for each in self.searched_fields if not each.write_only] if self.select else []

    def name_of(self, path: str) -> str:
        """Return the name by which the API knows the field at a path in an object."""
        return path.removeprefix(f"{self.nested}.") if self.nested else path

    def _set_texts(self) -> Iterator[str]:
        return (text for text in self.sets.values() if isinstance(text, str))

    def _names_in(self, request: str) -> frozenset[str]:
        if request == "list":
            return self.list.names
        if request == "item":
            return self.route("GET").names
        if request == "find":
            routes = [Route.parse(text, default=self.path) if text else self.list for text in self.unique.values()]
            return self.route("GET").names.union(*(route.names for route in routes))
        if request == "set":
            routes = [Route.parse(text, default=self.path) for text in self._set_texts()]
            return self._names_in("find").union(*(route.names for route in routes))
        if request == "upsert":
            is_one = self.write.upsert and not self.write.finds
            return Route.parse(self.write.upsert or "", default=self.item).names if is_one else frozenset()
        route = self.request(request)
        return frozenset() if route is None else route.names

    def _label(self, name: str) -> str:
        declared = self.field(name)
        return f"{declared.label if declared else title_of(name)} ({name})"
