"""Containers at a sailor proxy, with failures at random: no message is lost. ``--messages 500`` sends more of them."""

import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from shipmate.emulator import Platform, ProxyFault, SailorProxy
from shipmate.emulator.sailor_proxy import MessageRules
from tests.container import Container, Launch, closing

SECONDS = 180
CONTAINERS = 3
# Longer than a container needs to come back, on a busy machine too.
KEEP_SECONDS = 4.0
SETTINGS = {
    "PROXY_PREFETCH_SAILOR": 4,
    "PROXY_RECONNECT_INITIAL_DELAY": 20,
    "PROXY_RECONNECT_MAX_DELAY": 200,
    "PROXY_OBJECT_REQUEST_RETRY_DELAY": 10,
    "PROXY_PING_INTERVAL_MS": 500,
    "DATA_RATE_LIMIT": 20,  # so that messages are in work when something fails
}
FAULTS = [
    *(ProxyFault(at=moment, cut=True) for moment in ("headers", "request", "done", "answer", "middle")),
    *(ProxyFault(reset=code) for code in (0, 2, 7, 8, 11)),
    *(ProxyFault(status=status) for status in (408, 429, 500, 503)),
    ProxyFault(at="done", reset=2),
    ProxyFault(at="done", status=500),
    ProxyFault(goaway=0),
    ProxyFault(at="done", goaway=11),
    ProxyFault(trailing=True),
    ProxyFault(piece_bytes=9, pause_seconds=0.001),
]


@pytest.fixture
def proxy() -> Iterator[SailorProxy]:
    """A proxy; the test fails if a client breaks the contract."""
    with SailorProxy(poll_seconds=0.3, messages=MessageRules(keep_seconds=KEEP_SECONDS)) as started:
        yield started
        assert started.problems == []


class Trouble:
    """Makes things fail, in an order that is the same in each run."""

    def __init__(self, launch: Launch, proxy: SailorProxy, seed: int) -> None:
        self.proxy = proxy
        self.containers = [launch(**SETTINGS) for _ in range(CONTAINERS)]
        self._launch = launch
        self._chance = random.Random(seed)  # noqa: S311 - no secrets

    def one(self) -> None:
        """Let one thing fail."""
        self.proxy.wire.answers_pings = True
        self._chance.choice(
            [self.kill, self.stop, self.proxy.restart, self.proxy.cut, self.proxy.go_away, self.no_pings, self.faults]
        )()

    def kill(self) -> None:
        """Kill a container, and start another one."""
        ended = self._replaced()
        ended.process.kill()
        assert ended.wait() == -signal.SIGKILL

    def stop(self) -> None:
        """Stop a container in order, and start another one."""
        assert self._replaced().stop() == 0

    def no_pings(self) -> None:
        """Answer no PING until the next failure."""
        self.proxy.wire.answers_pings = False

    def faults(self) -> None:
        """Let some requests fail."""
        for _ in range(5):
            kind = self._chance.choice(["poll", "post", "finish", "claim", "connect"])
            self.proxy.script(kind, self._chance.choice(FAULTS))

    def end(self) -> None:
        """Let nothing fail any more."""
        self.proxy.wire.answers_pings = True
        self.proxy.clear_script()

    def _replaced(self) -> Container:
        index = self._chance.randrange(CONTAINERS)
        ended, self.containers[index] = self.containers[index].ready(), self._launch(**SETTINGS)
        return ended


@pytest.mark.timeout(SECONDS + 20)
def test_no_message_is_lost_or_finished_twice(
    proxy: SailorProxy, platform: Platform, pytestconfig: pytest.Config
) -> None:
    """An event may come twice, by a container that was killed or by an answer that was lost; never less than once."""
    count = pytestconfig.getoption("--messages")
    ids = proxy.fill({"body": {"return": {"body": number}}} for number in range(count))
    with closing(Launch(proxy, platform)) as launch:
        trouble = Trouble(launch, proxy, seed=count)
        times = max(8, count // 12)
        for number in range(1, times + 1):
            proxy.wait_until(finished(proxy, count * number // (times + 1)), SECONDS)
            trouble.one()
        trouble.end()
        proxy.wait_until(lambda: proxy.is_idle, SECONDS)
        statuses = [container.ready().stop() for container in trouble.containers]
    assert statuses == [0] * CONTAINERS
    assert [each.error for each in proxy.drain("error")] == []
    assert Counter(proxy.finished) == Counter((each, True) for each in ids)
    bodies = Counter(each.message["body"] for each in proxy.drain("data"))
    assert set(bodies) == set(range(count))


def finished(proxy: SailorProxy, count: int) -> Callable[[], bool]:
    """Return a condition: so many messages are finished."""
    return lambda: len(proxy.finished) >= count
