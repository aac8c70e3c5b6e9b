"""Writes a new component into its folder: all files, or none."""

import json
import os
import shlex
import shutil
import string
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from shipmate import __version__
from shipmate.component import DESCRIPTOR, Modules, load
from shipmate.errors import BadInput
from shipmate.tools import docs
from shipmate.tools.scaffold.plan import Plan
from shipmate.tools.scaffold.port import Port
from shipmate.tools.scaffold.requirement import direct_url, requirement
from shipmate.tools.validation import entries
from shipmate.wording import file_problem

_SUFFIX: Final = ".tmpl"
_README: Final = "README.md"
_CREDENTIAL_FILES: Final = ("verify_credentials.py", "tests/test_verify_credentials.py")
"""The files that a component without credentials does not need."""

_WRITTEN_BY_HAND: Final = ("actions/", "triggers/", "schemas/", "tests/test_@@{")
"""The files that a component without declarations has."""

_OF_ALL: Final = (
    *("Dockerfile", ".dockerignore", ".gitignore", "pyproject.toml", "requirements.txt", "requirements-dev.txt"),
    "tests/__init__.py",
)
"""The files that a component from a descriptor has like others."""
_BEFORE: Final = "node"
"""The folder for the files of the component before."""
_STAYING: Final = ("LICENSE", "CHANGELOG", "logo.")
"""The beginnings of the names of files that stay."""

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
    _create(folder, lambda component: _write(plan, component))


def create_port(port: Port, file: Path, folder: Path) -> None:
    """Write a component that was read from a descriptor.

    Args:
        port: The component.
        file: The file of the descriptor.
        folder: A new or an empty folder; or that of the file, whose files of the component before go to ``node``.

    Raises:
        BadInput: The folder is neither, or not writable; it is unchanged.
    """
    if not _holds(folder, file):
        check_folder(folder)
    elif os.path.lexists(folder / _BEFORE):
        raise BadInput(f"expected no folder {_BEFORE}, where the files of the component before go, found one: {folder}")
    _create(folder, lambda component: _write_port(port, component), is_of_node=_holds(folder, file))


def _holds(folder: Path, file: Path) -> bool:
    return folder.is_dir() and file.resolve().parent == folder.resolve()


def _create(folder: Path, write: Callable[[Path], None], *, is_of_node: bool = False) -> None:
    """Let a function write a component, and move it into its folder."""
    folder = folder.absolute()
    is_new = not folder.exists()
    try:
        # On the same file system, so that the complete component can be moved to its place.
        stage = Path(tempfile.mkdtemp(prefix=".shipmate-new-", dir=folder.parent if is_new else folder))
        try:
            component = stage / "component"
            write(component)
            if is_new:
                component.rename(folder)
            else:
                with _moved_away(folder, stage) if is_of_node else nullcontext():
                    _move_into(folder, component)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    except OSError as error:
        raise _unusable(folder, error) from error


@contextmanager
def _moved_away(folder: Path, stage: Path) -> Iterator[None]:
    """Move the files of the component before to a folder of their own; move them back if the block fails."""
    before = folder / _BEFORE
    moved = [each for each in sorted(folder.iterdir()) if each != stage and not _stays(each.name)]
    before.mkdir()
    done: list[Path] = []
    try:
        for path in moved:
            path.rename(before / path.name)
            done.append(path)
        yield
    except BaseException:
        for path in done:
            (before / path.name).rename(path)
        before.rmdir()
        raise


def _stays(name: str) -> bool:
    return name == ".git" or name.startswith(_STAYING)


def next_steps(plan: Plan, folder: Path) -> str:
    """Return what was created, and the three commands to run next, with this machine's name of Python."""
    contents = f"action {plan.action}, trigger {plan.trigger}"
    if plan.object_title:
        contents = f"the functions of {plan.object_title}"
    return _steps(f"Created {plan.title} in {folder}: {contents}, {plan.authentication}.", folder)


def _steps(summary: str, folder: Path) -> str:
    python = _python()
    commands = [
        f"{python} -m pip install --requirement requirements-dev.txt",
        f"{python} -m pytest",
        f"{python} -m shipmate validate",
    ]
    if folder.absolute() != Path.cwd():
        place = f"./{folder}" if str(folder).startswith("-") else str(folder)
        commands = [f"cd {shlex.quote(place)}", *commands[:2]]
    return "\n".join([summary, "", *(f"    {command}" for command in commands)])


def next_steps_of_port(port: Port, folder: Path) -> str:
    """Return what was created from a descriptor, and the commands to run next."""
    count = sum(path.startswith(("actions/", "triggers/")) for path in port.files)
    return _steps(f"Created {port.title} in {folder}: {count} function{'s' * (count > 1)} to write.", folder)


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


def _write_port(port: Port, root: Path) -> None:
    templates = files("shipmate.tools.scaffold") / "templates"
    of_all = dict(_templates_in(templates / "component"))
    found = {name: template for name, template in of_all.items() if name in _OF_ALL or name.startswith(".github/")}
    found |= dict(_templates_in(templates / "ported" / "component"))
    values = {**_delivery(), "name": port.name, "base_url": port.base_url, "variables": port.variables}
    for path, text in {DESCRIPTOR: entries.to_text(port.descriptor), **port.files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    for name, template in sorted(found.items(), key=lambda item: item[0] == _README):
        if not port.descriptor.get("credentials") and name == _CREDENTIAL_FILES[0]:
            continue
        if name == _README:
            values["docs"] = docs.section(root)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        filled = _filled(template.read_text(encoding="utf-8"), values)
        (root / name).write_text(filled.rstrip("\n") + "\n", encoding="utf-8")


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
        **_delivery(),
    }


def _delivery() -> dict[str, str]:
    """Return the values about the way in which other machines get this runtime."""
    origin = direct_url()
    is_of_index = " @ " not in requirement(origin)
    return {
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
