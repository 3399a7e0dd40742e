"""A job's stream has everything that happened, once, the newest first, on however many pages."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Insert

from store import schema
from store.cursors import CursorError, write_id_cursor
from store.database import Database
from store.job_story import MOST_DRAWN, STORY_KINDS, JobStories, StoryEntry
from tests.store.rows import NOW, SEARCH, execute, keep

MINUTE = timedelta(minutes=1)
BY = {"author_name": "Dana", "author_role": "dispatch"}
ROWS: dict[str, tuple[Any, dict[str, Any]]] = {
    "notes": (schema.notes, {**BY, "text": "Called", "visibility": "Private"}),
    "mail": (
        schema.emails,
        {"to": "a@b.example", "template": "x", "subject": "S", "text": "T", "html": "H"}
        | {"state": "sending", "attempts": 0},
    ),
    "assignments": (
        schema.assignments,
        {"number": "1", "name": "Tulsa Plumbing", "by": "Dana", "reason": "Nearest"},
    ),
    "tasks": (
        schema.tasks,
        {"workflow_id": SEARCH, "role": "dispatch", "kind": "follow_up", "text": "Call"}
        | {"status": "done", "closed_at": NOW, "closed_by_name": "Sam"}
        | {"closed_by_role": "supervisor", "outcome": "Reached"},
    ),
    "exceptions": (schema.exceptions, {"code": "BO2", "status": "Complete", "comment": "Late"}),
    "service-jobs": (
        schema.service_jobs,
        {"number": None, "name": "Parts", "event_type": None, "reason": "Pump"}
        | {"comments": ["one"], "added_job_id": "SJ-77"},
    ),
    "journal": (
        schema.journal,
        {"lifecycle": "plus-one", "actor_name": "Steward", "actor_role": "system"}
        | {"what": "searching → accepted", "rule": "PO-22"},
    ),
}


def row(kind: str, number: int, minutes: int, job_id: str = "SJ-1001", **fields: object) -> Insert:
    table, common = ROWS[kind]
    own = {"job_id": job_id, "at": NOW + minutes * MINUTE, "key": f"{job_id} {kind} {number}"}
    return table.insert().values(**{**common, **own, **fields})  # type: ignore[no-any-return]  # a table's


async def every_page(
    database: Database, kinds: Collection[str], limit: int
) -> tuple[list[StoryEntry], int]:
    found, pages, after = list[StoryEntry](), 0, None
    while True:
        page = await JobStories(database).stream("SJ-1001", kinds, after, limit)
        found, pages, after = [*found, *page.entries], pages + 1, page.after
        if after is None:
            return found, pages


KIND = st.sampled_from(STORY_KINDS)


@given(
    told=st.lists(st.tuples(KIND, st.integers(0, 3)), max_size=25),
    kinds=st.sets(KIND, min_size=1),
    limit=st.integers(1, 7),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_pages_lose_and_repeat_nothing_though_much_happens_at_one_instant(
    database: Database, told: list[tuple[str, int]], kinds: set[str], limit: int
) -> None:
    await execute(database, *(table.delete() for table, _ in ROWS.values()))
    await execute(
        database, *(row(kind, number, minutes) for number, (kind, minutes) in enumerate(told))
    )
    found, pages = await every_page(database, kinds, limit)
    assert sorted((each.kind, each.at) for each in found) == sorted(
        (kind, NOW + minutes * MINUTE) for kind, minutes in told if kind in kinds
    )
    assert len({(each.kind, each.id) for each in found}) == len(found)
    assert [each.at for each in found] == sorted((each.at for each in found), reverse=True)
    assert pages == max(1, -(-len(found) // limit))


async def test_each_entry_says_what_its_row_knows_and_other_jobs_say_nothing(
    database: Database,
) -> None:
    await keep(database)
    await execute(database, *(row(kind, 1, place) for place, kind in enumerate(STORY_KINDS)))
    await execute(database, *(row(kind, 1, 0, "SJ-2") for kind in STORY_KINDS))
    page = await JobStories(database).stream("SJ-1001")
    assert page.counts == dict.fromkeys(STORY_KINDS, 1)
    said = {each.kind: each.said for each in page.entries}
    assert list(said) == [*reversed(STORY_KINDS)]
    assert said["notes"]["by"] == {"name": "Dana", "role": "dispatch"}
    assert said["mail"]["state"] == "queued"  # as people see one that is being handed over
    assert said["tasks"]["closed_by"] == {"name": "Sam", "role": "supervisor"}
    assert said["service-jobs"]["added_job_id"] == "SJ-77"
    assert said["journal"]["rule"] == "PO-22"


async def test_a_cursor_of_another_list_is_refused(database: Database) -> None:
    with pytest.raises(CursorError):
        await JobStories(database).stream("SJ-1001", after=write_id_cursor(7))


async def test_a_story_has_moves_with_their_stages_and_the_newest_of_what_is_many(
    database: Database,
) -> None:
    promise = {
        "workflow_id": SEARCH,
        "rule": "PO-17",
        "duty": "find a provider",
        "waiting_on": "plusone",
        "due_at": NOW,
    }
    await execute(
        database,
        row("journal", 0, 9),
        row("journal", 1, 10, what="approve"),
        row("journal", 2, 11, lifecycle=None, what="a → b, somebody wrote"),
        *(row("notes", number, number) for number in range(MOST_DRAWN + 5)),
        *(
            schema.promises.insert().values(
                **promise, job_id=job_id, opened_at=NOW, key=f"{job_id}/{number}"
            )
            for job_id in ("SJ-1001", "SJ-2")
            for number in range(2)
        ),
    )
    story = await JobStories(database).story("SJ-1001")
    (move,) = story.moves
    assert (move.lifecycle, move.before, move.after) == ("plus-one", "searching", "accepted")
    assert [each.lifecycle for each in story.promises] == ["plus-one"] * 2
    assert story.latest == NOW + 11 * MINUTE
    assert len(story.events) == MOST_DRAWN
    assert story.events[-1][2] == NOW + (MOST_DRAWN + 4) * MINUTE


async def test_a_job_is_ahead_by_the_newest_that_its_lifecycles_did(database: Database) -> None:
    await execute(
        database,
        row("tasks", 1, 5, "SJ-1"),
        row("journal", 2, 9, "SJ-1"),
        row("notes", 3, 20, "SJ-1"),
        row("journal", 4, -1, "SJ-2"),
        row("journal", 5, 9, "SJ-3"),
    )
    assert await JobStories(database).ahead({"SJ-1", "SJ-2"}, NOW) == {"SJ-1": NOW + 9 * MINUTE}
