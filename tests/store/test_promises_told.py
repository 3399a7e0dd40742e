"""Promises in numbers: by the company's weeks, and by how long somebody was late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import insert, update

from store import schema
from store.database import Database
from store.promises_told import MOST_WEEKS, Asked, Count, PromisesTold, Wait
from tests.store.rows import execute, lifecycle_row

NOW = datetime(2026, 11, 27, 17, 0, tzinfo=UTC)
ET = "America/New_York"
MONDAY, NEXT_MONDAY = date(2026, 11, 16), date(2026, 11, 23)
MIDNIGHT_IN_NEW_YORK = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
A_SECOND, AN_HOUR = timedelta(seconds=1), timedelta(hours=1)
_numbers = count(1)


def asked(**changes: Any) -> Asked:
    fields: dict[str, Any] = {"first": MONDAY, "last": date(2026, 11, 27), "zone": ET}
    return Asked(**{**fields, **changes})


def promise(
    outcome: str | None, due_at: datetime, closed_at: datetime | None = None, **changes: object
) -> dict[str, object]:
    """Return the row of a promise, settled at its deadline unless said otherwise."""
    return {
        "job_id": "SJ-1001",
        "workflow_id": "plus-one/SJ-1001",
        "rule": "PO-17",
        "duty": "find a provider",
        "waiting_on": "plusone",
        "opened_at": due_at - AN_HOUR,
        "due_at": due_at,
        "outcome": outcome,
        "closed_at": closed_at or (due_at if outcome else None),
        "key": f"key-{next(_numbers)}",
        **changes,
    }


async def given(database: Database, *promises: dict[str, object]) -> PromisesTold:
    await execute(database, *(insert(schema.promises).values(each) for each in promises))
    return PromisesTold(database)


def late_by(waits: Sequence[Wait], now: datetime = NOW) -> list[tuple[str, timedelta]]:
    return [(each.job_id, (each.until or now) - each.since) for each in waits]


async def test_a_week_begins_at_the_company_s_midnight(database: Database) -> None:
    told = await given(
        database,
        promise("kept", MIDNIGHT_IN_NEW_YORK - A_SECOND),
        promise("broken", MIDNIGHT_IN_NEW_YORK),
    )
    assert await told.counts(asked()) == [
        Count(MONDAY, "PO-17", "plusone", kept=1, broken=0),
        Count(NEXT_MONDAY, "PO-17", "plusone", kept=0, broken=1),
    ]
    in_berlin = await told.counts(asked(zone="Europe/Berlin"))
    assert [(each.week, each.kept, each.broken) for each in in_berlin] == [(NEXT_MONDAY, 1, 1)]


async def test_a_day_ends_at_the_company_s_midnight(database: Database) -> None:
    sunday = date(2026, 11, 22)
    told = await given(
        database,
        promise("kept", MIDNIGHT_IN_NEW_YORK - A_SECOND),
        promise("kept", MIDNIGHT_IN_NEW_YORK),
        promise("kept", MIDNIGHT_IN_NEW_YORK - 24 * AN_HOUR - A_SECOND),
    )
    (found,) = await told.counts(asked(first=sunday, last=sunday))
    assert (found.week, found.kept) == (MONDAY, 1)


async def test_a_week_in_which_the_clocks_change_has_its_own_length(database: Database) -> None:
    """On Nov 1, 2026 New York goes from UTC-4 to UTC-5."""
    told = await given(
        database,
        promise("kept", datetime(2026, 10, 26, 4, 0, tzinfo=UTC)),
        promise("kept", datetime(2026, 11, 2, 4, 59, tzinfo=UTC)),
        promise("kept", datetime(2026, 11, 2, 5, 0, tzinfo=UTC)),
    )
    found = await told.counts(asked(first=date(2026, 10, 26)))
    assert [(each.week, each.kept) for each in found] == [
        (date(2026, 10, 26), 2),
        (date(2026, 11, 2), 1),
    ]


async def test_every_promise_is_counted_once_whatever_the_number_of_weeks(
    database: Database,
) -> None:
    days = [NOW - timedelta(days=3 * at) for at in range(60)]
    told = await given(database, *(promise("kept", at) for at in days))
    for weeks in range(1, 26):
        wanted = asked(first=NEXT_MONDAY - timedelta(weeks=weeks - 1))
        found = await told.counts(wanted)
        assert len(wanted.weeks) == weeks
        assert sum(each.kept for each in found) == sum(at >= wanted.begins for at in days)


async def test_what_was_superseded_waived_or_is_open_is_neither(database: Database) -> None:
    told = await given(
        database, *(promise(each, NOW - AN_HOUR) for each in ("superseded", "waived", None))
    )
    assert await told.counts(asked()) == []


async def test_it_is_told_of_one_procedure_or_one_role(database: Database) -> None:
    at = NOW - AN_HOUR
    told = await given(
        database,
        promise("kept", at),
        promise("kept", at, waiting_on="dispatch", workflow_id="apo/SJ-1001", rule="APO-02"),
    )
    (of_apo,) = await told.counts(asked(lifecycle="apo"))
    (of_plusone,) = await told.counts(asked(waiting_on="plusone"))
    assert (of_apo.rule, of_plusone.rule) == ("APO-02", "PO-17")
    assert await told.counts(asked(lifecycle="ap_")) == []


def test_of_a_long_time_the_newest_weeks_are_told() -> None:
    wanted = asked(first=date(2020, 1, 1))
    assert len(wanted.weeks) == MOST_WEEKS
    assert wanted.weeks[-1] == NEXT_MONDAY
    assert wanted.begins == datetime(2025, 11, 24, 5, 0, tzinfo=UTC)


async def test_somebody_is_late_over_all_reminders_until_the_promise_is_kept(
    database: Database,
) -> None:
    due = [NOW - hours * AN_HOUR for hours in (50, 40, 30)]
    told = await given(
        database,
        promise("broken", due[0]),
        promise("broken", due[1]),
        promise("kept", due[2], NOW - 35 * AN_HOUR),
        promise("broken", NOW - 5 * AN_HOUR),
        promise("kept", NOW, NOW - AN_HOUR),
        promise("kept", NOW, workflow_id="plus-one/SJ-1002", job_id="SJ-1002"),
    )
    found = await told.worst_ever(asked(), NOW)
    assert late_by(found) == [("SJ-1001", 15 * AN_HOUR), ("SJ-1001", 4 * AN_HOUR)]
    assert found[0].since == due[0]
    assert found[0].duty == "find a provider"


async def test_a_wait_that_still_runs_counts_until_now(database: Database) -> None:
    told = await given(
        database,
        promise("broken", NOW - 3 * AN_HOUR),
        promise(None, NOW + AN_HOUR),
    )
    (found,) = await told.worst_ever(asked(), NOW)
    assert found.until is None
    assert late_by([found]) == [("SJ-1001", 3 * AN_HOUR)]


async def test_only_so_many_of_the_longest_are_told(database: Database) -> None:
    told = await given(
        database,
        *(
            row
            for number in range(15)
            for row in (
                promise("broken", NOW - AN_HOUR, workflow_id=f"apo/J{number}", job_id=f"J{number}"),
                promise(
                    "kept",
                    NOW - AN_HOUR,
                    NOW - AN_HOUR + timedelta(minutes=number),
                    workflow_id=f"apo/J{number}",
                    job_id=f"J{number}",
                ),
            )
        ),
    )
    found = await told.worst_ever(asked(), NOW)
    assert [each.job_id for each in found] == [f"J{number}" for number in range(14, 4, -1)]


async def test_who_is_late_now_is_told_by_how_long(database: Database) -> None:
    def standing(job_id: str, urgent_at: datetime, **changes: object) -> dict[str, object]:
        row = lifecycle_row(f"plus-one/{job_id}", job_id=job_id)
        said = {"waiting_on": "plusone", "duty": "find a provider", "outcome": None}
        return {**row, **said, "urgent_at": urgent_at, **changes}

    rows = [
        standing("A", NOW - AN_HOUR),
        standing("B", NOW - 2 * AN_HOUR),
        standing("C", NOW + AN_HOUR),
        standing("D", NOW - 3 * AN_HOUR, outcome="completed"),
        standing("E", NOW - 4 * AN_HOUR, waiting_on="dispatch"),
    ]
    await execute(database, *(insert(schema.lifecycles).values(each) for each in rows))
    told = PromisesTold(database)
    assert late_by(await told.worst_now(asked(waiting_on="plusone"), NOW)) == [
        ("B", 2 * AN_HOUR),
        ("A", AN_HOUR),
    ]
    assert [each.job_id for each in await told.worst_now(asked(), NOW, most=1)] == ["E"]
    assert await told.worst_now(asked(lifecycle="apo"), NOW) == []
    await execute(database, update(schema.lifecycles).values(outcome="cancelled"))
    assert await told.worst_now(asked(), NOW) == []


async def test_who_is_late_now_is_told_with_the_promise_that_was_missed(
    database: Database,
) -> None:
    row = lifecycle_row("plus-one/SJ-1001", job_id="SJ-1001")
    noticed = NOW - timedelta(minutes=1)
    waits_now = {"waiting_on": "dispatch", "duty": "assign another provider", "outcome": None}
    standing = {**row, **waits_now, "urgent_at": noticed}
    await execute(database, insert(schema.lifecycles).values(standing))
    told = await given(
        database,
        promise("broken", NOW - 90 * AN_HOUR, duty="report"),  # and kept after that
        promise("broken", NOW - 3 * AN_HOUR, noticed),
        promise(None, NOW + AN_HOUR, waiting_on="dispatch", duty="assign another provider"),
    )
    (found,) = await told.worst_now(asked(waiting_on="plusone"), NOW)
    assert (found.waiting_on, found.duty, found.rule) == ("plusone", "find a provider", "PO-17")
    assert found.since == NOW - 3 * AN_HOUR
    assert await told.worst_now(asked(waiting_on="dispatch"), NOW) == []


@pytest.mark.parametrize(("first", "weeks"), [(NEXT_MONDAY, 1), (date(2026, 11, 22), 2)])
def test_weeks_begin_on_mondays(first: date, weeks: int) -> None:
    assert len(asked(first=first).weeks) == weeks
    assert all(monday.weekday() == 0 for monday in asked(first=first).weeks)
