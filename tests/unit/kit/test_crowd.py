"""Many records of one time, from an API that compares times alone: they are read by the pages of the API."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shipmate.kit import After, Answer, CannotPoll, keyset
from tests.unit.kit.changing_api import Run

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
TEN, LATER = "2026-01-31T10:00:00Z", "2026-01-31T10:05:00Z"


def records(count: int, time: str = TEN, first: int = 0) -> list[dict[str, Any]]:
    return [{"id": number, "updated": time} for number in range(first, first + count)]


class Search:
    """An API that compares and orders times only, with pages at an offset or a cursor."""

    def __init__(self, found: list[dict[str, Any]], *, cursors: bool = False) -> None:
        self.found = found
        self.cursors = cursors
        self.asked: list[tuple[str, Any]] = []
        self.before: Callable[[], object] = lambda: None
        """Called before each request."""

    def __call__(self, after: After, until: Any, limit: int) -> Answer:
        self.asked.append((after.relation, after.position))
        self.before()
        is_behind = (lambda time: time >= after.time) if after.relation == "from" else (lambda time: time > after.time)
        found = [each for each in self.found if is_behind(each["updated"])]
        start = int(after.position or 0)
        end = start + limit
        following = (str(end) if self.cursors else end) if end < len(found) else None
        return Answer(found[start:end], more=following is not None, next=following)


def poll(search: Any, snapshot: Any = None, **options: Any) -> Run:
    run = Run()
    cfg = options.pop("cfg", {})
    made = replace(keyset("updated", compare="time", **{"size": 100, **options}), now=lambda: NOW)
    made.poll(run, cfg, snapshot or {}, search)  # type: ignore[arg-type]
    return run


def ids(run: Run) -> list[int]:
    return [message["body"]["id"] for message in run.messages()]


@pytest.mark.parametrize("cursors", [False, True])
@pytest.mark.parametrize("count", [99, 100, 101, 199, 200, 201, 555])
@pytest.mark.parametrize("after", [0, 1, 150])
def test_all_of_them_are_emitted_once(count: int, after: int, cursors: bool) -> None:
    """Those of a later time follow, and a second run finds nothing."""
    search = Search([*records(count), *records(after, LATER, count)], cursors=cursors)
    run = poll(search)
    assert ids(run) == list(range(count + after))
    assert not poll(search, run.snapshot({})).events


def test_the_snapshot_follows_when_the_time_is_complete() -> None:
    """A run that dies before repeats the messages, with their ids."""
    search = Search([*records(250), *records(1, LATER, 250)])
    events = [event for event, _ in poll(search).events]
    assert events == ["data"] * 251 + ["snapshot"]
    assert poll(search).messages() == poll(search).messages()


def test_neither_a_single_page_nor_the_most_pages_end_a_run_among_them() -> None:
    """The next run would begin with them again."""
    search = Search([*records(350), *records(350, LATER, 350)])
    assert ids(poll(search, cfg={"singlePagePerInterval": True})) == list(range(350))
    assert ids(poll(search, max_pages=1)) == list(range(350))


def test_a_record_that_moves_away_meanwhile_hides_no_other() -> None:
    """At an offset, those behind it have moved up."""
    search = Search(records(300))

    def change() -> None:
        if len(search.asked) == 2:
            search.found.remove({"id": 5, "updated": TEN})
            search.found.append({"id": 5, "updated": LATER})

    search.before = change
    run = poll(search)
    assert sorted(set(ids(run))) == list(range(300))
    assert len(ids(run)) == 301
    assert [each["body"]["id"] for each in run.messages() if each["body"]["updated"] == LATER] == [5]


def test_a_record_that_comes_later_with_the_last_time_is_found() -> None:
    """The snapshot has the ids of the last time, as long as they are few."""
    search = Search(records(130))
    first = poll(search, size=100, most=200)
    search.found += records(1, TEN, 130)
    assert ids(poll(search, first.snapshot({}), size=100, most=200)) == [130]


def test_an_order_that_changes_with_each_request_is_refused() -> None:
    """Nothing could be read in pages."""
    search = Search(records(300))
    search.before = lambda: search.found.insert(0, search.found.pop())
    with pytest.raises(CannotPoll, match="expected records of one time in a fixed order, found them in another one"):
        poll(search)


def test_a_page_that_comes_again_is_refused() -> None:
    """It would be an endless loop."""
    with pytest.raises(CannotPoll, match="expected another page of records of one time, found the same again"):
        poll(lambda after, until, limit: Answer(records(100), next="same"))


def test_without_pages_the_error_says_what_to_do() -> None:
    """In one line."""
    with pytest.raises(CannotPoll) as refused:
        poll(lambda after, until, limit: records(limit))
    assert str(refused.value) == (
        "pollConfig: expected fewer than 100 records with one time in updated, found a full page of them: let the API "
        "compare ids too (compare='or'), raise the size of a page (most), or return the position of the next page as "
        "Answer.next"
    )
