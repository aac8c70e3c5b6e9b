"""The fixture ``flow``, in tests as an author writes them.

Most flows have one container, since the other steps run in pytest.
"""

import json
import textwrap
from pathlib import Path

import pytest

from bench.flow_faults import names_of_flows
from shipmate.emulator import RabbitMQNode
from tests.authors import read_outcomes, run_pytest
from tests.forked import PYTEST

LOADED = (*PYTEST, "shipmate.testing.flow")
# Each is a whole run of pytest with containers.
pytestmark = pytest.mark.timeout(180)

DESCRIPTOR = {
    "title": "CRM",
    "language": "python",
    "credentials": {
        "fields": {"oauth": {"label": "Account", "viewClass": "OAuthFieldView"}},
        "oauth2": {
            "client_id": "{{KIT_CLIENT_ID}}",
            "client_secret": "{{KIT_CLIENT_SECRET}}",
            "auth_uri": "https://login.example.com/authorize",
            "token_uri": "https://login.example.com/token",
        },
    },
    "triggers": {"counted": {"title": "Counted", "main": "./counted.py"}},
    "actions": {
        name: {"title": name, "main": f"./{name}.py"} for name in ("create", "echo", "fails", "broken", "sleeps")
    },
}
FILES = {
    "counted.py": """
        from shipmate import message

        def process(context, msg, cfg, snapshot):
            count = snapshot.get("count", 0) + 1
            context.emit("snapshot", {"count": count})
            return message({"count": count})
        """,
    "create.py": """
        from shipmate import message

        def process(context, msg, cfg, snapshot):
            reply = context.oauth2(cfg).post("https://crm.example.com/contacts", json=msg["body"])
            reply.raise_for_status()
            return message(reply.json())
        """,
    "echo.py": """
        from shipmate import message

        def process(context, msg, cfg, snapshot):
            return message(msg["body"])
        """,
    "fails.py": """
        def process(context, msg, cfg, snapshot):
            print("looking for the list with", cfg["oauth"]["access_token"], flush=True)
            raise ValueError("no such list")
        """,
    "broken.py": """
        raise RuntimeError("this module does not load")
        """,
    "sleeps.py": """
        import time

        def process(context, msg, cfg, snapshot):
            time.sleep(60)
        """,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A component with tests, and a flow for each function."""
    (tmp_path / "component.json").write_text(json.dumps(DESCRIPTOR))
    for name, code in FILES.items():
        (tmp_path / name).write_text(textwrap.dedent(code))
    (tmp_path / "tests").mkdir()
    for function in (*DESCRIPTOR["actions"], "counted"):
        same = {"command": "jsonata:transform", "fields": {"expression": "$"}}
        last = {"command": f"crm:{function}", "credentials_id": "our-crm"}
        first = {"command": "simple-trigger:timer"}
        if function == "counted":
            first, last = last, same
        nodes = [{"id": "first", **first}, {"id": "last", **last}]
        mapper = {"name": "'contact' & (count ? ' ' & $string(count)) & ' of ' & $getFlowVariables().site"}
        edges = [{"source": "first", "target": "last", "config": {"mapper": mapper}}]
        flow = {
            "graph": {"nodes": nodes, "edges": edges},
            "components": {"crm": "."},
            "accounts": {"our-crm": "crm.keys.json"},
            "variables": {"site": "web"},
        }
        (tmp_path / f"{function}.json").write_text(json.dumps(flow))
    return tmp_path


def test_flows_run_in_a_test(folder: Path, rabbitmq: RabbitMQNode) -> None:
    """With the accounts and the servers of the test."""
    tests = """
        from shipmate.emulator import DemoApi, OAuth2Provider

        KEYS = {"our-crm": {"oauth": {"access_token": "any"}}}

        def test_emulated(flow, component, oauth2_provider):
            api = component.serve("https://crm.example.com", DemoApi(oauth2_provider))
            ran = flow("create.json", accounts={"our-crm": {"oauth": oauth2_provider.issue(expired=True)}})
            assert ran.exit_status == 0
            assert ran.message["body"] == {"id": "1", "name": "contact of web"}
            assert oauth2_provider.is_valid(ran.accounts["our-crm"]["oauth"]["access_token"])
            assert [each.status for each in api.requests] == [401, 201]

        def test_serve(flow, monkeypatch):
            monkeypatch.setenv("KIT_CLIENT_ID", "id")
            monkeypatch.setenv("KIT_CLIENT_SECRET", "secret")
            with OAuth2Provider({"id": "secret"}) as provider:
                flow.serve("https://crm.example.com", DemoApi(provider))
                ran = flow("create.json", accounts={"our-crm": {"oauth": provider.issue()}})
            assert ran.message["body"]["id"] == "1"

        def test_snapshots_and_variables(flow):
            ran = [flow("counted.json", accounts=KEYS, variables={"site": "shop"}) for _ in range(2)]
            assert [each.message["body"]["name"] for each in ran] == ["contact 1 of shop", "contact 2 of shop"]

        def test_messages(flow):
            ran = flow("echo.json", msgs=[{"body": {}}, {"body": {}}], accounts=KEYS)
            assert len(ran.results) == 2
        """
    all_pass(folder, tests, rabbitmq)


def test_a_flow_that_goes_wrong_says_so_in_its_test(folder: Path, rabbitmq: RabbitMQNode) -> None:
    """Errors of messages are part of the result; what prevents one is raised."""
    tests = """
        import pytest

        from shipmate.errors import ShipmateError
        from shipmate.testing.flow import FlowFailed

        KEYS = {"our-crm": {"oauth": {"access_token": "any"}}}

        def test_errors(flow):
            ran = flow("fails.json", accounts=KEYS)
            assert ran.exit_status == 1
            assert not ran.results
            error, = ran.errors
            assert (error.step, error.name, error.message) == ("last", "ValueError", "no such list")
            with pytest.raises(AssertionError, match="an error of last: ValueError: no such list"):
                ran.message

        def test_network(flow, monkeypatch):
            monkeypatch.setenv("KIT_CLIENT_ID", "id")
            monkeypatch.setenv("KIT_CLIENT_SECRET", "secret")
            ran = flow("create.json", accounts=KEYS)
            assert "crm.example.com is not served" in ran.errors[0].message

        def test_wrong_inputs(flow):
            with pytest.raises(ShipmateError, match="/accounts/our-crm: .*crm.keys.json"):
                flow("echo.json")
            with pytest.raises(ShipmateError, match="expected a flow file in .* found none: missing.json"):
                flow("missing.json")
            with pytest.raises(ShipmateError, match="expected a message with a body"):
                flow("echo.json", {"name": "Ada"}, accounts=KEYS)

        def test_broken(flow):
            with pytest.raises(FlowFailed, match="the step last died 5 times in a row") as failure:
                flow("broken.json", accounts=KEYS)
            assert "this module does not load" in str(failure.value)

        def test_late(flow):
            with pytest.raises(FlowFailed, match="the flow was not done within 1 s"):
                flow("sleeps.json", accounts=KEYS, timeout_seconds=1)
        """
    all_pass(folder, tests, rabbitmq)


def all_pass(folder: Path, tests: str, rabbitmq: RabbitMQNode) -> None:
    """Run tests in the folder; they pass, and leave nothing beside the flows or at the broker."""
    (folder / "tests" / "test_crm.py").write_text(textwrap.dedent(tests))
    report = folder / "report.xml"
    done = run_pytest(folder, f"--junit-xml={report}", loaded=LOADED, SHIPMATE_TEST_AMQP_URI=rabbitmq.uri)

    outcomes = read_outcomes(report)
    found = {name: each.text for every in outcomes.values() for name, each in every.items() if each.status != "passed"}
    assert (found, done.returncode) == ({}, 0), done.stdout
    assert not (folder / ".shipmate").exists()
    assert names_of_flows(rabbitmq) == []


def test_a_failed_test_has_the_errors_and_the_logs_of_its_flows(folder: Path, rabbitmq: RabbitMQNode) -> None:
    """A test in CI is read without a terminal."""
    tests = """
        def test_flow(flow):
            ran = flow("fails.json", accounts={"our-crm": {"oauth": {"access_token": "secret-token"}}})
            assert ran.exit_status == 0
        """
    (folder / "tests" / "test_crm.py").write_text(textwrap.dedent(tests))
    done = run_pytest(folder, "-q", loaded=LOADED, SHIPMATE_TEST_AMQP_URI=rabbitmq.uri)

    assert done.returncode == 1
    source, _, reported = done.stdout.partition("shipmate: what the flow did")
    assert "FlowRun(1, an error of last: ValueError: no such list)" in source
    assert "last: ValueError: no such list" in reported
    assert "looking for the list with ***" in reported
    assert "secret-token" not in reported
