"""Metrics, and how runs become figures: medians, spreads, and ratios of neighbouring runs. Pure functions."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

NOISY_SPREAD: Final = 0.2

Run = Mapping[str, float]
"""The values of one run by metric: ``{"messages_per_second": 6000.0, "cpu_ms_per_message": 0.17}``."""
Runs = Sequence[Run | None]
"""The runs of one runtime, in order; None for a void run."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A quantity that a run measures."""

    name: str
    label: str
    unit: str
    is_better_when_more: bool = False


THROUGHPUT: Final = Metric("messages_per_second", "Throughput", "messages/s", is_better_when_more=True)
CPU: Final = Metric("cpu_ms_per_message", "CPU per message", "ms")
API_CPU: Final = Metric("api_cpu_ms_per_message", "CPU of the API server per message", "ms")
PROXY_CPU: Final = Metric("proxy_cpu_ms_per_message", "CPU of the sailor proxy per message", "ms")
LATENCY: Final = (
    Metric("p50_ms", "Latency p50", "ms"),
    Metric("p99_ms", "Latency p99", "ms"),
)
START: Final = (
    Metric("cold_start_ms", "Cold start to the first output", "ms"),
    Metric("idle_mib", "Memory, idle", "MiB"),
    Metric("used_mib", "Memory after many messages", "MiB"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A median with the spread of its values: maximum minus minimum, divided by the median."""

    value: float
    spread: float
    count: int

    @classmethod
    def from_values(cls, values: Sequence[float]) -> "Figure | None":
        """Return the figure of some values, None without values.

        >>> Figure.from_values([90.0, 100.0, 130.0])
        Figure(value=100.0, spread=0.4, count=3)
        """
        if not values:
            return None
        middle = statistics.median(values)
        return cls(middle, (max(values) - min(values)) / middle if middle else 0.0, len(values))

    @property
    def is_noisy(self) -> bool:
        """Whether the spread is too large to trust the median."""
        return self.spread > NOISY_SPREAD


def figure(runs: Runs, metric: Metric) -> Figure | None:
    """Return the figure of a metric over all runs that have it."""
    return Figure.from_values([run[metric.name] for run in runs if run is not None and metric.name in run])


def ratio(runs: Runs, others: Runs, metric: Metric) -> Figure | None:
    """Return the ratio of a metric to that of another runtime, from the runs of the same rounds.

    A machine that becomes slower or faster between rounds changes both runs of a round. Rounds with a void run are
    left out.
    """
    ratios = [
        run[metric.name] / other[metric.name]
        for run, other in zip(runs, others, strict=False)
        if run is not None and other is not None and metric.name in run and other.get(metric.name)
    ]
    return Figure.from_values(ratios)


def percentiles(latencies_ms: Sequence[float]) -> dict[str, float]:
    """Return the percentiles 50 and 99 of latencies: ``{"p50_ms": ..., "p99_ms": ...}``."""
    cuts = statistics.quantiles(latencies_ms, n=100, method="inclusive")
    return {"p50_ms": cuts[49], "p99_ms": cuts[98]}
