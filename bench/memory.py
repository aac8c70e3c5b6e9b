"""``python -m bench.memory``: the memory of a container, by the size of its messages and by its prefetch.

Two functions: ``echo`` returns the body at once, so that one message is decoded at a time and the others wait as they
came. ``hold`` waits until a message is in each place of the prefetch, as functions do that wait for an API.
Needs Linux, for the highest resident memory of a process.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import orjson

from bench.brokers import broker
from bench.machine import processor
from bench.plan import body_of
from bench.processes import ProcessTree, VoidRun
from bench.queues import BrokerQueues
from shipmate.emulator import Platform

_COMPONENTS: Final = Path(__file__).resolve().parent / "components"
_FUNCTIONS: Final = ("echo", "hold")
_SIZES: Final = (1_000, 100_000, 1_000_000, 10_000_000)
_PREFETCHES: Final = (1, 10, 100)
_LIMITS: Final = {"DATA_RATE_LIMIT": 0, "OUTGOING_MESSAGE_SIZE_LIMIT": 64_000_000}
"""No rate limit, and a size limit above the largest message."""
_FEWEST_MESSAGES: Final = 30
_LOOK_SECONDS: Final = 0.05
_MIB: Final = 2**20


def measure(queues: BrokerQueues, folder: Path, *, function: str, size_bytes: int, prefetch: int) -> tuple[int, int]:
    """Return the highest resident memory of a container, and the one a second after its last message, in bytes."""
    queues.purge()
    content = queues.cipher.encode(orjson.dumps({"body": body_of(size_bytes), "headers": {}}), 1)
    count = prefetch * max(2, -(-_FEWEST_MESSAGES // prefetch))
    queues.put(content, count)
    with (
        Platform(steps={"flow": {"step": {}}}) as platform,
        queues.arrivals() as arrivals,
        ProcessTree(
            (sys.executable, "-m", "shipmate", "run"),
            folder=_COMPONENTS / function,
            environ={**platform.environ(), **queues.environ(function, RABBITMQ_PREFETCH_SAILOR=prefetch, **_LIMITS)},
            log=folder / "log",
        ) as tree,
    ):
        while len(arrivals.moments) < count:
            tree.must_live()
            if errors := queues.drain("error"):
                raise VoidRun(f"expected no errors, found {errors[0].error}")
            queues.wait(_LOOK_SECONDS)
        queues.wait(1.0)
        peak, rest = tree.peak_bytes(), tree.rss_bytes()
        tree.stop()
    return peak, rest


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all cases and print a table for each function."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--functions", nargs="+", choices=_FUNCTIONS, default=_FUNCTIONS)
    parser.add_argument("--sizes", type=int, nargs="+", default=_SIZES, help="bytes of JSON")
    parser.add_argument("--prefetch", type=int, nargs="+", default=_PREFETCHES)
    wanted = parser.parse_args(arguments)
    with broker() as found, tempfile.TemporaryDirectory() as folder:
        print(f"{processor()}, Python {sys.version.split()[0]}, RabbitMQ {found.version}", flush=True)
        with BrokerQueues(found.uri, name="memory") as queues:
            for function in wanted.functions:
                print(f"\n{function}: peak / rest in MiB", flush=True)
                print("| bytes of JSON |", *(f"prefetch {each} |" for each in wanted.prefetch), flush=True)
                for size in wanted.sizes:
                    cells = []
                    for count in wanted.prefetch:
                        peak, rest = measure(queues, Path(folder), function=function, size_bytes=size, prefetch=count)
                        cells.append(f"{peak / _MIB:.0f} / {rest / _MIB:.0f} |")
                    print(f"| {size} |", *cells, flush=True)


if __name__ == "__main__":
    main()
