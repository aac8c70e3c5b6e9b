"""What the reference pages promise to list completely."""

import ast
import dataclasses
import functools
import inspect
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import pytest

from shipmate import OAuth2, emulator, errors
from shipmate.cli import commands as cli
from shipmate.invocation import events

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGES = (
    "commands",
    "component-json",
    "context",
    "emulator",
    "environment",
    "flow",
    "glossary",
    "kit",
    "logs",
    "oauth2",
    "README",
)
MODULES = sorted((ROOT / "lib" / "shipmate").rglob("*.py"))

IN_CAPITALS = re.compile(r"""["'][A-Z][A-Z0-9_]|_proxy""")
QUOTED = re.compile(r"'([A-Z][A-Z0-9_]*[A-Z0-9]|(?:https?|all|no)_proxy)'")


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """Return what is between a heading of the second level and the next one."""
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def variables_in(code: str) -> set[str]:
    """Return the names of the variables that a module reads, also without the prefix ``ELASTICIO_``.

    Each statement is looked at as one line: names in capitals count where one of them has an underscore, or where the
    environment or the prefix is mentioned.

    >>> sorted(variables_in('a = environ.get("CI"); b = ("X_Y", "CFG"); c = _PREFIX + "FUNCTION"; d = "POST"'))
    ['CFG', 'CI', 'FUNCTION', 'X_Y']
    """
    found: set[str] = set()
    if not IN_CAPITALS.search(code):
        return found
    for statement in ast.unparse(ast.parse(code)).splitlines():
        names = QUOTED.findall(statement)
        if "environ" in statement or "_PREFIX" in statement or any("_" in name for name in names):
            found.update(name.upper() for name in names)
    return found


@functools.cache
def variables() -> dict[str, set[str]]:
    """Return the variables that the package reads, with the names of the modules."""
    found: dict[str, set[str]] = {}
    for path in MODULES:
        # Variables that are set for RabbitMQ, and not read; names of HTTP/2's errors; members of /etc/os-release.
        if path.name in ("rabbitmq.py", "frames.py", "sbom.py"):
            continue
        for name in variables_in(path.read_text(encoding="utf-8")):
            found.setdefault(name, set()).add(path.name)
    return found


def listed_variables() -> set[str]:
    """Return the variables on the page, except those that it calls not read."""
    return set(re.findall(r"`([A-Z][A-Z0-9_]*[A-Z0-9])`", page("environment").partition("\n## Not read\n")[0]))


def unlisted(read: dict[str, set[str]], listed: set[str]) -> dict[str, set[str]]:
    return {name: places for name, places in read.items() if not {name, f"ELASTICIO_{name}"} & listed}


def test_the_environment_page_lists_every_variable_that_is_read() -> None:
    """An operator looks for a variable there, and nowhere else."""
    read = variables()

    assert len(read) > 60
    assert unlisted(read, listed_variables()) == {}


def test_a_variable_that_the_page_lacks_is_found() -> None:
    """Guards the test above against reading nothing of the code."""
    listed = listed_variables()
    code = """
_NAMES = ("FLOW_ID", "FORGOTTEN")
a = integer(environ, _PREFIX + "FORGOTTEN_LIMIT", 3)
b = os.environ["ELASTICIO_FORGOTTEN_TOO"]
"""
    assert set(unlisted({name: {"module"} for name in variables_in(code)}, listed)) == {
        "FORGOTTEN", "FORGOTTEN_LIMIT", "ELASTICIO_FORGOTTEN_TOO",
    }  # fmt: skip


def test_the_environment_page_lists_no_variable_that_nothing_reads() -> None:
    """A variable that has gone from the code goes from the page."""
    listed = {name for name in listed_variables() if name.startswith(("ELASTICIO_", "SHIPMATE_"))}
    read = variables()

    assert {name for name in listed if not {name, name.removeprefix("ELASTICIO_")} & read.keys()} == set()


READS = re.compile(r"\b(?:integer|boolean|bounded|number)\(")


def numbers_of(code: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the names of variables with the default and the bounds that the code gives them.

    >>> list(numbers_of('_MS = 5_000; bounded(environ, _PREFIX + "A_B", _MS, 1, 9); boolean(environ, "C_D", True)'))
    [('A_B', ['5000', '1', '9']), ('C_D', ['true'])]
    """
    if not READS.search(code):
        return
    nodes = list(ast.walk(ast.parse(code)))
    known: dict[str, Any] = {}
    for node in nodes:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=value))
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=value))
            ):
                known[name] = value
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="integer" | "boolean" | "bounded" | "number"), args=[_, variable, *given]):
                values = [
                    each.value if isinstance(each, ast.Constant) else known.get(ast.unparse(each)) for each in given
                ]
                for name in QUOTED.findall(ast.unparse(variable)):
                    yield name, [str(value).lower() for value in values if value is not None]


def test_the_environment_page_has_the_defaults_and_bounds_of_the_code() -> None:
    """A wrong default on the page is worse than none."""
    rows = {
        name.removeprefix("ELASTICIO_"): re.findall(r"\d+\.\d+|\w+", row)
        for name, row in re.findall(r"^\| `(\w+)` \|(.*)$", page("environment"), re.MULTILINE)
    }
    found = [pair for path in MODULES for pair in numbers_of(path.read_text(encoding="utf-8"))]
    wrong = [(name, values) for name, values in found if not set(values) <= set(rows[name.removeprefix("ELASTICIO_")])]

    assert len(found) > 25
    assert wrong == []


def leaves(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Yield the commands of a group and of the groups in it, with their names, such as ``flow check``."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def test_the_commands_page_lists_the_commands_and_their_options() -> None:
    """What the help knows, the page knows, in the section of the command."""
    text = page("commands")
    assert set(re.findall(r"^\| \[`shipmate (\w+)", text, re.MULTILINE)) == set(cli.commands.commands)

    options = {
        (name, option)
        for name, command in leaves(cli.commands)
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    assert len(options) > 30
    assert {(name, option) for name, option in options if option not in section(text, name)} == set()


def test_the_oauth2_page_lists_the_options() -> None:
    """The table of options is complete, and lists no others."""
    arguments = (inspect.getdoc(OAuth2) or "").partition("Raises:")[0]
    documented = set(re.findall(r"^    (\w+): ", arguments, re.MULTILINE))
    listed = set(re.findall(r"^\| \[`(\w+)`\]", section(page("oauth2"), "Options"), re.MULTILINE))

    assert len(documented) > 10
    assert listed == documented


def subclasses(kind: type) -> Iterator[Any]:
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


def test_the_context_page_lists_the_events_and_the_errors() -> None:
    """Every event has a row, and every error one with its code."""
    text = page("context")
    rows = dict(re.findall(r"^\| (?:\*\*)?`(\w+)`(?:\*\*)? \| `(\w+)` \|", section(text, "Errors"), re.MULTILINE))

    assert rows == {
        kind.__name__: kind.code for kind in subclasses(errors.ShipmateError) if kind.__module__ == errors.__name__
    }
    assert {event for event in events.EVENTS if f"| `{event}` |" not in text} == set()


def test_the_context_page_marks_the_errors_that_can_be_imported() -> None:
    """What is bold is exported."""
    import shipmate

    bold = set(re.findall(r"^\| \*\*`(\w+)`\*\*", section(page("context"), "Errors"), re.MULTILINE))
    exported = {name for name in shipmate.__all__ if isinstance(getattr(shipmate, name), type)}

    assert bold == {name for name in exported if issubclass(getattr(shipmate, name), errors.ShipmateError)} - {
        "ShipmateError"
    }


def properties(schema: Any) -> Iterator[str]:
    """Yield the names of all properties in a schema, and the values of all choices."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from schema["properties"]
        if isinstance(schema.get("enum"), list):
            yield from (value for value in schema["enum"] if isinstance(value, str))
        for member in schema.values():
            yield from properties(member)
    elif isinstance(schema, list):
        for member in schema:
            yield from properties(member)


def test_the_component_json_page_lists_every_field_and_choice_of_the_schema() -> None:
    """What validate knows, the page knows."""
    schema = next(files("shipmate").glob("**/component.schema.json"))  # type: ignore[attr-defined]  # a Path on disk
    known = set(properties(json.loads(schema.read_text())))

    assert len(known) > 50
    assert {name for name in known if not re.search(rf"[`\"]{name}[`\"]", page("component-json"))} == set()


def test_the_component_json_page_lists_every_view_class() -> None:
    """A view class that validate accepts is on the page."""
    code = "".join(path.read_text(encoding="utf-8") for path in MODULES)
    known = set(re.findall(r'"(\w+View)"', code))

    assert len(known) > 20
    assert {name for name in known if f"`{name}`" not in page("component-json")} == set()


def test_the_emulator_page_names_everything_that_can_be_imported() -> None:
    """The table at the top is complete."""
    assert {name for name in emulator.__all__ if f"`{name}`" not in page("emulator")} == set()


@pytest.mark.parametrize("name", ["Api", "DemoApi", "Fault", "OAuth2Provider", "Platform", "Server", "StepQueues"])
def test_the_emulator_page_lists_the_arguments(name: str) -> None:
    """Every argument of a server is on the page."""
    arguments = {each.name for each in inspect.signature(getattr(emulator, name)).parameters.values()}
    if name == "OAuth2Provider":
        arguments |= {each.name for each in dataclasses.fields(emulator.OAuth2Provider().grants.rules)}

    listed = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`\n]+`", page("emulator")))))
    assert arguments - {"options", "rules"} - listed == set()


@pytest.mark.parametrize("name", PAGES)
def test_the_lines_of_the_reference_fit_the_width_of_the_code(name: str) -> None:
    """Diffs stay readable; a row of the logs has a whole text of a line."""
    wide = "|" if name == "logs" else "\0"
    assert [line for line in page(name).splitlines() if len(line) > 120 and not line.startswith(wide)] == []


def anchors(text: str) -> set[str]:
    """Return the anchors of a page, as GitHub makes them of its headings."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_the_anchors_of_the_reference_exist(name: str) -> None:
    """A link into the middle of a page leads there."""
    missing = []
    for file, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)]+)\)", page(name)):
        target = REFERENCE / file if file else REFERENCE / f"{name}.md"
        if target.exists() and anchor not in anchors(target.read_text(encoding="utf-8")):
            missing.append(f"{file}#{anchor}")

    assert missing == []
