"""A part of SOQL: SELECT fields FROM an object, with WHERE, ORDER BY and LIMIT.

Literals are read as strictly as Salesforce reads them, so that a value that breaks out of its quotes is seen.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from emulated_salesforce.sobjects import ORG, Column, SObject

Row = dict[str, Any]
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<datetime>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))"
    r"|(?P<date>\d{4}-\d\d-\d\d)|(?P<time>\d\d:\d\d:[\d.]+Z)|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z]\w*)|(?P<sign><=|>=|!=|[=<>(),]))"
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\"}
_KINDS = {kind: kind for kind in ("boolean", "date", "datetime", "time")} | {"currency": "number", "double": "number"}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    ">": lambda a, b: bool(a > b),
    "<=": lambda a, b: bool(a <= b),
    ">=": lambda a, b: bool(a >= b),
}


class Malformed(Exception):
    """A query that Salesforce would refuse, with the code of its error."""

    def __init__(self, message: str, code: str = "MALFORMED_QUERY") -> None:
        """Hold both."""
        super().__init__(message)
        self.code = code


@dataclass
class Query:
    """A query that has been understood."""

    object: SObject
    fields: list[str]
    matches: Callable[[Row], bool] = lambda row: True
    order: list[tuple[str, bool]] = field(default_factory=list)
    limit: int | None = None

    def run(self, rows: list[Row]) -> list[Row]:
        """Return the rows that it finds."""
        found = [row for row in rows if self.matches(row)]
        for name, is_descending in reversed(self.order):
            found.sort(key=partial(_sortable, name), reverse=is_descending)
        return found if self.limit is None else found[: self.limit]


def parse(soql: str) -> Query:
    """Return a query for its text.

    Raises:
        Malformed: It is none.
    """
    return _Parser(_tokens(soql)).query()


def _tokens(soql: str) -> list[tuple[str, str]]:
    tokens, place = [], 0
    while soql[place:].strip():
        match = _TOKEN.match(soql, place)
        if match is None:
            raise Malformed(f"unexpected token at column {place}")
        tokens.append((str(match.lastgroup), str(match[str(match.lastgroup)])))
        place = match.end()
    return [*tokens, ("end", "")]


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._columns: dict[str, Column] = {}

    def query(self) -> Query:
        self._expect("SELECT")
        names = [self._word()]
        while self._accept(","):
            names.append(self._word())
        self._expect("FROM")
        known = self._word()
        if known not in ORG:
            raise Malformed(f"sObject type '{known}' is not supported.", "INVALID_TYPE")
        query = Query(ORG[known], names)
        self._columns = query.object.columns
        for name in names:
            self._column(name)
        if self._accept("WHERE"):
            query.matches = self._condition()
        if self._accept("ORDER"):
            self._expect("BY")
            query.order = self._order()
        if self._accept("LIMIT"):
            query.limit = int(self._take("number"))
        self._take("end")
        return query

    def _order(self) -> list[tuple[str, bool]]:
        order = []
        while True:
            name = self._column(self._word()).name
            is_descending = self._accept("DESC")
            if not is_descending:
                self._accept("ASC")
            order.append((name, is_descending))
            if not self._accept(","):
                return order

    def _condition(self) -> Callable[[Row], bool]:
        parts = [self._comparison()]
        joint = ""
        while (word := self._peek().upper()) in ("AND", "OR"):
            if joint and word != joint:
                raise Malformed("AND and OR need parentheses around one of them")
            joint = word
            self._expect(word)
            parts.append(self._comparison())
        combine = any if joint == "OR" else all
        return lambda row: combine(part(row) for part in parts)

    def _comparison(self) -> Callable[[Row], bool]:
        if self._accept("("):
            inner = self._condition()
            self._expect(")")
            return inner
        column, sign = self._column(self._word()), self._take("sign")
        value = self._literal(column)
        if sign not in _COMPARE:
            raise Malformed(f"unexpected token: {sign}")
        compare = _COMPARE[sign]

        def holds(row: Row) -> bool:
            found = _comparable(column, row.get(column.name))
            if found is None or value is None:
                return sign in ("=", "!=") and compare(found, value)
            return compare(found, value)

        return holds

    def _literal(self, column: Column) -> Any:
        kind, token = self._tokens.pop(0)
        if kind == "word" and token.lower() in ("true", "false"):
            kind = "boolean"
        if kind == "word" and token.lower() == "null":
            return None
        expected = _KINDS.get(column.type, "text")
        if kind != expected:
            raise Malformed(
                f"value of filter criterion for field '{column.name}' must be of type {column.type}", "INVALID_FIELD"
            )
        if kind == "boolean":
            return token.lower() == "true"
        if kind == "number":
            return float(token)
        return _comparable(column, _ESCAPE.sub(_unescaped, token[1:-1]) if kind == "text" else token)

    def _column(self, name: str) -> Column:
        for known, column in self._columns.items():
            if known.lower() == name.lower():
                return column
        raise Malformed(f"No such column '{name}' on entity", "INVALID_FIELD")

    def _peek(self) -> str:
        return self._tokens[0][1]

    def _accept(self, word: str) -> bool:
        if self._tokens[0][0] in ("word", "sign") and self._peek().upper() == word:
            self._tokens.pop(0)
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise Malformed(f"expecting {word}, found '{self._peek()}'")

    def _word(self) -> str:
        return self._take("word")

    def _take(self, kind: str) -> str:
        found, token = self._tokens.pop(0)
        if found != kind:
            raise Malformed(f"unexpected token: '{token}'")
        return token


def _unescaped(match: "re.Match[str]") -> str:
    if match[1] not in _ESCAPED:
        raise Malformed("Invalid string literal: illegal escape")
    return _ESCAPED[match[1]]


def _comparable(column: Column, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if column.type == "datetime":
        return datetime.fromisoformat(value)
    # Text is compared without regard to case, and ids are not.
    return value if column.type in ("id", "reference", "date") else value.lower()


def _sortable(name: str, row: Row) -> tuple[bool, Any]:
    return row.get(name) is not None, row.get(name)
