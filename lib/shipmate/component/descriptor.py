"""Reads a component's descriptor into frozen facts.

Source: contract §11.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, NoReturn, cast

from shipmate.errors import DescriptorError, FunctionNotFound
from shipmate.jsonvalue import InvalidJson, kind_of, parse_json, pointer_to
from shipmate.wording import did_you_mean_or_list, file_problem

DESCRIPTOR: Final = "component.json"
SECTIONS: Final[Mapping[str, Literal["trigger", "action"]]] = {"triggers": "trigger", "actions": "action"}


@dataclass(frozen=True, slots=True)
class Function:
    """A trigger or an action of the descriptor."""

    id: str
    kind: Literal["trigger", "action"]
    main: str
    """The path of the module, relative to the component's root."""
    auto_resolve: bool = True
    """True if the runtime fetches the bodies of messages from the object storage."""
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
            FunctionNotFound: There is no such id; the message suggests a similar one, or lists all.
        """
        if name in self.functions:
            return self.functions[name]
        raise FunctionNotFound(
            f"expected a trigger or an action of {self.root / DESCRIPTOR}, found {name!r}"
            f"{did_you_mean_or_list(name, self.functions)}"
        )


def load(root: Path) -> Component:
    """Return the component in a folder, from its ``component.json``.

    Raises:
        DescriptorError: ``component.json`` is missing, is not JSON, or lacks what the runtime needs.
    """
    path = root / DESCRIPTOR
    try:
        return _component(root, path)
    except RecursionError:
        raise DescriptorError(f"{path}: expected an object, found one that is nested too deeply") from None


def _component(root: Path, path: Path) -> Component:
    raw = read_json(path)
    if not isinstance(raw, dict):
        _refuse(path, "", "an object", raw)
    functions: dict[str, Function] = {}
    for section, kind in SECTIONS.items():
        members = _object(path, f"/{section}", raw.get(section))
        for name, described in members.items():
            pointer = pointer_to(section, name)
            function = _function(path, pointer, name, kind, described)
            functions.setdefault(name, function)  # a trigger wins over an action, as in the official runtime
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


def read_json(path: Path, *, make_object: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return the content of a JSON file.

    Args:
        path: The file.
        make_object: Makes an object of its pairs, as for `shipmate.jsonvalue.parse_json`.

    Raises:
        DescriptorError: The file cannot be read or is not JSON; the message names file, line and column.
    """
    try:
        return parse_json(path.read_text(encoding="utf-8-sig"), make_object=make_object)
    except InvalidJson as error:
        raise DescriptorError(f"{path}: expected JSON, found {error}") from error
    except (OSError, ValueError) as error:
        raise DescriptorError(f"{path}: expected a readable file, found {file_problem(error)}") from error


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
    place = f"{path}: {pointer}" if pointer else str(path)
    raise DescriptorError(f"{place}: expected {expected}, found {kind_of(value)}")


def _frozen(value: Any) -> Any:
    """Return a read-only copy of parsed JSON, at all depths."""
    if isinstance(value, dict):
        return MappingProxyType({name: _frozen(member) for name, member in value.items()})
    return tuple(_frozen(member) for member in value) if isinstance(value, list) else value
