"""Reads what a flow file says about this machine: folders, key files, secrets, variables, and the schedule."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from shipmate.errors import BadInput
from shipmate.flow.file import FlowFile
from shipmate.flow.graph import ComponentSource
from shipmate.flow.values import ObjectReader, as_text, object_at, shown
from shipmate.jsonvalue import kind_of
from shipmate.local.options import parse, read_file
from shipmate.tools.validation.report import Findings

_SOURCE: Final = "a folder, or an object with path and command"


def read_components(findings: Findings, file: FlowFile) -> dict[str, ComponentSource]:
    """Return the places of components by their names."""
    members = local_object(findings, file, "components")
    return {name: _source(file, members, name) for name in members.value}


def _source(file: FlowFile, members: ObjectReader, name: str) -> ComponentSource:
    """Return the place of a component; a wrong one is empty, so that its steps are not wrong, too."""
    value = members.value[name]
    if not isinstance(value, dict):
        folder = members.required_text(name, _SOURCE)
        return ComponentSource(resolved(file, folder) if folder else None, None)
    source = members.members(name)
    source.warn_of_unknown(("path", "command"))
    folder = source.text("path", "a folder")
    command = _command(source)
    if source.value.keys().isdisjoint(("path", "command")):
        source.findings.error(source.pointer, f"expected {_SOURCE}, found neither path nor command")
    return ComponentSource(resolved(file, folder) if folder else None, command)


def _command(source: ObjectReader) -> tuple[str, ...] | None:
    value = source.value.get("command")
    if isinstance(value, list) and value and all(isinstance(each, str) and each for each in value):
        return tuple(value)
    if value is None or isinstance(value, str):
        try:
            return tuple(shlex.split(value or "")) or None
        except ValueError as error:
            problem = f"expected a command line, found {str(error).lower()}"
    else:
        problem = f"expected text or an array of texts, found {kind_of(value)}"
    source.findings.error(source.place("command"), problem)
    return None


def read_accounts(findings: Findings, file: FlowFile) -> dict[str, Path]:
    """Return the key files by the ids or names of accounts."""
    members = local_object(findings, file, "accounts")
    names = {name: members.required_text(name, "the name of a key file") for name in members.value}
    return {name: resolved(file, text) for name, text in names.items() if text is not None}


def read_secrets(findings: Findings, file: FlowFile) -> dict[str, Mapping[str, Any]]:
    """Return the secrets of the platform by their ids or names; text names a JSON file with the secret."""
    members = local_object(findings, file, "secrets")
    secrets: dict[str, Mapping[str, Any]] = {}
    for name, value in members.value.items():
        if isinstance(value, dict):
            secrets[name] = value
        elif isinstance(value, str) and value:
            secrets[name] = read_object(findings, members.place(name), resolved(file, value)) or {}
        else:
            problem = f"expected an object, or the name of a JSON file, found {kind_of(value)}"
            findings.error(members.place(name), problem)
    return secrets


def read_object(findings: Findings, pointer: str, path: Path) -> Mapping[str, Any] | None:
    """Return the object in a JSON file that a flow file names; None after a problem."""
    if path.exists() and not path.is_file():  # a device could have no end
        findings.error(pointer, f"expected a regular file, found another kind of file: {path}")
        return None
    try:
        value = parse(read_file(path, str(path)), str(path))
    except BadInput as error:
        findings.error(pointer, str(error))
        return None
    if isinstance(value, dict):
        return value
    findings.error(pointer, f"expected an object in {path}, found {kind_of(value)}")
    return None


def read_variables(findings: Findings, file: FlowFile) -> dict[str, str]:
    """Return the variables of the flow as text, as the platform passes them; a recipe's must all have a value."""
    members = local_object(findings, file, "variables")
    variables: dict[str, str] = {}
    for name, value in members.value.items():
        if isinstance(value, str | int | float):
            variables[name] = as_text(value)
            _check_quotes(findings, members.place(name), file.plain.get(members.place(name)), value)
        else:
            findings.error(members.place(name), f"expected text, found {kind_of(value)}")
    for name in file.declared_variables:
        if name not in members.value:
            problem = f"expected a value for the variable {shown(name)} of the recipe, found none"
            findings.error(members.pointer, f"{problem}; write variables: {{{name}: ...}}")
    return variables


def _check_quotes(findings: Findings, pointer: str, plain: str | None, value: str | float | bool) -> None:
    """Add the problem of a text that stands in YAML without quotes, and is or may be taken for another value."""
    if plain is None:
        return
    if isinstance(value, str):
        problem = f"expected quotes around {plain}, found none; other readers of YAML take it for another value"
        findings.warning(pointer, f'{problem}: quote it: "{plain}"')
    else:
        problem = f"expected text, found {plain}, which is the number {as_text(value)}"
        findings.error(pointer, f'{problem}; quote it: "{plain}"')


def local_object(findings: Findings, file: FlowFile, name: str) -> ObjectReader:
    """Return a local member that is an object, an empty one if it is missing or wrong."""
    pointer, value = file.local.get(name, (f"{file.pointer}/{name}", None))
    return object_at(findings, pointer, {} if value is None else value)


def resolved(file: FlowFile, name: str) -> Path:
    """Return the path of a name in a flow file, which is relative to the file's folder."""
    return file.folder / Path(name)
