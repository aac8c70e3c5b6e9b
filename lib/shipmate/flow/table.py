"""Shows a run as a table at a terminal, which changes while the flow runs; log lines stay above it."""

import io
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TextIO, cast

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from shipmate.flow.events import Failure
from shipmate.flow.graph import Flow
from shipmate.flow.grid import Grid, plain
from shipmate.flow.journal import Totals
from shipmate.flow.progress import StationCounts
from shipmate.flow.state import Rates

Frames = Callable[[Mapping[str, Any]], Sequence[str]]
"""Returns the lines of an error's stack that are the author's."""

_PAUSE_SECONDS: Final = 0.25
"""The table changes at most so often."""
_MOST_ERRORS: Final = 3
_MOST_FRAMES: Final = 6
_LONGEST_TEXT: Final = 300


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
    parts: list[RenderableType] = [Grid(flow, counts, rates, has_ended=totals is not None)]
    parts += [_error(failure, frames_of) for failure in failures]
    if totals is not None:
        parts.append(Text(_sums(totals), style="bold red" if totals.errors else "bold green"))
    return Group(*parts)


def _error(failure: Failure, frames_of: Frames) -> Text:
    moment = failure.time[11:19]
    head = f"\n{moment} {failure.step}: {failure.name}: {failure.message}"[:_LONGEST_TEXT]
    text = Text("\n" + plain(head.strip()), style="bold red")
    frames = list(frames_of(failure.error))
    for line in frames[-_MOST_FRAMES:]:  # the innermost frames are the last ones
        text.append("\n" + plain(line[:_LONGEST_TEXT]), style="not bold cyan")
    return text


def _sums(totals: Totals) -> str:
    counted = ((totals.results, "result"), (totals.errors, "error"), (totals.rebounds, "rebound"))
    text = ", ".join(f"{count:,} {name}{'' if count == 1 else 's'}" for count, name in counted)
    text = f"\n{text} in {totals.seconds:,.1f} s"
    if totals.errors_file is not None:
        text += f"; errors are in {plain(str(totals.errors_file))}"
    return text
