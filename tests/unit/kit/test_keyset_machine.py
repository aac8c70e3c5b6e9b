"""A trigger that polls by time and id loses and repeats nothing, whatever the API, its records and the process do."""

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shipmate.kit import Keyset, keyset
from tests.unit.kit.changing_api import LAG_SECONDS, MOST_DELAY_MS, ChangingApi, Died, Fails, Habits, Run, records_of

KEYS = st.integers(0, 30)
DELAYS = st.integers(0, MOST_DELAY_MS)
CHANGES = st.one_of(
    st.tuples(st.just("write"), KEYS, DELAYS),
    st.tuples(st.just("delete"), KEYS, st.just(0)),
    st.tuples(st.just("wait"), st.integers(0, 20_000), st.just(0)),
    st.tuples(st.just("bulk"), KEYS, DELAYS),
    st.tuples(st.just("fail"), st.just(0), st.just(0)),
)
HABITS = st.builds(
    Habits,
    compare=st.sampled_from(["or", "two", "time"]),
    is_inclusive=st.booleans(),
    in_seconds=st.booleans(),
    text_ids=st.booleans(),
    says_more=st.booleans(),
    pages=st.sampled_from(["", "offset", "cursor"]),
    container_ahead_seconds=st.sampled_from([0, 0, 600, -600]),
)


class Polling(RuleBasedStateMachine):
    """An API, a flow that polls it, and everything that happens to both."""

    @initialize(habits=HABITS, size=st.integers(1, 6), options=st.tuples(st.booleans(), st.booleans(), st.booleans()))
    def begin(self, habits: Habits, size: int, options: tuple[bool, bool, bool]) -> None:
        by_page, by_message, single = options
        self.api = ChangingApi(habits)
        if habits.says_more and habits.compare != "time" and not habits.is_inclusive:
            habits.cap = max(1, size - 1)
        self.keyset = replace(declared(self.api), snapshots="message" if by_message else "page")
        self.cfg = {
            "emitBehavior": "emitPage" if by_page else "",
            "pageSize": str(size),
            "singlePagePerInterval": single,
        }
        self.snapshot: Any = {}
        self.emitted: dict[tuple[Any, str], tuple[str, int]] = {}
        self.safe: set[tuple[Any, str]] = set()

    @rule(change=CHANGES)
    def change(self, change: tuple[str, int, int]) -> None:
        if change[0] != "fail":
            apply(self.api, change)

    @rule(
        meanwhile=st.lists(CHANGES, max_size=4),
        dies_at=st.one_of(st.just(1_000_000), st.integers(1, 12)),
        is_safe_then=st.booleans(),
        size=st.integers(1, 6),
    )
    def run(self, meanwhile: list[tuple[str, int, int]], dies_at: int, is_safe_then: bool, size: int) -> None:
        if not self.api.habits.says_more:
            self.cfg["pageSize"] = str(size)
        self.api.meanwhile = [lambda change=change: apply(self.api, change) for change in meanwhile]
        self._poll(Run(dies_at, is_safe_then))
        self.api.meanwhile = []

    def _poll(self, run: Run) -> None:
        known = self.snapshot
        self.api.requests = 0
        try:
            self.keyset.poll(run, self.cfg, self.snapshot, self.api.fetch, of="records")  # type: ignore[arg-type]
        except (Died, Fails):
            pass
        self.snapshot = run.snapshot(self.snapshot)
        self._note(run)
        assert self.snapshot == known or self.snapshot["of"]

    def _note(self, run: Run) -> None:
        fresh: set[tuple[Any, str]] = set()
        for event, value in run.events:
            if event == "snapshot":
                self.safe |= fresh
                continue
            for record in records_of([value]):
                key = (record["id"], record["updated"])
                assert key not in self.safe, "a record was repeated after its snapshot"
                if self.cfg["emitBehavior"] == "" and key in self.emitted:
                    assert self.emitted[key] == (value["id"], record["number"]), "a repetition has another id"
                self.emitted[key] = (value["id"], record["number"])
                fresh.add(key)

    @invariant()
    def the_snapshot_is_small(self) -> None:
        assert len(str(getattr(self, "snapshot", ""))) < 500

    def teardown(self) -> None:
        """Read the rest: then each record has been emitted in its last state."""
        if not hasattr(self, "api"):
            return
        self.api.wait(1_000_000)
        self.cfg["singlePagePerInterval"] = False
        self._poll(Run())
        last = {(record["id"], record["updated"]): record["number"] for record in self.api.visible()}
        assert {key: number for key, (_, number) in self.emitted.items() if key in last} == last, "a record was lost"
        quiet = Run()
        self.keyset.poll(quiet, self.cfg, self.snapshot, self.api.fetch, of="records")  # type: ignore[arg-type]
        assert quiet.events == []


def declared(api: ChangingApi) -> Keyset:
    """Return the declaration for this API."""
    habits = api.habits
    has_room = (habits.compare == "time" and not habits.pages) or habits.is_inclusive
    most = 1000 if has_room else 6
    made = keyset("updated", compare=habits.compare, lag_seconds=LAG_SECONDS, size=2, most=most)  # type: ignore[arg-type]
    if habits.container_ahead_seconds < 0:
        habits.tells_date = False
    return replace(made, now=api.container_now)


def apply(api: ChangingApi, change: tuple[str, int, int]) -> None:
    """Let something happen at the API."""
    kind, number, delay = change
    if kind == "write":
        api.write(number, delay)
    elif kind == "bulk":
        for key in range(number, number + 9):
            api.write(key, delay)
    elif kind == "delete":
        api.delete(number)
    elif kind == "wait":
        api.wait(number)
    else:
        raise Fails


TestPolling = Polling.TestCase
TestPolling.settings = settings(
    max_examples=100, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
