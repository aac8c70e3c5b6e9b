"""Searches in JSON bodies, ids of operators, fields that an API describes or must be asked for."""

from typing import Any

import pytest

from shipmate.emulator import Reply, Request
from shipmate.kit import Api, Resource, operators
from tests.unit.kit.objects.conftest import Declare
from tests.unit.kit.objects.crm_api import Crm

Cfg = dict[str, Any]

SEARCH = """
from shipmate.kit import keyset
def described(connection, cfg):
    own = [Field(each["name"], each["type"]) for each in connection.get("/fields").json()]
    return [Field("id", read_only=True), Field("properties", "object", fields=own)]
def term(operator):
    return lambda field, value: {"name": field, "operator": operator, "value": value}
contacts = Resource(
    api, "/contacts", title="Contact", fields=described, list="POST /search", select="fields", nested="properties",
    pages=cursor("data", next="next", parameter="after", size="limit"),
    filters=operators(
        eq=term("EQ"), gt=term("GT"), ge=term("GTE"), lt=term("LT"), lists={"in": term("IN")},
        unary={"known": lambda field, value: {"name": field, "operator": "HAS"}},
        labels={"eq": "=", "known": "IS KNOWN", "and": "AND", "or": "OR"},
        parameter="groups", group=lambda groups: [{"filters": each} for each in groups],
    ),
    changes=keyset("properties.changed", compare="time"), order={"sorts": [{"name": "{time}", "direction": "UP"}]},
    sort=sorting(sorts=lambda field, direction: {"name": field, "direction": direction}),
)
"""
FIELDS = [
    {"name": "name", "type": "string"},
    {"name": "age", "type": "integer"},
    {"name": "changed", "type": "date-time"},
]


class SearchCrm(Crm):
    """Contacts that are found by a search in JSON; it fails ``failures`` times."""

    def __init__(self) -> None:
        super().__init__()
        self.failures = 0
        self.bodies: list[Any] = []
        self.route("GET", "/v1/fields", lambda request: Reply(200, FIELDS))
        self.route("POST", "/v1/search", self._search)

    def _search(self, request: Request) -> Reply:
        if self.failures:
            self.failures -= 1
            return Reply(503, {})
        self.bodies.append(request.json())
        return Reply(200, {"data": [{"id": "1", "properties": {"name": "Ada", "changed": "2026-01-31T09:30:00Z"}}]})


@pytest.fixture
def crm() -> SearchCrm:
    return SearchCrm()


def term(field: str, condition: str, value: Any = None) -> dict[str, Any]:
    return {"fieldName": field, "condition": condition, **({} if value is None else {"fieldValue": value})}


def test_terms_become_groups_in_a_json_body(declare: Declare, crm: SearchCrm, cfg: Cfg) -> None:
    """Values, sizes and lists keep their types; "and" binds before "or"."""
    body = {
        "sTerm_1": term("age", "=", "29"), "link_1_2": "OR", "sTerm_2": term("name", "IS KNOWN"), "link_2_3": "AND",
        "sTerm_3": term("age", "in", "7,8"), "order": [{"fieldName": "age", "orderDirection": "desc"}],
    }  # fmt: skip
    declare(SEARCH).run("lookupObjects", {"body": body}, cfg={**cfg, "termNumber": "3", "pageSize": "5"})
    assert crm.bodies == [
        {
            "groups": [
                {"filters": [{"name": "age", "operator": "EQ", "value": 29}]},
                {"filters": [{"name": "name", "operator": "HAS"}, {"name": "age", "operator": "IN", "value": [7, 8]}]},
            ],
            "sorts": [{"name": "age", "direction": "desc"}],
            "fields": ["name", "age", "changed"],
            "limit": 5,
        }
    ]


def test_the_metadata_has_the_ids_of_operators_and_the_nested_fields(declare: Declare, cfg: Cfg) -> None:
    asked = declare(SEARCH).call("lookupObjects", "get_meta_model", {**cfg, "termNumber": "2"})["in"]["properties"]
    properties = asked["sTerm_1"]["properties"]
    assert properties["condition"]["enum"] == ["=", "gt", "ge", "lt", "in", "IS KNOWN"]
    assert properties["fieldName"]["enum"] == ["name", "age", "changed"]
    assert "required" not in properties["fieldValue"]
    assert asked["link_1_2"]["enum"] == ["AND", "OR"]


def test_a_search_by_post_is_sent_again_after_an_error(declare: Declare, crm: SearchCrm, cfg: Cfg) -> None:
    crm.failures = 1
    assert declare(SEARCH).run("lookupObjects", {"body": {}}, cfg={**cfg, "retriesDelay": "1"}).data


def test_polling_asks_for_a_nested_time_under_its_own_name(declare: Declare, crm: SearchCrm, cfg: Cfg) -> None:
    declare(SEARCH).run("getNewAndUpdatedObjectsPolling", {}, cfg=cfg)
    (asked,) = crm.bodies
    assert asked["sorts"] == [{"name": "changed", "direction": "UP"}]
    (only,) = asked["groups"]
    assert [(each["name"], each["operator"]) for each in only["filters"]] == [("changed", "GTE"), ("changed", "LT")]


def test_one_object_comes_with_the_selected_fields(declare: Declare, crm: SearchCrm, cfg: Cfg) -> None:
    crm.add()
    declare(SEARCH).run("lookupObjectById", {"body": {"idValue": "1"}}, cfg=cfg)
    assert crm.requests[-1].query["fields"] == "name,age,changed"


def test_described_fields_are_asked_for_when_they_are_needed_and_kept(
    declare: Declare, crm: SearchCrm, cfg: Cfg
) -> None:
    """A deletion needs none; two writes need one request. Metadata always asks anew."""
    crm.add()
    component = declare(SEARCH.replace('select="fields", ', ""))
    component.run("deleteObjectById", {"body": {"idValue": "1"}}, cfg=cfg)
    component.run("lookupObjects", {"body": {}}, cfg=cfg)
    assert "GET /v1/fields" not in crm.paths
    for _ in range(2):
        component.run("createObject", {"body": {"name": "Ada"}}, cfg=cfg)
    assert crm.paths.count("GET /v1/fields") == 1
    component.call("createObject", "get_meta_model", cfg)
    assert crm.paths.count("GET /v1/fields") == 2


@pytest.mark.parametrize(
    ("declaration", "found"),
    [
        (lambda: operators(eq=lambda field, value: {}, parameter="q"), "give group= for filters in JSON"),
        (
            lambda: operators(eq="{field}={value}", parameter="q", group=list),
            "expected a function of a field and a value",
        ),
        (lambda: operators(eq=lambda field, value: {}, group=list), "expected parameter="),
        (lambda: operators(eq="{field}={value}", labels={"gt": ">"}), "expected operators or links, found gt"),
        (lambda: operators(null="{field}=null"), "in unary="),
    ],
)
def test_operators_that_do_not_fit_are_refused(declaration: Any, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        declaration()


def test_operators_without_a_value_and_with_several_stand_in_expressions_too(
    declare: Declare, crm: Crm, cfg: Cfg
) -> None:
    crm.route("GET", "/v1/found", lambda request: Reply(200, {"data": [dict(request.query)]}))
    component = declare(
        """contacts = declare(filters=operators(
            unary={"null": "{field} eq null"}, lists={"in": "{field} in ({value})"}, eq="{field} eq {value}",
            parameter="q", quote="sql"), list="GET /found")"""
    )
    body = {"sTerm_1": term("name", "in", "Ada,O'Neil"), "sTerm_2": term("age", "null")}
    found = component.run("lookupObjects", {"body": body}, cfg={**cfg, "termNumber": "2"}).message["body"]
    assert found["q"] == "name in ('Ada','O''Neil') and age eq null"


def test_an_author_adds_to_a_declared_function(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    crm.add(name="Ada")
    component = declare(
        """
from shipmate import message
declared = declare(unique=())
class contacts:
    title = "Contact"
    lookup = declared.lookup.then(lambda context, cfg, msg: message({**msg["body"], "seen": cfg["by"]}))
    available = staticmethod(lambda: {"lookup": "lookupObject"})
"""
    )
    found = component.run("lookupObject", {"body": {"idValue": "1"}}, cfg={**cfg, "by": "me"}).message["body"]
    assert found == {"id": "1", "name": "Ada", "seen": "me"}
    with pytest.raises(ValueError, match="expected a function that returns one message"):
        Resource(Api("https://a.example.com"), "/a", title="A").lookup_many.then(lambda context, cfg, msg: msg)


def test_terms_of_a_published_component_have_its_names_and_lists_are_bodies(
    declare: Declare, crm: Crm, cfg: Cfg
) -> None:
    crm.add(name="Ada", age=29)
    component = declare(
        """contacts = declare(
            term_name=str.capitalize, names={"results": ""}, sort=sorting(sort="{field}:{direction}"))"""
    )
    chosen = {**cfg, "termNumber": "1", "emitBehavior": "emitAll"}
    body = {"sTerm_1": term("Age", "eq", "29"), "order": {"fieldName": "Name"}}
    assert component.run("lookupObjects", {"body": body}, cfg=chosen).message["body"] == [crm.contacts["1"]]
    asked = crm.requests[-1].query
    assert (asked["age"], asked["sort"]) == ("29", "name:asc")
    model = component.call("lookupObjects", "get_meta_model", chosen)
    assert model["in"]["properties"]["sTerm_1"]["properties"]["fieldName"]["enum"][:3] == ["Id", "Email", "Name"]
    assert model["out"]["type"] == "array"
