"""What is asked of the job system is kept before and after, and done once, whatever fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.asking import Asking
from activities.job_system import (
    JobChangedError,
    JobSystemError,
    NotLetInError,
    NotReachedError,
    OwnCopy,
    TurnedDownError,
)
from domain.accounts import ALTERNATE_PROVIDER_OPTION, NO_PROVIDER_FOUND
from domain.asking import changing_steps
from domain.effects import (
    JOB_SYSTEM_REFUSES,
    JOB_SYSTEM_SILENT,
    AddNote,
    Batch,
    BatchResult,
    OpenException,
    ReassignJob,
    SendEmail,
    UpdateJob,
    WriteJournal,
)
from domain.job_system import ChangeRequest, LiveJob
from domain.jobs import Assignee, Job, JobStatus, Visibility
from domain.outgoing import Destination, public_id
from domain.refusals import Refused, conflicting
from domain.roles import STEWARD, Actor, Role
from service.routing import Router
from store import schema
from store.asked_rows import HOLDS_FOR, forget_asked
from store.asking import Asked
from store.database import Database
from store.inbox import Inbox, Outcome
from store.intake import Intake, NotItsTurnError
from store.ledger import Ledger, Render
from store.mail_queue import RenderedMail
from tests.domain.factories import HOLD, POLICY, PROVIDER, WINDOW_ENDS, a_job, an_event
from tests.job_system import MemoryJobSystem
from tests.store.rows import (
    DANA,
    NOW,
    SEARCH,
    a_batch,
    everything,
    execute,
    keep,
    kept,
    rows,
)
from workflows.registry import LIFECYCLES

ROUTE = Router(tuple(LIFECYCLES.values()), POLICY).route
LATER = NOW + timedelta(minutes=3)
NOTE = AddNote(author=STEWARD, text="Moved", visibility=Visibility.PRIVATE)
LOST = NotReachedError("its answer did not come", may_have_happened=True)
NOT_THERE = NotReachedError("it does not answer", retry_after=timedelta(seconds=9))
REFUSED = TurnedDownError("422: no such account", status=422)
MAIL = RenderedMail(to="ada@example.com", subject="Hello", text="Hello", html="")
ADA = {"name": "Ada Byron", "email": "ada@example.com"}


def give(**changes: Any) -> ReassignJob:
    fields: dict[str, Any] = {
        "to": NO_PROVIDER_FOUND,
        "by": STEWARD,
        "reason": "nobody found",
        "believed": a_job(),
        "hold": HOLD,
        **changes,
    }
    return ReassignJob.model_validate(fields)


def moves(**changes: Any) -> Batch:
    """Return a batch that moves the job once its window has ended."""
    return a_batch(NOTE, give(**changes), now=WINDOW_ENDS)


CORRECTS = UpdateJob(customer_email="ada@byron.example", by=DANA, reason="said on the phone")


class Partner:
    """A job system, and the worker that asks it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.system = MemoryJobSystem(now=lambda: WINDOW_ENDS)
        self.now = NOW
        self.asking = Asking(Asked(database), self.system, lambda: self.now)
        self.ledger = Ledger(database)

    async def holds(self, job: Job | None = None) -> Job:
        """Have our copy, and the job system, hold a job."""
        job = job or a_job(customer=ADA)
        self.system.enter(job)
        return await keep(self.database, job)

    @property
    def live(self) -> Job:
        return self.system.jobs["SJ-1001"]

    def becomes(self, **changes: Any) -> Job:
        """Change the job there; nobody tells us."""
        return self.system.enter(self.live.model_copy(update=changes)).job

    async def carry_out(self, batch: Batch, render: Render = lambda *_: MAIL) -> BatchResult:
        """Carry a batch out, in one attempt."""
        answer = await self.asking.agree(batch, render)
        if isinstance(answer, BatchResult):
            return answer
        return await self.ledger.apply(batch, render, agreed=answer)

    async def fails(self, batch: Batch) -> ApplicationError:
        """Have an attempt at a batch fail, and return how."""
        with pytest.raises(ApplicationError) as failed:
            await self.carry_out(batch)
        return failed.value

    def fails_with(self, *errors: JobSystemError, once_done: bool = False) -> None:
        """Have the next requests fail: before they are looked at, or once they are done."""
        coming = iter(errors)

        def fail() -> None:
            if error := next(coming, None):
                raise error

        if once_done:
            self.system.after = fail
        else:
            self.system.before = fail

    async def asked(self) -> dict[str, Any]:
        (row,) = await rows(self.database, schema.outbox, what="change_job")
        return row

    async def takes(
        self, job: Job, kind: str = "job.status_changed", origin: str | None = None
    ) -> Outcome:
        """Take an event over, as the hooks do."""
        body = f"{kind} {job} {self.now}".encode()
        received = await Inbox(self.database).keep(f"msg_{hash(body)}", body, self.now)
        event = an_event(kind, job)
        intake = Intake(self.database, ROUTE)
        return (
            await intake.take(received.id, f"msg_{received.id}", event, self.now, origin)
        ).outcome


@pytest.fixture
def partner(database: Database) -> Iterator[Partner]:
    before, database.tells = database.tells, frozenset({Destination.JOB_SYSTEM})
    yield Partner(database)
    database.tells = before


# --- agreed -------------------------------------------------------------------------------------


async def test_a_change_is_made_there_then_here_and_kept_as_done(partner: Partner) -> None:
    await partner.holds()
    result = await partner.carry_out(moves())
    assert result.refusal is None
    assert partner.live.assigned_to.is_(NO_PROVIDER_FOUND)
    job, version = await kept(partner.database)
    assert (job.assigned_to.name, job.status, version) == ("No Provider Found", "New", 2)
    assert result.job == job.without_customer()
    assert len(await rows(partner.database, schema.notes)) == 1
    row = await partner.asked()
    assert (row["state"], row["generation"], row["workflow_id"]) == ("done", 0, SEARCH)


async def test_carried_out_twice_it_is_asked_once(partner: Partner) -> None:
    await partner.holds()
    first = await partner.carry_out(moves())
    asked = partner.system.requests
    assert await partner.carry_out(moves()) == first
    assert partner.system.requests == asked


async def test_the_contacts_of_the_new_account_come_with_the_answer(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await partner.holds()

    known = Assignee.of(PROVIDER).model_copy(update={"email": "tulsa@example.com"})
    change = partner.system.change

    async def knows_them(job_id: str, wanted: ChangeRequest, key: str) -> LiveJob:
        await change(job_id, wanted, key)
        return partner.system.enter(partner.live.model_copy(update={"assigned_to": known}))

    monkeypatch.setattr(partner.system, "change", knows_them)
    result = await partner.carry_out(moves(to=PROVIDER))
    assert result.job is not None
    assert (result.job.assigned_to, result.job_version) == (known, 2)
    await partner.takes(partner.live, "job.assigned")
    assert await kept(partner.database) == (
        result.job.model_copy(update={"customer": partner.live.customer, "customer_mail": None}),
        2,
    )


async def test_our_own_copy_is_never_asked(database: Database) -> None:
    asking = Asking(Asked(database), OwnCopy())
    assert not asking.is_asked_about(moves())


async def test_a_batch_that_changes_no_job_is_not_asked_about(partner: Partner) -> None:
    assert not partner.asking.is_asked_about(a_batch(NOTE))
    assert partner.asking.is_asked_about(a_batch(CORRECTS))


# --- not even asked -----------------------------------------------------------------------------


async def test_what_our_own_store_refuses_nobody_is_asked_for(partner: Partner) -> None:
    await partner.holds()
    before = await everything(partner.database)

    def refuses(*_: object) -> RenderedMail:
        raise Refused(_NOBODY)

    mail = SendEmail(to=None, template="public_note")
    held = await partner.carry_out(a_batch(give()))
    mailed = await partner.carry_out(a_batch(mail, give(), now=WINDOW_ENDS), refuses)
    changed = await partner.carry_out(moves(believed=a_job(status="Rejected")))
    assert held.refusal is not None
    assert held.refusal.rule == "PO-18"
    assert mailed.refusal == _NOBODY
    assert changed.refusal is not None
    assert partner.system.requests == 0
    assert await everything(partner.database) == before


_NOBODY = conflicting(None, "Nobody is listed.").refusal


async def test_an_open_exception_is_found_before_anybody_is_asked(partner: Partner) -> None:
    await partner.holds()
    opening = OpenException(code="AM", comment="Late", refused_if_open=True)
    await partner.ledger.apply(a_batch(opening))
    batch = a_batch(opening, give(), sequence=2, now=WINDOW_ENDS)
    assert (await partner.carry_out(batch)).refusal is not None
    assert partner.system.requests == 0


async def test_a_job_that_is_not_there_cannot_be_asked_for(partner: Partner) -> None:
    assert (await partner.carry_out(moves())).refusal is not None
    assert partner.system.requests == 0


# --- the live job says otherwise ----------------------------------------------------------------


@pytest.mark.rule("PO-19")
async def test_an_acceptance_that_no_hook_has_told_refuses_the_move(partner: Partner) -> None:
    await partner.holds()
    live = partner.becomes(status=JobStatus.ACCEPTED)
    result = await partner.carry_out(moves())
    assert result.refusal is not None
    assert result.refusal.rule == "PO-19"
    assert (result.job, result.job_version) == (live.without_customer(), 2)
    assert await kept(partner.database) == (live, 2)
    assert await rows(partner.database, schema.notes) == []
    assert partner.system.asked == []
    assert (await partner.asked())["state"] == "done"
    (told,) = await rows(partner.database, schema.journal)
    assert (told["actor_name"], told["what"]) == ("Job system", "The job system shows: accepted.")
    await partner.takes(live)
    assert await kept(partner.database) == (live, 2)


async def test_the_answer_to_a_move_that_was_refused_is_given_again(partner: Partner) -> None:
    """A crash may have come before it was heard; the same is not asked a second time."""
    await partner.holds()
    partner.becomes(status=JobStatus.REJECTED)
    way_out = moves(way_out="cannot_locate")
    first = await partner.carry_out(way_out)
    asked = len(partner.system.asked)
    again = await partner.carry_out(way_out)
    assert (again.job, again.job_version) == (first.job, first.job_version)
    assert again.refusal is not None
    assert len(partner.system.asked) == asked == 1


async def test_refused_once_a_turn_may_ask_again_with_another_belief(partner: Partner) -> None:
    await partner.holds()
    partner.becomes(status=JobStatus.REJECTED)
    await partner.carry_out(moves(way_out="cannot_locate"))
    again = moves(believed=a_job(status="Rejected"), way_out="cannot_locate")
    again = again.model_copy(update={"sequence": 2})
    assert (await partner.carry_out(again)).refusal is None
    keys = [key for key, _ in partner.system.asked]
    assert len(set(keys)) == len(keys) == 2


async def test_an_assignment_that_no_hook_has_told_is_listed_once(partner: Partner) -> None:
    await partner.holds()
    live = partner.becomes(assigned_to=Assignee.of(PROVIDER), assigned_at=WINDOW_ENDS)
    result = await partner.carry_out(moves())
    assert result.job == live.without_customer()
    await partner.takes(a_job(customer=ADA, status="Accepted"))
    await partner.takes(live, "job.assigned")
    assert await kept(partner.database) == (live, 2)
    assigned = await rows(partner.database, schema.assignments)
    assert [row["name"] for row in assigned] == ["Tulsa Plumbing"]


async def test_a_change_that_a_person_has_made_already_is_agreement(partner: Partner) -> None:
    await partner.holds()
    partner.becomes(assigned_to=Assignee.of(NO_PROVIDER_FOUND), assigned_at=WINDOW_ENDS)
    assert (await partner.carry_out(moves())).refusal is None
    assert len(await rows(partner.database, schema.notes)) == 1


async def test_an_update_that_believes_nothing_is_asked_for_anew(partner: Partner) -> None:
    await partner.holds()
    partner.becomes(status=JobStatus.ACCEPTED)
    assert (await partner.carry_out(a_batch(CORRECTS))).refusal is None
    assert partner.live.customer_email == "ada@byron.example"
    first, second = (key for key, _ in partner.system.asked)
    assert first != second
    row = await partner.asked()
    assert (row["state"], row["generation"]) == ("done", 1)


async def test_other_words_for_the_same_are_asked_for_in_the_words_of_the_job_system(
    partner: Partner,
) -> None:
    """A report that only its event has told stays entered; the job itself shows none."""
    apo = a_job(assigned_to=Assignee.of(ALTERNATE_PROVIDER_OPTION), customer=ADA)
    await partner.holds(apo)
    reported = apo.model_copy(update={"diagnostic_report_at": WINDOW_ENDS})
    await keep(partner.database, reported, version=2)
    done = UpdateJob(
        status=JobStatus.COMPLETED, by=STEWARD, reason="paid", believed=reported.as_believed
    )
    assert (await partner.carry_out(a_batch(done))).refusal is None
    assert [change.expected.diagnostic_report_at for _, change in partner.system.asked] == [
        WINDOW_ENDS,
        None,
    ]


_CONTRADICTS = "it says that the job changed, but shows it as expected"


async def test_a_job_system_that_contradicts_itself_twice_refuses_for_good(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await partner.holds()
    monkeypatch.setattr("tests.job_system._is_as_expected", lambda *_: False)
    assert (await partner.fails(a_batch(CORRECTS))).type == JOB_SYSTEM_REFUSES
    row = await partner.asked()
    assert (row["state"], row["reason"], row["generation"]) == ("refused", _CONTRADICTS, 1)
    assert len(partner.system.asked) == 2
    (task,) = await rows(partner.database, schema.tasks)
    assert task["kind"] == "job_system_refused"


async def test_a_job_system_that_contradicts_a_person_is_told_to_the_person(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await partner.holds()
    monkeypatch.setattr("tests.job_system._is_as_expected", lambda *_: False)
    result = await partner.carry_out(commanded(give()))
    assert result.turned_down
    assert result.refusal is not None
    assert _CONTRADICTS in result.refusal.message


async def test_a_job_that_is_another_each_time_is_asked_about_later(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await partner.holds()
    reported = iter(NOW + timedelta(seconds=each) for each in range(99))

    async def restless(*_: Any) -> LiveJob:
        live = partner.live.model_copy(update={"diagnostic_report_at": next(reported)})
        raise JobChangedError(LiveJob(job=live, version=2), "409")

    monkeypatch.setattr(partner.system, "change", restless)
    failed = await partner.fails(a_batch(CORRECTS))
    assert (failed.type, failed.next_retry_delay) == (JOB_SYSTEM_SILENT, timedelta(seconds=15))
    row = await partner.asked()
    assert (row["state"], row["generation"], row["attempts"]) == ("asking", 5, 1)


# --- no answer ----------------------------------------------------------------------------------


async def test_a_lost_answer_is_asked_for_under_the_same_key_whatever_has_changed(
    partner: Partner,
) -> None:
    await partner.holds()
    batch = moves(way_out="cannot_locate")
    partner.fails_with(LOST, once_done=True)
    assert (await partner.fails(batch)).type == JOB_SYSTEM_SILENT
    row = await partner.asked()
    assert (row["state"], row["next_attempt_at"], row["attempts"]) == ("asking", None, 1)
    await keep(partner.database, a_job(status="Accepted"), version=7)
    assert (await partner.carry_out(batch)).refusal is None
    assert len({key for key, _ in partner.system.asked}) == 1


async def test_what_was_certainly_not_done_is_judged_anew(partner: Partner) -> None:
    await partner.holds()
    batch = moves(way_out="cannot_locate")
    partner.fails_with(NOT_THERE)
    failed = await partner.fails(batch)
    assert (failed.type, failed.next_retry_delay) == (JOB_SYSTEM_SILENT, timedelta(seconds=9))
    row = await partner.asked()
    assert row["next_attempt_at"] == NOW + timedelta(seconds=9)
    assert row["reason"] == "it does not answer"
    await keep(partner.database, a_job(status="Accepted"), version=7)
    result = await partner.carry_out(batch)
    assert result.refusal is not None
    assert result.refusal.rule == "PO-19"
    assert await rows(partner.database, schema.outbox) == []


async def test_once_an_answer_was_lost_a_refused_connection_makes_nothing_certain(
    partner: Partner,
) -> None:
    await partner.holds()
    batch = moves(way_out="cannot_locate")
    partner.fails_with(LOST, once_done=True)
    await partner.fails(batch)
    partner.fails_with(NOT_THERE, NOT_THERE)
    await partner.fails(batch)
    row = await partner.asked()
    assert (row["next_attempt_at"], row["attempts"]) == (None, 2)
    assert (await partner.carry_out(batch)).refusal is None


class Broken:
    """Fails at changes alone, or at all there is; may have done them all the same."""

    def __init__(self, partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
        self.partner = partner
        self.error = FAULT
        self.does_it = False
        self.reads = True
        self._change, self._read = partner.system.change, partner.system.read
        monkeypatch.setattr(partner.system, "change", self.change)
        monkeypatch.setattr(partner.system, "read", self.read)

    async def change(self, job_id: str, wanted: ChangeRequest, key: str) -> LiveJob:
        if self.does_it:
            await self._change(job_id, wanted, key)
        raise self.error

    async def read(self, job_id: str) -> LiveJob:
        if not self.reads:
            raise self.error
        return await self._read(job_id)


FAULT = NotReachedError("it answers 500", may_have_happened=True, has_answered=True)


@pytest.fixture
async def broken(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> Broken:
    await partner.holds()
    return Broken(partner, monkeypatch)


async def test_what_it_cannot_answer_and_did_not_do_holds_no_events(broken: Broken) -> None:
    partner = broken.partner
    for attempt in range(1, 4):
        failed = await partner.fails(moves(way_out="cannot_locate"))
        assert failed.type == JOB_SYSTEM_SILENT
        row = await partner.asked()
        assert (row["state"], row["reason"]) == ("asking", "it answers 500")
        assert (row["attempts"], row["generation"]) == (attempt, 0)
        assert row["next_attempt_at"] is not None
    assert await partner.takes(a_job(status="Accepted"), "job.status_changed")
    assert (await partner.carry_out(moves(way_out="cannot_locate"))).refusal is not None
    assert await rows(partner.database, schema.outbox) == []


async def test_what_it_cannot_answer_waits_alone_for_a_growing_while(broken: Broken) -> None:
    waits = [(await broken.partner.fails(moves())).next_retry_delay for _ in range(9)]
    assert all(each and timedelta(seconds=1) <= each <= timedelta(minutes=1) for each in waits)
    assert len(set(waits)) > 1


async def test_what_it_did_and_cannot_answer_is_agreement(broken: Broken) -> None:
    broken.does_it = True
    assert (await broken.partner.carry_out(moves(way_out="cannot_locate"))).refusal is None
    assert (await broken.partner.asked())["state"] == "done"


async def test_what_it_cannot_answer_is_decided_by_the_job_as_it_stands(broken: Broken) -> None:
    broken.partner.becomes(status=JobStatus.REJECTED)
    result = await broken.partner.carry_out(moves(way_out="cannot_locate"))
    assert result.refusal is not None
    assert (await kept(broken.partner.database))[0].status == JobStatus.REJECTED


async def test_after_silence_the_job_is_read_first(broken: Broken) -> None:
    partner, batch = broken.partner, moves(way_out="cannot_locate")
    broken.error, broken.does_it = LOST, True
    await partner.fails(batch)
    assert (await partner.asked())["next_attempt_at"] is None
    broken.error = AssertionError("it is not asked again")  # type: ignore[assignment]
    assert (await partner.carry_out(batch)).refusal is None
    assert len(partner.system.asked) == 1


async def test_where_the_job_cannot_be_read_the_same_key_is_sent_again(broken: Broken) -> None:
    broken.error, broken.does_it, broken.reads = LOST, True, False
    batch = moves(way_out="cannot_locate")
    await broken.partner.fails(batch)
    await broken.partner.fails(batch)
    assert [key for key, _ in broken.partner.system.asked] == [
        public_id(broken_key(batch), "0")
    ] * 2
    assert broken.partner.system.versions["SJ-1001"] == 2


def broken_key(batch: Batch) -> str:
    (step,) = changing_steps(batch)
    return f"change_job:{step.key}@{batch.sequence}"


async def test_silence_at_a_job_that_has_changed_is_decided_by_the_job(broken: Broken) -> None:
    partner, batch = broken.partner, moves(way_out="cannot_locate")
    broken.error = LOST
    await partner.fails(batch)
    partner.becomes(status=JobStatus.CANCELLED)
    assert (await partner.carry_out(batch)).refusal is not None
    assert (await kept(partner.database))[0].status == JobStatus.CANCELLED


async def test_where_nothing_can_be_read_events_wait_two_minutes_from_the_first_attempt(
    broken: Broken,
) -> None:
    partner, batch = broken.partner, moves(way_out="cannot_locate")
    broken.reads = False
    await partner.fails(batch)
    with pytest.raises(NotItsTurnError):
        await partner.takes(a_job(status="Cancelled"))
    for _ in range(4):
        partner.now += HOLDS_FOR / 4
        await partner.fails(batch)
    assert await partner.takes(a_job(status="Cancelled"))


@pytest.mark.parametrize("kind", [NotReachedError, NotLetInError])
async def test_what_a_circuit_kept_back_was_no_attempt(
    partner: Partner, kind: type[NotReachedError | NotLetInError]
) -> None:
    await partner.holds()
    batch = moves(way_out="cannot_locate")
    kept_back = kind("of another job", retry_after=timedelta(seconds=5), was_asked=False)
    partner.fails_with(kept_back)
    await partner.fails(batch)
    row = await partner.asked()
    assert (row["attempts"], row["reason"]) == (0, None)
    assert row["next_attempt_at"] is not None, "nothing was sent: events need not wait"
    partner.fails_with(NOT_THERE)
    await partner.fails(batch)
    partner.fails_with(kept_back)
    await partner.fails(batch)
    row = await partner.asked()
    assert (row["attempts"], row["reason"]) == (1, "it does not answer")


async def test_the_longest_wait_is_a_minute(partner: Partner) -> None:
    await partner.holds()
    partner.fails_with(NotReachedError("busy", retry_after=timedelta(hours=1)))
    assert (await partner.fails(moves())).next_retry_delay == timedelta(minutes=1)


async def test_a_job_that_cannot_be_read_was_not_changed(partner: Partner) -> None:
    await partner.holds()
    partner.fails_with(LOST)
    await partner.fails(moves())
    assert (await partner.asked())["next_attempt_at"] is not None


async def test_whoever_is_not_let_in_has_changed_nothing(partner: Partner) -> None:
    await partner.holds()
    partner.fails_with(NotLetInError("it does not accept our token (401)"))
    failed = await partner.fails(moves())
    assert (failed.type, failed.next_retry_delay) == (JOB_SYSTEM_SILENT, timedelta(seconds=15))
    assert (await partner.asked())["next_attempt_at"] == NOW + timedelta(seconds=15)


async def test_the_log_says_once_that_contact_is_lost_and_once_that_it_is_back(
    partner: Partner,
) -> None:
    await partner.holds()
    batch = moves(way_out="cannot_locate")
    partner.fails_with(NOT_THERE, NOT_THERE, NOT_THERE, NOT_THERE)
    with capture_logs() as logs:
        failures = [await partner.fails(batch) for _ in range(4)]
        await partner.carry_out(batch)
    assert {each.category for each in failures} == {ApplicationErrorCategory.BENIGN}
    assert logs == [
        {
            "event": "the job system does not answer: jobs wait",
            "log_level": "warning",
            "reason": "it does not answer",
        },
        {"event": "the job system answers again", "log_level": "info"},
    ]


async def test_a_single_lost_answer_is_not_worth_a_line(partner: Partner) -> None:
    await partner.holds()
    batch = moves(way_out="cannot_locate")
    partner.fails_with(LOST)
    with capture_logs() as logs:
        await partner.fails(batch)
        await partner.carry_out(batch)
    assert logs == []


async def test_a_refusal_is_logged_once_without_what_it_quotes(partner: Partner) -> None:
    await partner.holds()
    batch = moves(way_out="cannot_locate")
    partner.fails_with(REFUSED)
    with capture_logs() as logs:
        failures = [await partner.fails(batch) for _ in range(3)]
    assert {each.category for each in failures} == {ApplicationErrorCategory.BENIGN}
    assert not [each for each in failures if "no such account" in str(each)]
    (line,) = logs
    assert (line["job_id"], line["reason"]) == (batch.job_id, "refused (422)")


async def test_another_change_of_the_job_waits_for_the_one_on_its_way(partner: Partner) -> None:
    await partner.holds()
    partner.fails_with(LOST, once_done=True)
    await partner.fails(moves(way_out="cannot_locate"))
    other = a_batch(CORRECTS, workflow_id="apo/SJ-1001", lifecycle="apo")
    assert (await partner.fails(other)).next_retry_delay == timedelta(seconds=1)
    partner.now += HOLDS_FOR
    assert (await partner.carry_out(other)).refusal is None


# --- refused for good ---------------------------------------------------------------------------


async def test_what_is_refused_for_good_waits_and_is_not_sent_again(partner: Partner) -> None:
    await partner.holds()
    batch = moves(way_out="cannot_locate")
    partner.fails_with(REFUSED)
    assert (await partner.fails(batch)).type == JOB_SYSTEM_REFUSES
    sent = partner.system.requests
    assert (await partner.fails(batch)).type == JOB_SYSTEM_REFUSES
    assert partner.system.requests == sent
    row = await partner.asked()
    assert (row["state"], row["reason"], row["attempts"]) == ("refused", "422: no such account", 1)
    (task,) = await rows(partner.database, schema.tasks)
    assert (task["role"], task["kind"]) == ("admin_team", "job_system_refused")


async def test_tried_again_it_is_sent_under_another_key(partner: Partner) -> None:
    await partner.holds()
    batch = moves(way_out="cannot_locate")
    partner.fails_with(REFUSED)
    await partner.fails(batch)
    await execute(
        partner.database,
        schema.outbox.update().values(state="asking", generation=1, next_attempt_at=None),
    )
    assert (await partner.carry_out(batch)).refusal is None
    assert (await partner.asked())["state"] == "done"


async def test_dropped_it_comes_true_here_alone(partner: Partner) -> None:
    await partner.holds()
    batch = moves(way_out="cannot_locate")
    partner.fails_with(REFUSED)
    await partner.fails(batch)
    await execute(
        partner.database, schema.outbox.update().values(state="dropped", reason="by hand")
    )
    assert (await partner.carry_out(batch)).refusal is None
    assert partner.system.asked == []
    assert (await kept(partner.database))[0].assigned_to.is_(NO_PROVIDER_FOUND)
    row = await partner.asked()
    assert (row["state"], row["reason"]) == ("dropped", "by hand")


def commanded(*effects: Any) -> Batch:
    """Return a batch that carries a person's command out."""
    sam = Actor(name="Sam", role=Role.DISPATCH)
    batch = a_batch(WriteJournal(actor=sam, what="request_reassignment"), *effects, now=WINDOW_ENDS)
    prefix = f"{SEARCH}#1/request_reassignment:1"
    steps = tuple(
        step.model_copy(update={"key": f"{prefix}/{place}"})
        for place, step in enumerate(batch.steps, 1)
    )
    return batch.model_copy(update={"steps": steps})


async def test_a_persons_command_is_refused_with_what_the_job_system_says(partner: Partner) -> None:
    await partner.holds()
    batch = commanded(give())
    partner.fails_with(REFUSED)
    for _ in range(2):  # the second time without asking
        result = await partner.carry_out(batch)
        assert result.turned_down
        assert result.refusal is not None
        assert "refused this change: no such account. Nothing" in result.refusal.message
    assert partner.system.requests == 1
    assert await rows(partner.database, schema.journal) == []
    assert await rows(partner.database, schema.tasks) == []
    assert (await partner.asked())["state"] == "done"


async def test_an_update_that_nobody_waits_for_is_refused_to_nobody(partner: Partner) -> None:
    """The command that it belongs to is answered once it has come true."""
    await partner.holds()
    partner.fails_with(REFUSED)
    assert (await partner.fails(commanded(CORRECTS))).type == JOB_SYSTEM_REFUSES


# --- agreed to, and refused here meanwhile ------------------------------------------------------


async def test_a_mail_that_cannot_be_made_any_more_comes_back(partner: Partner) -> None:
    await partner.holds()
    batch = a_batch(SendEmail(to=None, template="public_note"), give(), now=WINDOW_ENDS)
    agreed = await partner.asking.agree(batch, lambda *_: MAIL)
    assert not isinstance(agreed, BatchResult)

    def refuses(*_: object) -> RenderedMail:
        raise Refused(_NOBODY)

    assert (await partner.ledger.apply(batch, refuses, agreed=agreed)).refusal is None
    (mail,) = await rows(partner.database, schema.emails)
    assert (mail["state"], mail["text"]) == ("bounced", "Nobody is listed.")
    assert (await kept(partner.database))[0].assigned_to.is_(NO_PROVIDER_FOUND)


# --- events that wait ---------------------------------------------------------------------------


async def test_events_wait_while_the_answer_may_be_on_its_way(partner: Partner) -> None:
    await partner.holds()
    batch = moves(way_out="cannot_locate")
    partner.fails_with(LOST, once_done=True)
    await partner.fails(batch)
    with pytest.raises(NotItsTurnError, match="asked to change"):
        await partner.takes(partner.live, "job.assigned")
    (waiting,) = await rows(partner.database, schema.inbox)
    assert (waiting["state"], waiting["envelope"]) == ("pending", None)
    assert waiting["next_attempt_at"] > partner.now
    await partner.carry_out(batch)
    before = await kept(partner.database)
    assert await partner.takes(partner.live, "job.assigned") is Outcome.IGNORED
    assert await kept(partner.database) == before


async def test_our_own_changes_do_not_wait(partner: Partner) -> None:
    await partner.holds()
    partner.fails_with(LOST, once_done=True)
    await partner.fails(moves(way_out="cannot_locate"))
    assert await partner.takes(a_job(), origin="apo/SJ-1001")


async def test_events_wait_no_longer_for_a_request_that_nobody_sees_to(partner: Partner) -> None:
    await partner.holds()
    partner.fails_with(LOST, once_done=True)
    await partner.fails(moves(way_out="cannot_locate"))
    partner.now += HOLDS_FOR
    assert await partner.takes(partner.live, "job.assigned")


@pytest.mark.parametrize("failure", [NOT_THERE, NotLetInError("401"), REFUSED])
async def test_events_do_not_wait_where_nothing_was_done(
    partner: Partner, failure: JobSystemError
) -> None:
    await partner.holds()
    partner.fails_with(failure)
    await partner.fails(moves(way_out="cannot_locate"))
    assert await partner.takes(a_job(status="Accepted"))


async def test_a_lifecycle_that_is_lost_leaves_nothing_asked(partner: Partner) -> None:
    await partner.holds()
    partner.fails_with(LOST, once_done=True)
    await partner.fails(moves(way_out="cannot_locate"))
    await partner.database.write(lambda connection: forget_asked(connection, SEARCH))
    assert await rows(partner.database, schema.outbox) == []
    assert await partner.takes(partner.live, "job.assigned")
