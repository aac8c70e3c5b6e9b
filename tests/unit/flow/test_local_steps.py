"""Mappings and stand-ins process messages inside the coordinator as a container does."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shipmate.component import Function
from shipmate.container.messages.cipher import Cipher
from shipmate.container.transport import Delivery
from shipmate.emulator import Platform
from shipmate.flow import local_steps
from shipmate.flow.builtin import mapper, timer
from shipmate.flow.graph import Edge, Flow, Node
from shipmate.flow.identity import Run
from shipmate.flow.local_steps import LocalStep, Shared, errors_not_logged
from shipmate.flow.mapping import Mapping
from shipmate.flow.topology import Station, Topology
from shipmate.logs.log import configure
from shipmate.logs.redaction import Redactor
from shipmate.settings import BrokerSettings
from tests.memory_transport import MemoryTransport

MAPPER = {"to": "mail", "site": "$getFlowVariables().site", "earlier": "$getPassthrough().s0.body.x"}


class MemoryBroker(MemoryTransport):
    """A broker in memory, with the constructor of the real one."""

    made: "MemoryBroker"

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        on_lost: Callable[[BaseException], None],
        on_settled: Callable[[Delivery, bool], None],
    ) -> None:
        super().__init__(on_lost)
        self.settings, self._on_settled = settings, on_settled
        MemoryBroker.made = self

    def start(self, work: Callable[[Delivery], None], on_consuming: Callable[[], None]) -> None:
        self.consume(work, on_consuming)

    def settle(self, delivery: Delivery, *, is_success: bool) -> None:
        super().settle(delivery, is_success=is_success)
        self._on_settled(delivery, is_success)


def node(step_id: str, component: str, function: str, *, is_first: bool = False) -> Node:
    return Node(
        step_id, component, None, function, step_id, {}, None, None, None, is_first, False, 7, 1, True, "info", ""
    )


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setattr(local_steps, "InlineBroker", MemoryBroker)
    nodes = (node("s1", "timer", "timer", is_first=True), node("s2", "crm", "upsert"))
    edges = (Edge("s1", "s2", MAPPER, None, "/graph/edges/0"),)
    flow = Flow("f1", "f1", "ordinary", nodes, edges, {}, {}, {}, {"site": "web"}, None, tmp_path / "flow.json")
    steps = {"f1": {"s1": {"config": {}, "is_passthrough": True, "variables": {}}}}
    with Platform(steps=steps) as platform:
        yield Run(Topology(flow, "run"), platform, "run")


def started(run: Run, station: Station, process: Callable[..., Any]) -> LocalStep:
    step = LocalStep(run, station, Function("f", "action", "main"), process, Shared(Redactor()))
    step.start("amqp://guest:guest@127.0.0.1:1/")
    return step


@pytest.fixture
def mapping(run: Run) -> LocalStep:
    process = mapper.function(Mapping.compile(MAPPER, "/graph/edges/0/config/mapper"), "s1")
    return started(run, run.topology.station("mapper:s1:s2"), process)


def deliver(run: Run, message: Any, **headers: Any) -> None:
    metadata = {"stepId": "s1", "messageId": "m1", "threadId": "t1", "protocolVersion": 1, **headers}
    MemoryBroker.made.deliver(Cipher(run.password, run.iv).encode(json.dumps(message).encode(), 1), metadata)


def decoded(run: Run, body: bytes) -> Any:
    return json.loads(Cipher(run.password, run.iv).decode(body, 1))


def test_a_mapping_publishes_under_its_own_name_with_the_senders_message_in_the_passthrough(
    run: Run, mapping: LocalStep
) -> None:
    earlier = {"s0": {"body": {"x": 5}}}
    deliver(run, {"id": "i1", "body": {"mail": "a@b.test"}, "headers": {"h": 1}, "passthrough": earlier}, reply_to="r1")
    (publication,) = MemoryBroker.made.published
    message = decoded(run, publication.body)
    assert message["body"] == {"to": "a@b.test", "site": "web", "earlier": 5}
    assert (message["id"], message["headers"]["h"]) == ("i1", 1)
    assert message["passthrough"]["s1"]["body"] == {"mail": "a@b.test"}
    assert message["passthrough"]["s0"] == {"body": {"x": 5}}
    headers = publication.metadata
    assert (headers["stepId"], headers["compId"], headers["function"]) == ("mapper:s1:s2", "mapper", "jsonataMap")
    assert (headers["threadId"], headers["parentMessageId"], headers["reply_to"]) == ("t1", "m1", "r1")


def test_what_a_local_step_does_is_in_its_tally(run: Run, mapping: LocalStep) -> None:
    deliver(run, {"body": {"mail": "a@b.test"}})
    tally = mapping.tally
    assert (tally.delivered, tally.unsettled, tally.acknowledged, tally.consumers) == (1, 0, 1, 1)
    assert tally.published == {mapping.station.key("data"): 1}


def test_an_error_of_a_local_step_has_its_input_and_rejects_it(run: Run, mapping: LocalStep) -> None:
    deliver(run, {"body": {"elasticio": 1}, "passthrough": {}})
    (publication,) = MemoryBroker.made.published
    assert publication.event == "error"
    envelope = json.loads(publication.body)
    assert decoded(run, envelope["errorInput"].encode())["body"] == {"elasticio": 1}
    assert "/graph/edges/0/config/mapper" in decoded(run, envelope["error"].encode())["message"]
    assert (mapping.tally.rejected, mapping.tally.published[mapping.station.key("error")]) == (1, 1)


def test_an_error_that_is_published_is_not_logged_as_well(run: Run, mapping: LocalStep) -> None:
    wrong = {"body": {"elasticio": 1}, "passthrough": {}}
    log = io.StringIO()
    with configure(logging.INFO, Redactor(), stream=log, as_json=True):
        with errors_not_logged():
            deliver(run, wrong)
        assert [each.event for each in MemoryBroker.made.published] == ["error"]
        assert log.getvalue() == ""

        deliver(run, wrong)
        assert log.getvalue().count("\n") == 1


def test_a_publication_that_fails_is_not_counted(run: Run, mapping: LocalStep) -> None:
    MemoryBroker.made.refuse("data")
    deliver(run, {"body": {"mail": "a@b.test"}})
    assert MemoryBroker.made.wait_until_idle(10)
    assert mapping.tally.published[mapping.station.key("data")] == 0
    assert mapping.tally.published[mapping.station.key("error")] == 1


def test_a_local_step_has_the_prefetch_of_its_step(run: Run, mapping: LocalStep) -> None:
    settings = MemoryBroker.made.settings
    assert (settings.prefetch, settings.is_persistent) == (7, True)


def test_a_stand_in_keeps_its_snapshot_from_message_to_message(run: Run) -> None:
    step = started(run, run.topology.station("s1"), timer.process)
    deliver(run, {"body": {}})
    deliver(run, {"body": {}})
    first, snapshot, second, _ = MemoryBroker.made.published
    assert [each.event for each in MemoryBroker.made.published] == ["data", "snapshot", "data", "snapshot"]
    assert decoded(run, second.body)["body"]["lastPoll"] == json.loads(snapshot.body)["lastPoll"]
    assert decoded(run, first.body)["body"]["lastPoll"].startswith("1970")
    assert step.tally.published == {step.station.key("data"): 2, step.station.key("snapshot"): 2}
