"""Pictures of figures, as SVG that is the same byte for byte where the figures are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from statistics import fmean

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.figures import Bar, Picture

_COLOURS = ("#2a6f97", "#a9a9a9", "#e09f3e", "#9e2a2b", "#588157", "#6d597a")
_WIDTH_INCHES = 7.5
_LINES_HEIGHT_INCHES = 3.8
_BAR_INCHES = 0.42
_BAR_IN_GROUP_INCHES = 0.2
_GAP_BARS = 0.7
"""Between two groups of bars, as wide as so many of them."""
_ALONE = ""
"""The kind of a bar that is in no group."""
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
        bars = picture.bars
        height = _MARGINS_INCHES + _bars_height(bars) if bars else _LINES_HEIGHT_INCHES
        size = (_WIDTH_INCHES, height)
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
    bars, places = picture.bars, _places(picture.bars)
    kinds = dict.fromkeys(map(_kind, bars))
    for kind, colour in zip(kinds, cycle(_COLOURS), strict=False):
        of_kind = [(at, bar) for at, bar in zip(places, bars, strict=True) if _kind(bar) == kind]
        axes.barh(
            [at for at, _ in of_kind],
            [bar.median for _, bar in of_kind],
            xerr=(
                [bar.median - bar.lowest for _, bar in of_kind],
                [bar.highest - bar.median for _, bar in of_kind],
            ),
            color=colour,
            label=kind,
            height=0.7 if kind == _ALONE else 0.9,
            capsize=3 if kind == _ALONE else 2,
            ecolor="#444444",
        )
    names = dict.fromkeys(map(_group, bars))
    middles = [
        fmean(at for at, bar in zip(places, bars, strict=True) if _group(bar) == name)
        for name in names
    ]
    axes.set_yticks(middles, list(names))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(picture.y_label)
    if picture.limit is not None:
        axes.axvline(picture.limit, color="#9e2a2b", linestyle="--", label="goal")
    if picture.limit is not None or set(kinds) != {_ALONE}:
        # Below, as bars may be long enough to leave no room beside them.
        axes.figure.legend(loc="outside lower center", ncols=len(kinds) + 1, frameon=False)


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


# --- groups of bars ---------------------------------------------------------------------------


def _group(bar: Bar) -> str:
    return bar.label.partition("\n")[0]


def _kind(bar: Bar) -> str:
    return bar.label.partition("\n")[2]


def _bars_height(bars: Sequence[Bar]) -> float:
    """Return how many inches bars take: few where a group shares its name."""
    grouped = any(_kind(bar) != _ALONE for bar in bars)
    return (_BAR_IN_GROUP_INCHES if grouped else _BAR_INCHES) * (_places(bars)[-1] + 1)


def _places(bars: Sequence[Bar]) -> Sequence[float]:
    """Return where bars stand, counted in bars: those of a group together, then a gap."""
    groups = list(dict.fromkeys(map(_group, bars)))
    gap = _GAP_BARS if any(_kind(bar) != _ALONE for bar in bars) else 0
    return [number + gap * groups.index(_group(bar)) for number, bar in enumerate(bars)]
