"""What is wrong with a flow file: each problem is one line with its place, and all are found at once."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.flow.check import Checked, check, line_of, require_flow
from shipmate.flow.document import FlowFileError
from shipmate.jsonvalue import steps_of
from tests.unit.flow.conftest import COMPONENT, sign_up

Flow = dict[str, Any]
Change = Callable[[Flow], Any]


def checked(folder: Path, flow: Any) -> Checked:
    path = folder / "flow.json"
    path.write_text(json.dumps(flow))
    return check(path)


def lines(folder: Path, flow: Any) -> list[str]:
    """Return the problems as lines, without the name of the file."""
    found = [line_of(each) for each in checked(folder, flow).report.problems]
    assert all(line.startswith(f"{folder / 'flow.json'}: ") for line in found)
    return [line.removeprefix(f"{folder / 'flow.json'}: ").replace(str(folder), "FOLDER") for line in found]


def changed(change: Change) -> Flow:
    flow = sign_up()
    change(flow)
    return flow


def put(pointer: str, value: Any) -> Change:
    """Return a change that sets one member; an index that does not exist yet appends."""

    def change(flow: Flow) -> None:
        *path, last = steps_of(pointer)
        target: Any = flow
        for step in path:
            target = target[int(step)] if isinstance(target, list) else target[step]
        if isinstance(target, dict):
            target[last] = value
        elif int(last) < len(target):
            target[int(last)] = value
        else:
            target.append(value)

    return change


def drop(pointer: str) -> Change:
    def change(flow: Flow) -> None:
        *path, last = steps_of(pointer)
        target: Any = flow
        for step in path:
            target = target[int(step)] if isinstance(target, list) else target[step]
        del target[int(last) if isinstance(target, list) else last]

    return change


def all_of(*changes: Change) -> Change:
    def change(flow: Flow) -> None:
        for each in changes:
            each(flow)

    return change


NODES, EDGES = "/graph/nodes", "/graph/edges"
HANDLER = {"id": "oops", "command": "elasticio/request-reply:reply", "error": True}

WRONG: list[tuple[str, Change, str]] = [
    ("no nodes", put(NODES, []), "/graph/nodes: expected at least one step, found none"),
    ("nodes as text", put(NODES, "x"), "/graph/nodes: expected an array, found text"),
    ("a node as text", put(f"{NODES}/5", "x"), "/graph/nodes/5: expected an object, found text"),
    ("no id", put(f"{NODES}/5", {"command": "request-reply:reply"}),
     "/graph/nodes/5/id: expected the id of the step, found none"),
    ("a number as id", put(f"{NODES}/5", {"id": 6, "command": "request-reply:reply"}),
     "/graph/nodes/5/id: expected the id of the step, found a number; put it into quotes"),
    ("a long id", put(f"{NODES}/5", {"id": "x" * 81, "command": "request-reply:reply"}),
     "/graph/nodes/5/id: expected an id of at most 80 bytes without control characters, found another text"),
    ("an id twice", put(f"{NODES}/5", {"id": "step_4", "command": "request-reply:reply"}),
     "/graph/nodes/5/id: expected a unique id, found 'step_4', which /graph/nodes/3 has, too"),
    ("no command", drop(f"{NODES}/3/command"),
     "/graph/nodes/3/command: expected team/component:function or an object with actionOrTrigger, found none"),
    ("a command without a function", put(f"{NODES}/3/command", "elasticio/request-reply"),
     "/graph/nodes/3/command: expected team/component:function, found 'elasticio/request-reply'"),
    ("a command object without a function", put(f"{NODES}/1/command", {"componentVersion": "0f3a"}),
     "/graph/nodes/1/command/actionOrTrigger: expected the id of an action or a trigger, found none"),
    ("a component without a name", put(f"{NODES}/1/component_id", {"componentId": "c2"}),
     "/graph/nodes/1/component_id/componentName: expected the name of a component, found none; write componentName, "
     "or team/component:function as the command"),
    ("an unknown component", put(f"{NODES}/1/component_id", "5d8"),
     "/graph/nodes/1/command: expected the component '5d8' in 'components' of the file, found none; available: crm; "
     "name its folder: components: {5d8: ./FOLDER}, or {path, command} for other languages"),
    ("a misspelt component", put(f"{NODES}/1/component_id/componentName", "crn"),
     "/graph/nodes/1/command: expected the component 'crn' in 'components' of the file, found none; "
     "did you mean 'crm'?"),
    ("an unknown function", put(f"{NODES}/1/command/actionOrTrigger", "upsert_kontact"),
     "/graph/nodes/1/command: expected a trigger or an action of FOLDER/crm/component.json, found 'upsert_kontact'; "
     "did you mean 'upsert_contact'?"),
    ("a misspelt standard function", put(f"{NODES}/3/command", "request-reply:replay"),
     "/graph/nodes/3/command: expected a function of 'request-reply' that runs here, found 'replay'; "
     "did you mean 'reply'?"),
    ("a filter in JavaScript", put(f"{NODES}/4/command", "elasticio/filter:filter"),
     "/graph/nodes/4/command: expected a function that runs here, found 'filter', whose condition is JavaScript; use "
     "SimpleJSONataFilter"),
    ("a filter without its expression", put(f"{NODES}/4/fields", {}),
     "/graph/nodes/4/fields: expected the field 'expression', which 'SimpleJSONataFilter' requires, found none"),
    ("a missing field", put(f"{NODES}/1/fields", {"mode": "x"}),
     "/graph/nodes/1/fields: expected the field 'list', which 'upsert_contact' requires, found none"),
    ("fields as a list", put(f"{NODES}/0/fields", ["a"]), "/graph/nodes/0/fields: expected an object, found an array"),
    ("first as text", put(f"{NODES}/0/first", "maybe"),
     "/graph/nodes/0/first: expected true or false, found text"),
    ("two first steps", all_of(put(f"{NODES}/0/first", True), put(f"{NODES}/1/first", True)),
     "/graph/nodes/1/first: expected one first step, found a second one; 'step_1' is the first"),
    ("a trigger in the middle", put(f"{NODES}/1/command/actionOrTrigger", "poll"),
     "/graph/nodes/1/command: expected an action after the first step, found the trigger 'poll'; "
     "the actions of 'crm' are upsert_contact"),
    ("a step out of reach", put(f"{NODES}/5", {"id": "lost", "command": "request-reply:reply"}),
     "/graph/nodes/5: expected a step that messages reach from 'step_1', found 'lost' out of reach; add an edge to it, "
     "or delete it"),
    ("a circle", all_of(drop(f"{EDGES}/3"), put(f"{EDGES}/3", {"source": "step_3", "target": "step_2",
                                                             "config": {"condition": "true"}}),
                       put(f"{NODES}/4", copy.deepcopy(HANDLER))),
     "/graph/edges/3: expected edges without a circle, found one: step_2 → step_3 → step_2"),
    ("a circle of all steps", put(f"{EDGES}/4", {"source": "step_4", "target": "step_1"}),
     "/graph/edges/4: expected edges without a circle, found one: step_1 → step_2 → step_3 → step_4 → step_1"),
    ("an error handler only", all_of(put(NODES, [HANDLER]), put(EDGES, [])),
     "/graph/nodes: expected a first step besides the error handler, found none"),
    ("an edge to an unknown step", put(f"{EDGES}/3/target", "step_6"),
     "/graph/edges/3/target: expected the id of a step, found 'step_6'; did you mean 'step_5'?"),
    ("an edge from an unknown step", put(f"{EDGES}/1/source", "x"),
     "/graph/edges/1/source: expected the id of a step, found 'x'; available: step_1, step_2, step_3, step_4, step_5"),
    ("an edge without a target", put(f"{EDGES}/4", {"source": "step_4"}),
     "/graph/edges/4/target: expected the id of a step, found none"),
    ("an edge without a source", drop(f"{EDGES}/3/source"),
     "/graph/edges/3/source: expected the id of a step, found none; only the edge into the error handler has no "
     "source"),
    ("an edge twice", put(f"{EDGES}/4", {"source": "step_2", "target": "step_3"}),
     "/graph/edges/4: expected one edge from 'step_2' to 'step_3', found a second one; the first is /graph/edges/1"),
    ("a condition without a router", put(f"{EDGES}/1/config/condition", "n > 1"),
     "/graph/edges/1/config/condition: expected a condition behind a router only, found one behind 'step_2'; add a "
     "step router:route before it"),
    ("two default edges", put(f"{EDGES}/2/config/condition", None),
     "/graph/edges/3: expected one edge without a condition behind the router 'step_3', found another; the first is "
     "/graph/edges/2"),
    ("a condition as a boolean", put(f"{EDGES}/2/config/condition", True),
     "/graph/edges/2/config/condition: expected an expression as text, found a boolean; put it into quotes"),
    ("two error handlers", all_of(put(f"{NODES}/5", copy.deepcopy(HANDLER)), put(f"{NODES}/6", {**HANDLER, "id": "o"})),
     "/graph/nodes/6/error: expected one error handler, found a second one; the first is 'oops'"),
    ("an edge from a step into the error handler",
     all_of(put(f"{NODES}/5", copy.deepcopy(HANDLER)), put(f"{EDGES}/4", {"source": "step_4", "target": "oops"})),
     "/graph/edges/4/source: expected no source of the edge into the error handler, found 'step_4'; it takes the "
     "errors of all steps"),
    ("handlebars", put(f"{EDGES}/0/config/mapper_type", "handlebars"),
     "/graph/edges/0/config/mapper_type: expected jsonata, found handlebars, which the platform has removed; write "
     "the mappings as JSONata"),
    ("handlebars for all", put("/default_mapper_type", "handlebars"),
     "/default_mapper_type: expected jsonata, found handlebars, which the platform has removed; write the mappings as "
     "JSONata"),
    ("a mapper as a number", put(f"{EDGES}/3/config", {"mapper": 7}),
     "/graph/edges/3/config/mapper: expected an object of expressions or one expression as text, found a number"),
    ("a mapping without a required property", put(f"{EDGES}/0/config/mapper", {"name": "name"}),
     "/graph/edges/0/config/mapper: expected the property 'email', which 'upsert_contact' requires, found none; map "
     "it, or give it a constant"),
    ("a mapping that is not JSONata", put(f"{EDGES}/0/config/mapper/email", "info@acme.test"),
     "/graph/edges/0/config/mapper/email: expected JSONata, found "),
    ("a condition that is not JSONata", put(f"{EDGES}/2/config/condition", "created ="),
     "/graph/edges/2/config/condition: expected JSONata, found "),
    ("an expression of a filter that is not JSONata", put(f"{NODES}/4/fields/expression", "n >"),
     "/graph/nodes/4/fields/expression: expected JSONata, found "),
    ("a handlebars expression", put(f"{EDGES}/0/config/mapper/email", "{{mail}}"),
     "/graph/edges/0/config/mapper/email: expected JSONata, found "),
    ("an account without a file", put("/accounts", {"k2": "crm.keys.json"}),
     "/graph/nodes/1/credentials_id: expected 'k1' in 'accounts' of the file, found none; write "
     "accounts: {k1: FILE}; shipmate login --account FILE creates the file"),
    ("a key file that does not exist", put("/accounts/k1", "none.json"),
     "/accounts/k1: expected the key file FOLDER/none.json, found none; write a JSON object with api_key into it"),
    ("a key file that does not exist, and is written by a sign-in",
     all_of(put("/accounts/k1", "my keys.json"), put("/components/crm", "./oauth2")),
     "/accounts/k1: expected the key file FOLDER/my keys.json, found none; shipmate login --component FOLDER/oauth2 "
     "--account 'FOLDER/my keys.json' creates it"),
    ("a key file that is no object", put("/accounts/k1", "list.json"),
     "/accounts/k1: expected an object in FOLDER/list.json, found an array"),
    ("a file without keys", put("/accounts/k1", "crm/component.json"),
     "/accounts/k1: expected a key file with credential fields of 'crm', found none of them; they are api_key"),
    ("a secret that is not in the file", put(f"{NODES}/1/secret_id", {"secretId": "s1"}),
     "/graph/nodes/1/secret_id: expected 's1' in 'secrets' of the file, found none; write secrets: {s1: FILE}; "
     "shipmate login --secret FILE creates one for OAuth2"),
    ("a secret as a number", put("/secrets", {"s1": 7}),
     "/secrets/s1: expected an object, or the name of a JSON file, found a number"),
    ("a folder that does not exist", put("/components/crm", "./crn"),
     "/components/crm: expected the folder FOLDER/crn, found none"),
    ("a folder without a component", put("/components/crm", {"path": "."}),
     "/components/crm/path: expected a component in FOLDER, found no component.json"),
    ("a Node component without node_modules", put("/components/crm", "./node"),
     "/components/crm: expected FOLDER/node/node_modules/elasticio-sailor-nodejs, found none; run npm ci in "
     "FOLDER/node"),
    ("a component in Java", put("/components/crm", "./java"),
     "/components/crm: expected a command that runs a component in java, found none; write components: {crm: {path: "
     "FOLDER/java, command: ...}}"),
    ("neither path nor command", put("/components/crm", {}),
     "/components/crm: expected a folder, or an object with path and command, found neither path nor command"),
    ("an open quote in a command", put("/components/crm", {"path": "./crm", "command": "run 'x"}),
     "/components/crm/command: expected a command line, found no closing quotation"),
    ("a variable without a value", put("/variables/site", None), "/variables/site: expected text, found nothing"),
    ("a wrong cron expression", put("/cron", "61 * * * *"), "/cron: expected "),
    ("a wrong interval", put("/schedule", "often"), "/schedule: expected "),
    ("a schedule as a number", put("/schedule", 30),
     "/schedule: expected a cron expression, or an interval like 30s, found a number; put it into quotes"),
    ("a prefetch of 0", put("/nodes_config/step_2/prefetch", 0),
     "/nodes_config/step_2/prefetch: expected a whole number from 1 to 65535, found 0"),
    ("too many replicas", put("/nodes_config/step_2/replicas", 6),
     "/nodes_config/step_2/replicas: expected a whole number from 1 to 5, found 6"),
    ("too many containers", put("/containers", {"step_2": 21}),
     "/containers/step_2: expected a whole number from 1 to 20, found 21"),
    ("a boolean in the words of YAML 1.1", put(f"{NODES}/0/first", "yes"),
     "/graph/nodes/0/first: expected true or false, found 'yes'; write true, without quotes"),
    ("a prefetch of an unknown step", put("/prefetch", {"step_6": 2}),
     "/prefetch/step_6: expected the id of a step, found 'step_6'; did you mean 'step_5'?"),
    ("a prefetch as text", put("/prefetch", "5"), "/prefetch: expected a whole number from 1 to 65535, found text"),
    ("an unknown level of logs", put("/nodes_config/step_2/log_level", "warning"),
     "/nodes_config/step_2/log_level: expected one of trace, debug, info, warn, error, fatal, found 'warning'; did you "
     "mean 'warn'?"),
    ("a first step that handles errors", all_of(put(f"{NODES}/0/error", True), put(f"{NODES}/0/first", True)),
     "/graph/nodes/0/error: expected a first step that handles no errors, found the error handler"),
    ("another language of mappings", put("/default_mapper_type", "xslt"),
     "/default_mapper_type: expected jsonata, found 'xslt'"),
    ("a command as a number", put("/components/crm", {"path": "./crm", "command": 7}),
     "/components/crm/command: expected text or an array of texts, found a number"),
    ("a broken component.json", put("/components/crm", "./broken"),
     "/components/crm: FOLDER/broken/component.json: expected JSON, found an error at line 1, column 2 ("),
    ("a folder as a key file", put("/accounts/k1", "crm"),
     "/accounts/k1: expected a regular file, found another kind of file: FOLDER/crm"),
    ("a member at two levels",
     lambda flow: flow.update(data={"accounts": {}, "attributes": {"graph": flow.pop("graph")}}),
     "/data/accounts: expected this member once in the file, found it at an outer level as well"),
    ("a misspelt function", put(f"{EDGES}/0/config/mapper/name", "$uppercse(name)"),
     "/graph/edges/0/config/mapper/name: expected a function of JSONata, found '$uppercse'; did you mean "
     "'$uppercase'?"),
    ("a misspelt function of the platform", put(f"{EDGES}/2/config/condition", "$getFlowVariable().site = 'web'"),
     "/graph/edges/2/config/condition: expected a function of JSONata, found '$getFlowVariable'; did you mean "
     "'$getFlowVariables'?"),
    ("a function without $", put(f"{EDGES}/0/config/mapper", {"email": "mail", "name": {"first": "uppercase(name)"}}),
     "/graph/edges/0/config/mapper/name/first: expected a function of JSONata, found 'uppercase'; did you mean "
     "'$uppercase'?"),
    ("an id that is a folder", put(f"{NODES}/5", {"id": "..", "command": "router:route"}),
     "/graph/nodes/5/id: expected an id other than . and .., found .."),
    ("an unknown type", put("/type", "long-running"),
     "/type: expected one of ordinary, long_running, found 'long-running'; did you mean 'long_running'?"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "line"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
def test_a_wrong_file_has_one_line_with_its_place(folder: Path, change: Change, line: str) -> None:
    (folder / "list.json").write_text("[]")
    (folder / "broken").mkdir()
    (folder / "broken" / "component.json").write_text("{")
    oauth2 = {"oauth2": {"client_id": "id", "client_secret": "s", "auth_uri": "http://a", "token_uri": "http://t"}}
    for name, own in (
        ("node", {"language": "nodejs"}),
        ("java", {"language": "java"}),
        ("oauth2", {"credentials": oauth2}),
    ):
        (folder / name).mkdir()
        (folder / name / "component.json").write_text(json.dumps({**COMPONENT, **own}))
    result = checked(folder, changed(change))
    found = [line_of(each) for each in result.report.errors]

    assert len(found) == 1, found
    place = f"{folder / 'flow.json'}: "
    text = found[0].removeprefix(place).replace(str(folder), "FOLDER")
    assert text.startswith(line) if line.endswith(("found ", "expected ", "(")) else text == line
    assert result.flow is None


def test_there_are_enough_wrong_files() -> None:
    """Guards against a list that was cut."""
    assert len(WRONG) > 60


WARNINGS: list[tuple[str, Change, str]] = [
    ("an unknown member of a step", put(f"{NODES}/0/feilds", {}),
     "/graph/nodes/0/feilds: warning: expected a known member, found 'feilds', which is ignored; did you mean "
     "'fields'?"),
    ("an unknown member of the flow", put("/acounts", {}),
     "/acounts: warning: expected a known member, found 'acounts', which is ignored; did you mean 'accounts'?"),
    ("an unknown field", put(f"{NODES}/1/fields/mod", 1),
     "/graph/nodes/1/fields/mod: warning: expected a field of 'upsert_contact', found 'mod'; did you mean 'mode'?"),
    ("a number in a field of text", put(f"{NODES}/1/fields/list", 1.5),
     "/graph/nodes/1/fields/list: warning: expected text for the field 'list', found a number; put it into quotes"),
    ("an action as the first step", put(f"{NODES}/0/command", "elasticio/request-reply:reply"),
     "/graph/nodes/0/command: warning: expected a trigger as the first step, found the action 'reply', which needs "
     "--msg or --msgs; begin with a trigger, or with simple-trigger:timer or webhook:receive"),
    ("settings of an unknown step", put("/nodes_config/step_9", {}),
     "/nodes_config/step_9: warning: expected the id of a step, found 'step_9'; did you mean 'step_5'?"),
    ("an agent", put(f"{NODES}/0/vpn_agent_id", "v1"),
     "/graph/nodes/0/vpn_agent_id: warning: expected no agent, found one; steps run on this machine without it"),
    ("a join", put(f"{EDGES}/4", {"source": "step_5", "target": "step_4"}),
     "/graph/edges/4: warning: expected one edge into 'step_4', found another; the platform's designer draws only "
     "one; each message passes for itself"),
    ("braces in a text", put(f"{EDGES}/0/config/mapper/name", '"Hi {{name}}"'),
     "/graph/edges/0/config/mapper/name: warning: expected JSONata, found {{, which it does not replace; join texts "
     "with &"),
    ("a newer operator", put(f"{EDGES}/0/config/mapper/name", 'name ?? "x"'),
     "/graph/edges/0/config/mapper/name: warning: expected JSONata 1.8, found ??, which the platform does not know"),
    ("a variable without a value", put("/variables", {}),
     "/graph/edges/0/config/mapper/site: warning: expected a value for the flow variable 'site', found none; write "
     "variables: {site: ...}"),
    ("no account", drop(f"{NODES}/1/credentials_id"),
     "/graph/nodes/1: warning: expected credentials_id, since 'crm' has credentials, found none; name an account, and "
     "its key file in 'accounts'"),
    ("a field that is a key", put(f"{NODES}/1/fields/api_key", "x"),
     "/graph/nodes/1/fields/api_key: warning: expected a field that the account 'k1' lacks, found 'api_key'; the "
     "account's value wins"),
    ("a key file with an empty key", put("/accounts/k1", "empty.json"),
     "/accounts/k1: warning: expected the credential field 'api_key' of 'crm', found none"),
    ("an error as the documentation has it",
     all_of(put(f"{NODES}/5", copy.deepcopy(HANDLER)),
            put(f"{EDGES}/4", {"target": "oops", "config": {"mapper": {"a": "errorInput.content.body"}}})),
     "/graph/edges/4/config/mapper/a: warning: expected errorInput.body or errorInput.headers, found "
     "errorInput.content, which the runtime does not send"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "line"), [each[1:] for each in WARNINGS], ids=[each[0] for each in WARNINGS])
def test_a_doubtful_file_has_a_warning_and_runs(folder: Path, change: Change, line: str) -> None:
    (folder / "empty.json").write_text('{"api_key": ""}')
    result = checked(folder, changed(change))

    assert result.flow is not None
    assert line in lines(folder, changed(change))


@pytest.mark.parametrize(
    ("mapper", "variables", "line"),
    [
        ("x", "1.10", '/variables/v: expected text, found 1.10, which is the number 1.1; quote it: "1.10"'),
        ("x", "no", "/variables/v: warning: expected quotes around no, found none; other readers of YAML take it for "
         'another value: quote it: "no"'),
        ("x", "08:00", "/variables/v: warning: expected quotes around 08:00, found none; other readers of YAML take it "
         'for another value: quote it: "08:00"'),
        ("x", "null", "/variables/v: expected text, found nothing"),
        ("no", "x", "/graph/edges/0/config/mapper/a: warning: expected a constant in quotes of its own, found no, "
         "which is the name of a member; quote it: '\"no\"'"),
        ("2026-10-31", "x", "/graph/edges/0/config/mapper/a: warning: expected a constant in quotes of its own, found "
         "2026-10-31, which is a subtraction; quote it: '\"2026-10-31\"'"),
        ("2026-01-31", "x", "/graph/edges/0/config/mapper/a: expected JSONata, found S0201: Syntax error: 1, at "
         "character 7 of `2026-01-31`; a constant text needs quotes of its own"),
        ("08:00", "x", "/graph/edges/0/config/mapper/a: expected JSONata, found S0201: Syntax error: 8, at character 2 "
         "of `08:00`; a constant text needs quotes of its own"),
        ("on: x}, b: {c", "x", None),
    ],
)  # fmt: skip
def test_a_value_of_yaml_without_quotes_says_what_it_is(
    tmp_path: Path, mapper: str, variables: str, line: str | None
) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(
        "graph:\n  nodes: [{id: no, command: 'simple-trigger:timer', name: on}, {id: 'b', command: 'router:route'}]\n"
        f"  edges: [{{source: no, target: b, config: {{mapper: {{a: {mapper if line else 'x'}}}}}}}]\n"
        f"variables: {{v: {variables}}}\n"
    )
    problems = [line_of(each).removeprefix(f"{path}: ") for each in check(path).report.problems]

    assert problems == ([line] if line else [])


def test_a_step_that_cannot_be_read_makes_no_other_step_wrong(folder: Path) -> None:
    """It may be the first one."""
    flow = changed(all_of(put(f"{NODES}/0/id", 1), put(f"{EDGES}/0/source", 1)))

    assert [line.partition(":")[0] for line in lines(folder, flow)] == ["/graph/edges/0/source", "/graph/nodes/0/id"]


def test_metadata_that_is_not_usable_is_a_warning(folder: Path) -> None:
    """The runtime never reads it."""
    actions = {"upsert_contact": {**COMPONENT["actions"]["upsert_contact"], "metadata": {"in": "./none.json"}}}
    (folder / "crm" / "component.json").write_text(json.dumps({**COMPONENT, "actions": actions}))

    (line,) = lines(folder, sign_up())
    assert line.startswith("/graph/nodes/1/command: warning: expected usable metadata in component.json, found FOLDER")


def test_a_file_that_is_right_has_no_problems(folder: Path) -> None:
    assert lines(folder, sign_up()) == []


def test_all_problems_are_found_at_once_sorted_by_their_pointers(folder: Path) -> None:
    flow = changed(
        all_of(
            put("/schedule", 7),
            put(f"{NODES}/3/command", "nobody/nothing:at_all"),
            put(f"{EDGES}/0/config/mapper/email", "a b"),
            put(f"{EDGES}/1/source", "step_8"),
            drop("/accounts"),
        )
    )
    pointers = [each.pointer for each in checked(folder, flow).report.errors]

    assert pointers == [
        "/graph/edges/0/config/mapper/email",
        "/graph/edges/1/source",
        "/graph/nodes/1/credentials_id",
        "/graph/nodes/3/command",
        "/schedule",
    ]


def test_a_pointer_leads_through_the_envelope(folder: Path) -> None:
    flow = sign_up()
    flow["graph"]["nodes"][3]["command"] = "x"
    local = {name: flow.pop(name) for name in ("components", "accounts", "variables")}

    assert lines(folder, {"data": {"id": "f1", "type": "flow", "attributes": flow}, **local}) == [
        "/data/attributes/graph/nodes/3/command: expected team/component:function, found 'x'"
    ]


def test_a_recipe_needs_a_value_for_each_variable(folder: Path) -> None:
    flow = sign_up()
    local = {name: flow.pop(name) for name in ("components", "accounts", "variables", "nodes_config")}
    template = {"title": "In", "type": flow["type"], "graph": flow["graph"]}
    declared = {"variables": [{"id": "site"}, {"id": "list"}]}
    recipe = {"type": "recipe", "attributes": {"declarations": declared, "flow_templates": [template]}}

    assert lines(folder, {"data": recipe, **local}) == [
        "/variables: expected a value for the variable 'list' of the recipe, found none; write variables: {list: ...}"
    ]


def test_a_flow_that_is_required_comes_or_its_first_problem_is_raised(folder: Path) -> None:
    path = folder / "flow.json"
    path.write_text(json.dumps(sign_up()))
    assert require_flow(path).name == "Sign-up"

    path.write_text(json.dumps(changed(all_of(put("/schedule", 7), put("/prefetch", 0)))))
    with pytest.raises(FlowFileError, match=r"/prefetch: .* \(and 1 more: shipmate flow check .*flow\.json\)$"):
        require_flow(path)


def test_no_secret_is_in_a_problem(folder: Path) -> None:
    """The values of key files and fields are never quoted."""
    secret = "s3cret-k3y"  # of the key file, too
    flow = changed(all_of(put(f"{NODES}/1/fields/api_key", secret), put(f"{NODES}/1/fields/mod", [secret])))

    assert secret not in "\n".join(lines(folder, flow))


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("info@acme.test", "; a constant text needs quotes of its own"),
        ("{{mail}}", "; {{...}} is of handlebars, which the platform has removed: write JSONata"),
        ('"a" b', "`"),
    ],
)
def test_an_expression_that_is_wrong_has_advice(folder: Path, text: str, advice: str) -> None:
    (line,) = lines(folder, changed(put(f"{EDGES}/0/config/mapper/email", text)))

    assert line.endswith(advice)


def test_a_line_has_no_control_characters(folder: Path) -> None:
    flow = changed(all_of(put("/pre\nfetch\x1b", 1), put(f"{NODES}/3/command", "a\nb\x1b[2J")))

    assert all(line.isprintable() for line in lines(folder, flow))


def test_a_chain_of_thousands_of_steps_is_checked(folder: Path) -> None:
    """No check uses recursion along the edges."""
    steps = [{"id": "s0", "command": "webhook:receive"}]
    steps += [{"id": f"s{n}", "command": "request-reply:reply"} for n in range(1, 3000)]
    edges = [{"source": f"s{n}", "target": f"s{n + 1}"} for n in range(2999)]
    edges.append({"source": "s2999", "target": "s1"})

    assert lines(folder, {"graph": {"nodes": steps, "edges": edges}}) == [
        "/graph/edges/2999: expected edges without a circle, found one: s1 → s2 → s3 → s4 → s5 → s6 → s7 → s8 → ...",
        "/graph/edges/2999: warning: expected one edge into 's1', found another; the platform's designer draws "
        "only one; each message passes for itself",
    ]


def places(value: Any, pointer: str = "") -> list[str]:
    """Return the pointers of all parts of a value but the whole."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for step, member in members:
        found += [f"{pointer}/{step}", *places(member, f"{pointer}/{step}")]
    return found


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data())
def test_any_change_of_a_file_gives_a_flow_or_problems(data: st.DataObject, tmp_path_factory: Any) -> None:
    """Whatever stands in the place of a part, nothing is raised, and each problem has a place in the file."""
    folder = tmp_path_factory.getbasetemp() / "mutations"
    (folder / "crm").mkdir(parents=True, exist_ok=True)
    (folder / "crm" / "component.json").write_text(json.dumps(COMPONENT))
    (folder / "crm.keys.json").write_text('{"api_key": "k"}')
    flow: Any = sign_up()
    for _ in range(data.draw(st.integers(1, 3))):
        pointer = data.draw(st.sampled_from(places(flow) or ["/x"]))
        change = data.draw(st.sampled_from([drop(pointer), put(pointer, data.draw(VALUES))]))
        change(flow)
    (folder / "flow.json").write_text(json.dumps(flow))
    result = check(folder / "flow.json")

    assert (result.flow is None) == bool(result.report.errors)
    assert all(each.pointer == "" or each.pointer.startswith("/") for each in result.report.problems)
    assert all(line_of(each).isprintable() for each in result.report.problems)


def test_entries_for_this_machine_win_over_those_of_the_file(folder: Path) -> None:
    """A test has accounts of its own, whose key files are not there for others."""
    flow = changed(put("/accounts", {"k1": "missing.json"}))
    path = folder / "flow.json"
    path.write_text(json.dumps(flow))
    keys = folder / "own.keys.json"
    keys.write_text(json.dumps({"api_key": "own"}))

    assert check(path).flow is None
    found = check(path, local={"accounts": {"k1": str(keys)}, "variables": {"more": "1"}}).flow

    assert found is not None
    assert found.accounts["k1"] == keys
    assert found.variables == {**flow["variables"], "more": "1"}
    assert check(path, local={"accounts": {}}).flow is None
