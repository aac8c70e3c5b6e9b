"""Finding objects: one, by its id or a unique field, and many."""

import json
from typing import Any

import pytest

from shipmate.emulator import Fault, Reply
from tests.unit.kit.objects.conftest import Declare, example_with
from tests.unit.kit.objects.crm_api import KEY, URL, Crm

Cfg = dict[str, Any]


def found(component: Any, value: Any, cfg: Cfg, **fields: Any) -> Any:
    """Return the emissions of a lookup."""
    return component.run("lookupObject", {"body": {"lookupCriteriaValue": value}}, {**cfg, **fields})


def test_an_object_is_found_by_its_id_and_by_a_unique_field(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """An empty choice of the field means the id."""
    ada = crm.add(email="ada@example.com", name="Ada")
    component = declare()

    assert found(component, "1", cfg, lookupCriteria="").message["body"] == ada
    assert found(component, "ada@example.com", cfg, lookupCriteria="email").message["body"] == ada


@pytest.mark.parametrize("criteria", ["id", "email"])
def test_nothing_found_is_an_error_unless_it_is_allowed(declare: Declare, crm: Crm, cfg: Cfg, criteria: str) -> None:
    """The error names the field and not the value; allowing it does not allow that the value is missing."""
    component = declare()

    failed = found(component, "7", cfg, lookupCriteria=criteria)
    assert failed.errors[0]["message"] == f"Contact: nothing found with this {criteria}"
    assert found(component, "7", cfg, lookupCriteria=criteria, allowZeroResults=True).message["body"] == {}
    missing = found(component, "", cfg, lookupCriteria=criteria, allowZeroResults=True)
    assert missing.errors[0]["name"] == "ValueMissing"


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_value_is_an_error_unless_it_is_allowed(declare: Declare, crm: Crm, cfg: Cfg, value: Any) -> None:
    """Then nothing is asked for."""
    component = declare()

    assert found(component, value, cfg).errors[0]["message"] == (
        'lookupCriteriaValue: expected a value, found none: map one, or set "Allow criteria to be omitted" if the step '
        "has this field"
    )
    assert found(component, value, cfg, allowCriteriaToBeOmitted="Yes").message["body"] == {}
    assert crm.paths == []


def test_zero_is_a_value(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Published components take it for a missing one."""
    crm.contacts["0"] = {"id": "0"}

    assert found(declare(), 0, cfg).message["body"] == {"id": "0"}


@pytest.mark.parametrize("settings", [{}, {"allowZeroResults": True}])
def test_several_found_objects_are_an_error(declare: Declare, crm: Crm, cfg: Cfg, settings: Cfg) -> None:
    """Whatever the step allows."""
    crm.add(email="ada@example.com")
    crm.add(email="ada@example.com")

    failed = found(declare(), "ada@example.com", cfg, lookupCriteria="email", **settings)
    assert failed.errors[0]["name"] == "MoreThanOneFound"
    assert "ada@example.com" not in str(failed.errors[0]["message"])


@pytest.mark.parametrize(("id", "path"), [("a/b", "a%2Fb"), ("a?b=c#d", "a%3Fb%3Dc%23d"), ("{apiKey}", "%7BapiKey%7D")])
def test_an_id_cannot_lead_to_another_resource(declare: Declare, crm: Crm, cfg: Cfg, id: str, path: str) -> None:
    """It is one segment of the path."""
    found(declare(), id, cfg, allowZeroResults=True)

    assert crm.paths == [f"GET /v1/contacts/{path}"]


def test_the_advice_for_a_missing_value_names_the_check_box_of_the_function(
    declare: Declare, crm: Crm, cfg: Cfg
) -> None:
    """A published component may lack the check box, so the advice says that a step may have none."""
    component = declare("contacts = declare(unique=())")
    (error,) = component.run("lookupObjectById", {"body": {}}, cfg).errors
    entry = json.loads((component.root / "component.json").read_text())["actions"]["lookupObjectById"]

    assert error["message"] == (
        'idValue: expected a value, found none: map one, or set "Allow ID to be omitted" if the step has this field'
    )
    assert entry["fields"]["allowCriteriaToBeOmitted"]["label"] == "Allow ID to be omitted"


@pytest.mark.parametrize("id", [".", "..", ["7"], {"a": 1}])
def test_an_id_that_is_none_is_refused(declare: Declare, crm: Crm, cfg: Cfg, id: Any) -> None:
    """Nothing is sent."""
    assert found(declare(), id, cfg).errors
    assert crm.paths == []


@pytest.mark.parametrize("function", ["lookupObject", "updateObject", "deleteObject", "upsertObject"])
@pytest.mark.parametrize(("criteria", "field"), [("", "contactNumber"), ("email", "email")])
def test_an_error_of_a_value_names_the_declared_field(
    declare: Declare, crm: Crm, cfg: Cfg, function: str, criteria: str, field: str
) -> None:
    """And not the placeholder in the path, which no person who maps fields has seen."""
    component = declare(
        "contacts = declare(id='contactNumber', fields=[Field('contactNumber'), Field('email')], "
        "unique={'email': 'GET /contacts/by-email/{value}'}, write=Write(upsert='PUT /contacts/{id}'))"
    )
    body = {field: ".."} if function == "upsertObject" else {"lookupCriteriaValue": ".."}
    (error,) = component.run(function, {"body": body}, {**cfg, "lookupCriteria": criteria}).errors

    assert error["message"] == f"{field}: expected an id, found '..'"
    assert crm.paths == []


def test_a_filter_value_is_encoded_for_its_place(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """It cannot add parameters."""
    crm.add(email="a&name=x@example.com")

    assert found(declare(), "a&name=x@example.com", cfg, lookupCriteria="email").message["body"]["id"] == "1"


def test_an_object_may_come_from_a_request_of_its_own(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """An API may have a path for each unique field."""
    crm.add(email="ada@example.com")
    component = declare("contacts = declare(unique={'email': 'GET /contacts?email={value}'}, record='data')")

    assert found(component, "ada@example.com", cfg, lookupCriteria="email").message["body"]["id"] == "1"
    missing = found(component, "x", cfg, lookupCriteria="email")
    assert missing.errors[0]["message"] == "Contact: nothing found with this email"


def test_a_message_waits_for_an_object_if_the_step_says_so(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """It comes back later."""
    component = declare("contacts = declare(waits=True)")

    assert found(component, "7", cfg, waitForObjectToExist=True).rebounds == ["Contact: nothing found with this id yet"]
    update = {"body": {"lookupCriteriaValue": "x", "name": "Ada"}}
    waits = {**cfg, "lookupCriteria": "email", "waitForObjectToExist": True}
    assert component.run("updateObject", update, waits).rebounds == ["Contact: nothing found with this email yet"]


def test_the_error_of_an_api_has_its_reason_and_no_data(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Neither the key nor the parameters of the query."""
    crm.script(None, Fault(400, {"message": "the filter is wrong"}))
    error = found(declare(), "ada@example.com", cfg, lookupCriteria="email").errors[0]

    assert "the filter is wrong" in error["message"]
    assert not [text for text in (KEY, "ada@example.com") if text in str(error)]


@pytest.mark.parametrize(
    ("policy", "emitted"),
    [("emit", "data"), ("rebound", "rebound"), ("throwError", "error")],
)
def test_an_error_of_the_api_becomes_what_the_step_says(
    declare: Declare, crm: Crm, cfg: Cfg, policy: str, emitted: str
) -> None:
    """One event, and never two."""
    crm.script(None, Fault(500, {"message": "broken"}))
    done = found(declare(), "7", cfg, errorPolicy=policy)

    assert [name for name, _ in done.events] == [emitted]
    if policy == "emit":
        assert done.message["body"]["statusCode"] == 500


def many(component: Any, cfg: Cfg, body: Any = None, **fields: Any) -> Any:
    """Return the emissions of a lookup of many."""
    return component.run("lookupObjects", {"body": body or {}}, {**cfg, **fields})


def bodies(emissions: Any) -> list[Any]:
    """Return the bodies of the messages, after the check that there are no errors."""
    assert emissions.errors == []
    return [message["body"] for message in emissions.data]


def test_all_objects_are_emitted_individually_by_default(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Page after page."""
    contacts = [crm.add(name=f"C{number}") for number in range(7)]

    assert bodies(many(declare(), cfg, pageSize="3", emitBehavior="")) == contacts
    assert len(crm.paths) == 3


@pytest.mark.parametrize("emit", ["emitPage", "fetchPage"])
def test_pages_are_emitted_one_by_one(declare: Declare, crm: Crm, cfg: Cfg, emit: str) -> None:
    """Each with the number of all that match; the older name of the choice works as well."""
    for number in range(5):
        crm.add(name=f"C{number}")
    found = bodies(many(declare(), cfg, pageSize=2, emitBehavior=emit))

    assert [[each["id"] for each in page["results"]] for page in found] == [["1", "2"], ["3", "4"], ["5"]]
    assert {page["totalCountOfMatchingResults"] for page in found} == {5}


def test_one_page_may_be_asked_for_by_its_number(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """The first one is 0, as most new components count."""
    for number in range(5):
        crm.add(name=f"C{number}")
    component = declare("contacts = declare(pages=offset('data'))")
    asked = {"pageSize": 2, "emitBehavior": "emitPage"}

    (found,) = bodies(many(component, cfg, {"pageNumber": 1}, **asked))
    assert [each["id"] for each in found["results"]] == ["3", "4"]
    assert bodies(many(component, cfg, {"pageNumber": 9}, **asked)) == [{"results": []}]


def test_all_objects_come_in_one_message(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Up to a limit, beyond which nothing is cut in silence."""
    for number in range(5):
        crm.add(name=f"C{number}")
    component = declare("contacts = declare(most=4)")
    asked = {"emitBehavior": "emitAll"}

    assert "expected at most 4 objects" in many(component, cfg, **asked).errors[0]["message"]
    (found,) = bodies(many(component, cfg, {"maxResultSize": 3}, **asked))
    assert [each["id"] for each in found["results"]] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("emit", "expected"),
    [("emitIndividually", []), ("emitPage", [{"results": []}]), ("emitAll", [{"results": []}])],
)
def test_nothing_that_matches_is_no_error(declare: Declare, crm: Crm, cfg: Cfg, emit: str, expected: list[Any]) -> None:
    """Pages and all together say it with an empty list."""
    found = bodies(many(declare(), cfg, emitBehavior=emit))

    assert [{"results": each["results"]} for each in found] == expected


def test_search_terms_are_sent_to_the_api(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Numbers that people type as text are numbers."""
    for age in (20, 30, 40):
        crm.add(name="Ada", age=age)
    crm.add(name="Bob", age=50)
    body = {
        "sTerm_1": {"fieldName": "name", "condition": "eq", "fieldValue": "Ada"},
        "link_1_2": "and",
        "sTerm_2": {"fieldName": "age", "condition": "gt", "fieldValue": " 20 "},
    }

    assert [each["age"] for each in bodies(many(declare(), cfg, body, termNumber="2"))] == [30, 40]


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (None, "sTerm_1: expected a search term"),
        ({"fieldName": "name", "condition": "eq"}, "sTerm_1: expected fieldValue"),
        ({"fieldName": "nmae", "condition": "eq", "fieldValue": "x"}, "did you mean 'name'"),
        ({"fieldName": "tags", "condition": "eq", "fieldValue": "x"}, "sTerm_1: fieldName"),
        ({"fieldName": "name", "condition": "like", "fieldValue": "x"}, "sTerm_1: condition"),
        ({"fieldName": "age", "condition": "eq", "fieldValue": "x"}, "age: expected a number, found a text of 1"),
    ],
)
def test_a_wrong_search_term_is_named(declare: Declare, crm: Crm, cfg: Cfg, term: Any, text: str) -> None:
    """No criterion is ignored, and nothing is sent."""
    failed = many(declare(), cfg, {"sTerm_1": term}, termNumber=1)

    assert text in failed.errors[0]["message"]
    assert crm.paths == []


@pytest.mark.parametrize(("name", "value"), [("pageSize", "0"), ("pageSize", "101"), ("termNumber", "100")])
def test_a_number_out_of_range_is_named_with_its_bounds(
    declare: Declare, crm: Crm, cfg: Cfg, name: str, value: str
) -> None:
    """A wrong number is not replaced by another one in silence."""
    assert f"{name}: expected a number from" in many(declare(), cfg, **{name: value}).errors[0]["message"]


def test_a_sample_is_small_and_not_empty(declare: Declare, crm: Crm, cfg: Cfg, monkeypatch: pytest.MonkeyPatch) -> None:
    """One request, ten objects, and an error that names the sample."""
    monkeypatch.setenv("ELASTICIO_FLOW_TYPE", "debug")
    component = declare()
    assert "the sample" in many(component, cfg).errors[0]["message"]
    for number in range(30):
        crm.add(name=f"C{number}")

    assert len(bodies(many(component, cfg, pageSize=20))) == 10
    assert len(crm.paths) == 2


def test_the_same_page_again_is_an_error(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """An API that ignores the offset would be asked for ever."""
    for number in range(4):
        crm.add(name=f"C{number}")
    component = declare("contacts = declare(pages=offset('data', parameter='skip'))")

    assert "found the same one again" in many(component, cfg, pageSize=2).errors[0]["message"]


def test_an_api_that_returns_all_at_once_is_read_once(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """It may know no pages, or be emulated by one fixed answer; fewer objects than were asked for are all."""
    contacts = [crm.add(name=f"C{number}") for number in range(4)]
    component = declare("contacts = declare(pages=offset('data', parameter='skip'))")

    assert bodies(many(component, cfg, pageSize=10)) == contacts


def test_a_list_in_another_place_is_an_error(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """It would look like an API without objects."""
    crm.add(name="Ada")
    component = declare("contacts = declare(pages=offset('items'))")

    assert "expected a list at items" in many(component, cfg).errors[0]["message"]


def test_a_link_leads_to_the_next_page_on_the_same_host_only(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """The key goes nowhere else."""
    component = declare("contacts = declare(pages=link('data', next='next', size='limit'))")
    crm.script(None, Fault(200, {"data": [{"id": "1"}], "next": "/v1/contacts?after=0&limit=5"}))
    crm.add(name="Ada")
    assert len(bodies(many(component, cfg))) == 2

    crm.script(None, Fault(200, {"data": [{"id": "1"}], "next": "https://elsewhere.example.com/v1/contacts"}))
    assert "another host" in many(component, cfg).errors[0]["message"]


def test_a_list_may_be_asked_for_in_a_body(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Each parameter once, since none may be lost."""
    crm.route("POST", "/v1/search", lambda request: Reply(200, {"data": [request.json()]}))
    component = declare("contacts = declare(list='POST /search')")
    term = {"fieldName": "name", "condition": "eq", "fieldValue": "Ada"}

    assert bodies(many(component, cfg, {"sTerm_1": term}, termNumber=1)) == [{"name": "Ada", "limit": 50}]
    twice = many(component, cfg, {"sTerm_1": term, "sTerm_2": term}, termNumber=2)
    assert "expected each search parameter once" in twice.errors[0]["message"]


def test_parameters_of_a_list_may_be_members_of_a_message(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Under their own names; an empty one is left out."""
    crm.add(name="Ada", age=0)
    crm.add(name="Ada", age=1)
    component = declare("contacts = declare(parameters=[Field('name', required=True), Field('age', 'integer')])")

    assert [each["id"] for each in bodies(many(component, cfg, {"name": "Ada", "age": 0}))] == ["1"]
    assert len(bodies(many(component, cfg, {"name": "Ada", "age": ""}))) == 2
    assert "name: expected a value" in many(component, cfg, {}).errors[0]["message"]


def test_a_raw_request_returns_status_headers_and_body(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """URLs are relative to the base, or absolute on the API's own host."""
    crm.add(name="Ada")
    component = declare()
    for url in ("/contacts/1", "contacts/1", f"{URL}/v1/contacts/1"):
        body = component.run("raw", {"body": {"method": "get", "url": url}}, cfg).message["body"]
        assert (body["statusCode"], body["responseBody"]) == (200, {"id": "1", "name": "Ada"})
        assert body["headers"]["content-type"].startswith("application/json")

    elsewhere = component.run("raw", {"body": {"method": "GET", "url": "https://elsewhere.example.com/"}}, cfg)
    assert elsewhere.errors[0]["name"] == "UnsafeUrl"


def test_a_404_of_a_raw_request_is_an_error_unless_the_step_says_otherwise(
    declare: Declare, crm: Crm, cfg: Cfg
) -> None:
    """Other errors stay errors."""
    component = declare()
    asked = {"body": {"method": "DELETE", "url": "/contacts/7"}}

    assert "404" in component.run("raw", asked, cfg).errors[0]["message"]
    done = component.run("raw", asked, {**cfg, "doNotThrow404": True}).message["body"]
    assert (done["statusCode"], done["responseBody"]["message"]) == (404, "no such contact")


def test_an_answer_without_a_body_is_an_empty_text(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """So the member exists in every message."""
    crm.add(name="Ada")
    done = declare().run("raw", {"body": {"method": "DELETE", "url": "/contacts/1", "data": ""}}, cfg)

    assert (done.message["body"]["statusCode"], done.message["body"]["responseBody"]) == (204, "")


MODULES = """
def fields(connection, cfg):
    connection.get(f"/{cfg['module']}/fields")["results"]


contacts = declare(fields=fields, unique=(), settings={"module": {"label": "Module", "viewClass": "TextFieldView"}})
"""


def test_a_field_of_the_step_that_is_not_filled_in_is_named(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Where a function of the author reads it; other errors stay as they are."""
    component = declare(MODULES)
    done = component.run("createObject", {"body": {"name": "Ada"}}, cfg)
    assert done.errors[0]["message"] == "module: expected a value in this field of the step, found none"
    with pytest.raises(ValueError, match="module: expected a value in this field of the step"):
        component.call("createObject", "get_meta_model", cfg)
    crm.route("GET", "/v1/contacts/fields", lambda request: Reply(200, {}))
    done = component.run("createObject", {"body": {"name": "Ada"}}, {**cfg, "module": "contacts"})
    assert "module" not in done.errors[0]["message"]


def test_a_page_that_fails_after_messages_does_not_rebound(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """With the rebound they would come again."""
    for name in ("Ada", "Grace", "Alan"):
        crm.add(name=name)
    component = declare()
    crm.cap = 2
    are_late = iter([False, True])
    answer = crm.answer

    def failing(request: Any) -> Any:
        return Reply(503, {}) if next(are_late) else answer(request)

    crm.answer = failing  # type: ignore[method-assign]
    step = {**cfg, "errorPolicy": "rebound", "pageSize": "2"}
    done = component.run("lookupObjects", {"body": {}}, step)
    assert [name for name, _ in done.events] == ["data", "data", "error"]
    assert done.errors[0]["message"].startswith("after 2 messages: GET ")


def test_a_function_that_quotes_gets_values_in_the_type_of_their_field(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """A date is text."""
    declaration = (
        "kinds = {'age': 'number', 'won': 'boolean', 'day': 'date', 'name': 'string'}\n"
        "contacts = declare(unique=(), fields=[Field(name, kind) for name, kind in kinds.items()], filters=operators("
        "eq='{field}={value}', parameter='q', quote=lambda value: repr(value)))"
    )
    terms = {"age": "29", "won": "true", "day": "2026-01-31", "name": 7}
    body = {
        f"sTerm_{number}": {"fieldName": name, "condition": "eq", "fieldValue": value}
        for number, (name, value) in enumerate(terms.items(), 1)
    }
    many(declare(declaration), cfg, body, termNumber=4)

    assert crm.requests[0].query["q"] == "age=29 and won=True and day='2026-01-31' and name='7'"


def test_terms_are_joined_as_the_reference_shows_it(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """With the words of the API, and without blanks around them."""
    fields = "[Field('city'), Field('age', 'integer')]"
    component = declare(f"{example_with('DOLLARS')}contacts = declare(unique=(), fields={fields}, filters=DOLLARS)")
    body = {
        "sTerm_1": {"fieldName": "city", "condition": "eq", "fieldValue": "Oslo"},
        "sTerm_2": {"fieldName": "age", "condition": "ge", "fieldValue": "29"},
    }
    many(component, cfg, body, termNumber=2)

    assert crm.requests[0].query["filter"] == "city$eq:Oslo$and:age$gte:29"
