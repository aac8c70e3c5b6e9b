"""The same over real HTTP: an API that changes, fails and dies while a component polls it."""

import random
from dataclasses import replace
from typing import Any

import pytest
import requests

from shipmate.emulator import Reply, Server
from shipmate.kit import After, Answer, keyset
from tests.unit.kit.changing_api import LAG_SECONDS, ChangingApi, Died, Habits, Run, records_of


@pytest.mark.parametrize("compare", ["or", "two", "time"])
def test_each_record_comes_once_in_its_last_state(compare: Any) -> None:
    """A hundred runs, in each of which something happens."""
    chance = random.Random(compare)  # noqa: S311 - chance, no secret
    api = ChangingApi(Habits(compare=compare, in_seconds=True))
    emitted: dict[tuple[Any, str], int] = {}
    safe: set[tuple[Any, str]] = set()
    snapshot: Any = {}
    is_calm: list[bool] = []

    def serve(request: Any) -> Reply:
        if not is_calm:
            change(api, chance)
        query = request.query
        key = int(query["id"]) if "id" in query else None
        if chance.random() < 0.1 and not is_calm:
            return Reply(503, {"error": "busy"})
        answer = api.answer(query["relation"], query["time"], key, query["until"], int(query["limit"]))
        return Reply(200, answer["records"], headers={"X-Now": answer["date"]})

    with Server(name="crm") as server, requests.Session() as session:
        server.route("GET", "/records", serve)

        def fetch(after: After, until: Any, limit: int) -> Answer:
            params = {"relation": after.relation, "time": after.time, "id": after.id, "until": until, "limit": limit}
            reply = session.get(server.url + "/records", params=params, timeout=10)
            reply.raise_for_status()
            return Answer(reply.json(), date=reply.headers["X-Now"])

        made = replace(
            keyset("updated", compare=compare, lag_seconds=LAG_SECONDS, size=3, most=500), now=api.container_now
        )
        for number in range(101):
            run = Run(dies_at=chance.randint(1, 9) if chance.random() < 0.5 and number < 100 else 1_000_000)
            if number == 100:
                is_calm.append(True)
                api.wait(60_000)
            try:
                made.poll(run, {}, snapshot, fetch, of="records")  # type: ignore[arg-type]
            except (Died, requests.HTTPError):
                pass
            snapshot = run.snapshot(snapshot)
            fresh: set[tuple[Any, str]] = set()
            for event, value in run.events:
                if event == "snapshot":
                    safe |= fresh
                    continue
                for record in records_of([value]):
                    assert (record["id"], record["updated"]) not in safe
                    emitted[record["id"], record["updated"]] = record["number"]
                    fresh.add((record["id"], record["updated"]))
    assert len(safe) > 50
    last = {(record["id"], record["updated"]): record["number"] for record in api.visible()}
    assert {key: number for key, number in emitted.items() if key in last} == last


def change(api: ChangingApi, chance: random.Random) -> None:
    """Let a few things happen at the API."""
    for _ in range(chance.randint(0, 4)):
        api.write(chance.randint(0, 40), chance.randint(0, 3000))
    if chance.random() < 0.3:
        api.delete(chance.randint(0, 40))
    api.wait(chance.randint(0, 3000))
