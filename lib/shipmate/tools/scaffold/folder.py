"""Writing a new component into its folder: the whole of it, or nothing."""

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
from shipmate.errors import BadInput
from shipmate.tools import docs
from shipmate.tools.scaffold.plan import Plan
from shipmate.wording import file_problem

_SUFFIX: Final = ".tmpl"
_README: Final = "README.md"
_OF_CREDENTIALS: Final = ("verify_credentials.py", "tests/test_verify_credentials.py")
"""What a component without credentials does not have."""


class _Template(string.Template):
    """Text with ``@@{name}`` in it: dollars and braces mean something else in what is written."""

    delimiter = "@@"


def check_folder(folder: Path) -> None:
    """Do nothing if a component can be written into a folder that is empty, or not there yet.

    Raises:
        BadInput: It is something else, or the folder around it is not there.
    """
    try:
        if not os.path.lexists(folder):
            if not folder.parent.is_dir():
                raise BadInput(f"expected the folder {folder.parent}, found none to make {folder.name} in")
        elif not folder.is_dir():
            raise BadInput(f"expected a new or an empty folder, found something else: {folder}")
        elif any(folder.iterdir()):
            raise BadInput(f"expected a new or an empty folder, found one that is not empty: {folder}")
    except OSError as error:
        raise _unusable(folder, error) from error


def create(plan: Plan, folder: Path) -> None:
    """Write a component.

    Raises:
        BadInput: The folder is not empty, or cannot be written to; it is as it was then.
    """
    check_folder(folder)
    folder = folder.absolute()
    is_new = not folder.exists()
    try:
        # On the same file system, so that what is complete can be moved to its place.
        stage = Path(tempfile.mkdtemp(prefix=".shipmate-new-", dir=folder.parent if is_new else folder))
        try:
            made = stage / "component"
            _write(plan, made)
            if is_new:
                made.rename(folder)
            else:
                _move_into(folder, made)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    except OSError as error:
        raise _unusable(folder, error) from error


def next_steps(plan: Plan, folder: Path) -> str:
    """Return what was made, and the three commands that come next, as this machine understands them."""
    python = _python()
    commands = [
        f"{python} -m pip install --requirement requirements-dev.txt",
        f"{python} -m pytest",
        f"{python} -m shipmate validate",
    ]
    if folder.absolute() != Path.cwd():
        place = f"./{folder}" if str(folder).startswith("-") else str(folder)
        commands = [f"cd {shlex.quote(place)}", *commands[:2]]
    made = f"Made {plan.title} in {folder}: action {plan.action}, trigger {plan.trigger}, {plan.authentication}."
    return "\n".join([made, "", *(f"    {each}" for each in commands)])


def _python() -> str:
    """Return how this interpreter is called in a shell, by its path if no name leads to it."""
    for name in ("python", "python3"):
        found = shutil.which(name)
        # By folder: in a virtual environment, links of both lead to the system's interpreter.
        if found and Path(found).parent == Path(sys.executable).parent:
            return name
    return shlex.quote(sys.executable)


def _write(plan: Plan, root: Path) -> None:
    templates = files("shipmate.tools.scaffold") / "templates"
    kind = templates / plan.authentication.replace("-", "_")
    values = _values(plan)
    for fragment in (kind / "fragments").iterdir():
        name = fragment.name.removesuffix(_SUFFIX)
        values[name] = _filled(fragment.read_text(encoding="utf-8"), values).rstrip("\n")
    found = dict(_found(templates / "component")) | dict(_found(kind / "component"))
    for name, template in sorted(found.items(), key=lambda each: each[0] == _README):
        if plan.authentication == "none" and name in _OF_CREDENTIALS:
            continue
        path = root / _filled(name, values)
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == _README:  # the last one: it tells of the others
            values["docs"] = docs.section(root)
        path.write_text(_filled(template.read_text(encoding="utf-8"), values).rstrip("\n") + "\n", encoding="utf-8")


def _values(plan: Plan) -> dict[str, str]:
    """Return what is filled in: titles are JSON, and everything else has only letters that mean nothing anywhere."""
    values = {
        "title": plan.title,
        "description": f"Reads and creates records of {plan.title}",
        "action_title": plan.action_title,
        "trigger_title": plan.trigger_title,
    }
    return {
        **{name: json.dumps(text, ensure_ascii=False) for name, text in values.items()},
        "action": plan.action,
        "trigger": plan.trigger,
        "name": plan.name,
        "base_url": plan.base_url,
        "origin": plan.origin,
        "version": __version__,
    }


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _Template(text).substitute(values)


def _found(folder: Traversable, under: str = "") -> Iterator[tuple[str, Traversable]]:
    """Yield the templates in a folder with the paths that they are written to; ``dot_`` stands for a dot."""
    for each in folder.iterdir():
        name = each.name.removesuffix(_SUFFIX)
        name = f"{under}.{name.removeprefix('dot_')}" if name.startswith("dot_") else under + name
        if each.is_dir():
            yield from _found(each, f"{name}/")
        elif each.name.endswith(_SUFFIX):
            yield name, each


def _move_into(folder: Path, made: Path) -> None:
    """Move what was made into a folder that exists; what was moved is taken away when the rest cannot be."""
    moved: list[Path] = []
    try:
        for each in sorted(made.iterdir()):
            target = folder / each.name
            if os.path.lexists(target):
                raise BadInput(f"expected an empty folder, found {each.name} that somebody has just made: {folder}")
            each.rename(target)
            moved.append(target)
    except BaseException:
        for each in moved:
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        raise


def _unusable(folder: Path, error: OSError) -> BadInput:
    return BadInput(f"expected a writable folder, found {file_problem(error)}: {folder}")
