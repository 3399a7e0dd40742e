"""Effects become true whole or not at all, once each, and never against the live job."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from domain.accounts import (
    NO_PROVIDER_FOUND,
    PLUSONE,
    PLUSONE_PARTS,
    PROCURE_VENDOR,
    Account,
)
from domain.calendars import Window
from domain.effects import (
    AddNote,
    AddServiceJob,
    Batch,
    BatchResult,
    ChangeException,
    CloseException,
    ClosePromise,
    CloseTask,
    Effect,
    MailUndeliverable,
    OpenException,
    OpenPromise,
    OpenTask,
    ReassignJob,
    SendCommand,
    SendEmail,
    UpdateJob,
    WriteJournal,
)
from domain.guards import WayOut
from domain.jobs import Assignee, Customer, Job, JobStatus, Visibility
from domain.promises import Due, DueAfterBusinessDays, DueAtTurn, Promise, PromiseOutcome
from domain.roles import STEWARD, Role
from store import schema
from store.database import Database
from store.inbox import Inbox
from store.ledger import Ledger
from store.mail_queue import MailState, RenderedMail
from tests.domain.factories import ASSIGNED_AT, HOLD, LAST_SECOND, PROVIDER, WINDOW_ENDS, a_job
from tests.store.rows import (
    DANA,
    NOW,
    SEARCH,
    a_batch,
    a_promise,
    add_lifecycle,
    everything,
    execute,
    how_many,
    keep,
    kept,
    rows,
    standing,
)

NOTE = AddNote(author=STEWARD, text="PlusOne searches.", visibility=Visibility.PRIVATE)
TASK = OpenTask(role=Role.DISPATCH, task="follow_up", text="Ask PlusOne.")
TO = "dispatch@plusone.example"
MAIL = SendEmail(to=TO, template="public_note")
EXCEPTION = OpenException(code="SS", comment="Documents came")
COMPLETED = UpdateJob(status=JobStatus.COMPLETED, by=DANA, reason="paid")
RENDERED = RenderedMail(to=TO, subject="A note", text="Hello", html="<p>Hello</p>")


def give(
    to: Account = NO_PROVIDER_FOUND, believed: Job | None = None, **changes: Any
) -> ReassignJob:
    fields = {"by": STEWARD, "reason": "nobody found", "hold": HOLD, **changes}
    return ReassignJob(to=to, believed=believed or a_job(), **fields)


def of_the_customer(due: Due | None) -> Promise:
    return a_promise().model_copy(update={"waiting_on": Role.CUSTOMER, "due": due})


async def done(database: Database, batch: Batch) -> BatchResult:
    return await Ledger(database).apply(batch, lambda *_: RENDERED)


# --- once, and whole --------------------------------------------------------------------------

EFFECTS: Mapping[str, tuple[Effect, ...]] = {
    "note": (NOTE,),
    "service job": (
        AddServiceJob(
            account=PLUSONE_PARTS, event_type="Recall", reason="Cartridge", comments=("To Tulsa",)
        ),
    ),
    "task": (TASK,),
    "task closed": (TASK, CloseTask(task=TASK.task)),
    "task closed and opened again": (TASK, CloseTask(task=TASK.task), TASK),
    "mail": (MAIL,),
    "mail given up": (MAIL, MailUndeliverable(email_key=f"{SEARCH}#1/turn:1/1")),
    "promise": (OpenPromise(promise=a_promise()),),
    "promise closed": (
        OpenPromise(promise=a_promise()),
        ClosePromise(promise_key="search", outcome=PromiseOutcome.KEPT),
    ),
    "exception": (EXCEPTION,),
    "exception changed": (EXCEPTION, ChangeException(code="SS", status="Sent", comment="To Tom")),
    "exception closed": (EXCEPTION, CloseException(code="SS")),
    "exception closed and opened again": (EXCEPTION, CloseException(code="SS"), EXCEPTION),
    "order": (SendCommand(lifecycle="apo", command="offer_apo", fields={"reason": "nobody"}),),
    "update of the job": (COMPLETED,),
    "announced reassignment": (give(announce=True),),
    "reassignment and update": (give(), COMPLETED),
    "journal": (WriteJournal(actor=DANA, what="approve", rule="PO-41"),),
    "reassignment": (give(),),
    "everything at once": (
        NOTE,
        TASK,
        OpenPromise(promise=a_promise()),
        MAIL,
        give(),
        WriteJournal(actor=STEWARD, what="nobody found"),
    ),
}


@pytest.mark.parametrize("effects", EFFECTS.values(), ids=EFFECTS.keys())
async def test_twice_is_the_same_as_once(database: Database, effects: tuple[Effect, ...]) -> None:
    await keep(database)
    untouched = await everything(database)
    batch = a_batch(*effects, now=WINDOW_ENDS, progress=standing())
    first = await done(database, batch)
    once = await everything(database)
    assert await done(database, batch) == first
    assert await everything(database) == once
    assert once != untouched


async def test_the_same_step_again_does_not_change_what_it_did(database: Database) -> None:
    """A retry may be built from a newer release's words: what was written stands."""
    await done(database, a_batch(NOTE))
    await done(database, a_batch(NOTE.model_copy(update={"text": "other words"})))
    (note,) = await rows(database, schema.notes)
    assert note["text"] == NOTE.text


async def test_a_refused_reassignment_undoes_its_whole_batch(database: Database) -> None:
    await keep(database, a_job(status="Accepted"))
    before = await everything(database)
    result = await done(
        database,
        a_batch(
            NOTE, TASK, MAIL, OpenPromise(promise=a_promise()), give(), progress=standing("gone")
        ),
    )
    assert result.refusal is not None
    assert await everything(database) == before


async def test_a_batch_that_fails_half_way_leaves_nothing(database: Database) -> None:
    """Its mail has no subject, which the database finds out only after the note was written."""
    await keep(database)
    before = await everything(database)
    broken = RENDERED.model_copy(update={"subject": None})
    with pytest.raises(IntegrityError, match="subject"):
        await Ledger(database).apply(a_batch(NOTE, MAIL, progress=standing()), lambda *_: broken)
    assert await everything(database) == before


async def test_what_a_batch_wrote_is_what_it_was_told(database: Database) -> None:
    await keep(database)
    batch = a_batch(
        NOTE,
        AddServiceJob(account=PLUSONE_PARTS, event_type=None, reason="Cartridge", comments=("a",)),
        TASK,
        MAIL,
        OpenPromise(promise=a_promise()),
        WriteJournal(actor=DANA, what="approve", rule="PO-41"),
    )
    await done(database, batch)
    (note,), (task,), (mail,) = [
        await rows(database, table) for table in (schema.notes, schema.tasks, schema.emails)
    ]
    assert (note["author_name"], note["author_role"]) == ("Steward", "system")
    assert (note["job_id"], note["at"], note["visibility"]) == ("SJ-1001", NOW, "Private")
    assert (task["role"], task["kind"], task["status"]) == ("dispatch", "follow_up", "open")
    assert (mail["to"], mail["template"], mail["state"]) == (TO, "public_note", "queued")
    assert (mail["subject"], mail["text"], mail["html"]) == ("A note", "Hello", "<p>Hello</p>")
    (added,), (promise,), (entry,) = [
        await rows(database, table)
        for table in (schema.service_jobs, schema.promises, schema.journal)
    ]
    assert (added["number"], added["name"]) == (PLUSONE_PARTS.number, PLUSONE_PARTS.name)
    assert (added["reason"], added["comments"]) == ("Cartridge", ["a"])
    assert (promise["rule"], promise["due_at"], promise["outcome"]) == ("PO-17", NOW, None)
    assert (entry["actor_name"], entry["what"], entry["rule"]) == ("Dana", "approve", "PO-41")


# --- the guard before the live job ------------------------------------------------------------


@pytest.mark.rule("PO-67")
async def test_a_reassignment_that_finds_the_job_as_believed_is_done(database: Database) -> None:
    await keep(database, a_job(customer=Customer(name="Ada Byron", zip="74101")), version=3)
    result = await done(database, a_batch(give(), now=WINDOW_ENDS))
    assert result.refusal is None
    assert result.job is not None
    assert (result.job.assigned_to.name, result.job.status) == ("No Provider Found", JobStatus.NEW)
    assert (result.job.assigned_at, result.job_version) == (WINDOW_ENDS, 4)
    job, version = await kept(database)
    assert version == 4
    assert job.without_customer() == result.job
    (assignment,) = await rows(database, schema.assignments)
    assert (assignment["name"], assignment["number"]) == ("No Provider Found", None)
    assert (assignment["by"], assignment["reason"]) == ("Steward", "nobody found")


async def test_the_customer_never_travels_to_a_workflow(database: Database) -> None:
    customer = Customer(name="Ada Byron", email="ada@example.com", zip="74101")
    await keep(database, a_job(customer=customer))
    result = await done(database, a_batch(give(), now=WINDOW_ENDS))
    assert "ada" not in result.model_dump_json().casefold()
    job, _ = await kept(database)
    assert job.customer == customer


@pytest.mark.parametrize(
    ("live", "rule"),
    [
        pytest.param({}, "PO-18", marks=pytest.mark.rule("PO-18"), id="new, under 48 hours"),
        pytest.param({"status": "Expired"}, "PO-18", marks=pytest.mark.rule("PO-18"), id="expired"),
        pytest.param(
            {"status": "Accepted"}, "PO-19", marks=pytest.mark.rule("PO-19"), id="accepted"
        ),
        pytest.param(
            {"diagnostic_report_at": ASSIGNED_AT},
            "PO-20",
            marks=pytest.mark.rule("PO-20"),
            id="diagnosed",
        ),
    ],
)
async def test_the_live_job_is_held_with_plusone(
    database: Database, live: dict[str, object], rule: str
) -> None:
    """Whatever the workflow believes: here it believes that the job is free."""
    await keep(database, a_job(**live))
    result = await done(database, a_batch(give(believed=a_job(status="Rejected")), now=LAST_SECOND))
    assert result.refusal is not None
    assert (result.refusal.rule, result.refusal.instead) == (rule, "add_service_job")
    assert result.job == a_job(**live)
    assert await rows(database, schema.assignments) == []


@pytest.mark.rule("PO-18")
async def test_the_48_hours_end_when_they_are_full(database: Database) -> None:
    await keep(database)
    assert (await done(database, a_batch(give(), now=LAST_SECOND))).refusal is not None
    assert (await done(database, a_batch(give(), now=WINDOW_ENDS))).refusal is None


@pytest.mark.parametrize(
    ("live", "way_out", "rule"),
    [
        pytest.param({}, WayOut.CANNOT_LOCATE, None, marks=pytest.mark.rule("PO-67")),
        pytest.param({}, WayOut.SEVERITY_RAISED, None, marks=pytest.mark.rule("PO-04")),
        pytest.param({}, WayOut.NOT_ELIGIBLE, None, marks=pytest.mark.rule("PO-04")),
        pytest.param(
            {"status": "Accepted"}, WayOut.CANNOT_LOCATE, "PO-19", marks=pytest.mark.rule("PO-19")
        ),
        pytest.param(
            {"status": "Accepted"},
            WayOut.SEVERITY_RAISED,
            "PO-19",
            marks=pytest.mark.rule("PO-19"),
        ),
        pytest.param(
            {"diagnostic_report_at": ASSIGNED_AT},
            WayOut.CANNOT_LOCATE,
            "PO-20",
            marks=pytest.mark.rule("PO-20"),
        ),
        pytest.param(
            {"diagnostic_report_at": ASSIGNED_AT},
            WayOut.SEVERITY_RAISED,
            "PO-20",
            marks=pytest.mark.rule("PO-20"),
        ),
        pytest.param(
            {"status": "Accepted"}, WayOut.NOT_ELIGIBLE, None, marks=pytest.mark.rule("PO-04")
        ),
    ],
)
async def test_three_ways_out_and_no_further(
    database: Database, live: dict[str, object], way_out: WayOut, rule: str | None
) -> None:
    await keep(database, a_job(**live))
    batch = a_batch(give(believed=a_job(**live), way_out=way_out), now=ASSIGNED_AT)
    result = await done(database, batch)
    assert (result.refusal.rule if result.refusal else None) == rule
    assert await how_many(database, schema.assignments) == (rule is None)


@pytest.mark.parametrize(
    "live",
    [
        pytest.param({"assigned_to": Assignee.of(PROVIDER)}, id="another account"),
        pytest.param({"assigned_to": Assignee.of(PROCURE_VENDOR)}, id="no number any more"),
        pytest.param({"status": "Rejected"}, id="another status"),
        pytest.param({"status": "Cancelled"}, id="cancelled"),
        pytest.param(
            {"assigned_to": Assignee.of(PROVIDER), "diagnostic_report_at": ASSIGNED_AT},
            id="a report",
        ),
    ],
)
async def test_a_job_that_changed_meanwhile_is_left_alone(
    database: Database, live: dict[str, object]
) -> None:
    await keep(database, a_job(**live), version=7)
    result = await done(database, a_batch(give(), now=WINDOW_ENDS))
    assert result.refusal is not None
    assert result.refusal.rule is None
    assert (result.job, result.job_version) == (a_job(**live), 7)
    assert await kept(database) == (a_job(**live), 7)
    assert await rows(database, schema.assignments) == []


async def test_only_account_status_and_report_are_compared(database: Database) -> None:
    live = a_job(trade="HVAC", sub_status="On hold", item={"name": "Boiler"})
    await keep(database, live)
    assert (await done(database, a_batch(give(), now=WINDOW_ENDS))).refusal is None


async def test_a_job_that_is_not_in_the_store_cannot_be_reassigned(database: Database) -> None:
    result = await done(database, a_batch(give(), progress=standing(), now=WINDOW_ENDS))
    assert result.refusal is not None
    assert result.job is None
    assert await how_many(database, schema.lifecycles) == 0


async def test_a_provider_of_any_name_can_be_given_the_job(database: Database) -> None:
    """As long as a command's field may be, so that no order can wedge a lifecycle."""
    for sequence, to in enumerate(
        (Account(number=None, name="N" * 300), Account(number="9" * 300, name="9" * 300)), 1
    ):
        await keep(database)
        result = await done(database, a_batch(give(to), sequence=sequence, now=WINDOW_ENDS))
        assert result.refusal is None
        assert (await kept(database))[0].assigned_to.account == to


# --- promises and tasks -----------------------------------------------------------------------


async def test_a_promise_closes_once(database: Database) -> None:
    await done(database, a_batch(OpenPromise(promise=a_promise())))
    for sequence, outcome in enumerate(
        (PromiseOutcome.KEPT, PromiseOutcome.BROKEN, PromiseOutcome.WAIVED), 2
    ):
        later = NOW + timedelta(hours=sequence)
        close = ClosePromise(promise_key="search", outcome=outcome)
        await done(database, a_batch(close, sequence=sequence, now=later))
    (promise,) = await rows(database, schema.promises)
    assert (promise["outcome"], promise["closed_at"]) == ("kept", NOW + timedelta(hours=2))


async def test_a_wait_for_a_window_that_never_closes_is_no_promise(database: Database) -> None:
    always = Window(opens=timedelta(0), closes=timedelta(hours=24))
    waiting = a_promise(due=DueAtTurn(window=always, since=NOW, opens=False))
    batch = a_batch(OpenPromise(promise=waiting), progress=standing(waiting=waiting))
    assert (await done(database, batch)).due_at is None
    assert await how_many(database, schema.promises) == 0


async def test_each_episode_has_promises_of_its_own(database: Database) -> None:
    for episode in (1, 2):
        await done(database, a_batch(OpenPromise(promise=a_promise()), episode=episode))
    close = ClosePromise(promise_key="search", outcome=PromiseOutcome.KEPT)
    await done(database, a_batch(close, episode=2, sequence=2))
    assert [row["outcome"] for row in await rows(database, schema.promises)] == [None, "kept"]


async def test_a_lifecycle_closes_only_its_own_open_tasks_of_the_kind(database: Database) -> None:
    other = TASK.model_copy(update={"task": "complete_claim"})
    await done(database, a_batch(TASK, TASK, other))
    await done(database, a_batch(TASK, workflow_id="apo/SJ-1001", lifecycle="apo"))
    await done(database, a_batch(CloseTask(task=TASK.task), sequence=2))
    statuses = [(row["workflow_id"], row["status"]) for row in await rows(database, schema.tasks)]
    assert statuses == [
        (SEARCH, "done"),
        (SEARCH, "done"),
        (SEARCH, "open"),
        ("apo/SJ-1001", "open"),
    ]


async def test_a_late_retry_does_not_close_a_task_opened_since(database: Database) -> None:
    await done(database, a_batch(TASK))
    closing = a_batch(CloseTask(task=TASK.task), sequence=2)
    await done(database, closing)
    await done(database, a_batch(TASK, sequence=3))
    await done(database, closing)
    assert [row["status"] for row in await rows(database, schema.tasks)] == ["done", "open"]


async def test_only_a_mail_that_still_waits_is_given_up(database: Database) -> None:
    await keep(database)
    batch = a_batch(MAIL, MAIL)
    await done(database, batch)
    queued, sent = (step.key for step in batch.steps)
    await execute(
        database, schema.emails.update().where(schema.emails.c.key == sent).values(state="sent")
    )
    give_up = [MailUndeliverable(email_key=key) for key in (queued, sent)]
    await done(database, a_batch(*give_up, sequence=2))
    assert [row["state"] for row in await rows(database, schema.emails)] == ["bounced", "sent"]


@pytest.mark.rule("G-92")
@pytest.mark.parametrize(
    ("waiting", "answer_by"),
    [
        (
            of_the_customer(DueAfterBusinessDays(days=1, since=NOW)),
            "Tue, Nov 24, 5:00 PM ET",
        ),
        (of_the_customer(None), ""),
        (a_promise(due=DueAfterBusinessDays(days=1, since=NOW)), ""),
        (None, ""),
    ],
    ids=["the customer", "the customer, without a deadline", "somebody else", "nobody"],
)
async def test_a_mail_can_say_until_when_the_customer_is_to_answer(
    database: Database, waiting: Promise | None, answer_by: str
) -> None:
    said: list[Mapping[str, str]] = []

    def render(mail: SendEmail, _: Job) -> RenderedMail:
        said.append(mail.context)
        return RENDERED

    await keep(database)
    mail = SendEmail(to=TO, template="apo_offer", context={"amount": "$240.00"})
    await Ledger(database).apply(a_batch(mail, progress=standing(waiting=waiting)), render)
    assert said == [{"amount": "$240.00", "answer_by": answer_by}]


# --- where a lifecycle stands -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "since", "due_at"),
    [
        # A Saturday counts as Monday 23; Thursday 26 is Thanksgiving.
        (1, NOW, datetime(2026, 11, 24, 22, tzinfo=UTC)),
        (3, NOW, datetime(2026, 11, 27, 22, tzinfo=UTC)),
        # 17:00 New York is 21:00 UTC before the clocks go back.
        (1, datetime(2026, 10, 29, 12, tzinfo=UTC), datetime(2026, 10, 30, 21, tzinfo=UTC)),
    ],
)
async def test_business_days_are_resolved_by_the_calendar_of_the_job(
    database: Database, days: int, since: datetime, due_at: datetime
) -> None:
    promise = a_promise(due=DueAfterBusinessDays(days=days, since=since))
    progress = standing(waiting=promise)
    result = await done(database, a_batch(OpenPromise(promise=promise), progress=progress))
    (opened,), (lifecycle,) = [
        await rows(database, table) for table in (schema.promises, schema.lifecycles)
    ]
    assert result.due_at == opened["due_at"] == lifecycle["due_at"] == due_at
    assert f"Due {due_at:%a, %b} {due_at.day}, 5:00 PM ET" in lifecycle["next"]


async def test_a_wait_without_a_deadline_has_none(database: Database) -> None:
    waiting = a_promise().model_copy(update={"due": None})
    result = await done(database, a_batch(progress=standing(waiting=waiting)))
    (lifecycle,) = await rows(database, schema.lifecycles)
    assert result.due_at is lifecycle["due_at"] is None
    assert lifecycle["waiting_on"] == "plusone"


async def test_an_ended_lifecycle_waits_for_nobody(database: Database) -> None:
    progress = standing("completed", waiting=None, outcome="completed")
    await done(database, a_batch(progress=progress))
    (lifecycle,) = await rows(database, schema.lifecycles)
    assert (lifecycle["stage"], lifecycle["outcome"]) == ("completed", "completed")
    assert (lifecycle["waiting_on"], lifecycle["due_at"]) == (None, None)
    assert lifecycle["next"] == "Ended Sat, Nov 21, 10:00 AM ET: Completed."


@pytest.mark.parametrize(
    ("first", "then", "shown"),
    [
        ((1, 1), (1, 2), (1, 2)),
        ((1, 2), (1, 1), (1, 2)),
        ((1, 2), (1, 2), (1, 2)),
        ((1, 9), (2, 1), (2, 1)),
        ((2, 1), (1, 9), (2, 1)),
    ],
)
async def test_the_newest_progress_is_shown_in_whatever_order_it_comes(
    database: Database, first: tuple[int, int], then: tuple[int, int], shown: tuple[int, int]
) -> None:
    for episode, sequence in (first, then):
        progress = standing(f"{episode}.{sequence}", attention=("overdue",))
        await done(database, a_batch(episode=episode, sequence=sequence, progress=progress))
    (lifecycle,) = await rows(database, schema.lifecycles)
    assert (lifecycle["episode"], lifecycle["sequence"]) == shown
    assert lifecycle["stage"] == "{}.{}".format(*shown)


async def test_what_an_episode_leaves_to_the_next_is_kept_with_its_progress(
    database: Database,
) -> None:
    await add_lifecycle(database, SEARCH, sequence=0)
    assert (await rows(database, schema.lifecycles))[0]["remembered"] == {}
    left = {"refusals": 2, "offered": ["2026-11-21"]}
    await done(database, a_batch(progress=standing(remembered=left)))
    assert (await rows(database, schema.lifecycles))[0]["remembered"] == left


async def test_progress_leaves_alone_what_started_the_lifecycle(database: Database) -> None:
    await add_lifecycle(database, SEARCH, sequence=0)
    await done(database, a_batch(progress=standing("accepted")))
    (lifecycle,) = await rows(database, schema.lifecycles)
    assert (lifecycle["stage"], lifecycle["started_by"]) == ("accepted", "msg_0")
    assert lifecycle["started_for"] == ASSIGNED_AT


# --- other lifecycles of the job --------------------------------------------------------------

COMPLAINT = "am-escalation/SJ-1001"


async def test_other_running_lifecycles_hear_of_our_reassignment(database: Database) -> None:
    await keep(database)
    await add_lifecycle(database, SEARCH)
    await add_lifecycle(database, COMPLAINT)
    batch = a_batch(give(), now=WINDOW_ENDS)
    await done(database, batch)
    await done(database, batch)
    (waiting,) = await Inbox(database).due(NOW)
    assert waiting.origin == SEARCH
    (row,) = await rows(database, schema.inbox)
    assert row["job_id"] == "SJ-1001"
    assert b"No Provider Found" in waiting.body
    assert b'"type":"job.assigned"' in waiting.body


@pytest.mark.parametrize("others", [{}, {COMPLAINT: "resolved"}], ids=["none", "ended"])
async def test_nobody_is_told_when_nobody_else_runs(
    database: Database, others: dict[str, str]
) -> None:
    await keep(database)
    for workflow_id, outcome in {SEARCH: None, "plus-one/SJ-2": None, **others}.items():
        await add_lifecycle(database, workflow_id, outcome=outcome)
    await done(database, a_batch(give(), now=WINDOW_ENDS))
    assert await how_many(database, schema.inbox) == 0


async def test_a_refused_reassignment_tells_nobody(database: Database) -> None:
    await keep(database)
    await add_lifecycle(database, COMPLAINT)
    await done(database, a_batch(give(), now=LAST_SECOND))
    assert await how_many(database, schema.inbox) == 0


# --- at the same time -------------------------------------------------------------------------


async def test_of_two_reassignments_at_once_one_finds_the_job_changed(
    database: Database, elsewhere: Database
) -> None:
    """Two workers, each with a database of its own: the second sees what the first did."""
    await keep(database)
    batches = [
        a_batch(give(NO_PROVIDER_FOUND), now=WINDOW_ENDS),
        a_batch(give(PROCURE_VENDOR), sequence=2, now=WINDOW_ENDS),
    ]
    results = await asyncio.gather(done(database, batches[0]), done(elsewhere, batches[1]))
    (refused,) = [result for result in results if result.refusal]
    (made,) = [result for result in results if not result.refusal]
    assert refused.job == made.job == (await kept(database))[0]
    assert await how_many(database, schema.assignments) == 1


async def test_the_same_batch_at_once_is_done_once(database: Database, elsewhere: Database) -> None:
    await keep(database)
    batch = a_batch(NOTE, TASK, MAIL, give(), now=WINDOW_ENDS, progress=standing())
    results = await asyncio.gather(*(done(where, batch) for where in (database, elsewhere) * 4))
    assert {result.refusal for result in results} == {None}
    assert len({result.model_dump_json() for result in results}) == 1
    for table in (schema.notes, schema.tasks, schema.emails, schema.assignments):
        assert await how_many(database, table) == 1
    assert (await kept(database))[1] == 2


async def test_many_jobs_at_once_do_not_get_in_each_others_way(
    database: Database, elsewhere: Database
) -> None:
    job_ids = [f"SJ-{number}" for number in range(15)]
    for job_id in job_ids:
        await keep(database, a_job(job_id=job_id))
    await asyncio.gather(
        *(
            done(
                where,
                a_batch(
                    give(believed=a_job(job_id=job_id)),
                    NOTE,
                    job_id=job_id,
                    workflow_id=f"plus-one/{job_id}",
                    now=WINDOW_ENDS,
                ),
            )
            for job_id in job_ids
            for where in (database, elsewhere)
        )
    )
    assert await how_many(database, schema.assignments) == len(job_ids)
    assert await how_many(database, schema.notes) == len(job_ids)
    assert {(await kept(database, job_id))[1] for job_id in job_ids} == {2}


async def test_the_live_account_is_told_by_number_before_name(database: Database) -> None:
    """The job system may rename PlusOne's account: its number says who holds the job."""
    renamed = Assignee(number=PLUSONE.number, name="PlusOne Solutions, LLC")
    await keep(database, a_job(assigned_to=renamed))
    refusal = (await done(database, a_batch(give(), now=LAST_SECOND))).refusal
    assert refusal is not None
    assert refusal.rule == "PO-18"
    assert (await done(database, a_batch(give(), now=WINDOW_ENDS))).refusal is None


async def test_the_first_mail_is_taken_with_its_batch(database: Database) -> None:
    await keep(database)
    ledger, batch = Ledger(database), a_batch(NOTE, MAIL, MAIL)
    keys = [step.key for step in batch.steps]
    result, mail = await ledger.apply_and_take(batch, lambda *_: RENDERED, NOW)
    assert result.refusal is None
    assert mail is not None
    assert (mail.key, mail.state, mail.text) == (keys[1], MailState.QUEUED, "Hello")
    states = [(row["state"], row["attempts"]) for row in await rows(database, schema.emails)]
    assert states == [("sending", 1), ("queued", 0)]


async def test_a_mail_that_was_taken_by_a_crashed_batch_is_uncertain(database: Database) -> None:
    await keep(database)
    much_later = NOW + timedelta(hours=1)
    for at, expected in (
        (NOW, MailState.QUEUED),
        (NOW, MailState.SENDING),
        (much_later, MailState.UNCERTAIN),
    ):
        _, mail = await Ledger(database).apply_and_take(a_batch(MAIL), lambda *_: RENDERED, at)
        assert mail is not None
        assert mail.state is expected
    (row,) = await rows(database, schema.emails)
    assert (row["state"], row["attempts"]) == ("uncertain", 1)


async def test_no_mail_is_taken_of_a_batch_that_is_refused(database: Database) -> None:
    await keep(database)
    before = await everything(database)
    batch = a_batch(MAIL, give(), now=LAST_SECOND)
    result, mail = await Ledger(database).apply_and_take(batch, lambda *_: RENDERED, NOW)
    assert (result.refusal is not None, mail) == (True, None)
    assert await everything(database) == before


async def test_a_mail_of_a_job_that_nobody_knows_is_an_error(database: Database) -> None:
    with pytest.raises(LookupError, match="SJ-1001 is not in the store"):
        await Ledger(database).apply(a_batch(MAIL), lambda *_: RENDERED)


async def test_a_mail_to_nobody_is_undeliverable_at_once(database: Database) -> None:
    """A customer without an address: it is shown as bounced, and not tried for hours."""
    batch = a_batch(MAIL.model_copy(update={"to": None}))
    await keep(database)
    mail = RENDERED.model_copy(update={"to": ""})
    await Ledger(database).apply(batch, lambda *_: mail)
    (row,) = await rows(database, schema.emails)
    assert (row["state"], row["last_error"]) == ("bounced", "no e-mail address on file")
