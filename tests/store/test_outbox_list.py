"""The outbox as people see it: listed, tried again, dropped; and what is stuck in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from activities.job_system import TurnedDownError
from domain.outgoing import Contact, Destination, OutgoingState, public_id
from domain.roles import Actor, Role
from service.stuck_outbox import stuck_in_outbox
from service.stuck_things import StuckThing
from store import schema
from store.cursors import CursorError
from store.database import Database
from store.outbox_list import Decision, OutboxFilter, OutboxList, OutboxRow
from store.refusals import ask_admin_team
from tests.store.rows import NOW, execute, rows
from tests.store.test_courier import JOB, Office, raising

ADA = Actor(name="Ada", role=Role.ADMIN_TEAM)
DECIDES = Decision(ADA, NOW, "decided")


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    url = database.url.render_as_string(hide_password=False)
    telling = Database(url, set(Destination))
    yield Office(telling)
    await telling.close()


@pytest.fixture
def outbox(office: Office) -> OutboxList:
    return OutboxList(office.database)


async def put(office: Office, **changes: Any) -> int:
    """Put a row into the outbox; return its id."""
    counting = select(func.count()).select_from(schema.outbox)
    number = await office.database.read(lambda connection: connection.scalar(counting))
    row = {
        "destination": "job_system",
        "job_id": JOB,
        "what": "add_note",
        "key": f"row {number}",
        "generation": 0,
        "at": NOW,
        "written_at": NOW,
        "body": {},
        "state": "pending",
        "attempts": 0,
        **changes,
    }
    adding = insert(schema.outbox).values(row).returning(schema.outbox.c.id)
    return await office.database.write(lambda connection: connection.execute(adding).scalar_one())


async def refused(office: Office, what: str = "add_note", **changes: Any) -> int:
    """Put a refused row into the outbox, with the task about it."""
    row_id = await put(office, what=what, state="refused", reason="422: no", **changes)
    await office.database.write(
        lambda connection: ask_admin_team(
            office.database, connection, JOB, what, "422: no", f"key {row_id}", NOW
        )
    )
    return row_id


async def found(outbox: OutboxList, row_id: int) -> OutboxRow:
    row = await outbox.find(row_id)
    assert row is not None
    return row


async def open_tasks(office: Office) -> list[str]:
    tasks = await rows(office.database, schema.tasks, status="open")
    return [task["kind"] for task in tasks]


async def test_the_list_shows_what_is_left_to_tell_the_oldest_first(
    office: Office, outbox: OutboxList
) -> None:
    ids = [await put(office, state=state) for state in OutgoingState]
    other = await put(office, job_id="SJ-2")

    page, after = await outbox.page(OutboxFilter())
    assert [row.id for row in page] == [*ids[:3], other]
    assert after is None
    page, _ = await outbox.page(OutboxFilter(job_id="SJ-2"))
    assert [row.id for row in page] == [other]
    page, _ = await outbox.page(OutboxFilter(state="done"))
    assert [row.state for row in page] == [OutgoingState.DONE]


async def test_each_row_names_the_one_that_it_waits_for(office: Office, outbox: OutboxList) -> None:
    opening = await put(office, what="open_task", subject="t", state="refused")
    closing = await put(office, what="close_task", subject="t")
    first, second = await put(office), await put(office)
    event, other = await put(office, destination="events"), await put(office, job_id="SJ-2")
    after_closing = await put(office, destination="events", subject="t")

    page, _ = await outbox.page(OutboxFilter())
    assert {row.id: row.waits_for for row in page} == {
        opening: None,
        closing: opening,
        first: None,
        second: first,
        event: None,
        other: None,
        after_closing: event,
    }
    assert (await found(outbox, second)).waits_for == first
    assert (await found(outbox, other)).waits_for is None


async def test_pages_follow_each_other(office: Office, outbox: OutboxList) -> None:
    ids = [await put(office) for _ in range(5)]
    seen: list[int] = []
    after: str | None = None
    for _ in range(3):
        page, after = await outbox.page(OutboxFilter(after=after), limit=2)
        seen += [row.id for row in page]
    assert (seen, after) == (ids, None)
    with pytest.raises(CursorError):
        await outbox.page(OutboxFilter(after="nonsense"))


async def test_what_was_refused_is_told_again_under_another_key(
    office: Office, outbox: OutboxList
) -> None:
    row_id = await refused(office)
    assert await open_tasks(office) == ["job_system_refused"]

    assert await outbox.retry(await found(outbox, row_id), DECIDES)

    row = await found(outbox, row_id)
    assert (row.state, row.generation, row.next_attempt_at) == (OutgoingState.PENDING, 1, None)
    assert await open_tasks(office) == []
    (entry,) = await rows(office.database, schema.journal)
    assert (entry["job_id"], entry["actor_name"], entry["what"]) == (JOB, "Ada", "decided")


async def test_what_was_asked_is_asked_again(office: Office, outbox: OutboxList) -> None:
    row_id = await refused(office, "change_job")

    assert await outbox.retry(await found(outbox, row_id), DECIDES)

    row = await found(outbox, row_id)
    assert (row.state, row.generation) == (OutgoingState.ASKING, 1)


async def test_what_waits_is_tried_now_under_the_same_key(
    office: Office, outbox: OutboxList
) -> None:
    later = NOW + timedelta(minutes=5)
    row_id = await put(office, attempts=7, reason="it answers 500", next_attempt_at=later)

    assert await outbox.retry(await found(outbox, row_id), DECIDES)

    row = await found(outbox, row_id)
    assert (row.state, row.generation, row.next_attempt_at) == (OutgoingState.PENDING, 0, None)


async def test_the_task_stays_until_the_last_refused_row_is_settled(
    office: Office, outbox: OutboxList
) -> None:
    first, second = await refused(office), await refused(office)
    assert await open_tasks(office) == ["job_system_refused"]

    await outbox.retry(await found(outbox, first), DECIDES)
    assert await open_tasks(office) == ["job_system_refused"]
    await outbox.drop(await found(outbox, second), DECIDES, "Entered by hand")
    assert await open_tasks(office) == []
    row = await found(outbox, second)
    assert (row.state, row.reason) == (OutgoingState.DROPPED, "Entered by hand")


async def test_the_task_says_how_many_and_quotes_the_newest_that_is_left(
    office: Office, outbox: OutboxList
) -> None:
    first = await refused(office, "open_exception", changed_at=NOW)
    assert (await text_of_task(office)).startswith("The job system refused an Exception: “no”. ")
    later = NOW + timedelta(minutes=1)
    second = await put(office, state="refused", reason="422: too long", changed_at=later)
    await office.database.write(
        lambda connection: ask_admin_team(
            office.database, connection, JOB, "add_note", "422: too long", "second", later
        )
    )
    assert (await text_of_task(office)).startswith(
        "The job system hasn't taken 2 things. The newest is a note: “too long”. "
    )

    await outbox.drop(await found(outbox, second), DECIDES, "Entered by hand")
    assert (await text_of_task(office)).startswith("The job system refused an Exception: “no”. ")
    await outbox.drop(await found(outbox, first), DECIDES, "Entered by hand")
    assert await open_tasks(office) == []


async def text_of_task(office: Office) -> str:
    (task,) = await rows(office.database, schema.tasks, status="open")
    return str(task["text"])


async def test_what_may_be_done_already_stays_so_when_it_is_tried_again(
    office: Office, outbox: OutboxList
) -> None:
    later = NOW + timedelta(minutes=5)
    asked = {"what": "change_job", "state": "asking", "attempts": 1, "reason": "it answers 500"}
    unknown = await put(office, **asked)
    certain = await put(office, **asked, next_attempt_at=later)
    for row_id, at in ((unknown, None), (certain, later)):
        assert await outbox.retry(await found(outbox, row_id), DECIDES)
        row = await found(outbox, row_id)
        assert (row.state, row.generation) == (OutgoingState.ASKING, 0)
        assert row.next_attempt_at == at


@pytest.mark.parametrize("opening", ["open_task", "open_exception"])
async def test_with_an_opening_goes_all_that_follows_about_it(
    office: Office, outbox: OutboxList, opening: str
) -> None:
    opened = await refused(office, opening, subject="T1")
    follows = await put(office, what="close_task", subject="T1")
    others = [await put(office, subject="T2"), await put(office)]

    await outbox.drop(await found(outbox, opened), DECIDES, "Not needed")

    assert (await found(outbox, follows)).state is OutgoingState.DROPPED
    assert {(await found(outbox, each)).state for each in others} == {OutgoingState.PENDING}


async def test_with_what_follows_the_opening_does_not_go(
    office: Office, outbox: OutboxList
) -> None:
    closed = await refused(office, "close_task", subject="T1")
    later = await put(office, what="change_exception", subject="T1")

    await outbox.drop(await found(outbox, closed), DECIDES, "Not needed")

    assert (await found(outbox, later)).state is OutgoingState.PENDING


async def test_a_decision_about_what_has_changed_meanwhile_changes_nothing(
    office: Office, outbox: OutboxList
) -> None:
    row = await found(outbox, await refused(office))
    assert await outbox.retry(row, DECIDES)

    assert not await outbox.drop(row, DECIDES, "Too late")
    assert not await outbox.retry(row, DECIDES)
    assert len(await rows(office.database, schema.journal)) == 1


async def test_a_retried_row_goes_out_before_what_waits_behind_it(
    office: Office, outbox: OutboxList
) -> None:
    def doubled() -> TurnedDownError:
        return TurnedDownError("409: there is an open one", status=409)

    office.partner.before = raising(doubled, iter([True, *[False] * 9]))
    await office.note("Hello")
    await office.about_task("open")
    await office.about_task("done")
    courier = office.courier()
    await office.rounds(courier, 2)
    assert office.told() == ["open_task", "close_task"]

    (row,), _ = await outbox.page(OutboxFilter(state="refused"))
    await outbox.retry(row, DECIDES)
    await office.rounds(courier, 2)

    assert office.told() == ["open_task", "close_task", "Hello"]


# --- stuck ----------------------------------------------------------------------------------------


async def stuck(outbox: OutboxList, now: datetime = NOW) -> list[StuckThing]:
    return await stuck_in_outbox(outbox, now)


async def test_nothing_is_stuck_where_all_is_well(office: Office, outbox: OutboxList) -> None:
    await put(office)
    await put(office, state="done")

    assert await stuck(outbox) == []


async def test_nothing_is_stuck_where_nobody_is_told(office: Office, database: Database) -> None:
    await refused(office)

    assert await stuck(OutboxList(database)) == []


async def stands(office: Office, contact: Contact, reason: str) -> None:
    await execute(
        office.database,
        insert(schema.destinations).values(
            name="job_system", state=contact.value, reason=reason, since=NOW
        ),
    )


async def test_a_silent_job_system_is_told_of_once(office: Office, outbox: OutboxList) -> None:
    await stands(office, Contact.SILENT, "it does not answer")
    for number in range(3):
        await put(office, job_id=f"SJ-{number}", attempts=2, reason="it does not answer")
    await put(office, what="change_job", state="asking", attempts=1, reason="it does not answer")

    (thing,) = await stuck(outbox, NOW + timedelta(hours=5))

    assert (thing.kind, thing.job_id, thing.since) == ("job_system", None, NOW)
    assert thing.what == "The job system does not answer. 3 messages and 1 change wait."
    assert thing.cure == "Check that it runs. Steward tries again until it answers."


async def test_a_wrong_token_is_told_of_once(office: Office, outbox: OutboxList) -> None:
    reason = "it doesn't accept our token (401). Check STEWARD_JOB_SYSTEM_TOKEN"
    await stands(office, Contact.SHUT_OUT, reason)
    await put(office)

    (thing,) = await stuck(outbox)

    assert thing.what == "The job system doesn't accept our token (401). 1 message waits."
    assert thing.cure == (
        "Check STEWARD_JOB_SYSTEM_TOKEN, and restart. Everything then continues in order."
    )


async def test_whoever_does_not_let_us_in_without_a_reason_names_the_settings(
    office: Office, outbox: OutboxList
) -> None:
    await stands(office, Contact.SHUT_OUT, "it doesn't know us")
    (thing,) = await stuck(outbox)
    assert thing.what == "The job system doesn't know us. Nothing waits."
    assert thing.cure.startswith("Correct STEWARD_JOB_SYSTEM_URL and STEWARD_JOB_SYSTEM_TOKEN, and")


async def test_what_is_asked_in_vain_is_told_of_once(office: Office, outbox: OutboxList) -> None:
    for number in range(3):
        await put(
            office,
            job_id=f"SJ-{number}",
            what="change_job",
            state="asking",
            attempts=1,
            reason="it answers 503",
        )
    await put(office, what="change_job", state="asking")

    (thing,) = await stuck(outbox)

    assert (thing.kind, thing.job_id) == ("job_system", None)
    assert thing.what == "The job system answers 503. 3 changes wait."


async def test_what_was_refused_is_stuck_with_its_cure(office: Office, outbox: OutboxList) -> None:
    row_id = await refused(office)

    (thing,) = await stuck(outbox)

    assert (thing.kind, thing.job_id) == ("refused", JOB)
    assert thing.what == "The job system refused a note: 422: no"
    assert f"`steward outbox retry {row_id}`" in thing.cure
    assert f'`steward outbox drop {row_id} --reason "…"`' in thing.cure


async def test_refused_events_are_told_of_once(office: Office, outbox: OutboxList) -> None:
    for _ in range(3):
        await put(office, destination="events", state="refused", reason="422: no")

    (thing,) = await stuck(outbox)

    assert (thing.kind, thing.job_id) == ("refused", None)
    assert thing.what == "The receiver of Steward's events refused events: 422: no"


async def test_what_waits_for_an_hour_is_stuck_once_for_each_job(
    office: Office, outbox: OutboxList
) -> None:
    row_id = await put(office, attempts=9, reason="it answers 500")
    await put(office, attempts=0)
    await put(office, job_id="SJ-2", attempts=1, reason="it answers 500", written_at=_LATER)

    assert await stuck(outbox, NOW + timedelta(minutes=59)) == []
    (thing,) = await stuck(outbox, NOW + timedelta(minutes=61))

    assert (thing.kind, thing.job_id, thing.since) == ("untold", JOB, NOW)
    assert f"`steward outbox retry {row_id}`" in thing.cure
    assert f'`steward outbox drop {row_id} --reason "…"`' in thing.cure


_LATER = NOW + timedelta(minutes=30)


async def test_a_key_that_was_refused_is_not_used_again(office: Office) -> None:
    """A partner that does a key once would only refuse it once more."""
    await office.note("Hello")
    as_sent = []

    async def deliver(told: Any) -> None:
        as_sent.append(told.idempotency_key)
        raise TurnedDownError("422: no", status=422)

    courier = office.courier(deliver)
    outbox = OutboxList(office.database)
    for _ in range(2):
        await office.rounds(courier, 1)
        (row,), _ = await outbox.page(OutboxFilter(state="refused"))
        await outbox.retry(row, DECIDES)

    key = (await office.row())["key"]
    assert as_sent == [public_id(str(key), "0"), public_id(str(key), "1")]
    assert len(await rows(office.database, schema.tasks)) == 2
    assert await open_tasks(office) == []


async def test_what_is_refused_while_somebody_drops_it_stays_dropped(
    office: Office, outbox: OutboxList
) -> None:
    await office.note("Hello")

    async def deliver(_: object) -> None:
        dropped = update(schema.outbox).values(state="dropped", changed_at=NOW)
        await execute(office.database, dropped)
        raise TurnedDownError("422: no", status=422)

    await office.rounds(office.courier(deliver), 1)

    assert await office.states() == ["dropped"]
    assert await open_tasks(office) == []
