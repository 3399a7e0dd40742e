"""The drawing of a procedure: its stages in a column, and its moves as lines beside it.

All moves to a stage that skip over others share one line: each leaves its own stage at a dot, and
the line ends in an arrow at the stage that it leads to. Lines that lead down run on the right,
lines that lead back up on the left, each in a lane of its own. So no line crosses a stage, and a
drawing is as narrow as a phone whatever the procedure.

Lengths are pixels, and grow to the right and downwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from domain.labels import stage_label
from domain.lifecycles import LifecycleKind
from domain.moves import Move
from domain.stages import LifecycleStage

WIDTH, HEIGHT = 188.0, 40.0
"""Of a stage."""
_GAP = 20.0
_BETWEEN_PARTS = 44.0
_LANE = 11.0
_TO_FIRST_LANE = 16.0
_MARGIN = 10.0
_PORT = 9.0
"""How far above a stage's middle lines come in, and below it leave."""
_LETTERS = 22
"""How many fit on a line of a stage's label."""
_TONES = 4


@dataclass(frozen=True)
class Box:
    """A stage."""

    stage: str
    lines: tuple[str, ...]
    """Its label."""
    x: float
    y: float
    is_end: bool
    begins: bool
    """Whether a lifecycle can begin in it."""

    @property
    def middle(self) -> float:
        """The height of its middle."""
        return self.y + HEIGHT / 2

    @property
    def text_rows(self) -> tuple[tuple[float, str], ...]:
        """Each line of its label, with the height of its baseline."""
        first = self.middle + 4.5 - 7.5 * (len(self.lines) - 1)
        return tuple((first + 15 * row, line) for row, line in enumerate(self.lines))


@dataclass(frozen=True)
class Line:
    """All moves to a stage that are drawn together."""

    to: str
    starts: tuple[str, ...]
    path: str
    """What an SVG path draws it with, arrow included at its end."""
    dots: tuple[tuple[float, float], ...]
    """Where it leaves each stage's own stub."""
    left: float
    right: float
    top: float
    bottom: float
    side: Side
    tone: int
    """Which of four tones tells it from its neighbours."""
    tip: tuple[float, float]
    """The point of its arrow."""


@dataclass(frozen=True)
class Frame:
    """The ends that every stage can come to."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Diagram:
    """A drawing."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    ends_at: float | None
    """The height of the heading above the ends that only some stages can come to."""
    frame: Frame | None


def drawn(kind: LifecycleKind) -> Diagram:
    """Return the drawing of a lifecycle."""
    everywhere = {move.to for move in kind.moves if move.is_from_everywhere and move.to.is_end}
    running = [stage for stage in kind.stage if not stage.is_end]
    some = [stage for stage in kind.stage if stage.is_end and stage not in everywhere]
    every = [stage for stage in kind.stage if stage in everywhere]
    order = [*running, *some, *every]
    ways = _ways(kind.moves, order)
    left, right = _lanes(ways, order)
    x = _MARGIN + (_TO_FIRST_LANE + _LANE * max(left.values(), default=0) if left else 0)
    boxes, y = dict[LifecycleStage, Box](), _MARGIN
    ends_at: float | None = None
    frame_at = 0.0
    for part in (running, some, every):
        if part and part is not running:
            y += _BETWEEN_PARTS - _GAP
        if part is some and part:
            ends_at = y - _BETWEEN_PARTS / 2 + 5
        if part is every:
            frame_at = y - 28
        for stage in part:
            begins = any(move.begins and move.to == stage for move in kind.moves)
            label = wrapped(stage_label(stage), _LETTERS)
            boxes[stage] = Box(stage.value, label, x, y, stage.is_end, begins)
            y += HEIGHT + _GAP
    bottom = y - _GAP + _MARGIN
    lines = tuple(_line(way, boxes, left, right, order) for way in ways)
    widest = max([x + WIDTH, *(line.right for line in lines)]) + _MARGIN
    frame = None
    if every:
        frame = Frame(1, frame_at, widest - 2, bottom - frame_at + 4)
        bottom = frame.y + frame.height + 1
    return Diagram(widest, bottom, tuple(boxes.values()), lines, ends_at, frame)


class Side(Enum):
    """Where a line runs."""

    BETWEEN = "between"
    """Straight down to the stage below."""
    RIGHT = "right"
    """Down, past other stages."""
    LEFT = "left"
    """Back up."""


@dataclass(frozen=True)
class _Way:
    """The moves to a stage that run on one side."""

    to: LifecycleStage
    starts: tuple[LifecycleStage, ...]
    side: Side


def _ways(moves: Iterable[Move], order: Sequence[LifecycleStage]) -> list[_Way]:
    """Return what is drawn: the moves by their target and side, none that lead from everywhere."""
    starts = dict[LifecycleStage, set[LifecycleStage]]()
    for move in moves:
        if not (move.is_from_everywhere and move.to.is_end):
            starts.setdefault(move.to, set()).update(move.starts)
    place = {stage: at for at, stage in enumerate(order)}
    ways = []
    for to in order:
        leading = [start for start in order if start in starts.get(to, ())]
        below = [start for start in leading if place[start] > place[to]]
        above = [start for start in leading if place[start] < place[to]]
        next_to_it = [start for start in above[-1:] if _is_next(start, to, place)]
        skipping = above[:-1] if next_to_it else above
        ways += [
            _Way(to, tuple(several), side)
            for several, side in (
                (next_to_it, Side.BETWEEN),
                (skipping, Side.RIGHT),
                (below, Side.LEFT),
            )
            if several
        ]
    return ways


def _is_next(
    start: LifecycleStage, to: LifecycleStage, place: Mapping[LifecycleStage, int]
) -> bool:
    """Return whether a stage stands right above another, with nothing written between them."""
    return place[start] == place[to] - 1 and not to.is_end


def _lanes(
    ways: Iterable[_Way], order: Sequence[LifecycleStage]
) -> tuple[dict[LifecycleStage, int], dict[LifecycleStage, int]]:
    """Return the lane of each way on the left and on the right, by its target: short ones inside.

    No two that share a lane have a height in common.
    """
    place = {stage: at for at, stage in enumerate(order)}
    sides: tuple[dict[LifecycleStage, int], dict[LifecycleStage, int]] = ({}, {})
    taken: tuple[list[list[range]], list[list[range]]] = ([], [])

    def span(way: _Way) -> range:
        heights = [2 * place[way.to], *(2 * place[start] + 1 for start in way.starts)]
        return range(min(heights), max(heights) + 1)

    for way in sorted(ways, key=lambda each: len(span(each))):
        if way.side is Side.BETWEEN:
            continue
        of_side = int(way.side is Side.RIGHT)
        lanes, wanted = taken[of_side], span(way)
        number = next((at for at, lane in enumerate(lanes) if _is_free(lane, wanted)), len(lanes))
        if number == len(lanes):
            lanes.append([])
        lanes[number].append(wanted)
        sides[of_side][way.to] = number
    return sides


def _is_free(lane: Iterable[range], wanted: range) -> bool:
    return all(wanted.stop <= other.start or other.stop <= wanted.start for other in lane)


def _line(
    way: _Way,
    boxes: dict[LifecycleStage, Box],
    left: dict[LifecycleStage, int],
    right: dict[LifecycleStage, int],
    order: Sequence[LifecycleStage],
) -> Line:
    to, starts = boxes[way.to], [boxes[start] for start in way.starts]
    names = tuple(start.stage for start in starts)
    tone = order.index(way.to) % _TONES
    if way.side is Side.BETWEEN:
        x, above = to.x + WIDTH / 2, starts[0].y + HEIGHT
        path = f"M{x:g} {above:g}V{to.y:g}"
        return Line(to.stage, names, path, (), x, x, above, to.y, way.side, tone, (x, to.y))
    if way.side is Side.LEFT:
        edge, lane = to.x, to.x - _TO_FIRST_LANE - _LANE * left[way.to]
    else:
        edge = to.x + WIDTH
        lane = edge + _TO_FIRST_LANE + _LANE * right[way.to]
    comes_in = to.middle - _PORT
    leave = [start.middle + _PORT for start in starts]
    furthest = max(leave, key=lambda at: abs(at - comes_in))
    path = f"M{edge:g} {furthest:g}H{lane:g}V{comes_in:g}H{edge:g}"
    path = "".join(f"M{edge:g} {at:g}H{lane:g}" for at in leave if at != furthest) + path
    return Line(
        to=to.stage,
        starts=names,
        path=path,
        dots=tuple((lane, at) for at in leave),
        left=min(lane, edge),
        right=max(lane, edge),
        top=min(comes_in, *leave),
        bottom=max(comes_in, *leave),
        side=way.side,
        tone=tone,
        tip=(edge, comes_in),
    )


def wrapped(label: str, letters: int) -> tuple[str, ...]:
    """Return a label on as few lines as it needs, no line longer than so many letters or a word."""
    lines = [""]
    for word in label.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and len(longer) > letters:
            lines.append(word)
        else:
            lines[-1] = longer
    return tuple(lines)
