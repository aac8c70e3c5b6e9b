"""``python -m bench``: compare the runtimes, soak one of them, run a flow with faults, or many steps."""

import argparse
import dataclasses
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

from bench import campaign, flow_faults, machine, plot, report, scale, scale_report
from bench.brokers import NoBroker, broker, private
from bench.plan import FUNCTIONS, SCENARIOS, Plan
from bench.queues import BrokerQueues, ProxyQueues, Queues
from bench.results import Results
from bench.runtimes import RUNTIMES, NotAvailable, Runtime, interpreter, transports
from bench.service import Service
from bench.soak import Soak, soak
from bench.station import Station
from shipmate.emulator import RabbitMQNode
from shipmate.errors import ShipmateError

_RESULTS: Final = Path(__file__).resolve().parent / "results"
_USES_OF_A_TOKEN: Final = 200
_STOP: Final = (signal.SIGINT, signal.SIGTERM)
_ROUNDS: Final = 3
_QUICK_ROUNDS: Final = 2


class BadUsage(Exception):
    """An argument of the command line is wrong."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    root = argparse.ArgumentParser(prog="python -m bench", description="Compare `shipmate run` with other runtimes.")
    commands = root.add_subparsers(dest="command")
    run = commands.add_parser("run", help="compare the runtimes (the default)")
    run.add_argument("--quick", action="store_true", help="fewer cases and rounds: about 3 minutes")
    run.add_argument("--rounds", type=_count, help="runs of each case and runtime [default: 3, with --quick 2]")
    run.add_argument("--runtimes", default=",".join(RUNTIMES), help="names; the first is compared with the others")
    run.add_argument("--scenario", choices=SCENARIOS, help="one function, or both transports [default: both functions]")
    run.add_argument("--python", metavar="PATH,...", help="other interpreters that run shipmate as well")
    run.add_argument("--output", type=Path, default=_RESULTS, help="folder for the results")
    long = commands.add_parser("soak", help="run one runtime for long with expiring tokens, and look for leaks")
    long.add_argument("--messages", type=_count, default=200_000)
    long.add_argument("--refresh-every", type=_count, default=500, help="calls until an access token expires")
    long.add_argument("--prefetch", type=_count, default=20)
    long.add_argument("--runtime", choices=("shipmate", "node"), default="shipmate")
    faults = commands.add_parser("flow-faults", help="run a flow while its processes are killed, and look for losses")
    faults.add_argument("--messages", type=_count, default=5000)
    many = commands.add_parser("scale", help="run many containers on one queue, and many steps: about 9 minutes")
    sizes = scale.Scale()
    many.add_argument("--part", choices=scale.PARTS, action="append", help="only this part; may be repeated")
    many.add_argument("--containers", metavar="N,...", type=_counts, default=sizes.containers, help="on one queue")
    many.add_argument("--steps", metavar="N,...", type=_counts, default=sizes.steps, help="real steps")
    many.add_argument("--light", metavar="N,...", type=_counts, default=sizes.light_steps, help="without a runtime")
    many.add_argument("--seconds", type=_count, default=sizes.seconds, help="for each number of containers")
    many.add_argument("--idle-seconds", type=_count, default=sizes.idle_seconds, help="for each number of real steps")
    many.add_argument("--output", type=Path, default=_RESULTS, help="folder for the results")
    return root


def main(arguments: Sequence[str]) -> int:
    """Run the command; return 0 for success, 1 for void runs, a failed soak or an error, 2 for wrong arguments."""
    words = list(arguments)
    if not words or words[0] not in (*_COMMANDS, "-h", "--help"):
        words.insert(0, "run")
    options = parser().parse_args(words)
    try:
        return _COMMANDS[options.command](options)
    except BadUsage as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except (NoBroker, NotAvailable, ShipmateError) as error:
        print(f"bench: {error}", file=sys.stderr)
    except AMQPError as error:
        print(f"bench: lost the connection to the broker: {type(error).__name__}", file=sys.stderr)
    except KeyboardInterrupt:
        print("bench: interrupted, no results written", file=sys.stderr)
    return 1


def _run(options: argparse.Namespace) -> int:
    is_of_transports = options.scenario == "proxy"
    functions = FUNCTIONS if options.scenario is None or is_of_transports else (options.scenario,)
    rounds = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    plan = Plan(rounds, options.quick, functions, is_of_transports)
    programs = options.python.split(",") if options.python else []
    if is_of_transports and programs:
        raise BadUsage("--python: expected no other interpreters with --scenario proxy, found some")
    if is_of_transports:
        runtimes = transports()
    else:
        runtimes = [*_available(options.runtimes.split(",")), *_interpreters(programs)]
    with ExitStack() as stack:
        chosen = stack.enter_context(broker())
        circumstances = machine.describe(chosen, runtimes)
        _say("\n".join(f"{name}: {value}" for name, value in circumstances.items()))
        service = stack.enter_context(Service(_USES_OF_A_TOKEN)) if "oauth2" in functions else None
        stations = {"amqp": _station(stack, stack.enter_context(_queues(chosen.uri)), service=service)}
        if is_of_transports:
            stations["proxy"] = _station(stack, stack.enter_context(ProxyQueues()), service=service)
        results, void = campaign.conduct(stations, plan, runtimes=runtimes, say=_say)
    labels = {runtime.name: runtime.label for runtime in runtimes}
    measured = Results(circumstances, labels, results, plan.rounds, void)
    # A part of the plan, or more than the usual runtimes, must not replace the usual results.
    parts = ["latest", *([options.scenario] if options.scenario else []), *(["python"] if programs else [])]
    _write(measured, options.output, name="-".join(parts))
    return 1 if void else 0


def _flow_faults(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as folder, RabbitMQNode() as node:
        outcome = flow_faults.run(Path(folder), node, options.messages, say=_say)
    _say(str(outcome))
    return 1 if outcome.problems else 0


def _available(names: Sequence[str]) -> list[Runtime]:
    """Return the named runtimes that are installed.

    Raises:
        BadUsage: A name is unknown.
        NotAvailable: The first runtime, which is compared with the others, cannot be installed.
    """
    if unknown := [name for name in names if name not in RUNTIMES]:
        raise BadUsage(f"--runtimes: expected some of {', '.join(RUNTIMES)}, found {', '.join(unknown)}")
    runtimes = []
    for index, name in enumerate(dict.fromkeys(names)):
        try:
            runtimes.append(RUNTIMES[name]())
        except NotAvailable as reason:
            if index == 0:
                raise
            _say(f"{name} is left out: {reason}")
    return runtimes


def _interpreters(programs: Sequence[str]) -> list[Runtime]:
    """Return shipmate under other interpreters.

    Raises:
        BadUsage: One of them does not run shipmate, or two have the same version.
    """
    runtimes: dict[str, Runtime] = {}
    for program in programs:
        try:
            runtime = interpreter(program)
        except NotAvailable as reason:
            raise BadUsage(f"--python: expected interpreters with the packages of requirements.txt: {reason}") from None
        if runtime.name in runtimes:
            raise BadUsage(f"--python: expected different versions, found {runtime.label} twice")
        runtimes[runtime.name] = runtime
    return list(runtimes.values())


def _soak(options: argparse.Namespace) -> int:
    settings = Soak(options.messages, options.prefetch)
    if options.refresh_every < settings.tokens.uses:
        # Otherwise other messages can use up a new token before the message that waited for it, which then fails.
        raise BadUsage(
            f"--refresh-every: expected {settings.tokens.uses} or more at prefetch {options.prefetch}, "
            f"found {options.refresh_every}"
        )
    runtime = RUNTIMES[options.runtime]()
    with ExitStack() as stack:
        chosen = stack.enter_context(broker())
        service = stack.enter_context(Service(options.refresh_every, warm_up=settings.tokens))
        station = _station(stack, stack.enter_context(_queues(chosen.uri)), service=service)
        failures = soak(station, runtime, settings, say=_say)
    for failure in failures:
        _say(f"FAILED {failure}")
    if not failures:
        _say("passed: no message lost or doubled, no growth")
    return 1 if failures else 0


def _scale(options: argparse.Namespace) -> int:
    wanted = scale.Scale(
        containers=options.containers,
        steps=options.steps,
        light_steps=options.light,
        seconds=options.seconds,
        idle_seconds=options.idle_seconds,
        parts=options.part or scale.PARTS,
    )
    with private() as found:
        circumstances = machine.describe(found, [])
    results = scale.run(wanted, say=_say)
    circumstances = {**circumstances, "Load after": machine.load()}
    name = "-".join(["latest-scale", *(options.part or [])])
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / f"{name}.json").write_text(json.dumps(dataclasses.asdict(results), indent=1) + "\n")
    (options.output / f"{name}.md").write_text(scale_report.markdown(results, circumstances))
    _say(f"written: {os.path.relpath(options.output / name)}.md and .json")
    return 1 if results.void else 0


@contextmanager
def _queues(uri: str) -> Iterator[BrokerQueues]:
    """Yield new queues, and delete them at the end, also after an interrupt."""
    queues = BrokerQueues(uri, name=f"bench-{uuid.uuid4().hex[:8]}")
    try:
        yield queues
    finally:
        with suppress(AMQPError):
            queues.close()
        queues.connect()  # the interrupt may have cut a frame
        queues.delete()
        queues.close()


def _station(stack: ExitStack, queues: Queues, *, service: Service | None) -> Station:
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


def _counts(text: str) -> list[int]:
    return [_count(each) for each in text.split(",")]


def _say(text: str) -> None:
    print(text, flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt once; later signals must not interrupt the deletion of the queues."""
    for number in _STOP:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


_COMMANDS: Final = {"run": _run, "soak": _soak, "flow-faults": _flow_faults, "scale": _scale}


if __name__ == "__main__":
    for each in _STOP:
        signal.signal(each, _interrupt)
    sys.exit(main(sys.argv[1:]))
