"""Sets of objects in few requests, linked objects, and how a message orders and filters a list."""

from typing import Any

import pytest

from shipmate.emulator import Reply, Request
from shipmate.kit import Api, Linked, Resource, operators, sorting
from tests.unit.kit.objects.conftest import Declare
from tests.unit.kit.objects.crm_api import Crm
from tests.unit.kit.objects.test_reading import bodies, found, many

Cfg = dict[str, Any]

BY_IDS = "contacts = declare(sets={'id': 'GET /batch?ids={values}'}, set_size=2)"
BY_TERMS = """
odata = operators(eq="{field} eq {value}", parameter="$filter", quote="sql", joins=("and", "or"))
contacts = declare(filters=odata, list="GET /search", sets={"id": lambda *asked: []})
"""


@pytest.fixture
def contacts(crm: Crm) -> Crm:
    """A CRM with four contacts and a request for several of them."""
    for name in ("ada", "bob", "cleo", "dan"):
        crm.add(email=f"{name}@example.com", name=name.title())

    def batch(request: Request) -> Reply:
        ids = request.query["ids"].split(",")
        return Reply(200, {"data": [crm.contacts[id] for id in reversed(ids) if id in crm.contacts]})

    crm.route("GET", "/v1/batch", batch)
    return crm


def lookup(component: Any, items: Any, cfg: Cfg, **fields: Any) -> Any:
    """Return the emissions of a lookup of a set."""
    return component.run("lookupSetOfObjects", {"body": {"itemsToLookup": items}}, {**cfg, **fields})


def test_a_set_is_found_in_few_requests(declare: Declare, contacts: Crm, cfg: Cfg) -> None:
    """Each value is asked for once, in batches of the declared size, and the answer is keyed by value."""
    done = lookup(declare(BY_IDS), ["3", 1, "2", "3", 4], cfg)

    assert list(done.message["body"]["resultsDictionary"]) == ["3", "1", "2", "4"]
    assert done.message["body"]["resultsDictionary"]["1"] == contacts.contacts["1"]
    assert contacts.paths == ["GET /v1/batch", "GET /v1/batch"]


def test_an_empty_set_needs_no_request(declare: Declare, contacts: Crm, cfg: Cfg) -> None:
    """And gives an empty dictionary."""
    assert lookup(declare(BY_IDS), [], cfg).message["body"] == {"resultsDictionary": {}}
    assert contacts.paths == []


def test_a_set_without_a_request_of_its_own_is_found_one_by_one(declare: Declare, contacts: Crm, cfg: Cfg) -> None:
    """By the unique field that a person has chosen."""
    component = declare(BY_IDS)
    done = lookup(component, ["bob@example.com", "dan@example.com"], cfg, lookupCriteria="email")

    assert [each["id"] for each in done.message["body"]["resultsDictionary"].values()] == ["2", "4"]
    assert contacts.paths == ["GET /v1/contacts", "GET /v1/contacts"]


def test_a_set_is_one_search_where_terms_can_be_joined(declare: Declare, contacts: Crm, cfg: Cfg) -> None:
    """Values are quoted, and capitals do not count, as in most APIs."""
    asked: list[str] = []

    def search(request: Request) -> Reply:
        asked.append(request.query["$filter"])
        return Reply(200, {"data": [each for each in contacts.contacts.values() if each["email"] in asked[0].lower()]})

    contacts.route("GET", "/v1/search", search)
    done = lookup(declare(BY_TERMS), ["Ada@example.com", "bob@example.com"], cfg, lookupCriteria="email")

    assert asked == ["email eq 'Ada@example.com' or email eq 'bob@example.com'"]
    assert list(done.message["body"]["resultsDictionary"]) == ["Ada@example.com", "bob@example.com"]


def test_a_function_may_fetch_a_set(declare: Declare, contacts: Crm, cfg: Cfg) -> None:
    """For an API that takes the values in a body."""
    contacts.route("POST", "/v1/batch", lambda request: Reply(200, [{"id": each} for each in request.json()]))
    component = declare("""
def fetch(connection, cfg, values):
    return connection.send("POST", "/batch", body=list(values)).json()

contacts = declare(sets={"id": fetch})
""")

    assert list(lookup(component, ["1", "2"], cfg).message["body"]["resultsDictionary"]) == ["1", "2"]


def test_a_value_with_a_comma_stands_alone(declare: Declare, contacts: Crm, cfg: Cfg) -> None:
    """In a list with commas it would be two values."""
    contacts.contacts["x,y"] = {"id": "x,y"}

    done = lookup(declare(BY_IDS), ["1", "x,y", "2"], cfg)
    assert set(done.message["body"]["resultsDictionary"]) == {"1", "2", "x,y"}
    assert contacts.paths[0] == "GET /v1/contacts/x%2Cy"


def test_a_missing_object_of_a_set_is_an_error_unless_it_is_allowed(declare: Declare, contacts: Crm, cfg: Cfg) -> None:
    """Or a reason to wait."""
    component = declare(BY_IDS.replace("set_size=2", "waits=True"))

    failed = lookup(component, ["1", "9"], cfg)
    assert failed.errors[0]["message"] == "Contact: expected an object for each of 2 values, found 1"
    assert list(lookup(component, ["1", "9"], cfg, allowZeroResults=True).message["body"]["resultsDictionary"]) == ["1"]
    assert lookup(component, ["1", "9"], cfg, waitForObjectToExist=True).rebounds == ["Contact: 1 of 2 not found yet"]


def test_two_objects_for_one_value_are_an_error(declare: Declare, contacts: Crm, cfg: Cfg) -> None:
    """The first one is not taken in silence."""
    twins = [{"id": "1", "name": "a"}, {"id": "1", "name": "b"}]
    contacts.route("GET", "/v1/twins", lambda request: Reply(200, {"data": twins}))

    assert lookup(declare(BY_IDS.replace("batch", "twins")), ["1", "2"], cfg).errors[0]["name"] == "MoreThanOneFound"


@pytest.mark.parametrize(
    ("items", "text"),
    [
        (None, "itemsToLookup: expected a list of values, found none"),
        (["1", ""], "itemsToLookup: expected a value in each place"),
        ([["1"]], "expected a text or a number, found list"),
        (list(range(101)), "itemsToLookup: expected at most 100 values, found 101"),
    ],
)
def test_a_wrong_set_is_named(declare: Declare, contacts: Crm, cfg: Cfg, items: Any, text: str) -> None:
    """Nothing is sent."""
    assert text in lookup(declare(BY_IDS), items, cfg).errors[0]["message"]
    assert contacts.paths == []


LINKED = """
contacts = declare(linked={
    "company": Linked("GET /companies/{company.id}", title="The company", fields=[Field("name")]),
    "deals": Linked("GET /contacts/{id}/deals", pages=cursor("data", next="next", size="limit", default=1, most=1)),
    "owner": "?expand=owner",
    "team": "?expand=team",
})
"""


def linked(component: Any, cfg: Cfg, *names: str) -> Any:
    """Return the body of a lookup with linked objects."""
    return found(component, "1", cfg, linkedObjects=list(names)).message["body"]


def test_linked_objects_come_within_the_object(declare: Declare, contacts: Crm, cfg: Cfg) -> None:
    """One, or all pages of a list; what is not chosen is not fetched."""
    contacts.contacts["1"]["company"] = {"id": "a/b"}
    contacts.route("GET", "/v1/companies/a%2Fb", lambda request: Reply(200, {"name": "Analytical"}))
    pages = {None: ({"data": [{"id": "d1"}], "next": "2"}), "2": {"data": [{"id": "d2"}]}}
    contacts.route("GET", "/v1/contacts/1/deals", lambda request: Reply(200, pages[request.query.get("cursor")]))
    component = declare(LINKED)

    assert linked(component, cfg)["company"] == {"id": "a/b"}
    assert contacts.paths == ["GET /v1/contacts/1"]
    whole = linked(component, cfg, "company", "deals")
    assert whole["company"] == {"name": "Analytical"}
    assert whole["deals"] == [{"id": "d1"}, {"id": "d2"}]


def test_an_object_without_a_linked_one_has_null(declare: Declare, contacts: Crm, cfg: Cfg) -> None:
    """So the shape is the same; an id that is missing needs no request."""
    component = declare(LINKED)
    assert linked(component, cfg, "company")["company"] is None
    assert contacts.paths == ["GET /v1/contacts/1"]

    contacts.contacts["1"]["company"] = {"id": "gone"}
    assert linked(component, cfg, "company")["company"] is None


def test_an_api_may_include_linked_objects_itself(declare: Declare, contacts: Crm, cfg: Cfg) -> None:
    """Names for one parameter are joined by a comma."""
    linked(declare(LINKED), cfg, "owner", "team")

    assert contacts.requests[0].query["expand"] == "owner,team"


def test_the_choice_of_linked_objects_follows_from_the_declaration(declare: Declare, contacts: Crm, cfg: Cfg) -> None:
    """So do the schema of the output and the check of a name."""
    component = declare(LINKED)
    field = component.descriptor.functions["lookupObject"].raw["fields"]["linkedObjects"]
    assert (field["viewClass"], list(field["model"])) == ("MultiSelectView", ["company", "deals", "owner", "team"])
    out = component.call("lookupObject", "get_meta_model", {**cfg, "linkedObjects": ["company", "deals"]})["out"]
    assert out["properties"]["company"]["properties"] == {"name": {"title": "Name", "type": "string"}}
    assert out["properties"]["deals"]["type"] == "array"
    assert "owner" not in out["properties"]

    stale = component.call("lookupObject", "get_meta_model", {**cfg, "linkedObjects": ["of another type"]})["out"]
    assert "company" not in stale["properties"]
    failed = found(component, "1", cfg, linkedObjects=["compani"])
    assert "did you mean 'company'" in failed.errors[0]["message"]


SORTED = "contacts = declare(sort=sorting(sort='{direction}{field}', directions=('', '-')))"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ([{"fieldName": "name", "orderDirection": "desc"}, {"fieldName": "age"}], "-name,age"),
        ({"fieldName": "age", "orderDirection": "ASC"}, "age"),
        ([], None),
        ("", None),
    ],
)
def test_a_message_may_order_a_list(declare: Declare, contacts: Crm, cfg: Cfg, order: Any, expected: Any) -> None:
    """By one field or several."""
    assert len(bodies(many(declare(SORTED), cfg, {"order": order}))) == 4
    assert contacts.requests[0].query.get("sort") == expected


@pytest.mark.parametrize(
    ("order", "text"),
    [
        ([{"fieldName": "nmae"}], "order: fieldName: expected a known one, found 'nmae'"),
        ([{"fieldName": "name", "orderDirection": "up"}], "order: orderDirection: expected asc or desc, found 'up'"),
        (["name"], "order: expected an object with fieldName"),
        ([{"fieldName": "name"}] * 11, "order: expected at most 10 fields, found 11"),
    ],
)
def test_a_wrong_order_is_named(declare: Declare, contacts: Crm, cfg: Cfg, order: Any, text: str) -> None:
    """It is not ignored."""
    assert text in many(declare(SORTED), cfg, {"order": order}).errors[0]["message"]
    assert contacts.paths == []


def test_an_order_is_described_where_the_api_takes_one(declare: Declare, contacts: Crm, cfg: Cfg) -> None:
    """With the fields by which it sorts."""
    asked = declare(SORTED).call("lookupObjects", "get_meta_model", cfg)["in"]["properties"]
    assert asked["order"]["items"]["properties"]["fieldName"]["enum"][0] == "id"


def test_the_size_of_a_page_may_be_in_the_message(declare: Declare, contacts: Crm, cfg: Cfg) -> None:
    """As in older components; 0 asks for the number of objects only."""
    component = declare("contacts = declare(names={'page_size_in': 'message'})")
    assert "pageSize" not in component.descriptor.functions["lookupObjects"].raw["fields"]
    asked = component.call("lookupObjects", "get_meta_model", cfg)["in"]["properties"]
    assert "0 (the number of objects only)" in asked["pageSize"]["help"]["description"]

    pages = bodies(many(component, cfg, {"pageSize": "3"}, emitBehavior="emitPage"))
    assert [len(page["results"]) for page in pages] == [3, 1]
    assert bodies(many(component, cfg, {"pageSize": 0})) == [{"results": [], "totalCountOfMatchingResults": 4}]
    assert "expected a number from 0 to 100" in many(component, cfg, {"pageSize": 101}).errors[0]["message"]


EXPERT = """
contacts = declare(filters=operators(eq="{field} eq {value}", parameter="$filter", expert=True))
"""


def test_a_person_may_write_a_filter_as_text(declare: Declare, contacts: Crm, cfg: Cfg) -> None:
    """It is one parameter, whatever it contains; terms do not count then."""
    component = declare(EXPERT)
    assert "expertMode" in component.descriptor.functions["lookupObjects"].raw["fields"]
    asked = {**cfg, "expertMode": True, "termNumber": 2}
    schema = component.call("lookupObjects", "get_meta_model", asked)["in"]["properties"]
    assert schema["filterExpression"]["required"] is True
    assert "sTerm_1" not in schema

    bodies(many(component, asked, {"filterExpression": " name eq 'a&limit=1' "}))
    assert contacts.requests[0].query["$filter"] == "name eq 'a&limit=1'"
    assert contacts.requests[0].query["limit"] == "50"
    assert "filterExpression: expected a filter" in many(component, asked, {}).errors[0]["message"]
    assert "filterExpression" not in component.call("lookupObjects", "get_meta_model", cfg)["in"]["properties"]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda api: Resource(api, "/a", title="A", sets={"email": "GET /a?e={values}"}), "sets: expected unique"),
        (lambda api: Resource(api, "/a", title="A", sets={"id": "GET /a?e={value}"}), "expected criteria, objectType"),
        (lambda api: Linked("companies"), "expected a method and a path"),
        (lambda api: sorting(sort="name"), "sorting: expected a parameter"),
        (lambda api: operators(eq="{field}={value}", expert=True), "expert: expected parameter="),
    ],
)
def test_a_part_that_does_not_fit_is_refused_at_its_declaration(make: Any, text: str) -> None:
    """Before any message comes."""
    with pytest.raises(ValueError, match=text):
        make(Api("https://api.example.com"))
