"""A trigger that polls by tokens loses nothing, and begins again when the API has forgotten its token."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipmate.kit import Answer, CannotPoll, NoSample, TokenRefused, delta
from tests.unit.kit.changing_api import Died, Run, records_of


class Log:
    """An API with a log of changes; tokens are places in it, and old ones are forgotten."""

    def __init__(self) -> None:
        self.changes: list[dict[str, Any]] = []
        self.forgotten = 0
        self.tokens: list[str | None] = []

    def write(self, key: int) -> None:
        self.changes.append({"id": key, "version": len(self.changes)})

    def fetch(self, token: str | None, limit: int) -> Answer:
        self.tokens.append(token)
        assert len(self.tokens) < 500, "an endless loop"
        begin = self.forgotten if token is None else int(token)
        if begin < self.forgotten:
            raise TokenRefused
        found = self.changes[begin : begin + limit]
        return Answer(found, next=str(begin + len(found)), more=begin + len(found) < len(self.changes))


def poll(log: Any, snapshot: Any, cfg: Any = None, run: Run | None = None, **options: Any) -> Run:
    run = run or Run()
    try:
        delta(version="version", deleted="removed").poll(run, cfg or {}, snapshot, log, **options)  # type: ignore[arg-type]
    except Died:
        pass
    return run


@given(
    rounds=st.lists(st.tuples(st.lists(st.integers(0, 9), max_size=9), st.integers(1, 12), st.booleans()), max_size=6),
    size=st.integers(1, 4),
    by_page=st.booleans(),
)
def test_all_changes_come_once_wherever_the_process_dies(
    rounds: list[tuple[list[int], int, bool]], size: int, by_page: bool
) -> None:
    """A message that comes twice before its snapshot has the same id."""
    log, snapshot, cfg = Log(), {}, {"pageSize": size, "emitBehavior": "emitPage" if by_page else None}
    safe: set[int] = set()
    emitted: dict[int, str] = {}
    for changes, dies_at, is_safe_then in [*rounds, ([], 1_000_000, True)]:
        for key in changes:
            log.write(key)
        run = poll(log.fetch, snapshot, cfg, Run(dies_at, is_safe_then))
        snapshot = run.snapshot(snapshot)
        fresh: set[int] = set()
        for event, value in run.events:
            if event == "snapshot":
                safe |= fresh
                continue
            for record in records_of([value]):
                assert record["version"] not in safe
                if not by_page:
                    assert emitted.get(record["version"], value["id"]) == value["id"]
                emitted[record["version"]] = value["id"]
                fresh.add(record["version"])
    assert set(emitted) == set(range(len(log.changes)))
    assert poll(log.fetch, snapshot).events == []


def test_a_refused_token_means_a_full_read_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Once in a run: an API that refuses its newest token cannot be polled."""
    log = Log()
    for key in range(3):
        log.write(key)
    snapshot = poll(log.fetch, {}, of="folder").snapshot({})
    assert snapshot == {"v": 1, "delta": "3", "of": snapshot["of"]}
    log.write(7)
    log.write(8)
    log.forgotten = 4
    run = poll(log.fetch, snapshot, of="folder")
    assert [record["id"] for record in records_of(run.messages())] == [8]
    assert "all records are read again" in caplog.text

    def refuses(token: str | None, limit: int) -> Answer:
        if token is not None:
            raise TokenRefused
        return Answer([{"id": 1}], next="1", more=True)

    with pytest.raises(CannotPoll, match="the API refuses the token that it gave in this run"):
        poll(refuses, snapshot, of="folder")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer([{"id": 1}]), "expected a token in Answer.next"),
        (Answer([{"id": 1}], next="x" * 4001), "at most 4000 characters, found 4001"),
        (Answer([{"id": 1}], next="same", more=True), "found one whose page was read before"),
    ],
)
def test_a_token_that_leads_nowhere_is_refused(answer: Answer, text: str) -> None:
    """A run must end."""
    with pytest.raises(CannotPoll, match=text):
        poll(lambda token, limit: answer, {})


def test_a_page_without_records_moves_the_token() -> None:
    """An old one may be forgotten."""
    run = poll(lambda token, limit: Answer([], next="2", more=False), {})
    assert [event for event, _ in run.events] == ["snapshot"]
    assert poll(lambda token, limit: Answer([], next="2", more=False), run.snapshot({})).events == []


def test_tokens_in_circles_are_refused() -> None:
    """However long the circle is."""
    following = {None: "a", "a": "b", "b": "c", "c": "a"}
    with pytest.raises(CannotPoll, match="read before"):
        poll(lambda token, limit: Answer([{"id": 1}], next=following[token], more=True), {})


def test_deleted_records_come_only_if_asked_for() -> None:
    """The mark may be an object."""
    answer = Answer(
        [{"id": 1}, {"id": 2, "removed": {"reason": "deleted"}}, {"id": 3, "removed": False}], next="t", more=False
    )
    assert [each["id"] for each in records_of(poll(lambda *_: answer, {}).messages())] == [1, 3]
    assert [each["id"] for each in records_of(poll(lambda *_: answer, {}, with_deleted=True).messages())] == [1, 2, 3]


def test_without_a_version_a_record_that_changes_back_is_another_change() -> None:
    """Its message has another id; a repetition has the same one."""
    states = {None: "old", "1": "new", "2": "old"}

    def fetch(token: str | None, limit: int) -> Answer:
        return Answer([{"id": 7, "state": states[token]}], next=str(int(token or 0) + 1), more=token != "2")

    ids = []
    for _ in range(2):
        run = Run()
        delta().poll(run, {}, {}, fetch)  # type: ignore[arg-type]
        ids.append([each["id"] for each in run.messages()])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3


def test_an_api_that_does_not_say_whether_there_is_more_is_read_until_a_page_is_empty() -> None:
    """One page for each interval if a person wants that."""
    log = Log()
    for key in range(5):
        log.write(key)

    def silent(token: str | None, limit: int) -> Answer:
        found = log.fetch(token, limit)
        return Answer(found.records, next=found.next)

    assert len(poll(silent, {}, {"pageSize": 2}).messages()) == 5
    assert len(poll(silent, {}, {"pageSize": 2, "singlePagePerInterval": "on"}).messages()) == 2


def test_other_settings_start_over(caplog: pytest.LogCaptureFixture) -> None:
    """A folder's token says nothing about another folder."""
    log = Log()
    log.write(1)
    snapshot = poll(log.fetch, {}, of="one").snapshot({})
    assert len(poll(log.fetch, snapshot, of="two").messages()) == 1
    assert "polling starts over" in caplog.text


@pytest.mark.parametrize("token", [7, "", None, ["1"]])
def test_a_token_that_the_kit_has_not_kept_is_not_sent(token: Any) -> None:
    """As in a snapshot that a person has edited."""
    log = Log()
    log.write(1)
    poll(log.fetch, {**poll(log.fetch, {}).snapshot({}), "delta": token})
    assert log.tokens == [None, None]


def test_a_run_ends_after_the_most_pages(caplog: pytest.LogCaptureFixture) -> None:
    """The next one goes on."""
    caplog.set_level("INFO")
    log, run = Log(), Run()
    for key in range(5):
        log.write(key)
    delta(size=1, max_pages=2).poll(run, {}, {}, log.fetch)  # type: ignore[arg-type]
    assert len(run.messages()) == 2
    assert "the run ends after 2 pages" in caplog.text


def test_a_sample_begins_at_the_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the snapshot says; it has ten records at most, and no snapshot."""
    monkeypatch.setenv("ELASTICIO_FLOW_TYPE", "debug")
    log = Log()
    with pytest.raises(NoSample):
        poll(log.fetch, {})
    for key in range(30):
        log.write(key)
    run = poll(log.fetch, {"v": 1, "delta": "30"})
    assert [event for event, _ in run.events] == ["data"] * 10


def test_the_fields_for_component_json_have_no_times() -> None:
    """A token is no time."""
    assert list(json.loads(json.dumps(delta().descriptor()))) == ["emitBehavior", "pageSize", "singlePagePerInterval"]


def test_an_account_without_records_has_no_token_yet() -> None:
    """The token of some APIs is the id of the last record."""
    assert poll(lambda token, limit: Answer([]), {}).events == []
    log = Log()
    log.write(1)
    kept = poll(log.fetch, {}).snapshot({})
    assert poll(lambda token, limit: Answer([]), kept).events == []


def test_delta_goes_on_from_the_token_of_a_predecessor() -> None:
    log = Log()
    for key in (1, 2, 3):
        log.write(key)
    made = delta(version="version", read_old=lambda old: old.get("token"))
    (page,) = made.pages({}, {"token": "2"}, log.fetch)
    assert ([each["id"] for each in page.records], log.tokens) == ([3], ["2"])


def test_a_predecessor_without_a_token_starts_over_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """An empty text is no token."""
    log = Log()
    log.write(1)
    (page,) = delta(version="version", read_old=lambda old: old["token"]).pages({}, {"token": ""}, log.fetch)
    assert ([each["id"] for each in page.records], log.tokens) == ([1], [None])
    assert "polling starts over" in caplog.text
