"""A timeline lies within its drawing, is to scale, and shows what is open before what is old."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from starters.desk.timeline import (
    AXIS,
    EVENTS,
    LANE,
    MOST_LANES,
    STAGES,
    Bar,
    Span,
    Standing,
    Timeline,
    Tone,
    draw,
)
from store.job_story import Drawn, Move, Story

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONE = "America/New_York"
NOTHING = Story(promises=[], moves=[], events=[], latest=None)


def promise(
    number: int = 1,
    opened: timedelta = -5 * HOUR,
    due: timedelta = 5 * HOUR,
    outcome: str | None = None,
    closed: timedelta | None = None,
) -> Drawn:
    return Drawn(
        id=number,
        lifecycle="plus-one",
        rule="PO-17",
        duty="find a provider",
        waiting_on="plusone",
        opened_at=NOW + opened,
        due_at=NOW + due,
        outcome=outcome,
        closed_at=None if closed is None else NOW + closed,
    )


def standing(since: timedelta = -2 * HOUR, *, has_ended: bool = False) -> Standing:
    return Standing(lifecycle="plus-one", stage="accepted", since=NOW + since, has_ended=has_ended)


def drawn(story: Story, standings: Sequence[Standing] = ()) -> Timeline:
    timeline = draw(story, standings, NOW, ZONE)
    assert timeline is not None
    return timeline


def bar_of(one: Drawn, *others: Drawn) -> Bar:
    bars = drawn(NOTHING._replace(promises=[one, *others])).bars
    return next(bar for bar in bars if bar.promise.id == one.id)


def spans(timeline: Timeline) -> Iterator[Span]:
    for bar in timeline.bars:
        yield from (each for each in (bar.past, bar.ahead, bar.late) if each is not None)
    for line in timeline.stages:
        yield from (each.span for each in line.stages)


# --- whatever happened --------------------------------------------------------------------------

AWAY = st.timedeltas(-400 * DAY, 400 * DAY)
BEFORE = st.timedeltas(-400 * DAY, timedelta())


@st.composite
def promises(draw_: st.DrawFn) -> list[Drawn]:
    made = []
    for number in range(draw_(st.integers(0, 15))):
        outcome = draw_(st.sampled_from([None, "kept", "broken", "superseded", "waived"]))
        opened = draw_(BEFORE)
        closed = None if outcome is None else draw_(st.timedeltas(opened, timedelta()))
        made.append(promise(number, opened, draw_(AWAY), outcome, closed))
    return made


@given(
    promises(),
    st.lists(BEFORE, max_size=6),
    st.lists(st.tuples(st.sampled_from(["notes", "mail"]), BEFORE), max_size=30),
    st.booleans(),
)
def test_everything_lies_within_and_nothing_is_lost(
    promised: list[Drawn],
    moved: list[timedelta],
    events: list[tuple[str, timedelta]],
    has_ended: bool,  # noqa: FBT001  as hypothesis gives it
) -> None:
    moves = [Move("plus-one", NOW + at, "searching", "accepted") for at in sorted(moved)]
    story = Story(
        promises=promised,
        moves=moves,
        events=[(kind, number, NOW + at) for number, (kind, at) in enumerate(events)],
        latest=None,
    )
    since = max(moved, default=-HOUR)
    timeline = drawn(story, [standing(since, has_ended=has_ended)])
    for span in spans(timeline):
        assert span.x >= 0
        assert span.width >= 0
        assert span.end <= 100.01  # two rounded numbers
    assert 0 < timeline.now < 100
    assert timeline.height == AXIS + EVENTS + LANE * len(timeline.bars) + STAGES
    assert all(0 < bar.lane < timeline.height for bar in timeline.bars)
    assert len({bar.lane for bar in timeline.bars}) == len(timeline.bars)
    shown = {each.id for each in timeline.earlier} | {bar.promise.id for bar in timeline.bars}
    assert shown == {each.id for each in promised}
    assert all(each.outcome is not None for each in timeline.earlier)
    assert sum(mark.count for mark in timeline.marks) == len(events)
    assert len(timeline.dates) <= 2 * MOST_LANES
    assert all(one.x < next_.x for one, next_ in pairwise(timeline.dates))
    (line,) = timeline.stages
    assert len(line.stages) == len(moves) + 1
    assert line.stages[-1].stage == "accepted"


def test_what_is_drawn_is_to_scale() -> None:
    timeline = drawn(NOTHING._replace(promises=[promise(opened=-6 * HOUR, due=3 * HOUR)]))
    (bar,) = timeline.bars
    assert bar.ahead is not None
    assert bar.past.width == pytest.approx(2 * bar.ahead.width, abs=0.05)
    assert bar.past.end == pytest.approx(timeline.now, abs=0.02)
    assert bar.due == pytest.approx(bar.ahead.end, abs=0.02)


@pytest.mark.parametrize(
    ("outcome", "due", "tone"),
    [
        (None, HOUR, Tone.OPEN),
        (None, -HOUR, Tone.LATE),
        ("kept", HOUR, Tone.KEPT),
        ("broken", -HOUR, Tone.BROKEN),
        ("superseded", HOUR, Tone.SUPERSEDED),
        ("waived", HOUR, Tone.WAIVED),
    ],
)
def test_each_outcome_looks_different(outcome: str | None, due: timedelta, tone: Tone) -> None:
    closed = None if outcome is None else -HOUR / 2
    assert bar_of(promise(due=due, outcome=outcome, closed=closed)).tone is tone


def test_what_came_too_late_is_told_from_what_came_in_time() -> None:
    late = bar_of(promise(opened=-4 * HOUR, due=-3 * HOUR, outcome="broken", closed=-HOUR)).late
    assert late is not None
    assert late.width > 0
    assert bar_of(promise(due=HOUR, outcome="kept", closed=-HOUR)).late is None


def test_a_deadline_far_ahead_does_not_push_the_past_together() -> None:
    bar = bar_of(promise(opened=-6 * HOUR, due=30 * DAY))
    assert bar.due is None
    assert bar.ahead is not None
    assert bar.past.width == pytest.approx(bar.ahead.width - 3, abs=1)  # it goes to the edge


def test_the_open_ones_are_drawn_however_old_they_are() -> None:
    closed = [promise(n, -n * HOUR, outcome="kept", closed=timedelta()) for n in range(1, 20)]
    timeline = drawn(NOTHING._replace(promises=[promise(99, -90 * DAY), *closed]))
    assert len(timeline.bars) == MOST_LANES
    assert timeline.bars[0].promise.id == 99
    assert [each.id for each in timeline.earlier] == list(range(19, MOST_LANES - 1, -1))


def test_events_that_lie_together_are_one_mark() -> None:
    events = [("notes", 1, NOW - DAY), ("notes", 2, NOW - DAY), ("mail", 3, NOW - DAY)]
    marks = drawn(NOTHING._replace(events=events)).marks
    assert {(mark.kind, mark.count) for mark in marks} == {("notes", 2), ("mail", 1)}


def test_the_dates_are_those_of_the_companys_clock_and_go_on_when_it_changes() -> None:
    begun = datetime(2026, 10, 31, 12, 0, tzinfo=UTC)
    now = datetime(2026, 11, 2, 18, 0, tzinfo=UTC)  # the clock was put back on November 1
    timeline = draw(NOTHING._replace(events=[("notes", 1, begun)]), [], now, ZONE)
    assert timeline is not None
    told = [f"{date.at:%d %H}" for date in timeline.dates]
    assert told == ["31 12", "01 00", "01 12", "02 00"]
    assert [date.is_day for date in timeline.dates] == [False, True, False, True]


def test_an_ended_lifecycle_ends_where_it_ended() -> None:
    move = Move("plus-one", NOW - 3 * HOUR, "searching", "accepted")
    story = NOTHING._replace(moves=[move], promises=[promise(outcome="kept", closed=-3 * HOUR)])
    running, ended = (
        drawn(story, [standing(has_ended=has_ended)]).stages[0].stages[-1].span
        for has_ended in (False, True)
    )
    assert running.width > 0
    assert ended.width == 0


def test_a_job_of_which_nothing_is_known_has_no_timeline() -> None:
    assert draw(NOTHING, [], NOW, ZONE) is None
