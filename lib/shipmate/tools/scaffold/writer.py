"""Writes a new component into its folder: all files, or none."""

import json
import os
import shlex
import shutil
import string
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from shipmate import __version__
from shipmate.component import DESCRIPTOR, Modules, load
from shipmate.errors import BadInput
from shipmate.tools import docs
from shipmate.tools.scaffold.plan import Plan
from shipmate.tools.scaffold.requirement import direct_url, requirement
from shipmate.tools.validation import entries
from shipmate.wording import file_problem

_SUFFIX: Final = ".tmpl"
_README: Final = "README.md"
_CREDENTIAL_FILES: Final = ("verify_credentials.py", "tests/test_verify_credentials.py")
"""The files that a component without credentials does not need."""

_WRITTEN_BY_HAND: Final = ("actions/", "triggers/", "schemas/", "tests/test_@@{")
"""The files that a component without declarations has."""

_FROM_INDEX: Final = "It installs shipmate from the package index, as `requirements.txt` says."
_OTHER_MACHINES: Final = "# Only this machine has it; README.md says what other machines need.\n"
_FROM_MACHINE: Final = f"""\
`requirements.txt` names the shipmate of this machine, which no other machine can install. For the platform, put its
wheel beside the `Dockerfile`, commit it, and name its version instead: `shipmate~={__version__}`.

    python -m pip wheel --no-deps --wheel-dir . "$(grep '^shipmate' requirements.txt)"
"""


class _Template(string.Template):
    """Text with ``@@{name}`` as placeholder: dollars and braces belong to the files."""

    delimiter = "@@"


def check_folder(folder: Path) -> None:
    """Raise an error unless a folder is empty or can be created.

    Raises:
        BadInput: The folder is not empty, is not a folder, or its parent folder does not exist.
    """
    try:
        if not os.path.lexists(folder):
            if not folder.parent.is_dir():
                raise BadInput(f"expected the folder {folder.parent} to create {folder.name} in, found none")
        elif not folder.is_dir():
            raise BadInput(f"expected a new or empty folder, found something else: {folder}")
        elif any(folder.iterdir()):
            raise BadInput(f"expected a new or empty folder, found one with files: {folder}")
    except OSError as error:
        raise _unusable(folder, error) from error


def create(plan: Plan, folder: Path) -> None:
    """Write a component into a folder.

    Raises:
        BadInput: The folder is not empty, or not writable; it is unchanged.
    """
    check_folder(folder)
    folder = folder.absolute()
    is_new = not folder.exists()
    try:
        # On the same file system, so that the complete component can be moved to its place.
        stage = Path(tempfile.mkdtemp(prefix=".shipmate-new-", dir=folder.parent if is_new else folder))
        try:
            component = stage / "component"
            _write(plan, component)
            if is_new:
                component.rename(folder)
            else:
                _move_into(folder, component)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    except OSError as error:
        raise _unusable(folder, error) from error


def next_steps(plan: Plan, folder: Path) -> str:
    """Return what was created, and the three commands to run next, with this machine's name of Python."""
    python = _python()
    commands = [
        f"{python} -m pip install --requirement requirements-dev.txt",
        f"{python} -m pytest",
        f"{python} -m shipmate validate",
    ]
    if folder.absolute() != Path.cwd():
        place = f"./{folder}" if str(folder).startswith("-") else str(folder)
        commands = [f"cd {shlex.quote(place)}", *commands[:2]]
    contents = f"action {plan.action}, trigger {plan.trigger}"
    if plan.object_title:
        contents = f"the functions of {plan.object_title}"
    summary = f"Created {plan.title} in {folder}: {contents}, {plan.authentication}."
    return "\n".join([summary, "", *(f"    {command}" for command in commands)])


def _python() -> str:
    """Return the shell's name of this interpreter, or its path if no name leads to it."""
    for name in ("python", "python3"):
        path = shutil.which(name)
        # Compared by folder: in a virtual environment, both are links to the system's interpreter.
        if path and Path(path).parent == Path(sys.executable).parent:
            return name
    return shlex.quote(sys.executable)


def _write(plan: Plan, root: Path) -> None:
    templates = files("shipmate.tools.scaffold") / "templates"
    kind = templates / plan.authentication.replace("-", "_")
    values = _values(plan)
    for fragment in (kind / "fragments").iterdir():
        name = fragment.name.removesuffix(_SUFFIX)
        values[name] = _filled(fragment.read_text(encoding="utf-8"), values).rstrip("\n")
    files_by_path = dict(_templates_in(templates / "component")) | dict(_templates_in(kind / "component"))
    if plan.object_title:
        kept = {name: template for name, template in files_by_path.items() if not name.startswith(_WRITTEN_BY_HAND)}
        files_by_path = kept | dict(_templates_in(templates / "objects" / "component"))
    for name, template in sorted(files_by_path.items(), key=lambda item: item[0] == _README):
        if plan.authentication == "none" and name in _CREDENTIAL_FILES:
            continue
        path = root / _filled(name, values)
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == _README:  # the last file, since it describes the others
            if plan.object_title:
                _write_entries(root, (f"./api.py:{plan.object}", "./api.py:api"))
            values["docs"] = docs.section(root)
        path.write_text(_filled(template.read_text(encoding="utf-8"), values).rstrip("\n") + "\n", encoding="utf-8")


def _write_entries(root: Path, declarations: tuple[str, ...]) -> None:
    """Add the functions that follow from declarations to ``component.json``."""
    path = list(sys.path)
    try:
        loaded = load(root)
        whole, _ = entries.described(loaded, Modules(loaded), declarations)
    finally:
        # The folder is a temporary one.
        sys.path[:] = path
        for name, module in list(sys.modules.items()):
            if Path(getattr(module, "__file__", None) or "/").is_relative_to(root):
                del sys.modules[name]
    shutil.rmtree(root / "__pycache__", ignore_errors=True)
    (root / DESCRIPTOR).write_text(entries.to_text(whole), encoding="utf-8")


def _values(plan: Plan) -> dict[str, str]:
    """Return the values of the placeholders: titles as JSON, ids and URLs in characters that need no escape."""
    origin = direct_url()
    is_of_index = " @ " not in requirement(origin)
    values = {
        "title": plan.title,
        "description": f"Reads and creates records of {plan.title}",
        "action_title": plan.action_title,
        "trigger_title": plan.trigger_title,
    }
    return {
        **{name: json.dumps(text, ensure_ascii=False) for name, text in values.items()},
        "key_header": '\nKEY_HEADER = "X-API-Key"' if plan.authentication == "api-key" else "",
        "action": plan.action,
        "trigger": plan.trigger,
        "object": plan.object,
        "object_title": json.dumps(plan.object_title, ensure_ascii=False),
        "name": plan.name,
        "base_url": plan.base_url,
        "origin": plan.origin,
        "shipmate": requirement(origin),
        "shipmate_for_tests": requirement(origin, extra="testing"),
        "of_this_machine": "" if is_of_index else _OTHER_MACHINES,
        "delivery": _FROM_INDEX if is_of_index else _FROM_MACHINE,
    }


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _Template(text).substitute(values)


def _templates_in(folder: Traversable, under: str = "") -> Iterator[tuple[str, Traversable]]:
    """Yield the templates in a folder with the paths of their files; ``dot_`` in a name stands for a dot."""
    for template in folder.iterdir():
        name = template.name.removesuffix(_SUFFIX)
        name = f"{under}.{name.removeprefix('dot_')}" if name.startswith("dot_") else under + name
        if template.is_dir():
            yield from _templates_in(template, f"{name}/")
        elif template.name.endswith(_SUFFIX):
            yield name, template


def _move_into(folder: Path, component: Path) -> None:
    """Move the files of a component into an existing folder; remove them again if one cannot be moved."""
    moved: list[Path] = []
    try:
        for path in sorted(component.iterdir()):
            target = folder / path.name
            if os.path.lexists(target):
                raise BadInput(f"expected an empty folder, found a new file {path.name} in it: {folder}")
            path.rename(target)
            moved.append(target)
    except BaseException:
        for path in moved:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise


def _unusable(folder: Path, error: OSError) -> BadInput:
    return BadInput(f"expected a writable folder, found {file_problem(error)}: {folder}")
