"""Random plays give the same events in memory, over AMQP and over the sailor proxy. ``--plays 300`` plays more."""

import json
import random
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from shipmate.emulator import Platform, Received, SailorProxy, StepQueues
from tests.behaviour.plays import REPLY_TO, Play, chance_of, play_of, settings_of
from tests.station import AmqpStation, Done, MemoryStation, ProxyStation, Station

PLAYS_OF_ONE_STATION = 6
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# With the full stop, and with a size that may have one more block if the message quotes this text.
TOO_LARGE = re.compile(r"message size \d+ (exceeds limit of \d+)\.?")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test for each few plays."""
    count = metafunc.config.getoption("--plays")
    metafunc.parametrize("seed", range(-(-count // PLAYS_OF_ONE_STATION)))


@pytest.fixture
def stack(queues: StepQueues, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    """What ends with the test, before the queues do."""
    monkeypatch.setattr("shipmate.container.proxy.slots._LEAST_WAIT_SECONDS", 0.0)
    with ExitStack() as entered:
        yield entered


def new_platform(stack: ExitStack, chance: random.Random) -> Platform:
    """Return a platform of its own for a step."""
    step = {"config": {"_account": "account", "region": "eu"}, "is_passthrough": chance.random() < 0.5}
    return stack.enter_context(Platform(steps={"flow": {"step": step}}, accounts={"account": {}}))


@pytest.mark.timeout(60)
def test_the_transports_agree(stack: ExitStack, queues: StepQueues, seed: int) -> None:
    """Where they differ by their contracts, the difference is taken out by `events_of`."""
    settings = settings_of(chance_of(seed))
    proxy = stack.enter_context(SailorProxy())
    platforms = [new_platform(stack, chance_of(seed)) for _ in range(3)]
    over_amqp = AmqpStation(platforms[1], queues, **settings)
    stations = [MemoryStation(platforms[0], **settings), over_amqp, ProxyStation(platforms[2], proxy, **settings)]
    for station in stations:
        stack.callback(station.stop)
        if station is not over_amqp:
            station.reply_to = over_amqp.reply_to  # its length counts for the limit of the size
    chance = chance_of(seed + 1_000_000)
    for play in [play_of(chance) for _ in range(PLAYS_OF_ONE_STATION)]:
        in_memory, at_broker, at_proxy = (performed(station, play) for station in stations)
        assert at_broker == in_memory, play
        assert at_proxy == at_broker, play
    stored = [len(platform.maester.objects) for platform in platforms]
    keys = [platform.accounts["account"] for platform in platforms]
    assert stored == [stored[0]] * 3
    assert keys == [keys[0]] * 3
    assert proxy.problems == []
    assert proxy.duplicates == []


def performed(station: Station, play: Play) -> dict[str, Any]:
    """Return what comes of a play at a station, without the documented differences."""
    message, headers = with_address(play.message, station), with_address(play.headers, station)
    return events_of(station.deliver(message, headers=headers, protocol=play.protocol), station, headers["messageId"])


def with_address(value: Any, station: Station) -> Any:
    """Return a value with the address of the station's replies in place of its name."""
    return json.loads(json.dumps(value).replace(REPLY_TO, station.reply_to))


def events_of(done: Done, station: Station, own_id: str) -> dict[str, Any]:
    """Return the events of a message in a form that is the same for all transports.

    Fresh ids and times differ. Over AMQP a rebound is the message itself, and the runtime copies errors to the caller;
    over the proxy, the proxy does. An error that is too large with its input goes without it over the proxy. What goes
    to a routing key is in the same queue as the replies.
    """
    limit = station.step._settings.messages.size_limit_bytes
    routed = [each for each in done.data + done.replies if not is_copy(each)]

    def canonical(received: Received, value: Any) -> str:
        headers = {name: "<time>" if name in ("start", "end") else each for name, each in received.headers.items()}
        text = json.dumps([headers, value], sort_keys=True).replace(station.reply_to, REPLY_TO)
        text = UUID.sub(lambda found: found[0] if found[0] == own_id else "<id>", text)
        return TOO_LARGE.sub(r"\1", text)

    def failure(received: Received) -> Any:
        error_input = None if len(received.body) > limit else received.error_input
        return [{**received.error, "stack": bool(received.error["stack"])}, error_input]

    return {
        "data and replies": sorted(canonical(each, each.message) for each in routed),
        "errors": [canonical(each, failure(each)) for each in done.errors],
        "snapshots": [canonical(each, json.loads(each.body)) for each in done.snapshots],
        "rebounds": [each.headers["reboundReason"] for each in done.rebounds],
        "is_success": done.is_success,
    }


def is_copy(received: Received) -> bool:
    """Tell whether something is the copy of an error for the caller."""
    return "x-eio-error-response" in received.headers
