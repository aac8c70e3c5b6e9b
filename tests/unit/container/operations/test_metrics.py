"""The text for Prometheus."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shipmate import __version__
from shipmate.container.operations.health import Health
from shipmate.container.operations.metrics import Metrics
from shipmate.container.operations.tally import Tally
from shipmate.settings import FlowSettings
from tests.memory_transport import MemoryTransport

FLOW = FlowSettings("flow-1", "exec", "step-1", "container-7", "workspace", "user", "component-1", "get-record")
LABELS = {"flow": "flow-1", "step": "step-1", "component": "component-1", "function": "get-record"}
PAGE = Path(__file__).resolve().parents[4] / "docs" / "reference" / "metrics.md"


def samples(tally: Tally) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Return the samples of the step by name, without those of the process."""
    health = Health(MemoryTransport(), tally)
    text = Metrics(tally, health, FLOW, transport="amqp").text().decode()
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            found.setdefault(each.name, []).append((each.labels, each.value))
    return {name: values for name, values in found.items() if name.startswith("shipmate_")}


def full() -> Tally:
    """Return a tally in which everything has happened once."""
    tally = Tally(connections=("read", "write"))
    with tally.http_request("api", "GET", "https://api.example.com") as request:
        request.answered(200)
    tally.throttled("data", 0.25)
    tally.error("other", {})
    return tally


@pytest.fixture
def tally() -> Tally:
    tally = full()
    tally.phase_began("consuming")
    return tally


def test_every_metric_has_the_labels_of_the_step(tally: Tally) -> None:
    for name, values in samples(tally).items():
        for labels, _ in values:
            assert labels.items() >= LABELS.items(), name


def test_no_label_is_of_a_message_a_container_or_a_host(tally: Tally) -> None:
    """So that their number is bounded."""
    allowed = {
        *LABELS, "version", "transport", "outcome", "event", "code", "target", "class", "connection", "direction", "le",
    }  # fmt: skip
    found = {name for values in samples(tally).values() for labels, _ in values for name in labels}
    assert found <= allowed


def test_an_id_that_is_not_utf_8_is_a_label_with_an_escape(tally: Tally) -> None:
    flow = replace(FLOW, flow_id="flow-\udcff")
    text = Metrics(tally, Health(MemoryTransport(), tally), flow, transport="amqp").text().decode()
    assert 'flow="flow-\\\\udcff"' in text


def test_histograms_are_cumulative(tally: Tally) -> None:
    message = tally.message({}, "thread")
    message.function_called()
    message.function_ended()
    buckets = samples(tally)["shipmate_function_seconds_bucket"]
    assert [count for _, count in buckets] == [1.0] * len(buckets)
    assert samples(tally)["shipmate_function_seconds_count"] == [(LABELS, 1.0)]


def test_the_version_and_the_transport_are_one_metric(tally: Tally) -> None:
    assert samples(tally)["shipmate_info"] == [({**LABELS, "version": __version__, "transport": "amqp"}, 1.0)]


def test_the_page_of_metrics_lists_all_of_them(tally: Tally) -> None:
    """With the labels that each has besides those of the step, and no others."""
    documented = {
        name: set(re.findall(r"`(\w+)`", labels))
        for name, labels in re.findall(r"^\| `(shipmate_\w+)` \|[^|]+\|([^|]*)\|", PAGE.read_text(), re.MULTILINE)
    }
    found: dict[str, set[str]] = {}
    for name, values in samples(tally).items():
        base = re.sub(r"_(bucket|count|sum|created)$", "", name)
        own = {label for labels, _ in values for label in labels} - {*LABELS, "le"}
        found[base] = found.get(base, set()) | own
    assert found == documented
