"""Finds out about a parsed expression: whether it only names a member, and what of the root it can see."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from jsonata.parser import Parser
from jsonata.utils import Utils

from shipmate.flow.dialect.values import UNDEFINED, to_json

_PLACE: Final = frozenset({"_outer_instance", "id", "type", "value", "bp", "lbp", "position", "steps", "reference"})
"""The attributes of a node that any name, path or constant may have."""
_CONSTANTS: Final = frozenset({"string", "number", "value"})
_SEE_ALL: Final = frozenset({"wildcard", "descendant", "parent", "transform"})
_ARGUMENTS: Final = {
    "keys": 1, "spread": 1, "string": 1, "boolean": 1, "not": 1, "clone": 1, "lookup": 2, "each": 2, "sift": 2,
    "eval": 99,
}  # fmt: skip
"""The functions that take the context for an argument that is left out, and how many they need."""
_ROOTS: Final = ("", "$")
"""The variables ``$`` and ``$$``."""
_METHODS: Final = frozenset({"clone"})
"""The functions whose names are those of methods of ``$moment(...)``, too."""
_QUOTE: Final = re.compile("[\"'`]")
_QUOTED: Final = {
    '"': re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL),
    "'": re.compile(r"(?:[^'\\]|\\.)*", re.DOTALL),
    "`": re.compile("[^`]*"),
}
"""The characters between a quote and its end."""
_NEWER: Final = re.compile(r"\?\?|(?<!\()\?:")


class Reference:
    """An expression, or a part of one, that is a constant or names of members: ``customer.address.city``."""

    UNKNOWN: ClassVar[object] = object()
    """The result where a list is in the way: the evaluator has to look into it."""

    __slots__ = ("_constant", "_names")

    def __init__(self, names: tuple[str, ...], constant: Any = None) -> None:
        """Store the names, or the constant.

        Args:
            names: The names of the members, none for a constant.
            constant: The value of a constant, as the evaluator has it.
        """
        self._names = names
        self._constant = constant

    def find(self, body: Any) -> Any:
        """Return a copy of the value in a message's body, `UNDEFINED` if there is none, or `UNKNOWN`."""
        value = self._walk(body) if self._names else self._constant
        if value is None:
            return None
        return value if value is UNDEFINED or value is self.UNKNOWN else to_json(value)

    def evaluate(self, context: Any) -> Any:
        """Return the value in a context of the evaluator, None if there is none, or `UNKNOWN`."""
        if not self._names:
            return self._constant
        value = self._walk(context)
        # A path takes lists of the evaluator apart.
        return None if value is UNDEFINED else self.UNKNOWN if isinstance(value, Utils.JList) else value

    def _walk(self, value: Any) -> Any:
        for name in self._names:
            if type(value) is not dict:
                return self.UNKNOWN if isinstance(value, dict | list) else UNDEFINED
            value = value.get(name, UNDEFINED)
        return value


def mark_references(ast: Any) -> None:
    """Give the references in an expression an attribute ``reference``: the evaluator need not walk through them."""
    for node in list(_nodes(ast)):
        if (reference := reference_of(node)) is not None:
            node.reference = reference


def reference_of(ast: Any) -> Reference | None:
    """Return the reference that an expression consists of, None if it is anything more."""
    if ast.type in _CONSTANTS and _is_simple(ast):
        return Reference((), Utils.NULL_VALUE if ast.value is None else ast.value)
    if ast.type != "path" or not _is_simple(ast):
        return None
    if not all(step.type == "name" and _is_simple(step) for step in ast.steps):
        return None
    return Reference(tuple(str(step.value) for step in ast.steps))


def _is_simple(node: Any) -> bool:
    """Return whether a node has nothing beside its value: no predicate, no grouping, no variable."""
    return not any(value for name, value in vars(node).items() if name not in _PLACE)


def sees_whole_root(ast: Any, member: str) -> bool:
    """Return whether an expression may see a member of the root: by its name, or because it sees the root itself."""
    return any(_sees(node, member) for node in _nodes(ast))


def _sees(node: Any, member: str) -> bool:
    if node.type in _SEE_ALL:
        return True
    if node.type == "variable":
        return node.value in _ROOTS
    if node.type == "function" and getattr(node.procedure, "type", None) == "variable":
        return len(node.arguments or ()) < _ARGUMENTS.get(node.procedure.value, 0)
    return bool(node.type == "name" and node.value == member)


def repair_surrogates(ast: Any) -> None:
    """Join the halves of characters that an expression writes as two escapes, as in ``"\\ud83d\\ude00"``."""
    for node in _nodes(ast):
        if node.type == "string" and not node.value.isascii():
            node.value = node.value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _nodes(ast: Any) -> Iterator[Any]:
    """Yield all nodes of an expression."""
    seen: set[int] = set()
    waiting = [ast]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list | tuple):
            waiting.extend(each)
        elif isinstance(each, Parser.Symbol) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting.extend(value for name, value in vars(each).items() if name != "_outer_instance")


def unknown_functions(ast: Any, known: frozenset[str]) -> list[str]:
    """Return the functions that an expression calls and nothing defines, with their ``$``, in the order of the text.

    A name without ``$`` is one of them if it is that of a known function.

    Args:
        ast: The expression.
        known: The names of functions, without ``$``.
    """
    bound, called = set[str](), dict[int, str]()
    for node in _nodes(ast):
        bound.update(_bound_by(node))
        function: Any = node.rhs if node.type == "apply" else getattr(node, "procedure", None)
        match getattr(function, "type", None):
            case "variable" if function.value not in (*_ROOTS, *known):
                called[function.position] = f"${function.value}"
            case "path" if len(function.steps) == 1 and function.steps[0].value in known - _METHODS:
                called[function.steps[0].position] = str(function.steps[0].value)
    names = (called[position] for position in sorted(called))
    return list(dict.fromkeys(name for name in names if name[1:] not in bound))


def _bound_by(node: Any) -> Iterator[str]:
    """Yield the names of the variables that a part of an expression defines."""
    if node.type == "bind":
        yield node.lhs.value
    elif node.type == "lambda":
        yield from (each.value for each in node.arguments)
    yield from (name for name in (getattr(node, "focus", None), getattr(node, "index", None)) if isinstance(name, str))


def newer_operators(text: str) -> tuple[str, ...]:
    """Return the operators of later versions of JSONata that stand in an expression.

    >>> newer_operators('name ?? "?:"')
    ('??',)
    """
    return tuple(sorted(set(_NEWER.findall(_unquoted(text)))))


def _unquoted(text: str) -> str:
    """Return an expression without its texts and quoted names."""
    parts, start = [], 0
    while (quote := _QUOTE.search(text, start)) is not None:
        parts.append(text[start : quote.start()])
        quoted = _QUOTED[quote[0]].match(text, quote.end())
        start = quoted.end() + 1 if quoted is not None else len(text)
    return " ".join([*parts, text[start:]])
