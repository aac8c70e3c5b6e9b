"""Many containers on one queue, with one account whose tokens expire every few seconds."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson

from bench.plan import body_of
from bench.processes import ProcessTree, VoidRun
from bench.queues import BrokerQueues
from bench.runtimes import shipmate
from bench.service import Service
from bench.watched_platform import Call, WatchedPlatform

_FUNCTION: Final = "oauth2"
_ACCOUNT: Final = "account"
_LEAST_WAITING: Final = 1500
_MORE: Final = 1500
_LOOK_SECONDS: Final = 0.1
_TIMEOUT_SECONDS: Final = 60.0
_MIB: Final = 2**20
_PROTOCOL: Final = 1
_RATES: Final = {"DATA_RATE_LIMIT": 0, "ERROR_RATE_LIMIT": 0}


@dataclass(frozen=True, slots=True)
class Crowd:
    """Containers that share a queue and an account."""

    containers: int
    wait_ms: int
    """Time after which the API answers a call."""
    prefetch: int = 10
    token_life_seconds: int = 5
    seconds: float = 12.0
    """The measured time."""
    platform_ms: int = 50
    """Time after which the platform's API answers."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """The time after an expiry in which containers look for new keys."""

    seconds: float
    """From the first look at the stored keys until the last one: the longest wait of a container."""
    looks: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of one run."""

    crowd: Crowd
    messages_per_second: float
    shares: Sequence[int]
    """The number of messages of each container."""
    expired: int
    """Access tokens that a call found expired: the refreshes that were needed."""
    refreshes: int
    reused: int
    platform_calls: int
    expiries: Sequence[Expiry]
    rss_mib: Sequence[float]
    """The resident memory of each container at the end."""
    cpu_seconds: float
    """CPU time of all containers for each second of the run."""

    @property
    def fairness(self) -> float:
        """Jain's index of the shares: 1 if all are equal, 1 / n if one container has all."""
        return jain(self.shares)


def jain(shares: Sequence[float]) -> float:
    """Return Jain's fairness index of some shares.

    >>> jain([5, 5, 5, 5]), jain([20, 0, 0, 0])
    (1.0, 0.25)

    Source: Jain, Chiu, Hawe, DEC-TR-301 (1984).
    """
    squares = sum(each * each for each in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 1.0


def expiries(calls: Sequence[Call], *, gap_seconds: float) -> list[Expiry]:
    """Return what each expiry of the access token has cost, from the looks of the containers at the stored keys.

    Args:
        calls: The requests to the platform's API, in order.
        gap_seconds: The time without a look that separates two expiries.

    >>> looks = [Call(at, "GET", "/v1/tasks/flow/steps/step") for at in (1.0, 1.25, 1.5, 4.0, 4.5)]
    >>> expiries(looks, gap_seconds=1)
    [Expiry(seconds=0.5, looks=3), Expiry(seconds=0.5, looks=2)]
    """
    groups: list[list[float]] = []
    for call in calls:
        if call.method == "GET":
            if not groups or call.at_seconds - groups[-1][-1] > gap_seconds:
                groups.append([])
            groups[-1].append(call.at_seconds)
    return [Expiry(each[-1] - each[0], len(each)) for each in groups]


def run(crowd: Crowd, uri: str, folder: Path, *, name: str) -> Outcome:
    """Run the containers at a broker for some seconds, and return the figures.

    Args:
        crowd: The containers.
        uri: The address of the broker.
        folder: For logs and byte code.
        name: Prefix of the queues.

    Raises:
        VoidRun: A container ended, an error was published, or a refresh token was used twice.
    """
    with ExitStack() as stack:
        queues = stack.enter_context(BrokerQueues(uri, name=name))
        service = stack.enter_context(Service(1))
        keys = service.sign_in(life_seconds=crowd.token_life_seconds)
        config = {"_account": _ACCOUNT, "base_url": service.url_after(crowd.wait_ms)}
        platform = stack.enter_context(
            WatchedPlatform(
                pause_seconds=crowd.platform_ms / 1000,
                steps={"flow": {"step": {"config": config}}},
                accounts={_ACCOUNT: {"oauth": keys}},
            )
        )
        trees = [
            stack.enter_context(_start(crowd, number, queues, platform, service, folder))
            for number in range(crowd.containers)
        ]
        deadline = time.perf_counter() + _TIMEOUT_SECONDS

        def are_consuming() -> bool:
            if time.perf_counter() > deadline:
                raise VoidRun(f"expected {crowd.containers} consumers within {_TIMEOUT_SECONDS:.0f} s, found fewer")
            return _consumers(queues) == crowd.containers

        _wait(queues, trees, are_consuming)
        return _measure(crowd, queues, trees, platform, service)


def _start(
    crowd: Crowd, number: int, queues: BrokerQueues, platform: WatchedPlatform, service: Service, folder: Path
) -> ProcessTree:
    runtime = shipmate()
    step = queues.environ(
        _FUNCTION, CONTAINER_ID=f"container-{number}", RABBITMQ_PREFETCH_SAILOR=crowd.prefetch, **_RATES
    )
    environ = {
        **platform.environ(),
        **step,
        **service.environ(),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }
    log = folder / f"container-{number}.log"
    return ProcessTree(runtime.command, folder=runtime.folders[_FUNCTION], environ=environ, log=log)


def _measure(
    crowd: Crowd, queues: BrokerQueues, trees: Sequence[ProcessTree], platform: WatchedPlatform, service: Service
) -> Outcome:
    content = queues.cipher.encode(orjson.dumps({"body": body_of(1_000), "headers": {}}), _PROTOCOL)

    def feed(until_seconds: float) -> None:
        """Keep the queue from running empty."""

        def is_over() -> bool:
            if queues.depth("input") < _LEAST_WAITING:
                queues.put(content, _MORE)
            return time.perf_counter() >= until_seconds

        _wait(queues, trees, is_over)

    feed(time.perf_counter() + 1.0)  # each container opens its connections to the API
    queues.channel.queue_purge(queues.queue("data"))
    platform.forget()
    before, cpu, begin = service.statistics(), sum(each.cpu_seconds() for each in trees), time.perf_counter()
    feed(begin + crowd.seconds)
    # While the containers still have their messages, so that the memory is that of the work.
    rss = [each.rss_bytes() / _MIB for each in trees]
    cpu = sum(each.cpu_seconds() for each in trees) - cpu
    after, calls, outputs = service.statistics(), list(platform.calls), queues.depth("data")
    seconds = time.perf_counter() - begin
    queues.withdraw()
    for each in trees:
        each.stop()
    if errors := queues.drain("error"):
        raise VoidRun(f"expected no errors, found {len(errors)}: {errors[0].error.get('message')}")
    if reused := service.statistics()["reused"]:
        raise VoidRun(f"expected each refresh token to be used once, found {reused} used again")
    shares = Counter(each.headers["containerId"] for each in queues.take("data", queues.depth("data")))
    return Outcome(
        crowd,
        messages_per_second=outputs / seconds,
        shares=[shares[f"container-{number}"] for number in range(crowd.containers)],
        expired=after["expired"] - before["expired"],
        refreshes=after["refreshes"] - before["refreshes"],
        reused=after["reused"],
        platform_calls=len(calls),
        expiries=expiries(calls, gap_seconds=crowd.token_life_seconds / 2),
        rss_mib=rss,
        cpu_seconds=cpu / seconds,
    )


def _consumers(queues: BrokerQueues) -> int:
    return int(queues.channel.queue_declare(queues.queue("input"), passive=True).method.consumer_count)


def _wait(queues: BrokerQueues, trees: Sequence[ProcessTree], is_so: Callable[[], bool]) -> None:
    """Poll until a condition is true.

    Raises:
        VoidRun: A container has ended.
    """
    while not is_so():
        for each in trees:
            each.must_live()
        queues.wait(_LOOK_SECONDS)
