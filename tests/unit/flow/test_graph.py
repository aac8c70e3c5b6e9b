"""The graph of a flow file: what each form of the format means."""

import json
from pathlib import Path
from typing import Any

import pytest

from shipmate.flow.check import check
from shipmate.flow.components import ComponentProblem, Language, implementation_of, is_router
from shipmate.flow.graph import ComponentSource, Flow
from tests.unit.flow.conftest import COMPONENT, sign_up


def flow_of(folder: Path, value: dict[str, Any]) -> Flow:
    path = folder / "flow.json"
    path.write_text(json.dumps(value))
    checked = check(path)
    assert checked.flow is not None, checked.report.errors
    return checked.flow


@pytest.fixture
def flow(folder: Path) -> Flow:
    return flow_of(folder, sign_up())


def test_the_flow_has_its_name_kind_and_file(flow: Flow, folder: Path) -> None:
    assert (flow.id, flow.name, flow.kind, flow.schedule) == ("flow", "Sign-up", "long_running", None)
    assert flow.path == folder / "flow.json"
    assert flow.components == {"crm": ComponentSource(folder / "crm", None)}
    assert flow.accounts == {"k1": folder / "crm.keys.json"}
    assert flow.variables == {"site": "web"}


def test_both_forms_of_a_command_name_component_and_function(flow: Flow) -> None:
    first, second = flow.nodes[:2]

    assert (first.team, first.component, first.function, first.name) == ("elasticio", "webhook", "receive", "Form")
    assert (second.team, second.component, second.function, second.name) == ("acme", "crm", "upsert_contact", "step_2")
    assert flow.nodes[2].function == "route"


def test_settings_of_a_step_come_from_nodes_config(flow: Flow) -> None:
    first, second = flow.nodes[:2]

    assert (second.prefetch, second.containers, second.has_passthrough, second.log_level) == (5, 1, False, "info")
    assert (first.prefetch, first.has_passthrough) == (1, True)


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ({"prefetch": {"step_2": 20}, "containers": {"step_2": 3}}, [(1, 1), (20, 3)]),
        ({"prefetch": 7, "containers": 2}, [(7, 2), (7, 2)]),
    ],
)
def test_prefetch_and_containers_beside_the_graph_win(folder: Path, local: Any, expected: Any) -> None:
    flow = flow_of(folder, {**sign_up(), **local})

    assert [(each.prefetch, each.containers) for each in flow.nodes[:2]] == expected


@pytest.mark.parametrize(
    ("given", "key"),
    [("k1", "k1"), ({"credentialId": "k1"}, "k1"), ({"credentialId": "5d", "credentialName": "k1"}, "k1")],
)
def test_an_account_is_named_by_id_or_name(folder: Path, given: Any, key: str) -> None:
    value = sign_up()
    value["graph"]["nodes"][1]["credentials_id"] = given

    assert flow_of(folder, value).node("step_2").account == key


def test_a_secret_is_an_object_or_a_file(folder: Path) -> None:
    (folder / "secret.json").write_text('{"type": "noauth"}')
    value = {**sign_up(), "secrets": {"s1": {"type": "oauth2"}, "s2": "secret.json"}}
    value["graph"]["nodes"][1]["secret_id"] = {"secretId": "s2", "secretName": "Our CRM"}
    flow = flow_of(folder, value)

    assert flow.secrets == {"s1": {"type": "oauth2"}, "s2": {"type": "noauth"}}
    assert flow.node("step_2").secret == "s2"


def test_edges_have_mapper_and_condition(flow: Flow) -> None:
    first, second, third, fourth = flow.edges

    assert (first.mapper_id, first.condition) == ("mapper:step_1:step_2", None)
    assert first.mapper["email"] == "$lowercase(mail)"
    assert second.mapper is None
    assert third.condition == "created = true"
    assert fourth.condition is None


def test_neighbours_are_found(flow: Flow) -> None:
    assert flow.first.id == "step_1"
    assert [each.id for each in flow.last_nodes] == ["step_4", "step_5"]
    assert [each.target for each in flow.edges_from("step_3")] == ["step_4", "step_5"]
    assert [each.source for each in flow.edges_to("step_3")] == ["step_2"]
    assert [is_router(flow, each) for each in flow.nodes] == [False, False, True, False, False]
    with pytest.raises(KeyError):
        flow.node("step_9")


def test_the_marked_step_is_the_first(folder: Path) -> None:
    value = sign_up()
    value["graph"]["nodes"].reverse()
    value["graph"]["nodes"][-1]["first"] = True

    assert flow_of(folder, value).first.id == "step_1"


def test_the_error_handler_is_entered_by_an_edge_without_source(folder: Path) -> None:
    value = sign_up()
    handler = {"id": "error_all", "command": "acme/crm:upsert_contact", "error": True, "fields": {"list": "x"}}
    value["graph"]["nodes"].insert(0, {**handler, "credentials_id": "k1"})
    value["graph"]["edges"].append(
        {"target": "error_all", "config": {"mapper": {"email": '"a@b.test"'}, "error": True}}
    )
    flow = flow_of(folder, value)

    assert flow.error_handler is not None
    assert flow.error_handler.id == "error_all"
    assert flow.first.id == "step_1"
    assert flow.edges[-1].mapper_id == "mapper::error_all"


@pytest.mark.parametrize(("given", "text"), [("a", "a"), (5, "5"), (True, "true"), (1.5, "1.5")])
def test_a_variable_is_text_as_on_the_platform(folder: Path, given: Any, text: str) -> None:
    assert flow_of(folder, {**sign_up(), "variables": {"site": given}}).variables == {"site": text}


@pytest.mark.parametrize(
    ("members", "schedule"),
    [({"cron": "0 9 * * *"}, "0 9 * * *"), ({"cron": "0 9 * * *", "schedule": "30s"}, "30s"), ({"cron": None}, None)],
)
def test_the_schedule_wins_over_the_cron_expression(folder: Path, members: Any, schedule: str | None) -> None:
    assert flow_of(folder, {**sign_up(), **members}).schedule == schedule


def languages(flow: Flow) -> list[Language]:
    return [implementation_of(flow, each).language for each in flow.nodes]


def test_a_component_runs_in_its_language(flow: Flow, folder: Path) -> None:
    standard = Language.STANDARD
    assert languages(flow) == [standard, Language.PYTHON, standard, standard, standard]
    (folder / "crm" / "package.json").write_text("{}")
    with pytest.raises(ComponentProblem, match=r"run npm ci in .*crm$"):
        languages(flow)
    (folder / "crm" / "node_modules" / "elasticio-sailor-nodejs").mkdir(parents=True)
    (folder / "crm" / "node_modules" / "elasticio-sailor-nodejs" / "run.js").touch()
    assert languages(flow)[1] is Language.NODE
    (folder / "crm" / "component.json").write_text(json.dumps({**COMPONENT, "language": "python"}))
    assert languages(flow)[1] is Language.PYTHON


@pytest.mark.parametrize("command", ["python -m crm 'a b'", ["python", "-m", "crm", "a b"]])
def test_a_command_runs_a_component_in_any_language(folder: Path, command: Any) -> None:
    flow = flow_of(folder, {**sign_up(), "components": {"crm": {"path": "./crm", "command": command}}})

    found = implementation_of(flow, flow.node("step_2"))
    assert (found.language, found.command) == (Language.COMMAND, ("python", "-m", "crm", "a b"))
    assert found.descriptor is not None


@pytest.mark.parametrize("name", ["webhook", "webhook-component", "elasticio/webhook"])
def test_a_folder_replaces_a_standard_component(folder: Path, name: str) -> None:
    hook = {"title": "Hook", "triggers": {"receive": {"title": "R", "main": "./receive.py"}}}
    (folder / "hook").mkdir()
    (folder / "hook" / "component.json").write_text(json.dumps(hook))
    value = sign_up()
    value["components"][name] = "./hook"

    assert languages(flow_of(folder, value))[0] is Language.PYTHON
