"""Plots: marks lie within their plot, ticks are round, labels are those of the locale, colours can be told apart."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tusker.currency import Currency
from tusker.web.plotting.shapes import (
    HEIGHT,
    MOST_TICKS,
    TOP,
    Column,
    Plot,
    Series,
    bars,
    lines,
    stack,
    ticks,
)

AMOUNTS = st.integers(-(10**15), 10**15)
SERIES = (Series("In", "in", "in"), Series("Out", "out", "out", below=True))
COLUMNS = st.lists(
    st.builds(
        Column,
        st.sampled_from(["", "Nov"]),
        st.just("A week"),
        st.tuples(st.none() | AMOUNTS, st.none() | AMOUNTS),
    ),
    max_size=30,
)
EPSILON = 1e-6


def inside(plot: Plot) -> bool:
    places = [(bar.x, bar.y) for bar in plot.bars]
    places += [(bar.x + bar.width, bar.y + bar.height) for bar in plot.bars]
    places += [(point.x, point.y) for point in plot.points]
    return all(
        -EPSILON <= x <= 100 + EPSILON and TOP - EPSILON <= y <= TOP + HEIGHT + EPSILON for x, y in places
    )


@given(COLUMNS)
def test_no_mark_is_out_of_the_plot(columns: list[Column]) -> None:
    for make in (bars, lines):
        plot = make("Plot", "Week", SERIES, columns, show=str, short=str)
        assert inside(plot)
        marks = (*plot.bars, *plot.points)
        assert all(re.fullmatch(r"A week: -?\d+ (in|out)", mark.words) for mark in marks)  # as in a sentence
        assert all(0 <= tick.at <= 100 for tick in plot.x_ticks)
        assert plot.is_empty == (not any(value for column in columns for value in column.values))


@given(st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)), min_size=1, max_size=30))
def test_bars_are_as_high_as_their_figures(values: list[tuple[int, int]]) -> None:
    plot = bars("Plot", "Week", SERIES, [Column("", "", pair) for pair in values], show=str, short=str)
    wanted = [value for pair in values for value in pair if value]
    assert len(plot.bars) == len(wanted)
    per_pixel = {round(bar.height / value, 9) for bar, value in zip(plot.bars, wanted, strict=True)}
    if wanted and min(wanted) * 1000 > max(wanted):
        assert max(per_pixel) - min(per_pixel) <= 1e-8
    ups = [bar for bar in plot.bars if bar.tone == "in"]
    assert all(bar.y + bar.height == pytest.approx(plot.zero) for bar in ups)


@given(AMOUNTS, AMOUNTS)
def test_ticks_are_round_and_cover_what_is_plotted(one: int, other: int) -> None:
    low, high = sorted((one, other))
    found = ticks(low, high)
    assert found[0] <= min(low, 0)
    assert found[-1] >= max(high, 0)
    assert 0 in found
    assert 2 <= len(found) <= MOST_TICKS
    steps = {following - at for at, following in itertools.pairwise(found)}
    assert len(steps) == 1
    assert re.fullmatch(r"[125]0*", str(steps.pop()))


@given(st.lists(st.integers(0, 10**12), max_size=6), st.integers(0, 10**12))
def test_a_bar_of_parts_never_leaves_its_length(parts: list[int], more: int) -> None:
    found = stack(parts, sum(parts) + more)
    assert all(width >= 0 and start + width <= 100 + EPSILON for start, width in found)
    if parts and sum(parts) and not more:
        assert sum(width for _, width in found) == pytest.approx(100)


@pytest.mark.parametrize(
    ("code", "locale", "amount", "words"),
    [
        ("INR", "en_IN", 1_50_000_00, "₹1.5L"),
        ("INR", "en_IN", 2_50_00_000_00, "₹2.5Cr"),
        ("INR", "en_IN", 0, "₹0"),
        ("USD", "en_US", 150_000_00, "$150K"),
        ("USD", "en_US", 2_500_000_00, "$2.5M"),
        ("JPY", "ja_JP", 2_500_000, "￥250万"),
    ],
)
def test_labels_are_short_as_the_locale_writes_them(code: str, locale: str, amount: int, words: str) -> None:
    assert Currency(code, locale).short(amount) == words


CSS = (Path(__file__).parents[2] / "static/css/plots.css").read_text()


@pytest.mark.parametrize(("theme", "ground"), [("light", "#ffffff"), ("dark", "#18212c")])
def test_colours_stand_out_from_the_ground(theme: str, ground: str) -> None:
    block = re.search(rf'\[data-bs-theme="{theme}"\] {{(.*?)}}', CSS, re.S)
    assert block
    colours = dict(re.findall(r"--tk-plot-(\w+): (#\w{6})", block[1]))
    assert len(colours) == 11
    assert {name: c for name, c in colours.items() if contrast(c, ground) < 3} == {}


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
