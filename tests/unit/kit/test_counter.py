"""A trigger that polls by a growing number loses nothing, and refuses an API that does not order by it."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.kit import Answer, CannotPoll, NoSample, counter, delta, full_listing, keyset, listing
from tests.unit.kit.changing_api import Died, Run, records_of


class Invoices:
    """An API whose invoices get ever greater numbers, also while they are read."""

    def __init__(self, *numbers: int, says_more: bool = False) -> None:
        self.numbers = list(numbers)
        self.says_more = says_more
        self.meanwhile: list[int] = []
        """How many invoices are added before each of the next requests."""
        self.asked: list[tuple[int | None, int]] = []

    def add(self, count: int) -> None:
        for _ in range(count):
            self.numbers.append((self.numbers[-1] if self.numbers else 0) + 1 + len(self.numbers) % 3)

    def fetch(self, after: int | None, limit: int) -> Any:
        if self.meanwhile:
            self.add(self.meanwhile.pop(0))
        self.asked.append((after, limit))
        assert len(self.asked) < 1000, "an endless loop"
        found = [{"number": each} for each in self.numbers if after is None or each > after]
        return Answer(found[:limit], more=len(found) > limit) if self.says_more else found[:limit]


def poll(fetch: Any, snapshot: Any = None, cfg: Any = None, run: Run | None = None, **options: Any) -> Run:
    run = run or Run()
    try:
        counter("number").poll(run, cfg or {}, snapshot, fetch, **options)  # type: ignore[arg-type]
    except Died:
        pass
    return run


def numbers_of(run: Run) -> list[int]:
    return [each["number"] for each in records_of(run.messages())]


@given(
    rounds=st.lists(
        st.tuples(st.lists(st.integers(0, 5), max_size=6), st.integers(1, 12), st.booleans(), st.booleans()), max_size=6
    ),
    size=st.integers(1, 4),
    by_page=st.booleans(),
    says_more=st.booleans(),
)
def test_each_record_comes_once_wherever_the_process_dies_and_whatever_is_added_meanwhile(
    rounds: list[tuple[list[int], int, bool, bool]], size: int, by_page: bool, says_more: bool
) -> None:
    """A message that comes twice before its snapshot has the same id."""
    api, snapshot = Invoices(says_more=says_more), {}
    cfg: dict[str, Any] = {"pageSize": size, "emitBehavior": "emitPage" if by_page else None}
    safe: set[int] = set()
    ids: dict[int, str] = {}
    order: list[int] = []
    for meanwhile, dies_at, is_safe_then, single in [*rounds, ([], 1_000_000, True, False)]:
        api.meanwhile = [*meanwhile]
        cfg["singlePagePerInterval"] = single
        run = poll(api.fetch, snapshot, cfg, Run(dies_at, is_safe_then))
        snapshot = run.snapshot(snapshot)
        fresh: list[int] = []
        for event, value in run.events:
            if event == "snapshot":
                safe |= {*fresh}
                assert value["number"] == fresh[-1]
                continue
            for record in records_of([value]):
                assert record["number"] not in safe
                if not by_page:
                    assert ids.setdefault(record["number"], value["id"]) == value["id"]
                fresh.append(record["number"])
        order += [each for each in fresh if each not in order]
    assert order == api.numbers
    assert by_page or len({*ids.values()}) == len(api.numbers)
    assert poll(api.fetch, snapshot).events == []


@pytest.mark.parametrize("says_more", [False, True])
def test_a_run_asks_for_what_follows_the_last_number_until_there_is_no_more(says_more: bool) -> None:
    """A snapshot follows each page."""
    api = Invoices(3, 7, 40, 41, says_more=says_more)
    run = poll(api.fetch, {}, {"pageSize": "2"}, of="invoices")
    name = run.events[-1][1]["of"]
    assert [event for event, _ in run.events] == ["data", "data", "snapshot"] * 2
    assert run.events[2][1] == {"v": 1, "number": 7, "of": name}
    assert run.snapshot({}) == {"v": 1, "number": 41, "of": name}
    assert api.asked == [(None, 2), (7, 2), *([] if says_more else [(41, 2)])]
    assert poll(api.fetch, run.snapshot({}), of="invoices").events == []
    assert api.asked[-1] == (41, 100)


def test_the_answer_says_whether_there_is_more_whatever_the_size_of_a_page() -> None:
    """An API may allow smaller pages than were asked for."""
    pages = {None: Answer([{"number": 1}], more=True), 1: Answer([{"number": 2}, {"number": 3}], more=False)}
    assert numbers_of(poll(lambda after, limit: pages[after], {}, {"pageSize": 2})) == [1, 2, 3]


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ([{"number": 43}, {"number": 42}], "expected records in the ascending order of number"),
        ([{"number": 42}, {"number": 42}], "each number once"),
        ([{"number": 41}, {"number": 42}], "expected only records whose number is greater than the requested one"),
        ([{"number": 1}], "expected only records whose number is greater than the requested one"),
        ([{"number": 42}, {"id": 43}], "expected a whole number in number of each record, found nothing"),
        ([{"number": None}], "found nothing"),
        ([{"number": "00042"}], "found text"),
        ([{"number": "42"}], "found text"),
        ([{"number": True}], "found a boolean"),
        ([{"number": 42.0}], "found a number"),
        (Answer([], more=True), "found an empty page of which more are said to follow"),
        ({"number": 42}, "expected a list of records or an Answer, found dict"),
    ],
)
def test_an_api_that_does_not_order_by_the_number_is_refused_before_a_record_is_lost(records: Any, text: str) -> None:
    """In one line; nothing of the page is emitted."""
    snapshot = poll(Invoices(41).fetch).snapshot({})
    run = Run()
    with pytest.raises(CannotPoll, match=text) as caught:
        poll(lambda after, limit: records, snapshot, run=run)
    assert run.events == []
    assert "\n" not in str(caught.value)


def test_a_page_in_the_wrong_order_is_refused_at_the_beginning_too() -> None:
    """Where no number is known; the newest first is the default order of many APIs."""
    with pytest.raises(CannotPoll, match="ask the API to order by number"):
        poll(lambda after, limit: [{"number": 2}, {"number": 1}])


def test_numbers_below_zero_are_numbers_and_zero_is_a_place() -> None:
    """Only None is the beginning."""
    api = Invoices(-1, 0)
    snapshot = poll(api.fetch, {}, {"pageSize": 1}).snapshot({})
    assert api.asked == [(None, 1), (-1, 1), (0, 1)]
    api.add(1)
    assert len(numbers_of(poll(api.fetch, snapshot))) == 1
    with pytest.raises(CannotPoll, match="greater than the requested one"):
        poll(lambda after, limit: [{"number": 0}], snapshot)


def test_a_number_that_a_platform_would_round_is_text_in_the_snapshot() -> None:
    """A place that is rounded up loses the records before it."""
    api = Invoices(2**53 - 1)
    assert poll(api.fetch).snapshot({})["number"] == 2**53 - 1
    api.numbers.append(2**53 + 1)
    snapshot = poll(api.fetch).snapshot({})
    assert snapshot["number"] == "9007199254740993"
    api.numbers.append(2**53 + 2)
    assert numbers_of(poll(api.fetch, snapshot)) == [2**53 + 2]


def test_polling_by_number_goes_on_from_the_number_of_a_predecessor(caplog: pytest.LogCaptureFixture) -> None:
    """Its snapshots are read once; a snapshot that has none starts over, and the log says so."""
    made, api = counter("number", read_old=lambda old: old.get("last")), Invoices(0, 1, 2)
    for last in (0, "0"):
        (page,) = made.pages({}, {"last": last}, api.fetch)
        assert [each["number"] for each in page.records] == [1, 2]
    assert caplog.text == ""
    (page,) = made.pages({}, {"last": 0, "v": 1, "of": "other settings"}, api.fetch)
    assert len(page.records) == 3
    (page,) = made.pages({}, {"other": 2}, api.fetch)
    assert (len(page.records), "polling starts over" in caplog.text) == (3, True)
    assert list(made.pages({}, page.snapshot, api.fetch)) == []
    with pytest.raises(CannotPoll, match="expected a whole number in the snapshot or from read_old, found text"):
        next(made.pages({}, {"last": "INV-2"}, api.fetch))
    with pytest.raises(CannotPoll, match="found text"):
        next(made.pages({}, {"last": "1_7"}, api.fetch))


def test_another_collection_or_another_number_starts_over(caplog: pytest.LogCaptureFixture) -> None:
    """The last number of one says nothing about the other."""
    api = Invoices(1)
    snapshot = poll(api.fetch, {}, of="one").snapshot({})
    assert numbers_of(poll(api.fetch, snapshot, of="two")) == [1]
    assert "polling starts over" in caplog.text
    page = next(counter("id").pages({}, snapshot, lambda after, limit: [{"id": 1}], of="one"))
    assert page.snapshot is not None
    assert page.snapshot["of"] != snapshot["of"]


def test_a_run_of_numbers_ends_after_the_most_pages(caplog: pytest.LogCaptureFixture) -> None:
    """The next one goes on."""
    caplog.set_level("INFO")
    run = Run()
    counter("number", size=1, max_pages=2).poll(run, {}, {}, Invoices(1, 2, 3).fetch)  # type: ignore[arg-type]
    assert numbers_of(run) == [1, 2]
    assert "the run ends after 2 pages" in caplog.text


def test_one_page_of_numbers_for_each_interval_if_a_person_wants_that() -> None:
    assert numbers_of(poll(Invoices(1, 2, 3).fetch, {}, {"pageSize": 2, "singlePagePerInterval": "on"})) == [1, 2]


def test_the_records_of_a_page_may_be_one_message_with_bodies_of_the_authors_own() -> None:
    """The number is read from the record."""
    run = poll(Invoices(1, 2).fetch, {}, {"emitBehavior": "emitPage"}, body=lambda record: {"was": record["number"]})
    assert [each["body"] for each in run.messages()] == [{"results": [{"was": 1}, {"was": 2}]}]


def test_a_sample_of_numbers_begins_at_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has ten records at most, in their order, and no snapshot."""
    snapshot = poll(Invoices(41).fetch).snapshot({})
    monkeypatch.setenv("ELASTICIO_FLOW_TYPE", "debug")
    with pytest.raises(NoSample):
        poll(Invoices().fetch)
    api = Invoices(*range(30))
    run = poll(api.fetch, snapshot)
    assert ([event for event, _ in run.events], api.asked) == (["data"] * 10, [(None, 10)])
    with pytest.raises(CannotPoll, match="ascending order"):
        poll(lambda after, limit: [{"number": 2}, {"number": 1}])


def test_a_declaration_without_a_number_or_with_impossible_pages_is_refused() -> None:
    with pytest.raises(CannotPoll, match="counter: expected the path of a number"):
        counter("")
    with pytest.raises(ValueError, match=r"size: expected a number from 1 to most \(100\), found 101"):
        counter(size=101)


@pytest.mark.parametrize("declare", [counter, delta, full_listing, partial(keyset, "updated"), listing])
def test_a_run_of_no_pages_is_refused(declare: Callable[..., Any]) -> None:
    """The trigger would never poll."""
    with pytest.raises(ValueError, match="max_pages: expected at least 1, found 0"):
        declare(max_pages=0)


def test_an_answer_without_a_list_is_one_line() -> None:
    """As where the API has no such member."""
    with pytest.raises(CannotPoll, match="expected a list of records or an Answer, found NoneType"):
        next(counter().pages({}, None, lambda *_: Answer(None)))  # type: ignore[arg-type]


def test_the_fields_of_a_counter_for_component_json_have_no_times() -> None:
    """A number is no time."""
    found = json.loads(json.dumps(counter(size=7, most=9).descriptor()))
    assert list(found) == ["emitBehavior", "pageSize", "singlePagePerInterval"]
    assert found["pageSize"]["note"] == "1 to 9, 7 unless given"
