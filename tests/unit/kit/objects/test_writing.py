"""Creating, changing and deleting objects."""

from typing import Any

import pytest

from shipmate.emulator import Fault, Reply
from tests.unit.kit.objects.conftest import Declare, example_with
from tests.unit.kit.objects.crm_api import Crm

Cfg = dict[str, Any]


def sent(crm: Crm, method: str) -> Any:
    """Return the body of the last request with a method."""
    return [request.json() for request in crm.requests if request.method == method][-1]


def test_an_object_is_created_from_what_may_be_written(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Members that only the API writes are left out, unknown ones are kept."""
    body = {"id": "9", "email": "ada@example.com", "updated": "2026-01-31", "shoeSize": 38, "age": 0, "name": None}
    done = declare().run("createObject", {"body": body}, cfg)

    assert done.message["body"] == {"id": "1", "email": "ada@example.com", "shoeSize": 38, "age": 0, "name": None}
    assert "id" not in sent(crm, "POST")


def test_what_the_api_does_not_return_is_its_id(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """From the address of the new object, without another request unless it is declared."""
    crm.add(name="Ada")
    created = Fault(201, headers={"Location": "/v1/contacts/1"})
    crm.script(None, created)
    assert declare().run("createObject", {"body": {}}, cfg).message["body"] == {"id": "1"}


@pytest.mark.parametrize("sends_id", [False, True])
def test_an_update_has_the_id_in_its_body_if_it_is_declared(
    declare: Declare, crm: Crm, cfg: Cfg, sends_id: bool
) -> None:
    """An API may ask for it there, as well as in the path."""
    crm.add(name="Ada", email="ada@example.com")
    component = declare(f"contacts = declare(write=Write(sends_id={sends_id}))")
    component.run("updateObject", {"body": {"id": "1", "name": "Eve"}}, cfg)
    assert ("id" in sent(crm, "PATCH")) is sends_id


def test_what_the_api_does_not_return_may_be_read(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """As a person would do it."""
    crm.add(name="Ada")
    crm.script(None, Fault(201, headers={"Location": "/v1/contacts/1"}))
    component = declare("contacts = declare(write=Write(reads_back=True))")

    assert component.run("createObject", {"body": {}}, cfg).message["body"] == {"id": "1", "name": "Ada"}


def test_a_body_may_be_wrapped(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Both ways."""
    crm.script(None, Fault(201, {"contact": {"id": "5"}}))
    component = declare("contacts = declare(write=Write(wrap='contact'), record='contact')")

    assert component.run("createObject", {"body": {"name": "Ada"}}, cfg).message["body"] == {"id": "5"}
    assert sent(crm, "POST") == {"contact": {"name": "Ada"}}


def test_a_refused_object_is_an_error_with_the_reason(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """And without the object; a POST is not sent again."""
    crm.script(None, Fault(422, {"errors": {"email": ["is taken"]}}), Fault(422), Fault(422))
    error = declare().run("createObject", {"body": {"email": "ada@example.com"}}, cfg).errors[0]

    assert "is taken" in error["message"]
    assert "ada@example.com" not in str(error)
    assert crm.paths == ["POST /v1/contacts"]


@pytest.mark.parametrize("criteria", [{}, {"lookupCriteria": "email"}])
def test_only_what_a_message_has_is_changed(declare: Declare, crm: Crm, cfg: Cfg, criteria: Cfg) -> None:
    """The value that identifies the object is not written."""
    crm.add(email="ada@example.com", name="Ada", age=36)
    body = {"lookupCriteriaValue": "ada@example.com" if criteria else "1", "name": "Countess", "id": "8"}
    done = declare().run("updateObject", {"body": body}, {**cfg, **criteria})

    assert done.message["body"] == {"id": "1", "email": "ada@example.com", "name": "Countess", "age": 36}
    assert sent(crm, "PATCH") == {"name": "Countess"}


def test_an_update_of_nothing_is_an_error(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """No object is created instead."""
    component = declare()
    for criteria in ("id", "email"):
        body = {"lookupCriteriaValue": "7", "name": "x"}
        failed = component.run("updateObject", {"body": body}, {**cfg, "lookupCriteria": criteria})
        assert failed.errors[0]["message"] == f"Contact: nothing found with this {criteria}"
    assert component.run("updateObject", {"body": {"name": "x"}}, cfg).errors[0]["name"] == "ValueMissing"
    assert crm.contacts == {}


@pytest.mark.parametrize("count", [0, 1, 2])
def test_an_upsert_creates_changes_or_refuses(declare: Declare, crm: Crm, cfg: Cfg, count: int) -> None:
    """As many objects as are found with the value."""
    for _ in range(count):
        crm.add(email="ada@example.com", age=36)
    body = {"email": "ada@example.com", "name": "Ada"}
    done = declare().run("upsertObject", {"body": body}, {**cfg, "lookupCriteria": "email"})

    if count == 2:
        assert done.errors[0]["name"] == "MoreThanOneFound"
        assert len(crm.contacts) == 2
    else:
        assert done.message["body"] == {"id": "1", **({"age": 36} if count else {}), **body}


def test_an_upsert_takes_the_value_under_both_names(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """The new object has it under the name of the field."""
    body = {"lookupCriteriaValue": "ada@example.com", "name": "Ada"}
    done = declare().run("upsertObject", {"body": body}, {**cfg, "lookupCriteria": "email"})

    assert done.message["body"] == {"id": "1", "email": "ada@example.com", "name": "Ada"}


@pytest.mark.parametrize("value", [{}, {"email": ""}, {"email": None}])
def test_an_upsert_without_a_value_creates(declare: Declare, crm: Crm, cfg: Cfg, value: Any) -> None:
    """There is nothing to look for."""
    component = declare()
    assert component.run("upsertObject", {"body": {**value, "name": "Ada"}}, {**cfg, "lookupCriteria": "email"}).data
    assert crm.paths == ["POST /v1/contacts"]


def test_an_upsert_may_be_one_request(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Nothing can come in between."""
    component = declare("contacts = declare(write=Write(upsert='PUT /contacts?match={criteria}'))")
    for name in ("Ada", "Countess"):
        body = {"email": "ada@example.com", "name": name}
        component.run("upsertObject", {"body": body}, {**cfg, "lookupCriteria": "email"})

    assert crm.contacts == {"1": {"id": "1", "email": "ada@example.com", "name": "Countess"}}
    assert crm.paths == ["PUT /v1/contacts", "PUT /v1/contacts"]


@pytest.mark.parametrize("answer", [Fault(409, {}), Fault(400, {"errorCode": "E06010"})], ids=["409", "code"])
@pytest.mark.parametrize("criteria", ["id", "email"])
def test_an_upsert_may_let_the_api_decide(declare: Declare, crm: Crm, cfg: Cfg, answer: Fault, criteria: str) -> None:
    """It creates first: to look first would be a race."""
    component = declare("contacts = declare(write={'upsert': 'create', 'conflict': ['E06010']})")
    body = {"id": "1", "email": "ada@example.com", "name": "Ada"}
    component.run("upsertObject", {"body": body}, {**cfg, "lookupCriteria": criteria})
    assert crm.paths == ["POST /v1/contacts"]
    crm.script("/v1/contacts", answer, method="POST")
    done = component.run("upsertObject", {"body": {**body, "name": "Eve"}}, {**cfg, "lookupCriteria": criteria})

    assert done.message["body"]["name"] == "Eve"
    assert list(crm.contacts) == ["1"]
    assert crm.paths[-1] == "PATCH /v1/contacts/1"


def test_an_upsert_does_not_hide_another_refusal(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Nor a conflict of another field."""
    component = declare("contacts = declare(write={'upsert': 'create', 'conflict': ['E06010']})")
    for answer in (Fault(400, {"errorCode": "E1"}), Fault(409, {"message": "name is taken"})):
        crm.script("/v1/contacts", answer, method="POST")
        done = component.run("upsertObject", {"body": {"email": "x@example.com"}}, {**cfg, "lookupCriteria": "email"})
        assert f"answered {answer.status}" in done.errors[0]["message"]


def test_the_first_of_several_may_count(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Published flows have shared addresses."""
    for name in ("Ada", "Eve"):
        crm.add(email="shared@example.com", name=name)
    cfg = {**cfg, "lookupCriteria": "email"}
    msg = {"body": {"lookupCriteriaValue": "shared@example.com"}}

    assert declare("contacts = declare(several='first')").run("lookupObject", msg, cfg).message["body"]["name"] == "Ada"


@pytest.mark.parametrize(
    ("strategy", "expected"), [("emitNothing", []), ("emitEmpty", [{}]), ("throwError", None), ("", None)]
)
@pytest.mark.parametrize("criteria", ["id", "email"])
def test_a_deletion_of_nothing_does_what_the_step_says(
    declare: Declare, crm: Crm, cfg: Cfg, criteria: str, strategy: str, expected: Any
) -> None:
    """It never looks like a success."""
    cfg = {**cfg, "lookupCriteria": criteria, "ifNotFound": strategy}
    done = declare().run("deleteObject", {"body": {"lookupCriteriaValue": "7"}}, cfg)

    if expected is None:
        assert done.errors[0]["message"] == f"Contact: nothing found with this {criteria}"
    else:
        assert [message["body"] for message in done.data] == expected


def test_a_sample_of_a_deletion_that_would_emit_nothing_is_an_error(
    declare: Declare, crm: Crm, cfg: Cfg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person who designs a flow waits for a message."""
    monkeypatch.setenv("ELASTICIO_FLOW_TYPE", "debug")
    cfg = {**cfg, "ifNotFound": "emitNothing"}
    failed = declare().run("deleteObject", {"body": {"lookupCriteriaValue": "7"}}, cfg)

    assert "the sample" in failed.errors[0]["message"]


def test_a_deleted_object_is_named_by_its_id(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Whatever it was found by."""
    crm.add(email="ada@example.com")
    cfg = {**cfg, "lookupCriteria": "email"}
    done = declare().run("deleteObject", {"body": {"lookupCriteriaValue": "ada@example.com"}}, cfg)

    assert done.message["body"] == {"id": "1"}
    assert crm.contacts == {}


@pytest.mark.parametrize(
    "fault", [Fault(503, after_processing=True), Fault(drop="before", after_processing=True)], ids=["503", "lost"]
)
def test_a_deletion_whose_answer_was_lost_succeeds_when_it_is_sent_again(
    declare: Declare, crm: Crm, cfg: Cfg, fault: Fault
) -> None:
    """The second attempt finds nothing, since the first one has deleted it."""
    crm.add(email="ada@example.com")
    component = declare()
    crm.script("/v1/contacts/1", fault)
    done = component.run("deleteObject", {"body": {"lookupCriteriaValue": "1"}}, {**cfg, "retriesDelay": 0})

    assert done.message["body"] == {"id": "1"}
    assert crm.contacts == {}


def test_a_deletion_that_waited_for_its_turn_may_find_nothing(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """An API that answers 429 has deleted nothing."""
    component = declare()
    crm.script("/v1/contacts/1", Fault(429))
    done = component.run("deleteObject", {"body": {"lookupCriteriaValue": "1"}}, {**cfg, "retriesDelay": 0})

    assert done.errors[0]["message"] == "Contact: nothing found with this id"


def test_a_refused_deletion_is_an_error_and_not_nothing_found(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Only the declared statuses mean that there is no object."""
    crm.script(None, Fault(403, {"message": "not allowed"}))
    cfg = {**cfg, "ifNotFound": "emitEmpty"}

    assert (
        "not allowed" in declare().run("deleteObject", {"body": {"lookupCriteriaValue": "7"}}, cfg).errors[0]["message"]
    )


def test_several_resources_are_chosen_by_their_type(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """One function for all of them."""
    declaration = "every = Resources(contact=declare(), deal=Resource(api, '/deals', title='Deal'))"
    component = declare(declaration, add="every")

    done = component.run("createObject", {"body": {"name": "Ada"}}, {**cfg, "objectType": "contact"})
    assert done.message["body"]["id"] == "1"
    component.run("createObject", {"body": {"name": "Ada"}}, {**cfg, "objectType": "deal"})
    assert crm.paths[-1] == "POST /v1/deals"
    for wrong in ("", "contcat"):
        error = component.run("createObject", {"body": {}}, {**cfg, "objectType": wrong}).errors[0]
        assert error["message"].startswith("objectType: expected an object type")


def test_a_predecessors_ids_are_kept(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Flows of users refer to them; the preset names those of an older generation."""
    crm.add(email="ada@example.com", name="Ada")
    component = declare("contacts = declare(names='oih')")
    cfg = {**cfg, "uniqueCriteria": "email", "allowEmptyResult": "Yes"}

    assert component.run("lookupObject", {"body": {"email": "ada@example.com"}}, cfg).message["body"]["id"] == "1"
    assert component.run("lookupObject", {"body": {"email": "bob@example.com"}}, cfg).message["body"] == {}
    term = {"searchTerm0": {"fieldName": "name", "condition": "eq", "fieldValue": "Ada"}}
    many = component.run("lookupObjects", {"body": term}, {**cfg, "emitBehaviour": "fetchAll", "numSearchTerms": "1"})
    assert len(many.message["body"]["results"]) == 1


@pytest.mark.parametrize("known", [True, False])
def test_a_function_of_ones_own_calls_declared_functions(declare: Declare, crm: Crm, cfg: Cfg, known: bool) -> None:
    """As the reference shows it: the choices of the step are in the configuration."""
    crm.add(email="ada@example.com" if known else "eve@example.com")
    crm.route("POST", "/v1/orders", lambda request: Reply(201, {"id": "o1", **request.json()}))
    component = declare(example_with("def order"), actions={"order": {"title": "Order", "main": "./crm.py:order"}})
    body = {"contact": {"email": "ada@example.com", "name": "Ada"}, "lines": [{"price": 7}]}
    done = component.run("order", {"body": body}, {**cfg, "lookupCriteria": "id"})

    id = "1" if known else "2"
    assert done.message["body"] == {"id": "o1", "contactId": id, "lines": [{"price": 7}]}
    assert crm.contacts[id] == {"id": id, "email": "ada@example.com", "name": "Ada"}


@pytest.mark.parametrize(
    ("policy", "messages", "rebounds", "errors"),
    [("", 0, 0, 1), ("emit", 1, 0, 0), ("rebound", 0, 1, 0)],
)
def test_a_called_function_does_what_the_error_policy_says(
    declare: Declare, crm: Crm, cfg: Cfg, policy: str, messages: int, rebounds: int, errors: int
) -> None:
    """Unless the caller empties the field, which the reference advises."""
    code = (
        "def create(context, msg, cfg, snapshot):\n"
        "    return contacts.create.process(context, msg, cfg, {})\n\n\ncontacts = declare()"
    )
    component = declare(code, actions={"create": {"title": "Create", "main": "./crm.py:create"}})
    crm.script(None, Fault(422, {"message": "no"}))
    done = component.run("create", {"body": {"name": "Ada"}}, {**cfg, "errorCodes": "422", "errorPolicy": policy})

    assert (len(done.data), len(done.rebounds), len(done.errors)) == (messages, rebounds, errors)


@pytest.mark.parametrize("upsert", ["find", "create"])
def test_an_upsert_sends_the_id_only_when_it_creates(declare: Declare, crm: Crm, cfg: Cfg, upsert: str) -> None:
    """The id of this API is chosen by those who create."""
    component = declare(f"contacts = declare(fields=[Field('id'), Field('name')], write={{'upsert': {upsert!r}}})")
    msg = {"body": {"id": "1", "name": "Ada"}}
    component.run("upsertObject", msg, cfg)
    assert sent(crm, "POST") == {"id": "1", "name": "Ada"}
    crm.script("/v1/contacts", Fault(409, {}), method="POST")
    component.run("upsertObject", msg, cfg)

    assert sent(crm, "PATCH") == {"name": "Ada"}


def test_an_upsert_keeps_back_an_id_that_finds_the_object(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Where the message names it like the field."""
    fields = "[Field('id'), Field('name')]"
    component = declare(f"contacts = declare(fields={fields}, names={{'criteria_value': '{{field}}'}})")
    component.run("upsertObject", {"body": {"id": "1", "name": "Ada"}}, cfg)

    assert sent(crm, "POST") == {"name": "Ada"}
