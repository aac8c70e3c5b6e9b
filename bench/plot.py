"""The chart of the ratios as SVG: bars to the left and right of 1, on a logarithmic scale. Pure functions."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from bench.figures import CPU, Figure, Metric, figure, ratio
from bench.plan import size
from bench.report import after, number, times, title
from bench.results import Result, Results

_WIDTH: Final = 1040
_LABEL_END: Final = 330
_SCALE_BEGIN: Final = 345
_SCALE_END: Final = 735
_VALUE_BEGIN: Final = 750
_HEAD_HEIGHT: Final = 100
_SECTION_HEIGHT: Final = 58
_BAR: Final = 13
_BAR_STEP: Final = 17
_ROW_GAP: Final = 10
_COLOURS: Final = ("#d97706", "#2563a8", "#4d7c0f", "#9d174d", "#6d28d9")
_MOST_POWERS: Final = 3
# The chart has CPU times for one size of bodies; the tables have all.
_CPU_SIZE_BYTES: Final = 1_000
_LESS: Final = "less is better: bars to the left of 1x"
_JOBS: Final = {"oauth2": "with an OAuth2 call for each message", "echo": "of an echo"}
_STYLE: Final = """\
text { font-family: system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif; font-size: 12.5px; fill: #1f2933; }
.title { font-size: 20px; font-weight: 600; }
.section { font-size: 15px; font-weight: 600; }
.quiet { fill: #616e7c; }
.end { text-anchor: end; }
.middle { text-anchor: middle; }
.grid { stroke: #e4e7eb; }
.one { stroke: #3e4c59; stroke-width: 1.5; }
.noisy { fill-opacity: 0.45; }
.cut { stroke: #ffffff; stroke-width: 3; }"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A ratio to another runtime, and both figures as text."""

    reference: int
    """Index of the other runtime, for its colour."""
    ratio: Figure
    figures: str


@dataclass(frozen=True, slots=True)
class Row:
    """One metric of one case."""

    label: str
    bars: Sequence[Bar]

    @property
    def height(self) -> int:
        """The height in pixels."""
        return len(self.bars) * _BAR_STEP + _ROW_GAP


@dataclass(frozen=True, slots=True)
class Section:
    """Rows with the same direction of better."""

    title: str
    note: str
    rows: Sequence[Row]

    @property
    def height(self) -> int:
        """The height in pixels."""
        return _SECTION_HEIGHT + sum(row.height for row in self.rows)


@dataclass(frozen=True, slots=True)
class Scale:
    """The scale of a section: powers of two from left to right."""

    lowest: int
    highest: int

    @classmethod
    def of(cls, ratios: Sequence[float]) -> "Scale":
        """Return the scale for some ratios: at least from 1/2 to 2, at most from 1/8 to 8.

        >>> Scale.of([0.9, 1.5, 67.0])
        Scale(lowest=-1, highest=3)
        """
        powers = [math.log2(each) for each in ratios if each > 0]
        lowest, highest = math.floor(min([-1.0, *powers])), math.ceil(max([1.0, *powers]))
        return cls(max(lowest, -_MOST_POWERS), min(highest, _MOST_POWERS))

    def has(self, value: float) -> bool:
        """Return whether a ratio is on the scale."""
        return 2.0**self.lowest <= value <= 2.0**self.highest

    def x(self, value: float) -> float:
        """Return the x coordinate of a ratio; that of an end for ratios beyond it."""
        power = min(max(math.log2(value), self.lowest), self.highest) if value > 0 else self.lowest
        part = (power - self.lowest) / (self.highest - self.lowest)
        return round(_SCALE_BEGIN + part * (_SCALE_END - _SCALE_BEGIN), 1)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Yield the powers of two and their labels."""
        for power in range(self.lowest, self.highest + 1):
            yield 2.0**power, f"{2**power}x" if power >= 0 else f"1/{2**-power}x"


def svg(measured: Results) -> str:
    """Return the chart."""
    sections = list(_sections(measured))
    height = _HEAD_HEIGHT + sum(section.height for section in sections) + 20
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="Ratios to other runtimes">',
        f"<style>\n{_STYLE}\n</style>",
        f'<rect width="{_WIDTH}" height="{height}" rx="8" fill="#ffffff"/>',
        *_head(measured),
    ]
    top = _HEAD_HEIGHT
    for section in sections:
        lines += _drawn(section, top=top)
        top += section.height
    return "\n".join([*lines, "</svg>"]) + "\n"


def _sections(measured: Results) -> Iterator[Section]:
    for function, name in _JOBS.items():
        for is_better_when_more, quantity, note in (
            (True, "Throughput", "more is better: bars to the right of 1x"),
            (False, "CPU" if function == "oauth2" else "CPU, latency, start, memory", _LESS),
        ):
            rows = [row for row in _rows(measured, function, is_better_when_more=is_better_when_more) if row.bars]
            if rows:
                yield Section(f"{quantity}, {name}", note, rows)


def _rows(measured: Results, function: str, *, is_better_when_more: bool) -> Iterator[Row]:
    for result in measured.cases:
        if result.case.function != function:
            continue
        for metric in result.case.metrics:
            if metric is CPU and result.case.size_bytes != _CPU_SIZE_BYTES:
                continue
            if metric.is_better_when_more is is_better_when_more:
                label = title(metric, result)
                if result.case.measure == "throughput":
                    case = result.case
                    circumstance = f"API {after(case.wait_ms)}" if function == "oauth2" else size(case.size_bytes)
                    subject = "" if is_better_when_more else f"{metric.label}, "
                    label = f"{subject}prefetch {case.prefetch}, {circumstance}"
                yield Row(label, list(_bars(measured, result, metric=metric)))


def _bars(measured: Results, result: Result, *, metric: Metric) -> Iterator[Bar]:
    runs = result.runs.get(measured.subject, ())
    own = figure(runs, metric)
    for place, name in enumerate(measured.references):
        others = result.runs.get(name, ())
        compared, other = ratio(runs, others, metric), figure(others, metric)
        if compared is not None and own is not None and other is not None:
            yield Bar(place, compared, f"{number(own.value)} vs {number(other.value)} {metric.unit}")


def _head(measured: Results) -> Iterator[str]:
    facts = measured.circumstances
    circumstances = " · ".join(facts[name] for name in ("Processor", "Date") if name in facts)
    yield f'<text x="24" y="36" class="title">{escape(measured.labels[measured.subject])} against others</text>'
    yield (
        f'<text x="24" y="57" class="quiet">{escape(circumstances)} · medians of {measured.rounds} rounds, '
        "ratios of neighbouring runs; pale = noisy, cut = beyond the scale</text>"
    )
    x = 24
    for place, name in enumerate(measured.references):
        label = f"compared with {measured.labels[name]}"
        yield f'<rect x="{x}" y="70" width="12" height="12" rx="2" fill="{_colour(place)}"/>'
        yield f'<text x="{x + 18}" y="81">{escape(label)}</text>'
        x += 50 + 7 * len(label)


def _drawn(section: Section, *, top: int) -> Iterator[str]:
    scale = Scale.of([bar.ratio.value for row in section.rows for bar in row.bars])
    begin, end = top + _SECTION_HEIGHT - 8, top + section.height - 4
    yield f'<text x="24" y="{top + 26}" class="section">{escape(section.title)}</text>'
    yield f'<text x="{_VALUE_BEGIN}" y="{top + 26}" class="quiet">{escape(section.note)}</text>'
    for value, label in scale.ticks():
        x = scale.x(value)
        yield f'<line x1="{x}" y1="{begin}" x2="{x}" y2="{end}" class="{"one" if value == 1 else "grid"}"/>'
        yield f'<text x="{x}" y="{begin - 8}" class="quiet middle">{label}</text>'
    top += _SECTION_HEIGHT
    for row in section.rows:
        middle = top + len(row.bars) * _BAR_STEP / 2 + 3
        yield f'<text x="{_LABEL_END}" y="{middle:g}" class="end">{escape(row.label)}</text>'
        for place, bar in enumerate(row.bars):
            yield from _drawn_bar(bar, scale, top=top + place * _BAR_STEP)
        top += row.height


def _drawn_bar(bar: Bar, scale: Scale, *, top: int) -> Iterator[str]:
    one, x = scale.x(1), scale.x(bar.ratio.value)
    noisy = ' class="noisy"' if bar.ratio.is_noisy else ""
    yield (
        f'<rect x="{min(one, x)}" y="{top}" width="{max(abs(x - one), 1):.1f}" height="{_BAR}" rx="2" '
        f'fill="{_colour(bar.reference)}"{noisy}/>'
    )
    if not scale.has(bar.ratio.value):  # a cut marks a bar that ends beyond the scale
        cut = x - 12 if x > one else x + 12
        yield f'<path d="M{cut - 2} {top + _BAR + 1}l4 -{_BAR + 2}" class="cut"/>'
    yield (
        f'<text x="{_VALUE_BEGIN}" y="{top + _BAR - 2}"><tspan font-weight="600">{escape(times(bar.ratio))}</tspan>'
        f'<tspan class="quiet" dx="8">{escape(bar.figures)}</tspan></text>'
    )


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]
