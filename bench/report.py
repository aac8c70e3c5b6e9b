"""The Markdown report: tables of ratios and figures. Pure."""

from collections.abc import Iterable, Sequence

from bench.figures import CPU, NOISY_SPREAD, THROUGHPUT, Figure, Metric, figure, ratio
from bench.plan import size
from bench.results import Result, Results

_READING = """\
Every runtime does the same work in turn, round after round (A B C A B C), started anew for each run, with the same
variables and limits of rate out of reach. Figures are medians of the runs. **Ratios are what counts:** each run is
held against its neighbour in the same round, and the median of these is shown, so that a machine that becomes slower
meanwhile changes both sides. Absolute figures are those of this machine on that day.
"""
# Seen by measuring with the option set: 450 messages a second instead of 22, at 10 kB.
_NODE = """\
The Node runtime's client leaves Nagle's algorithm on. At prefetch 1 and from about 2 kB on it waits for TCP's delayed
acknowledgements, some 40 ms a message on Linux: the ratios there tell of that wait and not of the work.
"""


def markdown(measured: Results, plot: str) -> str:
    """Return the report; ``plot`` is the name of the drawing beside it."""
    parts = [
        "# Benchmark of the message loop\n",
        _circumstances(measured),
        _READING + f"~ marks what is noisy: the runs lie apart by more than {NOISY_SPREAD:.0%} of their median.\n",
        f"![Ratios to the other runtimes]({plot})\n",
        _throughput(measured),
        _others(measured),
        _void(measured),
    ]
    return "\n".join(part for part in parts if part)


def number(value: float) -> str:
    """Return a figure with as many digits as mean something.

    >>> [number(each) for each in (0.1234, 5.678, 45.67, 345.6, 6174.4)]
    ['0.123', '5.68', '45.7', '346', '6,174']
    """
    for limit, digits in ((1, 3), (10, 2), (100, 1)):
        if abs(value) < limit:
            return f"{value:.{digits}f}"
    return f"{value:,.0f}"


def marked(found: Figure | None, suffix: str = "") -> str:
    """Return a figure as text, with a mark when it is noisy, or a dash when there is none."""
    if found is None:
        return "-"
    return f"{'~' if found.is_noisy else ''}{number(found.value)}{suffix}"


def times(held: Figure | None) -> str:
    """Return a ratio as text.

    >>> times(Figure(1.519, 0.3, 3)), times(None)
    ('~1.52x', '-')
    """
    return "-" if held is None else f"{'~' if held.is_noisy else ''}{held.value:.2f}x"


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
            "The queue is full at the start; the clock runs from the end of the warm-up to the last output, or for "
            "four seconds.\n",
            _comparison(measured, results, THROUGHPUT),
            *([_NODE] if "node" in measured.labels else []),
            "## CPU time per message\n",
            "Of the runtime's processes, in the same runs.\n",
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
    """Return what a metric is called in the results of a case."""
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
        return "Every run was checked: as many outputs as inputs, the body unchanged, no errors. All of them count.\n"
    lines = "\n".join(f"- {each}" for each in measured.void)
    return f"## Runs that do not count\n\n{lines}\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines) + "\n"
