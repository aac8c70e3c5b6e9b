"""The declaration of resources, and the functions that follow from it."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, Literal

from shipmate.kit.objects.api import Api
from shipmate.kit.objects.declaration import Declaration, FetchSet, FieldsOf, Write
from shipmate.kit.objects.delete import Delete, DeleteById
from shipmate.kit.objects.fields import Field, title_of
from shipmate.kit.objects.filters import Filters
from shipmate.kit.objects.linked import Linked, linked_from
from shipmate.kit.objects.lookup import Lookup, LookupById
from shipmate.kit.objects.lookup_many import LookupMany
from shipmate.kit.objects.lookup_set import LookupSet
from shipmate.kit.objects.names import Names, names_from
from shipmate.kit.objects.paging import Paging, whole
from shipmate.kit.objects.poll import Poll, check_changes
from shipmate.kit.objects.resource_function import Choices
from shipmate.kit.objects.routes import Route
from shipmate.kit.objects.sorting import Sorting
from shipmate.kit.objects.write import Create, Update, Upsert
from shipmate.wording import did_you_mean_or_list

_MOST_OBJECTS: Final = 10_000
_SET_SIZE: Final = 50
FUNCTIONS: Final[Mapping[str, str]] = {
    "lookup": "lookupObject",
    "lookup_by_id": "lookupObjectById",
    "lookup_set": "lookupSetOfObjects",
    "lookup_many": "lookupObjects",
    "create": "createObject",
    "update": "updateObject",
    "upsert": "upsertObject",
    "delete": "deleteObject",
    "delete_by_id": "deleteObjectById",
    "poll": "getNewAndUpdatedObjectsPolling",
}
"""The functions of a resource, and their ids in new components."""


class _Functions:
    """The functions of one or several resources: ``main`` in ``component.json`` may name each of them."""

    title: str
    names: Names

    @property
    def types(self) -> Choices | None:
        """The object types and their labels; None if there is one resource only."""
        raise NotImplementedError

    def declaration(self, name: str) -> Declaration:
        """Return the declaration of an object type."""
        raise NotImplementedError

    def first(self) -> Declaration:
        """Return the declaration that stands for all."""
        raise NotImplementedError

    @property
    def has_links(self) -> bool:
        """Return whether objects have linked ones."""
        return bool(self.first().linked)

    @cached_property
    def lookup(self) -> Lookup:
        """Finds one object by a unique field."""
        return Lookup(self)

    @cached_property
    def lookup_by_id(self) -> LookupById:
        """Finds one object by its id."""
        return LookupById(self)

    @cached_property
    def lookup_set(self) -> LookupSet:
        """Finds objects by many values of a unique field."""
        return LookupSet(self)

    @cached_property
    def lookup_many(self) -> LookupMany:
        """Finds all objects that match."""
        return LookupMany(self)

    @cached_property
    def create(self) -> Create:
        """Creates an object."""
        return Create(self)

    @cached_property
    def update(self) -> Update:
        """Changes an object."""
        return Update(self)

    @cached_property
    def upsert(self) -> Upsert:
        """Changes or creates an object."""
        return Upsert(self)

    @cached_property
    def delete(self) -> Delete:
        """Deletes an object by a unique field."""
        return Delete(self)

    @cached_property
    def delete_by_id(self) -> DeleteById:
        """Deletes an object by its id."""
        return DeleteById(self)

    @cached_property
    def poll(self) -> Poll:
        """Emits new and changed objects."""
        return Poll(self)

    def available(self) -> dict[str, str]:
        """Return the functions that the declaration allows, and their ids in new components."""
        declared = self.first()
        write = declared.write
        lacks = {name for name in ("create", "update", "upsert", "delete") if getattr(write, name) is None}
        if write.finds and {"create", "update"} & lacks:
            lacks.add("upsert")
        if declared.changes is None:
            lacks.add("poll")
        if not declared.sets:
            lacks.add("lookup_set")
        has_choice = self.types is not None or bool(declared.unique)
        lacks |= {"lookup_by_id", "delete_by_id"} if has_choice or "delete" in lacks else {"delete"}
        if not has_choice:
            lacks = (lacks | {"lookup"}) - {"lookup_by_id"}
        return {name: id for name, id in FUNCTIONS.items() if name not in lacks}


class Resource(_Functions):
    """A kind of objects of an API: ``Resource(api, "/contacts", title="Contact", unique=("email",), ...)``."""

    def __init__(
        self,
        api: Api,
        path: str,
        *,
        title: str,
        id: str = "id",
        fields: Sequence[Field] | FieldsOf = (),
        unique: Sequence[str] | Mapping[str, str] = (),
        item: str | None = None,
        list: str = "GET",
        missing: Sequence[int] = (404,),
        record: str = "",
        pages: Paging | None = None,
        filters: Filters | None = None,
        parameters: Sequence[Field] = (),
        write: Write | Mapping[str, Any] | None = None,
        changes: Any = None,
        order: Mapping[str, Any] | None = None,
        fetch_changes: Callable[..., Any] | None = None,
        sets: Mapping[str, str | FetchSet] | None = None,
        set_size: int = _SET_SIZE,
        linked: Mapping[str, Linked | str] | None = None,
        sort: Sorting | None = None,
        select: str = "",
        nested: str = "",
        term_name: Callable[[str], str] = str,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        waits: bool = False,
        several: Literal["refuse", "first"] = "refuse",
        most: int = _MOST_OBJECTS,
        names: Names | Mapping[str, Any] | str | None = None,
    ) -> None:
        """Declare a resource.

        A path may have ``{name}`` for a field of the step in ``settings``. All values are encoded.

        Args:
            api: The API.
            path: The path of the list: ``"/contacts"``.
            title: The name of one object on the screen: ``"Contact"``.
            id: The path of the id in an object.
            fields: The fields, or a function of a connection and ``cfg`` that returns them.
            unique: Further fields by which one object can be found, with ``filters``; or with a request for each:
                ``{"email": "GET /contacts/by-email/{value}"}``.
            item: The path of one object, ``path`` with ``/{id}`` unless given.
            list: The request of the list; one with POST has its parameters in the body.
            missing: The statuses that mean that there is no such object.
            record: The path of the object in an answer with one object.
            pages: How a list comes: `cursor`, `offset`, `page`, `link`; in one answer unless given.
            filters: How the API takes search terms: `operators`.
            parameters: Parameters of the list that a message may have under their own names.
            write: How objects are written: `Write`.
            changes: How changes are polled: ``keyset(...)``, ``counter(...)`` or ``listing(...)``.
            order: The parameters that order a list: ``{"sort": "{time},{id}"}``, or JSON with them in a POST;
                ``{number}`` for `counter`.
            fetch_changes: Fetches changes in place of the request that follows from ``filters`` and ``order``; its
                arguments are a connection, ``cfg``, and those of the polling.
            sets: The requests that find objects by many values: ``{"id": "GET /contacts?ids={values}"}``, with commas
                between the values; or a function of a connection, the settings and the values.
            set_size: The most values in one such request.
            linked: The objects that belong to one, and how they are fetched:
                ``{"company": "GET /companies/{companyId}", "owner": "?expand=owner"}``, or `Linked`.
            sort: How the API takes the order of a list: `sorting`.
            select: The parameter with the names of the fields that the API shall return; without it all of them come.
            nested: The member of an object that has its fields, as in ``{"id": 7, "properties": {"email": ...}}``. The
                API searches, orders and selects by the names in it.
            term_name: Returns the name of a field in the search terms and orders of messages, if a published component
                has other names there: ``lambda name: name.capitalize().replace("_", " ")``.
            settings: Further fields of all functions in ``component.json``; ``model`` may be a function.
            waits: Whether a person can choose to wait for an object that does not exist yet.
            several: What several objects with one value of a unique field are: an error, or the first one counts.
            most: The most objects in one message.
            names: The ids and defaults, those of the API unless given.

        Raises:
            ValueError: The parts do not fit together.
            CannotPoll: The filters cannot ask for changes.
        """
        self.title = title
        self.names = names_from(names, api.names)
        found = unique if isinstance(unique, Mapping) else dict.fromkeys(unique, "")
        self._declared = Declaration(
            api=api,
            path=path,
            title=title,
            names=self.names,
            id=id,
            fields=fields,
            unique={name: text for name, text in found.items() if name != id},
            item=item or f"{path}/{{id}}",
            list=Route.parse(list, default=path),
            missing=tuple(missing),
            record=record,
            pages=pages or whole(),
            filters=filters,
            parameters=parameters,
            write=write if isinstance(write, Write) else Write(**(write or {})),
            settings=settings or {},
            waits=waits,
            takes_first=several == "first",
            most=most,
            changes=changes,
            fetch_changes=fetch_changes,
            order=order,
            sets=sets or {},
            set_size=max(set_size, 1),
            linked=linked_from(linked or {}),
            sort=sort,
            select=select,
            nested=nested,
            term_name=term_name,
        )
        self._declared.check()
        check_changes(self._declared)

    @property
    def types(self) -> None:
        """None: there is one resource only."""
        return

    def declaration(self, name: str) -> Declaration:
        """Return the declaration."""
        return self._declared

    def first(self) -> Declaration:
        """Return the declaration."""
        return self._declared


class Resources(_Functions):
    """Several resources, between which a person chooses: ``Resources(contact=contacts, deal=deals)``."""

    def __init__(
        self,
        types: Choices | None = None,
        resource: Callable[[str], Resource] | None = None,
        /,
        *,
        names: Names | Mapping[str, Any] | str | None = None,
        title: str = "Object",
        **resources: Resource,
    ) -> None:
        """Declare the choice.

        Args:
            types: The object types and their labels, or a select model that returns them: a function of the context
                and ``cfg``. Needed only if they are not known beforehand.
            resource: Returns the resource of such an object type; for a select model that of any type, since it is
                called once with ``"object"``, for the fields in ``component.json``.
            names: The ids and defaults, those of the first resource unless given.
            title: The word for an object in the titles of functions.
            **resources: The resources by object type.

        Raises:
            ValueError: There is no resource.
        """
        if not resources and (types is None or resource is None):
            raise ValueError("Resources: expected resources, or their types and a function, found none")
        self.title = title
        self._types: Choices = types if types is not None else {
            name: each.title or title_of(name) for name, each in resources.items()
        }  # fmt: skip
        self._make = resource
        self._resources = resources
        self.names = names_from(names, self.first().names)

    @property
    def types(self) -> Choices:
        """The object types and their labels."""
        return self._types

    @property
    def has_links(self) -> bool:
        """Return whether objects of some type have linked ones."""
        return any(each.has_links for each in self._resources.values()) or super().has_links

    def declaration(self, name: str) -> Declaration:
        """Return the declaration of an object type.

        Raises:
            ValueError: There is no such type.
        """
        if name in self._resources:
            return self._resources[name].declaration(name)
        known = self._types if isinstance(self._types, Mapping) else self._resources
        if self._make is not None and name and (callable(self._types) or name in known):
            return self._made(self._make, name).declaration(name)
        found = f"found {name[:50]!r}{did_you_mean_or_list(name, known)}" if name else "found none"
        raise ValueError(f"{self.names.object_type}: expected an object type, {found}")

    def first(self) -> Declaration:
        """Return the declaration of the first resource; of any object type, if they are not known beforehand."""
        if self._resources:
            return next(iter(self._resources.values())).first()
        assert self._make is not None  # noqa: S101 - checked in the constructor
        return self._made(self._make, "object" if callable(self._types) else next(iter(self._types), "object")).first()

    def _made(self, make: Callable[[str], Resource], name: str) -> Resource:
        try:
            return make(name)
        except KeyError:
            raise ValueError(
                f"{type(self).__name__}: expected a resource for the object type {name[:50]!r}, found none: give the "
                "types as an object of types and labels, or let the function return a resource for any type"
            ) from None
