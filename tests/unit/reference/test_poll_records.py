"""The trigger of the reference component loses and repeats nothing, wherever it dies and however its data changes."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from shipmate.errors import CannotPoll
from shipmate.kit.moments import moment
from shipmate.kit.polling.answer import Record
from shipmate.kit.polling.listing_progress import Progress
from shipmate.kit.polling.listing_progress import ReadPage as Page
from triggers.poll_records import process

_LOGGER = logging.getLogger("poll_records")


class Died(BaseException):
    """The process is gone."""


@dataclass
class Run:
    """A context whose process dies after so many events, and an API with pages of three records."""

    records: Sequence[dict[str, Any]]
    dies_after: int = 10_000
    events: list[tuple[str, Any]] = field(default_factory=list)
    logger: logging.Logger = _LOGGER

    headers: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)

    def session(self, cfg: dict[str, Any], **options: Any) -> "Run":
        return self

    def emit(self, event: str, value: Any) -> None:
        self.events.append((event, json.loads(json.dumps(value))))
        if len(self.events) == self.dies_after:
            raise Died

    def request(self, method: str, url: str, params: Any = None) -> requests.Response:
        response = requests.Response()
        response.request = requests.Request(method, url, params=params).prepare()
        response.status_code, response.url = 200, response.request.url or ""
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
    when = "2026-01-02T00:00:00.000000+00:00"
    progress = Progress("c" * 16, clock=lambda: 1_800_000_000.0)
    progress.note(made(2000, when).records)
    progress.note(made(2000, "9999-12-31T00:00:00.000000+00:00").records)
    progress.turn(Page([], "/all", None))
    progress.note(made(2000, "2026-01-03T00:00:00.000000+00:00").records)
    for number in range(40):
        progress.turn(Page([], f"/{number}", f"/all?{number}" + "x" * 990))
    progress.note(made(2000, "2026-01-03T00:00:00.000000+00:00").records)
    progress.repeat = bytes(range(32)).hex()
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
        ("Sat, 31 Jan 2026 23:00:00 GMT", "Sun, 01 Feb 2026 00:00:00 +0000"),
        ("Fri, 06 Feb 2026 12:00:00 +0100", "Thu, 12 Feb 2026 12:00:00 +0100"),
        ("31.01.2026", "01.02.2026"),
        ("31.1.2026 09:30", "1.2.2026 09:29:59"),
        ("/Date(999999999999)/", "/Date(1000000000000+0060)/"),
        ("2026-01-31 10:30:00 +0100", "2026-01-31T09:30:01Z"),
        ("1767225600.000009", "1767225600.00001"),
        ("9007199254740992", "9007199254740993"),
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


@pytest.mark.parametrize(
    "text",
    [
        *("01/02/2026", "31/01/2026", "1/2/26", "01-02-2026", "31012026", "1.2.26", "Jan 31, 2026", "2026-01-31+02:00"),
        *("Sat, 31 Jan 2026 09:30:00 CET", "2026-01-31T09:30:00 CET"),
        *("week 01", "v2", "0x0A", "1e5", "\u0669", "2026-02-31", ""),
    ],
)
def test_a_time_that_allows_two_readings_is_refused(text: str) -> None:
    """Instead of being compared as text, which would lose records; the error shows the form and not the value."""
    with pytest.raises(CannotPoll, match="since_field: the times in at: expected a number, ISO 8601") as caught:
        poll(Run([{"id": 1, "at": text}]), {"since_field": "at"}, {})
    assert not text or text not in str(caught.value)


def test_numbers_and_dates_are_not_compared() -> None:
    """Neither on one page, nor with the run before."""
    with pytest.raises(CannotPoll, match="numbers and dates"):
        poll(Run([{"id": 1, "at": 5}, {"id": 2, "at": "2026-01-31"}]), {"since_field": "at"}, {})
    snapshot = poll(Run([{"id": 1, "at": 5}]), {"since_field": "at"}, {})
    with pytest.raises(CannotPoll, match="reset the snapshot"):
        poll(Run([{"id": 2, "at": "2026-01-31"}]), {"since_field": "at"}, snapshot)


FAR: Any = [
    ("2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-02T00:00:00Z"),
    ("2026-01-01", "9999-12-31", "2026-01-02"),
    ("01.01.2026", "31.12.9999", "02.01.2026"),
    ("Thu, 01 Jan 2026 00:00:00 GMT", "Fri, 31 Dec 9999 00:00:00 GMT", "Fri, 02 Jan 2026 00:00:00 GMT"),
    ("/Date(1767225600000)/", "/Date(253402214400000)/", "/Date(1767312000000)/"),
    (1767225600, 253402214400, 1767312000),
    (1767225600000, 253402214400000, 1767312000000),
    ("1767225600.5", "253402214400.0", "1767312000.25"),
    ("20260101", "99991231", "20260102"),
    (20260101093000, 99991231235959, 20260102093000),
]


@pytest.mark.parametrize(("first", "far", "later"), FAR)
@pytest.mark.parametrize("is_alone", [True, False])
def test_a_record_from_the_future_does_not_silence_the_trigger(
    first: Any, far: Any, later: Any, is_alone: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """It is emitted once, with a warning, and the changes after it are emitted as well."""
    cfg, records = {"since_field": "at"}, [{"id": 1, "at": far}]
    if not is_alone:
        records = [{"id": 0, "at": first}, *records, {"id": 2, "at": first}]
    snapshot: Any = {}
    events: list[tuple[str, Any]] = []
    for added in ([], [{"id": 3, "at": later}], [{"id": 4, "at": later}], []):
        records = [*records, *added]
        run = Run(records)
        snapshot = poll(run, cfg, snapshot)
        events += run.events
    assert sorted(record["id"] for record in bodies(events)) == sorted(record["id"] for record in records)
    assert "in the future" in caplog.text or (is_alone and moment(far).is_number)
    quiet = Run(records)
    poll(quiet, cfg, snapshot)
    assert bodies(quiet.events) == []


def test_a_future_record_counts_as_the_position_once_its_time_has_come() -> None:
    """It is not emitted again then."""
    page = Page([Record(1, "a", 0, "2026-01-31T00:00:00Z")], "/all", None)
    progress = Progress("c", clock=lambda: 1_769_000_000.0)
    progress.note(progress.new(page))
    progress.turn(page)
    assert (progress.since, len(progress.ahead)) == (None, 1)
    progress = Progress.resume(progress.snapshot(), "c", clock=lambda: 1_770_000_000.0)
    assert progress.new(page) == []
    progress.turn(page)
    assert (progress.since, progress.ahead) == ("2026-01-31T00:00:00Z", [])
    assert progress.new(page) == []


def test_numbers_that_only_count_are_no_times() -> None:
    """However large they are."""
    cfg, snapshot = {"since_field": "at"}, {}
    for count in (3, 5, 5):
        records = [{"id": number, "at": 9_000_000_000 + number} for number in range(count)]
        run = Run(records)
        snapshot = poll(run, cfg, snapshot)
    assert (snapshot["since"], bodies(run.events)) == (9_000_000_004, [])


@pytest.mark.parametrize("count", [3, 180, 181, 700])
def test_a_late_record_of_the_last_moment_is_emitted(count: int) -> None:
    """However many records have that moment; few of them come again."""
    cfg, when = {"since_field": "at"}, "2026-01-31"
    records = [{"id": number, "at": when} for number in range(count)]
    snapshot = poll(Run(records), cfg, {})
    for late in (5001, 5002):
        records = [{"id": late, "at": when}, *records]
        run = Run(records)
        snapshot = poll(run, cfg, snapshot)
        emitted = [record["id"] for record in bodies(run.events)]
        assert late in emitted
        assert len(emitted) <= 1 + count / 10
    quiet = Run(records)
    poll(quiet, cfg, snapshot)
    assert bodies(quiet.events) == []
