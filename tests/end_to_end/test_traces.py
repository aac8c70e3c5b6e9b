"""A flow as one trace, from real containers to a real collector."""

import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import opentelemetry.instrumentation.auto_instrumentation
import pytest

from shipmate.emulator import RabbitMQNode, Reply, Server
from tests.flows import ECHO, FlowFolder
from tests.otlp import Received, Receiver, collector, receiver

__all__ = ["receiver"]

pytestmark = [pytest.mark.timeout(180), pytest.mark.usefixtures("measured")]

PRICES = Path(__file__).resolve().parents[2] / "examples" / "flows" / "languages" / "prices"
NPM = shutil.which("npm") or ""
LAUNCHED = Path(opentelemetry.instrumentation.auto_instrumentation.__file__).parent
FIRST = """
from shipmate import message

def process(context, msg, cfg, snapshot):
    yield message({"amount": 7, "currency": "EUR", "order": 1})
"""
CALLING = """
import asyncio
from opentelemetry import trace
from shipmate import message

tracer = trace.get_tracer("own")

async def process(context, msg, cfg, snapshot):
    with tracer.start_as_current_span("look up"):
        reply = await asyncio.to_thread(context.session(cfg).get, cfg["url"] + "/rates/EUR?key=secret")
    return message({"rate": reply.json()["rate"]})
"""


@pytest.fixture
def folder(tmp_path: Path, rabbitmq: RabbitMQNode) -> FlowFolder:
    """A flow whose containers export their spans."""
    folder = FlowFolder(tmp_path, rabbitmq.uri)
    folder.component(first=FIRST, calling=CALLING, echo=ECHO)
    return folder


def export(folder: FlowFolder, address: str, *, is_launched: bool = False) -> None:
    """Set the variables with which the containers export their spans.

    Args:
        folder: The flow.
        address: The receiver or the collector.
        is_launched: Whether the SDK is started before the program, as ``opentelemetry-instrument`` does.
    """
    folder.environ |= {
        "OTEL_SERVICE_NAME": "own",
        "OTEL_EXPORTER_OTLP_ENDPOINT": address,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "*",
        **({"PYTHONPATH": str(LAUNCHED)} if is_launched else {"SHIPMATE_TRACES": "true"}),
    }


def path_to(span: Received, spans: list[Received]) -> list[str]:
    """Return the names of the spans from the first one of the trace to this one."""
    above = [each for each in spans if each.own == span.parent]
    return [*(path_to(above[0], spans) if above else [span.parent] if span.parent else []), span.name]


@pytest.mark.skipif(find_spec("rotel") is None, reason="the collector Rotel is not made for this machine")
def test_a_flow_of_three_steps_is_one_trace_in_a_collector(folder: FlowFolder, receiver: Receiver) -> None:
    """Each step is a process, and the spans of its function and of its request are below it."""
    with Server(name="rates") as api, collector(receiver) as address:
        api.route("GET", "/rates/{currency}", lambda request, currency: Reply(200, {"rate": 1.1}))
        folder.flow("first", {"command": "calling", "fields": {"url": api.url}}, "echo")
        export(folder, address)

        ran = folder.run("--once")
        assert (ran.status, ran.results) == (0, [{"rate": 1.1}]), ran.text
        spans = receiver.wait_for(5)

    assert sorted(path_to(each, spans) for each in spans) == [
        ["process s1"],
        ["process s1", "process s2"],
        ["process s1", "process s2", "look up"],
        ["process s1", "process s2", "look up", "GET"],
        ["process s1", "process s2", "process s3"],
    ]
    assert len({each.trace for each in spans}) == 1
    assert len({each.attributes["shipmate.thread.id"] for each in spans if each.name.startswith("process")}) == 1
    assert {each.attributes["service.name"] for each in spans} == {"own"}
    (request,) = (each for each in spans if each.name == "GET")
    assert request.attributes["url.full"] == f"{api.url}/rates/EUR"
    assert "key=secret" in api.requests[0].query_string


def test_the_launcher_of_opentelemetry_needs_no_variable_of_the_runtime(folder: FlowFolder, receiver: Receiver) -> None:
    """It starts the SDK before the program."""
    folder.flow("first", "echo")
    export(folder, receiver.url, is_launched=True)
    ran = folder.run("--once")
    assert ran.status == 0, ran.text
    spans = receiver.wait_for(2)
    assert sorted(path_to(each, spans) for each in spans) == [["process s1"], ["process s1", "process s2"]]


@pytest.mark.skipif(not NPM, reason="needs Node and npm")
def test_a_trace_goes_on_behind_a_step_of_the_official_runtime(folder: FlowFolder, receiver: Receiver) -> None:
    """It passes the headers on, and has no span itself."""
    prices = folder.folder / "prices"
    shutil.copytree(PRICES, prices, ignore=shutil.ignore_patterns("node_modules", ".*"))
    installed = subprocess.run([NPM, "ci", "--prefix", str(prices)], capture_output=True, text=True)
    if installed.returncode != 0:
        pytest.skip(f"npm ci: {installed.stderr[-200:]}")
    priced = {"command": "prices:write_price", "fields": {"locale": "de-DE"}}
    folder.flow("first", priced, "echo", components={"own": "own", "prices": "prices"})
    export(folder, receiver.url)

    ran = folder.run("--once")
    assert (ran.status, len(ran.results)) == (0, 1), ran.text
    spans = receiver.wait_for(2)
    assert sorted(path_to(each, spans) for each in spans) == [["process s1"], ["process s1", "process s3"]]
