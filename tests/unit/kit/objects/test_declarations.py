"""The parts of a declaration, without any request: pages, routes, filters."""

import re
import sqlite3
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shipmate.errors import MissingSetting
from shipmate.kit import Api, Resource, Resources
from shipmate.kit.objects.filters import Term, operators, soql_text
from shipmate.kit.objects.paging import Asked, Paging, Position, cursor, link, offset, page
from shipmate.kit.objects.routes import Route, text_of
from shipmate.urls import WrongUrl, segment
from tests.unit.test_public_face import loaded_by


def read_all(paging: Paging, count: int, size: int, cap: int) -> list[int]:
    """Return what a client reads of a list that returns at most ``cap`` items a page."""
    found: list[int] = []
    asked = Asked(None, size)
    for _ in range(count + 3):
        params = paging.params(asked)
        limit = min(int(params[paging.size]), cap)
        if paging.kind == "page":
            start = (int(params.get("page", paging.first)) - paging.first) * limit
        else:
            start = int(params.get(paging.parameter or "none", asked.position or paging.first)) - paging.first
        items = list(range(count))[start : start + limit]
        end = start + len(items)
        following = str(end) if end < count else None
        answer = {"data": items, "next": following, "total": count}
        records = paging.read(answer)
        found += records
        position: Position = paging.after(asked, answer, len(records), {})
        if position is None:
            return found
        asked = Asked(position, size, asked.was_full or len(records) >= size)
    raise AssertionError("expected an end, found none")


@pytest.mark.parametrize(
    "paging",
    [
        cursor("data", next="next"),
        offset("data"),
        offset("data", total="total"),
        offset("data", first=1),
        offset("data", ends="empty"),
        page("data"),
        page("data", first=0),
        link("data", next="next"),
    ],
    ids=str,
)
@given(st.integers(0, 40), st.integers(1, 12), st.integers(1, 12))
@example(count=3, size=3, cap=3)
@example(count=5, size=10, cap=2)
def test_every_record_is_read_once_and_the_reading_ends(paging: Paging, count: int, size: int, cap: int) -> None:
    """Whatever the size of a page is, and also if the API allows smaller pages than were asked for."""
    assert read_all(paging, count, size, cap) == list(range(count))


@given(st.text(min_size=1, max_size=30))
@example("..")
@example("a/../b")
@example("{access_token}")
def test_a_value_stays_in_its_place_of_a_path(value: str) -> None:
    """It is one segment, or refused."""
    route = Route.parse("GET", default="/contacts/{id}?match={id}")
    try:
        path = route.path({"id": value})
    except ValueError:
        assert value in (".", "..") or re.search(r"[\ud800-\udfff]", value)
        return
    parts = urlsplit(path)
    assert "{" not in path
    assert [unquote(each) for each in parts.path.split("/")] == ["", "contacts", value]
    assert parse_qsl(parts.query, keep_blank_values=True) == [("match", value)]


VALUES = st.one_of(st.text(alphabet="ab'\\ \"{}()or=", max_size=8), st.integers(-5, 5))
TERMS = st.lists(
    st.builds(Term, st.sampled_from(["a", "b"]), st.sampled_from(["eq", "gt"]), VALUES), min_size=1, max_size=5
)


@given(TERMS, st.data())
def test_an_expression_means_its_terms_whatever_their_values_are(terms: list[Term], data: st.DataObject) -> None:
    """A database reads it as the terms say, "and" before "or"; no value ends its quotes."""
    links = data.draw(st.lists(st.sampled_from(["and", "or"]), min_size=len(terms) - 1, max_size=len(terms) - 1))
    row = {name: data.draw(VALUES) for name in ("a", "b")}
    filters = operators(eq="{field} = {value}", gt="{field} > {value}", parameter="q", quote="sql", joins=("and", "or"))
    ((_, text),) = filters.params(terms, links)

    with sqlite3.connect(":memory:") as database:
        database.execute("create table t (a, b)")
        database.execute("insert into t values (:a, :b)", row)
        (found,) = database.execute(f"select count(*) from t where {text}").fetchone()  # noqa: S608 - that is the test
        single = [_holds(database, term) for term in terms]
    database.close()
    groups = [[single[0]]]
    for is_true, join in zip(single[1:], links, strict=True):
        if join == "or":
            groups.append([])
        groups[-1].append(is_true)
    assert found == int(any(all(group) for group in groups))


def _holds(database: sqlite3.Connection, term: Term) -> bool:
    """Return whether a row fits one term, which the database gets as a parameter."""
    sign = "=" if term.condition == "eq" else ">"
    (found,) = database.execute(f"select count(*) from t where {term.field} {sign} ?", [term.value]).fetchone()  # noqa: S608
    return bool(found)


@given(st.text(alphabet="a'\\\"", max_size=10))
def test_a_text_in_soql_ends_at_its_own_quote(text: str) -> None:
    """Each quote within has a backslash, and so has each backslash."""
    match = re.fullmatch(r"'((?:[^'\\]|\\['\\])*)'", soql_text(text))

    assert match is not None
    assert re.sub(r"\\(.)", r"\1", match[1]) == text


@pytest.mark.parametrize("value", [None, [], {}, ["x"]])
def test_what_is_no_single_value_is_not_sent(value: Any) -> None:
    """It would become a text such as ``['x']``."""
    with pytest.raises(ValueError, match="expected a text or a number"):
        text_of(value)


def test_a_component_without_declarations_does_not_load_them() -> None:
    """Neither does the kit, before one of its names is used."""
    assert not [name for name in loaded_by("import shipmate, shipmate.kit") if name.startswith("shipmate.kit.")]
    declaration = "from shipmate.kit import Api, Resource, cursor; Resource(Api('https://a.example'), '/a', title='A')"
    slow = {"requests", "jsonschema", "pika", "shipmate.testing", "shipmate.tools"}
    assert loaded_by(declaration) & slow == set()


@pytest.mark.parametrize(("id", "found"), [(None, "none"), (True, "bool"), ("", "''"), (1.5, "float")])
def test_what_is_no_id_is_no_segment_of_a_path(id: Any, found: str) -> None:
    """Ids are numbers as often as texts."""
    assert segment(7) == "7"
    with pytest.raises(WrongUrl, match=f"expected an id, found {found}"):
        segment(id)


def test_words_stand_between_terms_as_the_api_wants_them() -> None:
    """A word for "or" says that the API knows it; one without a link is a mistake."""
    filters = operators(
        eq="{field}$eq:{value}", parameter="filter", quote=str, words={"and": "$and:", "or": "$or:"}, separator=""
    )
    terms = [Term("a", "eq", 1), Term("b", "eq", 2), Term("c", "eq", 3)]
    assert filters.params(terms, ["or", "and"]) == [("filter", "a$eq:1$or:(b$eq:2$and:c$eq:3)")]
    with pytest.raises(ValueError, match=r"words: expected words of joins=\('and',\), found or"):
        operators(eq="{field} = {value}", parameter="q", joins=("and",), words={"or": "OR"})


def test_a_choice_of_types_offers_what_it_has() -> None:
    """The fields in component.json follow from one type; a step cannot name another one than those."""
    api = Api("https://crm.example.com")
    made = {name: Resource(api, f"/{name}", title=name) for name in ("task", "item")}
    every = Resources({"task": "Task", "item": "Item"}, lambda name: Resource(api, f"/{name}", title=name))
    assert every.declaration("task").path == "/task"
    with pytest.raises(ValueError, match="expected an object type, found 'tasks'; did you mean 'task'"):
        every.declaration("tasks")
    with pytest.raises(ValueError, match="for the object type 'object', found none: give the types"):
        Resources(lambda context, cfg: {"task": "Task"}, made.__getitem__)


def test_a_header_comes_from_the_environment_when_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing variable is an error and no empty header."""
    session = SimpleNamespace(headers={}, fields={})
    context: Any = SimpleNamespace(session=lambda cfg, **options: session)
    api = Api("https://crm.example.com", headers={"appId": "app {{SUITE_APP_ID}}"})
    with pytest.raises(MissingSetting, match=r"SUITE_APP_ID.*Api\(headers=...\) sends it"):
        api.connect(context, {})
    monkeypatch.setenv("SUITE_APP_ID", "7")
    api.connect(context, {})

    assert session.headers == {"Accept": "application/json", "appId": "app 7"}


def test_two_select_models_of_one_name_are_refused() -> None:
    """A component knows them by their names, and would offer the choices of one for both."""

    def named(choices: dict[str, str]) -> Any:
        def modules(context: Any, cfg: Any) -> dict[str, str]:
            return choices

        return modules

    first, second = named({"a": "A"}), named({"b": "B"})
    fields = {"module": {"label": "M", "model": first}, "other": {"label": "O", "model": first}}
    Resource(Api("https://api.example.com"), "/{module}", title="Record", settings=fields)
    fields["other"]["model"] = second
    with pytest.raises(ValueError, match="expected select models of different names, found modules twice"):
        Resource(Api("https://api.example.com"), "/{module}", title="Record", settings=fields)


def test_changes_of_names_are_added_to_those_of_the_api_and_a_preset_replaces_them() -> None:
    """A component has its own names once, and what one resource needs beside it."""
    api = Api("https://crm.example.com", names={"emit": "outputMethod"})
    changed = Resource(api, "/contacts", title="Contact", names={"first_page": 1}).names
    replaced = Resource(api, "/contacts", title="Contact", names="oih").names

    assert (changed.emit, changed.first_page, replaced.emit) == ("outputMethod", 1, "emitBehaviour")
