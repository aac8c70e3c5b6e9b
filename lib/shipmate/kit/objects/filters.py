"""Search terms, and how an API takes them: as parameters of a query, as one expression, or as JSON."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final, Literal

from shipmate.kit.objects.routes import text_of

Join = Literal["and", "or"]
Quote = Callable[[Any], str]
Form = str | Callable[[str, Any], Any]
"""An operator: a text with ``{field}`` and ``{value}``, or a function of both that returns JSON."""
Group = Callable[[list[list[Any]]], Any]
"""Returns the JSON of terms in groups: "or" joins the groups, "and" the terms of a group."""


@dataclass(frozen=True, slots=True)
class Term:
    """A condition: ``Term("age", "gt", 29)``."""

    field: str
    condition: str
    value: Any
    """The value, a list of values, or None for an operator without one."""


class Literally(str):
    """A value that stands in an expression without quotes: a date that was checked."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Filters:
    """How an API takes search terms; `operators` makes one."""

    forms: Mapping[str, Form]
    """The operators: their names in declarations, and their forms."""
    _: KW_ONLY
    joins: Sequence[Join] = ("and",)
    """The links between terms that the API knows."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The ids of operators and links in messages, where they differ from their names."""
    unary: frozenset[str] = frozenset()
    """The operators without a value."""
    lists: frozenset[str] = frozenset()
    """The operators with a list of values."""

    @property
    def ids(self) -> dict[str, str]:
        """The operators by their ids in messages."""
        return {self.labels.get(name, name): name for name in self.forms}

    @property
    def links(self) -> dict[str, Join]:
        """The links by their ids in messages."""
        return {self.labels.get(join, join): join for join in self.joins}

    def params(self, terms: Sequence[Term], links: Sequence[Join]) -> list[tuple[str, Any]]:
        """Return the parameters of the query; ``links`` has one item less than ``terms``, and "and" binds first."""
        raise NotImplementedError


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
class Parameters(Filters):
    """Terms as parameters: ``"{field}[gt]={value}"``; they are joined by "and"."""

    def params(self, terms: Sequence[Term], links: Sequence[Join]) -> list[tuple[str, Any]]:
        """Return a parameter for each term; requests encodes them.

        >>> Parameters({"gt": "{field}[gt]={value}"}).params([Term("age", "gt", 29)], [])
        [('age[gt]', 29)]
        """
        found: list[tuple[str, Any]] = []
        for term in terms:
            name, _, value = str(self.forms[term.condition]).partition("=")
            # Each part by itself: a value that contains {field} stays as it is. In a JSON body it keeps its type.
            is_whole = value == "{value}" and not isinstance(term.value, list)
            text = term.value if is_whole else _filled(value, term, text_of)
            found.append((_filled(name, term, text_of), text))
        return found


@dataclass(frozen=True, slots=True)
class Expression(Filters):
    """Terms as one expression in one parameter: ``"{field} gt {value}"``."""

    parameter: str
    quote: Quote
    words: Mapping[Join, str]
    """What stands between terms, blanks included."""
    expert: bool = False
    """Whether a person may write an expression as text."""

    def params(self, terms: Sequence[Term], links: Sequence[Join]) -> list[tuple[str, Any]]:
        """Return the parameter with the expression; brackets say that "and" binds first.

        >>> odata = operators(eq="{field} eq {value}", parameter="$filter", quote="sql", joins=("and", "or"))
        >>> odata.params([Term("a", "eq", 1), Term("b", "eq", 2), Term("c", "eq", 3)], ["or", "and"])
        [('$filter', 'a eq 1 or (b eq 2 and c eq 3)')]
        """
        return [(self.parameter, self.text(terms, links))] if terms else []

    def text(self, terms: Sequence[Term], links: Sequence[Join]) -> str:
        """Return the expression."""
        groups = grouped(terms, links)
        if len(groups) == 1:
            return self._joined("and", map(self._text, groups[0]))
        return self._joined("or", (self._group(group) for group in groups))

    def _group(self, terms: Sequence[Term]) -> str:
        joined = self._joined("and", map(self._text, terms))
        return joined if len(terms) == 1 else f"({joined})"

    def _joined(self, join: Join, texts: Iterable[str]) -> str:
        return self.words.get(join, "").join(texts)

    def _text(self, term: Term) -> str:
        return _filled(str(self.forms[term.condition]), term, self.quote)


@dataclass(frozen=True, slots=True)
class Structure(Filters):
    """Terms as JSON in one parameter: a function for each operator, and one for "and" and "or"."""

    parameter: str
    group: Group

    def params(self, terms: Sequence[Term], links: Sequence[Join]) -> list[tuple[str, Any]]:
        """Return the parameter with the JSON of the terms.

        >>> search = operators(
        ...     eq=lambda field, value: {field: value}, parameter="filter", group=lambda groups: {"or": groups}
        ... )
        >>> search.params([Term("a", "eq", 1), Term("b", "eq", 2), Term("c", "eq", 3)], ["or", "and"])
        [('filter', {'or': [[{'a': 1}], [{'b': 2}, {'c': 3}]]})]
        """
        if not terms:
            return []
        groups = [[self._written(term) for term in group] for group in grouped(terms, links)]
        return [(self.parameter, self.group(groups))]

    def _written(self, term: Term) -> Any:
        form = self.forms[term.condition]
        assert callable(form)  # noqa: S101 - by operators
        return form(term.field, term.value)


def grouped(terms: Sequence[Term], links: Sequence[Join]) -> list[list[Term]]:
    """Return the groups that "or" joins; the terms of a group are joined by "and"."""
    groups: list[list[Term]] = [[]]
    for term, link in zip(terms, ["and", *links], strict=True):
        if link == "or":
            groups.append([])
        groups[-1].append(term)
    return groups


def operators(
    *,
    joins: Sequence[Join] | None = None,
    parameter: str = "",
    quote: Quote | str = "json",
    words: Mapping[Join, str] | None = None,
    separator: str = " ",
    expert: bool = False,
    group: Group | None = None,
    labels: Mapping[str, str] | None = None,
    unary: Mapping[str, Form] | None = None,
    lists: Mapping[str, Form] | None = None,
    **forms: Form,
) -> Filters:
    """Declare how an API takes search terms.

    With ``parameter`` the terms form one expression, such as ``$filter=age gt 29 and name eq 'Ada'``; with ``group``
    too they are JSON. Without both, each term is a parameter by itself:
    ``operators(eq="{field}={value}", gt="{field}[gt]={value}")``.

    Args:
        joins: The links that the API knows; "and" unless given, with ``group`` or a word for it also "or". Parameters
            have "and" only.
        parameter: The parameter with the expression, or the member of the body with the JSON.
        quote: How values stand in an expression: ``json``, ``sql`` (also OData), ``soql``, or a function.
        words: The words of the API for ``and`` and ``or``: ``{"and": "$and:", "or": "$or:"}``.
        separator: What surrounds these words.
        expert: Whether a person may write the expression as text, in the API's own language.
        group: Returns the JSON of all terms, of a list of groups: "or" joins the groups, "and" the terms of a group.
            Then each operator is a function of a field and a value that returns the JSON of a term.
        labels: The ids of operators and links in messages where they differ: ``{"eq": "=", "and": "AND"}``.
        unary: Operators without a value: ``{"is_null": "{field} eq null"}``.
        lists: Operators with several values: ``{"in": "{field} in ({value})"}``; commas separate them.
        **forms: The operators: their names, and their forms with ``{field}`` and ``{value}``.

    Raises:
        ValueError: A form is not possible, or the links are not.
    """
    forms = {**forms, **(lists or {})}
    for name, form in {**forms, **(unary or {})}.items():
        _check_form(name, form, parameter, is_json=group is not None, has_value=name in forms)
    given: Mapping[Join, str] = words or {}
    known: Sequence[Join] = ("and", "or") if group is not None or "or" in given else ("and",)
    links = known if joins is None else joins
    if unjoined := sorted({*given} - {*links}):
        raise ValueError(f"operators: words: expected words of joins={tuple(links)!r}, found {', '.join(unjoined)}")
    shared: dict[str, Any] = {
        "labels": labels or {}, "unary": frozenset(unary or ()), "lists": frozenset(lists or ()), "joins": tuple(links)
    }  # fmt: skip
    forms |= unary or {}
    if unknown := sorted({*shared["labels"]} - {*forms, *links}):
        raise ValueError(f"operators: labels: expected operators or links, found {', '.join(unknown)}")
    if not parameter:
        if tuple(links) != ("and",):
            raise ValueError("operators: expected joins=('and',) for parameters, found others: give parameter=")
        if expert:
            raise ValueError("operators: expert: expected parameter= with the name of the expression, found none")
        return Parameters(forms, **shared)
    if group is not None:
        return Structure(forms, parameter, group, **shared)
    if isinstance(quote, str):
        if quote not in QUOTES:
            raise ValueError(f"operators: quote: expected {', '.join(QUOTES)} or a function, found {quote!r}")
        quote = QUOTES[quote]
    spaced = {each: f"{separator}{given.get(each, each)}{separator}" for each in links}
    return Expression(forms, parameter, quote, spaced, expert, **shared)


def _check_form(name: str, form: Form, parameter: str, *, is_json: bool, has_value: bool) -> None:
    if is_json:
        if not callable(form):
            raise ValueError(f"operators: {name}: expected a function of a field and a value, found {form!r}")
        if not parameter:
            raise ValueError("operators: group: expected parameter= with the member of the body, found none")
        return
    if callable(form):
        raise ValueError(f"operators: {name}: expected a text, found a function: give group= for filters in JSON")
    if (has_value and "{value}" not in form) or (not parameter and "=" not in form):
        example = "'{field}={value}'" if not parameter else "'{field} eq {value}'"
        raise ValueError(
            f"operators: {name}: expected a form such as {example}, found {form!r}"
            + ("" if "{value}" in form else ": declare an operator without a value in unary=")
        )


def _filled(template: str, term: Term, quote: Quote) -> str:
    before, found, after = template.partition("{value}")
    values = term.value if isinstance(term.value, list) else [term.value]
    value = ",".join(map(quote, values)) if found else ""
    return before.replace("{field}", term.field) + value + after.replace("{field}", term.field)
