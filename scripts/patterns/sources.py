"""Finds the regular expressions of a Python package, and how each is applied."""

import ast
import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from scripts.patterns.automaton import Use

MARK: Final = "# pattern: "
"""Begins the comment that says why a pattern is safe although this check cannot know it."""

Pattern = re.Pattern[str] | re.Pattern[bytes]

# The functions of the module re, each with the place of the flags among its arguments.
_FLAGS: Final = {
    "compile": 1,
    "match": 2,
    "search": 2,
    "fullmatch": 2,
    "findall": 2,
    "finditer": 2,
    "split": 3,
    "sub": 4,
    "subn": 4,
}
_MODULES: Final = frozenset({"re", "regex"})
_ANCHORED: Final = {"match": Use.MATCH, "fullmatch": Use.FULLMATCH}
_HARMLESS: Final = frozenset({"pattern", "flags", "groups", "groupindex"})
_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_HIDING: Final = (*_SCOPES, ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)


@dataclass(frozen=True, slots=True)
class Found:
    """A call that compiles or applies a pattern."""

    path: Path
    line: int
    patterns: tuple[Pattern, ...]
    """The patterns; empty when they are unknown before the program runs."""
    uses: frozenset[Use]
    reason: str
    """The text of the comment ``# pattern: ...`` at the call, or ""."""


def find(folder: Path) -> Iterator[Found]:
    """Yield the patterns of all modules of a package; imports the modules whose patterns are not plain constants.

    Args:
        folder: The folder of the package, such as ``lib/shipmate``.
    """
    for path in sorted(folder.rglob("*.py")):
        yield from _Source(path, folder).found()


class _Source:
    """One module."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._path = path
        self._folder = folder
        text = path.read_text(encoding="utf-8")
        self._lines = text.splitlines()
        self._tree = ast.parse(text)
        self._parents = {child: node for node in ast.walk(self._tree) for child in ast.iter_child_nodes(node)}
        self._imported = dict(self._imports())

    def found(self) -> Iterator[Found]:
        """Yield the calls."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call) and (function := self._function(node.func)) in _FLAGS:
                comments = (line.partition(MARK)[2].strip() for line in self._lines[node.lineno - 1 : node.end_lineno])
                reason = next(filter(None, comments), "")
                patterns = tuple(self._patterns(node, function))
                yield Found(self._path, node.lineno, patterns, self._uses(node, function), reason)

    @cached_property
    def _module(self) -> ModuleType:
        root = str(self._folder.resolve().parent)
        if root not in sys.path:
            sys.path.insert(0, root)
        parts = self._path.relative_to(self._folder.parent).with_suffix("").parts
        return importlib.import_module(".".join(parts).removesuffix(".__init__"))

    def _imports(self) -> Iterator[tuple[str, str]]:
        """Yield the module's names for ``re`` and its functions: ``("re", "")``, ``("compile", "compile")``."""
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Import):
                yield from ((each.asname or each.name, "") for each in node.names if each.name in _MODULES)
            elif isinstance(node, ast.ImportFrom) and node.module in _MODULES:
                yield from ((each.asname or each.name, each.name) for each in node.names)

    def _function(self, node: ast.expr) -> str:
        match node:
            case ast.Attribute(ast.Name(name), attribute) if self._imported.get(name) == "":
                return attribute
            case ast.Name(name):
                return self._imported.get(name, "")
        return ""

    def _patterns(self, call: ast.Call, function: str) -> Iterator[Pattern]:
        keywords = {each.arg: each.value for each in call.keywords}
        pattern = call.args[0] if call.args else keywords["pattern"]
        place = _FLAGS[function]
        flags = call.args[place] if len(call.args) > place else keywords.get("flags", ast.Constant(0))
        around = self._around(call)
        if self._is_known(pattern, around) and self._is_known(flags, around):
            value = self._evaluate(pattern)
            yield value if isinstance(value, re.Pattern) else re.compile(value, self._evaluate(flags))
        elif name := self._target(around):
            yield from _compiled(getattr(self._module, name))

    def _around(self, node: ast.AST) -> list[ast.AST]:
        """Return what encloses a node, the nearest first, the module last."""
        around = [self._parents[node]]
        while around[-1] in self._parents:
            around.append(self._parents[around[-1]])
        return around

    def _is_known(self, node: ast.expr, around: list[ast.AST]) -> bool:
        """Tell whether an expression consists of constants and of the module's names, which nothing around hides."""
        inside = list(ast.walk(node))
        names = {each.id for each in inside if isinstance(each, ast.Name)}
        if any(isinstance(each, (ast.Call, *_HIDING)) for each in inside):
            return False
        hidden = {
            each.arg if isinstance(each, ast.arg) else each.id
            for outer in around
            if isinstance(outer, _HIDING)
            for each in ast.walk(outer)
            if isinstance(each, ast.arg) or (isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load))
        }
        return names.isdisjoint(hidden) and all(hasattr(self._module, name) for name in names)

    def _evaluate(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant):
            return node.value
        code = compile(ast.Expression(node), str(self._path), "eval")
        return eval(code, vars(self._module))  # noqa: S307  the package's own constants

    def _target(self, around: list[ast.AST]) -> str:
        """Return the name that the statement of a module sets, or "" for another statement."""
        if not any(isinstance(each, _SCOPES) for each in around):
            match around[-2]:
                case ast.Assign([ast.Name(name)]) | ast.AnnAssign(ast.Name(name)):
                    return name
        return ""

    def _uses(self, call: ast.Call, function: str) -> frozenset[Use]:
        if function != "compile":
            return frozenset({_ANCHORED.get(function, Use.SEARCH)})
        around = self._around(call)
        if isinstance(around[0], ast.Attribute):
            return frozenset({self._use(call)})
        target = self._target(around)
        if not target.startswith("_") or around[0] is not around[-2]:
            return frozenset({Use.SEARCH})
        names = [node for node in ast.walk(self._tree) if isinstance(node, ast.Name) and node.id == target]
        uses = {
            self._use(node)
            for node in names
            if isinstance(node.ctx, ast.Load) and getattr(self._parents[node], "attr", "") not in _HARMLESS
        }
        return frozenset(uses or {Use.SEARCH})

    def _use(self, pattern: ast.expr) -> Use:
        """Return how a compiled pattern is applied; a match that starts at a given place may be part of a search."""
        attribute = self._parents[pattern]
        call = self._parents[attribute]
        if isinstance(attribute, ast.Attribute) and isinstance(call, ast.Call) and call.func is attribute:
            if len(call.args) == 1 and not call.keywords:
                return _ANCHORED.get(attribute.attr, Use.SEARCH)
        return Use.SEARCH


def _compiled(value: Any) -> Iterator[Pattern]:
    """Yield the compiled patterns in a value that consists of collections."""
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, Mapping):
        yield from _compiled([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple | set | frozenset):
        for member in value:
            yield from _compiled(member)
