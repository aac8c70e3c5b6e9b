"""The metrics of a step in the format of Prometheus."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from shipmate import __version__
from shipmate.container.operations.health import Health
from shipmate.container.operations.numbers import Histogram
from shipmate.container.operations.tally import Tally
from shipmate.settings import FlowSettings


class Metrics:
    """Renders the numbers of a step, and those of prometheus-client about the process."""

    content_type: Final = "text/plain; version=0.0.4; charset=utf-8"

    def __init__(self, tally: Tally, health: Health, flow: FlowSettings, *, transport: str) -> None:
        """Prepare.

        Args:
            tally: The numbers.
            health: Says whether the step lives and is ready.
            flow: The ids of the step: the labels of every metric.
            transport: ``amqp`` or ``proxy``.
        """
        self._registry = CollectorRegistry()
        self._registry.register(_StepCollector(tally, health, flow, transport))
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return all metrics."""
        return generate_latest(self._registry)


class _StepCollector(Collector):
    """Reads the tally at each request."""

    def __init__(self, tally: Tally, health: Health, flow: FlowSettings, transport: str) -> None:
        self._tally = tally
        self._health = health
        ids = {"flow": flow.flow_id, "step": flow.step_id, "component": flow.comp_id, "function": flow.function}
        # A variable may have bytes that are not UTF-8; Python keeps them as lone surrogates.
        self._labels = {name: each.encode("utf-8", "backslashreplace").decode() for name, each in ids.items()}
        self._transport = transport

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that the registration does not read values."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return the metrics in the order of `docs/reference/metrics.md`."""
        tally = self._tally
        yield self._gauge("live", "1 if /live answers 200", int(self._health.live().is_well))
        yield self._gauge("ready", "1 if /ready answers 200", int(self._health.ready().is_well))
        yield self._info()
        yield self._gauge("messages_in_work", "Messages that have begun and are not settled", len(tally.in_work))
        yield self._gauge("oldest_message_seconds", "Age of the oldest message in work", tally.oldest_seconds)
        yield from [*self._of_messages(), *self._of_events(), *self._of_requests(), *self._of_keys()]

    def _of_messages(self) -> Iterable[Metric]:
        tally = self._tally
        yield self._counter("messages", "Messages by their outcome", tally.messages.total, "outcome")
        yield self._histogram("function_seconds", "Time of the author's function", {(): tally.function_seconds})
        yield self._counter("errors", "Errors of messages by their code", tally.errors.total, "code")

    def _of_events(self) -> Iterable[Metric]:
        tally = self._tally
        emitted, waits = tally.emitted.total, tally.throttled_seconds.total
        yield self._counter("emitted", "Events that are confirmed or saved", emitted, "event")
        yield self._counter("rebounds", "Messages sent back to be delivered later", {(): emitted["rebound"]})
        yield self._histogram("publish_seconds", "Time until a publication is confirmed", {(): tally.publish_seconds})
        yield self._counter("publication_retries", "Publications sent again", tally.retries.total)
        yield self._counter("throttle_wait_seconds", "Time that events waited for their rate limit", waits, "event")
        yield self._counter("reconnects", "Reconnections after a loss", tally.reconnects.total, "connection")
        yield self._counter("bodies", "Bodies in the object storage", tally.bodies.total, "direction")

    def _of_requests(self) -> Iterable[Metric]:
        tally = self._tally
        requests = tally.requests.total
        yield self._counter("http_requests", "HTTP requests by class of status", requests, "target", "class")
        yield self._histogram("http_request_seconds", "Time of HTTP requests", tally.request_seconds, "target")

    def _of_keys(self) -> Iterable[Metric]:
        tally = self._tally
        yield self._counter("refreshes", "Refreshes of tokens by their outcome", tally.refreshes.total, "outcome")
        yield self._counter("keys_adopted", "Keys of another process that were used", tally.adopted_keys.total)
        yield self._histogram(
            "refresh_lock_wait_seconds", "Time that refreshes waited for the lock", {(): tally.lock_wait_seconds}
        )

    def _gauge(self, name: str, text: str, value: float) -> Metric:
        family = GaugeMetricFamily(f"shipmate_{name}", text, labels=[*self._labels])
        family.add_metric([*self._labels.values()], value)
        return family

    def _info(self) -> Metric:
        facts = {**self._labels, "version": __version__, "transport": self._transport}
        family = GaugeMetricFamily("shipmate_info", "The version of shipmate and the transport", labels=[*facts])
        family.add_metric([*facts.values()], 1)
        return family

    def _counter(self, name: str, text: str, values: Mapping[Any, float], *labels: str) -> Metric:
        family = CounterMetricFamily(f"shipmate_{name}", text, labels=[*self._labels, *labels])
        for key, value in values.items():
            family.add_metric([*self._labels.values(), *_parts(key)], value)
        return family

    def _histogram(self, name: str, text: str, values: Mapping[Any, Histogram], *labels: str) -> Metric:
        family = HistogramMetricFamily(f"shipmate_{name}", text, labels=[*self._labels, *labels])
        for key, histogram in values.items():
            buckets, seconds = histogram.total
            family.add_metric([*self._labels.values(), *_parts(key)], buckets, sum_value=seconds)
        return family


def _parts(key: str | tuple[str, ...]) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) else key
