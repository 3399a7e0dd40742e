"""The job system's list is compared with our copies, and what was missed is in the inbox once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from activities.job_system import (
    JobSystemError,
    NotLetInError,
    NotReachedError,
    OwnCopy,
    TurnedDownError,
)
from activities.reconciling import Reconciler
from domain.accounts import NO_PROVIDER_FOUND
from domain.directory import Directory
from domain.effects import ReassignJob
from domain.events import EVENT, Event
from domain.job_system import ChangedJobs, LiveJob, page_of_changes
from domain.jobs import Assignee, Job
from domain.outgoing import Destination, OutgoingState
from domain.reconciliation import Reconciled
from domain.roles import STEWARD
from store import schema
from store.database import Database
from store.inbox import Inbox, Outcome
from store.intake import Intake
from store.ledger import Ledger
from store.plans import Plan, Routing, TakenEvent
from store.reconciliations import Reconciliations
from tests.domain.factories import ASSIGNED_AT, HOLD, PROVIDER, a_job, an_event
from tests.job_system import MemoryJobSystem
from tests.store.rows import a_batch, execute, rows
from workflows.registry import LIFECYCLES

NOW = ASSIGNED_AT + timedelta(days=4)
CHANGED = NOW - timedelta(minutes=5)


def ignoring(taken: TakenEvent, _: object) -> Routing:
    """Tell nobody of an event."""
    return Routing(
        Plan(
            event_id=taken.event_id,
            job=taken.job.without_customer(),
            job_version=taken.job_version,
            occurred_at=taken.event.occurred_at,
        )
    )


class Office:
    """A reconciler beside a job system, and what it works with."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.at = CHANGED
        self.partner = MemoryJobSystem(now=lambda: self.at)
        self.inbox, self.store = Inbox(database), Reconciliations(database)
        self.reconciler = Reconciler(
            self.partner,
            self.inbox,
            self.store,
            tuple(LIFECYCLES.values()),
            Directory(),
            lambda: NOW,
        )

    async def heard(self, event: Event) -> None:
        """Take an event over as a hook brings it."""
        body = EVENT.dump_json(event)
        name = f"msg_{event.type}_{event.job.job_id}"
        kept = await self.inbox.keep(name, body, NOW, job_id=event.job.job_id)
        await Intake(self.database, ignoring).take(kept.id, name, event, NOW)

    async def run(
        self,
        since: str | None = None,
        *,
        dry: bool = False,
        keep: bool = False,
        grace: timedelta | None = None,
    ) -> Reconciled:
        return await self.reconciler.run(since=since, dry=dry, keep=keep, grace=grace)

    async def fed(self) -> list[tuple[str, str]]:
        """Return the ids and types of what reconciliation left in the inbox."""
        return [
            (row["webhook_id"], EVENT.validate_json(row["body"]).type)
            for row in await rows(self.database, schema.inbox)
            if row["webhook_id"].startswith("reconciled:") and row["state"] != "dead"
        ]

    async def cursor(self) -> str | None:
        record = await self.store.record()
        return record.cursor if record else None


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


def missed(found: Reconciled) -> list[tuple[str, str]]:
    return [(each.job_id, each.what) for each in found.missed]


async def test_an_unknown_job_is_fed_once_and_the_list_is_read_on_from_there(
    office: Office,
) -> None:
    office.partner.enter(a_job())
    found = await office.run()
    assert (missed(found), found.done, found.listed) == ([("SJ-1001", "job.assigned")], True, 1)
    assert await office.fed() == [("reconciled:SJ-1001:1:1", "job.assigned")]
    assert await office.cursor() == "1"

    again = await office.run()
    assert (missed(again), again.listed) == ([], 0)
    assert await office.fed() == [("reconciled:SJ-1001:1:1", "job.assigned")]


async def test_a_dry_run_writes_nothing(office: Office) -> None:
    office.partner.enter(a_job())
    found = await office.run(dry=True)
    assert (missed(found), found.done) == ([("SJ-1001", "job.assigned")], False)
    assert await office.fed() == []
    assert await office.store.record() is None


async def test_a_job_as_we_have_it_is_no_news(office: Office) -> None:
    await office.heard(an_event("job.assigned"))
    office.partner.enter(a_job())
    assert missed(await office.run()) == []


async def test_what_differs_is_read_again_before_it_is_fed(office: Office) -> None:
    await office.heard(an_event("job.assigned"))
    office.partner.enter(a_job(status="Accepted"))
    listed = await office.partner.list_changed(None, 10)
    office.partner.enter(a_job())  # as it was, by the time that it is read

    async def list_changed(since: str | None, limit: int) -> object:
        return listed

    office.partner.list_changed = list_changed  # type: ignore[assignment, method-assign]  # a list that is old
    assert missed(await office.run()) == []


async def test_a_missed_acceptance_is_told_with_the_whole_job(office: Office) -> None:
    await office.heard(an_event("job.assigned"))
    office.partner.enter(a_job(status="Accepted"))
    assert missed(await office.run()) == [("SJ-1001", "job.status_changed")]
    ((row,),) = [
        [each for each in await rows(office.database, schema.inbox) if each["state"] == "pending"]
    ]
    event = EVENT.validate_json(row["body"])
    assert (event.job, event.occurred_at) == (a_job(status="Accepted"), CHANGED)


async def test_our_own_change_is_no_news_although_its_echo_was_lost(office: Office) -> None:
    await office.heard(an_event("job.assigned"))
    give = ReassignJob(
        to=NO_PROVIDER_FOUND, by=STEWARD, reason="nobody found", believed=a_job(), hold=HOLD
    )
    later = ASSIGNED_AT + timedelta(hours=49)
    await Ledger(office.database).apply(a_batch(give, now=later))
    moved = a_job(assigned_to=Assignee.of(NO_PROVIDER_FOUND), assigned_at=later)
    office.partner.enter(moved)
    assert missed(await office.run()) == []


async def test_a_change_whose_hook_may_still_come_holds_the_cursor(office: Office) -> None:
    office.at = NOW - timedelta(seconds=30)
    office.partner.enter(a_job())
    minute = timedelta(minutes=1)
    found = await office.run(grace=minute)
    assert (missed(found), [each.job_id for each in found.left]) == ([], ["SJ-1001"])
    assert await office.cursor() is None

    assert missed(await office.run()) == [("SJ-1001", "job.assigned")]


async def test_a_job_with_undelivered_hooks_is_left_and_holds_the_cursor(office: Office) -> None:
    await office.inbox.keep(
        "msg_1", EVENT.dump_json(an_event("job.assigned")), NOW, job_id="SJ-1001"
    )
    office.partner.enter(a_job(status="Accepted"))
    office.partner.enter(a_job(job_id="SJ-1002"))
    found = await office.run()
    assert missed(found) == [("SJ-1002", "job.assigned")]
    assert [each.job_id for each in found.left] == ["SJ-1001"]
    assert await office.cursor() is None


async def test_a_job_that_is_being_asked_about_is_left(office: Office) -> None:
    await office.heard(an_event("job.assigned"))
    asking = {
        "destination": Destination.JOB_SYSTEM.value,
        "job_id": "SJ-1001",
        "what": "change_job",
        "key": "ask:1",
        "generation": 0,
        "at": NOW,
        "body": {},
        "state": OutgoingState.ASKING.value,
        "attempts": 0,
    }
    await execute(office.database, schema.outbox.insert().values(**asking))
    office.partner.enter(a_job(assigned_to=Assignee.of(PROVIDER), assigned_at=NOW))
    found = await office.run()
    assert (missed(found), [each.job_id for each in found.left]) == ([], ["SJ-1001"])


async def test_a_job_that_cannot_be_read_is_a_dead_letter_and_hides_no_other(
    office: Office,
) -> None:
    office.partner.enter(a_job())
    office.partner.unreadable["SJ-1001"] = {"job_id": "SJ-1001", "status": "Lost"}
    office.partner.enter(a_job(job_id="SJ-1002"))
    for _ in range(2):
        found = await office.run("0")
        assert [each.job_id for each in found.unreadable] == ["SJ-1001"]
        assert "status" in found.unreadable[0].why
    assert await office.fed() == [("reconciled:SJ-1002:1:1", "job.assigned")]
    letters, _ = await office.inbox.dead()
    assert [letter["webhook_id"] for letter in letters] == ["reconciled:SJ-1001:1:0"]


async def test_an_assignment_that_a_later_hook_hid_is_told_all_the_same(office: Office) -> None:
    await office.heard(an_event("job.status_changed"))
    office.partner.enter(a_job())
    assert missed(await office.run()) == [("SJ-1001", "job.assigned")]


async def test_what_we_assigned_ourselves_is_not_told_by_the_list(office: Office) -> None:
    await office.heard(an_event("job.status_changed", a_job(assigned_to=Assignee.of(PROVIDER))))
    give = ReassignJob(
        to=a_job().assigned_to.account,
        by=STEWARD,
        reason="to PlusOne",
        believed=a_job(assigned_to=Assignee.of(PROVIDER)),
        hold=HOLD,
    )
    await Ledger(office.database).apply(a_batch(give))
    office.partner.enter(a_job(assigned_at=NOW))
    assert missed(await office.run()) == []


async def test_an_assignment_that_an_answer_showed_is_told_once(office: Office) -> None:
    await office.heard(an_event("job.status_changed"))
    moved = a_job(assigned_to=Assignee.of(PROVIDER), assigned_at=CHANGED)
    shown = {"job_id": "SJ-1001", "key": "asked:1", "at": CHANGED, "by": "", "reason": ""}
    added = schema.assignments.insert().values(**shown, **PROVIDER.model_dump())
    row = schema.jobs.update().values(job=moved.model_dump(mode="json"))
    await execute(office.database, added, row)
    office.partner.enter(moved)
    assert missed(await office.run()) == [("SJ-1001", "job.assigned")]
    (pending,) = await office.inbox.due(NOW)
    event = EVENT.validate_json(pending.body)
    await Intake(office.database, ignoring).take(pending.id, pending.webhook_id, event, NOW)
    assert missed(await office.run("0")) == []


async def test_a_cursor_of_the_callers_leaves_ours_alone(office: Office) -> None:
    office.partner.enter(a_job())
    await office.run()
    office.partner.enter(a_job(job_id="SJ-1002"))
    found = await office.run("0")
    assert found.listed == 2
    assert missed(found) == [("SJ-1002", "job.assigned")]
    assert await office.cursor() == "1"


def raising(error: Exception, *, times: int = 1000) -> Callable[[], None]:
    left = [times]

    def before() -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise error

    return before


async def test_a_failure_is_recorded_until_it_goes_well_again(office: Office) -> None:
    office.partner.before = raising(NotLetInError("401: the token is wrong"), times=2)
    for _ in range(2):
        with pytest.raises(JobSystemError):
            await office.run()
    record = await office.store.record()
    assert record is not None
    assert (record.failures, record.failing_since, record.reason) == (
        2,
        NOW,
        "401: the token is wrong",
    )
    await office.run()
    record = await office.store.record()
    assert record is not None
    assert (record.failures, record.failing_since, record.reason) == (2, None, None)
    assert record.succeeded_at == NOW


async def test_what_was_found_before_a_failure_is_kept_and_counted(office: Office) -> None:
    office.partner.enter(a_job())
    await office.heard(an_event("job.assigned", a_job(job_id="SJ-1002")))
    office.partner.enter(a_job(job_id="SJ-1002", status="Accepted"))
    requests = [0]

    def fail_the_second() -> None:
        requests[0] += 1
        if requests[0] == 2:
            raise NotReachedError("503")

    office.partner.before = fail_the_second
    with pytest.raises(NotReachedError):
        await office.run()
    record = await office.store.record()
    assert record is not None
    assert (record.missed, record.cursor) == ({"job.assigned": 1}, None)
    assert await office.fed() == [("reconciled:SJ-1001:1:1", "job.assigned")]


async def test_a_cursor_that_the_job_system_no_longer_knows_begins_the_list_again(
    office: Office,
) -> None:
    await office.heard(an_event("job.assigned"))
    office.partner.enter(a_job())
    await office.run()
    await office.heard(an_event("job.assigned", a_job(job_id="SJ-1002")))
    office.partner.enter(a_job(job_id="SJ-1002"))
    office.partner.before = raising(TurnedDownError("410: gone", status=410), times=1)
    found = await office.run()
    assert found.listed == 2
    assert await office.cursor() == "2"


async def test_many_pages_are_read_one_after_the_other(office: Office) -> None:
    for number in range(250):
        office.partner.enter(a_job(job_id=f"SJ-{number}"))
    pages = [0]

    def count() -> None:
        pages[0] += 1

    found = await office.reconciler.run(between=count)
    assert (len(found.missed), pages[0], found.done, found.next) == (250, 4, True, None)

    for number in range(250):
        office.partner.enter(a_job(job_id=f"SJ-{number}", status="Cancelled"))
    cut = await office.reconciler.run(at_most=timedelta(0), dry=True)
    assert (cut.done, cut.next) == (False, "350")


def test_our_own_copy_has_no_list(database: Database) -> None:
    own = Reconciler(
        OwnCopy(), Inbox(database), Reconciliations(database), (), Directory(), lambda: NOW
    )
    assert not own.has_list


async def test_the_journal_says_that_the_hooks_missed_it(office: Office) -> None:
    office.partner.enter(a_job())
    await office.run()
    (pending,) = await office.inbox.due(NOW)
    event = EVENT.validate_json(pending.body)
    await Intake(office.database, ignoring).take(pending.id, pending.webhook_id, event, NOW)
    (entry,) = await rows(office.database, schema.journal)
    assert entry["what"] == (
        "Steward wasn't told that this job was assigned to PlusOne Solutions. "
        "It found that in the job system's list."
    )
    (assignment,) = await rows(office.database, schema.assignments)
    assert assignment["reason"] == "Found in the job system's list. Steward wasn't told."


async def test_a_new_assignment_counts_although_nobody_is_named(office: Office) -> None:
    at: datetime = ASSIGNED_AT + timedelta(hours=1)
    give = ReassignJob(
        to=PROVIDER, by=STEWARD, reason="moved", believed=a_job(), hold=HOLD, way_out=None
    )
    await office.heard(an_event("job.assigned"))
    await Ledger(office.database).apply(
        a_batch(give.model_copy(update={"to": NO_PROVIDER_FOUND}), now=at + timedelta(hours=48))
    )
    back: Job = a_job(assigned_at=at + timedelta(hours=49))
    office.partner.enter(back)
    office.at = NOW
    await office.run()
    (pending,) = await office.inbox.due(NOW)
    event = EVENT.validate_json(pending.body)
    await Intake(office.database, ignoring).take(pending.id, pending.webhook_id, event, NOW)
    (row,) = await rows(office.database, schema.jobs)
    assert row["assigned_to"] == "PlusOne Solutions"


# --- what must not lose a change -------------------------------------------------------------


async def delivered(office: Office) -> list[str]:
    """Take over what waits in the inbox; return what it was."""
    told = list[str]()
    for pending in await office.inbox.due(NOW):
        event = EVENT.validate_json(pending.body)
        await Intake(office.database, ignoring).take(pending.id, pending.webhook_id, event, NOW)
        told.append(pending.webhook_id)
    return told


def reads_fail(office: Office, error: JobSystemError) -> Callable[[], None]:
    """Have each single job refused; return what ends that."""
    read = office.partner.read

    async def refuse(_: str) -> LiveJob:
        raise error

    def end() -> None:
        office.partner.read = read  # type: ignore[method-assign]  # as before

    office.partner.read = refuse  # type: ignore[assignment, method-assign]  # it misbehaves
    return end


@pytest.mark.parametrize(
    "error",
    [
        TurnedDownError("403: not yours", status=403),
        TurnedDownError("404: no such job", status=404),
        NotReachedError("500: oops", has_answered=True),
    ],
    ids=["forbidden", "unknown", "broken"],
)
async def test_a_job_that_is_refused_once_is_looked_at_again(
    office: Office, error: JobSystemError
) -> None:
    await office.heard(an_event("job.assigned"))
    office.partner.enter(a_job(status="Accepted"))
    office.partner.enter(a_job(job_id="SJ-1002"))
    answers_again = reads_fail(office, error)
    found = await office.run()
    assert [(each.job_id, each.why) for each in found.left] == [("SJ-1001", str(error))]
    assert (missed(found), found.unreadable) == ([("SJ-1002", "job.assigned")], ())
    assert await office.cursor() is None

    answers_again()
    assert ("SJ-1001", "job.status_changed") in missed(await office.run())


async def test_a_job_that_is_refused_for_an_hour_is_a_dead_letter_to_try_again(
    office: Office,
) -> None:
    await office.heard(an_event("job.assigned"))
    office.at = NOW - timedelta(minutes=61)
    office.partner.enter(a_job(status="Accepted"))
    reads_fail(office, TurnedDownError("403: not yours", status=403))
    for _ in range(2):
        found = await office.run("0")
        assert (found.left, [each.job_id for each in found.unreadable]) == ((), ["SJ-1001"])
    await office.run()
    assert await office.cursor() == "1"
    (letter,), _ = await office.inbox.dead()
    assert (letter["webhook_id"], letter["reason"]) == ("reconciled:SJ-1001:1:0", "403: not yours")
    revived = await office.inbox.revive(letter["id"])
    assert revived is not None
    assert EVENT.validate_json(revived.body).job == a_job(status="Accepted")


async def test_a_version_is_told_again_while_our_copy_differs(office: Office) -> None:
    office.partner.enter(a_job(status="Accepted"))
    await office.run()
    assert await delivered(office) == ["reconciled:SJ-1001:1:1"]
    later = an_event("job.status_changed", a_job(status="Rejected"))
    await office.heard(later.model_copy(update={"occurred_at": CHANGED + timedelta(seconds=9)}))

    assert missed(await office.run("0", dry=True)) == [("SJ-1001", "job.status_changed")]
    assert missed(await office.run("0")) == [("SJ-1001", "job.status_changed")]
    assert [each.job_id for each in (await office.run("0")).left] == ["SJ-1001"]
    assert await delivered(office) == ["reconciled:SJ-1001:1:1:2"]
    assert missed(await office.run("0")) == []
    assert await office.inbox.dead() == ([], None)


async def test_a_version_that_never_helps_is_told_a_few_times_only(office: Office) -> None:
    await office.heard(an_event("job.assigned"))
    office.partner.enter(a_job(status="Accepted"))
    for _ in range(9):
        await office.run("0")
        for pending in await office.inbox.due(NOW):
            await office.inbox.settle(pending.id, Outcome.IGNORED, None)
    assert len(await office.fed()) == 5
    assert missed(await office.run("0")) == []


async def test_what_became_a_dead_letter_is_not_told_again(office: Office) -> None:
    office.partner.enter(a_job())
    await office.run()
    (pending,) = await office.inbox.due(NOW)
    await office.inbox.bury(pending.id, "no")
    assert missed(await office.run("0")) == []
    letters, _ = await office.inbox.dead()
    assert [letter["reason"] for letter in letters] == ["no"]


async def test_two_runs_at_once_leave_no_dead_letter(office: Office) -> None:
    name = "reconciled:SJ-1001:1:1"
    outcomes = [
        (await office.inbox.keep(name, body, NOW, job_id="SJ-1001", once=True)).outcome
        for body in (b"{}", b"{ }")
    ]
    assert outcomes == [None, Outcome.DUPLICATE]
    assert await office.inbox.dead() == ([], None)


async def test_an_empty_page_moves_the_place_nowhere(office: Office) -> None:
    office.partner.enter(a_job())
    await office.run()

    async def elsewhere(_: str | None, __: int) -> ChangedJobs:
        return ChangedJobs(items=(), next="900")

    office.partner.list_changed = elsewhere  # type: ignore[assignment, method-assign]  # an odd partner
    assert (await office.run()).done
    assert await office.cursor() == "1"


async def test_the_list_is_read_on_from_where_somebody_says(office: Office) -> None:
    office.partner.enter(a_job())
    await office.store.succeeded("900", {}, NOW)  # a place of before the partner's restore
    assert missed(await office.run()) == []
    office.partner.before = raising(TurnedDownError("422: no such cursor", status=422), times=1)
    with pytest.raises(TurnedDownError):
        await office.run("nonsense", keep=True)
    record = await office.store.record()
    assert record is not None
    assert (record.cursor, record.failures) == ("900", 0)

    assert missed(await office.run("", dry=True, keep=True)) == [("SJ-1001", "job.assigned")]
    assert await office.cursor() == "900"
    assert missed(await office.run("", keep=True)) == [("SJ-1001", "job.assigned")]
    assert await office.cursor() == "1"


async def test_a_place_that_is_kept_holds_for_what_is_left(office: Office) -> None:
    await office.store.succeeded("900", {}, NOW)
    await office.heard(an_event("job.assigned"))
    office.partner.enter(a_job(status="Accepted"))
    reads_fail(office, TurnedDownError("403: not yours", status=403))
    await office.run("0", keep=True)
    assert await office.cursor() == "0"


@pytest.mark.parametrize(
    ("item", "job_id", "why"),
    [
        ({"job": None, "version": 1, "changed_at": "2026-11-20T10:00:00Z"}, "?", "job"),
        ({"job": {"job_id": "SJ-7"}, "version": {}, "changed_at": "x"}, "SJ-7", "version.str"),
        ({"job": {"job_id": "SJ-7"}, "version": 1}, "SJ-7", "changed_at"),
        ("nothing", "?", "the whole item"),
    ],
)
async def test_an_item_of_another_shape_is_a_dead_letter_and_hides_no_other(
    office: Office, item: object, job_id: str, why: str
) -> None:
    good = {"job": a_job().model_dump(mode="json"), "version": 1, "changed_at": CHANGED}
    page = page_of_changes({"items": [item, good], "next": "2"})

    async def list_changed(since: str | None, _: int) -> ChangedJobs:
        return ChangedJobs(items=(), next=since) if since == "2" else page

    office.partner.list_changed = list_changed  # type: ignore[assignment, method-assign]  # an odd partner
    for since in (None, ""):
        found = await office.run(since)
        assert [(each.job_id, each.why) for each in found.unreadable] == [
            (job_id, f"{why} is not as agreed")
        ]
        assert (found.listed, found.done) == (2, True)
    assert await office.cursor() == "2"
    assert await office.fed() == [("reconciled:SJ-1001:1:1", "job.assigned")]
    letters, _ = await office.inbox.dead()
    assert len(letters) == 1


async def test_a_version_that_no_store_can_keep_is_told_all_the_same(office: Office) -> None:
    office.partner.enter(a_job())
    office.partner.versions["SJ-1001"] = "\0"  # type: ignore[assignment]  # as somebody sends it
    assert missed(await office.run()) == [("SJ-1001", "job.assigned")]
    ((event_id, _),) = await office.fed()
    assert event_id.isprintable()


async def test_a_change_ahead_of_our_clock_is_taken_up(office: Office) -> None:
    office.at = NOW + timedelta(days=3)
    office.partner.enter(a_job())
    found = await office.run(grace=timedelta(minutes=1))
    assert (missed(found), found.left) == ([("SJ-1001", "job.assigned")], ())
    assert await office.cursor() == "1"
