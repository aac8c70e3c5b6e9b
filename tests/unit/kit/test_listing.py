"""What a trigger that reads a whole collection does beside its progress, which other tests prove."""

from typing import Any

import pytest

from shipmate.kit import Answer, NoSample, Place, listing
from tests.unit.kit.changing_api import Run


def pages_of(records: list[int]) -> Any:
    """Return a function that fetches pages by offset."""

    def fetch(position: Any, since: Any, limit: int) -> Answer:
        begin = int(position or 0)
        found = [{"id": number} for number in records[begin : begin + limit]]
        return Answer(found, next=begin + len(found) if found else None)

    return fetch


def poll(records: list[int], cfg: Any = None, snapshot: Any = None, **options: Any) -> Run:
    run = Run()
    listing(**options).poll(run, cfg or {}, snapshot or {}, pages_of(records), of="numbers")  # type: ignore[arg-type]
    return run


def ids(run: Run) -> list[int]:
    return [each["body"]["id"] for each in run.messages()]


def test_a_run_ends_after_one_page_or_after_the_most(caplog: pytest.LogCaptureFixture) -> None:
    """The next one goes on."""
    caplog.set_level("INFO")
    numbers = list(range(7))
    first = poll(numbers, {"pageSize": "3", "singlePagePerInterval": True})
    assert ids(first) == [0, 1, 2]
    second = poll(numbers, {"pageSize": "3"}, first.snapshot({}), max_pages=1)
    assert ids(second) == [3, 4, 5]
    assert ids(poll(numbers, {"pageSize": "3"}, second.snapshot({}))) == [6]
    assert "the run ends after 1 pages" in caplog.text


def test_other_settings_start_over(caplog: pytest.LogCaptureFixture) -> None:
    """A position in one collection says nothing about another."""
    snapshot = poll([1, 2]).snapshot({})
    run = Run()
    listing().poll(run, {}, snapshot, pages_of([1, 2]), of="others")  # type: ignore[arg-type]
    assert ids(run) == [1, 2]
    assert "polling starts over" in caplog.text


def test_a_sample_is_small_and_leaves_no_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a record the error is that of the sample."""
    monkeypatch.setenv("ELASTICIO_FLOW_TYPE", "debug")
    run = poll(list(range(100)))
    assert [event for event, _ in run.events] == ["data"] * 10
    with pytest.raises(NoSample):
        poll([])


def test_the_fields_for_component_json_have_no_times() -> None:
    """The position is no time."""
    assert list(listing().descriptor()) == ["emitBehavior", "pageSize", "singlePagePerInterval"]


def test_a_person_can_choose_the_time_and_its_bounds() -> None:
    """Each choice is another collection; records outside of the bounds are left out."""
    made = listing(time={"changed": "updated", "new": "created"}, labels={"changed": "Changed"}, bounds=True)
    fields = made.descriptor()
    assert fields["pollConfig"]["model"] == {"changed": "Changed", "new": "new"}
    assert {"startTime", "endTime"} <= fields.keys()
    found = [
        {"id": number, "updated": f"2026-01-31T0{number}:00:00Z", "created": "2026-01-01T00:00:00Z"}
        for number in range(1, 6)
    ]
    cfg = {"startTime": "2026-01-31T02:00:00Z", "endTime": "2026-01-31T04:00:00Z"}

    def run(cfg: Any, snapshot: Any = None) -> list[Any]:
        return [each["id"] for page in made.pages(cfg, snapshot, lambda *asked: Answer(found)) for each in page.records]

    assert (run(cfg), run({**cfg, "pollConfig": "new"}), run({})) == ([2, 3], [], [1, 2, 3, 4, 5])
    with pytest.raises(ValueError, match="expected time="):
        listing(bounds=True)


def test_a_listing_goes_on_from_a_snapshot_of_a_predecessor() -> None:
    made = listing(time="updated", read_old=lambda old: Place(old["since"]) if "since" in old else None)
    found = [{"id": number, "updated": f"2026-01-31T0{number}:00:00Z"} for number in range(1, 4)]
    asked = []

    def fetch(position: Any, since: Any, limit: int) -> Answer:
        asked.append(since)
        return Answer(found)

    pages = list(made.pages({}, {"since": "2026-01-31T02:00:00Z"}, fetch))
    assert [each["id"] for page in pages for each in page.records] == [2, 3]
    assert asked == ["2026-01-31T02:00:00Z"]
    assert not list(made.pages({}, pages[-1].snapshot, fetch))
