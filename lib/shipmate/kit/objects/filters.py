"""Search terms, and how an API takes them: as parameters of a query, or as one expression."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from shipmate.kit.objects.routes import text_of

Join = Literal["and", "or"]
Quote = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Term:
    """A condition: ``Term("age", "gt", 29)``."""

    field: str
    condition: str
    value: Any


class Literally(str):
    """A value that stands in an expression without quotes: a date that was checked."""

    __slots__ = ()


class Filters(Protocol):
    """How an API takes search terms."""

    @property
    def conditions(self) -> Sequence[str]:
        """The ids of the operators."""
        ...

    @property
    def joins(self) -> Sequence[Join]:
        """The links between terms that the API knows."""
        ...

    def params(self, terms: Sequence[Term], links: Sequence[Join]) -> list[tuple[str, str]]:
        """Return the parameters of the query; ``links`` has one item less than ``terms``, and "and" binds first."""
        ...


def json_text(value: Any) -> str:
    """Quote a value as JSON does.

    >>> json_text('a "b"'), json_text(0), json_text(False)
    ('"a \\\\"b\\\\""', '0', 'false')
    """
    return json.dumps(value, ensure_ascii=False)


def sql_text(value: Any) -> str:
    """Quote a value as SQL and OData do: quotes within a text are doubled.

    >>> sql_text("O'Neil"), sql_text(7)
    ("'O''Neil'", '7')
    """
    if isinstance(value, bool | int | float | Literally):
        return text_of(value)
    return "'" + text_of(value).replace("'", "''") + "'"


# Source: SOQL and SOSL Reference, Quoted String Escape Sequences.
_SOQL_ESCAPES: Final = str.maketrans(
    {"\\": r"\\", "'": r"\'", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\b": r"\b", "\f": r"\f"}
)


def soql_text(value: Any) -> str:
    """Quote a value as SOQL does: with backslashes, also before line breaks.

    >>> soql_text("O'Neil"), soql_text(True)
    ("'O\\\\'Neil'", 'true')
    """
    if isinstance(value, bool | int | float | Literally):
        return text_of(value)
    return "'" + text_of(value).translate(_SOQL_ESCAPES) + "'"


QUOTES: Final[Mapping[str, Quote]] = {"json": json_text, "sql": sql_text, "soql": soql_text}


@dataclass(frozen=True, slots=True)
class Parameters:
    """Terms as parameters: ``"{field}[gt]={value}"``; they are joined by "and"."""

    templates: Mapping[str, str]
    joins: Sequence[Join] = ("and",)

    @property
    def conditions(self) -> Sequence[str]:
        """The ids of the operators."""
        return tuple(self.templates)

    def params(self, terms: Sequence[Term], links: Sequence[Join]) -> list[tuple[str, str]]:
        """Return a parameter for each term; requests encodes them.

        >>> Parameters({"gt": "{field}[gt]={value}"}).params([Term("age", "gt", 29)], [])
        [('age[gt]', '29')]
        """
        found = []
        for term in terms:
            name, _, value = self.templates[term.condition].partition("=")
            # Each part by itself: a value that contains {field} stays as it is.
            found.append((_filled(name, term, text_of), _filled(value, term, text_of)))
        return found


@dataclass(frozen=True, slots=True)
class Expression:
    """Terms as one expression in one parameter: ``"{field} gt {value}"``."""

    templates: Mapping[str, str]
    parameter: str
    quote: Quote
    words: Mapping[Join, str]
    expert: bool = False
    """Whether a person may write an expression as text."""

    @property
    def conditions(self) -> Sequence[str]:
        """The ids of the operators."""
        return tuple(self.templates)

    @property
    def joins(self) -> Sequence[Join]:
        """The links between terms."""
        return tuple(self.words)

    def params(self, terms: Sequence[Term], links: Sequence[Join]) -> list[tuple[str, str]]:
        """Return the parameter with the expression; brackets say that "and" binds first.

        >>> odata = operators(eq="{field} eq {value}", parameter="$filter", quote="sql", joins=("and", "or"))
        >>> odata.params([Term("a", "eq", 1), Term("b", "eq", 2), Term("c", "eq", 3)], ["or", "and"])
        [('$filter', 'a eq 1 or (b eq 2 and c eq 3)')]
        """
        return [(self.parameter, self.text(terms, links))] if terms else []

    def text(self, terms: Sequence[Term], links: Sequence[Join]) -> str:
        """Return the expression."""
        groups: list[list[Term]] = [[]]
        for term, link in zip(terms, ["and", *links], strict=True):
            if link == "or":
                groups.append([])
            groups[-1].append(term)
        if len(groups) == 1:
            return self._joined("and", map(self._text, groups[0]))
        return self._joined("or", (self._group(group) for group in groups))

    def _group(self, terms: Sequence[Term]) -> str:
        joined = self._joined("and", map(self._text, terms))
        return joined if len(terms) == 1 else f"({joined})"

    def _joined(self, join: Join, texts: Iterable[str]) -> str:
        return f" {self.words[join]} ".join(texts) if join in self.words else "".join(texts)

    def _text(self, term: Term) -> str:
        return _filled(self.templates[term.condition], term, self.quote)


def operators(
    *,
    joins: Sequence[Join] = ("and",),
    parameter: str = "",
    quote: Quote | str = "json",
    words: Mapping[Join, str] | None = None,
    expert: bool = False,
    **templates: str,
) -> Parameters | Expression:
    """Declare how an API takes search terms.

    With ``parameter`` the terms form one expression, such as ``$filter=age gt 29 and name eq 'Ada'``. Without, each
    term is a parameter by itself: ``operators(eq="{field}={value}", gt="{field}[gt]={value}")``.

    Args:
        joins: The links that the API knows; parameters have "and" only.
        parameter: The parameter with the expression.
        quote: How values stand in an expression: ``json``, ``sql`` (also OData), ``soql``, or a function.
        words: The words of the API for ``and`` and ``or``.
        expert: Whether a person may write the expression as text, in the API's own language.
        **templates: The operators: their ids, and their forms with ``{field}`` and ``{value}``.

    Raises:
        ValueError: A form lacks ``{value}``, or the links are not possible.
    """
    for name, template in templates.items():
        if "{value}" not in template or (not parameter and "=" not in template):
            example = "'{field}={value}'" if not parameter else "'{field} eq {value}'"
            raise ValueError(f"operators: {name}: expected a form such as {example}, found {template!r}")
    if not parameter:
        if tuple(joins) != ("and",):
            raise ValueError("operators: expected joins=('and',) for parameters, found others: give parameter=")
        if expert:
            raise ValueError("operators: expert: expected parameter= with the name of the expression, found none")
        return Parameters(dict(templates))
    if isinstance(quote, str):
        if quote not in QUOTES:
            raise ValueError(f"operators: quote: expected {', '.join(QUOTES)} or a function, found {quote!r}")
        quote = QUOTES[quote]
    given: Mapping[Join, str] = words or {}
    return Expression(dict(templates), parameter, quote, {each: given.get(each, each) for each in joins}, expert)


def _filled(template: str, term: Term, quote: Quote) -> str:
    before, found, after = template.partition("{value}")
    value = quote(term.value) if found else ""
    return before.replace("{field}", term.field) + value + after.replace("{field}", term.field)
