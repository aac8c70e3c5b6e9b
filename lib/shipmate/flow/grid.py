"""Lays out the counts of a flow's steps for the width of a terminal: as a table, or as lines for each step."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from shipmate.flow.graph import Flow
from shipmate.flow.progress import StationCounts
from shipmate.flow.state import in_order_of, state_of
from shipmate.wording import escaped

_COLUMNS: Final = ("step", "state", "containers", "in", "out", "errors", "rebounds", "queued", "rate")
_SHORT_TITLES: Final[Mapping[str, str]] = {"containers": "up"}
_ALWAYS: Final = frozenset({"in", "out"})
_STYLES: Final[Mapping[str, str]] = {"working": "green", "starting": "yellow", "stopped": "red"}
_GAP: Final = 2


@dataclass(frozen=True, slots=True)
class _Row:
    """The cells of one step by their columns, and its name, which a narrow table leaves out."""

    cells: Mapping[str, Text]
    name: str
    unusual: frozenset[str]
    """The columns whose value is not the usual one: 0, or all containers."""

    def cell(self, column: str, *, has_name: bool) -> Text:
        """Return a cell; that of the column ``step`` with the name of the step, or without it."""
        cell = self.cells[column]
        return Text(f"{cell.plain} {self.name}", cell.style) if column == "step" and has_name and self.name else cell


@dataclass(frozen=True, slots=True)
class _Layout:
    columns: Sequence[str]
    has_names: bool
    titles: Mapping[str, str]


class Grid:
    """The counts of all steps, for `rich`."""

    def __init__(self, flow: Flow, counts: Iterable[StationCounts], rates: Iterable[float], *, has_ended: bool) -> None:
        """Take the counts.

        Args:
            flow: The flow.
            counts: The counts of its steps.
            rates: The messages per second of each step, in the same order.
            has_ended: Whether the run is over.
        """
        all_counts = list(counts)
        rate_of = {each.station.id: rate for each, rate in zip(all_counts, rates, strict=False)}
        self._title = plain(flow.name)
        self._rows = [
            _row(each, rate_of.get(each.station.id, 0.0), has_ended=has_ended) for each in in_order_of(flow, all_counts)
        ]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Yield the widest layout that fits: no number is ever cut."""
        yield Text(self._title, style="italic")
        fitting = (each for each in self._layouts() if self._width(each) <= options.max_width)
        layout = next(fitting, None)
        yield self._table(layout) if layout is not None else self._lines(options.max_width)

    def _layouts(self) -> Iterator[_Layout]:
        """Yield the layouts of a table, the widest first; narrow ones leave out names and columns without news."""
        unusual = frozenset[str]().union(*(row.unusual for row in self._rows))
        columns = list(_COLUMNS)
        yield _Layout(columns, True, {})
        yield _Layout(columns, True, _SHORT_TITLES)
        yield _Layout(columns, False, _SHORT_TITLES)
        for column in ("rebounds", "containers", "rate"):
            if column not in unusual or column == "rate":
                columns = [each for each in columns if each != column]
                yield _Layout(columns, False, _SHORT_TITLES)

    def _width(self, layout: _Layout) -> int:
        widths = (
            max(
                cell_len(layout.titles.get(column, column)),
                *(cell_len(row.cell(column, has_name=layout.has_names).plain) for row in self._rows),
                0,
            )
            for column in layout.columns
        )
        return sum(widths) + _GAP * (len(layout.columns) - 1)

    def _table(self, layout: _Layout) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in layout.columns:
            justify = "left" if column in ("step", "state") else "right"
            table.add_column(layout.titles.get(column, column), justify=justify, no_wrap=True)  # type: ignore[arg-type]  # a literal
        for row in self._rows:
            table.add_row(*(row.cell(column, has_name=layout.has_names) for column in layout.columns))
        return table

    def _lines(self, width: int) -> Group:
        """Return lines of ``in 5  out 5``, which are broken between two numbers only."""
        lines: list[Text] = []
        for row in self._rows:
            lines.append(Text.assemble(row.cells["step"], " ", row.cells["state"], overflow="fold"))
            shown = [each for each in _COLUMNS[2:] if each in row.unusual | _ALWAYS]
            pairs = [Text.assemble(_SHORT_TITLES.get(each, each), " ", row.cells[each]) for each in shown]
            line = Text("  ")
            for number, pair in enumerate(pairs):
                if number and line.cell_len + pair.cell_len > width:
                    lines.append(line)
                    line = Text("  ")
                line = Text.assemble(line, pair, "  ")
            lines.append(line)
        for line in lines:
            line.rstrip()
        return Group(*lines)


def _row(counts: StationCounts, rate: float, *, has_ended: bool) -> _Row:
    station = counts.station
    is_mapping = station.edge is not None
    state = "ended" if has_ended else state_of(counts)
    containers = str(station.containers) if has_ended else f"{counts.running}/{station.containers}"
    cells = {
        "step": Text(plain(station.id), style="dim" if is_mapping else ""),
        "state": Text(state, style=_STYLES.get(state, "")),
        "containers": Text("-" if is_mapping else containers),
        "in": Text(f"{counts.received:,}"),
        "out": Text(f"{counts.emitted:,}"),
        "errors": Text(f"{counts.errors:,}", style="bold red" if counts.errors else ""),
        "rebounds": Text(f"{counts.rebounds:,}", style="yellow" if counts.rebounds else ""),
        "queued": Text(f"{counts.queued:,}"),
        "rate": Text(f"{rate:,.1f}/s"),
    }
    is_unusual = {
        "containers": not (is_mapping or has_ended) and counts.running != station.containers,
        "errors": counts.errors > 0,
        "rebounds": counts.rebounds > 0,
        "queued": counts.queued > 0,
        "rate": rate > 0,
    }
    name = station.node.name if station.node is not None and station.node.name != station.id else ""
    return _Row(cells, plain(name), frozenset(column for column, value in is_unusual.items() if value))


def plain(text: str) -> str:
    """Return a text in one line, without characters that control a terminal."""
    return escaped(" ".join(text.split()) if "\n" in text else text)
