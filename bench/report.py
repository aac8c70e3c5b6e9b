"""The Markdown report: tables of ratios and figures. Pure functions."""

from collections.abc import Iterable, Sequence

from bench.figures import CPU, NOISY_SPREAD, THROUGHPUT, Figure, Metric, figure, ratio
from bench.plan import size
from bench.results import Result, Results

_READING = """\
The runtimes take turns, round after round (A B C A B C), with a new process for each run, the same variables, and rate
limits out of reach. Figures are medians of the runs. **Only ratios count:** each run is divided by the run of the other
runtime in the same round, and the median of these is shown, so that a machine that becomes slower changes both sides.
Absolute figures are those of this machine on that day.
"""
# Measured with the option set: 450 messages per second instead of 22, at 10 kB.
_NODE = """\
The Node runtime's client leaves Nagle's algorithm on. At prefetch 1 and from about 2 kB on it waits for TCP's delayed
acknowledgements, about 40 ms for each message on Linux: those ratios show this wait, not the work.
"""


def markdown(measured: Results, plot: str) -> str:
    """Return the report.

    Args:
        measured: The results.
        plot: File name of the chart.
    """
    parts = [
        "# Benchmark of the message loop\n",
        _circumstances(measured),
        _READING + f"~ marks noisy figures: their runs differ by more than {NOISY_SPREAD:.0%} of the median.\n",
        f"![Ratios to the other runtimes]({plot})\n",
        _throughput(measured),
        _others(measured),
        _void(measured),
    ]
    return "\n".join(part for part in parts if part)


def number(value: float) -> str:
    """Return a number with three significant digits, or as a whole number.

    >>> [number(each) for each in (0.1234, 5.678, 45.67, 345.6, 6174.4)]
    ['0.123', '5.68', '45.7', '346', '6,174']
    """
    for limit, digits in ((1, 3), (10, 2), (100, 1)):
        if abs(value) < limit:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}"


def marked(value: Figure | None) -> str:
    """Return a figure as text, with ~ if it is noisy; a dash for None."""
    if value is None:
        return "-"
    return f"{'~' if value.is_noisy else ''}{number(value.value)}"


def times(ratio: Figure | None) -> str:
    """Return a ratio as text, with ~ if it is noisy; a dash for None.

    >>> times(Figure(1.519, 0.3, 3)), times(None)
    ('~1.52x', '-')
    """
    return "-" if ratio is None else f"{'~' if ratio.is_noisy else ''}{ratio.value:.2f}x"


def _circumstances(measured: Results) -> str:
    facts = [*measured.circumstances.items(), ("Rounds", str(measured.rounds))]
    return _table(["", ""], [[name, value] for name, value in facts])


def _throughput(measured: Results) -> str:
    results = [each for each in measured.cases if each.case.measure == "throughput"]
    if not results:
        return ""
    return "\n".join(
        [
            f"## Throughput of `{results[0].case.function}`\n",
            "The queue is full at the start. The measured time is from the end of the warm-up to the last output, or "
            "four seconds.\n",
            _comparison(measured, results, THROUGHPUT),
            *([_NODE] if "node" in measured.labels else []),
            "## CPU time per message\n",
            "CPU time of the runtime's processes in the same runs.\n",
            _comparison(measured, results, CPU),
        ]
    )


def _comparison(measured: Results, results: Sequence[Result], metric: Metric) -> str:
    note = "More is better." if metric.is_better_when_more else "Less is better."
    head = ["prefetch", "body", *(f"{label}, {metric.unit}" for label in measured.labels.values())]
    head += [f"to {measured.labels[name]}" for name in measured.references]
    rows = [[str(each.case.prefetch), size(each.case.size_bytes), *_cells(measured, each, metric)] for each in results]
    return f"{note}\n\n{_table(head, rows)}"


def _others(measured: Results) -> str:
    results = [each for each in measured.cases if each.case.measure != "throughput"]
    if not results:
        return ""
    head = ["", *measured.labels.values(), *(f"to {measured.labels[name]}" for name in measured.references)]
    rows = [
        [f"{title(metric, result)}, {metric.unit}", *_cells(measured, result, metric)]
        for result in results
        for metric in result.case.metrics
    ]
    return "\n".join(["## Latency, start and memory\n", "Less is better.\n", _table(head, rows)])


def title(metric: Metric, result: Result) -> str:
    """Return the label of a metric in the results of a case."""
    case = result.case
    if case.measure == "latency":
        return f"{metric.label} (prefetch {case.prefetch}, {size(case.size_bytes)})"
    return f"Memory after {case.messages:,} messages" if metric.name == "used_mib" else metric.label


def _cells(measured: Results, result: Result, metric: Metric) -> list[str]:
    subject = result.runs.get(measured.subject, ())
    figures = [marked(figure(result.runs.get(name, ()), metric)) for name in measured.labels]
    ratios = [f"**{times(ratio(subject, result.runs.get(name, ()), metric))}**" for name in measured.references]
    return [*figures, *ratios]


def _void(measured: Results) -> str:
    if not measured.void:
        return "Each run was checked: one output per input, unchanged bodies, no errors. All runs count.\n"
    lines = "\n".join(f"- {each}" for each in measured.void)
    return f"## Runs that do not count\n\n{lines}\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines) + "\n"
