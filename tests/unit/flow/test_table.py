"""The table of a run at a terminal."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from shipmate.cli.tracebacks import author_frames
from shipmate.flow.events import Failure
from shipmate.flow.journal import Totals
from shipmate.flow.state import Rates, fields_of, state_of
from shipmate.flow.table import Table, rendered
from tests.unit.flow.runs import counts, failure, two_steps
from tests.unit.flow.test_topology import edge, node, topology


def text_of(*failures: Failure, totals: Totals | None = None, **more: int) -> list[str]:
    """Return the lines of the table of two steps, of which the second has some counts."""
    made = two_steps()
    all_counts = [
        counts(made, "a", running=1, consuming=1, received=1, emitted=1200),
        counts(made, "b", running=2, **more),
        counts(made, "mapper:a:b", running=1, consuming=1, received=1200, emitted=1199, unsettled=1),
    ]
    stream = io.StringIO()
    console = Console(file=stream, width=110, markup=False, emoji=False, highlight=False)
    console.print(rendered(made.flow, all_counts, [0.2, 7.0, 300.0], failures, frames_of=author_frames, totals=totals))
    return stream.getvalue().splitlines()


def test_each_step_has_a_row_and_a_mapping_stands_before_its_target() -> None:
    lines = text_of(consuming=1, received=40, emitted=30, errors=3, rebounds=2, queued=1159, unsettled=5)
    assert [line.split() for line in lines[1:]] == [
        ["step", "state", "containers", "in", "out", "errors", "rebounds", "queued", "rate"],
        ["a", "Poll", "ready", "1/1", "1", "1,200", "0", "0", "0", "0.2/s"],
        ["mapper:a:b", "working", "-", "1,200", "1,199", "0", "0", "0", "300.0/s"],
        ["b", "working", "2/1", "40", "30", "3", "2", "1,159", "7.0/s"],
    ]


def narrow(width: int, **more: int) -> list[str]:
    """Return the lines of a table for a terminal of some columns."""
    made = topology(
        [node("step_1", is_first=True, name="New contacts"), node("step_2")], [edge("step_1", "step_2", {"x": "y"})]
    )
    all_counts = [
        counts(made, "step_1", running=1, consuming=1, received=1, emitted=12_345),
        counts(made, "mapper:step_1:step_2", running=1, consuming=1, received=12_345, emitted=12_345),
        counts(made, "step_2", running=1, consuming=1, received=12_000, emitted=12_000, queued=345, **more),
    ]
    stream = io.StringIO()
    Console(file=stream, width=width).print(
        rendered(made.flow, all_counts, [0.2, 1234.5, 7.0], frames_of=author_frames)
    )
    return [line.rstrip() for line in stream.getvalue().splitlines()[1:]]


def test_80_columns_have_a_table_without_what_says_nothing() -> None:
    assert narrow(80, errors=3) == [
        "step                  state   up      in     out  errors  queued       rate",
        "step_1                ready  1/1       1  12,345       0       0      0.2/s",
        "mapper:step_1:step_2  ready    -  12,345  12,345       0       0  1,234.5/s",
        "step_2                ready  1/1  12,000  12,000       3     345      7.0/s",
    ]
    assert "rebounds" in narrow(80, rebounds=2)[0]


@pytest.mark.parametrize("width", [60, 40, 20])
def test_a_narrow_terminal_cuts_no_number(width: int) -> None:
    lines = narrow(width, errors=3, rebounds=2)

    assert max(map(len, lines)) <= width
    assert " ".join(" ".join(lines).split()) == (
        "step_1 ready in 1 out 12,345 rate 0.2/s "
        "mapper:step_1:step_2 ready in 12,345 out 12,345 rate 1,234.5/s "
        "step_2 ready in 12,000 out 12,000 errors 3 rebounds 2 queued 345 rate 7.0/s"
    )


def test_a_container_that_is_missing_is_shown_at_any_width() -> None:
    made = two_steps()
    for width in (120, 80, 40):
        stream = io.StringIO()
        Console(file=stream, width=width).print(
            rendered(made.flow, [counts(made, "a")], [0.0], frames_of=author_frames)
        )
        assert "0/1" in stream.getvalue()


def test_a_step_starts_until_it_consumes_and_stops_without_a_process() -> None:
    made = two_steps()
    states = [
        state_of(counts(made, "b", running=1)),
        state_of(counts(made, "b", running=1, consuming=1)),
        state_of(counts(made, "b", running=1, consuming=1, unsettled=1)),
        state_of(counts(made, "b")),
    ]
    assert states == ["starting", "ready", "working", "stopped"]


def test_an_error_is_shown_with_the_frames_of_the_author() -> None:
    text = "\n".join(text_of(failure()))
    assert "12:30:01 b: ValueError: no such list" in text
    assert text.index("/home/ada/crm/upsert.py") < text.index("/home/ada/crm/lists.py")


def test_frames_of_libraries_are_not_the_authors() -> None:
    library = f'  File "{Path(io.__file__).parent}/json/decoder.py", line 355, in raw_decode\n    raise error'
    stack = failure().stack.replace("ValueError: no such list", f"{library}\nValueError: no such list")
    assert not [line for line in author_frames({"stack": stack}) if "decoder" in line or "raise error" in line]
    assert len(author_frames({"stack": stack})) == 4
    assert author_frames({"stack": "Error: no such list\n    at process (/home/ada/crm/upsert.js:7:3)"}) == []


def test_no_text_of_an_error_controls_the_terminal() -> None:
    stack = failure().stack.replace('return find(msg["body"])', "\x1b[2J\x9b\u202e")
    text = "\n".join(text_of(failure(name="\x1b]0;x\x07", message="a\r\nb\u2028\x1b[31m", stack=stack)))
    assert not set(text) & set("\x1b\x9b\x07\r\u202e\u2028")
    assert "\\u001b[2J" in text


def test_the_name_of_a_flow_or_a_step_controls_no_terminal() -> None:
    made = topology([node("a\x1b[2J", is_first=True, name="\x1b[31mred")], [])
    stream = io.StringIO()
    console = Console(file=stream, width=110)
    console.print(rendered(made.flow, [counts(made, "a\x1b[2J")], [0.0], frames_of=author_frames))
    assert "\x1b[2J" not in stream.getvalue()


def test_the_sums_stand_at_the_end() -> None:
    lines = text_of(totals=Totals(12.34, 1199, 1, 0, Path("errors.jsonl")))
    assert lines[-3].split()[1] == "ended"
    assert lines[-1] == "1,199 results, 1 error, 0 rebounds in 12.3 s; errors are in errors.jsonl"


def test_log_lines_stand_above_the_table() -> None:
    made = two_steps()
    stream = io.StringIO()
    table = Table(Console(file=stream, force_terminal=True, width=110, color_system=None), author_frames)
    table.begin(made.flow)
    table.show([counts(made, "a"), counts(made, "b"), counts(made, "mapper:a:b")], 10.0)
    stream.truncate(0)
    table.stream().write("a line\n")
    assert "\x1b[1A" in stream.getvalue()[: stream.getvalue().index("a line")]  # over the table
    assert "mapper:a:b" in stream.getvalue()[stream.getvalue().index("a line") :]  # drawn again
    table.end(0, Totals(1.0, 0, 0, 0, None))
    text = stream.getvalue()
    assert text.rindex("0 results") > text.rindex("mapper:a:b")


def test_the_rate_is_that_of_the_last_seconds() -> None:
    made, rates = two_steps(), Rates()

    def received(number: int) -> list[Any]:
        return [counts(made, "a", received=number)]

    assert rates.update(0.0, received(0)) == [0.0]
    assert rates.update(2.0, received(20)) == [10.0]
    assert rates.update(10.0, received(20)) == [0.0]


def test_counts_are_fields_of_a_log_line() -> None:
    fields = fields_of(counts(two_steps(), "b", running=1, consuming=1, received=4, emitted=3, unsettled=1))
    assert fields == {
        "state": "working", "containers": 1, "in": 4, "out": 3, "errors": 0, "rebounds": 0, "queued": 0, "in_work": 1,
    }  # fmt: skip


def test_a_table_without_frames_needs_no_traceback() -> None:
    def no_frames(error: Mapping[str, Any]) -> Sequence[str]:
        return []

    made = two_steps()
    stream = io.StringIO()
    console = Console(file=stream, width=110)
    console.print(rendered(made.flow, [], [], [failure()], frames_of=no_frames))
    assert "no such list" in stream.getvalue()
