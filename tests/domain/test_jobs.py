"""Our copy of a job: what the job system tells, and what of it we know better."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.accounts import NO_PROVIDER_FOUND, PLUSONE, PROCURE_VENDOR, Account
from domain.jobs import Assignee, HeldJob, Job, JobStatus, Severity, same_assignment
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
        ("1899-12-31T23:59:59Z", "year 1899"),
        ("2200-01-01T00:00:00Z", "year 2200"),
        ("9999-12-31T23:59:59-14:00", "year 9999"),
    ],
)
def test_an_instant_without_a_zone_or_out_of_all_reason_is_refused(at: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        a_job(assigned_at=at)


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
    assert job.without_customer() == job.model_copy(update={"customer": None})
    assert "Ada" not in job.without_customer().model_dump_json()


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
    assert MOVED.replaced == a_job()


@pytest.mark.parametrize("status", ["New", "Accepted", "Expired", "Rejected"])
def test_who_has_not_heard_of_our_reassignment_does_not_undo_it(status: str) -> None:
    told = a_job(status=status, trade="HVAC", severity="Emergency", appointment_at=REPORTED_AT)
    held = MOVED.told(told)
    assert held.job.assigned_to == Assignee.of(NO_PROVIDER_FOUND)
    assert (held.job.assigned_at, held.job.status) == (MOVED_AT, "New")
    assert held.job.trade == "HVAC"
    assert held.job.severity.urgent
    assert held.job.appointment_at == REPORTED_AT
    assert held.replaced == a_job()


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


# --- in any order -----------------------------------------------------------------------------

assignments = st.sampled_from(
    [(PLUSONE, ASSIGNED_AT), (NO_PROVIDER_FOUND, HEARD_AT), (PROVIDER, HEARD_AT)]
)


@st.composite
def snapshots(draw: st.DrawFn) -> Job:
    account, assigned_at = draw(assignments)
    return a_job(
        assigned_to=Assignee.of(account),
        assigned_at=assigned_at,
        status=draw(st.sampled_from(JobStatus)),
        severity=draw(st.sampled_from(Severity)),
        diagnostic_report_at=draw(st.sampled_from([None, REPORTED_AT])),
    )


helds = st.lists(snapshots() | st.just(NO_PROVIDER_FOUND), max_size=5)


def after(steps: list[Job | Account]) -> HeldJob:
    held = FRESH
    for step in steps:
        held = held.told(step) if isinstance(step, Job) else held.reassigned(step, MOVED_AT)
    return held


@given(helds, snapshots())
def test_to_be_told_twice_is_to_be_told_once(steps: list[Job | Account], told: Job) -> None:
    once = after(steps).told(told)
    assert once.told(told) == once


@pytest.mark.rule("PO-20")
@given(helds, snapshots())
def test_no_report_is_lost_while_its_assignment_lasts(
    steps: list[Job | Account], told: Job
) -> None:
    held = after(steps)
    same = {"assigned_to": held.job.assigned_to, "assigned_at": held.job.assigned_at}
    silent = told.model_copy(update={**same, "diagnostic_report_at": None})
    assert held.told(silent).job.diagnostic_report_at == held.job.diagnostic_report_at


@given(helds, st.lists(st.tuples(st.booleans(), st.sampled_from(JobStatus)), max_size=5))
def test_neither_echoes_nor_who_has_not_heard_undo_our_reassignment(
    steps: list[Job | Account], told: list[tuple[bool, JobStatus]]
) -> None:
    before = after(steps)
    moved = before.reassigned(NO_PROVIDER_FOUND, MOVED_AT)
    held = moved
    for heard, status in told:
        snapshot = ECHO if heard else before.job
        held = held.told(snapshot.model_copy(update={"status": status}))
    assert same_assignment(held.job, moved.job)


@given(helds, snapshots())
def test_what_no_assignment_decides_is_always_taken_as_told(
    steps: list[Job | Account], told: Job
) -> None:
    assert after(steps).told(told).job.severity is told.severity
    if told.status in {"Cancelled", "Completed"}:
        assert after(steps).told(told).job.status is told.status
