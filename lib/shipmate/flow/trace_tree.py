"""Reads a trace, and shows one thread of messages as a tree."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from shipmate.errors import BadInput
from shipmate.wording import file_problem

_RETURNED: Final = "rebound"
_LONGEST_BODY: Final = 500
_AT_INPUT: Final = ("rebound", "dead")
"""Events that have the id of the message that the step has received."""

Record = Mapping[str, Any]


@dataclass(slots=True)
class Branch:
    """A publication of a thread, and what followed from it."""

    record: Record
    children: list["Branch"] = field(default_factory=list)


@dataclass(slots=True)
class Thread:
    """A thread in a list."""

    id: str
    began_ms: int
    messages: int = 0
    errors: int = 0


def read(path: Path) -> Iterator[Record]:
    """Yield the lines of a trace.

    Raises:
        BadInput: The file cannot be read, or a line is not one of a trace.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _record(line, f"line {number}: {path}")
    except (OSError, ValueError) as error:
        raise BadInput(f"expected the file of a trace, found {file_problem(error)}: {path}") from None


def _record(line: str, place: str) -> Record:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and isinstance(value.get("event"), str) and isinstance(value.get("time_ms"), int):
        return value
    raise BadInput(f"expected a line of flow run --trace, found other text in {place}")


def threads(path: Path) -> list[Thread]:
    """Return the threads of a trace, the oldest first.

    Raises:
        BadInput: The file is no trace.
    """
    found: dict[str, Thread] = {}
    for record in read(path):
        thread_id = record.get("thread")
        if isinstance(thread_id, str):
            thread = found.setdefault(thread_id, Thread(thread_id, record["time_ms"]))
            thread.messages += record["event"] == "data"
            thread.errors += record["event"] == "error"
    return list(found.values())


def line_of(thread: Thread) -> str:
    """Return the line of a thread in a list.

    >>> line_of(Thread("t1", 0, messages=2, errors=1))
    't1  1970-01-01T00:00:00.000Z  2 messages  1 error'
    """
    return f"{thread.id}  {_moment(thread.began_ms)}  {_counted(thread.messages, 'message')}  " + _counted(
        thread.errors, "error"
    )


def thread_of(path: Path, given: str) -> list[Record]:
    """Return the lines of one thread.

    Args:
        path: The file of the trace.
        given: The id of the thread, or of one of its messages.

    Raises:
        BadInput: The file is no trace, or has no such thread.
    """
    records: list[Record] = []
    thread_id: str | None = None
    for record in read(path):
        if record.get("thread") == given:
            records.append(record)
        elif thread_id is None and record.get("id") == given and isinstance(record.get("thread"), str):
            thread_id = record["thread"]
    if records:
        return records
    if thread_id is not None:
        return [record for record in read(path) if record.get("thread") == thread_id]
    raise BadInput(f"expected the id of a thread or of a message, found no line with {given!r}: {path}")


def grown(records: list[Record]) -> list[Branch]:
    """Return the publications of a thread as trees: each one below the message that it came from."""
    roots: list[Branch] = []
    arrivals: dict[tuple[str, str], Branch] = {}
    """The branch of each message at each step that gets it; a mapping keeps the id of its message."""
    for record in sorted(records, key=lambda each: each["time_ms"]):
        message_id, step, event = record.get("id"), record.get("step"), record["event"]
        targets = [each for each in record.get("to") or () if isinstance(each, str)]
        if event == "input" and record.get(_RETURNED) and all((message_id, each) in arrivals for each in targets):
            continue  # it comes back from a rebound, which has a line of its own
        branch = Branch(record)
        before = arrivals.get((str(message_id if event in _AT_INPUT else record.get("parent")), str(step)))
        if before is None:
            roots.append(branch)
        elif event != "dead" or not any(each.record["event"] == "error" for each in before.children):
            before.children.append(branch)
        if event in ("data", "input", "error"):  # an error handler gets errors
            for target in targets:
                arrivals.setdefault((str(message_id), target), branch)
    return roots


def drawn(records: list[Record]) -> str:
    """Return the tree of a thread as text."""
    if not records:
        return ""
    began_ms = min(each["time_ms"] for each in records)
    names = {"data": "message", "error": "error", "rebound": "rebound"}
    sums = ", ".join(_counted(sum(each["event"] == event for each in records), names[event]) for event in names)
    lines = [f"thread {records[0].get('thread')}", f"began {_moment(began_ms)}: {sums}"]
    stack = [(branch, "", "", "") for branch in reversed(grown(records))]
    while stack:
        branch, indent, first, following = stack.pop()
        lines.append(indent + first + _line(branch, began_ms))
        indent += following
        body = branch.record.get("message")
        if body is not None:
            text = json.dumps(body, ensure_ascii=False)
            lines.append(f"{indent}{'│  ' if branch.children else '   '}{text[:_LONGEST_BODY]}")
        for place, child in enumerate(reversed(branch.children)):
            ends = ("└─ ", "   ") if place == 0 else ("├─ ", "│  ")
            stack.append((child, indent, *ends))
    return "\n".join(lines) + "\n"


def _line(branch: Branch, began_ms: int) -> str:
    record = branch.record
    event, step = record["event"], record.get("step") or "platform"
    parts = [_outcome(branch, event, step), f"+{(record['time_ms'] - began_ms) / 1000:.3f} s"]
    started, ended = record.get("started_ms"), record.get("ended_ms")
    if isinstance(started, int) and isinstance(ended, int) and event != "rebound":
        parts.append(f"after {ended - started} ms of work")
    if isinstance(size := record.get("bytes"), int) and event in ("data", "input"):
        parts.append(f"{size:,} bytes")
    if event not in _AT_INPUT:
        parts.append(str(record.get("id")))
    return "  ".join(parts)


def _outcome(branch: Branch, event: str, step: str) -> str:
    record = branch.record
    targets = [str(each) for each in record.get("to") or ()]
    if event in ("data", "input"):
        again = " (retry)" if record.get("retry") is True else ""
        goal = ", ".join(targets) or ("result" if event == "data" else "nowhere")
        answering = {child.record.get("step") for child in branch.children}
        silent = [each for each in targets if each not in answering]
        return f"{step} → {goal}{again}" + (f" (nothing from {', '.join(silent)})" if silent else "")
    if event == "error":
        error = record.get("error")
        error = error if isinstance(error, dict) else {}
        return f"{step}: {error.get('name')}: {' '.join(str(error.get('message')).split())}"
    if event == "rebound":
        return f"{step}: rebound {record.get(_RETURNED)}: {record.get('reason')}"
    return f"{step}: {'rejected' if event == 'dead' else event}"


def _counted(count: int, name: str) -> str:
    return f"{count} {name}{'' if count == 1 else 's'}"


def _moment(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
