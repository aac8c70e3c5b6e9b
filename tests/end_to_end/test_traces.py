"""A flow as one trace, from real containers to a real collector."""

from importlib.util import find_spec
from pathlib import Path

import opentelemetry.instrumentation.auto_instrumentation
import pytest

from shipmate.emulator import RabbitMQNode, Reply, Server
from tests.flows import ECHO, FlowFolder
from tests.otlp import Receiver, collector, exporting, path_to, receiver

__all__ = ["receiver"]

pytestmark = [pytest.mark.timeout(180), pytest.mark.usefixtures("measured")]

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


@pytest.mark.skipif(find_spec("rotel") is None, reason="the collector Rotel is not made for this machine")
def test_a_flow_of_three_steps_is_one_trace_in_a_collector(folder: FlowFolder, receiver: Receiver) -> None:
    """Each step is a process, and the spans of its function and of its request are below it."""
    with Server(name="rates") as api, collector(receiver) as address:
        api.route("GET", "/rates/{currency}", lambda request, currency: Reply(200, {"rate": 1.1}))
        folder.flow("first", {"command": "calling", "fields": {"url": api.url}}, "echo")
        folder.environ |= {**exporting(address), "SHIPMATE_TRACES": "true"}

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
    """As ``opentelemetry-instrument``, which starts the SDK before the program."""
    folder.flow("first", "echo")
    folder.environ |= {**exporting(receiver.url), "PYTHONPATH": str(LAUNCHED)}
    ran = folder.run("--once")
    assert ran.status == 0, ran.text
    spans = receiver.wait_for(2)
    assert sorted(path_to(each, spans) for each in spans) == [["process s1"], ["process s1", "process s2"]]
