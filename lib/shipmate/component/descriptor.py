"""A component's descriptor as frozen facts.

Source: contract §11.
"""

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NoReturn, cast

from shipmate.errors import DescriptorError, FunctionNotFound

DESCRIPTOR: Final = "component.json"
_SECTIONS: Final[Mapping[str, Literal["trigger", "action"]]] = {"triggers": "trigger", "actions": "action"}


@dataclass(frozen=True, slots=True)
class Function:
    """A trigger or an action as the descriptor has it."""

    id: str
    kind: Literal["trigger", "action"]
    main: str
    """Path of the module, relative to the component's root."""
    auto_resolve: bool = True
    """Whether the runtime fetches bodies from the object storage."""
    metadata: Mapping[str, Any] | None = None
    dynamic_metadata: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Component:
    """A component's descriptor."""

    root: Path
    raw: Mapping[str, Any] = field(repr=False)
    functions: Mapping[str, Function]
    credentials: Mapping[str, Any] = field(repr=False)
    oauth2: Mapping[str, Any] | None = field(repr=False)
    env_vars: Mapping[str, Any]

    def function(self, name: str) -> Function:
        """Return a trigger or an action by its id.

        Raises:
            FunctionNotFound: There is none; the message lists those that exist.
        """
        if name in self.functions:
            return self.functions[name]
        raise FunctionNotFound(
            f"expected a trigger or an action of {self.root / DESCRIPTOR}, found {name!r}{hint(name, self.functions)}"
        )


def load(root: Path) -> Component:
    """Return the component in a folder.

    Raises:
        DescriptorError: ``component.json`` is missing, is not JSON, or lacks what the runtime needs.
    """
    path = root / DESCRIPTOR
    raw = read_json(path)
    if not isinstance(raw, dict):
        _refuse(path, "", "an object", raw)
    functions: dict[str, Function] = {}
    for section, kind in _SECTIONS.items():
        members = _object(path, f"/{section}", raw.get(section))
        for name, described in members.items():
            pointer = f"/{section}/{_escaped(name)}"
            function = _function(path, pointer, name, kind, described)
            functions.setdefault(name, function)  # an id that is in both is the trigger's, as in the official runtime
    credentials = _object(path, "/credentials", raw.get("credentials"))
    _object(path, "/credentials/fields", credentials.get("fields"))
    return Component(
        root=root,
        raw=_frozen(raw),
        functions=MappingProxyType(functions),
        credentials=_frozen(credentials),
        oauth2=_frozen(_object(path, "/credentials/oauth2", credentials.get("oauth2"))) or None,
        env_vars=_frozen(_object(path, "/envVars", raw.get("envVars"))),
    )


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        DescriptorError: It cannot be read or is not JSON; the message names file, line and column.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=_refuse_constant)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise DescriptorError(f"{path}: expected a readable file, found: {reason}") from error
    except UnicodeDecodeError as error:
        raise DescriptorError(f"{path}: expected UTF-8, found something else at byte {error.start + 1}") from error
    except json.JSONDecodeError as error:
        problem = f"{error.msg[:1].lower()}{error.msg[1:]}"
        raise DescriptorError(
            f"{path}: expected JSON, found {problem} at line {error.lineno}, column {error.colno}"
        ) from error
    except _NoConstant as error:
        raise DescriptorError(f"{path}: expected JSON, found {error}, which JSON does not have") from error
    except (ValueError, RecursionError) as error:
        raise DescriptorError(f"{path}: expected JSON, found a number too large or too deep a nesting") from error


class _NoConstant(ValueError):
    """A name that Python's reader of JSON knows, and JSON does not."""


def _refuse_constant(name: str) -> NoReturn:
    raise _NoConstant(name)


def _function(path: Path, pointer: str, name: str, kind: Literal["trigger", "action"], described: Any) -> Function:
    described = _object(path, pointer, described)
    main = described.get("main")
    if not isinstance(main, str) or not main:
        _refuse(path, f"{pointer}/main", "the path of a module", main)
    metadata = described.get("metadata")
    return Function(
        id=name,
        kind=kind,
        main=main,
        auto_resolve=described.get("autoResolveObjectReferences") is not False,
        metadata=_frozen(_object(path, f"{pointer}/metadata", metadata)) if metadata is not None else None,
        dynamic_metadata=bool(described.get("dynamicMetadata")),
        fields=_frozen(_object(path, f"{pointer}/fields", described.get("fields"))),
        raw=_frozen(described),
    )


def _object(path: Path, pointer: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        _refuse(path, pointer, "an object", value)
    return cast(dict[str, Any], value)


def _refuse(path: Path, pointer: str, expected: str, value: Any) -> NoReturn:
    found = {dict: "an object", list: "an array", str: "text", bool: "a boolean", type(None): "nothing"}
    place = f"{path}: {pointer}" if pointer else str(path)
    raise DescriptorError(f"{place}: expected {expected}, found {found.get(type(value), 'a number')}")


def _frozen(value: Any) -> Any:
    """Return a read-only view of parsed JSON, all the way down."""
    if isinstance(value, dict):
        return MappingProxyType({name: _frozen(member) for name, member in value.items()})
    return tuple(_frozen(member) for member in value) if isinstance(value, list) else value


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def hint(name: str, existing: Iterable[str]) -> str:
    """Return which of the existing names was meant perhaps, or else all of them, as the end of a sentence."""
    names = list(existing)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there is {', '.join(names)}" if names else ""
