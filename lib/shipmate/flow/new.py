"""Writes a flow file for a component: a trigger, and an action that gets what the trigger emits."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from shipmate import component
from shipmate.component import Component, Function
from shipmate.component.credentials import auth_client_types, view_classes
from shipmate.component.metadata import sample, schema_of, to_draft4
from shipmate.errors import BadInput, DescriptorError
from shipmate.local.account import ACCOUNT_FILE
from shipmate.wording import did_you_mean_or_list, escaped, file_problem

_TIMER: Final = "timer"
_WEBHOOK: Final = "webhook"
_STANDARD: Final[Mapping[str, str]] = {_TIMER: "elasticio/simple-trigger:timer", _WEBHOOK: "elasticio/webhook:receive"}
_PLAIN: Final = re.compile(r"(?:[A-Za-z_$]|\.\.?(?:/|$))[A-Za-z0-9_$./: -]*")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED: Final = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_OPERATORS: Final = frozenset({"and", "or", "in", "true", "false", "null"})
_EVERY_MINUTE: Final = "* * * * *"
_ACCOUNT: Final = "account"
_OWNER_ONLY: Final = 0o600
_SECRET_FILE: Final = "secret.keys.json"  # noqa: S105 - a name
_SECRET_MEMBERS: Final[Mapping[str, Mapping[str, str]]] = {
    "oauth2": {"access_token": "", "refresh_token": ""},
    "basic": {"username": "", "password": ""},
    "api_key": {"headerName": "X-API-Key", "headerValue": ""},
}


@dataclass(frozen=True, slots=True)
class _Plan:
    """The content of a new flow."""

    component: Component
    name: str
    """The component's name in the flow."""
    trigger: Function | None
    standard: str
    """The standard trigger, if the component has none or another one is wanted."""
    action: Function | None

    @property
    def secret_types(self) -> tuple[str, ...]:
        """The types of secrets of the platform that the component accepts; empty if its accounts have keys."""
        return auth_client_types(self.component)

    @property
    def key_file(self) -> str:
        """The name of the file with the keys of the account or with the secret."""
        return _SECRET_FILE if self.secret_types else ACCOUNT_FILE


def create(file: Path, root: Path, *, trigger: str | None = None, action: str | None = None) -> str:
    """Write a flow file for a component, and its key file if there is none; return what to do next.

    Args:
        file: The file, which must not exist.
        root: The component's folder.
        trigger: The id of a trigger, ``timer`` or ``webhook``; the first one by default, a timer without one.
        action: The id of an action; the first one by default.

    Raises:
        BadInput: The file exists, cannot be written, or the component lacks the function.
        DescriptorError: The component cannot be read.
    """
    if os.path.lexists(file):
        raise BadInput(f"expected a new file, found one that exists: {file}; delete it, or choose another name")
    plan = _plan(component.load(root), trigger, action)
    text = "".join(f"{line}\n" for line in _lines(plan, _relative(root, file.parent)))
    keys = root / plan.key_file if plan.component.credentials.get("fields") else None
    is_new = keys is not None and not keys.exists()
    if keys is not None and is_new:
        content = _empty_secret(plan.component) if plan.secret_types else _empty_keys(plan.component)
        _write(keys, f"{json.dumps(content, indent=2, ensure_ascii=False)}\n", _OWNER_ONLY)
    _write(file, text)
    return "\n".join(_next_steps(file, root, keys if is_new else None, plan))


def _plan(loaded: Component, trigger: str | None, action: str | None) -> _Plan:
    chosen: Function | None = None
    if trigger is None or trigger not in _STANDARD or trigger in loaded.functions:
        chosen = _function(loaded, "trigger", trigger)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", loaded.root.resolve().name).strip("-") or "component"
    standard = _STANDARD.get(trigger or _TIMER, _STANDARD[_TIMER])
    return _Plan(loaded, name, chosen, standard, _function(loaded, "action", action))


def _function(loaded: Component, kind: Literal["trigger", "action"], wanted: str | None) -> Function | None:
    """Return a function by its id, the first one of its kind by default, None if the component has none.

    Raises:
        BadInput: The component lacks the wanted one.
    """
    functions = {each.id: each for each in loaded.functions.values() if each.kind == kind}
    if wanted is None:
        return next(iter(functions.values()), None)
    if wanted in functions:
        return functions[wanted]
    known = [*functions, *(_STANDARD if kind == "trigger" else ())]
    raise BadInput(f"expected an id for --{kind}, found {wanted!r}{did_you_mean_or_list(wanted, known)}")


def _lines(plan: _Plan, folder: str) -> Iterator[str]:
    has_account = bool(plan.component.credentials.get("fields"))
    yield f"name: {_text(_one_line(str(plan.component.raw.get('title') or plan.name)))}"
    yield "graph:"
    yield "  nodes:"
    if plan.trigger is not None:
        yield from _node(plan, "step_1", plan.trigger, has_account)
    else:
        yield from ("    - id: step_1", f"      command: {plan.standard}", "      first: true")
    if plan.action is not None:
        yield from _node(plan, "step_2", plan.action, has_account)
        yield from ("  edges:", "    - source: step_1", "      target: step_2")
        yield from _mapper(plan, plan.action)
    if plan.trigger is not None or plan.standard == _STANDARD[_TIMER]:
        yield "# Minute, hour, day, month, day of the week: this is every minute."
        yield f"schedule: {_text(_EVERY_MINUTE)}"
    yield from (
        "# The folder of the component, relative to this file.",
        "components:",
        f"  {plan.name}: {_text(folder)}",
    )
    if has_account:
        content = "secret, as the platform keeps it" if plan.secret_types else "keys of the account"
        yield f"# The file with the {content}, relative to this file."
        section = "secrets" if plan.secret_types else "accounts"
        yield from (f"{section}:", f"  {_ACCOUNT}: {_text(os.path.join(folder, plan.key_file))}")


def _node(plan: _Plan, step_id: str, function: Function, has_account: bool) -> Iterator[str]:
    yield f"    - id: {step_id}"
    yield f"      command: {_text(f'{plan.name}:{function.id}')}"
    if title := function.raw.get("title"):
        yield f"      name: {_text(_one_line(str(title)))}"
    if function.kind == "trigger":
        yield "      first: true"
    if has_account:
        yield f"      {'secret_id' if plan.secret_types else 'credentials_id'}: {_ACCOUNT}"
    required = {
        name: described
        for name, described in function.fields.items()
        if isinstance(described, Mapping) and described.get("required") is True
    }
    if required:
        yield "      fields:"
    for name, described in required.items():
        comment = _one_line(str(described.get("label") or "a value that the function requires"))
        yield f"        {_text(name)}: {_value(_placeholder(described))}  # {comment}"


def _placeholder(field: Mapping[str, Any]) -> Any:
    """Return a value that a person replaces: the first choice, the placeholder, or dots."""
    if field.get("viewClass") == "MultiSelectView":
        return [_placeholder({**field, "viewClass": "SelectView"})]
    model = field.get("model")
    if isinstance(model, Mapping) and model:
        return next(iter(model))
    if field.get("viewClass") == "CheckBoxView":
        return False
    placeholder = field.get("placeholder")
    return placeholder if isinstance(placeholder, str) and placeholder else "..."


def _mapper(plan: _Plan, action: Function) -> Iterator[str]:
    """Yield the mapping of the edge: equal names are mapped, other required properties get a constant."""
    expressions = dict(_expressions(plan, action))
    if not expressions:
        return
    yield from ("      config:", "        mapper:")
    for name, expression in expressions.items():
        yield f"          {_text(name)}: {_text(expression)}"


def _expressions(plan: _Plan, action: Function) -> Iterator[tuple[str, str]]:
    wanted = _schema(plan.component, action, "in")
    emitted = _schema(plan.component, plan.trigger, "out") if plan.trigger is not None else {}
    emits_anything = plan.trigger is None and plan.standard == _STANDARD[_WEBHOOK]
    properties, given = _properties(wanted), _properties(emitted)
    required = [name for name in wanted.get("required", ()) if isinstance(name, str)]
    examples = _examples(wanted)
    for name in dict.fromkeys([*required, *properties]):
        if (name in given or (emits_anything and name in required)) and "`" not in name:
            yield name, name if _NAME.fullmatch(name) and name not in _OPERATORS else f"`{name}`"
        elif name in required:
            yield name, json.dumps(examples.get(name, "..."), ensure_ascii=False)


def _schema(loaded: Component, function: Function, direction: Literal["in", "out"]) -> dict[str, Any]:
    """Return the schema of a function, an empty one if it has none that is usable."""
    try:
        schema = schema_of(loaded, function, direction)
        return to_draft4(schema) if schema is not None else {}
    except (DescriptorError, RecursionError):
        return {}


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _examples(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        value = sample(schema)
    except DescriptorError:
        return {}
    return value if isinstance(value, dict) else {}


def _empty_keys(loaded: Component) -> dict[str, Any]:
    """Return the credential fields of a component without their values."""
    return {name: {} if kind == "OAuthFieldView" else "" for name, kind in view_classes(loaded).items()}


def _empty_secret(loaded: Component) -> dict[str, Any]:
    """Return a secret of the first type that a component accepts, without its values."""
    kind = auth_client_types(loaded)[0]
    others = {name: "" for name, view in view_classes(loaded).items() if view != "HTTPAuthView"}
    fields = {"fields": others} if others else {}
    return {"type": kind, "credentials": {**_SECRET_MEMBERS.get(kind, {}), **fields}}


def _next_steps(file: Path, root: Path, keys: Path | None, plan: _Plan) -> Iterator[str]:
    yield f"wrote {file}; replace each '...' in it"
    if keys is not None:
        if plan.secret_types:
            types = f" (types: {', '.join(plan.secret_types)})" if len(plan.secret_types) > 1 else ""
            yield f"wrote {keys}; write the credentials of the secret into it{types}"
            if "oauth2" in plan.secret_types:
                yield f"  shipmate login --component {root} --secret {keys}"
        else:
            yield f"wrote {keys}; write the credential fields into it"
        if plan.component.oauth2 is not None:
            yield f"  shipmate login --component {root}"
    yield f"  shipmate flow check {file}"
    yield f"  shipmate flow run {file} --once"


def _relative(root: Path, folder: Path) -> str:
    path = os.path.relpath(root.resolve(), folder.resolve())
    return path if path.startswith(".") else f"./{path}"


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as target:
            target.write(text)
    except (OSError, ValueError) as error:
        raise BadInput(f"expected a file that can be written, found {file_problem(error)}: {path}") from error


def _text(text: str) -> str:
    """Return text as YAML.

    >>> print(_text("crm:upsert"), _text("a: b"), _text("it's"), _text("yes"))
    crm:upsert 'a: b' 'it''s' 'yes'
    """
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _RESERVED
    if is_plain and ": " not in text and not text.endswith((" ", ":")):
        return text
    return "'{}'".format(text.replace("'", "''")) if text.isprintable() else json.dumps(text)


def _value(value: Any) -> str:
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _one_line(text: str) -> str:
    return escaped(" ".join(text.split()))
