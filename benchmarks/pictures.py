"""Pictures of figures, as SVG that is the same byte for byte where the figures are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.figures import Bar, Picture

_COLOURS = ("#2a6f97", "#a9a9a9", "#e09f3e", "#9e2a2b", "#588157", "#6d597a")
_WIDTH_INCHES = 7.5
_LINES_HEIGHT_INCHES = 3.8
_BAR_INCHES = 0.42
_MARGINS_INCHES = 1.3
_MANY_TIMES = 50
"""From this ratio of the largest to the smallest on, a scale is logarithmic."""


def draw(picture: Picture, folder: Path) -> Path:
    """Draw a picture into a folder and return its file."""
    file = folder / f"{picture.name}.svg"
    with mpl.rc_context(
        {
            "svg.hashsalt": "steward",
            "svg.fonttype": "none",
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "axes.grid": True,
            "grid.color": "#dddddd",
        }
    ):
        height = _MARGINS_INCHES + _BAR_INCHES * len(picture.bars)
        size = (_WIDTH_INCHES, height if picture.bars else _LINES_HEIGHT_INCHES)
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(picture.title, loc="left")
        if picture.bars:
            _draw_bars(axes, picture)
        else:
            _draw_lines(axes, picture)
        figure.savefig(file, metadata={"Date": None, "Creator": None})
    return file


def _draw_bars(axes: Axes, picture: Picture) -> None:
    bars = picture.bars
    places = range(len(bars))
    axes.barh(
        places,
        [bar.median for bar in bars],
        xerr=(
            [bar.median - bar.lowest for bar in bars],
            [bar.highest - bar.median for bar in bars],
        ),
        color=_colours(bars),
        height=0.7,
        capsize=3,
        ecolor="#444444",
    )
    axes.set_yticks(places, [bar.label.replace("\n", ", ") for bar in bars])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(picture.y_label)
    if picture.limit is not None:
        axes.axvline(picture.limit, color="#9e2a2b", linestyle="--", label="goal")
        axes.legend(frameon=False)


def _draw_lines(axes: Axes, picture: Picture) -> None:
    for (name, points), colour in zip(picture.lines.items(), cycle(_COLOURS), strict=False):
        axes.plot(*zip(*points, strict=True), marker="o", label=name, color=colour)
    xs = [x for points in picture.lines.values() for x, _ in points]
    if min(xs) > 0 and max(xs) / min(xs) >= _MANY_TIMES:
        axes.set_xscale("log")
        axes.set_xticks(sorted(set(xs)), [f"{x:,.0f}" for x in sorted(set(xs))])
    axes.set_ylim(bottom=0)
    axes.set_xlabel(picture.x_label)
    axes.set_ylabel(picture.y_label)
    if picture.limit is not None:
        axes.axhline(picture.limit, color="#9e2a2b", linestyle="--", label="goal")
    axes.legend(frameon=False)


def _colours(bars: Sequence[Bar]) -> list[str]:
    """Return a colour for each bar: the same where the last line of a longer label is the same."""
    kinds = [bar.label.rpartition("\n")[2] if "\n" in bar.label else "" for bar in bars]
    order = list(dict.fromkeys(kinds))
    return [_COLOURS[order.index(kind) % len(_COLOURS)] for kind in kinds]
