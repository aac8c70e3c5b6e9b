"""The fields of a resource, and the schemas that follow from them.

Source: contract §11.3.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Final, Literal, overload

from shipmate.wording import did_you_mean_or_list

Schema = dict[str, Any]

# Dates are text with a format, and whole numbers are numbers: the platform's screens know no other types.
_TYPES: Final[Mapping[str, Schema]] = {
    "string": {"type": "string"},
    "text": {"type": "string", "maxLength": 1000},
    "number": {"type": "number"},
    "integer": {"type": "number"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object", "properties": {}},
    "array": {"type": "array"},
    "date": {"type": "string", "format": "date"},
    "date-time": {"type": "string", "format": "date-time"},
}
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ABBREVIATIONS: Final = frozenset({"api", "html", "id", "url", "uri", "vat", "zip"})


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a resource: ``Field("email", title="Email", required=True)``.

    Args:
        name: The name in the API.
        type: ``string``, ``text`` (long), ``number``, ``integer``, ``boolean``, ``object``, ``array``, ``date`` or
            ``date-time``.
        title: The name on the screen; made of the name unless given.
        required: Whether a new object needs it; ``"create"`` says the same.
        read_only: Whether only the API writes it: it is in no input, and never sent.
        write_only: Whether the API never returns it: a password, for example.
        items: The type of the items of an array, or the fields of these items.
        fields: The fields of an object.
        enum: The allowed values.
        help: A sentence for the screen.
        filter: Whether one may search by it.
        schema: A whole JSON schema in place of the one that follows from the arguments above.

    Raises:
        ValueError: There is no such type.
    """

    name: str
    type: str = "string"
    title: str = ""
    _: KW_ONLY
    required: bool | Literal["create"] = False
    read_only: bool = False
    write_only: bool = False
    items: "str | Sequence[Field] | None" = None
    fields: "Sequence[Field]" = ()
    enum: Sequence[Any] = ()
    help: str = ""
    filter: bool = True
    schema: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Check the types."""
        for given in (self.type, self.items):
            if isinstance(given, str) and given not in _TYPES:
                hint = did_you_mean_or_list(given, _TYPES)
                raise ValueError(f"field {self.name}: expected a known type, found {given!r}{hint}")

    @property
    def label(self) -> str:
        """The name on the screen.

        >>> Field("firstName").label, Field("account_id").label, Field("sku", title="Article").label
        ('First Name', 'Account ID', 'Article')
        """
        return self.title or title_of(self.name)

    @property
    def is_filter(self) -> bool:
        """Whether one may search by the field: it is a single value."""
        return self.filter and not (self.items or self.fields) and self.type not in ("object", "array")

    def to_schema(self, *, writes: bool, requires: bool = False) -> Schema:
        """Return the schema of the field's value.

        >>> Field("tags", items="string").to_schema(writes=True)
        {'title': 'Tags', 'type': 'array', 'items': {'type': 'string'}}

        Args:
            writes: Whether it is part of an input.
            requires: Whether the input needs the required ones.
        """
        found: Schema = {"title": self.label}
        if self.schema is not None:
            found |= dict(self.schema)
        elif self.fields:
            found |= object_of(self.fields, writes=writes, requires=requires)
        elif self.items is not None or self.type == "array":
            found |= {"type": "array", "items": self._items(writes=writes, requires=requires)}
        else:
            found |= _TYPES[self.type]
        if self.enum:
            found["enum"] = list(self.enum)
        if self.help:
            found["help"] = {"description": self.help}
        if requires and self.required:
            found["required"] = True
        return found

    def _items(self, *, writes: bool, requires: bool) -> Schema:
        if isinstance(self.items, str | None):
            return dict(_TYPES[self.items or "string"])
        return object_of(self.items, writes=writes, requires=requires)


class LateFields(Sequence[Field]):
    """Fields that an API describes; they are asked for when they are needed first."""

    def __init__(self, read: Callable[[], Sequence[Field]]) -> None:
        """Ask for nothing yet."""
        self._read = read
        self._found: Sequence[Field] | None = None

    @overload
    def __getitem__(self, index: int) -> Field: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Field]: ...

    def __getitem__(self, index: int | slice) -> Field | Sequence[Field]:
        """Return a field, or several ones."""
        return self._fields[index]

    def __len__(self) -> int:
        """Return the number of the fields."""
        return len(self._fields)

    @property
    def _fields(self) -> Sequence[Field]:
        if self._found is None:
            self._found = self._read()
        return self._found


def object_of(fields: Sequence[Field], *, writes: bool, requires: bool = False) -> Schema:
    """Return the schema of an object with these fields.

    Args:
        fields: The fields.
        writes: Whether it is an input: without the fields that only the API writes; otherwise an output, without those
            that the API never returns.
        requires: Whether the fields that a new object needs are required.
    """
    kept = [each for each in fields if not (each.read_only if writes else each.write_only)]
    return {
        "type": "object",
        "properties": {each.name: each.to_schema(writes=writes, requires=requires) for each in kept},
    }


def writable(fields: Sequence[Field], body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a message that are sent to the API: those that only the API writes are left out.

    Members without a declared field are kept: an API may have more fields than a component declares.
    """
    kept_back = {each.name for each in fields if each.read_only}
    return {name: value for name, value in body.items() if name not in kept_back}


def title_of(name: str) -> str:
    """Return a name for machines as a title."""
    words = _WORDS.findall(name)
    return " ".join(word.upper() if word.lower() in _ABBREVIATIONS else word[:1].upper() + word[1:] for word in words)
