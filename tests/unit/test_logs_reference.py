"""The page about logs: it has every line that the runtime writes from info on, and every code of an error."""

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shipmate import errors
from shipmate.logs.codes import CODES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "logs.md").read_text(encoding="utf-8")
SOURCES = ROOT / "lib" / "shipmate"
OTHERS = {"cli", "emulator", "flow", "local", "testing", "tools"}
"""The packages that no container imports: their lines are for the person at the terminal."""
LEVELS = {"info": "info", "warning": "warn", "error": "error", "exception": "error", "critical": "fatal"}
CALLS = re.compile(rf"\.(?:{'|'.join(LEVELS)})\(|\b_?[Ww]arn\(")
# Functions that log the text that they get.
PASSED_ON = {"Warn": "warning", "self._warn": "warning"}
ERRORS = ("%s", "%s: %s")
"""The texts that are those of an error, or of another module."""
ACTORS = {
    errors.AuthorError: "author",
    errors.OperatorError: "operator",
    errors.AccountError: "owner of the account",
    errors.TransientError: "nobody",
    errors.ApiError: "as its status says",
}


def runtime_modules() -> Iterator[tuple[str, str]]:
    """Yield the names and the code of the modules that a container may import."""
    for path in sorted(SOURCES.rglob("*.py")):
        name = str(path.relative_to(SOURCES))
        if name.partition("/")[0] not in OTHERS:
            yield name, path.read_text(encoding="utf-8")


def loggers_of(tree: ast.AST) -> dict[str, str]:
    """Return the names of the loggers by the variables of a module; ``RUNTIME`` is the logger above all others."""
    found = {}
    for node in ast.walk(tree):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=variable)], value=ast.Call(args=[name]) as call)
                | ast.AnnAssign(target=ast.Name(id=variable), value=ast.Call(args=[name]) as call)
            ) if ast.unparse(call.func) == "logging.getLogger":
                found[variable] = "shipmate" if ast.unparse(name) == "RUNTIME" else ast.literal_eval(name)
    return found


def lines_of(code: str, shared: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield logger, level and text of the log calls of a module.

    Args:
        code: The module.
        shared: The loggers that other modules import.

    >>> list(lines_of('_log = logging.getLogger("shipmate.x"); _log.error("no %s", 1); Warn("w", ()); f("%s", x)', {}))
    [('shipmate.x', 'error', 'no %s'), ('shipmate.oauth2', 'warn', 'w')]
    """
    if not CALLS.search(code):
        return
    tree = ast.parse(code)
    loggers = {**shared, **loggers_of(tree)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        function, text = ast.unparse(node.func), node.args[0]
        variable, _, method = function.rpartition(".")
        if function in PASSED_ON:
            yield "shipmate.oauth2", LEVELS[PASSED_ON[function]], ast.literal_eval(text)
        elif variable in loggers and method in LEVELS and isinstance(text, ast.Constant):
            yield loggers[variable], LEVELS[method], text.value
        elif variable in loggers and method in LEVELS and ast.unparse(text) not in ("step.text", "text"):
            raise AssertionError(f"expected a constant text, found {ast.unparse(node)}")


@functools.cache
def lines() -> dict[str, dict[str, set[str]]]:
    """Return the levels of all lines, by logger and text."""
    modules = dict(runtime_modules())
    shared = {"LOG": loggers_of(ast.parse(modules["kit/polling/emission.py"]))["LOG"]}
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for code in modules.values():
        for logger, level, text in lines_of(code, shared):
            if logger != "py.warnings":
                found[logger][text].add(level)
    return found


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its head."""
    text = PAGE.partition(f"\n{heading}\n")[2]
    text = re.split(r"^##", text, maxsplit=1, flags=re.MULTILINE)[0]
    found = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in found[2:]]


def test_every_line_from_info_on_has_a_code() -> None:
    """A line without a code can only be counted by its text, which may be reworded."""
    found = {logger: set(texts) for logger, texts in lines().items()}

    assert sum(map(len, found.values())) > 70
    assert found == {logger: set(texts) for logger, texts in CODES.items()}


def test_a_code_belongs_to_one_logger() -> None:
    """An alert counts by the code alone."""
    loggers: dict[str, set[str]] = defaultdict(set)
    for logger, texts in CODES.items():
        for code in texts.values():
            loggers[code].add(logger)

    assert {code: names for code, names in loggers.items() if len(names) > 1} == {}
    assert [code for code in loggers if not re.fullmatch(r"[a-z]+(_[a-z]+)*", code)] == []
    assert loggers.keys() & {kind.code for kind in kinds(errors.ShipmateError)} == set()


def test_the_page_lists_every_line_with_its_code_level_and_text() -> None:
    """Who is woken by a line finds it there."""
    written = {
        (logger, code, level, "*its text*" if text in ERRORS else re.sub(r"%[a-z]", "…", text))
        for logger, texts in lines().items()
        for text, levels in texts.items()
        for code in [CODES[logger][text]]
        for level in levels
    }
    listed = {
        (logger, code.strip("`"), level, text) for logger in CODES for code, level, text, *_ in rows(f"### `{logger}`")
    }

    assert listed == written
    assert all(len(row) == 5 and row[3] and row[4] for logger in CODES for row in rows(f"### `{logger}`"))


def kinds(kind: type[errors.ShipmateError]) -> Iterator[Any]:
    for each in kind.__subclasses__():
        if each.__module__ == errors.__name__:
            yield each
            yield from kinds(each)


def test_the_page_lists_every_code_of_an_error_with_who_must_act_and_the_exit_status() -> None:
    """The tree of errors, for operators."""
    known = {
        (kind.code, kind.__name__, next(actor for root, actor in ACTORS.items() if issubclass(kind, root)))
        for kind in kinds(errors.ShipmateError)
    }
    table = rows("## Codes of errors")

    assert {(code.strip("`"), name.strip("`"), actor) for code, name, actor, *_ in table} == known
    assert {code.strip("`"): int(status) for code, _, _, status, *_ in table} == {
        kind.code: kind.exit_status for kind in kinds(errors.ShipmateError)
    }


def test_the_codes_of_the_alerts_exist() -> None:
    """An alert on a misspelt code is never sent."""
    table = rows("## What to alert on")
    codes = {code for cells in table for code in re.findall(r"`([a-z_]+)`", cells[0])}
    known = {code for texts in CODES.values() for code in texts.values()}

    assert len(codes) > 10
    assert codes <= known | {kind.code for kind in kinds(errors.ShipmateError)}


def test_the_example_of_a_line_has_a_code_that_exists() -> None:
    assert set(re.findall(r'"code": "(\w+)"', PAGE)) <= {code for texts in CODES.values() for code in texts.values()}
