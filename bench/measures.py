"""One run of one runtime: throughput, latency, or start and memory."""

import time
from collections.abc import Callable
from typing import Final

from bench.figures import Run, percentiles
from bench.plan import Case, Measure, body_of
from bench.processes import VoidRun
from bench.runtimes import Runtime
from bench.station import Station

_SETTLE_SECONDS: Final = 1.0
_MIB: Final = 2**20


def measure(station: Station, runtime: Runtime, case: Case) -> Run:
    """Run a case once.

    Raises:
        VoidRun: The runtime failed or did not do all the work.
    """
    station.queues.purge()
    return _MEASURES[case.measure](station, runtime, case)


def throughput(station: Station, runtime: Runtime, case: Case) -> Run:
    """Measure messages per second and CPU time: a runtime empties a full queue, for some seconds after a warm-up."""
    body, total = body_of(case.size_bytes), case.warm_up + case.messages
    station.publish(station.encode(body), total)
    with station.start(runtime, case) as tree:
        station.mark(1, tree)
        begin = station.mark(case.warm_up, tree, within_seconds=case.longest_seconds)
        end = station.mark(total, tree, within_seconds=case.longest_seconds)
        total -= station.withdraw()
        station.mark(total, tree)  # a runtime leaves messages that it has not begun when it is stopped
        tree.stop()
    station.check(body, total)
    seconds, messages = end.at_seconds - begin.at_seconds, end.outputs - begin.outputs
    if messages <= 0:
        raise VoidRun("all messages were processed before they could be counted, or none in time")
    run = {
        "messages_per_second": messages / seconds,
        "cpu_ms_per_message": (end.cpu_seconds - begin.cpu_seconds) / messages * 1000,
    }
    if case.function == "oauth2":
        run["api_cpu_ms_per_message"] = (end.api_cpu_seconds - begin.api_cpu_seconds) / messages * 1000
    if begin.proxy_cpu_seconds is not None and end.proxy_cpu_seconds is not None:
        run["proxy_cpu_ms_per_message"] = (end.proxy_cpu_seconds - begin.proxy_cpu_seconds) / messages * 1000
    return run


def latency(station: Station, runtime: Runtime, case: Case) -> Run:
    """Measure the time from publishing a message to receiving its output, one message at a time."""
    body = body_of(case.size_bytes)
    content = station.encode(body)
    sent: list[float] = []
    with station.arrivals() as arrivals, station.start(runtime, case) as tree:
        for _ in range(case.warm_up + case.messages):
            sent.append(time.perf_counter())
            station.publish(content)
            station.wait_until(lambda: len(arrivals.moments) == len(sent), tree)
        tree.stop()
    station.check(body, 0, sample=arrivals.last)
    times = [(came - went) * 1000 for went, came in zip(sent, arrivals.moments, strict=True)]
    return percentiles(times[case.warm_up :])


def start(station: Station, runtime: Runtime, case: Case) -> Run:
    """Measure the time from the start of a process to its first output, and its memory then and after many messages."""
    body = body_of(case.size_bytes)
    content = station.encode(body)
    station.publish(content)
    with station.start(runtime, case) as tree:
        with station.arrivals() as arrivals:
            station.wait_until(lambda: bool(arrivals.moments), tree)
        time.sleep(_SETTLE_SECONDS)
        idle_bytes = tree.rss_bytes()
        station.publish(content, case.messages)
        station.mark(case.messages, tree)
        used_bytes = tree.rss_bytes()
        tree.stop()
    station.check(body, case.messages)
    return {
        "cold_start_ms": (arrivals.moments[0] - tree.spawned_at) * 1000,
        "idle_mib": idle_bytes / _MIB,
        "used_mib": used_bytes / _MIB,
    }


_MEASURES: Final[dict[Measure, Callable[[Station, Runtime, Case], Run]]] = {
    "throughput": throughput,
    "latency": latency,
    "start": start,
}
