"""What follows from a declaration for component.json, and what validate and describe make of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.cli import commands
from shipmate.component.metadata import schema_problems
from shipmate.testing import ComponentUnderTest
from shipmate.tools.validation import validate_component
from tests.authors import run_pytest
from tests.unit.kit.objects.conftest import Declare
from tests.unit.kit.objects.crm_api import Crm

Cfg = dict[str, Any]

TEXT = {"label": "Criteria", "viewClass": "TextFieldView"}
CHOICE = {"label": "Criteria", "viewClass": "SelectView", "model": {"id": "ID", "phone": "Phone"}}


def entry(component: ComponentUnderTest, name: str) -> dict[str, Any]:
    """Return the entry of a function."""
    raw = json.loads((component.root / "component.json").read_text())
    found: dict[str, Any] = raw["actions"][name]
    return found


def change(component: ComponentUnderTest, name: str, **members: Any) -> None:
    """Change the entry of an action."""
    file = component.root / "component.json"
    raw = json.loads(file.read_text())
    raw["actions"][name] = {**raw["actions"][name], **members}
    file.write_text(json.dumps(raw))


def model(component: ComponentUnderTest, function: str, cfg: Cfg) -> Any:
    """Return the metadata of a function, after the check that both are schemas."""
    found = component.call(function, "get_meta_model", cfg)
    assert [problem for direction in ("in", "out") for problem in schema_problems(found[direction])] == []
    return found


def test_every_function_of_a_declaration_has_a_valid_entry(declare: Declare) -> None:
    """With the published ids and the fields in their order."""
    component = declare()
    names = list(component.descriptor.functions)

    assert names == [
        *("raw", "lookupObject", "lookupObjects", "createObject", "updateObject", "upsertObject", "deleteObject")
    ]  # fmt: skip
    assert list(entry(component, "lookupObject")["fields"]) == [
        *("lookupCriteria", "allowCriteriaToBeOmitted", "allowZeroResults")
    ]  # fmt: skip
    assert entry(component, "lookupObject")["fields"]["lookupCriteria"]["model"] == {
        "id": "ID (id)", "email": "Email (email)"
    }  # fmt: skip
    report = validate_component(component.root)
    assert [problem.message for problem in report.problems if "/actions/raw" not in problem.pointer] == []


def test_the_schemas_say_what_is_required_and_what_is_only_read(declare: Declare, crm: Crm) -> None:
    """Static ones are in component.json, since nothing that a person chooses changes them."""
    found = entry(declare(), "createObject")["metadata"]

    assert list(found["in"]["properties"]) == ["email", "name", "age", "tags", "password"]
    assert [name for name, each in found["in"]["properties"].items() if each.get("required")] == ["email"]
    assert list(found["out"]["properties"]) == ["id", "email", "name", "age", "tags", "updated"]


def test_dynamic_schemas_have_the_defaults_of_the_function(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """An empty field means the same in both, and no request is needed."""
    component = declare()
    one = model(component, "lookupObjects", cfg)
    assert list(one["out"]["properties"])[:2] == ["id", "email"]
    assert model(component, "lookupObjects", {**cfg, "emitBehavior": ""}) == one
    every = model(component, "lookupObjects", {**cfg, "emitBehavior": "emitAll", "termNumber": "2"})
    assert list(every["out"]["properties"]) == ["results", "totalCountOfMatchingResults"]
    assert list(every["in"]["properties"])[:3] == ["sTerm_1", "link_1_2", "sTerm_2"]

    assert model(component, "lookupObject", cfg)["in"]["properties"]["lookupCriteriaValue"]["required"] is True
    omitted = model(component, "lookupObject", {**cfg, "allowCriteriaToBeOmitted": True, "lookupCriteria": "email"})
    assert omitted["in"]["properties"] == {"lookupCriteriaValue": {"title": "Email", "type": "string"}}
    assert crm.paths == []


def test_schemas_and_choices_wait_for_the_object_type(declare: Declare, cfg: Cfg) -> None:
    """Nothing crashes before it is chosen."""
    component = declare(
        "every = Resources(contact=declare(), deal=Resource(api, '/deals', title='A Deal'))", add="every"
    )

    assert component.call("lookupObject", "unique_fields", cfg) == {}
    assert model(component, "createObject", {**cfg, "objectType": ""})["in"]["properties"] == {}
    assert list(component.call("lookupObject", "unique_fields", {**cfg, "objectType": "contact"})) == ["id", "email"]
    fields = entry(component, "lookupObject")["fields"]
    assert list(fields["objectType"]["model"].items()) == [("deal", "A Deal"), ("contact", "Contact")]
    assert fields["lookupCriteria"]["require"] == ["objectType"]
    assert not validate_component(component.root).errors


def test_types_and_fields_may_come_from_the_api(declare: Declare, crm: Crm, cfg: Cfg) -> None:
    """Both are functions then, and are asked with the account."""
    declaration = """
def types(context, cfg):
    return {name: name.title() for name in api.connect(context, cfg).get("/me").json()}

def fields(connection, cfg):
    return [Field(name) for name in connection.get("/me").json()]

every = Resources(types, lambda name: Resource(api, "/contacts", title=name, fields=fields))
"""
    component = declare(declaration, add="every")
    assert component.call("createObject", "object_types", cfg) == {"id": "Id"}
    found = model(component, "createObject", {**cfg, "objectType": "id"})
    assert found["in"]["properties"] == {"id": {"title": "ID", "type": "string"}}


@pytest.mark.parametrize(
    ("members", "pointer", "severity", "text"),
    [
        ({"dynamicMetadata": False}, "/dynamicMetadata", "warning", "expected true as declared"),
        ({"fields": {}}, "/fields", "error", "expected the field 'lookupCriteria' of the declaration"),
        ({"fields": {"lookupCriteria": TEXT}}, "/fields/lookupCriteria/viewClass", "warning", "SelectView"),
        ({"fields": {"lookupCriteria": CHOICE}}, "/fields/lookupCriteria/model", "error", "found phone"),
    ],
)
def test_an_entry_that_differs_from_its_declaration_is_found(
    declare: Declare, members: dict[str, Any], pointer: str, severity: str, text: str
) -> None:
    """An error is what the function does not read; other screens and schemas may be meant."""
    component = declare()
    change(component, "lookupObject", **members)
    found = [each for each in validate_component(component.root).problems if each.pointer.endswith(pointer)]

    assert text in found[0].message
    assert found[0].severity == severity


def test_an_entry_may_offer_fewer_choices_than_its_declaration(declare: Declare) -> None:
    """As those of published components do."""
    component = declare()
    fields = entry(component, "lookupObjects")["fields"]
    fields["emitBehavior"]["model"] = {"emitAll": "All"}
    change(component, "lookupObjects", fields=fields)

    assert [each for each in validate_component(component.root).problems if "lookupObjects" in each.pointer] == []


def test_schemas_that_differ_from_the_declaration_are_found(declare: Declare) -> None:
    """Texts for people may differ."""
    component = declare()
    metadata = entry(component, "createObject")["metadata"]
    metadata["in"]["properties"]["name"]["title"] = "Full name"
    change(component, "createObject", metadata=metadata)
    own = [each.pointer for each in validate_component(component.root).problems]
    del metadata["in"]["properties"]["name"]
    change(component, "createObject", metadata=metadata)

    found = [each.pointer for each in validate_component(component.root).problems]
    assert [pointer for pointer in found if pointer not in own] == ["/actions/createObject/metadata"]


def test_select_models_keep_their_names(declare: Declare, cfg: Cfg) -> None:
    """The platform asks for the name in component.json, which a predecessor has chosen."""
    names = "{'object_types': 'getObjectTypes', 'unique_fields': 'getLookupCriteria'}"
    component = declare(f"every = Resources(contact=declare(), names={names})", add="every")

    assert entry(component, "lookupObject")["fields"]["lookupCriteria"]["model"] == "getLookupCriteria"
    cfg = {**cfg, "objectType": "contact"}
    assert list(component.call("lookupObject", "getLookupCriteria", cfg)) == ["id", "email"]
    assert component.call("lookupObject", "getObjectTypes", cfg) == {"contact": "Contact"}


def test_describe_corrects_an_entry_and_keeps_its_texts(declare: Declare, capsys: pytest.CaptureFixture[str]) -> None:
    """Titles, labels and further fields are the author's."""
    component = declare()
    fields = entry(component, "lookupObject")["fields"]
    fields["lookupCriteria"] |= {"label": "Suche", "model": {"email": "E-Mail"}}
    del fields["allowZeroResults"]
    fields["note"] = {"label": "Note", "viewClass": "TextFieldView"}
    change(component, "lookupObject", title="Kontakt suchen", dynamicMetadata=False, fields=fields)
    assert commands.run(["describe", "--component", str(component.root), "--write"]) == 0

    found = entry(component, "lookupObject")
    assert (found["title"], found["dynamicMetadata"]) == ("Kontakt suchen", True)
    assert found["fields"]["lookupCriteria"]["label"] == "Suche"
    assert found["fields"]["lookupCriteria"]["model"] == {"id": "ID (id)", "email": "E-Mail"}
    assert list(found["fields"])[-2:] == ["allowZeroResults", "note"]
    assert not validate_component(component.root).errors


PUBLISHED = {"in": {"type": "object", "properties": {"idValue": {"type": "string"}}}}


@pytest.mark.parametrize(
    "declaration",
    [
        "things = Resource(api, '/things', title='Thing', names={'emit': 'mode'}, pages=PAGES, filters=FILTERS)",
        "things = Resources(thing=Resource(api, '/things', title='Thing', filters=FILTERS))",
    ],
)
def test_published_schemas_stay_if_the_declaration_has_no_fields(declare: Declare, declaration: str) -> None:
    """The declaration knows none; the mapper of each next step would be empty."""
    component = declare(declaration, add="things")
    change(component, "lookupObjects", dynamicMetadata=False, metadata=PUBLISHED)
    found = [each.pointer for each in validate_component(component.root).problems]
    assert commands.run(["describe", "--component", str(component.root), "--write"]) == 0

    assert "/actions/lookupObjects/dynamicMetadata" not in found
    kept = entry(component, "lookupObjects")
    assert (kept["metadata"], kept["dynamicMetadata"]) == (PUBLISHED, False)


def test_a_published_select_model_stays_if_the_function_has_it(declare: Declare) -> None:
    """The platform asks for it by the name in component.json, which flows know."""
    names = "{'object_types': 'getTypes'}"
    component = declare(f"every = Resources(contact=declare(), names={names})", add="every")
    fields = entry(component, "createObject")["fields"]
    fields["objectType"]["model"] = "getTypes"
    change(component, "createObject", fields=fields)
    found = [each.pointer for each in validate_component(component.root).problems]
    assert commands.run(["describe", "--component", str(component.root), "--write"]) == 0

    assert "/actions/createObject/fields/objectType/model" not in found
    assert entry(component, "createObject")["fields"]["objectType"]["model"] == "getTypes"


def test_the_warning_of_fixed_schemas_names_both_ways_out(declare: Declare) -> None:
    """A component that replaces a published one keeps its schemas."""
    component = declare()
    change(component, "lookupObject", dynamicMetadata=False, metadata=PUBLISHED)
    (found,) = [each for each in validate_component(component.root).problems if "dynamicMetadata" in each.pointer]

    assert "keep them if flows know them, or run" in found.message


def test_describe_prints_what_it_would_write(declare: Declare, capfd: pytest.CaptureFixture[str]) -> None:
    """Only entries that follow from a declaration."""
    component = declare()
    (component.root / "own.py").write_text("def process(context, msg, cfg, snapshot): ...\n")
    file = component.root / "component.json"
    raw = json.loads(file.read_text())
    raw["triggers"] = {"own": {"title": "Own", "main": "./own.py"}}
    file.write_text(json.dumps(raw))
    assert commands.run(["describe", "--component", str(component.root)]) == 0
    shown = json.loads(capfd.readouterr().out)

    assert shown["actions"]["createObject"] == entry(component, "createObject")
    assert "triggers" not in shown


def test_what_is_no_declaration_cannot_be_added(
    declare: Declare, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The line names it."""
    component = declare()
    assert commands.run(["describe", "--component", str(component.root), "--add", "./crm.py:FIELDS"]) == 2
    assert "expected a Resource, Resources or an Api, found list" in capfd.readouterr().err


def test_a_second_resource_gets_ids_of_its_own(declare: Declare) -> None:
    """The published ids are taken by the first one."""
    component = declare("contacts = declare()\ndeals = Resource(api, '/deals', title='Big deal')")
    assert commands.run(["describe", "--component", str(component.root), "--add", "./crm.py:deals", "--write"]) == 0
    assert entry(component, "createBigdeal")["main"] == "./crm.py:deals.create"


@pytest.mark.parametrize(
    ("declaration", "text"),
    [
        ("contacts = declare(filters=None)", "unique: expected filters with the operator eq"),
        ("contacts = declare(item='/contacts/{key}')", "found key"),
        ("contacts = declare(write=Write(create='POST contacts'))", "expected a method and a path"),
        ("contacts = declare(names='oihh')", "did you mean 'oih'?"),
        ("contacts = declare(names={'emitt': 'x'})", "did you mean 'emit'?"),
        ("contacts = declare(fields=[Field('id', 'strin')])", "did you mean 'string'?"),
        ("contacts = declare(filters=operators(eq='{field}'))", "operators: eq: expected a form"),
        ("contacts = declare(filters=operators(eq='{field}={value}', joins=('or',)))", "for parameters"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_when_it_is_made(
    declare: Declare, declaration: str, text: str
) -> None:
    """Before any message."""
    with pytest.raises(Exception, match="does not import") as caught:
        declare(declaration)
    assert text in str(caught.value)


def test_the_component_suite_has_samples_of_a_declaration(declare: Declare) -> None:
    """Messages and answers of the API follow from the fields, so that an author gives none."""
    more = "sets={'id': 'GET /contacts?ids={values}'}, linked={'deals': '?expand=deals'}, sort=sorting(sort='{field}')"
    root = declare(f"contacts = declare(pages=offset('data'), {more})").root
    suite = "component_suite(samples={'raw': {'msg': {'body': {'method': 'GET', 'url': '/me'}}}})"
    (root / "test_component.py").write_text(f"from shipmate.testing import component_suite\nTestComponent = {suite}\n")
    done = run_pytest(root, "-k", "messages_match or failures", "-q", "test_component.py")

    assert done.stdout.splitlines()[-1].startswith("16 passed"), done.stdout
