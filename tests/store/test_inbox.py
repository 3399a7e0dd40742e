"""What the hooks receive is kept first, taken once, and brings our copy of the job up to date."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from domain.accounts import NO_PROVIDER_FOUND, PLUSONE, PROCURE_VENDOR, Account
from domain.effects import AddNote, ReassignJob, UpdateJob
from domain.events import EVENT, Event
from domain.guards import WayOut
from domain.jobs import Assignee, Job, JobStatus, Visibility
from domain.roles import STEWARD, Actor, Role
from service.routing import Router
from store import schema
from store.database import Database
from store.inbox import Inbox, Kept, Outcome
from store.intake import Intake, NotItsTurnError
from store.jobs import held_job
from store.ledger import Ledger
from store.plans import Plan
from store.reading import Reading
from tests.domain.factories import (
    ASSIGNED_AT,
    HOLD,
    POLICY,
    PROVIDER,
    WINDOW_ENDS,
    a_job,
    an_event,
)
from tests.store.rows import (
    NOW,
    SEARCH,
    a_batch,
    add_lifecycle,
    as_sent,
    busy,
    everything,
    execute,
    how_many,
    kept,
    rows,
)
from workflows.registry import LIFECYCLES

A_SECOND = timedelta(seconds=1)
ROUTE = Router(tuple(LIFECYCLES.values()), POLICY).route
BODY = b'{"type": "job.assigned"}'


async def keep(database: Database, webhook_id: str = "msg_1", body: bytes = BODY) -> Kept:
    return await Inbox(database).keep(webhook_id, body, NOW)


async def take(
    database: Database, event: Event, webhook_id: str = "msg_1", origin: str | None = None
) -> Plan:
    """Keep an event and take it over, as the hooks do."""
    received = await keep(database, webhook_id, webhook_id.encode())
    intake = Intake(database, ROUTE)
    return await intake.take(received.id, webhook_id, event, NOW, origin)


def a_note(text: str, seconds: int = 1, job: Job | None = None, author: str = "Robin") -> Event:
    by = {"name": author, "role": "plusone"}
    note = {"author": by, "text": text, "visibility": "Public"}
    return later("job.note_added", seconds, job, {"note": note})


def later(kind: str, seconds: int, job: Job | None = None, data: object = None) -> Event:
    """Return an event some seconds after the assignment."""
    occurred_at = ASSIGNED_AT + seconds * A_SECOND
    return an_event(kind, job, data).model_copy(update={"occurred_at": occurred_at})


# --- kept raw, once ---------------------------------------------------------------------------


async def test_a_body_is_kept_as_it_came_before_anything_is_made_of_it(database: Database) -> None:
    body = b"\x00\xff not JSON at all \xed\xa0\x80"
    received = await keep(database, body=body)
    assert received.outcome is None
    (row,) = await rows(database, schema.inbox)
    assert (row["id"], row["body"], row["state"]) == (received.id, body, "pending")
    assert (row["webhook_id"], row["received_at"]) == ("msg_1", NOW)
    assert row["outcome"] is row["envelope"] is row["job_id"] is None


async def test_the_same_again_is_a_duplicate_for_ever(database: Database) -> None:
    first = await keep(database)
    for _ in range(3):
        again = await keep(database)
        assert (again.id, again.outcome) == (first.id, Outcome.DUPLICATE)
    later = await Inbox(database).keep("msg_1", BODY, NOW + timedelta(days=400))
    assert later.outcome is Outcome.DUPLICATE
    assert await how_many(database, schema.inbox) == 1


async def test_an_id_used_for_another_body_is_a_dead_letter_beside_the_first(
    database: Database,
) -> None:
    first = await keep(database)
    other = await keep(database, body=b"other")
    assert (other.outcome, other.id != first.id) == (Outcome.DEAD_LETTER, True)
    assert other.reason == "This webhook-id was already used for a different body"
    assert (await keep(database, body=b"other")).outcome is Outcome.DUPLICATE
    assert (await keep(database, body=b"third")).outcome is Outcome.DEAD_LETTER
    assert (await keep(database)).outcome is Outcome.DUPLICATE
    states = [(row["body"], row["state"]) for row in await rows(database, schema.inbox)]
    assert states == [(BODY, "pending"), (b"other", "dead"), (b"third", "dead")]


async def test_of_many_at_once_one_is_the_first(database: Database, elsewhere: Database) -> None:
    received = await asyncio.gather(*(keep(where) for where in (database, elsewhere) * 8))
    assert [each.outcome for each in received].count(None) == 1
    assert {each.outcome for each in received} == {None, Outcome.DUPLICATE}
    assert await how_many(database, schema.inbox) == 1


async def test_what_comes_at_once_is_judged_as_if_it_came_one_by_one(database: Database) -> None:
    inbox = Inbox(database)
    at_once = [("a", b"1"), ("b", b"1"), ("a", b"1"), ("a", b"2"), ("a", b"2")]
    received = await asyncio.gather(
        *(inbox.keep(webhook_id, body, NOW) for webhook_id, body in at_once),
        inbox.keep("c", b"{}", NOW, unreadable="type: Field required"),
        inbox.keep("c", b"{}", NOW, unreadable="type: Field required"),
    )
    assert [each.outcome for each in received] == [
        None,
        None,
        Outcome.DUPLICATE,
        Outcome.DEAD_LETTER,
        Outcome.DUPLICATE,
        Outcome.DEAD_LETTER,
        Outcome.DUPLICATE,
    ]
    ids = [each.id for each in received]
    assert (ids[2], ids[4], ids[6]) == (ids[0], ids[3], ids[5])
    assert ids[0] < ids[1]
    assert {letter["id"]: letter["reason"] for letter in (await inbox.dead())[0]} == {
        ids[3]: "This webhook-id was already used for a different body",
        ids[5]: "type: Field required",
    }


@pytest.mark.parametrize("webhook_id", ["x" * 256, "'; DROP TABLE inbox; --", "%_\\"])
async def test_any_id_that_a_signature_allows_is_kept(database: Database, webhook_id: str) -> None:
    assert (await keep(database, webhook_id)).outcome is None
    assert (await keep(database, webhook_id)).outcome is Outcome.DUPLICATE


# --- dead letters, and later attempts ---------------------------------------------------------


async def test_dead_letters_are_listed_the_newest_first_without_their_bodies(
    database: Database,
) -> None:
    inbox = Inbox(database)
    ids = [(await keep(database, f"msg_{number}")).id for number in range(3)]
    for inbox_id in ids[:2]:
        await inbox.bury(inbox_id, "job.job_id: Field required")
    assert (await inbox.dead())[0] == [
        {
            "id": inbox_id,
            "webhook_id": f"msg_{place}",
            "received_at": NOW,
            "reason": "job.job_id: Field required",
            "bytes": len(BODY),
        }
        for place, inbox_id in reversed(list(enumerate(ids[:2])))
    ]
    assert await inbox.counts() == {"dead": 2, "pending": 1}


async def test_a_dead_letter_is_revived_once(database: Database) -> None:
    inbox, received = Inbox(database), await keep(database)
    assert await inbox.revive(received.id) is None
    await inbox.bury(received.id, "unreadable")
    revived = await inbox.revive(received.id)
    assert revived is not None
    assert (revived.webhook_id, revived.body, revived.origin) == ("msg_1", BODY, None)
    assert await inbox.revive(received.id) is None
    assert await inbox.revive(received.id + 1) is None
    assert await inbox.dead() == ([], None)


async def test_a_long_reason_is_cut_and_not_refused(database: Database) -> None:
    inbox, received = Inbox(database), await keep(database)
    await inbox.bury(received.id, "x" * 100_000)
    await inbox.postpone(received.id, "x" * 100_000, NOW)
    ((letter,), _) = await inbox.dead()
    assert len(letter["reason"]) == 2000


async def test_a_fresh_event_is_left_to_the_hook_that_received_it(database: Database) -> None:
    """Only what a hook left behind, because it crashed, is picked up by the deliverer."""
    inbox, received = Inbox(database), await keep(database)
    assert await inbox.due(NOW + 4 * A_SECOND) == []
    (waiting,) = await inbox.due(NOW + 5 * A_SECOND)
    assert (waiting.id, waiting.body, waiting.attempts) == (received.id, BODY, 0)


async def test_a_postponed_event_waits_longer_each_time_but_never_over_a_minute(
    database: Database,
) -> None:
    inbox, received = Inbox(database), await keep(database)
    waits = []
    for _ in range(9):
        await inbox.postpone(received.id, "Temporal does not answer", NOW)
        (row,) = await rows(database, schema.inbox)
        waits.append((row["next_attempt_at"] - NOW).total_seconds())
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert await inbox.due(NOW + 59 * A_SECOND) == []
    (waiting,) = await inbox.due(NOW + 60 * A_SECOND)
    assert waiting.attempts == 9


async def test_events_wait_in_the_order_in_which_they_came(database: Database) -> None:
    inbox = Inbox(database)
    ids = [(await keep(database, f"msg_{number}")).id for number in range(5)]
    await inbox.settle(ids[1], Outcome.DELIVERED, SEARCH)
    await inbox.bury(ids[2], "unreadable")
    due = NOW + 5 * A_SECOND
    assert [each.id for each in await inbox.due(due)] == [ids[0], ids[3], ids[4]]
    assert [each.id for each in await inbox.due(due, limit=2)] == [ids[0], ids[3]]
    (settled,) = await rows(database, schema.inbox, id=ids[1])
    assert (settled["outcome"], settled["workflow_id"]) == ("delivered", SEARCH)


async def test_what_is_left_to_the_delivery_is_due_at_once(database: Database) -> None:
    inbox = Inbox(database)
    left = await inbox.keep("msg_1", BODY, NOW, for_redelivery=True)
    await keep(database, "msg_2")
    assert [each.id for each in await inbox.due(NOW)] == [left.id]


# --- in turn ----------------------------------------------------------------------------------


async def three_in_turn(database: Database) -> list[int]:
    """Keep three events of one job, all of them due."""
    inbox = Inbox(database)
    events = [an_event("job.assigned"), a_note("first"), a_note("second")]
    received = [
        await inbox.keep(f"msg_{place}", as_sent(event), NOW, job_id="SJ-1001", for_redelivery=True)
        for place, event in enumerate(events)
    ]
    return [each.id for each in received]


async def due(database: Database) -> list[int]:
    return [each.id for each in await Inbox(database).due(NOW)]


async def take_again(database: Database, inbox_id: int) -> Plan:
    (row,) = await rows(database, schema.inbox, id=inbox_id)
    intake = Intake(database, ROUTE)
    return await intake.take(
        inbox_id, row["webhook_id"], EVENT.validate_json(row["body"]), NOW, row["origin"]
    )


async def test_of_the_events_of_a_job_only_the_first_is_due(database: Database) -> None:
    first, second, third = await three_in_turn(database)
    other = await Inbox(database).keep("other", BODY, NOW, job_id="SJ-2", for_redelivery=True)
    assert await due(database) == [first, other.id]
    await Inbox(database).postpone(first, "Temporal does not answer", NOW)
    assert await due(database) == [other.id]
    await Inbox(database).settle(first, Outcome.STARTED, SEARCH)
    assert await due(database) == [second, other.id]
    await Inbox(database).bury(second, "unreadable")
    assert await due(database) == [third, other.id]


async def test_an_event_is_taken_after_those_before_it_and_told_after_them(
    database: Database,
) -> None:
    first, second, third = await three_in_turn(database)
    with pytest.raises(NotItsTurnError) as refused:
        await take_again(database, second)
    assert refused.value.plan is None
    assert await how_many(database, schema.notes) == 0
    await take_again(database, first)
    with pytest.raises(NotItsTurnError) as refused:
        await take_again(database, second)
    assert refused.value.plan is not None
    assert refused.value.plan.delivers_to == (SEARCH,)
    assert [note["text"] for note in await rows(database, schema.notes)] == ["first"]
    await Inbox(database).settle(first, Outcome.STARTED, SEARCH)
    assert await take_again(database, second) == refused.value.plan
    with pytest.raises(NotItsTurnError):
        await take_again(database, third)


async def test_what_nobody_waits_for_is_done_though_others_are_not(database: Database) -> None:
    """There is nobody to be told of it out of turn."""
    first, second, _ = await three_in_turn(database)
    await take_again(database, first)
    await execute(database, schema.lifecycles.update().values(outcome="completed"))
    assert (await take_again(database, second)).outcome is Outcome.IGNORED
    (row,) = await rows(database, schema.inbox, id=second)
    assert row["state"] == "done"


async def test_nobody_waits_for_an_event_that_we_cannot_deal_with(database: Database) -> None:
    first, second, third = await three_in_turn(database)
    await Inbox(database).postpone(first, "a fault of Steward's", NOW, faulty=True)
    assert await due(database) == [second]
    assert (await take_again(database, second)).job.job_id == "SJ-1001"
    later = await Inbox(database).due(NOW + A_SECOND)
    assert [each.id for each in later] == [first, third]
    (failing,) = await Reading(database).failing_events()
    assert failing["id"] == first


async def test_what_lifecycles_leave_neither_waits_nor_is_waited_for(database: Database) -> None:
    first, _, third = await three_in_turn(database)
    ours = schema.inbox.update().where(schema.inbox.c.id != third)
    await execute(database, ours.values(origin="apo/SJ-1001"))
    assert await due(database) == [first, first + 1, third]


# --- taking over ------------------------------------------------------------------------------


async def test_an_assignment_to_plusone_starts_a_search(database: Database) -> None:
    plan = await take(database, an_event("job.assigned"))
    assert (plan.outcome, plan.job_version) == (Outcome.STARTED, 1)
    assert [(start.lifecycle, start.episode) for start in plan.starts] == [("plus-one", 1)]
    assert await kept(database) == (a_job(), 1)
    (listed,) = await rows(database, schema.lifecycles)
    assert (listed["workflow_id"], listed["stage"]) == (SEARCH, "searching")
    assert (listed["due_at"], listed["sequence"]) == (WINDOW_ENDS, 0)
    (assignment,) = await rows(database, schema.assignments)
    assert (assignment["number"], assignment["by"]) == (PLUSONE.number, "Dana")
    (row,) = await rows(database, schema.inbox)
    assert (row["state"], row["job_id"], row["outcome"]) == ("pending", "SJ-1001", "started")


async def test_taken_twice_it_is_the_plan_of_the_first_time(database: Database) -> None:
    plan = await take(database, an_event("job.assigned"))
    before = await everything(database)
    (row,) = await rows(database, schema.inbox)
    intake = Intake(database, ROUTE)
    again = await intake.take(row["id"], "msg_1", an_event("job.assigned"), NOW + A_SECOND)
    assert again == plan
    assert await everything(database) == before


async def test_an_event_of_a_job_without_lifecycle_is_kept_and_ignored(database: Database) -> None:
    plan = await take(database, a_note("hello", job=a_job(assigned_to=Assignee.of(PROVIDER))))
    assert plan.outcome is Outcome.IGNORED
    (note,) = await rows(database, schema.notes)
    assert (note["text"], note["author_name"]) == ("hello", "Robin")
    (row,) = await rows(database, schema.inbox)
    assert (row["state"], row["outcome"]) == ("done", "ignored")


async def test_every_running_lifecycle_hears_it_and_no_ended_one(database: Database) -> None:
    await take(database, an_event("job.assigned"))
    await add_lifecycle(database, "am-escalation/SJ-1001")
    await add_lifecycle(database, "spoc/SJ-1001", outcome="closed")
    await add_lifecycle(database, "apo/SJ-2")
    plan = await take(database, a_note("ASSIGNMENT called three"), "msg_2")
    assert sorted(plan.delivers_to) == ["am-escalation/SJ-1001", SEARCH]
    assert plan.outcome is Outcome.DELIVERED


async def test_nothing_of_the_customer_is_told_to_a_workflow(database: Database) -> None:
    customer = {"name": "Ada Byron", "email": "ada@example.com"}
    event = an_event("job.assigned", a_job(customer=customer))
    plan = await take(database, event)
    told = plan.envelope(event, NOW).model_dump_json()
    assert "ada" not in (told + plan.model_dump_json()).casefold()
    assert (await kept(database))[0].customer is not None


async def test_how_long_ago_it_happened_is_told_never_less_than_nothing(
    database: Database,
) -> None:
    event = later("job.assigned", 0)
    plan = await take(database, event)
    assert plan.envelope(event, ASSIGNED_AT + 90 * A_SECOND).age == 90
    assert plan.envelope(event, ASSIGNED_AT - A_SECOND).age == 0


async def test_a_job_assigned_anew_starts_anew_once_its_search_has_ended(
    database: Database,
) -> None:
    await take(database, an_event("job.assigned"))
    (again,) = await _ended_and_told(database, a_job(), "msg_2")
    assert again.outcome is Outcome.IGNORED
    anew = a_job(assigned_at=ASSIGNED_AT + A_SECOND)
    (started,) = await _ended_and_told(database, anew, "msg_3")
    assert [(start.lifecycle, start.episode) for start in started.starts] == [("plus-one", 2)]


async def _ended_and_told(database: Database, job: Job, webhook_id: str) -> list[Plan]:
    await execute(database, schema.lifecycles.update().values(outcome="released"))
    return [await take(database, later("job.assigned", 2, job), webhook_id)]


async def test_a_running_search_is_told_of_a_new_assignment_not_started_twice(
    database: Database,
) -> None:
    await take(database, an_event("job.assigned"))
    anew = a_job(assigned_at=ASSIGNED_AT + A_SECOND)
    plan = await take(database, later("job.assigned", 1, anew), "msg_2")
    assert (plan.starts, plan.delivers_to) == ((), (SEARCH,))


# --- our copy of the job ----------------------------------------------------------------------


async def test_an_older_event_leaves_our_copy_as_it_is(database: Database) -> None:
    newer = a_job(status="Accepted")
    await take(database, later("job.status_changed", 10, newer))
    await take(database, later("job.status_changed", 9, a_job(status="Rejected")), "msg_2")
    assert await kept(database) == (newer, 1)
    await take(database, later("job.status_changed", 10, a_job(status="Completed")), "msg_3")
    job, version = await kept(database)
    assert (job.status, version) == (JobStatus.COMPLETED, 2)


async def test_an_older_note_is_a_note_all_the_same(database: Database) -> None:
    await take(database, later("job.status_changed", 10, a_job(status="Accepted")))
    await take(database, a_note("came late", 5), "msg_2")
    assert [row["text"] for row in await rows(database, schema.notes)] == ["came late"]
    assert (await kept(database))[0].status is JobStatus.ACCEPTED


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(5)))
async def test_in_whatever_order_events_come_our_copy_is_the_newest(
    database: Database, order: list[int]
) -> None:
    job_id = "SJ-" + "".join(map(str, order))
    versions = []
    for second in order:
        told = a_job(job_id=job_id, sub_status=f"at {second}")
        event = later("job.status_changed", second, told)
        versions.append((await take(database, event, f"{job_id}:{second}")).job_version)
    job, version = await kept(database, job_id)
    assert job.sub_status == "at 4"
    assert versions == sorted(versions)
    assert versions[-1] == version


async def test_a_change_counts_once_and_no_change_not_at_all(database: Database) -> None:
    for number in range(3):
        await take(database, a_note(f"note {number}", number), f"msg_{number}")
    assert (await kept(database))[1] == 1
    await take(database, later("job.status_changed", 5, a_job(status="Accepted")), "msg_9")
    assert (await kept(database))[1] == 2


@pytest.mark.rule("PO-20")
async def test_a_report_makes_the_job_reported_though_the_job_does_not_show_it(
    database: Database,
) -> None:
    await take(database, later("job.report_submitted", 3, a_job(), {"complete": True}))
    await take(database, later("job.status_changed", 4, a_job()), "msg_2")
    job, _ = await kept(database)
    assert job.diagnostic_report_at == ASSIGNED_AT + 3 * A_SECOND


# --- our own changes, and their echo ----------------------------------------------------------


async def reassigned(database: Database, to: Account = NO_PROVIDER_FOUND, sequence: int = 1) -> Job:
    """Reassign the job in its fast-forwarded time, and return our copy."""
    job, _ = await kept(database)
    give = ReassignJob(to=to, by=STEWARD, reason="nobody found", believed=job, hold=HOLD)
    result = await Ledger(database).apply(a_batch(give, now=WINDOW_ENDS, sequence=sequence))
    assert result.refusal is None
    return (await kept(database))[0]


async def test_the_echo_of_our_reassignment_changes_nothing(database: Database) -> None:
    await take(database, an_event("job.assigned"))
    ours = await reassigned(database)
    told = ours.model_copy(update={"assigned_at": ASSIGNED_AT + 5 * A_SECOND})
    plan = await take(database, later("job.assigned", 5, told), "msg_2")
    assert (await kept(database))[0] == ours
    assert plan.starts == ()
    assert await how_many(database, schema.assignments) == 2


async def test_an_event_that_has_not_heard_of_our_reassignment_does_not_undo_it(
    database: Database,
) -> None:
    await take(database, an_event("job.assigned"))
    ours = await reassigned(database)
    await take(database, a_note("still searching", 5), "msg_2")
    assert (await kept(database))[0] == ours
    assert await how_many(database, schema.assignments) == 2


async def test_of_two_reassignments_in_a_row_the_echo_of_the_first_does_not_undo_the_second(
    database: Database,
) -> None:
    await take(database, an_event("job.assigned"))
    first = await reassigned(database)
    ours = await reassigned(database, PROCURE_VENDOR, sequence=2)
    told = first.model_copy(update={"assigned_at": ASSIGNED_AT + 5 * A_SECOND})
    await take(database, later("job.status_changed", 5, told), "msg_2")
    itself = Actor(name="Job system", role=Role.SYSTEM)
    repeated = later("job.assigned", 6, told).model_copy(update={"actor": itself})
    await take(database, repeated, "msg_3")
    assert (await kept(database))[0] == ours
    assert await how_many(database, schema.assignments) == 3


async def test_somebody_may_assign_the_job_to_where_we_took_it_from(database: Database) -> None:
    await take(database, an_event("job.assigned"))
    first = await reassigned(database)
    await reassigned(database, PROCURE_VENDOR, sequence=2)
    told = first.model_copy(update={"assigned_at": ASSIGNED_AT + 5 * A_SECOND})
    await take(database, later("job.assigned", 5, told), "msg_2")
    assert (await kept(database))[0] == told
    assert [row["name"] for row in await rows(database, schema.assignments)] == [
        "PlusOne Solutions",
        "No Provider Found",
        "Procure Vendor",
        "No Provider Found",
    ]


async def test_who_has_not_heard_that_we_completed_the_job_does_not_reopen_it(
    database: Database,
) -> None:
    await take(database, an_event("job.assigned"))
    completed = UpdateJob(status=JobStatus.COMPLETED, by=STEWARD, reason="paid")
    await Ledger(database).apply(a_batch(completed))
    await take(database, a_note("still searching", 5), "msg_2")
    assert (await kept(database))[0].status is JobStatus.COMPLETED


async def test_where_mail_reaches_a_customer_is_neither_taken_from_outside_nor_shown(
    database: Database,
) -> None:
    told = a_job(customer={"email": "ada@example.com"}, customer_mail="e***@example.com")
    plan = await take(database, an_event("job.assigned", told))
    assert plan.job.customer_mail == "a***@example.com"
    (row,) = await rows(database, schema.jobs)
    assert "customer_mail" not in row["job"]


async def test_the_echo_of_our_note_is_not_a_second_note(database: Database) -> None:
    await take(database, an_event("job.assigned"))
    note = AddNote(author=STEWARD, text="PlusOne searches.", visibility=Visibility.PRIVATE)
    await Ledger(database).apply(a_batch(note))
    await take(database, a_note(note.text, author="Steward"), "msg_2")
    await take(database, a_note(note.text, 2, author="Robin"), "msg_3")
    authors = [row["author_name"] for row in await rows(database, schema.notes)]
    assert authors == ["Steward", "Robin"]


async def test_what_a_lifecycle_did_is_told_to_the_others_and_not_to_itself(
    database: Database,
) -> None:
    await take(database, an_event("job.assigned"))
    await add_lifecycle(database, "am-escalation/SJ-1001")
    ours = await reassigned(database)
    (waiting,) = await Inbox(database).due(NOW)
    intake = Intake(database, ROUTE)
    event = an_event("job.assigned", ours).model_copy(update={"occurred_at": WINDOW_ENDS})
    plan = await intake.take(waiting.id, waiting.webhook_id, event, NOW, waiting.origin)
    assert plan.delivers_to == ("am-escalation/SJ-1001",)
    assert plan.job == ours
    assert await how_many(database, schema.assignments) == 2


async def test_our_own_times_do_not_make_the_job_systems_events_old(database: Database) -> None:
    """A fast-forwarded job changes things two days ahead of the events that still come."""
    await take(database, an_event("job.assigned"))
    await add_lifecycle(database, "am-escalation/SJ-1001")
    ours = await reassigned(database)
    (waiting,) = await Inbox(database).due(NOW)
    intake = Intake(database, ROUTE)
    told = an_event("job.assigned", ours).model_copy(update={"occurred_at": WINDOW_ENDS})
    await intake.take(waiting.id, waiting.webhook_id, told, NOW, waiting.origin)
    cancelled = a_job(status="Cancelled")
    await take(database, later("job.cancelled", 5, cancelled), "msg_2")
    assert (await kept(database))[0].status is JobStatus.CANCELLED


# --- at the same time -------------------------------------------------------------------------


async def test_the_first_events_of_a_job_at_once_start_it_once(
    database: Database, elsewhere: Database
) -> None:
    jobs = [f"SJ-{number}" for number in range(10)]
    plans = await asyncio.gather(
        *(
            take(where, later(kind, second, a_job(job_id=job_id, **changes)), f"{job_id}:{second}")
            for job_id in jobs
            for second, where, kind, changes in (
                (0, database, "job.assigned", {}),
                (1, elsewhere, "job.status_changed", {"status": "Accepted"}),
                (2, database, "job.assigned", {"status": "Accepted", "sub_status": "found"}),
            )
        )
    )
    starts = [plan.job.job_id for plan in plans for _ in plan.starts]
    assert sorted(starts) == sorted(jobs)
    for job_id in jobs:
        job, version = await kept(database, job_id)
        assert job.sub_status == "found"
        told = [plan.job_version for plan in plans if plan.job.job_id == job_id]
        assert max(told) == version
        assert len({plan.job for plan in plans if plan.job.job_id == job_id}) == len(set(told))


async def so_many_wait(database: Database, wanted: int) -> None:
    """Return once so many wait for a lock; in SQLite, where nobody can see that, after a while.

    There, the process that writes goes on first: others look now and then whether they may.
    """
    if database.is_sqlite:
        await asyncio.sleep(0.1)
        return
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    while await database.read(lambda connection: connection.scalar(waiting)) != wanted:  # noqa: ASYNC110  the database tells nobody
        await asyncio.sleep(0.01)


async def test_an_event_and_our_reassignment_at_once_both_stay(
    database: Database, elsewhere: Database
) -> None:
    """Neither overwrites our copy with what it read before the other wrote."""
    await take(database, later("job.created", 0), "msg_1")
    give = ReassignJob(
        to=NO_PROVIDER_FOUND,
        by=STEWARD,
        reason="nobody found",
        believed=a_job(),
        hold=HOLD,
        way_out=WayOut.CANNOT_LOCATE,
    )
    told = later("job.status_changed", 1, a_job(sub_status="called back"))
    async with busy(elsewhere, lambda connection: held_job(connection, "SJ-1001", lock=True)):
        # Both come to wait for it, in this order: a later move would take the sub-status away.
        giving = asyncio.create_task(Ledger(elsewhere).apply(a_batch(give)))
        await so_many_wait(database, 1)
        telling = asyncio.create_task(take(database, told, "msg_2"))
        await so_many_wait(database, 2)
    assert (await giving).refusal is None
    await telling
    job, version = await kept(database)
    assert (job.assigned_to.name, job.sub_status) == ("No Provider Found", "called back")
    assert version == 3
