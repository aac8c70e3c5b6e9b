"""The results of a benchmark: the runs of all cases, and the circumstances. Pure functions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.figures import Metric, Runs, figure, ratio
from bench.plan import Case


@dataclass(frozen=True, slots=True)
class Result:
    """The runs of one case, by runtime."""

    case: Case
    runs: Mapping[str, Runs]


@dataclass(frozen=True, slots=True)
class Results:
    """All results."""

    circumstances: Mapping[str, str]
    labels: Mapping[str, str]
    """Labels of the runtimes by name; the first one is compared with the others."""
    cases: Sequence[Result]
    rounds: int
    void: Sequence[str] = field(default=())
    """The void runs, each with its reason."""

    @property
    def subject(self) -> str:
        """The runtime that is compared with the others."""
        return next(iter(self.labels))

    @property
    def references(self) -> list[str]:
        """The other runtimes."""
        return list(self.labels)[1:]

    def to_json(self) -> dict[str, Any]:
        """Return all runs as JSON."""
        return {
            "circumstances": dict(self.circumstances),
            "runtimes": dict(self.labels),
            "rounds": self.rounds,
            "void": list(self.void),
            "cases": [_case_to_json(each, self.subject) for each in self.cases],
        }


def progress(result: Result) -> str:
    """Return a line for the terminal: the figures of a case, and the ratios to the first runtime.

    >>> runs = {"a": [{"p50_ms": 2.0}], "b": [{"p50_ms": 4.0}]}
    >>> progress(Result(Case("latency", 1, 200, 9), runs))
    'latency echo prefetch 1 200 B: p50_ms a 2.00, b 4.00 (a is 0.50 of it)'
    """
    return f"{result.case.name}: " + "; ".join(
        text for metric in result.case.metrics if (text := _progress_of(result, metric))
    )


def _progress_of(result: Result, metric: Metric) -> str:
    subject, *references = result.runs
    parts = []
    for name in (subject, *references):
        found = figure(result.runs[name], metric)
        if found is None:
            continue
        part = f"{name} {found.value:,.2f}" if found.value < 100 else f"{name} {found.value:,.0f}"
        compared = ratio(result.runs[subject], result.runs[name], metric) if name != subject else None
        parts.append(part if compared is None else f"{part} ({subject} is {compared.value:.2f} of it)")
    return f"{metric.name} {', '.join(parts)}" if parts else ""


def _case_to_json(result: Result, subject: str) -> dict[str, Any]:
    case = result.case
    ratios = {
        name: {
            metric.name: {"value": compared.value, "spread": compared.spread}
            for metric in case.metrics
            if (compared := ratio(result.runs[subject], runs, metric)) is not None
        }
        for name, runs in result.runs.items()
        if name != subject
    }
    return {
        "name": case.name,
        "measure": case.measure,
        "function": case.function,
        "prefetch": case.prefetch,
        "size_bytes": case.size_bytes,
        "messages": case.messages,
        "wait_ms": case.wait_ms,
        "runs": {name: list(runs) for name, runs in result.runs.items()},
        "ratios": ratios,
    }
