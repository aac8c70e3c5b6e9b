"""The Markdown report of a run at scale. Pure functions."""

import statistics
import textwrap
from collections.abc import Mapping, Sequence

from bench.idle_steps import StepsOutcome
from bench.report import after, number, table
from bench.scale import LightOutcome, ScaleResults
from bench.shared_queue import Outcome

_MIB = 2**20
_KIB = 2**10
_QUEUE = """\
All containers take messages of 1 kB from one queue, at prefetch 10, and make one HTTP call for each, with one account.
Its access token lives 5 seconds, and a refresh token may be used once: a second use revokes the account, and the run
is void. The platform's API answers after 50 ms. Needed are as many refreshes as tokens that a call found expired.
Fairness is Jain's index of the messages of each container: 1 if all have the same number. "New keys" is the time after
an expiry until the last container has looked at the stored keys. CPU time is that of all containers.
"""
_STEPS = """\
Each step is a `shipmate run` with a queue of its own. All start at once, do nothing, and lose their broker at once,
which is killed and started again. The platform's API answers after 100 ms.
"""
_LIGHT = """\
One process opens what so many steps open: two connections, each with a channel, one of them with a consumer. "Refresh"
is one expired token of one account in all steps at once: the refresh takes 0.3 s, a look at the stored keys 0.1 s.
After the restart of the broker each connection is tried once a second.
"""


def markdown(results: ScaleResults, circumstances: Mapping[str, str]) -> str:
    """Return the report."""
    parts = [
        "# Scale\n",
        table(["", ""], [[name, value] for name, value in circumstances.items()]),
        *(["## Containers on one queue\n", _QUEUE, _crowds(results.crowds)] if results.crowds else []),
        *(["## Steps that do nothing\n", _STEPS, _steps(results.steps)] if results.steps else []),
        *(["## Light steps\n", _LIGHT, _light(results.light)] if results.light else []),
        _void(results.void),
    ]
    return "\n".join(parts)


def _crowds(outcomes: Sequence[Outcome]) -> str:
    head = ["containers", "the API answers", "messages/s", "to one container", "messages of a container", "fairness"]
    head += ["refreshes", "needed", "reused tokens", "new keys, s", "looks per expiry", "memory, MiB", "CPU, cores"]
    rows = []
    for each in outcomes:
        alone = next((one for one in outcomes if one.crowd.containers == 1 and _same(one, each)), None)
        seconds = [expiry.seconds for expiry in each.expiries]
        rows.append(
            [
                str(each.crowd.containers),
                after(each.crowd.wait_ms),
                number(each.messages_per_second),
                "-" if alone is None else f"{each.messages_per_second / alone.messages_per_second:.2f}x",
                _range(each.shares),
                f"{each.fairness:.3f}",
                str(each.refreshes),
                str(each.expired),
                str(each.reused),
                _typical(seconds),
                f"{statistics.fmean(expiry.looks for expiry in each.expiries):.1f}" if each.expiries else "-",
                _range(each.rss_mib),
                f"{each.cpu_seconds:.2f}",
            ]
        )
    return table(head, rows)


def _same(one: Outcome, other: Outcome) -> bool:
    return one.crowd.wait_ms == other.crowd.wait_ms


def _steps(outcomes: Sequence[StepsOutcome]) -> str:
    rows: list[tuple[str, list[str]]] = [
        ("Start: until all consume, s", [number(each.start.seconds) for each in outcomes]),
        ("Start: requests to the platform", [str(each.start.platform_calls) for each in outcomes]),
        ("Start: most of them at once", [str(each.start.most_calls_at_once) for each in outcomes]),
        ("Start: most of them in a second", [str(each.start.most_calls_per_second) for each in outcomes]),
        ("Start: most connections in a second", [str(each.start.most_connections_per_second) for each in outcomes]),
        ("A step: resident memory, MiB", [number(each.idle.rss_mib) for each in outcomes]),
        ("A step: memory of its own, MiB", [number(each.idle.own_mib) for each in outcomes]),
        ("A step: threads", [f"{each.idle.threads:.0f}" for each in outcomes]),
        ("A step: file descriptors", [f"{each.idle.descriptors:.0f}" for each in outcomes]),
        ("A step: CPU time in a minute, ms", [number(each.idle.step_cpu_ms_per_minute) for each in outcomes]),
        ("Broker: connections of a step", [f"{each.idle.broker_sockets:.0f}" for each in outcomes]),
        ("Broker: Erlang processes of a step", [f"{each.idle.broker_processes:.0f}" for each in outcomes]),
        ("Broker: CPU time of a step in a minute, ms", [_broker_cpu(each) for each in outcomes]),
        ("Platform: requests while idle", [str(each.idle.platform_calls) for each in outcomes]),
        ("Restart: the broker is away, s", [number(each.restart.broker_seconds) for each in outcomes]),
        ("Restart: then until all consume, s", [number(each.restart.seconds) for each in outcomes]),
        ("Restart: most connections in a second", [str(each.restart.most_connections_per_second) for each in outcomes]),
        ("Restart: requests to the platform", [str(each.restart.platform_calls) for each in outcomes]),
    ]
    head = ["", *(f"{each.steps} steps" for each in outcomes)]
    return table(head, [[name, *cells] for name, cells in rows])


def _broker_cpu(each: StepsOutcome) -> str:
    return number(each.idle.broker_cpu_ms_per_minute)


def _light(outcomes: Sequence[LightOutcome]) -> str:
    rows: list[tuple[str, list[str]]] = [
        ("Broker: connections", [f"{each.open.sockets - each.before.sockets - 1:,}" for each in outcomes]),
        ("Broker: file descriptors", [f"{each.open.descriptors:,}" for each in outcomes]),
        ("Broker: Erlang processes", [f"{each.open.processes:,}" for each in outcomes]),
        ("Broker: resident memory before, MiB", [number(each.before.rss_bytes / _MIB) for each in outcomes]),
        ("Broker: resident memory, MiB", [number(each.open.rss_bytes / _MIB) for each in outcomes]),
        ("Broker: resident memory of a connection, KiB", [number(_of_connection(each)) for each in outcomes]),
        ("Broker: resident memory of a queue, KiB", [number(_of_queue(each)) for each in outcomes]),
        ("Start: first connection to last, s", [number(each.opened["seconds"]) for each in outcomes]),
        ("Refresh: until half of the steps have new keys, s", [number(_half(each)) for each in outcomes]),
        ("Refresh: until all have them, s", [number(each.refresh["waits_seconds"][-1]) for each in outcomes]),
        ("Refresh: attempts to get the lock", [f"{each.refresh['tries']:,}" for each in outcomes]),
        ("Refresh: looks at the stored keys", [f"{each.refresh['looks']:,}" for each in outcomes]),
        ("Refresh: most looks at once", [str(each.refresh["most_looks_at_once"]) for each in outcomes]),
        ("Refresh: refreshes", [str(each.refresh["refreshes"]) for each in outcomes]),
        ("Restart: the broker is away, s", [number(each.reopened["broker_seconds"]) for each in outcomes]),
        ("Restart: then until all are open, s", [number(each.reopened["total_seconds"]) for each in outcomes]),
        ("Restart: connections that were given up after 15 s", [str(each.reopened["given_up"]) for each in outcomes]),
    ]
    head = ["", *(f"{each.steps:,} steps" for each in outcomes)]
    return table(head, [[name, *cells] for name, cells in rows])


def _of_connection(each: LightOutcome) -> float:
    return (each.open.rss_bytes - each.queues_declared.rss_bytes) / (2 * each.steps) / _KIB


def _of_queue(each: LightOutcome) -> float:
    return (each.queues_declared.rss_bytes - each.before.rss_bytes) / each.steps / _KIB


def _half(each: LightOutcome) -> float:
    return float(statistics.median(each.refresh["waits_seconds"]))


def _typical(values: Sequence[float]) -> str:
    """Return the median and the highest value.

    >>> _typical([1.0, 2.0, 6.0]), _typical([])
    ('2.00, at most 6.00', '-')
    """
    return f"{statistics.median(values):.2f}, at most {max(values):.2f}" if values else "-"


def _range(values: Sequence[float]) -> str:
    """Return the lowest and the highest value.

    >>> _range([57.3, 53.1]), _range([1000])
    ('53.1 to 57.3', '1,000')
    """
    low, high = number(min(values)), number(max(values))
    return low if low == high else f"{low} to {high}"


def _void(void: Sequence[str]) -> str:
    if not void:
        return "No run is void.\n"
    lines = "\n".join(textwrap.fill(f"- {each}", 120, subsequent_indent="  ") for each in void)
    return f"## Runs that do not count\n\n{lines}\n"
