"""Shows a run as a table at a terminal, which changes while the flow runs; log lines stay above it."""

import io
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TextIO, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table as Grid
from rich.text import Text

from shipmate.flow.events import Failure
from shipmate.flow.graph import Flow
from shipmate.flow.journal import Totals
from shipmate.flow.progress import StationCounts
from shipmate.flow.state import Rates, in_order_of, state_of
from shipmate.wording import escaped

Frames = Callable[[Mapping[str, Any]], Sequence[str]]
"""Returns the lines of an error's stack that are the author's."""

_PAUSE_SECONDS: Final = 0.25
"""The table changes at most so often."""
_MOST_ERRORS: Final = 3
_MOST_FRAMES: Final = 6
_LONGEST_TEXT: Final = 300
_NUMBERS: Final = ("in", "out", "errors", "rebounds", "queued", "rate")
_STYLES: Final[Mapping[str, str]] = {"working": "green", "starting": "yellow", "stopped": "red"}


class Table:
    """Draws the counts of all steps, the last errors, and the sums at the end."""

    def __init__(self, console: Console, frames_of: Frames) -> None:
        """Draw nothing yet.

        Args:
            console: The terminal.
            frames_of: Returns the author's lines of an error's stack.
        """
        self.console = console
        self._frames_of = frames_of
        self._live = Live(console=self.console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._failures: deque[Failure] = deque(maxlen=_MOST_ERRORS)
        self._counts: Sequence[StationCounts] = ()
        self._rates = Rates()
        self._flow: Flow | None = None
        self._drawn_at = 0.0

    def begin(self, flow: Flow) -> None:
        """Begin to draw."""
        self._flow = flow
        self._live.start()
        self.console.show_cursor(True)  # a killed process could not show it again

    def show(self, counts: Sequence[StationCounts], now: float) -> None:
        """Draw the counts, unless the table has just been drawn."""
        self._counts = counts
        if now - self._drawn_at >= _PAUSE_SECONDS:
            self._drawn_at = now
            self._draw(self._rates.update(now, counts))

    def fail(self, failure: Failure) -> None:
        """Show an error below the table from now on."""
        self._failures.append(failure)

    def end(self, status: int, totals: Totals) -> None:
        """Draw for the last time, with the sums; the table stays at the terminal."""
        self._draw([each.received / totals.seconds if totals.seconds else 0.0 for each in self._counts], totals)
        self.close()

    def close(self) -> None:
        """Stop drawing; may be called again."""
        self._live.stop()

    def above(self, text: str) -> None:
        """Write lines above the table; they contain no characters that control a terminal."""
        self.console.out(text, end="", highlight=False)

    def stream(self) -> TextIO:
        """Return a stream for log lines, which writes above the table."""
        return cast(TextIO, _Above(self))

    def _draw(self, rates: Sequence[float], totals: Totals | None = None) -> None:
        if self._flow is not None:
            drawn = rendered(self._flow, self._counts, rates, self._failures, frames_of=self._frames_of, totals=totals)
            self._live.update(drawn, refresh=True)


def console_of(stream: TextIO) -> Console:
    """Return the terminal that a stream writes to; texts have no mark-up."""
    return Console(file=stream, highlight=False, markup=False, emoji=False)


class _Above(io.TextIOBase):
    """A stream whose lines appear above a table."""

    encoding = "utf-8"

    def __init__(self, table: Table) -> None:
        self._table = table

    def write(self, text: str) -> int:
        """Write whole lines."""
        self._table.above(text)
        return len(text)

    def isatty(self) -> bool:
        """Return True: the table is at a terminal."""
        return True


def rendered(
    flow: Flow,
    counts: Sequence[StationCounts],
    rates: Sequence[float],
    failures: Sequence[Failure] | deque[Failure] = (),
    *,
    frames_of: Frames,
    totals: Totals | None = None,
) -> RenderableType:
    """Return the table of a flow, its last errors, and at the end of the run its sums.

    Args:
        flow: The flow.
        counts: The counts of its steps.
        rates: The messages per second of each step, in the same order.
        failures: The last errors, the newest last.
        frames_of: Returns the author's lines of an error's stack.
        totals: The sums of a run that has ended.
    """
    parts: list[RenderableType] = [_grid(flow, counts, rates, has_ended=totals is not None)]
    parts += [_error(failure, frames_of) for failure in failures]
    if totals is not None:
        parts.append(Text(_sums(totals), style="bold red" if totals.errors else "bold green"))
    return Group(*parts)


def _grid(flow: Flow, counts: Sequence[StationCounts], rates: Sequence[float], *, has_ended: bool) -> Grid:
    grid = Grid(title=_plain(flow.name), title_justify="left", box=None, pad_edge=False, header_style="bold")
    grid.add_column("step", no_wrap=True, overflow="ellipsis")
    grid.add_column("state")
    grid.add_column("containers", justify="right")
    for name in _NUMBERS:
        grid.add_column(name, justify="right")
    rate_of = {each.station.id: rate for each, rate in zip(counts, rates, strict=False)}
    for each in in_order_of(flow, counts):
        station = each.station
        state = "ended" if has_ended else state_of(each)
        containers = str(station.containers) if has_ended else f"{each.running}/{station.containers}"
        grid.add_row(
            Text(_plain(_title(each)), style="dim" if station.edge is not None else ""),
            Text(state, style=_STYLES.get(state, "")),
            "-" if station.edge is not None else containers,
            f"{each.received:,}",
            f"{each.emitted:,}",
            Text(f"{each.errors:,}", style="bold red" if each.errors else ""),
            Text(f"{each.rebounds:,}", style="yellow" if each.rebounds else ""),
            f"{each.queued:,}",
            f"{rate_of.get(station.id, 0.0):,.1f}/s",
        )
    return grid


def _title(counts: StationCounts) -> str:
    """Return what the table calls a step: its id, and its name if that is another one."""
    node = counts.station.node
    if node is None or node.name == node.id:
        return counts.station.id
    return f"{node.id} {node.name}"


def _error(failure: Failure, frames_of: Frames) -> Text:
    moment = failure.time[11:19]
    head = f"\n{moment} {failure.step}: {failure.name}: {failure.message}"[:_LONGEST_TEXT]
    text = Text("\n" + _plain(head.strip()), style="bold red")
    frames = list(frames_of(failure.error))
    for line in frames[-_MOST_FRAMES:]:  # the innermost frames are the last ones
        text.append("\n" + _plain(line[:_LONGEST_TEXT]), style="not bold cyan")
    return text


def _sums(totals: Totals) -> str:
    counted = ((totals.results, "result"), (totals.errors, "error"), (totals.rebounds, "rebound"))
    text = ", ".join(f"{count:,} {name}{'' if count == 1 else 's'}" for count, name in counted)
    text = f"\n{text} in {totals.seconds:,.1f} s"
    if totals.errors_file is not None:
        text += f"; errors are in {_plain(str(totals.errors_file))}"
    return text


def _plain(text: str) -> str:
    return escaped(" ".join(text.split()) if "\n" in text else text)
