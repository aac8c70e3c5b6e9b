"""``python -m bench``: measure, or let a runtime run for long."""

import argparse
import json
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

from pika.exceptions import AMQPError

from bench import campaign, machine, plot, report
from bench.brokers import NoBroker, broker
from bench.plan import Plan
from bench.results import Results
from bench.runtimes import RUNTIMES, NotAvailable, Runtime
from bench.service import Service
from bench.soak import Soak, soak
from bench.station import Station
from shipmate.emulator import StepQueues
from shipmate.errors import ShipmateError

_RESULTS: Final = Path(__file__).resolve().parent / "results"
_USES_OF_A_TOKEN: Final = 200
_STOP: Final = (signal.SIGINT, signal.SIGTERM)
_ROUNDS: Final = 3


class BadUsage(Exception):
    """The command line asks for what cannot be."""


def options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure `shipmate run` against others.")
    commands = parser.add_subparsers(dest="command")
    run = commands.add_parser("run", help="compare the runtimes (the default)")
    run.add_argument("--quick", action="store_true", help="one size of bodies instead of four: about 2 minutes")
    run.add_argument("--rounds", type=_count, default=_ROUNDS, help="how often each case")
    run.add_argument("--runtimes", default=",".join(RUNTIMES), help="which ones; the first is held against the others")
    run.add_argument("--scenario", choices=("echo", "oauth2"), default="echo", help="what the component does")
    run.add_argument("--output", type=Path, default=_RESULTS, help="the folder for the results")
    long = commands.add_parser("soak", help="let one runtime refresh tokens for long, and look for what it leaks")
    long.add_argument("--messages", type=_count, default=200_000)
    long.add_argument("--refresh-every", type=_count, default=500, help="how many calls a token is good for")
    long.add_argument("--prefetch", type=_count, default=20)
    long.add_argument("--runtime", choices=("shipmate", "node"), default="shipmate")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks for; return 0, 1 when a run does not count or the soak fails, 2 for bad usage."""
    given = list(arguments)
    if not given or given[0] not in ("run", "soak", "-h", "--help"):
        given.insert(0, "run")
    wanted = options().parse_args(given)
    try:
        return _soak(wanted) if wanted.command == "soak" else _run(wanted)
    except BadUsage as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except (NoBroker, NotAvailable, ShipmateError) as error:
        print(f"bench: {error}", file=sys.stderr)
    except AMQPError as error:
        print(f"bench: the broker was lost: {type(error).__name__}", file=sys.stderr)
    except KeyboardInterrupt:
        print("bench: interrupted; nothing was written", file=sys.stderr)
    return 1


def _run(wanted: argparse.Namespace) -> int:
    plan = Plan(wanted.rounds, wanted.quick, wanted.scenario)
    runtimes = _available(wanted.runtimes.split(","), plan.function)
    with ExitStack() as stack:
        found = stack.enter_context(broker())
        circumstances = machine.describe(found, runtimes)
        _say("\n".join(f"{name}: {value}" for name, value in circumstances.items()))
        service = None if plan.function == "echo" else stack.enter_context(Service(_USES_OF_A_TOKEN))
        station = _station(stack, found.uri, service=service)
        results, void = campaign.conduct(station, plan, runtimes=runtimes, say=_say)
    labels = {runtime.name: runtime.label for runtime in runtimes}
    measured = Results(circumstances, labels, results, plan.rounds, void)
    _write(measured, wanted.output, name="latest" if plan.function == "echo" else f"latest-{plan.function}")
    return 1 if void else 0


def _available(names: Sequence[str], function: str) -> list[Runtime]:
    """Return the runtimes of these names that can be had and can run the function.

    Raises:
        BadUsage: A name is unknown, or none of the runtimes can run the function.
        NotAvailable: The runtime that is held against the others cannot be had.
    """
    if unknown := [name for name in names if name not in RUNTIMES]:
        raise BadUsage(f"--runtimes: expected some of {', '.join(RUNTIMES)}, found {', '.join(unknown)}")
    found = []
    for place, name in enumerate(dict.fromkeys(names)):
        try:
            runtime = RUNTIMES[name]()
        except NotAvailable as reason:
            if place == 0:
                raise
            _say(f"{name} is left out: {reason}")
            continue
        if function in runtime.folders:
            found.append(runtime)
    if not found:
        raise BadUsage(f"--runtimes: expected one that can run {function}, found {', '.join(names)}")
    return found


def _soak(wanted: argparse.Namespace) -> int:
    settings = Soak(wanted.messages, wanted.prefetch)
    if wanted.refresh_every < settings.tokens.uses:
        # Others would use up a new token before a message that waited for it, which then fails with good reason.
        raise BadUsage(
            f"--refresh-every: expected {settings.tokens.uses} or more at prefetch {wanted.prefetch}, "
            f"found {wanted.refresh_every}"
        )
    runtime = RUNTIMES[wanted.runtime]()
    with ExitStack() as stack:
        found = stack.enter_context(broker())
        service = stack.enter_context(Service(wanted.refresh_every, warm_up=settings.tokens))
        station = _station(stack, found.uri, service=service)
        complaints = soak(station, runtime, settings, say=_say)
    for complaint in complaints:
        _say(f"FAILED {complaint}")
    if not complaints:
        _say("passed: nothing lost, nothing doubled, nothing grew")
    return 1 if complaints else 0


@contextmanager
def _queues(uri: str) -> Iterator[StepQueues]:
    """Yield queues of our own, and delete them however the measuring ends."""
    queues = StepQueues(uri, name=f"bench-{uuid.uuid4().hex[:8]}")
    try:
        yield queues
    finally:
        with suppress(AMQPError):
            queues.close()
        queues.connect()  # an interrupt may have come in the middle of a frame
        queues.delete()
        queues.close()


def _station(stack: ExitStack, uri: str, *, service: Service | None) -> Station:
    queues = stack.enter_context(_queues(uri))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shipmate-bench-")))
    return stack.enter_context(Station(queues, folder, service=service))


def _write(measured: Results, folder: Path, *, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(measured.to_json(), indent=1) + "\n")
    (folder / f"{name}.svg").write_text(plot.svg(measured))
    (folder / f"{name}.md").write_text(report.markdown(measured, f"{name}.svg"))
    _say(f"written: {os.path.relpath(folder / name)}.md, .svg and .json")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {number}")
    return number


def _say(text: str) -> None:
    print(text, flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """End in order, once: a second signal must not keep us from ending the runtime and deleting the queues."""
    for number in _STOP:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    for each in _STOP:
        signal.signal(each, _interrupt)
    sys.exit(main(sys.argv[1:]))
