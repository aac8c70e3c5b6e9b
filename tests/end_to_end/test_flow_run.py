"""Whole flows, run by the command at a real broker."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.flow_faults import names_of_flows
from shipmate.emulator import DemoApi, OAuth2Provider, RabbitMQNode
from tests.flows import ECHO, REBOUNDING, SAME, FlowFolder, ended

pytestmark = [pytest.mark.timeout(90), pytest.mark.usefixtures("measured")]

MANY = """
from shipmate import message

def process(context, msg, cfg, snapshot):
    for number in range(cfg["count"]):
        yield message({"number": number})
"""
FAILING = """
def process(context, msg, cfg, snapshot):
    raise ValueError("no such list")
"""
COUNTING = """
from shipmate import message

def process(context, msg, cfg, snapshot):
    count = (snapshot or {}).get("count", 0) + 1
    context.emit("snapshot", {"count": count})
    return message({"count": count})
"""

LATE = """
import os
import pika

# A container in a language of its own: it settles its message, and emits later.
connection = pika.BlockingConnection(pika.URLParameters(os.environ["ELASTICIO_AMQP_URI"]))
channel = connection.channel()

def take(channel, method, properties, body):
    channel.basic_ack(method.delivery_tag)
    exchange, key = os.environ["ELASTICIO_PUBLISH_MESSAGES_TO"], os.environ["ELASTICIO_DATA_ROUTING_KEY"]
    connection.call_later(0.5, lambda: channel.basic_publish(exchange, key, body, properties))

channel.basic_consume(os.environ["ELASTICIO_LISTEN_MESSAGES_ON"], take)
channel.start_consuming()
"""
HOOKS = """
from shipmate import message

def startup(cfg):
    return {"hook": 7}

def process(context, msg, cfg, snapshot):
    return message({})

def shutdown(cfg, data):
    open("ended", "w").write(f"{cfg['own']} {data['hook']}")
"""
PID = """
import os
import time
from pathlib import Path
from shipmate import message

def process(context, msg, cfg, snapshot):
    Path(f"container-{os.getpid()}").touch()
    while len(list(Path().glob("container-*"))) < 2:
        time.sleep(0.01)  # the other container has not got a message yet
    return message({"pid": os.getpid()})
"""
ONE_MESSAGE = ("--msg", '{"body": {}}')


def numbers(count: int) -> dict[str, Any]:
    """Return a step that emits numbers for its message, and has no process of its own."""
    return {
        "command": "splitter:splitOnJsonataExpression",
        "fields": {"expression": f"[0..{count - 1}].{{'number': $}}"},
    }


@pytest.fixture
def folder(tmp_path: Path, rabbitmq: RabbitMQNode) -> FlowFolder:
    folder = FlowFolder(tmp_path, rabbitmq.uri)
    folder.component(first=ECHO, echo=ECHO, many=MANY, failing=FAILING, rebounding=REBOUNDING, counting=COUNTING)
    return folder


def test_a_timer_a_mapping_and_an_action(folder: FlowFolder, rabbitmq: RabbitMQNode) -> None:
    mapped = {"source": "s1", "target": "s2", "config": {"mapper": {"site": "$getFlowVariables().site", "n": "1 + 1"}}}
    folder.flow(
        "simple-trigger:timer", {"command": "echo", "fields": {"own": True}}, edges=[mapped], variables={"site": "web"}
    )

    ran = folder.run("--once")

    assert ran.status == 0, ran.text
    assert ran.results == [{"site": "web", "n": 2, "own": True}]
    assert folder.processes() == []
    assert names_of_flows(rabbitmq) == []
    assert not (folder.state / "run.json").exists()


def test_a_private_broker_is_started_and_ended(folder: FlowFolder) -> None:
    del folder.environ["SHIPMATE_AMQP_URI"]
    folder.flow("simple-trigger:timer", "echo")
    ran = folder.run("--once")
    assert ran.status == 0, ran.text
    assert len(ran.results) == 1


def test_an_error_of_a_message_is_status_1_and_the_others_go_on(folder: FlowFolder) -> None:
    edges = [{"source": "s1", "target": "s2"}, {"source": "s1", "target": "s3"}]
    folder.flow({"command": "many", "fields": {"count": 3}}, "failing", SAME, edges=edges)

    ran = folder.run("--once")

    assert ran.status == 1
    assert sorted(each["number"] for each in ran.results) == [0, 1, 2]
    assert "no such list" in ran.text


def test_a_condition_that_never_holds_is_no_error(folder: FlowFolder) -> None:
    never = {"source": "s2", "target": "s3", "config": {"condition": "1 = 2"}}
    folder.flow("simple-trigger:timer", "router:route", SAME, edges=[{"source": "s1", "target": "s2"}, never])
    ran = folder.run("--once")
    assert (ran.status, ran.results) == (0, []), ran.text


def test_a_router_sends_each_message_into_the_branches_that_want_it(folder: FlowFolder) -> None:
    edges: list[Any] = [
        {"source": "s1", "target": "s2"},
        {"source": "s2", "target": "s3", "config": {"condition": "number < 2", "mapper": {"few": "number"}}},
        {"source": "s2", "target": "s4"},
    ]
    folder.flow(numbers(4), "router:route", SAME, SAME, edges=edges)
    ran = folder.run(*ONE_MESSAGE)
    assert ran.status == 0, ran.text
    assert sorted(ran.results, key=json.dumps) == [{"few": 0}, {"few": 1}, {"number": 2}, {"number": 3}]


def test_a_mapping_that_fails_is_an_error_of_its_message(folder: FlowFolder) -> None:
    mapped = {"source": "s1", "target": "s2", "config": {"mapper": {"x": "$number(number = 1 ? 'no' : number)"}}}
    folder.flow(numbers(3), SAME, edges=[mapped])
    ran = folder.run(*ONE_MESSAGE)
    assert ran.status == 1
    assert sorted(each["x"] for each in ran.results) == [0, 2]
    (error,) = (line for line in map(json.loads, ran.text.splitlines()) if line["level"] >= 50)
    assert error["step"] == "mapper:s1:s2"


def test_the_error_handler_gets_the_errors_of_other_steps(folder: FlowFolder) -> None:
    mapped = {"target": "s3", "config": {"mapper": {"text": "error.message", "input": "errorInput.body.number"}}}
    edges: list[Any] = [{"source": "s1", "target": "s2"}, mapped]
    folder.flow(numbers(2), "failing", {**SAME, "error": True}, edges=edges)
    ran = folder.run(*ONE_MESSAGE)
    assert ran.status == 1
    results = sorted(ran.results, key=lambda each: each["input"])
    assert results == [{"text": "no such list", "input": 0}, {"text": "no such list", "input": 1}]


def test_messages_in_place_of_a_tick(folder: FlowFolder) -> None:
    folder.flow("first", SAME)
    assert folder.run("--msg", '{"body": {"a": 1}}').results == [{"a": 1}]
    messages = folder.folder / "messages.jsonl"
    messages.write_text("".join(json.dumps({"body": {"n": n}}) + "\n" for n in range(20)))
    folder.flow("echo", SAME)  # an action can begin, too
    assert sorted(each["n"] for each in folder.run("--msgs", str(messages)).results) == list(range(20))


def test_one_function_of_a_component(folder: FlowFolder) -> None:
    messages = folder.folder / "messages.jsonl"
    messages.write_text('{"body": {"n": 1}}\n{"body": {"n": 2}}\n')
    folder.file = Path("--function=echo")
    ran = folder.run("--component", str(folder.folder / "own"), "--cfg", '{"own": 1}', "--msgs", str(messages))
    assert ran.status == 0, ran.text
    assert sorted(each["n"] for each in ran.results) == [1, 2]


def test_several_containers_share_the_messages_of_a_step(folder: FlowFolder) -> None:
    folder.component(pid=PID)
    folder.flow(numbers(20), "pid", containers={"s2": 2})
    ran = folder.run(*ONE_MESSAGE)
    assert ran.status == 0, ran.text
    assert len(ran.results) == 20
    assert len({each["pid"] for each in ran.results}) == 2


def test_a_rebound_comes_back_after_its_delay(folder: FlowFolder) -> None:
    folder.environ["ELASTICIO_REBOUND_INITIAL_EXPIRATION"] = "300"
    folder.flow("simple-trigger:timer", "rebounding")
    ran = folder.run("--once")
    assert ran.status == 0, ran.text
    assert len(ran.results) == 1


def test_bodies_of_5_megabytes_go_through_a_mapping_and_a_step(folder: FlowFolder) -> None:
    """The passthrough doubles them: without the object storage the message would be too large."""
    mapped = {"source": "s1", "target": "s2", "config": {"mapper": {"text": "text"}}}
    folder.flow("first", SAME, edges=[mapped])
    message = folder.folder / "message.json"
    message.write_text(json.dumps({"body": {"text": "x" * 5_000_000}}))
    ran = folder.run("--msg", str(message))
    assert ran.status == 0, ran.text
    assert [len(each["text"]) for each in ran.results] == [5_000_000]
    assert not (folder.state / "objects").exists()


def test_a_run_that_lingers_gets_the_messages_of_a_step_that_emits_later(folder: FlowFolder) -> None:
    late = folder.folder / "late"
    late.mkdir()
    described = {"title": "Late", "language": "other", "actions": {"late": {"title": "Late", "main": "./late.py"}}}
    (late / "component.json").write_text(json.dumps(described))
    (late / "late.py").write_text(LATE)
    components = {"own": "own", "late": {"path": "late", "command": [sys.executable, "late.py"]}}
    folder.flow("first", "late:late", components=components)
    ran = folder.run("--msg", '{"body": {"a": 1}}', "--linger", "2s")
    assert (ran.status, ran.results) == (0, [{"a": 1}]), ran.text


def test_the_first_step_begins_with_its_hook_startup_and_ends_with_shutdown(folder: FlowFolder) -> None:
    folder.component(first=HOOKS)
    folder.flow({"command": "first", "fields": {"own": "mine"}}, SAME)
    ran = folder.run("--once")
    assert ran.status == 0, ran.text
    assert (folder.folder / "own" / "ended").read_text() == "mine 7"


def test_snapshots_are_kept_between_runs_until_they_are_forgotten(folder: FlowFolder) -> None:
    folder.flow("simple-trigger:timer", "counting")
    assert [folder.run("--once").results for _ in range(2)] == [[{"count": 1}], [{"count": 2}]]
    assert folder.run("--once", "--fresh").results == [{"count": 1}]


def test_an_expired_token_is_refreshed_once_and_its_successor_is_in_the_key_file(folder: FlowFolder) -> None:
    with OAuth2Provider({"id": "secret"}) as provider, DemoApi(provider) as api:
        code = f"""
from shipmate import message

def process(context, msg, cfg, snapshot):
    with context.oauth2(cfg) as session:
        return message({{"status": session.get("{api.url}/me").status_code}})
"""
        folder.component(calling=code)
        root = folder.folder / "own"
        described = json.loads((root / "component.json").read_text())
        described["credentials"] = {
            "fields": {},
            "oauth2": {
                "client_id": "{{CLIENT_ID}}",
                "client_secret": "{{CLIENT_SECRET}}",
                "token_uri": provider.token_url,
            },
        }
        described["envVars"] = {"CLIENT_ID": {"required": True}, "CLIENT_SECRET": {"required": True}}
        (root / "component.json").write_text(json.dumps(described))
        folder.environ |= {"CLIENT_ID": "id", "CLIENT_SECRET": "secret"}
        keys = folder.folder / "crm.keys.json"
        oauth = provider.issue(expired=True)
        keys.write_text(json.dumps({"oauth": oauth}))
        second = {"command": "calling", "credentials_id": "crm"}
        folder.flow(
            numbers(50),
            second,
            accounts={"crm": "crm.keys.json"},
            containers={"s2": 2},
            prefetch={"s2": 5},
        )

        ran = folder.run(*ONE_MESSAGE)

        assert ran.status == 0, ran.text
        assert [each["status"] for each in ran.results] == [200] * 50
        refreshes = [
            each.form["refresh_token"] for each in provider.requests if each.form.get("grant_type") == "refresh_token"
        ]
        assert refreshes == [oauth["refresh_token"]]
        assert json.loads(keys.read_text())["oauth"]["refresh_token"] != oauth["refresh_token"]


def test_ctrl_c_drains_the_flow(folder: FlowFolder) -> None:
    slow = "import time\nfrom shipmate import message\n\ndef process(context, msg, cfg, snapshot):\n" \
        "    time.sleep(0.02)\n    return message(msg['body'])\n"  # fmt: skip
    folder.component(many=MANY, slow=slow)
    folder.flow({"command": "many", "fields": {"count": 50}}, "slow", schedule="1h")
    process = folder.start()
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    ran = ended(process)
    assert ran.status == 0, ran.text
    assert len(ran.results) == 49  # and the one that was read above
    log = [json.loads(line) for line in ran.text.splitlines()]
    assert log[0]["msg"].startswith("connected to the broker at amqp://127.0.0.1:")
    assert any(line["msg"].startswith("Ctrl-C or SIGTERM") for line in log)
    assert {line["step"] for line in log if line["msg"] == "a step takes messages"} == {"s1", "s2"}
    assert folder.processes() == []


def test_a_second_ctrl_c_ends_at_once(folder: FlowFolder, rabbitmq: RabbitMQNode) -> None:
    folder.component(
        many=MANY, waiting="import time\n\ndef process(context, msg, cfg, snapshot):\n    time.sleep(600)\n"
    )
    folder.flow({"command": "many", "fields": {"count": 5}}, "waiting", schedule="1h")
    process = folder.start()
    while not folder.processes() and process.poll() is None:
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "draining" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    assert ended(process).status == 130
    assert folder.processes() == []
    assert names_of_flows(rabbitmq) == []


def test_a_time_limit_drains_the_flow(folder: FlowFolder) -> None:
    folder.flow("simple-trigger:timer", SAME, schedule="1s")
    ran = folder.run("--for", "3s")
    assert ran.status == 0, ran.text
    assert len(ran.results) >= 2


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--for", "soon"], "expected a time such as 30s"),
        (["--amqp", "http://broker"], "expected the address of a broker"),
        (["--msg", "{}", "--msgs", "x"], "exclude each other"),
        (["--msgs", "missing.jsonl"], "found no such file or directory: --msgs missing.jsonl"),
    ],
)
def test_wrong_options_are_one_line_and_status_2(folder: FlowFolder, options: list[str], text: str) -> None:
    folder.flow("simple-trigger:timer", "echo")
    ran = folder.run(*options)
    assert ran.status == 2
    assert text in ran.text
    assert len(ran.text.splitlines()) == 1
