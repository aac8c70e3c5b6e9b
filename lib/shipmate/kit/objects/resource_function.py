"""What all functions of a resource share: the choice of the object type and of the field to find an object by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from shipmate.kit.cache import Cache, cache_key
from shipmate.kit.objects.connection import Connection
from shipmate.kit.objects.declaration import Declaration
from shipmate.kit.objects.errors import ValueMissing, naming_fields
from shipmate.kit.objects.fields import Field, LateFields, Schema, object_of, title_of
from shipmate.kit.objects.function import GeneratedFunction
from shipmate.kit.objects.members import is_missing, wrapped
from shipmate.kit.objects.names import Names
from shipmate.kit.objects.records import Records
from shipmate.kit.objects.views import Descriptor, entry, select
from shipmate.kit.values import choice, text

if TYPE_CHECKING:
    from shipmate.invocation.context import Context
    from shipmate.kit.objects.api import Api

SelectModel = Callable[["Context", Mapping[str, Any]], Mapping[str, str]]
Choices = Mapping[str, str] | SelectModel

# The fields that an API describes: they change seldom, and a request for each message would double the requests.
_FIELDS: Final = "shipmate.kit.fields"
_SECONDS: Final = 300


class Source(Protocol):
    """Where the functions come from: one resource, or several between which a person chooses."""

    title: str
    names: Names

    @property
    def types(self) -> Choices | None:
        """The object types and their labels; None if there is one resource only."""
        ...

    @property
    def has_links(self) -> bool:
        """Whether objects have linked ones."""
        ...

    def declaration(self, name: str) -> Declaration:
        """Return the declaration of an object type.

        Raises:
            ValueError: There is no such type.
        """
        ...

    def first(self) -> Declaration:
        """Return the declaration that stands for all where a function's fields are the same for each."""
        ...


class ResourceFunction(GeneratedFunction):
    """A function of a resource."""

    requests: tuple[str, ...] = ()
    """The requests that the function sends, for `Declaration.settings_for`."""
    by_id_only = False
    """Whether the function finds objects by their id only."""

    def __init__(self, source: Source) -> None:
        """Store where the function comes from."""
        super().__init__(source.names)
        self._source = source

    @property
    def api(self) -> "Api":
        """The API, for `shipmate validate`."""
        return self._source.first().api

    def __getattr__(self, name: str) -> Any:
        """Return a select model: one under another name, or that of a field that an author declares."""
        if not name.startswith("_") and name != "names":
            if name == self.names.object_types:
                return self.object_types
            if name == self.names.unique_fields:
                return self.unique_fields
            if name == self.names.linked_objects:
                return self.linked_objects
            for described in self._first().settings.values():
                model = described.get("model")
                if callable(model) and model.__name__ == name:
                    return model
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    @property
    def has_fields(self) -> bool:
        """Whether the declaration has fields, from which schemas follow."""
        declared = self._source.first()
        return callable(declared.fields) or bool(declared.fields)

    def object_types(self, context: "Context", cfg: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the choices of the object type, by label."""
        types = self._source.types
        found = types(context, cfg) if callable(types) else types or {}
        return dict(sorted(found.items(), key=lambda item: item[1].lower()))

    def unique_fields(self, context: "Context", cfg: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the choices of the field to find an object by; none before the object type is chosen."""
        if self._source.types is not None and not text(cfg, self.names.object_type):
            return {}
        return self.records(context, cfg).declared.criteria()

    def linked_objects(self, context: "Context", cfg: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the choices of linked objects; none before the object type is chosen."""
        if self._source.types is not None and not text(cfg, self.names.object_type):
            return {}
        return _link_labels(self.declared(cfg))

    def records(self, context: "Context", cfg: Mapping[str, Any]) -> Records:
        """Return the objects of the chosen type, with their fields.

        Raises:
            ValueError: No type is chosen, or one that does not exist.
        """
        declared = self.declared(cfg)
        connection = declared.api.connect(context, cfg)
        if callable(read := declared.fields):
            reading = connection.reading()
            cache: Cache[Sequence[Field]] = connection.session.kept.setdefault(_FIELDS, Cache(_SECONDS))
            ask = partial(self._described, declared, reading, cfg)
            declared = declared.with_fields(LateFields(lambda: cache.get((read, cache_key(cfg)), ask)))
        return Records(declared, connection, cfg)

    def empty_settings(self, declared: Declaration, cfg: Mapping[str, Any]) -> list[str]:
        """Return the declared fields of the step that are not filled in."""
        return [name for name in (*declared.settings, self.names.object_type) if is_missing(cfg.get(name))]

    def declared(self, cfg: Mapping[str, Any]) -> Declaration:
        """Return the declaration of the chosen type.

        Raises:
            ValueError: No type is chosen, or one that does not exist.
        """
        return replace(self._source.declaration(text(cfg, self.names.object_type)), names=self.names)

    def get_meta_model(self, context: "Context", cfg: Mapping[str, Any]) -> dict[str, Schema]:
        """Return the schemas for what is chosen; both are empty before the object type is."""
        if self._source.types is not None and not text(cfg, self.names.object_type):
            empty: Schema = {"type": "object", "properties": {}}
            return {"in": empty, "out": empty}
        declared = self.declared(cfg)
        # Without a request, unless the fields come from the API. A person who has just added a field there sees it.
        if callable(declared.fields):
            reading = declared.api.connect(context, cfg).reading()
            declared = declared.with_fields(self._described(declared, reading, cfg))
        return self.schemas(declared, cfg)

    def schemas(self, declared: Declaration, cfg: Mapping[str, Any]) -> dict[str, Schema]:
        """Return the schemas for a declaration with its fields."""
        raise NotImplementedError

    def fields(self) -> dict[str, Descriptor]:
        """Return the function's own fields in ``component.json``."""
        return {}

    def titles(self) -> tuple[str, str]:
        """Return the title and the description in ``component.json``."""
        raise NotImplementedError

    def descriptor(self) -> Descriptor:
        """Return the entry in ``component.json``; with metadata if nothing that a person chooses changes it."""
        fields = {**self._shared_fields(), **self.fields()}
        declared = self._first()
        is_static = self._source.types is None and not callable(declared.fields) and not self.changes_schema()
        more: Descriptor = {"metadata": self.schemas(declared, {})} if is_static else {"dynamicMetadata": True}
        title, help_text = self.titles()
        return entry(title, help_text, fields, {**self.entry_members(), **more})

    def sample_answer(self, message: Any) -> Any:
        """Return what an API would answer so that the function emits a message: for tests without an API."""
        return wrapped(message, self._first().record)

    def entry_members(self) -> Descriptor:
        """Return further members of the entry in ``component.json``."""
        return {}

    def changes_schema(self) -> bool:
        """Return whether a field of the function changes its schemas."""
        return bool(self.fields())

    def chosen_criteria(self, declared: Declaration, cfg: Mapping[str, Any]) -> str:
        """Return the field to find an object by: the id unless a person has chosen another one.

        Raises:
            ValueError: There is no such field.
        """
        if self.by_id_only:
            return declared.id
        return choice(cfg, self.names.criteria, declared.id, *declared.unique)

    def value_name(self, declared: Declaration, criteria: str) -> str:
        """Return the member of the message with the value."""
        if "{field}" in self.names.criteria_value:
            return self.names.criteria_value.replace("{field}", criteria)
        return self.names.id_value if self.by_id_only or self._has_id_only(declared) else self.names.criteria_value

    def value_in(self, declared: Declaration, body: Mapping[str, Any], criteria: str) -> Any:
        """Return the value in a message, None without one."""
        for name in (self.value_name(declared, criteria), criteria):
            if not is_missing(body.get(name)):
                return body[name]
        return None

    def required_value(self, declared: Declaration, body: Mapping[str, Any], criteria: str) -> Any:
        """Return the value in a message.

        Raises:
            ValueMissing: The message has none.
        """
        value = self.value_in(declared, body, criteria)
        if value is None:
            raise ValueMissing(f"{self.value_name(declared, criteria)}: expected a value, found none")
        return value

    def value_schema(self, declared: Declaration, criteria: str, *, required: bool) -> dict[str, Schema]:
        """Return the property of a message with the value."""
        field = declared.field(criteria) or Field(criteria)
        kind = "number" if field.type in ("number", "integer") else "string"
        schema: Schema = {"title": field.label, "type": kind, **({"required": True} if required else {})}
        return {self.value_name(declared, criteria): schema}

    def criteria_fields(self) -> dict[str, Descriptor]:
        """Return the choice of the field to find an object by; none if objects are known by id only."""
        if self.by_id_only or (self._source.types is None and self._has_id_only(self._first())):
            return {}
        model: Mapping[str, str] | str = self.names.unique_fields
        more: Descriptor = {"require": [self.names.object_type]}
        declared = self._first()
        if self._source.types is None:
            model, more = declared.criteria() if not callable(declared.fields) else model, {}
        return {self.names.criteria: select("Lookup Criteria", model, "Choose a unique field", required=True, **more)}

    def linked_fields(self) -> dict[str, Descriptor]:
        """Return the choice of the linked objects; none without any."""
        if not self._source.has_links:
            return {}
        model: Mapping[str, str] | str = self.names.linked_objects
        more: Descriptor = {"require": [self.names.object_type]}
        if self._source.types is None:
            model, more = _link_labels(self._first()), {}
        label = "Include linked objects"
        return {self.names.linked: {**select(label, model, "None", **more), "viewClass": "MultiSelectView"}}

    def out_schema(self, declared: Declaration) -> Schema:
        """Return the schema of an object as the API returns it."""
        return object_of(declared.known_fields, writes=False)

    def _described(self, declared: Declaration, reading: Connection, cfg: Mapping[str, Any]) -> Sequence[Field]:
        """Return the fields that the author's function returns."""
        assert callable(declared.fields)  # noqa: S101 - by the callers
        with naming_fields(self.empty_settings(declared, cfg)):
            return tuple(declared.fields(reading, cfg))

    def _first(self) -> Declaration:
        return replace(self._source.first(), names=self.names)

    def _has_id_only(self, declared: Declaration) -> bool:
        return self._source.types is None and set(declared.unique) <= {declared.id}

    def _shared_fields(self) -> dict[str, Descriptor]:
        types = self._source.types
        found: dict[str, Descriptor] = {}
        if types is not None:
            model = (
                self.names.object_types
                if callable(types)
                else dict(sorted(types.items(), key=lambda item: item[1].lower()))
            )
            found[self.names.object_type] = select("Object Type", model, "Choose", required=True)
        for name, described in self._first().settings_for(*self.requests).items():
            named = described.get("model")
            found[name] = {**described, **({"model": named.__name__} if callable(named) else {})}
        return found


def _link_labels(declared: Declaration) -> dict[str, str]:
    return {name: each.title or title_of(name) for name, each in declared.linked.items()}
