"""A trigger that polls loses nothing when its container is killed, whenever that is.

Real containers on a real broker; a platform that keeps the snapshots it gets; an API that inserts records, many of
which have equal times, and shows some of them late.
"""

import json
import random
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shipmate.emulator import Platform, Received, Reply, Request, Server, StepQueues
from tests.container import Container, eventually
from tests.unit.kit.changing_api import LAG_SECONDS, ChangingApi, Habits

pytestmark = pytest.mark.timeout(180)

SECONDS = 15
RUNS = 10
"""The runs that wait for a container, and at least as many requests."""
TRIGGER = f"""
import os

from shipmate.kit import Answer, keyset

RECORDS = keyset(times=("updated",), compare=os.environ["COMPARE"], lag_seconds={LAG_SECONDS}, size=3, most=50)


def process(context, msg, cfg, snapshot):
    session = context.session(cfg, auth="none", allow_http=True)

    def fetch(after, until, limit):
        params = {{"relation": after.relation, "time": after.time, "id": after.id, "until": until, "limit": limit}}
        reply = session.require_success(session.get(os.environ["API"] + "/records", params=params))
        return Answer(reply.json(), date=reply.headers["X-Now"])

    RECORDS.poll(context, cfg, snapshot, fetch, of="records")
"""
DESCRIPTOR = {
    "title": "Polling",
    "description": "Polls an API",
    "triggers": {"poll": {"title": "Poll", "main": "./poll.py", "type": "polling"}},
}

Place = tuple[str, int]


class Api(Server):
    """The records over HTTP; each request is an occasion for others to write."""

    def __init__(self, seed: str) -> None:
        super().__init__(name="api")
        self.records = ChangingApi(Habits(in_seconds=True))
        self.chance = random.Random(seed)  # noqa: S311 - chance, no secret
        self.is_calm = False
        self.reached = threading.Event()
        self.left = 0
        """The requests until ``reached`` is set."""
        self.written = 0
        self.route("GET", "/records", self._page)

    def write(self, count: int) -> None:
        """Insert records; several have one time, and some are shown late."""
        for _ in range(count):
            self.written += 1
            self.records.write(self.written, self.chance.choice([0, 0, 2500]))

    def expect(self, count: int) -> None:
        """Set ``reached`` when there were so many more requests."""
        self.reached.clear()
        self.left = count

    def _page(self, request: Request) -> Reply:
        self.left -= 1
        if not self.left:
            self.reached.set()
        if not self.is_calm:
            self.write(self.chance.randint(0, 2))
            self.records.wait(self.chance.choice([0, 300, 2500]))
        asked = request.query
        key = int(asked["id"]) if "id" in asked else None
        found = self.records.answer(asked["relation"], asked["time"], key, asked["until"], int(asked["limit"]))
        return Reply(200, found["records"], headers={"X-Now": found["date"]})


class Polled:
    """What has come out of the step so far, and what the platform has kept of it."""

    def __init__(self, queues: StepQueues, platform: Platform) -> None:
        self.queues, self.platform = queues, platform
        self.ids: dict[Place, str] = {}
        self.repeated = 0

    @property
    def snapshot(self) -> dict[str, Any]:
        """The snapshot that the next container gets."""
        return dict(self.platform.steps["flow"]["step"].get("snapshot") or {})

    def collect(self, before: dict[str, Any]) -> None:
        """Take the events of a container that is gone, and check them against the snapshot it began with."""
        assert self.queues.drain("error") == []
        for message in self.queues.drain("data"):
            self._check(message, before)
        for message in self.queues.drain("snapshot"):
            self.platform.steps["flow"]["step"]["snapshot"] = message.message

    def _check(self, message: Received, before: dict[str, Any]) -> None:
        record = message.message["body"]
        place = record["updated"], record["id"]
        if before:
            assert place > (before["time"], before.get("id") or 0), "a record before a safe snapshot came again"
        id = message.headers["messageId"]
        self.repeated += place in self.ids
        assert self.ids.setdefault(place, id) == id, "a repeated message has another id"


@pytest.fixture
def step(queues: StepQueues) -> Iterator[tuple[StepQueues, Platform]]:
    with Platform(steps={"flow": {"step": {"config": {}}}}) as platform:
        yield queues, platform


@pytest.mark.parametrize("compare", ["or", "two", "time"])
def test_a_container_that_is_killed_at_any_moment_loses_no_record(
    compare: str, step: tuple[StepQueues, Platform], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Nor does it repeat one that precedes a safe snapshot; what is repeated has the same id."""
    queues, platform = step
    (tmp_path / "component.json").write_text(json.dumps(DESCRIPTOR))
    (tmp_path / "poll.py").write_text(TRIGGER)
    polled = Polled(queues, platform)
    kills = max(4, request.config.getoption("--messages") // 10)
    with Api(compare) as api:
        api.write(40)
        environ = {**platform.environ(), **queues.environ("poll"), "API": api.url, "COMPARE": compare}

        def start() -> Container:
            for _ in range(RUNS - queues.depth("input")):
                queues.publish({"body": {}})
            return Container(environ, folder=tmp_path)

        for _ in range(kills):
            before = polled.snapshot
            api.expect(api.chance.randint(1, RUNS))
            container = start()
            try:
                assert api.reached.wait(SECONDS)
                with pytest.raises(subprocess.TimeoutExpired):
                    container.process.wait(api.chance.uniform(0, 0.02))
            finally:
                container.close()
            eventually(lambda: not consumers(queues), queues)  # then the broker has read all that it sent
            polled.collect(before)

        api.is_calm = True
        api.records.wait(60_000)
        before = polled.snapshot
        api.expect(1)
        container = start()
        try:
            assert api.reached.wait(SECONDS)
            assert container.stop() == 0  # when its message is done
        finally:
            container.close()
        eventually(lambda: not consumers(queues), queues)
        polled.collect(before)

    assert {id for _, id in polled.ids} == set(range(1, api.written + 1))


def consumers(queues: StepQueues) -> int:
    """Return the number of containers that the broker knows."""
    declared = queues.channel.queue_declare(queues.queue("input"), passive=True)
    return int(declared.method.consumer_count)
