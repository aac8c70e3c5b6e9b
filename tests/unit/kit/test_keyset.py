"""What a trigger that polls by time and id asks for, emits and refuses."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shipmate.kit import After, Answer, CannotPoll, Keyset, NoSample, Place, PollFields, keyset
from tests.unit.kit.changing_api import Run, records_of

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
TEN, LATER = "2026-01-31T10:00:00Z", "2026-01-31T10:05:00Z"
FOUR = [{"id": key, "updated": TEN} for key in "abc"] + [{"id": "d", "updated": LATER}]


class Pages:
    """A scripted API that remembers what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, Any, str, Any, int]] = []

    def __call__(self, after: After, until: Any, limit: int) -> Any:
        self.asked.append((after.time, after.id, after.relation, until, limit))
        return self.answers.pop(0) if self.answers else []


def at(made: Keyset, now: datetime = NOW, clock: Any = None) -> Keyset:
    return replace(made, now=lambda: now, **({"clock": clock} if clock else {}))


def poll(made: Keyset, pages: Any, cfg: Any = None, snapshot: Any = None, **options: Any) -> Run:
    run = Run()
    at(made).poll(run, cfg or {}, snapshot or {}, pages, **options)  # type: ignore[arg-type]
    return run


def test_the_requests_messages_and_snapshots_of_a_run() -> None:
    """The example of the reference page."""
    pages = Pages(FOUR[:2], FOUR[2:], [])
    run = poll(keyset("updated"), pages, {"pageSize": "2"}, of="contacts")
    until = "2026-01-31T11:59:55.000Z"
    assert pages.asked == [
        ("1970-01-01T00:00:00.000Z", None, "from", until, 2),
        (TEN, "b", "after", until, 2),
        (LATER, "d", "after", until, 2),
    ]
    assert [event for event, _ in run.events] == ["data", "data", "snapshot", "data", "data", "snapshot"]
    assert [message["body"] for message in run.messages()] == FOUR
    of = run.events[2][1]["of"]
    assert [value for event, value in run.events if event == "snapshot"] == [
        {"v": 1, "time": TEN, "id": "b", "of": of},
        {"v": 1, "time": LATER, "id": "d", "of": of},
    ]


def test_an_api_that_cannot_do_the_or_gets_two_requests() -> None:
    """First the records of the same time, then later ones."""
    pages = Pages(FOUR[:2], FOUR[2:3], FOUR[3:])
    run = poll(keyset("updated", compare="two"), pages, {"pageSize": "2"})
    assert [asked[:3] for asked in pages.asked[1:]] == [(TEN, "b", "equal"), (TEN, None, "later")]
    assert records_of(run.messages()) == FOUR


def test_an_api_that_compares_times_only_never_gets_a_time_in_parts() -> None:
    """A full page of one time is asked for again, larger."""
    pages = Pages(FOUR[:2], FOUR, [])
    run = poll(keyset("updated", compare="time", size=2, most=4), pages)
    assert [asked[2:] for asked in pages.asked] == [("from", pages.asked[0][3], 2), ("from", pages.asked[0][3], 4),
                                                    ("later", pages.asked[0][3], 2)]  # fmt: skip
    assert len(run.messages()) == 3  # d is the last one of a full page: there may be more of its time
    with pytest.raises(CannotPoll, match=r"expected fewer than 2 records with one time in updated"):
        poll(keyset("updated", compare="time", size=2, most=2), Pages(FOUR[:2]))


def test_the_end_of_a_run_is_the_servers_time_even_if_the_own_clock_is_fast() -> None:
    """A record of the last seconds waits, since an earlier one may still come."""
    records = [{"id": 1, "updated": "2026-01-31T11:00:00Z"}, {"id": 2, "updated": "2026-01-31T11:30:00Z"}]
    pages = Pages(Answer(records, date="Sat, 31 Jan 2026 11:30:03 GMT", more=True), [])
    run = poll(keyset("updated"), pages)
    assert records_of(run.messages()) == records[:1]
    assert len(pages.asked) == 1
    odd = poll(keyset("updated"), Pages(Answer(records, date="soon")))
    assert records_of(odd.messages()) == records  # the own clock counts
    slow = replace(keyset("updated"), now=lambda: datetime(2026, 1, 31, 11, 10, tzinfo=UTC))
    run = Run()
    slow.poll(run, {}, {}, Pages(Answer(records, date="Sat, 31 Jan 2026 12:00:00 GMT")))  # type: ignore[arg-type]
    assert records_of(run.messages()) == records[:1]
    naive = Answer(records, date=datetime(2026, 1, 31, 11, 30, 6))
    assert len(poll(keyset("updated"), Pages(naive)).messages()) == 2


def test_a_page_is_emitted_as_one_message() -> None:
    """With all its records, and an id that is made of them."""
    cfg = {"emitBehavior": "emitPage", "pageSize": "2"}
    run = poll(keyset("updated"), Pages(FOUR[:2], FOUR[2:]), cfg)
    assert [each["body"] for each in run.messages()] == [{"results": FOUR[:2]}, {"results": FOUR[2:]}]
    again = poll(keyset("updated"), Pages(FOUR[:2], FOUR[2:]), cfg)
    assert [each["id"] for each in run.messages()] == [each["id"] for each in again.messages()]
    assert poll(keyset("updated"), Pages([]), cfg).events == []


def test_a_snapshot_may_follow_each_message() -> None:
    """Then a process that dies repeats one message at most."""
    run = poll(keyset("updated", snapshots="message"), Pages(FOUR))
    assert [event for event, _ in run.events] == ["data", "snapshot"] * 4
    assert [value["id"] for event, value in run.events if event == "snapshot"] == ["a", "b", "c", "d"]
    run = poll(keyset("updated", snapshots="message"), Pages(FOUR), {"emitBehavior": "emitPage"})
    assert [event for event, _ in run.events] == ["data", "snapshot"]


def test_a_single_page_ends_the_run() -> None:
    """The next one goes on behind it."""
    pages = Pages(FOUR[:2], FOUR[2:])
    run = poll(keyset("updated"), pages, {"singlePagePerInterval": True, "pageSize": 2})
    assert (len(pages.asked), len(run.messages())) == (1, 2)


def test_pages_and_time_have_limits(caplog: pytest.LogCaptureFixture) -> None:
    """The log says that the next run goes on."""
    caplog.set_level(logging.INFO)
    pages = Pages(FOUR[:2], FOUR[2:])
    poll(keyset("updated", max_pages=1, size=2), pages)
    assert len(pages.asked) == 1
    assert "the run ends after 1 pages" in caplog.text
    seconds = iter([0.0, 0.0, 61.0])
    pages = Pages(FOUR[:2], FOUR[2:])
    made = at(keyset("updated", max_seconds=60, size=2), clock=lambda: next(seconds))
    made.poll(Run(), {}, {}, pages)  # type: ignore[arg-type]
    assert len(pages.asked) == 1


def test_start_and_end_time_bound_the_run(caplog: pytest.LogCaptureFixture) -> None:
    """The start is inclusive, the end exclusive; at the end the log says so."""
    caplog.set_level(logging.INFO)
    pages = Pages(FOUR)
    cfg = {"startTime": "2026-01-31T11:00:00+01:00", "endTime": "2026-01-31 10:05"}
    run = poll(keyset("updated"), pages, cfg)
    assert pages.asked[0][0] == "2026-01-31T10:00:00.000Z"
    assert pages.asked[0][3] == "2026-01-31T10:05:00.000Z"
    assert records_of(run.messages()) == FOUR[:3]
    assert "endTime: all records before this time are read" in caplog.text
    for cfg in ({"startTime": TEN, "endTime": TEN}, {"startTime": LATER, "endTime": TEN}):
        with pytest.raises(ValueError, match="endTime: expected a time after startTime"):
            poll(keyset("updated"), Pages(), cfg)


def test_a_start_in_the_future_asks_for_nothing() -> None:
    """Until its time has come."""
    pages = Pages(FOUR)
    assert poll(keyset("updated"), pages, {"startTime": "2027-01-01"}).events == []
    assert pages.asked == []


@pytest.mark.parametrize("empty", ["", None, "  "])
def test_a_cleared_field_means_its_default(empty: Any) -> None:
    """Whatever the platform sends for it."""
    names = ("pollConfig", "emitBehavior", "pageSize", "singlePagePerInterval", "startTime", "endTime")
    pages = Pages(FOUR)
    run = poll(keyset("updated"), pages, {name: "" if name == "singlePagePerInterval" else empty for name in names})
    assert len(run.messages()) == 4
    assert pages.asked[0][4] == 100


@pytest.mark.parametrize(
    ("cfg", "text"),
    [
        ({"pageSize": "0"}, "pageSize: expected a number from 1 to 100, found '0'"),
        ({"pageSize": "101"}, "pageSize: expected a number from 1 to 100, found '101'"),
        (
            {"emitBehavior": "emitAll"},
            "emitBehavior: expected one of emitIndividually, emitPage, fetchPage, found 'emitAll'",
        ),
        ({"pollConfig": "deleted"}, "pollConfig: expected one of updated, created, found 'deleted'"),
        ({"startTime": "01/02/2026"}, "startTime: expected a moment such as"),
        ({"singlePagePerInterval": "perhaps"}, "singlePagePerInterval: expected true or false"),
    ],
)
def test_a_wrong_field_is_named_with_its_bounds(cfg: Any, text: str) -> None:
    """Before anything is asked."""
    pages = Pages(FOUR)
    with pytest.raises(ValueError, match="^" + text.replace("(", r"\(")):
        poll(keyset(("updated", "created")), pages, cfg)
    assert pages.asked == []


def test_other_settings_start_over_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Another object or time is other records; another size of a page is not."""
    made = keyset(("updated", "created"))
    snapshot = poll(made, Pages(FOUR), of="contacts").snapshot({})
    pages = Pages([])
    poll(made, pages, {"pageSize": "7", "emitBehavior": "emitPage", "endTime": "2026-02-01"}, snapshot, of="contacts")
    assert pages.asked[0][:3] == (LATER, "d", "after")
    assert caplog.text == ""
    for cfg, of in (({}, "deals"), ({"pollConfig": "created"}, "contacts"), ({"startTime": TEN}, "contacts")):
        caplog.clear()
        pages = Pages([])
        poll(made, pages, cfg, snapshot, of=of)
        assert pages.asked[0][2] == "from"
        assert "polling starts over" in caplog.text
    with pytest.raises(ValueError, match="of: expected JSON"):
        poll(made, Pages(), of=object())


@pytest.mark.parametrize(
    ("old", "asked"),
    [
        ({"lastModificationTime": TEN, "lastSeenId": "b"}, (TEN, "b", "after")),
        ({"nextStartTime": TEN}, (TEN, None, "from")),
        ({"startTime": TEN, "pageNumber": 2}, (TEN, None, "from")),
        ({"lastModifiedDateTime": TEN}, (TEN, None, "from")),
        ({"other": 1}, ("1970-01-01T00:00:00.000Z", None, "from")),
        ({"v": 1, "time": None, "of": "x"}, ("1970-01-01T00:00:00.000Z", None, "from")),
        ({"nextStartTime": ""}, ("1970-01-01T00:00:00.000Z", None, "from")),
    ],
)
def test_the_snapshot_of_a_predecessor_is_read(old: Any, asked: Any) -> None:
    """A flow goes on when its component is replaced."""
    pages = Pages([])
    poll(keyset("updated"), pages, {}, old)
    assert pages.asked[0][:3] == asked


def test_a_place_with_an_id_is_read_again_when_only_times_are_compared() -> None:
    """A part of a time cannot be left out; a repetition is better than a loss."""
    pages = Pages([])
    poll(keyset("updated", compare="time"), pages, {}, {"lastModificationTime": TEN, "lastSeenId": "b"})
    assert pages.asked[0][:3] == (TEN, None, "from")


@pytest.mark.parametrize(
    ("records", "text"),
    [
        ([{"id": 1, "updated": LATER}, {"id": 2, "updated": TEN}], "in the order of updated, found an earlier one"),
        (
            [{"id": 2, "updated": TEN}, {"id": 1, "updated": TEN}],
            "id: expected records of equal time in the order of id",
        ),
        ([{"id": 1}], "pollConfig: expected a time in updated of each record, found none"),
        ([{"id": 1, "updated": True}], "found bool"),
        ([{"id": 1, "updated": "01/02/2026"}], "the times in updated: expected a number, ISO 8601"),
        ([{"updated": TEN}], "id: expected text or a whole number in id of each record, found none"),
        ([{"id": 1, "updated": 1769850000}], "expected times of one kind, found numbers and dates in updated"),
        ([{"id": 1, "updated": "2026-01-30"}], "declare lag_seconds of at least 86400"),
        ([{"id": 1, "updated": "2026-01-30T09:30Z"}], "declare lag_seconds of at least 60"),
        ("records", "fetch: expected a list of records or an Answer, found str"),
        (Answer([], more=True), "found an empty page of which more are said to follow"),
    ],
)
def test_what_cannot_be_ordered_is_refused(records: Any, text: str) -> None:
    """With one line; without it records would be lost in silence."""
    with pytest.raises(CannotPoll, match=text):
        poll(keyset("updated"), Pages(records))


def test_ids_are_in_order_across_pages() -> None:
    """The record of the last page counts."""
    pages = Pages([{"id": 5, "updated": TEN}, {"id": 7, "updated": TEN}], [{"id": 6, "updated": TEN}])
    with pytest.raises(CannotPoll, match="expected records of equal time in the order of id"):
        poll(keyset("updated", size=2), pages)


def test_an_api_with_finer_times_than_it_writes_is_refused() -> None:
    """It returns the same records again and again."""
    page = [{"id": 1, "updated": TEN}, {"id": 2, "updated": TEN}]
    with pytest.raises(CannotPoll, match="found a full page of earlier ones"):
        poll(keyset("updated", size=2, most=2), lambda after, until, limit: page)


def test_an_order_of_ids_that_python_does_not_know_can_be_declared() -> None:
    """Databases have orders of their own."""
    records = [{"id": "b", "updated": TEN}, {"id": "A", "updated": TEN}]
    assert len(poll(keyset("updated", checks_ids=False), Pages(records)).messages()) == 2
    for ids in ([9, 10], ["9", "10"], ["10", "9"], ["A", "b"], ["B", "a"]):
        records = [{"id": key, "updated": TEN} for key in ids]
        assert len(poll(keyset("updated"), Pages(records)).messages()) == 2


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"times": ()}, "keyset: expected the paths of a time and an id"),
        ({"times": ""}, "keyset: expected the paths of a time and an id"),
        ({"times": "updated", "id": ""}, r"without an order declare listing\(\.\.\.\)"),
    ],
)
def test_a_declaration_without_an_order_is_refused(options: Any, text: str) -> None:
    """When the module is imported: validate says it."""
    with pytest.raises(CannotPoll, match=text):
        keyset(**options)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"compare": "offset"}, "compare: expected or, two, time, found 'offset'"),
        ({"lag_seconds": 0}, "lag_seconds: expected at least 1, found 0"),
        ({"max_pages": 0}, "max_pages: expected at least 1, found 0"),
        ({"size": 200}, r"size: expected a number from 1 to most \(100\), found 200"),
        ({"format": "unix"}, "format: expected iso, seconds, milliseconds or a function, found 'unix'"),
        ({"format": lambda when: "soon"}, "format: expected a function that returns a time"),
    ],
)
def test_a_wrong_option_is_refused(options: Any, text: str) -> None:
    """When the module is imported."""
    with pytest.raises(ValueError, match=text):
        keyset("updated", **options)


@pytest.mark.parametrize(("form", "start", "until"), [("seconds", 0, 1769860795), ("milliseconds", 0, 1769860795000)])
def test_times_may_be_numbers(form: str, start: int, until: int) -> None:
    """They go back to the API as it wrote them."""
    unit = 1000 if form == "milliseconds" else 1
    pages = Pages([{"id": 1, "updated": 1769850000 * unit}, {"id": 2, "updated": until}], [])
    run = poll(keyset("updated", format=form), pages)
    assert pages.asked[0][:4] == (start, None, "from", until)
    assert run.snapshot({})["time"] == 1769850000 * unit


def test_digits_beyond_microseconds_tell_times_apart() -> None:
    """Microsoft Graph writes seven digits."""
    records = [
        {"id": 2, "updated": "2026-01-31T10:00:00.1234567Z"},
        {"id": 1, "updated": "2026-01-31T10:00:00.1234568Z"},
    ]
    assert len(poll(keyset("updated"), Pages(records)).messages()) == 2
    snapshot = poll(keyset("updated", compare="time"), Pages(records[:1])).snapshot({})
    assert len(poll(keyset("updated", compare="time"), Pages(records), {}, snapshot).messages()) == 1


def test_a_sample_is_small_and_leaves_no_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """One request, ten records at most; without a record the error is that of the sample."""
    monkeypatch.setenv("ELASTICIO_FLOW_TYPE", "debug")
    many = [{"id": key, "updated": TEN} for key in range(100)]
    pages = Pages(many, many)
    run = poll(keyset("updated"), pages, {}, {"v": 1})
    assert (len(run.events), pages.asked[0][4], len(pages.asked)) == (10, 10, 1)
    with pytest.raises(NoSample, match="this concerns the sample only"):
        poll(keyset("updated"), Pages([]))


def test_the_body_of_a_record_may_be_another() -> None:
    """Its id and time stay those of the API."""
    made = keyset({"lastModified": "meta.at"}, "meta.key", fields=PollFields(results="items"))
    records = [{"meta": {"at": TEN, "key": 7}, "name": "Ada"}]
    run = poll(made, Pages(records), {"pollConfig": "lastModified"}, body=lambda record: record["name"])
    assert run.messages()[0]["body"] == {"value": "Ada"}
    assert run.snapshot({})["id"] == 7


def test_the_fields_for_component_json_have_the_published_ids_and_defaults() -> None:
    """In the order of published components."""
    fields = keyset(("updated", "created"), size=50, most=500).descriptor()
    assert list(fields) == [
        "pollConfig", "emitBehavior", "pageSize", "singlePagePerInterval", "startTime", "endTime"
    ]  # fmt: skip
    assert fields["pollConfig"]["model"] == {"updated": "Last Modified", "created": "Created"}
    assert fields["pageSize"]["placeholder"] == "50"
    assert fields["pageSize"]["note"] == "1 to 500, 50 unless given"
    assert "pollConfig" not in keyset("updated").descriptor()
    json.dumps(fields)


def test_by_time_alone_a_record_that_arrives_with_the_last_time_is_emitted_once() -> None:
    """The snapshot keeps the ids of the last time, so that the next run asks for this time again."""
    made = keyset("updated", compare="time")
    first = poll(made, Pages(FOUR))
    kept = first.snapshot({})
    assert (kept["time"], kept["seen"], "past" in kept) == (LATER, ["d"], False)
    late = {"id": "a9", "updated": LATER}
    pages = Pages([FOUR[3], late])
    second = poll(made, pages, snapshot=kept)
    assert [message["body"] for message in second.messages()] == [late]
    assert second.snapshot({})["seen"] == ["d", "a9"]
    assert [asked[2] for asked in pages.asked] == ["from"]
    assert not poll(made, Pages([late, FOUR[3]]), snapshot=second.snapshot({})).events


def test_by_time_alone_a_page_full_of_known_records_does_not_stop_the_polling() -> None:
    made = keyset("updated", compare="time", size=3, most=3)
    kept = poll(keyset("updated", compare="time"), Pages(FOUR[:2])).snapshot({})
    # A third record came, and was not found: the API returns the known ones only.
    three = [*FOUR[:2], FOUR[1]]
    run = poll(made, pages := Pages(three, FOUR[3:]), snapshot=kept)
    assert [asked[2] for asked in pages.asked] == ["from", "later"]
    assert [message["body"] for message in run.messages()] == FOUR[3:]


def test_by_time_alone_too_many_records_of_the_last_time_are_not_kept_in_the_snapshot() -> None:
    many = [{"id": number, "updated": TEN} for number in range(181)]
    kept = poll(keyset("updated", compare="time", size=200, most=200), Pages(many)).snapshot({})
    assert (kept.get("past"), kept.get("seen")) == (True, None)


def test_by_time_alone_known_records_do_not_take_the_room_of_new_ones() -> None:
    """A page of more known records than the API can return is not asked for."""
    kept = poll(keyset("updated", compare="time"), Pages(FOUR[:3])).snapshot({})
    pages = Pages([*FOUR[:3], FOUR[3]])
    run = poll(keyset("updated", compare="time", size=2), pages, snapshot=kept)
    assert ([asked[4] for asked in pages.asked], run.messages()[0]["body"]) == ([5], FOUR[3])
    poll(keyset("updated", compare="time", size=2, most=2), pages := Pages(), snapshot=kept)
    assert [asked[2] for asked in pages.asked] == ["later"]


def test_an_unreadable_time_in_the_snapshot_of_a_predecessor_is_shown() -> None:
    """The author sees where it comes from; an empty snapshot is no predecessor's."""
    made = keyset("updated", read_old=lambda old: Place(old["lastChecked"]))
    with pytest.raises(CannotPoll, match=r"^the snapshot of a predecessor: expected a time .* found '2014-11-05Z'"):
        poll(made, Pages([]), snapshot={"lastChecked": "2014-11-05Z"})
    assert poll(made, Pages([]), snapshot={}).events == []
