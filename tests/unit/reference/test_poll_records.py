"""The trigger of the reference component loses and repeats nothing, wherever it dies and however its data changes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from rest.paging import Page, Record
from rest.progress import Progress
from triggers.poll_records import process


class Died(BaseException):
    """The process is gone."""


@dataclass
class Run:
    """A context whose process dies after so many events, and an API with pages of three records."""

    records: Sequence[dict[str, Any]]
    dies_after: int = 10_000
    events: list[tuple[str, Any]] = field(default_factory=list)

    def oauth2(self, cfg: dict[str, Any], hosts: list[str]) -> "Run":
        return self

    def emit(self, event: str, value: Any) -> None:
        self.events.append((event, json.loads(json.dumps(value))))
        if len(self.events) == self.dies_after:
            raise Died

    def request(self, method: str, url: str, params: dict[str, str]) -> requests.Response:
        response = requests.Response()
        response.status_code, response.url = 200, requests.Request(method, url, params=params).prepare().url or ""
        response.request = requests.Request(method, response.url).prepare()
        query = {name: values[0] for name, values in parse_qs(urlsplit(response.url).query).items()}
        start = int(query.get("offset", 0))
        end = start + 3
        response.headers["Content-Type"] = "application/json"
        if end < len(self.records):
            response.headers["Link"] = f'</all?offset={end}>; rel="next"'
        following = f"?offset={end}" if end < len(self.records) else None
        body = {"records": self.records[start:end], "next": following}
        response._content = json.dumps(body).encode()
        return response


CFG = {"base_url": "https://api.example", "path": "/all", "records_field": "records", "id_field": "id"}


def poll(run: Run, cfg: dict[str, Any], snapshot: Any) -> Any:
    """Run the trigger, to its end or death, and return the last snapshot that was safe."""
    try:
        process(run, {}, {**CFG, **cfg}, snapshot)
    except Died:
        pass
    return next((value for event, value in reversed(run.events) if event == "snapshot"), snapshot)


def bodies(events: list[tuple[str, Any]]) -> list[dict[str, Any]]:
    """Return the records that were emitted, one by one or by page."""
    emitted = [value["body"] for event, value in events if event == "data"]
    return [record for body in emitted for record in body.get("records", [body])]


@given(
    growth=st.lists(st.integers(0, 8), min_size=1, max_size=4),
    deaths=st.lists(st.integers(1, 12), max_size=6),
    paging=st.sampled_from(["link", "next_url", "offset"]),
    emit=st.sampled_from(["record", "page"]),
)
def test_a_growing_collection_is_emitted_once(growth: list[int], deaths: list[int], paging: str, emit: str) -> None:
    """Each death repeats at most one message, with the id that it had."""
    cfg, snapshot = {"paging": paging, "emit": emit}, {}
    records: list[dict[str, Any]] = []
    events: list[tuple[str, Any]] = []
    pending = list(deaths)
    for count in growth:
        records += [{"id": len(records) + number} for number in range(count)]
        while pending:
            run = Run(records, dies_after=pending.pop())
            snapshot = poll(run, cfg, snapshot)
            events += run.events
        run = Run(records)
        snapshot = poll(run, cfg, snapshot)
        events += run.events
    ids = [value["id"] for event, value in events if event == "data"]
    assert {record["id"] for record in bodies(events)} == set(range(len(records)))
    assert len(ids) - len(set(ids)) <= len(deaths)
    if emit == "record":
        assert len(set(ids)) == len(records)
    quiet = Run(records)
    poll(quiet, cfg, snapshot)
    assert quiet.events == []


CHANGES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), max_size=8)


@given(
    rounds=st.lists(CHANGES, min_size=1, max_size=4),
    deaths=st.lists(st.integers(1, 10), max_size=4),
    paging=st.sampled_from(["link", "next_url", "offset"]),
    is_newest_first=st.booleans(),
)
def test_changes_are_emitted_once_though_times_are_equal(
    rounds: list[list[tuple[int, int]]], deaths: list[int], paging: str, is_newest_first: bool
) -> None:
    """In whatever order the API gives them; a later run takes what has come at the very same moment."""
    cfg, snapshot, clock = {"paging": paging, "since_field": "at"}, {}, 0
    state: dict[int, int] = {}
    expected: set[tuple[int, int]] = set()
    emitted: list[tuple[int, int]] = []
    pending = list(deaths)
    for changes in rounds:
        for key, tick in sorted(changes, key=lambda change: change[1]):
            if state.get(key) != clock + tick:
                state[key] = clock + tick
        clock += max((tick for _, tick in changes), default=0)
        expected |= set(state.items())
        records = [{"id": key, "at": at} for key, at in sorted(state.items(), key=lambda item: item[1])]
        if is_newest_first:
            records.reverse()
        for dies_after in [*pending, 10_000]:
            run = Run(records, dies_after=dies_after)
            snapshot = poll(run, cfg, snapshot)
            emitted += [(record["id"], record["at"]) for record in bodies(run.events)]
        pending = []
    assert set(emitted) == expected
    assert len(emitted) - len(expected) <= len(deaths)


def made(count: int, changed: Any = None) -> Page:
    records = [Record(number, f"record {number}", number, changed) for number in range(count)]
    return Page(records, "/all", "/all?page=2")


def test_the_largest_snapshot_stays_below_five_kilobytes() -> None:
    """With pages and bulk changes of any size, and the longest position."""
    progress = Progress("c" * 16, since="2026-01-01T00:00:00.000000+00:00", since_done=["abcd"] * 280)
    progress.note(made(2000, "2026-01-02T00:00:00.000000+00:00").records)
    for number in range(40):
        progress.turn(Page([], f"/{number}", f"/all?{number}" + "x" * 990))
    progress.note(made(2000, "2026-01-02T00:00:00.000000+00:00").records)
    assert 4500 < len(json.dumps(progress.snapshot())) < 5000


def test_of_a_very_long_page_the_place_is_kept_by_number() -> None:
    """The latest records by their keys."""
    progress, long = Progress("c"), made(2000)
    for record in long.records[:1500]:
        progress.note([record])
    resumed = Progress.resume(json.loads(json.dumps(progress.snapshot())), "c")
    assert resumed.new(long) == long.records[1500:]


def test_a_bulk_change_does_not_come_again() -> None:
    """Although there are more records of that moment than can be remembered."""
    progress, bulk = Progress("c"), made(2000, 7)
    progress.note(bulk.records)
    assert progress.turn(Page(bulk.records, "/all", None)) is False
    assert progress.new(bulk) == []
    assert len(progress.new(made(1, 8))) == 1


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (9, 10),
        ("9", "10"),
        (1.5, 2),
        ("2026-01-01T01:00:00+01:00", "2026-01-01T00:00:01Z"),
        ("2026-01-01T00:00:00", "2026-01-01T00:00:00.5Z"),
        ("week 01", "week 02"),
    ],
)
def test_times_are_compared_as_what_they_are(earlier: Any, later: Any) -> None:
    """Numbers, moments in any time zone, or else text."""
    progress = Progress("c")
    progress.note(made(1, later).records)
    progress.turn(Page([], "/all", None))
    assert progress.new(made(1, earlier)) == []
    progress = Progress("c", since=earlier, latest=earlier)
    assert len(progress.new(made(1, later))) == 1
