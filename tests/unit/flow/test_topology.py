"""The queues of a flow, and the keys between them."""

from pathlib import Path

import pytest

from shipmate.flow.counting import Tally
from shipmate.flow.graph import Edge, Flow, Node
from shipmate.flow.progress import Quiet, counts_of, outstanding
from shipmate.flow.topology import Topology


def node(step_id: str, component: str = "crm", *, is_first: bool = False, **more: object) -> Node:
    values: dict[str, object] = {
        "id": step_id,
        "component": component,
        "team": None,
        "function": "route" if component == "router" else "upsert",
        "name": step_id,
        "fields": {},
        "account": None,
        "secret": None,
        "service": None,
        "is_first": is_first,
        "is_error_handler": False,
        "prefetch": 3,
        "containers": 1,
        "has_passthrough": True,
        "log_level": "info",
        "pointer": "/graph/nodes/0",
        **more,
    }
    return Node(**values)  # type: ignore[arg-type]


def edge(source: str | None, target: str, mapper: object = None, condition: str | None = None) -> Edge:
    return Edge(source, target, mapper, condition, "/graph/edges/0")


def topology(nodes: list[Node], edges: list[Edge]) -> Topology:
    flow = Flow(
        id="f1",
        name="f1",
        kind="ordinary",
        nodes=tuple(nodes),
        edges=tuple(edges),
        components={},
        accounts={},
        secrets={},
        variables={},
        schedule=None,
        path=Path("flow.yaml"),
    )
    return Topology(flow, "run")


def targets(made: Topology, key: str) -> list[str]:
    return [queue.split(".", 4)[-1] for queue in made.targets.get(key, ())]


@pytest.fixture
def mapped() -> Topology:
    return topology([node("a", is_first=True), node("b")], [edge("a", "b", {"x": "y"})])


def test_a_mapping_is_a_station_between_its_steps(mapped: Topology) -> None:
    mapper = mapped.station("mapper:a:b")
    assert (mapper.component, mapper.function, mapper.prefetch) == ("mapper", "jsonataMap", 3)
    assert targets(mapped, mapped.station("a").key("data")) == ["mapper:a:b"]
    assert targets(mapped, mapper.key("data")) == ["b"]


def test_an_edge_without_a_mapping_leads_to_its_target() -> None:
    made = topology([node("a", is_first=True), node("b"), node("c")], [edge("a", "b"), edge("a", "c")])
    assert targets(made, made.station("a").key("data")) == ["b", "c"]


def test_a_last_step_publishes_to_the_coordinator(mapped: Topology) -> None:
    assert mapped.targets[mapped.station("b").key("data")] == (mapped.collected,)


def test_a_router_has_a_key_for_each_branch_and_none_for_data() -> None:
    edges = [edge("a", "r"), edge("r", "b", None, "x"), edge("r", "c", {"y": "z"})]
    made = topology([node("a", is_first=True), node("r", "router"), node("b"), node("c")], edges)
    assert targets(made, made.branch_key(edges[1])) == ["b"]
    assert targets(made, made.branch_key(edges[2])) == ["mapper:r:c"]
    assert made.station("r").key("data") not in made.targets


def test_the_error_handler_gets_the_errors_of_all_others_and_the_coordinator_all() -> None:
    made = topology([node("a", is_first=True), node("e", is_error_handler=True)], [edge(None, "e", {"x": "y"})])
    assert targets(made, made.station("a").key("error")) == ["collected", "mapper::e"]
    assert made.targets[made.station("e").key("error")] == (made.collected,)
    assert made.targets[made.station("mapper::e").key("error")] == (made.collected,)
    assert made.station("mapper::e").takes_errors
    assert not made.station("e").takes_errors


def test_an_error_handler_without_a_mapping_takes_errors_itself() -> None:
    made = topology([node("a", is_first=True), node("e", is_error_handler=True)], [edge(None, "e")])
    assert made.station("e").takes_errors


def test_names_of_queues_fit_into_amqp_whatever_the_ids() -> None:
    made = topology([node("ü" * 300, is_first=True)], [])
    assert all(len(queue.encode()) <= 255 for queue in made.queues)


def test_nothing_is_outstanding_when_each_copy_is_settled() -> None:
    made = topology([node("a", is_first=True), node("b"), node("c")], [edge("a", "b"), edge("a", "c")])
    a, b, c = Tally(), Tally(), Tally()
    sent = {made.first.key("input"): 1}
    assert outstanding(made, [a, b, c], sent=sent, collected=0) == 1
    a.published[made.station("a").key("data")] = 1
    a.acknowledged = 1
    assert outstanding(made, [a, b, c], sent=sent, collected=0) == 2
    b.acknowledged = c.acknowledged = 1
    b.published[made.station("b").key("data")] = 1
    assert outstanding(made, [a, b, c], sent=sent, collected=0) == 1
    assert outstanding(made, [a, b, c], sent=sent, collected=1) == 0


def test_a_rejected_message_is_outstanding_as_a_dead_letter() -> None:
    made = topology([node("a", is_first=True)], [])
    a = Tally()
    a.rejected, a.published[made.first.key("error")] = 1, 1
    sent = {made.first.key("input"): 1}
    assert outstanding(made, [a], sent=sent, collected=0) == 2
    assert outstanding(made, [a], sent=sent, collected=2) == 0


def test_the_counts_of_a_station_are_those_of_all_its_containers(mapped: Topology) -> None:
    one, other = Tally(), Tally()
    one.delivered, one.redelivered, other.delivered = 5, 1, 2
    one.published.update({mapped.first.key("data"): 3, mapped.first.key("error"): 1, mapped.first.key("rebound"): 2})
    other.published.update({"reply.x": 1})
    counts = counts_of(mapped.first, [one, other], running=2, queued=4)
    assert (counts.received, counts.emitted, counts.errors, counts.rebounds, counts.queued) == (6, 4, 1, 2, 4)


def test_quiet_begins_anew_with_each_change() -> None:
    quiet = Quiet()
    assert quiet.seconds(10.0, (1,)) == 0
    assert quiet.seconds(10.5, (1,)) == 0.5
    assert quiet.seconds(11.0, (2,)) == 0
