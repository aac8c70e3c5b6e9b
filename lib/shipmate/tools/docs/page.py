"""What is told of a component: everything that its descriptor says to those who use it.

Published descriptors break written rules and work, so what is odd is told as it is, or left out.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from shipmate.component import DESCRIPTOR, read_json
from shipmate.component.metadata import read_schema
from shipmate.errors import DescriptorError
from shipmate.jsonvalue import object_member
from shipmate.tools.docs.markdown import blocks, code, table, text
from shipmate.tools.docs.properties import one_of, properties_table

BEGIN: Final = "<!-- shipmate docs: begin -->"
END: Final = "<!-- shipmate docs: end -->"
_NOTICE: Final = f"<!-- Made from {DESCRIPTOR} by `shipmate docs`: what is changed here is lost. -->"
_TYPES: Final[Mapping[str, str]] = {
    "polling": "Runs on the schedule of the flow (polling).",
    "webhook": "Runs when a request comes in (webhook).",
}
_DIRECTIONS: Final[Mapping[str, str]] = {"in": "Input", "out": "Output"}


def section(root: Path) -> str:
    """Return the documentation of the component in a folder as Markdown, between its markers.

    Raises:
        DescriptorError: ``component.json`` cannot be read or is no object.
    """
    raw = read_json(root / DESCRIPTOR)
    if not isinstance(raw, dict):
        raise DescriptorError(f"{root / DESCRIPTOR}: expected an object, found something else")
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
        f"# {text(raw.get('title')) or 'Component without a title'}",
        "**Deprecated.**" if raw.get("deprecated") is True else "",
        text(raw.get("description")),
        f"More: {_link(raw['docsUrl'])}" if text(raw.get("docsUrl")) else "",
    )


def _credentials(raw: Mapping[str, Any]) -> list[str]:
    credentials, kinds = object_member(raw, "credentials"), raw.get("authClientTypes")
    oauth2 = object_member(credentials, "oauth2")
    scopes = oauth2.get("scopes")
    sentences = [
        f"Kinds of authentication: {', '.join(code(each) for each in kinds)}." if isinstance(kinds, list) else "",
        f"Signing in: {code(oauth2['auth_uri'])} (OAuth2)." if text(oauth2.get("auth_uri")) else "",
        f"Tokens: {code(oauth2['token_uri'])}." if text(oauth2.get("token_uri")) else "",
        f"Scopes: {', '.join(code(each) for each in scopes)}." if isinstance(scopes, list) and scopes else "",
        "Signing in: OAuth1." if object_member(credentials, "oauth1") else "",
    ]
    told = " ".join(each for each in sentences if each)
    fields = _fields(object_member(credentials, "fields"))
    return blocks("## Credentials", told if told or fields else "None are needed.", fields)


def _variables(raw: Mapping[str, Any]) -> list[str]:
    older = raw.get("env")
    # A list of names, or an object, is how older descriptors have them.
    variables: dict[str, Any] = dict.fromkeys(map(str, older)) if isinstance(older, list | dict) else {}
    variables.update(object_member(raw, "envVars"))
    rows = [
        [code(name), "yes" if _of(each, "required") is True else "no", text(_of(each, "description"))]
        for name, each in variables.items()
    ]
    lines = table(["Variable", "Required", "Description"], rows)
    return blocks("## Environment variables", lines) if lines else []


def _functions(root: Path, raw: Mapping[str, Any], name: str, heading: str) -> list[str]:
    functions = object_member(raw, name)
    lines = blocks(f"## {heading}") if functions else []
    for function, described in functions.items():
        each = described if isinstance(described, dict) else {}
        title = text(each.get("title"))
        lines += blocks(
            f"### {title or 'Without a title'} ({code(function)})",
            "**Deprecated.**" if each.get("deprecated") is True else "",
            text(each.get("description")) or text(object_member(each, "help").get("description")),
            _type(each.get("type", "webhook")) if name == "triggers" else "",
            "Bodies in the object storage are not fetched: the function gets references to them."
            if each.get("autoResolveObjectReferences") is False
            else "",
            _fields(object_member(each, "fields")),
        )
        lines += _metadata(root, each)
    return lines


def _type(declared: Any) -> str:
    return _TYPES.get(str(declared)) or f"Type: {code(declared)}."


def _metadata(root: Path, function: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines about what goes in and comes out."""
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
            yield from blocks(f"{name}: cannot be told: {text(str(error).replace(f'{root}/', ''))}.")
        except RecursionError:
            yield from blocks(f"{name}: cannot be told: it is nested too deep.")
        else:
            yield from blocks(f"{name}:", lines) if lines else blocks(f"{name}: {_any(schema)}.")


def _any(schema: Mapping[str, Any]) -> str:
    """Return what a schema says that names no property."""
    kind = schema.get("type")
    if kind == "object":
        return "an object, whose properties are not described"
    return text(kind) if isinstance(kind, str) else "not described"


def _fields(fields: Mapping[str, Any]) -> list[str]:
    """Return the table of fields, in the order in which people see them."""
    rows = [
        [code(name), text(_of(each, "label")), "yes" if _of(each, "required") is True else "no", _note(each)]
        for name, each in sorted(fields.items(), key=lambda item: -_order(item[1]))
    ]
    return table(["Field", "Label", "Required", "Note"], rows)


def _note(field: Any) -> str:
    """Return all that helps to fill a field."""
    if not isinstance(field, dict):
        return ""
    model, needed = field.get("model"), field.get("require")
    needed = [needed] if isinstance(needed, str) else needed
    notes = [
        text(field.get("note")),
        text(field.get("description")),
        text(object_member(field, "help").get("description")),
    ]
    if isinstance(model, dict):
        notes.append(_sentence(one_of([text(each) or code(name) for name, each in model.items()])))
    elif isinstance(model, list):
        notes.append(_sentence(one_of([text(each) for each in model])))
    elif isinstance(model, str):
        notes.append("The choices come from the account")
    if text(field.get("placeholder")):
        notes.append(f"For example {code(field['placeholder'])}")
    if isinstance(needed, list) and needed:
        notes.append(f"Needs {', '.join(code(each) for each in needed)} first")
    return " ".join(each if each[-1] in ".!?" else f"{each}." for each in dict.fromkeys(notes) if each)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _order(field: Any) -> float:
    """Return where a field stands: those with a higher order come first, those without one last."""
    try:
        return float(_of(field, "order"))
    except (TypeError, ValueError):
        return 0.0


def _link(address: Any) -> str:
    found = str(address).strip()
    return f"<{found}>" if re.fullmatch(r"https?://[^\s<>]+", found) else code(found)


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
