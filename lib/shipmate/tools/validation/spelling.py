"""Finds misspelt property names in a descriptor."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from shipmate.jsonvalue import object_member, pointer_to
from shipmate.wording import did_you_mean

_ALIKE: Final = 0.8
"""The least similarity of a misspelt and a known name: ``titel`` and ``title`` have it."""


def misspelt(raw: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield pointer and message for each member whose name is like a known name that the object lacks.

    Other unknown members are allowed: the platform may know more of them.

    Args:
        raw: The descriptor.
        schema: The JSON Schema of descriptors.
    """
    definitions = schema["definitions"]
    function = {*definitions["function"]["properties"], "type"}
    credentials = schema["properties"]["credentials"]["properties"]
    yield from _of(raw, schema["properties"], "")
    yield from _of(raw.get("credentials"), credentials, "/credentials")
    places = [("/credentials/fields", object_member(raw.get("credentials"), "fields"))]
    for section in ("triggers", "actions"):
        for name, described in object_member(raw, section).items():
            pointer = pointer_to(section, name)
            yield from _of(described, function, pointer)
            places.append((f"{pointer}/fields", object_member(described, "fields")))
    field = definitions["fields"]["additionalProperties"]["properties"]
    for pointer, fields in places:
        for name, described in fields.items():
            yield from _of(described, field, pointer + pointer_to(name))


def _of(described: Any, known: Collection[str], pointer: str) -> Iterator[tuple[str, str]]:
    if not isinstance(described, Mapping):
        return
    missing = [name for name in known if name not in described]
    for name in described:
        if name not in known and (suggestion := did_you_mean(name, missing, alike=_ALIKE)):
            yield pointer + pointer_to(name), f"expected a known property{suggestion}"
