"""Fetches the linked objects that a person has chosen."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from shipmate.jsonvalue import member_at
from shipmate.kit.objects.declaration import Declaration
from shipmate.kit.objects.fields import Schema
from shipmate.kit.objects.linked import Linked
from shipmate.kit.objects.members import is_missing
from shipmate.kit.objects.records import Record, Records
from shipmate.kit.objects.routes import Route
from shipmate.wording import did_you_mean_or_list


def chosen_links(declared: Declaration, cfg: Mapping[str, Any]) -> list[str]:
    """Return the names of the linked objects that a person has chosen.

    Raises:
        ValueError: There is no such name.
    """
    chosen = _given(declared, cfg)
    for name in chosen:
        if name not in declared.linked:
            hint = did_you_mean_or_list(name, declared.linked)
            raise ValueError(f"{declared.names.linked}: expected a known name, found {name[:50]!r}{hint}")
    return chosen


def inclusions(declared: Declaration, chosen: Sequence[str]) -> list[tuple[str, str]]:
    """Return the parameters by which the API includes linked objects; values of one parameter are joined by commas."""
    found: dict[str, list[str]] = {}
    for name in chosen:
        if declared.linked[name].is_included:
            for parameter, value in parse_qsl(declared.linked[name].request[1:], keep_blank_values=True):
                found.setdefault(parameter, []).append(value)
    return [(parameter, ",".join(values)) for parameter, values in found.items()]


def with_links(records: Records, record: Record, chosen: Sequence[str]) -> Record:
    """Return an object with the linked ones in their members; null where there is none."""
    links = {name: records.declared.linked[name] for name in chosen}
    return {**record, **{name: _fetched(records, record, link) for name, link in links.items() if not link.is_included}}


def with_link_schemas(declared: Declaration, one: Schema, cfg: Mapping[str, Any]) -> Schema:
    """Return the schema of an object with the members of the chosen linked objects."""
    # After a change of the object type, names of the one before may still be there.
    chosen = [name for name in _given(declared, cfg) if name in declared.linked]
    links = {name: declared.linked[name].to_schema(name) for name in chosen}
    return {**one, "properties": {**one["properties"], **links}}


def _fetched(records: Records, record: Record, link: Linked) -> Any:
    route = Route.parse(link.request, default="/")
    own = {name: member_at(record, name) for name in route.names if name not in records.values}
    nothing: list[Any] | None = None if link.pages is None else []
    if any(is_missing(value) for value in own.values()):
        return nothing
    path = route.path({**records.values, **own})
    if link.pages is None:
        return records.read(route.method, path, link.record)
    size = link.pages.most if link.pages.size else None
    found: list[Any] = []
    for page in records.pages([], size, at=(route.method, path), paging=link.pages):
        found += page.records
        if len(found) > records.declared.most:
            raise ValueError(f"{records.declared.title}: expected at most {records.declared.most} linked objects")
    return found


def _given(declared: Declaration, cfg: Mapping[str, Any]) -> list[str]:
    field = declared.names.linked
    given = cfg.get(field)
    chosen = [given] if isinstance(given, str) and given else given or []
    if not isinstance(chosen, list):
        raise ValueError(f"{field}: expected a list of names, found {type(chosen).__name__}")
    return list(dict.fromkeys(map(str, chosen)))
