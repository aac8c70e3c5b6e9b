"""All cases of a plan: the runtimes take turns, round after round."""

from collections.abc import Callable, Mapping, Sequence

from bench.figures import Run
from bench.measures import measure
from bench.plan import Case, Plan
from bench.processes import VoidRun
from bench.results import Result, progress
from bench.runtimes import Runtime
from bench.station import Station

Say = Callable[[str], None]


def conduct(
    stations: Mapping[str, Station], plan: Plan, *, runtimes: Sequence[Runtime], say: Say
) -> tuple[list[Result], list[str]]:
    """Measure all cases of a plan; return the results and the void runs, each with its reason.

    Args:
        stations: A station for each transport of the runtimes.
        plan: The cases.
        runtimes: The runtimes, which take turns.
        say: Writes a line for the person who waits.
    """
    _warm_up(stations, plan.functions, runtimes=runtimes, say=say)
    void: list[str] = []
    results = []
    for case in plan.cases():
        runs: dict[str, list[Run | None]] = {runtime.name: [] for runtime in runtimes}
        for number in range(1, plan.rounds + 1):
            for runtime in runtimes:
                run, reason = _attempt(stations[runtime.transport], runtime, case)
                runs[runtime.name].append(run)
                if reason is not None:
                    void.append(f"{case.name}, {runtime.label}, round {number}: {reason}")
                    say(f"VOID {void[-1]}")
        results.append(Result(case, runs))
        say(progress(results[-1]))
    return results, void


def _warm_up(
    stations: Mapping[str, Station], functions: Sequence[str], *, runtimes: Sequence[Runtime], say: Say
) -> None:
    """Start each runtime once with each function, so that files are read from disk and byte code is compiled."""
    for runtime in runtimes:
        for function in functions:
            _, reason = _attempt(stations[runtime.transport], runtime, Case("start", 1, 200, 10, function))
            if reason is not None:
                say(f"{runtime.label} does not work: {reason}")


def _attempt(station: Station, runtime: Runtime, case: Case) -> tuple[Run | None, str | None]:
    try:
        return measure(station, runtime, case), None
    except VoidRun as reason:
        return None, str(reason)
