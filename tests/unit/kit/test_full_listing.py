"""A whole list in every run: nothing is lost, and a run that dies is gone on with."""

from typing import Any

import pytest

from shipmate.kit import Answer, NoSample, TokenRefused, full_listing
from tests.unit.kit.changing_api import Run

NUMBERS = list(range(7))


def poll(records: list[Any], cfg: Any = None, snapshot: Any = None, *, forgets: bool = False, **options: Any) -> Run:
    """Poll a list whose pages have three records."""

    def fetch(position: Any, limit: int) -> Answer:
        if position is not None and forgets:
            raise TokenRefused
        begin = int(position or 0)
        found = records[begin : begin + min(limit, 3)]
        return Answer([each if isinstance(each, dict) else {"id": each} for each in found], next=_next(begin + 3))

    def _next(position: int) -> int | None:
        return position if position < len(records) else None

    run: Any = Run()
    full_listing(**options).poll(run, cfg or {}, snapshot or {}, fetch, of="numbers")
    return run  # type: ignore[no-any-return]


def ids(run: Run) -> list[int]:
    return [each["body"]["id"] for each in run.messages()]


def keys(run: Run) -> list[str]:
    return [each["id"] for each in run.messages()]


def test_every_run_emits_all_as_new_messages() -> None:
    """The last snapshot is empty."""
    first = poll(NUMBERS)
    second = poll(NUMBERS, snapshot=first.snapshot({}))
    assert ids(first) == ids(second) == NUMBERS
    assert first.events[-1] == ("snapshot", {})
    assert not set(keys(first)) & set(keys(second))


@pytest.mark.parametrize("emit", ["emitIndividually", "emitPage"])
def test_a_run_that_dies_anywhere_is_gone_on_with(emit: str) -> None:
    """At most the message without its snapshot comes again, with the id that it had."""
    cfg = {"emitBehavior": emit}
    whole = poll(NUMBERS, cfg)
    for count in range(1, len(whole.events)):
        before = whole.events[:count]
        emitted = [value["id"] for event, value in before if event == "data"]
        snapshot = [{}, *(value for event, value in before if event == "snapshot")][-1]
        rest = keys(poll(NUMBERS, cfg, snapshot))
        assert [*emitted[: len(emitted) - (before[-1][0] == "data")], *rest] == keys(whole)


def test_pages_that_were_read_are_not_read_again() -> None:
    """The position of the page is in the snapshot."""
    snapshot = next(value for event, value in poll(NUMBERS).events if event == "snapshot" and value.get("page") == 3)
    assert ids(poll(NUMBERS, snapshot=snapshot)) == [3, 4, 5, 6]


def test_a_position_that_the_api_has_forgotten_is_read_from_the_beginning(caplog: pytest.LogCaptureFixture) -> None:
    """With the ids of before."""
    whole = poll(NUMBERS)
    snapshot = next(value for event, value in whole.events if event == "snapshot" and value.get("page") == 6)
    again = poll(NUMBERS[:3], snapshot=snapshot, forgets=True)
    assert keys(again) == keys(whole)[:3]
    assert "all records are read again" in caplog.text


def test_a_page_that_begins_with_other_records_is_emitted_as_a_whole() -> None:
    """A repetition is better than a loss; equal records are counted."""
    snapshot = next(value for event, value in poll(NUMBERS).events if event == "snapshot" and value.get("done") == 2)
    assert ids(poll(NUMBERS[1:], snapshot=snapshot)) == NUMBERS[1:]
    equal = poll([{"id": 1}, {"id": 1}])
    assert len(set(keys(equal))) == 2


def test_nothing_found_emits_nothing() -> None:
    """Not even a snapshot."""
    assert poll([]).events == []


def test_a_run_can_end_after_one_page_or_after_the_most(caplog: pytest.LogCaptureFixture) -> None:
    """The next one goes on."""
    caplog.set_level("INFO")
    first = poll(NUMBERS, {"singlePagePerInterval": True})
    assert ids(first) == [0, 1, 2]
    second = poll(NUMBERS, snapshot=first.snapshot({}), max_pages=1)
    assert ids(second) == [3, 4, 5]
    assert "the run ends after 1 pages" in caplog.text


def test_another_list_begins_at_its_start() -> None:
    """A place in one list says nothing about another."""
    snapshot = poll(NUMBERS).events[5][1]
    assert ids(poll(NUMBERS, {"emitBehavior": "emitIndividually"}, {**snapshot, "of": "x"})) == NUMBERS


def test_a_sample_is_small_and_leaves_no_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a record the error is that of the sample."""
    monkeypatch.setenv("ELASTICIO_FLOW_TYPE", "debug")
    assert [event for event, _ in poll(NUMBERS).events] == ["data"] * 3
    with pytest.raises(NoSample):
        poll([])


def test_the_entry_in_component_json_has_its_fields() -> None:
    """Without times, since nothing is compared."""
    assert list(full_listing().descriptor()) == ["emitBehavior", "pageSize", "singlePagePerInterval"]
