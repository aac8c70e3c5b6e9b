"""An API in memory whose records change while they are read, and a run of a trigger that may die at any event."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from shipmate.kit import After, Answer

BEGIN = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
LAG_SECONDS = 5
MOST_DELAY_MS = 3000


class Died(BaseException):
    """The process is gone."""


class Fails(Exception):
    """The API answers with an error."""


@dataclass
class Habits:
    """What the API is like."""

    compare: str = "or"
    is_inclusive: bool = False
    """Whether the record or the time of the place is returned again."""
    in_seconds: bool = False
    """Whether times are cut to the second."""
    tells_date: bool = True
    text_ids: bool = False
    says_more: bool = False
    """Whether an answer says if there are more records."""
    cap: int = 1000
    """The most records of a page, whatever is asked for."""
    pages: str = ""
    """How the records behind a place come in pages: by ``offset``, by ``cursor``, or not at all."""
    container_ahead_seconds: int = 0


@dataclass
class Version:
    """One state of a record."""

    time: str
    visible_at: datetime
    number: int


@dataclass
class ChangingApi:
    """The records, in all their versions, and a clock."""

    habits: Habits = field(default_factory=Habits)
    now: datetime = BEGIN
    records: dict[Any, list[Version]] = field(default_factory=dict)
    requests: int = 0
    meanwhile: list[Callable[[], None]] = field(default_factory=list)
    """What happens before the next requests."""
    shuffle: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - chance, no secret
    numbers: int = 0

    def write(self, key: int, delay_ms: int = 0) -> None:
        """Create or change a record; it becomes visible later."""
        name = f"r{key:03}" if self.habits.text_ids else key
        self.numbers += 1
        visible_at = self.now + timedelta(milliseconds=delay_ms)
        history = self.records.setdefault(name, [])
        if history:
            visible_at = max(visible_at, history[-1].visible_at)
        history.append(Version(self.stamp(), visible_at, self.numbers))

    def delete(self, key: int) -> None:
        """Delete a record."""
        self.records.pop(f"r{key:03}" if self.habits.text_ids else key, None)

    def wait(self, milliseconds: int) -> None:
        """Let time pass."""
        self.now += timedelta(milliseconds=milliseconds)

    def stamp(self) -> str:
        """Return the time as a record gets it."""
        if self.habits.in_seconds:
            return f"{self.now:%Y-%m-%dT%H:%M:%S}Z"
        return f"{self.now:%Y-%m-%dT%H:%M:%S}.{self.now.microsecond // 1000:03d}Z"

    def container_now(self) -> datetime:
        """Return the time of the container's clock."""
        return self.now + timedelta(seconds=self.habits.container_ahead_seconds)

    def visible(self) -> list[dict[str, Any]]:
        """Return the records that the API shows now."""
        found = []
        for key, history in self.records.items():
            seen = [version for version in history if version.visible_at <= self.now]
            if seen:
                found.append({"id": key, "updated": seen[-1].time, "number": seen[-1].number})
        return found

    def fetch(self, after: After, until: Any, limit: int) -> Answer:
        """Answer one request."""
        self.requests += 1
        if self.meanwhile:
            self.meanwhile.pop(0)()
        assert self.requests < 2000, "an endless loop"
        answer = self.answer(after.relation, str(after.time), after.id, str(until), limit, after.position)
        return Answer(
            json.loads(json.dumps(answer["records"])), date=answer["date"], more=answer["more"], next=answer["next"],
        )  # fmt: skip

    def answer(
        self, relation: str, time: str, key: Any, until: str, limit: int, position: str | int | None = None
    ) -> dict[str, Any]:
        """Return the body of an answer."""
        later = self.habits.compare == "time"
        found = [
            record
            for record in self.visible()
            if record["updated"] < _as_written(until, self.habits) and self._is_after(record, relation, time, key)
        ]
        if later and not self.habits.pages:
            self.shuffle.shuffle(found)
        is_by_time = later and not self.habits.pages
        found.sort(
            key=(lambda record: record["updated"]) if is_by_time else (lambda record: (record["updated"], record["id"]))
        )
        if isinstance(position, str):
            found = [record for record in found if [record["updated"], record["id"]] > json.loads(position)]
        start = position if isinstance(position, int) else 0
        found = found[start:]
        size = min(limit, self.habits.cap)
        more = len(found) > size if self.habits.says_more else None
        date = f"{self.now:%a, %d %b %Y %H:%M:%S} GMT" if self.habits.tells_date else None
        following = None
        if self.habits.pages and len(found) > size:
            last = found[size - 1]
            is_offset = self.habits.pages == "offset"
            following = start + size if is_offset else json.dumps([last["updated"], last["id"]])
        return {"records": found[:size], "more": more, "date": date, "next": following}

    def _is_after(self, record: Mapping[str, Any], relation: str, time: str, key: Any) -> bool:
        when = record["updated"]
        time = _as_written(time, self.habits)
        again = self.habits.is_inclusive
        if relation == "from":
            return bool(when >= time)
        if relation == "later":
            return bool(when > time or (again and when == time))
        is_behind = when == time and (record["id"] > key or (again and record["id"] == key))
        return is_behind if relation == "equal" else bool(is_behind or when > time)


def _as_written(text: str, habits: Habits) -> str:
    """Return a time in the form of the records, so that texts can be compared."""
    return text if not habits.in_seconds or "." not in text else _ceiling(text)


def _ceiling(text: str) -> str:
    when = datetime.fromisoformat(text)
    if when.microsecond:
        when = when.replace(microsecond=0) + timedelta(seconds=1)
    return f"{when:%Y-%m-%dT%H:%M:%S}Z"


@dataclass
class Run:
    """The context of one run; the process dies at an event, before or after it is safe."""

    dies_at: int = 1_000_000
    is_safe_then: bool = True
    events: list[tuple[str, Any]] = field(default_factory=list)

    def emit(self, event: str, value: Any) -> None:
        """Keep an event."""
        is_last = len(self.events) + 1 >= self.dies_at
        if is_last and not self.is_safe_then:
            raise Died
        self.events.append((event, json.loads(json.dumps(value))))
        if is_last:
            raise Died

    def snapshot(self, before: Any) -> Any:
        """Return the last safe snapshot."""
        return next((value for event, value in reversed(self.events) if event == "snapshot"), before)

    def messages(self) -> list[dict[str, Any]]:
        """Return the emitted messages."""
        return [value for event, value in self.events if event == "data"]


def records_of(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the records in messages."""
    return [record for each in messages for record in each["body"].get("results", [each["body"]])]
