"""Generates the page about a component: all that its descriptor says to its users.

Published descriptors break documented rules and work, so members of a wrong type are shown as text or left out.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from shipmate.component import DESCRIPTOR, read_json
from shipmate.component.metadata import read_schema
from shipmate.errors import DescriptorError
from shipmate.jsonvalue import kind_of, object_member
from shipmate.tools.docs.markdown import blocks, code, inline, table
from shipmate.tools.docs.properties import one_of, properties_table

BEGIN: Final = "<!-- shipmate docs: begin -->"
END: Final = "<!-- shipmate docs: end -->"
_NOTICE: Final = f"<!-- Generated from {DESCRIPTOR} by `shipmate docs`: changes up to the end marker are lost. -->"
_TYPES: Final[Mapping[str, str]] = {
    "polling": "Runs on the schedule of the flow (polling).",
    "webhook": "Runs on each incoming request (webhook).",
}
_DIRECTIONS: Final[Mapping[str, str]] = {"in": "Input", "out": "Output"}


def section(root: Path) -> str:
    """Return the documentation of the component in a folder as Markdown, between its markers.

    Raises:
        DescriptorError: ``component.json`` cannot be read, or is not an object.
    """
    raw = read_json(root / DESCRIPTOR)
    if not isinstance(raw, dict):
        raise DescriptorError(f"{root / DESCRIPTOR}: expected an object, found {kind_of(raw)}")
    lines = [
        *_introduction(raw),
        *_credentials(raw),
        *_variables(raw),
        *_functions(root, raw, "triggers", "Triggers"),
        *_functions(root, raw, "actions", "Actions"),
    ]
    return "\n".join([BEGIN, _NOTICE, "", *lines, END, ""])


def _introduction(raw: Mapping[str, Any]) -> list[str]:
    return blocks(
        f"# {inline(raw.get('title')) or 'Component without a title'}",
        "**Deprecated.**" if raw.get("deprecated") is True else "",
        inline(raw.get("description")),
        f"More: {_link(raw['docsUrl'])}" if inline(raw.get("docsUrl")) else "",
    )


def _credentials(raw: Mapping[str, Any]) -> list[str]:
    credentials, kinds = object_member(raw, "credentials"), raw.get("authClientTypes")
    oauth2 = object_member(credentials, "oauth2")
    scopes = oauth2.get("scopes")
    sentences = [
        f"Kinds of authentication: {_codes(kinds)}." if isinstance(kinds, list) else "",
        f"Sign-in: {code(oauth2['auth_uri'])} (OAuth2)." if inline(oauth2.get("auth_uri")) else "",
        f"Tokens: {code(oauth2['token_uri'])}." if inline(oauth2.get("token_uri")) else "",
        f"Scopes: {_codes(scopes)}." if isinstance(scopes, list) and scopes else "",
        "Sign-in: OAuth1." if object_member(credentials, "oauth1") else "",
    ]
    paragraph = " ".join(sentence for sentence in sentences if sentence)
    fields = _fields(object_member(credentials, "fields"))
    return blocks("## Credentials", paragraph if paragraph or fields else "None.", fields)


def _variables(raw: Mapping[str, Any]) -> list[str]:
    older = raw.get("env")
    # Older descriptors have a list of names, or an object.
    variables: dict[str, Any] = dict.fromkeys(map(str, older)) if isinstance(older, list | dict) else {}
    variables.update(object_member(raw, "envVars"))
    rows = [
        [code(name), "yes" if _of(variable, "required") is True else "no", inline(_of(variable, "description"))]
        for name, variable in variables.items()
    ]
    lines = table(["Variable", "Required", "Description"], rows)
    return blocks("## Environment variables", lines) if lines else []


def _functions(root: Path, raw: Mapping[str, Any], section: str, heading: str) -> list[str]:
    functions = object_member(raw, section)
    lines = blocks(f"## {heading}") if functions else []
    for name, entry in functions.items():
        function = entry if isinstance(entry, dict) else {}
        title = inline(function.get("title"))
        lines += blocks(
            f"### {title or 'Without a title'} ({code(name)})",
            "**Deprecated.**" if function.get("deprecated") is True else "",
            inline(function.get("description")) or inline(object_member(function, "help").get("description")),
            _type(function.get("type", "webhook")) if section == "triggers" else "",
            "Bodies in the object storage are not fetched: the function gets references to them."
            if function.get("autoResolveObjectReferences") is False
            else "",
            _fields(object_member(function, "fields")),
        )
        lines += _metadata(root, function)
    return lines


def _type(declared: Any) -> str:
    return _TYPES.get(str(declared)) or f"Type: {code(declared)}."


def _metadata(root: Path, function: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines about input and output."""
    declared = object_member(function, "metadata")
    if function.get("dynamicMetadata"):
        yield from blocks("Input and output depend on the account and on the fields (dynamic metadata).")
    elif not declared:
        yield from blocks("Input and output are not described.")
    for direction, name in _DIRECTIONS.items():
        if direction not in declared:
            continue
        try:
            schema = read_schema(root, declared[direction])
            lines = properties_table(schema)
        except DescriptorError as error:
            yield from blocks(f"{name}: not available: {inline(str(error).replace(f'{root}/', ''))}.")
        except RecursionError:
            yield from blocks(f"{name}: not available: the schema is nested too deeply.")
        else:
            yield from blocks(f"{name}:", lines) if lines else blocks(f"{name}: {_any(schema)}.")


def _any(schema: Mapping[str, Any]) -> str:
    """Describe a schema that names no property."""
    kind = schema.get("type")
    if kind == "object":
        return "an object without described properties"
    return inline(kind) if isinstance(kind, str) else "not described"


def _fields(fields: Mapping[str, Any]) -> list[str]:
    """Return the table of fields, in the order of the platform's form."""
    rows = [
        [code(name), inline(_of(field, "label")), "yes" if _of(field, "required") is True else "no", _note(field)]
        for name, field in sorted(fields.items(), key=lambda item: -_order(item[1]))
    ]
    return table(["Field", "Label", "Required", "Note"], rows)


def _note(field: Any) -> str:
    """Return the text that helps to fill a field."""
    if not isinstance(field, dict):
        return ""
    model, needed = field.get("model"), field.get("require")
    needed = [needed] if isinstance(needed, str) else needed
    notes = [
        inline(field.get("note")),
        inline(field.get("description")),
        inline(object_member(field, "help").get("description")),
    ]
    if isinstance(model, dict):
        notes.append(_sentence(one_of([inline(label) or code(name) for name, label in model.items()])))
    elif isinstance(model, list):
        notes.append(_sentence(one_of([inline(choice) for choice in model])))
    elif isinstance(model, str):
        notes.append("The choices come from the account")
    if inline(field.get("placeholder")):
        notes.append(f"For example {code(field['placeholder'])}")
    if isinstance(needed, list) and needed:
        notes.append(f"Needs {_codes(needed)} first")
    return " ".join(note if note[-1] in ".!?" else f"{note}." for note in dict.fromkeys(notes) if note)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _order(field: Any) -> float:
    """Return the order of a field: fields with a higher one come first, fields without one last."""
    try:
        return float(_of(field, "order"))
    except (TypeError, ValueError):
        return 0.0


def _link(address: Any) -> str:
    url = str(address).strip()
    return f"<{url}>" if re.fullmatch(r"https?://[^\s<>]+", url) else code(url)


def _codes(values: list[Any]) -> str:
    return ", ".join(code(value) for value in values)


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
