"""The Markdown report: tables of ratios and figures. Pure functions."""

from collections.abc import Iterable, Sequence

from bench.figures import API_CPU, CPU, NOISY_SPREAD, PROXY_CPU, THROUGHPUT, Figure, Metric, figure, ratio
from bench.plan import FUNCTIONS, Case, size
from bench.results import Result, Results

_READING = """\
The runtimes take turns, round after round (A B C A B C), with a new process for each run, the same variables, and rate
limits out of reach. Figures are medians of the runs. **Only ratios count:** each run is divided by the run of the other
runtime in the same round, and the median of these is shown, so that a machine that becomes slower changes both sides.
Absolute figures are those of this machine on that day.
"""
_FULL_QUEUE = """\
The queue is full at the start. The measured time is from the end of the warm-up to the last output, or a few seconds.
"""
_CALLS = """\
The function makes one HTTP call for each message, with an access token that the runtime keeps alive. The token expires
after 200 calls; where the API waits, about twice in a run. Then the runtime refreshes it, saves it, and repeats the
call. The limit is arithmetic: prefetch / waiting time. Bodies have 1 kB.

The bare loop runs no function and never refreshes, since its token does not expire: what it reaches of the limit is
what the broker, the API and this machine allow.
"""
_CALLS_OF_TRANSPORTS = """\
The function makes one HTTP call for each message. No token expires, because without a lock the pause before a refresh
would be most of the time. Bodies have 1 kB.
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
        *(_throughput(measured, function) for function in FUNCTIONS),
        _others(measured),
        _proxy(measured),
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
    return table(["", ""], [[name, value] for name, value in facts])


def _throughput(measured: Results, function: str) -> str:
    results = [each for each in measured.cases if each.case.measure == "throughput" and each.case.function == function]
    if not results:
        return ""
    calls = function == "oauth2"
    return "\n".join(
        [
            f"## Throughput of `{function}`\n",
            *([_CALLS_OF_TRANSPORTS if _is_of_transports(measured) else _CALLS] if calls else []),
            _FULL_QUEUE,
            _limits(measured, results) if calls else _comparison(measured, results, THROUGHPUT),
            f"## CPU time per message of `{function}`\n",
            "CPU time of the runtime's processes in the same runs.\n",
            _comparison(measured, results, CPU),
            *([_api(results)] if calls else []),
        ]
    )


def _is_of_transports(measured: Results) -> bool:
    """Return whether the transports of one runtime are compared."""
    return measured.subject == "proxy"


def _limits(measured: Results, results: Sequence[Result]) -> str:
    """Return a table of the throughput with the arithmetic limit and the parts that were reached."""
    head = ["prefetch", "the API answers", "limit, messages/s"]
    head += [f"{label}, {THROUGHPUT.unit}" for label in measured.labels.values()]
    head += [f"{label}, of the limit" for label in measured.labels.values()]
    head += [f"to {measured.labels[name]}" for name in measured.references]
    rows = []
    for each in results:
        figures = _cells(measured, each, THROUGHPUT)
        count, limit = len(measured.labels), each.case.limit_per_second
        parts = [part_of(limit, figure(each.runs.get(name, ()), THROUGHPUT)) for name in measured.labels]
        row = [*_place(each.case), "-" if limit is None else number(limit)]
        rows.append([*row, *figures[:count], *parts, *figures[count:]])
    return f"More is better.\n\n{table(head, rows)}"


def part_of(limit: float | None, value: Figure | None) -> str:
    """Return how much of a limit a figure reaches; a dash for None.

    >>> part_of(400.0, Figure(384.0, 0.1, 3)), part_of(None, Figure(384.0, 0.1, 3))
    ('96%', '-')
    """
    return "-" if limit is None or value is None else f"{'~' if value.is_noisy else ''}{value.value / limit:.0%}"


def _api(results: Sequence[Result]) -> str:
    """Return how much CPU time the API server used, so that it is seen not to be the limit."""
    found = [figure(runs, API_CPU) for result in results for runs in result.runs.values()]
    values = [each.value for each in found if each is not None]
    if not values:
        return ""
    return (
        f"The API server used {number(min(values))} to {number(max(values))} ms of CPU time for "
        "each message in these runs, refreshes included.\n"
    )


def _proxy(measured: Results) -> str:
    """Return how much CPU time the sailor proxy used, so that it is seen whether it was the limit."""
    found = [figure(runs, PROXY_CPU) for result in measured.cases for runs in result.runs.values()]
    values = [each.value for each in found if each is not None]
    if not values:
        return ""
    return (
        f"The sailor proxy of the benchmark used {number(min(values))} to {number(max(values))} ms of CPU time for "
        "each message.\nWhere that is as much as the runtime's, the proxy may have been the limit.\n"
    )


def _comparison(measured: Results, results: Sequence[Result], metric: Metric) -> str:
    note = "More is better." if metric.is_better_when_more else "Less is better."
    calls = results[0].case.function == "oauth2"
    head = ["prefetch", "the API answers" if calls else "body"]
    head += [f"{label}, {metric.unit}" for label in measured.labels.values()]
    head += [f"to {measured.labels[name]}" for name in measured.references]
    rows = [[*_place(each.case), *_cells(measured, each, metric)] for each in results]
    return f"{note}\n\n{table(head, rows)}"


def _place(case: Case) -> list[str]:
    """Return the first cells of the row of a case."""
    return [str(case.prefetch), after(case.wait_ms) if case.function == "oauth2" else size(case.size_bytes)]


def after(wait_ms: int) -> str:
    """Return the time of an answer in words.

    >>> [after(0), after(50)]
    ['at once', 'after 50 ms']
    """
    return f"after {wait_ms} ms" if wait_ms else "at once"


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
    return "\n".join(["## Latency, start and memory\n", "Less is better.\n", table(head, rows)])


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


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines) + "\n"
