"""A new flow file: it has the functions of the component, and checks without errors."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from shipmate.errors import BadInput
from shipmate.flow.check import check
from shipmate.flow.graph import Flow
from shipmate.flow.new import create
from tests.unit.flow.conftest import COMPONENT

ROOT = Path(__file__).resolve().parents[3]


def created(folder: Path, *, root: Path | None = None, **options: Any) -> Flow:
    create(folder / "flow.yaml", root or folder / "crm", **options)
    checked = check(folder / "flow.yaml")
    assert checked.flow is not None, checked.report.errors
    return checked.flow


def commands(flow: Flow) -> list[tuple[str, str]]:
    return [(each.component, each.function) for each in flow.nodes]


def rewrite(folder: Path, **members: Any) -> None:
    (folder / "crm" / "component.json").write_text(json.dumps({**COMPONENT, **members}))


def test_the_first_trigger_leads_to_the_first_action(folder: Path) -> None:
    flow = created(folder)

    assert commands(flow) == [("crm", "poll"), ("crm", "upsert_contact")]
    assert flow.first.id == "step_1"
    assert flow.schedule == "* * * * *"
    assert [each.mapper for each in flow.edges] == [{"email": '"text"'}]
    assert flow.nodes[0].fields == {"list": "..."}


@pytest.mark.parametrize(
    ("trigger", "command", "mapper"),
    [
        ("timer", ("simple-trigger", "timer"), {"email": '"text"'}),
        ("webhook", ("webhook", "receive"), {"email": "email"}),
        ("poll", ("crm", "poll"), {"email": '"text"'}),
    ],
)
def test_a_trigger_is_chosen(folder: Path, trigger: str, command: Any, mapper: Any) -> None:
    flow = created(folder, trigger=trigger)

    assert commands(flow)[0] == command
    assert flow.edges[0].mapper == mapper


def test_a_component_without_triggers_begins_with_the_timer(folder: Path) -> None:
    rewrite(folder, triggers={})

    assert commands(created(folder)) == [("simple-trigger", "timer"), ("crm", "upsert_contact")]


def test_a_component_without_actions_is_a_flow_of_one_step(folder: Path) -> None:
    rewrite(folder, actions={})

    assert commands(created(folder)) == [("crm", "poll")]


def test_equal_names_are_mapped(folder: Path) -> None:
    """Names that are no identifiers of JSONata are quoted."""
    emitted = {name: {} for name in ("email", "first name", "and", "other")}
    wanted = {"email": {"required": True}, "first name": {}, "and": {}, "phone": {}}
    rewrite(
        folder,
        triggers={"poll": {"main": "./poll.py", "metadata": {"out": {"type": "object", "properties": emitted}}}},
        actions={"add": {"main": "./add.py", "metadata": {"in": {"type": "object", "properties": wanted}}}},
    )

    assert created(folder).edges[0].mapper == {"email": "email", "first name": "`first name`", "and": "`and`"}


@pytest.mark.parametrize("name", ["yes", "a: b", "it's", '"', "x #y", "*", "\u2028", "", "a:", "null", "1"])
def test_any_text_of_a_component_survives(folder: Path, name: str) -> None:
    """Titles, labels, choices and names of fields are of other people."""
    field = {"required": True, "label": f"{name}\n#", "model": {name or "x": "X"}}
    action = {"main": "./add.py", "title": name or "x", "fields": {name or "x": field}}
    rewrite(folder, title=name, actions={"add": action})

    assert created(folder).nodes[1].fields == {name or "x": name or "x"}


def test_a_key_file_is_written_for_its_owner_unless_there_is_one(folder: Path) -> None:
    flow = created(folder)
    keys = folder / "crm" / "account.keys.json"

    assert [each.resolve() for each in flow.accounts.values()] == [keys.resolve()]
    assert json.loads(keys.read_text()) == {"api_key": ""}
    assert keys.stat().st_mode & 0o077 == 0

    keys.write_text('{"api_key": "k"}')
    (folder / "flow.yaml").unlink()
    created(folder)
    assert keys.read_text() == '{"api_key": "k"}'


@pytest.mark.parametrize(
    ("types", "credentials"),
    [
        (["oauth2", "basic"], {"access_token": "", "refresh_token": ""}),
        (["basic"], {"username": "", "password": ""}),
        (["api_key"], {"headerName": "X-API-Key", "headerValue": ""}),
    ],
)
def test_a_component_with_secrets_of_the_platform_gets_a_secret(
    folder: Path, types: list[str], credentials: dict[str, str]
) -> None:
    """Keys of an account would not reach it: the platform keeps what proves it."""
    fields = {"auth": {"label": "A", "viewClass": "HTTPAuthView"}, "site": {"label": "S", "viewClass": "TextFieldView"}}
    rewrite(folder, authClientTypes=types, credentials={"fields": fields})
    flow = created(folder)
    expected = {"type": types[0], "credentials": {**credentials, "fields": {"site": ""}}}

    assert {each.secret for each in flow.nodes} == {"account"}
    assert {each.account for each in flow.nodes} == {None}
    assert flow.secrets == {"account": expected}
    assert (folder / "crm" / "secret.keys.json").stat().st_mode & 0o077 == 0
    assert not (folder / "crm" / "account.keys.json").exists()


def test_a_field_with_several_choices_gets_a_list(folder: Path) -> None:
    field = {"required": True, "viewClass": "MultiSelectView", "label": "L"}
    fields = {"some": {**field, "model": {"a": "A"}}, "other": {**field, "model": "list"}}
    rewrite(folder, actions={"add": {"main": "./add.py", "fields": fields}})

    assert created(folder).nodes[1].fields == {"some": ["a"], "other": ["..."]}


def test_a_component_without_credentials_has_no_account(folder: Path) -> None:
    rewrite(folder, credentials={})
    flow = created(folder)

    assert flow.accounts == {}
    assert not (folder / "crm" / "account.keys.json").exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"trigger": "pol"}, "expected an id for --trigger, found 'pol'; did you mean 'poll'?"),
        ({"action": "poll"}, "expected an id for --action, found 'poll'; available: upsert_contact"),
    ],
)
def test_an_unknown_function_is_refused(folder: Path, options: Any, problem: str) -> None:
    with pytest.raises(BadInput) as caught:
        create(folder / "flow.yaml", folder / "crm", **options)

    assert str(caught.value) == problem
    assert not (folder / "flow.yaml").exists()


def test_a_file_that_exists_is_left_alone(folder: Path) -> None:
    (folder / "flow.yaml").write_text("mine")
    with pytest.raises(BadInput, match=r"expected a new file, found one that exists: .*flow\.yaml"):
        create(folder / "flow.yaml", folder / "crm")

    assert (folder / "flow.yaml").read_text() == "mine"


def test_a_schema_that_is_not_usable_gives_no_mapping(folder: Path) -> None:
    actions = {"add": {"main": "./add.py", "metadata": {"in": "./none.json"}}}
    rewrite(folder, actions=actions)

    create(folder / "flow.yaml", folder / "crm")
    assert "mapper" not in (folder / "flow.yaml").read_text()


def test_a_folder_that_does_not_exist_is_one_line(folder: Path) -> None:
    with pytest.raises(BadInput, match=r"found no such file or directory: .*flow\.yaml$"):
        create(folder / "none" / "flow.yaml", folder / "crm")


def test_the_next_steps_name_files_and_commands(folder: Path) -> None:
    text = create(folder / "flow.yaml", folder / "crm")

    assert f"shipmate flow check {folder / 'flow.yaml'}" in text
    assert f"wrote {folder / 'crm' / 'account.keys.json'}" in text


@pytest.mark.parametrize("example", ["salesforce", "microsoft-outlook"])
def test_every_function_of_the_examples_makes_a_flow(tmp_path: Path, example: str) -> None:
    root = tmp_path / example
    shutil.copytree(ROOT / "examples" / example, root, ignore=shutil.ignore_patterns("tests", "*.keys.json"))
    descriptor = json.loads((root / "component.json").read_text())
    for trigger in [*descriptor["triggers"], "webhook"]:
        for action in descriptor["actions"]:
            created(root, root=root, trigger=trigger, action=action)
            (root / "flow.yaml").unlink()
