"""The entries of ``component.json`` whose functions follow from a declaration: compares them with it, and writes them.

A declaration decides what its functions read and emit: the ids and views of fields, the choices, the schemas. The texts
for people are the author's.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from shipmate.component import Component, Function, Modules
from shipmate.component.descriptor import SECTIONS
from shipmate.component.metadata import thawed
from shipmate.errors import BadInput
from shipmate.jsonvalue import object_member, pointer_to
from shipmate.tools.validation.report import Severity
from shipmate.wording import did_you_mean

Entry = dict[str, Any]

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)
_LONGEST_LINE: Final = 120
_REMEDY: Final = "run `shipmate describe --write`"
_KEPT: Final = f"keep them if flows know them, or {_REMEDY}"
_TEXTS: Final = ("description", "help", "label", "note", "order", "placeholder", "prompt", "title")


def described(component: Component, modules: Modules, add: Sequence[str] = ()) -> tuple[Entry, Entry]:
    """Return ``component.json`` as its declarations want it, and the entries alone that follow from them.

    Args:
        component: The component.
        modules: Its modules.
        add: What to add entries for: ``"./crm.py:contacts"``, all functions of a resource or an API.

    Raises:
        ModuleNotLoadable: A module cannot be loaded.
        FunctionNotFound: A module has no such object.
        BadInput: An object of ``add`` has no functions that follow from a declaration.
    """
    raw: Entry = thawed(component.raw)
    for main in add:
        _add(raw, modules, main)
    own: Entry = {}
    for section, kind in SECTIONS.items():
        for name, entry in object_member(raw, section).items():
            declared = declared_entry(modules.target(Function(name, kind, entry["main"])), entry)
            if declared is not None:
                raw[section][name] = own.setdefault(section, {})[name] = written(entry, declared)
    return raw, own


def _add(raw: Entry, modules: Modules, main: str) -> None:
    """Add an entry for each function of a resource or an API that has none."""
    source: Any = modules.target(Function(main, "action", main))
    available = getattr(source, "available", None)
    if not callable(available):
        raise BadInput(f"--add {main}: expected a Resource, Resources or an Api, found {type(source).__name__}")
    mains = {entry.get("main") for section in SECTIONS for entry in object_member(raw, section).values()}
    functions: Any = available()
    for name, id in functions.items():
        if (own := f"{main}.{name}") in mains:
            continue
        if any(id in object_member(raw, section) for section in SECTIONS):
            id = id.replace("Object", "".join(re.findall(r"\w+", source.title)))
        section = f"{getattr(source, name).kind}s"
        raw.setdefault(section, {})[id] = {"main": own}


def declared_entry(target: object, entry: Mapping[str, Any]) -> Entry | None:
    """Return the entry that follows from a declaration, None for a function that an author has written.

    What the declaration does not decide is that of the entry: schemas, if the declaration has no fields, and the names
    of select models that the function has.

    Args:
        target: The function.
        entry: Its entry in ``component.json``.
    """
    describe = getattr(target, "descriptor", None)
    if not callable(describe) or isinstance(target, type):
        return None
    declared: Entry = thawed(describe())
    if entry.get("metadata") and not getattr(target, "has_fields", True):
        declared.pop("dynamicMetadata", None)
        declared.pop("metadata", None)
    for name, field in object_member(entry, "fields").items():
        model = field.get("model") if isinstance(field, Mapping) else None
        wanted = object_member(declared, "fields").get(name)
        if wanted is not None and isinstance(model, str) and callable(getattr(target, model, None)):
            wanted["model"] = model
    return declared


def differences(entry: Mapping[str, Any], declared: Entry) -> Iterator[tuple[str, str, Severity]]:
    """Yield the differences between an entry and its declaration: pointer, text, and what it means.

    Only what cannot work is an error: a component that replaces a published one may keep its screens and schemas.
    """
    if "type" in declared and entry.get("type") != declared["type"]:
        yield "/type", f"expected {declared['type']!r} as declared, found {entry.get('type', 'none')!r}", "error"
    if declared.get("dynamicMetadata") and not entry.get("dynamicMetadata"):
        yield "/dynamicMetadata", _dynamic_problem(entry), "warning"
    is_static = "metadata" in declared and not entry.get("dynamicMetadata")
    if is_static and _facts(entry.get("metadata")) != _facts(declared["metadata"]):
        yield "/metadata", f"expected the schemas of the declaration, found others: {_KEPT}", "warning"
    fields = object_member(entry, "fields")
    for name, wanted in object_member(declared, "fields").items():
        field = fields.get(name)
        if isinstance(field, Mapping):
            yield from _differences_of(name, field, wanted)
            continue
        hint = did_you_mean(name, [each for each in fields if each not in declared["fields"]])
        text = f"expected the field {name!r} of the declaration, found none{hint or f': {_REMEDY}'}"
        yield "/fields", text, "error" if wanted.get("required") else "warning"


def _dynamic_problem(entry: Mapping[str, Any]) -> str:
    found = f"found fixed schemas: {_KEPT}" if entry.get("metadata") else f"found none: {_REMEDY}"
    return f"expected true as declared, {found}"


def _differences_of(
    name: str, field: Mapping[str, Any], wanted: Mapping[str, Any]
) -> Iterator[tuple[str, str, Severity]]:
    model, declared = field.get("model"), wanted.get("model")
    if isinstance(model, Mapping) and isinstance(declared, Mapping):
        if unknown := [key for key in model if key not in declared]:
            text = f"expected some of {', '.join(declared)} as declared, found {', '.join(unknown)[:100]}"
            yield pointer_to("fields", name, "model"), text, "error"
    elif model != declared:
        yield pointer_to("fields", name, "model"), f"expected {_shown(declared)} as declared", "warning"
    if field.get("viewClass") != wanted.get("viewClass"):
        text = f"expected {wanted.get('viewClass')} as declared, found {field.get('viewClass', 'none')}"
        yield pointer_to("fields", name, "viewClass"), text, "warning"
    if _listed(field.get("require")) != _listed(wanted.get("require")):
        text = f"expected {_shown(wanted.get('require'))} as declared"
        yield pointer_to("fields", name, "require"), text, "warning"


def written(entry: Mapping[str, Any], declared: Entry) -> Entry:
    """Return an entry with all that its declaration decides, and with the author's own texts and further fields.

    >>> written({"main": "./crm.py:contacts.create", "title": "New contact"}, {"title": "Create", "order": 1})
    {'title': 'New contact', 'main': './crm.py:contacts.create', 'order': 1}
    """
    old_fields = object_member(entry, "fields")
    fields = {
        name: _field(object_member(old_fields, name), wanted)
        for name, wanted in object_member(declared, "fields").items()
    }
    merged = {"title": "", "main": "", **declared, **{name: value for name, value in entry.items() if name != "fields"}}
    for name in ("type", "dynamicMetadata"):
        if name in declared:
            merged[name] = declared[name]
    if "metadata" in declared:
        merged.pop("dynamicMetadata", None)
        is_same = _facts(entry.get("metadata")) == _facts(declared["metadata"])
        merged["metadata"] = entry["metadata"] if is_same else declared["metadata"]
    elif "dynamicMetadata" in declared:
        merged.pop("metadata", None)
    if every := {**fields, **{name: each for name, each in old_fields.items() if name not in fields}}:
        merged["fields"] = every
    return merged


def to_text(value: Any) -> str:
    """Return a descriptor as JSON; what fits into a line is in one line."""
    return f"{_json(value, '', 0)}\n"


def _json(value: Any, indent: str, used: int) -> str:
    """Return JSON.

    Args:
        value: The value.
        indent: The spaces before its last line.
        used: The characters before it in its first line.
    """
    flat = _flat(value)
    if not value or not isinstance(value, dict | list) or used + len(flat) < _LONGEST_LINE:
        return flat
    deeper = f"{indent}  "
    if isinstance(value, list):
        lines = [f"{deeper}{_json(item, deeper, len(deeper) + 1)}" for item in value]
        return "\n".join(["[", ",\n".join(lines), f"{indent}]"])
    named = [(f"{deeper}{_flat(name)}: ", item) for name, item in value.items()]
    lines = [f"{begin}{_json(item, deeper, len(begin) + 1)}" for begin, item in named]
    return "\n".join(["{", ",\n".join(lines), f"{indent}}}"])


def _flat(value: Any) -> str:
    """Return JSON in one line, with spaces inside braces."""
    if isinstance(value, dict) and value:
        return f"{{ {', '.join(f'{_flat(name)}: {_flat(item)}' for name, item in value.items())} }}"
    if isinstance(value, list) and value:
        return f"[{', '.join(map(_flat, value))}]"
    return _ENCODER.encode(value)


def _field(found: Mapping[str, Any], wanted: Entry) -> Entry:
    texts = {name: found[name] for name in _TEXTS if name in found}
    merged = {**wanted, **texts}
    old, new = found.get("model"), wanted.get("model")
    if isinstance(old, Mapping) and isinstance(new, dict):
        merged["model"] = {key: old.get(key, label) for key, label in new.items()}
    return merged


def _facts(schema: Any) -> Any:
    """Return a schema, or schemas by direction, without the texts for people."""
    if isinstance(schema, list | tuple):
        return [_facts(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {}
    for keyword, value in schema.items():
        if keyword in ("properties", "definitions", "$defs") and isinstance(value, Mapping):
            found[keyword] = {name: _facts(each) for name, each in value.items()}
        elif keyword not in _TEXTS:
            found[keyword] = _facts(value)
    return found


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value or ())


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"the choices {', '.join(value)}"
    return "none" if value is None else json.dumps(value)
