"""The board shows every line once, the overdue first, whatever is paged, counted or looked for."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from domain.attention import Attention
from domain.jobs import Assignee, HeldJob
from domain.unfollowed import is_left_alone
from store import schema
from store.board import MOST_COUNTED, Board, Order, Show, Wanted
from store.cursors import CursorError
from store.database import Database
from store.jobs import keep_job
from store.urgency import ENDED, NO_DEADLINE, urgent_at
from tests.domain.factories import PROVIDER, a_job
from tests.store.rows import NOW, add_lifecycle, keep, lifecycle_row

AN_HOUR = timedelta(hours=1)
MISSED = {"overdue": {"since": (NOW - 3 * AN_HOUR).isoformat(), "why": "Nobody came."}}


def wanted(**asked: Any) -> Wanted:
    fields: dict[str, Any] = {"now": NOW, "today_ends": NOW + 9 * AN_HOUR, "mine": "dispatch"}
    return Wanted(**{**fields, **asked})


async def listed(database: Database, **asked: Any) -> list[str]:
    """Return the jobs of the board's first page."""
    return [item["job_id"] for item in (await Board(database).page(wanted(**asked))).items]


async def add(database: Database, number: int, due_at: datetime | None = NOW, **row: Any) -> str:
    told = {name: row.pop(name) for name in tuple(row) if name not in schema.lifecycles.c}
    job = await keep(database, a_job(job_id=f"SJ-{number:04}", **told))
    alerts = row.get("attention_since", {})
    at = urgent_at(due_at, alerts, row.get("outcome"), NOW)
    changes = {"attention": list(alerts), **row, "due_at": due_at, "urgent_at": at}
    await add_lifecycle(database, f"plus-one/{job.job_id}", **changes)
    return job.job_id


async def add_one_of_each(database: Database) -> None:
    """Add a line for each way to show the board."""
    await add(database, 1, NOW + AN_HOUR, waiting_on="dispatch", duty="find a provider")
    await add(database, 2, NOW - AN_HOUR)
    await add(database, 3, NOW + 40 * AN_HOUR, attention_since=MISSED)
    await add(database, 4, None)
    await add(database, 5, None, outcome="completed", stage="completed")
    await keep(database, a_job(job_id="SJ-0006"))


# --- urgency ------------------------------------------------------------------------------------


def test_a_missed_deadline_keeps_its_place_whatever_is_due_next() -> None:
    missed = NOW - 3 * AN_HOUR
    assert urgent_at(NOW + AN_HOUR, {}, None, NOW) == NOW + AN_HOUR
    assert urgent_at(NOW + AN_HOUR, MISSED, None, NOW) == missed
    assert urgent_at(None, MISSED, None, NOW) == missed
    assert urgent_at(NOW - 9 * AN_HOUR, MISSED, None, NOW) == NOW - 9 * AN_HOUR
    assert urgent_at(None, {}, None, NOW) == NO_DEADLINE
    assert urgent_at(NOW, MISSED, "completed", NOW) == ENDED


def test_how_late_counts_from_the_deadline_not_from_when_it_was_noticed() -> None:
    missed = NOW - 99 * AN_HOUR
    noticed = {"overdue": {**MISSED["overdue"], "due_at": missed.isoformat()}}
    assert urgent_at(NOW + AN_HOUR, noticed, None, NOW) == missed


def test_a_job_that_was_moved_ahead_is_late_now() -> None:
    ahead = {Attention.OVERDUE.value: {"since": (NOW + 90 * AN_HOUR).isoformat(), "why": ""}}
    assert urgent_at(NOW + 99 * AN_HOUR, ahead, None, NOW) == NOW


# --- what is shown -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("show", "found"),
    [
        (Show.OPEN, [3, 2, 1, 4]),
        (Show.MINE, [1]),
        (Show.TODAY, [1]),
        (Show.OVERDUE, [3, 2]),
        (Show.ATTENTION, [3]),
        (Show.UNFOLLOWED, [6]),
        (Show.ENDED, [5]),
        (Show.ALL, [3, 2, 1, 4, 5, 6]),
    ],
)
async def test_each_way_shows_its_lines_and_counts_as_many(
    database: Database, show: Show, found: list[int]
) -> None:
    await add_one_of_each(database)
    page = await Board(database).page(wanted(show=show))
    assert [item["job_id"] for item in page.items] == [f"SJ-{number:04}" for number in found]
    assert page.counts.get(show, len(found)) == len(found)


@pytest.mark.parametrize(
    ("ends", "status", "is_alone"),
    [
        ([], "New", True),
        (["declined"], "New", True),
        (["declined"], "Completed", False),
        (["declined"], "Cancelled", False),
        (["resolved"], "Accepted", False),
        (["resolved", "no_provider_found"], "New", True),
        (["abandoned", "completed"], "New", False),
        (["declined", None], "New", False),
        ([], "Completed", False),
    ],
)
async def test_a_job_is_left_alone_until_it_is_over_or_ended_well(
    database: Database, ends: list[str | None], status: str, *, is_alone: bool
) -> None:
    job = await keep(database, a_job(status=status))
    for number, outcome in enumerate(ends):
        at = NOW + number * AN_HOUR
        kind = ("plus-one", "apo")[number]
        await add_lifecycle(database, f"{kind}/{job.job_id}", outcome=outcome, since=at)
    for asked in ({}, {"q": job.job_id.lower()}, {"trade": job.trade}):
        page = await Board(database).page(wanted(show=Show.UNFOLLOWED, **asked))
        assert [item["job_id"] for item in page.items] == [job.job_id] * is_alone
        assert page.counts[Show.UNFOLLOWED] == is_alone
    if None not in ends:
        assert is_left_alone(job.status, ends[-1] if ends else None) is is_alone


async def test_a_line_says_what_is_waited_for(database: Database) -> None:
    await add_one_of_each(database)
    page = await Board(database).page(wanted(show=Show.MINE))
    (line,) = page.items
    assert (line["waiting_on"], line["duty"]) == ("dispatch", "find a provider")
    (alone,) = (await Board(database).page(wanted(show=Show.UNFOLLOWED))).items
    assert (alone["lifecycle"], alone["attention"]) == (None, [])


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"waiting_on": "dispatch"}, [1]),
        ({"lifecycle": "apo"}, []),
        ({"stage": "searching"}, [3, 2, 1, 4]),
        ({"trade": "Plumbing"}, [3, 2, 1, 4]),
        ({"trade": "HVAC"}, []),
        ({"severity": "Standard", "attention": "overdue"}, [3]),
        ({"attention": "over"}, []),
        ({"order": Order.JOB}, [1, 2, 3, 4]),
        ({"order": Order.JOB, "show": Show.ALL}, [1, 2, 3, 4, 5, 6]),
    ],
)
async def test_filters_narrow_lines_and_counts_alike(
    database: Database, asked: dict[str, Any], found: list[int]
) -> None:
    await add_one_of_each(database)
    page = await Board(database).page(wanted(**asked))
    assert [item["job_id"] for item in page.items] == [f"SJ-{number:04}" for number in found]
    narrowed = {name: value for name, value in asked.items() if name not in {"show", "order"}}
    for show, count in page.counts.items():
        assert count == len(await listed(database, **narrowed, show=show))
    assert page.trades == ["Plumbing"]


@pytest.mark.parametrize(
    ("words", "is_found"),
    [
        ("sj-0001", True),
        ("SO-77", True),
        ("kitchen ada", True),
        ("tulsa", True),
        ("byron", True),
        ("918-555-0177", True),
        ("(918) 555-0177", True),
        ("+1 918 555 0177", True),
        ("+1 (918) 555", True),
        ("19185550177", True),
        ("1.918.555.0177", True),
        ("0177", True),
        ("kitchen 0177", True),
        ("918 555 0178", False),
        ("(918)", False),  # three digits are no part of a number by themselves
        ("5550177", True),
        ("(918)555.0177", True),
        ("918 555 0177", True),
        ("5550178", False),
        ("%", False),
        ("_", False),
        ("ada@example.com", False),
    ],
)
async def test_a_job_is_found_by_order_customer_and_phone(
    database: Database, words: str, *, is_found: bool
) -> None:
    await add(
        database,
        1,
        order_id="SO-77",
        item={"name": "Kitchen faucet"},
        assigned_to=Assignee.of(PROVIDER),
        customer={"name": "Ada Byron", "phone": "918-555-0177", "email": "ada@example.com"},
    )
    assert await listed(database, q=words) == ["SJ-0001"] * is_found


async def test_of_many_lines_some_are_counted(database: Database) -> None:
    many = [f"SJ-{number:04}" for number in range(MOST_COUNTED + 20)]

    def write(connection: Connection) -> None:
        for job_id in many:
            keep_job(connection, database, HeldJob(job=a_job(job_id=job_id)), 1)
        lines = [lifecycle_row(f"apo/{job_id}", urgent_at=NO_DEADLINE) for job_id in many]
        connection.execute(schema.lifecycles.insert().values(lines))

    await database.write(write)
    page = await Board(database).page(wanted())
    assert page.counts[Show.OPEN] == MOST_COUNTED + 1
    assert (await Board(database).page(wanted(q="sj-0001"))).counts[Show.OPEN] == 1


# --- pages ---------------------------------------------------------------------------------------


async def pages(database: Database, limit: int, **asked: Any) -> list[list[str]]:
    """Return the ids of the lines, page by page, to the last page and back to the first."""
    board = Board(database)
    page = await board.page(wanted(**asked), limit)
    there, back = [page], [page]
    while page.after:
        page = await board.page(wanted(**asked, after=page.after), limit)
        there.append(page)
    back = [page]
    while page.before:
        page = await board.page(wanted(**asked, before=page.before), limit)
        back.append(page)
    ids = [[item["id"] for item in each.items] for each in there]
    assert [[item["id"] for item in each.items] for each in back[::-1]] == ids
    return ids


_DUE = st.none() | st.integers(-3, 3).map(lambda hours: NOW + hours * AN_HOUR)
_LINES = st.lists(
    st.tuples(
        _DUE,
        st.booleans(),
        st.sampled_from([None, None, None, "completed"]),
        st.booleans(),
        st.integers(0, 2).map(lambda hours: NOW - hours * AN_HOUR),
    ),
    max_size=9,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    lines=_LINES,
    limit=st.integers(1, 4),
    show=st.sampled_from([Show.OPEN, Show.ALL, Show.ENDED, Show.UNFOLLOWED]),
    order=st.sampled_from(Order),
)
async def test_pages_lose_and_repeat_no_line_and_the_overdue_come_first(
    used: Database, lines: list[Any], limit: int, show: Show, order: Order
) -> None:
    def empty(connection: Connection) -> None:
        for table in (schema.lifecycles, schema.jobs):
            connection.execute(table.delete())

    await used.write(empty)
    for number, (due_at, is_late, outcome, is_followed, since) in enumerate(lines):
        if is_followed:
            alerts = MISSED if is_late else {}
            more = {"outcome": outcome, "attention_since": alerts, "since": since}
            await add(used, number, due_at, **more)
        else:
            await keep(used, a_job(job_id=f"SJ-{number:04}"))
    found = [id_ for page in await pages(used, limit, show=show, order=order) for id_ in page]
    whole = await Board(used).page(wanted(show=show, order=order))
    assert found == [item["id"] for item in whole.items]
    assert max(Counter(found).values(), default=1) == 1
    if show is Show.ALL:
        assert len(found) == len(lines)
    if order is Order.URGENT and show is Show.OPEN:
        late = [item["urgent_at"] < NOW for item in whole.items]
        assert late == sorted(late, reverse=True)


async def test_a_cursor_of_another_order_is_refused(database: Database) -> None:
    await add_one_of_each(database)
    page = await Board(database).page(wanted(), 1)
    for order in (Order.NEWEST, Order.JOB):
        with pytest.raises(CursorError):
            await Board(database).page(wanted(after=page.after, order=order))
    with pytest.raises(CursorError):
        await Board(database).page(wanted(before="nonsense"))
