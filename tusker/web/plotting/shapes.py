"""Plots as shapes: where axes, bars, lines and points stand. Pure; the macros of macros/plot.html draw them.

Across, places are percent of the plot's width, so that text keeps its size on a phone; down, they are pixels. Every
plot has its figures as rows, too, which are its table.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tusker.messages import say

HEIGHT = 180
"""Pixels between the highest and the lowest place of a mark."""
TOP = 8
"""Pixels above that, for half a line of the highest tick's label."""
MOST_TICKS = 5


@dataclass(frozen=True, slots=True)
class Series:
    """What is plotted: its words for legend and table, the same within a sentence, and the class of its colour. `below`
    hangs under the zero."""

    words: str
    within: str
    tone: str
    below: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """The figures of one period, one a series, None where there is none; `label` stands below some of the columns."""

    label: str
    words: str
    values: tuple[int | None, ...]
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid with its label, at `at`: pixels from the top, or percent from the left."""

    at: float
    label: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a column; `words` say what it is and how much."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    words: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Point:
    """A figure on a line."""

    x: float
    y: float
    tone: str
    words: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """Figures joined, as points of an SVG path whose width is 100."""

    tone: str
    path: str
    area: str
    """The path of the ground below it."""


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot with its figures."""

    title: str
    head: str
    """What a column is, such as “Week”."""
    series: tuple[Series, ...]
    columns: tuple[Column, ...]
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]
    zero: float
    bars: tuple[Bar, ...] = ()
    points: tuple[Point, ...] = ()
    lines: tuple[Line, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not any(value for column in self.columns for value in column.values)


Show = Callable[[int], str]
"""How an amount is written."""


def ticks(low: int, high: int) -> list[int]:
    """Round numbers from at most `low` to at least `high`, zero among them: steps of 1, 2 or 5 and zeros."""
    low, high = min(low, 0), max(high, 0)
    step = 1
    while -(-high // step) - low // step + 1 > MOST_TICKS:
        step = _next_step(step)
    return [step * number for number in range(low // step, max(-(-high // step), low // step + 1) + 1)]


def _next_step(step: int) -> int:
    """1, 2, 5, 10, 20, 50, 100 …"""
    return step * 5 // 2 if str(step)[0] == "2" else step * 2


def bars(
    title: str, head: str, series: Iterable[Series], columns: Iterable[Column], *, show: Show, short: Show
) -> Plot:
    """Columns side by side, their parts on top of each other; those of series `below` hang under the zero. A negative
    figure stands on the other side."""
    kinds, wanted = tuple(series), tuple(columns)
    signed = [
        [(value or 0) * (-1 if kind.below else 1) for kind, value in zip(kinds, column.values, strict=True)]
        for column in wanted
    ]
    scale = _Scale(
        min((sum(v for v in values if v < 0) for values in signed), default=0),
        max((sum(v for v in values if v > 0) for values in signed), default=0),
    )
    width = 100 / max(1, len(wanted))
    found: list[Bar] = []
    for number, (column, values) in enumerate(zip(wanted, signed, strict=True)):
        up = down = 0
        for kind, value, given in zip(kinds, values, column.values, strict=True):
            if not value:
                continue
            start, end = (up, up + value) if value > 0 else (down, down + value)
            up, down = (end, down) if value > 0 else (up, end)
            top, bottom = scale.y(max(start, end)), scale.y(min(start, end))
            words = point_words(column.words, show(given or 0), kind.within)
            left = number * width + width * 0.15
            found.append(Bar(left, top, width * 0.7, bottom - top, kind.tone, words, column.url))
    return Plot(
        title, head, kinds, wanted, scale.ticks(short), _below(wanted, width / 2), scale.y(0), tuple(found)
    )


def lines(
    title: str, head: str, series: Iterable[Series], columns: Iterable[Column], *, show: Show, short: Show
) -> Plot:
    """Figures over time, one line a series; it stops where there is none."""
    kinds, wanted = tuple(series), tuple(columns)
    values = [value for column in wanted for value in column.values if value is not None]
    scale = _Scale(min(values, default=0), max(values, default=0))
    width = 100 / max(1, len(wanted) - 1)
    points: list[Point] = []
    drawn: list[Line] = []
    for number, kind in enumerate(kinds):
        mine = [
            Point(
                min(100.0, place * width),
                scale.y(value),
                kind.tone,
                point_words(column.words, show(value), kind.within),
                column.url,
            )
            for place, column in enumerate(wanted)
            if (value := column.values[number]) is not None
        ]
        points += mine
        if len(mine) > 1:
            path = "M" + "L".join(f"{point.x:.2f},{point.y:.2f}" for point in mine)
            ground = f"{path}V{scale.y(0):.2f}H{mine[0].x:.2f}Z"
            drawn.append(Line(kind.tone, path, ground))
    return Plot(
        title,
        head,
        kinds,
        wanted,
        scale.ticks(short),
        _below(wanted, 0, width),
        scale.y(0),
        points=tuple(points),
        lines=tuple(drawn),
    )


def point_words(where: str, amount: str, what: str) -> str:
    return say("{where}: {amount} {what}", where=where, amount=amount, what=what)


def stack(parts: Sequence[int], whole: int) -> list[tuple[float, float]]:
    """Start and width in percent of each part of one bar whose full length is `whole`; none is drawn for less than
    nothing."""
    found, at = [], 0.0
    for part in parts:
        width = 100 * max(0, part) / whole if whole > 0 else 0.0
        width = min(width, 100 - at)
        found.append((at, width))
        at += width
    return found


class _Scale:
    """From amounts to pixels down; the ends are round."""

    def __init__(self, low: int, high: int) -> None:
        self.values = ticks(low, high)
        self.low, self.high = self.values[0], self.values[-1]

    def y(self, value: int) -> float:
        return TOP + HEIGHT * (self.high - value) / (self.high - self.low)

    def ticks(self, short: Show) -> tuple[Tick, ...]:
        return tuple(Tick(self.y(value), short(value)) for value in self.values)


def _below(columns: Sequence[Column], offset: float, width: float | None = None) -> tuple[Tick, ...]:
    """The labels below the plot; those at its ends stay within it."""
    step = 100 / max(1, len(columns)) if width is None else width
    places = [(number * step + offset, column.label) for number, column in enumerate(columns) if column.label]
    return tuple(
        Tick(at, label, "start" if at < 4 else "end" if at > 96 else "middle") for at, label in places
    )
