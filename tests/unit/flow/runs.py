"""Counts, errors and publications of a run that never happened."""

from typing import Any

from shipmate.flow.collector import Collected
from shipmate.flow.events import Failure
from shipmate.flow.progress import StationCounts
from shipmate.flow.topology import Topology
from tests.unit.flow.test_topology import edge, node, topology

STACK = """Traceback (most recent call last):
  File "/home/ada/crm/upsert.py", line 7, in process
    return find(msg["body"])
  File "/home/ada/crm/lists.py", line 3, in find
    raise ValueError("no such list")
ValueError: no such list"""


def two_steps() -> Topology:
    """Return the stations of a flow with two steps and a mapping between them."""
    return topology([node("a", is_first=True, name="Poll"), node("b")], [edge("a", "b", {"x": "y"})])


def counts(made: Topology, station: str, **more: int) -> StationCounts:
    """Return the counts of a station, 0 but for those that are given."""
    values = {
        name: more.get(name, 0)
        for name in ("running", "consuming", "received", "emitted", "errors", "rebounds", "queued", "unsettled")
    }
    return StationCounts(made.station(station), **values)


def collected_error(made: Topology, station: str, error: Any = None, given: Any = None, **headers: Any) -> Collected:
    """Return an error event as the collector takes it."""
    value = {"error": error or {"name": "ValueError", "message": "no such list", "stack": STACK}}
    if given is not None:
        value["errorInput"] = given
    return Collected(made.station(station), {"threadId": "t1", "parentMessageId": "m1", **headers}, value, 10)


def failure(**more: Any) -> Failure:
    """Return an error of the step ``b``."""
    values: dict[str, Any] = {
        "id": "e1",
        "time": "2026-01-31T12:30:01.000Z",
        "step": "b",
        "thread": "t1",
        "parent": "m1",
        "name": "ValueError",
        "message": "no such list",
        "stack": STACK,
        "input": {"body": {"n": 1}},
        **more,
    }
    return Failure(**values)
