"""A job's timeline as a drawing: where each promise, stage and event lies between two instants.

All of it is geometry, in percent of the width and pixels of the height, so that a page of any width
draws the same. It knows no colors and no words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from store.job_story import Drawn, Move, Story

AXIS = 26
"""Pixels of the line of dates on top."""
EVENTS = 22
"""Pixels of the line of notes, mails and assignments."""
LANE = 42
"""Pixels of the line of a promise, as high as the two lines of text beside it."""
STAGES = 30
"""Pixels of the line of a lifecycle's stages."""

MOST_LANES = 10
"""Promises that are drawn: all that are open, and the newest."""

_LEAST_SPAN = timedelta(hours=1)
_LEAST_AHEAD = timedelta(hours=6)
_ROOM = 0.03
"""What stays free at either end, as a part of the time between."""
_MOST_DATES = 6
_EDGE = 5.0
"""Percent at either end where no date has room."""
_FLAG = 8.0
"""Percent on either side of now where no date has room."""
_NEAR = 0.7
"""Percent within which events of a kind are one mark."""

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_STEPS = (
    *(hours * _HOUR for hours in (1, 3, 6, 12)),
    *(days * _DAY for days in (1, 2, 7, 14, 28, 91, 364)),
)


class Tone(StrEnum):
    """How a promise looks: by its outcome, or by whether it is late."""

    OPEN = "open"
    LATE = "late"
    KEPT = "kept"
    BROKEN = "broken"
    SUPERSEDED = "superseded"
    WAIVED = "waived"


@dataclass(frozen=True, kw_only=True)
class Span:
    """A piece of a line, in percent of the width."""

    x: float
    width: float

    @property
    def end(self) -> float:
        """Where it ends."""
        return round(self.x + self.width, 2)


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A promise as it is drawn."""

    promise: Drawn
    tone: Tone
    lane: int
    """Pixels from the top to the middle of its line."""
    past: Span
    """While it was open."""
    ahead: Span | None
    """From now until it falls due, if it does later."""
    late: Span | None
    """What of the past is after it fell due."""
    due: float | None
    """Where it falls or fell due; None beyond the drawing."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Events of a kind that lie so near to each other that one mark stands for them."""

    kind: str
    x: float
    count: int


@dataclass(frozen=True, kw_only=True)
class Date:
    """A date or an hour on the axis."""

    at: datetime
    """On the company's clock."""
    x: float
    is_day: bool
    """Whether a day begins there."""


@dataclass(frozen=True, kw_only=True)
class StageSpan:
    """How long a lifecycle stood in a stage."""

    stage: str
    span: Span
    is_now: bool
    """Whether it stands there still."""


@dataclass(frozen=True, kw_only=True)
class StageLine:
    """The stages of a lifecycle, one after the other."""

    lifecycle: str
    lane: int
    """Pixels from the top to the middle of its line."""
    stages: Sequence[StageSpan]


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """A job's timeline."""

    height: int
    now: float
    begins: datetime
    ends: datetime
    dates: Sequence[Date]
    marks: Sequence[Mark]
    bars: Sequence[Bar]
    earlier: Sequence[Drawn]
    """Promises that there is no room to draw, the oldest first."""
    stages: Sequence[StageLine]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a lifecycle stands."""

    lifecycle: str
    stage: str
    since: datetime
    has_ended: bool


@dataclass(frozen=True)
class _Scale:
    begins: datetime
    ends: datetime

    def x(self, at: datetime) -> float:
        """Return where an instant lies, in percent; what is outside lies at the edge."""
        part = (at - self.begins) / (self.ends - self.begins)
        return round(100 * min(max(part, 0.0), 1.0), 2)

    def span(self, begins: datetime, ends: datetime) -> Span:
        x = self.x(begins)
        return Span(x=x, width=round(max(self.x(ends) - x, 0.0), 2))

    def has(self, at: datetime) -> bool:
        return self.begins <= at <= self.ends


def draw(story: Story, standings: Sequence[Standing], now: datetime, zone: str) -> Timeline | None:
    """Return a job's timeline as it is drawn, None where nothing has happened.

    Args:
        story: what happened.
        standings: where the job's lifecycles stand.
        now: aware; no earlier than the newest of what happened.
        zone: the company's, an IANA name.
    """
    lines = [(each, _moves_of(story, each.lifecycle)) for each in standings]
    begun = [
        *(promise.opened_at for promise in story.promises),
        *(at for _, _, at in story.events),
        *(move.at for move in story.moves),
        *(each.since for each in standings),
    ]
    if not begun:
        return None
    drawn, earlier = _chosen(story.promises)
    scale = _scale(min(begun), [each for each in drawn if each.outcome is None], now)
    top = AXIS + EVENTS
    below = top + LANE * len(drawn)
    return Timeline(
        height=below + STAGES * len(lines),
        now=scale.x(now),
        begins=scale.begins,
        ends=scale.ends,
        dates=[
            date for date in _dates(scale, ZoneInfo(zone)) if abs(date.x - scale.x(now)) >= _FLAG
        ],
        marks=_marks(story, scale),
        bars=[
            _bar(promise, scale, now, top + LANE * place + LANE // 2)
            for place, promise in enumerate(drawn)
        ],
        earlier=earlier,
        stages=[
            StageLine(
                lifecycle=each.lifecycle,
                lane=below + STAGES * place + STAGES // 2,
                stages=_stages(each, moves, scale, now, min(begun)),
            )
            for place, (each, moves) in enumerate(lines)
        ],
    )


def _chosen(promises: Sequence[Drawn]) -> tuple[list[Drawn], list[Drawn]]:
    """Return the promises that are drawn, and those that there is no room for; oldest first."""
    by_need = sorted(promises, key=lambda each: (each.outcome is None, each.opened_at, each.id))
    still_open = sum(each.outcome is None for each in promises)
    room = max(MOST_LANES, still_open)
    drawn, earlier = by_need[-room:], by_need[:-room]
    return sorted(drawn, key=_opened), sorted(earlier, key=_opened)


def _opened(promise: Drawn) -> tuple[datetime, datetime, int]:
    return promise.opened_at, promise.due_at, promise.id


def _scale(begins: datetime, still_open: Sequence[Drawn], now: datetime) -> _Scale:
    """Return the scale of a drawing: what is behind gets at least as much room as what is ahead."""
    behind = max(now - begins, _LEAST_SPAN)
    due = max((each.due_at for each in still_open), default=now)
    ahead = min(max(due - now, timedelta()), max(behind, _LEAST_AHEAD))
    room = _ROOM * (behind + ahead)
    return _Scale(now - behind - room, now + ahead + room)


def _bar(promise: Drawn, scale: _Scale, now: datetime, lane: int) -> Bar:
    until = promise.closed_at or now
    is_late = until > promise.due_at
    ahead = promise.closed_at is None and promise.due_at > now
    return Bar(
        promise=promise,
        tone=_tone(promise, now),
        lane=lane,
        past=scale.span(promise.opened_at, until),
        ahead=scale.span(now, promise.due_at) if ahead else None,
        late=scale.span(promise.due_at, until) if is_late else None,
        due=scale.x(promise.due_at) if scale.has(promise.due_at) else None,
    )


def _tone(promise: Drawn, now: datetime) -> Tone:
    if promise.outcome is not None:
        return Tone(promise.outcome)
    return Tone.LATE if promise.due_at < now else Tone.OPEN


def _marks(story: Story, scale: _Scale) -> list[Mark]:
    marks = dict[tuple[str, int], Mark]()
    for kind, _, at in story.events:
        x = scale.x(at)
        place = kind, int(x / _NEAR)
        near = marks.get(place, Mark(kind=kind, x=x, count=0))
        marks[place] = replace(near, count=near.count + 1)
    return list(marks.values())


def _moves_of(story: Story, lifecycle: str) -> list[Move]:
    return [move for move in story.moves if move.lifecycle == lifecycle]


def _stages(
    standing: Standing, moves: Sequence[Move], scale: _Scale, now: datetime, begun: datetime
) -> list[StageSpan]:
    """Return the stages of a lifecycle: from each move to the next, and the last one until now."""
    if not moves:
        stage = StageSpan(
            stage=standing.stage,
            span=scale.span(standing.since, standing.since if standing.has_ended else now),
            is_now=True,
        )
        return [stage]
    first = max(begun, min(moves[0].at, scale.begins))
    turns = [(moves[0].before, first), *((move.after, move.at) for move in moves)]
    ends = [at for _, at in turns[1:]]
    last = ends[-1] if standing.has_ended else now
    return [
        StageSpan(stage=stage, span=scale.span(at, until), is_now=place == len(turns) - 1)
        for place, ((stage, at), until) in enumerate(zip(turns, [*ends, last], strict=True))
    ]


def _dates(scale: _Scale, zone: ZoneInfo) -> Iterator[Date]:
    """Return the dates or hours of the axis: as many as have room, on the company's clock."""
    span = scale.ends - scale.begins
    step = next((each for each in _STEPS if span / each <= _MOST_DATES), _STEPS[-1])
    day = datetime.combine(scale.begins.astimezone(zone).date(), time(), zone)
    days = max(step // _DAY, 1)
    while day < scale.ends:
        wall = day
        while wall.date() == day.date():
            x = scale.x(wall)
            if scale.has(wall) and _EDGE <= x <= 100 - _EDGE:
                yield Date(at=wall, x=x, is_day=wall.time() == time())
            wall += min(step, _DAY)  # on the wall's clock, whatever it does in between
        day += days * _DAY
