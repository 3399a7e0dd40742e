"""Our copy of a job: what the job system tells, and what of it we know better."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.accounts import NO_PROVIDER_FOUND, PLUSONE, PROCURE_VENDOR, Account
from domain.jobs import (
    Assignee,
    HeldJob,
    Job,
    JobStatus,
    JobUpdate,
    Severity,
    same_assignment,
    what_changed,
)
from tests.domain.factories import ASSIGNED_AT, PROVIDER, WINDOW_ENDS, a_job

REPORTED_AT = ASSIGNED_AT + timedelta(hours=3)
MOVED_AT = WINDOW_ENDS
HEARD_AT = MOVED_AT + timedelta(seconds=7)

FRESH = HeldJob(job=a_job())
MOVED = FRESH.reassigned(NO_PROVIDER_FOUND, MOVED_AT)
"""A job that we sent to No Provider Found, of which the job system has not heard yet."""

ECHO = a_job(
    assigned_to={"name": "No Provider Found", "email": "npf@cinch.example"}, assigned_at=HEARD_AT
)


# --- the job itself ---------------------------------------------------------------------------


@pytest.mark.parametrize("job_id", ["SJ-1001", "1", "a.b_c-d", "X" * 64])
def test_a_job_id_is_safe_in_ids_and_urls(job_id: str) -> None:
    assert a_job(job_id=job_id).job_id == job_id


@pytest.mark.parametrize(
    "job_id", ["", "SJ/1001", "-1", ".", "..", "SJ 1", "SJ-1\n", "Jöb", "X" * 65, 1001, None]
)
def test_no_other_job_id_is_taken(job_id: object) -> None:
    with pytest.raises(ValidationError):
        a_job(job_id=job_id)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001  given a zone below
    st.integers(-14 * 60, 14 * 60),
)
def test_instants_are_kept_in_utc(local: datetime, minutes: int) -> None:
    at = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    kept = a_job(assigned_at=at.isoformat()).assigned_at
    assert kept == at
    assert kept.tzinfo is UTC


@pytest.mark.parametrize(
    ("at", "why"),
    [
        ("2026-11-21T14:05:00", "timezone"),
        ("0001-01-01T00:00:00+14:00", "year 1"),
        ("1898-12-31T23:59:59Z", "year 1898"),
        ("2201-01-01T00:00:00Z", "year 2201"),
        ("9999-12-31T23:59:59-14:00", "year 9999"),
        (0, "write 2026-11-23T14:05:00Z"),
        (1_795_269_900, "write 2026-11-23T14:05:00Z"),
        ("1795269900", "write 2026-11-23T14:05:00Z"),
    ],
)
def test_an_instant_without_a_zone_or_out_of_all_reason_is_refused(at: object, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        a_job(assigned_at=at)


@pytest.mark.parametrize(
    "at", ["1900-01-01T00:00:00+14:00", "2199-12-31T23:59:59-05:00", "2199-12-31T23:59:59-14:00"]
)
def test_whatever_instant_was_once_taken_is_read_back(at: str) -> None:
    """Earlier releases looked at the year that the text named, and kept the instant in UTC."""
    job = a_job(assigned_at=at, appointment_at=at, diagnostic_report_at=at)
    assert Job.model_validate_json(job.model_dump_json()) == job


@pytest.mark.parametrize(
    "wrong",
    [
        {"trade": "Plumb\0ing"},
        {"trade": "x" * 301},
        {"item": {"name": "\0"}},
        {"customer": {"name": "A\0"}},
        {"assigned_to": {"name": "PlusOne Solutions", "email": "\0"}},
    ],
)
def test_a_text_that_no_database_keeps_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        a_job(**wrong)


def test_what_we_do_not_know_of_a_job_is_no_reason_to_refuse_it() -> None:
    assert a_job(colour="red", item={"name": "Faucet", "age": 7}).item.name == "Faucet"


@pytest.mark.rule("PO-04")
def test_both_emergencies_are_urgent() -> None:
    assert [severity for severity in Severity if severity.urgent] == [
        "Emergency",
        "Medical Emergency",
    ]


def test_a_job_can_be_told_without_its_customer() -> None:
    job = a_job(customer={"name": "Ada", "email": "ada@example.com"}, appointment_at=REPORTED_AT)
    hint = {"customer": None, "customer_mail": "a***@example.com"}
    assert job.without_customer() == job.model_copy(update=hint)
    assert "Ada" not in job.without_customer().model_dump_json()


@pytest.mark.parametrize(
    ("customer", "hint"),
    [
        ({"name": "Ada", "email": "ada@example.com"}, "a***@example.com"),
        ({"name": "Ada", "email": "none@none.com"}, None),
        ({"name": "Ada", "email": "918-555-0101"}, None),
        ({"name": "Ada"}, None),
        (None, None),
    ],
)
def test_without_its_customer_a_job_says_whether_mail_reaches_them(
    customer: object, hint: str | None
) -> None:
    assert a_job(customer=customer).without_customer().customer_mail == hint


def test_where_mail_reaches_the_customer_is_not_for_the_job_system_to_say() -> None:
    told = a_job(customer_mail="e***@example.com")
    for held in (HeldJob(job=told), FRESH.told(told), MOVED.told(told)):
        assert held.job.customer_mail is None
        assert held.job.without_customer().customer_mail is None
    assert FRESH.told(told) == FRESH


def test_an_update_changes_what_it_names() -> None:
    job = a_job(customer={"name": "Ada", "email": "ada@example.com"}, sub_status="On hold")
    assert job.updated(JobUpdate()) == job
    done = job.updated(JobUpdate(status=JobStatus.COMPLETED, appointment_at=REPORTED_AT))
    assert done == job.model_copy(
        update={"status": JobStatus.COMPLETED, "appointment_at": REPORTED_AT}
    )
    moved = job.updated(JobUpdate(customer_email="ada@byron.example"))
    assert (moved.customer_email, moved.sub_status) == ("ada@byron.example", "On hold")
    assert moved.customer is not None
    assert moved.customer.name == "Ada"


def test_a_reassigned_job_is_new_with_somebody_of_whom_only_the_account_is_known() -> None:
    job = a_job(
        status="Accepted",
        sub_status="Confirmed Appointment",
        assigned_to={"number": "700010237", "name": "PlusOne Solutions", "email": "a@b.example"},
        severity="Emergency",
    )
    moved = job.reassigned(PROVIDER, MOVED_AT)
    assert moved.assigned_to == Assignee.of(PROVIDER)
    assert (moved.status, moved.sub_status, moved.assigned_at) == ("New", None, MOVED_AT)
    assert (moved.severity, moved.job_id) == ("Emergency", job.job_id)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (PLUSONE, Account(number="700010237", name="PlusOne"), True),
        (PLUSONE, Account(number="700010640", name="PlusOne Solutions"), False),
        (PLUSONE, Account(number=None, name="plusone solutions"), True),
        (PLUSONE, Account(number="", name="PlusOne Solutions"), True),
        (PLUSONE, Account(number=None, name="PlusOne"), False),
        (PROCURE_VENDOR, NO_PROVIDER_FOUND, False),
    ],
)
def test_an_account_is_the_same_by_its_number_or_else_by_its_name(
    *, one: Account, other: Account, same: bool
) -> None:
    assert Assignee.of(one).is_(other) == same
    assert Assignee.of(other).is_(one) == same


def test_an_assignment_is_an_account_and_an_instant() -> None:
    job = a_job()
    assert same_assignment(job, a_job(status="Accepted", severity="Emergency"))
    assert not same_assignment(job, a_job(assigned_at=MOVED_AT))
    assert not same_assignment(job, a_job(assigned_to=Assignee.of(PROVIDER)))


# --- what the job system tells ----------------------------------------------------------------


def test_what_we_are_told_of_a_job_that_is_not_ours_to_know_better_stands() -> None:
    for told in (a_job(status="Accepted"), a_job(assigned_to=Assignee.of(PROVIDER)), ECHO):
        assert FRESH.told(told) == HeldJob(job=told)


def test_our_own_reassignment_remembers_what_it_replaced() -> None:
    assert MOVED.job == a_job().reassigned(NO_PROVIDER_FOUND, MOVED_AT)
    assert MOVED.replaced == (a_job(),)


@pytest.mark.parametrize("status", ["New", "Accepted", "Expired", "Rejected"])
def test_who_has_not_heard_of_our_reassignment_does_not_undo_it(status: str) -> None:
    told = a_job(status=status, trade="HVAC", severity="Emergency", appointment_at=REPORTED_AT)
    held = MOVED.told(told)
    assert held.job.assigned_to == Assignee.of(NO_PROVIDER_FOUND)
    assert (held.job.assigned_at, held.job.status) == (MOVED_AT, "New")
    assert held.job.trade == "HVAC"
    assert held.job.severity.urgent
    assert held.job.appointment_at == REPORTED_AT
    assert held.replaced == (a_job(),)


@pytest.mark.parametrize("status", ["Cancelled", "Completed"])
def test_who_has_not_heard_of_our_reassignment_still_ends_the_job(status: str) -> None:
    held = MOVED.told(a_job(status=status))
    assert held.job.status == status
    assert held.job.assigned_to.is_(NO_PROVIDER_FOUND)


def test_the_echo_of_our_reassignment_keeps_our_instant_and_brings_the_contacts() -> None:
    held = MOVED.told(ECHO)
    assert held.job == ECHO.model_copy(update={"assigned_at": MOVED_AT})
    assert held.job.assigned_to.email == "npf@cinch.example"
    later = ECHO.model_copy(update={"assigned_at": HEARD_AT + timedelta(days=1)})
    assert held.told(later) == held


def test_an_event_from_before_the_echo_does_not_undo_it_either() -> None:
    assert MOVED.told(ECHO).told(a_job()).job.assigned_to.is_(NO_PROVIDER_FOUND)


def test_after_the_echo_the_new_account_can_accept() -> None:
    accepted = ECHO.model_copy(update={"status": JobStatus.ACCEPTED})
    held = MOVED.told(ECHO).told(accepted)
    assert (held.job.status, held.job.assigned_at) == ("Accepted", MOVED_AT)


@pytest.mark.parametrize("echoed", [False, True])
@pytest.mark.parametrize("account", [PROVIDER, PROCURE_VENDOR, PLUSONE])
def test_a_reassignment_in_the_job_system_replaces_ours(*, account: Account, echoed: bool) -> None:
    held = MOVED.told(ECHO) if echoed else MOVED
    told = a_job(assigned_to=Assignee.of(account), assigned_at=HEARD_AT + timedelta(minutes=5))
    assert held.told(told) == HeldJob(job=told)


def test_once_replaced_our_reassignment_is_forgotten() -> None:
    elsewhere = a_job(assigned_to=Assignee.of(PROVIDER), assigned_at=HEARD_AT)
    back = a_job(assigned_at=HEARD_AT + timedelta(hours=1))
    assert MOVED.told(elsewhere).told(back) == HeldJob(job=back)


@pytest.mark.rule("PO-20")
def test_a_report_once_entered_stays_for_its_assignment() -> None:
    reported = FRESH.told(a_job(status="Accepted", diagnostic_report_at=REPORTED_AT))
    denied = reported.told(a_job(status="New"))
    assert (denied.job.status, denied.job.diagnostic_report_at) == ("New", REPORTED_AT)
    corrected = denied.told(a_job(diagnostic_report_at=MOVED_AT))
    assert corrected.job.diagnostic_report_at == MOVED_AT


@pytest.mark.rule("PO-20")
def test_a_report_belongs_to_its_assignment_alone() -> None:
    reported = FRESH.told(a_job(diagnostic_report_at=REPORTED_AT))
    for told in (a_job(assigned_to=Assignee.of(PROVIDER)), a_job(assigned_at=MOVED_AT)):
        assert reported.told(told) == HeldJob(job=told)


@pytest.mark.parametrize(
    ("held", "told", "too_late"),
    [
        (MOVED, a_job(status="Accepted"), True),
        (MOVED.told(ECHO), a_job(status="Accepted"), True),
        (MOVED, a_job(status="Expired"), False),
        (MOVED, ECHO.model_copy(update={"status": JobStatus.ACCEPTED}), False),
        (FRESH, a_job(status="Accepted"), False),
        (
            HeldJob(job=a_job(status="Accepted")).reassigned(PROCURE_VENDOR, MOVED_AT),
            a_job(status="Accepted"),
            False,
        ),
    ],
)
def test_an_acceptance_is_too_late_once_we_have_moved_the_job(
    *, held: HeldJob, told: Job, too_late: bool
) -> None:
    assert held.accepted_too_late(told) == too_late


# --- several reassignments of ours in a row ---------------------------------------------------

BACK_AT = MOVED_AT + timedelta(seconds=3)
TWICE = MOVED.reassigned(PROCURE_VENDOR, BACK_AT)
"""A job that went on from No Provider Found before the job system had heard of either."""


@pytest.mark.parametrize("status", ["New", "Accepted", "Expired"])
@pytest.mark.parametrize("told", [a_job(), MOVED.job, ECHO], ids=["start", "ours", "echo"])
def test_who_has_heard_of_none_or_only_the_first_does_not_undo_the_second(
    told: Job, status: str
) -> None:
    held = TWICE.told(told.model_copy(update={"status": JobStatus(status), "trade": "HVAC"}))
    assert same_assignment(held.job, TWICE.job)
    assert (held.job.status, held.job.trade) == ("New", "HVAC")
    assert held.replaced == (a_job(), MOVED.job)


def test_the_echo_of_the_second_is_recognised_after_that_of_the_first() -> None:
    echo = a_job(assigned_to=Assignee.of(PROCURE_VENDOR), assigned_at=BACK_AT + timedelta(hours=1))
    assert TWICE.told(ECHO).told(echo) == TWICE
    assert TWICE.told(echo).told(ECHO) == TWICE


def test_an_account_that_we_took_the_job_from_may_be_given_it_anew() -> None:
    """By somebody in the job system: that is no echo of what we did before."""
    assert TWICE.told(ECHO, newly_assigned=True) == HeldJob(job=ECHO)
    held = MOVED.told(ECHO).reassigned(PROCURE_VENDOR, BACK_AT)
    assert held.told(ECHO, newly_assigned=True) == HeldJob(job=ECHO)


def test_an_old_assignment_is_no_new_one_whatever_the_event_is_called() -> None:
    assert TWICE.told(a_job(), newly_assigned=True) == TWICE


def test_an_acceptance_of_any_assignment_that_we_replaced_is_too_late() -> None:
    for told in (a_job(status="Accepted"), ECHO.model_copy(update={"status": JobStatus.ACCEPTED})):
        assert TWICE.accepted_too_late(told)
    accepted_anew = ECHO.model_copy(update={"status": JobStatus.ACCEPTED})
    assert not TWICE.accepted_too_late(accepted_anew, newly_assigned=True)


def test_not_all_that_was_ever_replaced_is_remembered() -> None:
    held = FRESH
    for number in range(30):
        held = held.reassigned(Account(number=str(number), name="Somebody"), MOVED_AT)
    assert [job.assigned_to.number for job in held.replaced] == [str(n) for n in range(9, 29)]


@pytest.mark.parametrize("kept", [None, a_job().model_dump(mode="json")], ids=["none", "one"])
def test_a_copy_as_the_first_release_kept_it_is_read(kept: object) -> None:
    held = HeldJob.model_validate({"job": a_job().model_dump(mode="json"), "replaced": kept})
    assert held.replaced == ((a_job(),) if kept else ())


# --- updates of ours --------------------------------------------------------------------------

ADA = {"name": "Ada Byron", "email": "ada@example.com"}
OPEN = [status for status in JobStatus if not status.final]
COMPLETED = JobUpdate(status=JobStatus.COMPLETED)
DONE = FRESH.updated(COMPLETED)
"""A job that we completed, of which the job system has not heard yet."""


@pytest.mark.parametrize("status", OPEN)
def test_who_has_not_heard_that_we_completed_the_job_does_not_reopen_it(status: JobStatus) -> None:
    held = DONE.told(a_job(status=status, trade="HVAC"))
    assert (held.job.status, held.job.trade) == ("Completed", "HVAC")
    assert held.told(a_job(status=status)).job.status == "Completed"


def test_a_job_that_we_completed_can_still_be_cancelled() -> None:
    assert DONE.told(a_job(status="Cancelled")).job.status == "Cancelled"


def test_a_job_that_both_have_completed_can_be_reopened() -> None:
    both = DONE.told(a_job(status="Completed"))
    assert both == HeldJob(job=a_job(status="Completed"))
    assert both.told(a_job(status="Accepted")).job.status == "Accepted"


@pytest.mark.parametrize("account", [PROVIDER, PLUSONE])
def test_another_assignment_reopens_what_we_completed(account: Account) -> None:
    told = a_job(assigned_to=Assignee.of(account), assigned_at=HEARD_AT)
    assert DONE.told(told) == HeldJob(job=told)


def test_a_job_that_we_reassigned_and_completed_stays_both() -> None:
    ours = MOVED.updated(COMPLETED)
    for told in (a_job(), a_job(status="Accepted"), ECHO):
        held = ours.told(told)
        assert same_assignment(held.job, MOVED.job)
        assert held.job.status == "Completed"


def test_what_an_event_shows_as_it_was_before_our_update_stays_ours() -> None:
    before = a_job(customer=ADA, sub_status="On hold", appointment_at=REPORTED_AT)
    update = JobUpdate(
        sub_status="Confirmed Appointment",
        appointment_at=HEARD_AT,
        customer_email="ada@byron.example",
    )
    held = HeldJob(job=before).updated(update)
    unheard = held.told(before.model_copy(update={"status": JobStatus.ACCEPTED}))
    assert unheard.job == held.job.model_copy(update={"status": JobStatus.ACCEPTED})
    assert unheard.told(held.job) == HeldJob(job=held.job)


def test_what_the_job_system_changes_itself_goes_before_our_update() -> None:
    before = a_job(customer=ADA, sub_status="On hold", appointment_at=REPORTED_AT)
    update = JobUpdate(
        sub_status="Confirmed Appointment",
        appointment_at=HEARD_AT,
        customer_email="ada@byron.example",
    )
    told = a_job(
        customer={**ADA, "email": "countess@example.com"},
        sub_status="Parts-Parts Ordered",
        appointment_at=MOVED_AT,
    )
    taken = told.model_copy(update={"customer_mail_version": 2})
    assert HeldJob(job=before).updated(update).told(told) == HeldJob(job=taken)


def test_a_corrected_address_outlasts_the_assignment_and_what_was_of_it_does_not() -> None:
    before = HeldJob(job=a_job(customer=ADA, sub_status="On hold"))
    update = JobUpdate(customer_email="ada@byron.example", sub_status="Confirmed Appointment")
    moved = before.updated(update).reassigned(PROCURE_VENDOR, MOVED_AT)
    assert (moved.job.customer_email, moved.job.sub_status) == ("ada@byron.example", None)
    for told in (before.job, a_job(customer=ADA, assigned_to=Assignee.of(PROVIDER))):
        held = moved.told(told)
        assert (held.job.customer_email, held.job.sub_status) == ("ada@byron.example", None)


def test_a_sub_status_of_an_assignment_that_we_replaced_is_not_that_of_the_new_one() -> None:
    before = HeldJob(job=a_job(sub_status="On hold"))
    ours = before.reassigned(PROVIDER, MOVED_AT)
    confirmed = ours.updated(JobUpdate(sub_status="Confirmed Appointment"))
    assert ours.told(before.job).job.sub_status is None
    assert confirmed.told(before.job).job.sub_status == "Confirmed Appointment"
    echo = a_job(assigned_to=Assignee.of(PROVIDER), assigned_at=HEARD_AT)
    assert confirmed.told(before.job).told(echo).job.sub_status == "Confirmed Appointment"


# --- in any order -----------------------------------------------------------------------------

assignments = st.sampled_from(
    [(PLUSONE, ASSIGNED_AT), (NO_PROVIDER_FOUND, HEARD_AT), (PROVIDER, HEARD_AT)]
)


@st.composite
def snapshots(draw: st.DrawFn) -> Job:
    account, assigned_at = draw(assignments)
    address = draw(st.sampled_from([None, "ada@example.com"]))
    return a_job(
        assigned_to=Assignee.of(account),
        assigned_at=assigned_at,
        status=draw(st.sampled_from(JobStatus)),
        sub_status=draw(st.sampled_from([None, "On hold"])),
        severity=draw(st.sampled_from(Severity)),
        diagnostic_report_at=draw(st.sampled_from([None, REPORTED_AT])),
        customer=address and {"email": address},
    )


updates = st.builds(
    JobUpdate,
    status=st.sampled_from([None, *JobStatus]),
    sub_status=st.sampled_from([None, "Confirmed Appointment"]),
    appointment_at=st.sampled_from([None, HEARD_AT]),
    customer_email=st.sampled_from([None, "ada@byron.example"]),
)
accounts = st.sampled_from([NO_PROVIDER_FOUND, PROCURE_VENDOR, PROVIDER])
Change = Job | Account | JobUpdate
moves = st.lists(snapshots() | accounts, max_size=5)
histories = st.lists(snapshots() | accounts | updates, max_size=6)


def after(changes: Sequence[Change], held: HeldJob = FRESH) -> HeldJob:
    for number, change in enumerate(changes):
        match change:
            case Job():
                held = held.told(change)
            case Account():
                held = held.reassigned(change, MOVED_AT + timedelta(seconds=number))
            case JobUpdate():
                held = held.updated(change)
    return held


@given(history=histories, told=snapshots(), newly_assigned=st.booleans())
def test_to_be_told_twice_is_to_be_told_once(
    *, history: list[Change], told: Job, newly_assigned: bool
) -> None:
    once = after(history).told(told, newly_assigned=newly_assigned)
    assert once.told(told, newly_assigned=newly_assigned) == once


@given(histories)
def test_a_copy_comes_back_from_the_store_as_it_was_kept(history: list[Change]) -> None:
    held = after(history)
    assert HeldJob.model_validate_json(held.model_dump_json()) == held


@pytest.mark.rule("PO-20")
@given(histories, snapshots())
def test_no_report_is_lost_while_its_assignment_lasts(history: list[Change], told: Job) -> None:
    held = after(history)
    same = {"assigned_to": held.job.assigned_to, "assigned_at": held.job.assigned_at}
    silent = told.model_copy(update={**same, "diagnostic_report_at": None})
    assert held.told(silent).job.diagnostic_report_at == held.job.diagnostic_report_at


@given(
    histories,
    st.lists(accounts, min_size=1, max_size=4, unique_by=lambda account: account.name),
    st.data(),
)
def test_neither_echoes_nor_who_has_not_heard_undo_our_reassignments(
    history: list[Change], to: list[Account], data: st.DataObject
) -> None:
    """Whichever of them the job system has heard of when it tells something else of the job."""
    before = after(history)
    ours = after([*to], before)
    known = [before.job, *(job for job in ours.replaced if job not in before.replaced)]
    echoes = [before.job.reassigned(account, HEARD_AT + timedelta(hours=1)) for account in to]
    held = ours
    for shown in data.draw(st.lists(st.sampled_from([*known, *echoes]), max_size=6)):
        status = data.draw(st.sampled_from(OPEN))
        held = held.told(shown.model_copy(update={"status": status}))
        assert same_assignment(held.job, ours.job)


@given(histories, snapshots())
def test_what_somebody_else_assigns_is_as_told_but_for_the_address(
    history: list[Change], told: Job
) -> None:
    elsewhere = told.model_copy(
        update={"assigned_to": Assignee.of(Account(number="815", name="Elsewhere"))}
    )
    before = after(history)
    held = before.told(elsewhere, newly_assigned=True)
    nobody = {"customer": None, "customer_mail_version": 0}
    assert held.job.model_copy(update=nobody) == elsewhere.model_copy(update=nobody)
    assert held.job.customer_email in (elsewhere.customer_email, before.job.customer_email)
    assert held.replaced == ()


@given(histories, st.lists(snapshots(), max_size=6))
def test_what_we_completed_stays_so_until_the_job_system_says_otherwise(
    history: list[Change], told: list[Job]
) -> None:
    before = after(history)
    if (before.as_told or before.job).status.final:
        return
    held = before.updated(COMPLETED)
    for snapshot in told:
        same = {"assigned_to": held.job.assigned_to, "assigned_at": held.job.assigned_at}
        held = held.told(snapshot.model_copy(update=same))
        if snapshot.status.final:
            assert held.job.status is snapshot.status
            return
        assert held.job.status is JobStatus.COMPLETED


@given(moves, snapshots())
def test_what_no_assignment_decides_is_always_taken_as_told(
    history: list[Change], told: Job
) -> None:
    assert after(history).told(told).job.severity is told.severity
    if told.status.final:
        assert after(history).told(told).job.status is told.status


# --- what the job system shows when it is asked ------------------------------------------------

ACCEPTED = a_job(status="Accepted")
AGAIN_AT = ASSIGNED_AT + timedelta(hours=47)
ELSEWHERE = a_job(assigned_to=Assignee.of(PROVIDER), assigned_at=AGAIN_AT)


def test_an_answer_brings_the_contacts_of_the_account_and_nothing_else() -> None:
    answer = ECHO.model_copy(update={"severity": Severity.EMERGENCY})
    held = MOVED.agreed(answer)
    assert held.job.assigned_to.email == "npf@cinch.example"
    assert (held.job.assigned_at, held.job.severity) == (MOVED_AT, Severity.STANDARD)
    assert held.told(ECHO) == held


def test_an_answer_about_another_account_brings_nothing() -> None:
    assert MOVED.agreed(ELSEWHERE) == MOVED


def test_what_is_shown_holds_while_events_tell_less() -> None:
    seen = FRESH.shown(ACCEPTED)
    assert seen.job == ACCEPTED
    late = seen.told(a_job(sub_status="Calling"))
    assert (late.job.status, late.job.sub_status) == (JobStatus.ACCEPTED, "Calling")
    told = late.told(a_job(status="Accepted", sub_status="Calling"), tells_status=True)
    assert told == HeldJob(job=a_job(status="Accepted", sub_status="Calling"))
    back = told.told(a_job(sub_status="Calling"))
    assert back.job.status is JobStatus.NEW


def test_what_is_shown_as_it_is_known_changes_nothing() -> None:
    assert FRESH.shown(a_job()) == FRESH
    assert FRESH.shown(a_job(assigned_at=ASSIGNED_AT.replace(microsecond=7))) == FRESH
    assert MOVED.agreed(ECHO).shown(ECHO) == MOVED.agreed(ECHO)


@pytest.mark.parametrize("live", [ELSEWHERE, a_job(assigned_at=AGAIN_AT)])
def test_an_assignment_that_is_shown_is_not_undone_by_events_that_tell_less(live: Job) -> None:
    seen = FRESH.shown(live)
    assert seen.job == live
    for tells_assignment in (True, False):
        late = seen.told(
            a_job(status="Accepted"), newly_assigned=True, tells_assignment=tells_assignment
        )
        assert late.job == live
        assert late.told(live, newly_assigned=True) == HeldJob(job=live)
    assert not seen.accepted_too_late(ACCEPTED)


def test_an_assignment_between_is_not_news_either() -> None:
    between = a_job(
        assigned_to=Assignee.of(PROCURE_VENDOR), assigned_at=AGAIN_AT - timedelta(hours=1)
    )
    seen = FRESH.shown(ELSEWHERE).told(between, newly_assigned=True)
    assert seen.job == ELSEWHERE
    assert seen.told(ELSEWHERE, newly_assigned=True) == HeldJob(job=ELSEWHERE)


def test_an_assignment_after_what_is_shown_is_news() -> None:
    later = a_job(assigned_at=AGAIN_AT + timedelta(minutes=1))
    assert FRESH.shown(ELSEWHERE).told(later, newly_assigned=True).job == later
    again = FRESH.shown(a_job(assigned_at=AGAIN_AT)).told(later, newly_assigned=True)
    assert again.job.assigned_at == later.assigned_at


def test_a_move_after_what_is_shown_remembers_both_assignments() -> None:
    moved = FRESH.shown(ELSEWHERE).reassigned(NO_PROVIDER_FOUND, MOVED_AT)
    for late in (a_job(), ELSEWHERE):
        assert moved.told(late, newly_assigned=True).job.assigned_to.is_(NO_PROVIDER_FOUND)


def test_a_report_stays_entered_though_the_job_shows_none() -> None:
    reported = HeldJob(job=a_job(diagnostic_report_at=REPORTED_AT))
    assert reported.shown(ACCEPTED).job.diagnostic_report_at == REPORTED_AT
    assert reported.shown(ELSEWHERE).job.diagnostic_report_at is None


def test_another_address_that_is_shown_counts_as_another() -> None:
    ada = {"email": "ada@example.com"}
    seen = HeldJob(job=a_job(customer=ada)).shown(a_job(customer={"email": "a@byron.example"}))
    assert (seen.job.customer_email, seen.job.customer_mail_version) == ("a@byron.example", 1)
    assert seen.told(a_job(customer=ada)).job.customer_email == "a@byron.example"
    told = seen.told(a_job(customer={"email": "a@byron.example"}))
    assert (told.job, told.as_told) == (seen.job, None)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"assigned_to": Assignee.of(PROVIDER)},
            "The job was assigned to another account in the m",
        ),
        ({"status": "Cancelled"}, "The job's status is now Cancelled"),
        ({"diagnostic_report_at": WINDOW_ENDS}, "The job changed in the meantime"),
    ],
)
def test_what_changed_is_said_without_naming_another_provider(
    changes: dict[str, object], said: str
) -> None:
    shown = what_changed(a_job(), a_job(**changes))
    assert shown.startswith(said)
    assert PROVIDER.name not in shown
