"""PO-18..20: what holds a job with PlusOne, at the edges and in every order of events."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.accounts import NO_PROVIDER_FOUND, PLUSONE, PLUSONE_PARTS, PROCURE_VENDOR, Account
from domain.clocks import record_clocks
from domain.guards import PlusOneHold, WayOut, plusone_hold
from domain.jobs import Assignee, Job, JobStatus
from domain.refusals import Refusal, RefusalKind
from tests.domain.factories import (
    ASSIGNED_AT,
    HOLD,
    LAST_SECOND,
    PROVIDER,
    WINDOW_ENDS,
    a_case,
    a_job,
)

REPORTED_AT = ASSIGNED_AT + timedelta(hours=3)


def held_by(
    job: Job, now: datetime, way_out: WayOut | None = None, hold: PlusOneHold = HOLD
) -> str | None:
    refusal = plusone_hold(job, now, hold, way_out)
    return refusal.rule if refusal else None


def refused(job: Job) -> Refusal:
    refusal = plusone_hold(job, LAST_SECOND, HOLD)
    assert refusal is not None
    return refusal


# --- the edges --------------------------------------------------------------------------------


@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-18")
@pytest.mark.rule("PO-19")
@pytest.mark.parametrize(
    ("status", "at_the_last_second", "when_full"),
    [
        ("New", "PO-18", None),
        ("Expired", "PO-18", None),
        ("Accepted", "PO-19", "PO-19"),
        ("Rejected", None, None),
        ("Cancelled", None, None),
        ("Completed", None, None),
    ],
)
def test_a_new_job_is_held_for_48_hours_and_an_accepted_one_for_good(
    status: str, at_the_last_second: str | None, when_full: str | None
) -> None:
    job = a_job(status=status)
    assert held_by(job, ASSIGNED_AT) == at_the_last_second
    assert held_by(job, LAST_SECOND) == at_the_last_second
    assert held_by(job, WINDOW_ENDS - timedelta(microseconds=1)) == at_the_last_second
    assert held_by(job, WINDOW_ENDS) == when_full
    assert held_by(job, WINDOW_ENDS + timedelta(days=90)) == when_full


@pytest.mark.rule("PO-20")
@pytest.mark.parametrize("status", JobStatus)
@pytest.mark.parametrize("now", [REPORTED_AT, LAST_SECOND, WINDOW_ENDS])
def test_a_report_holds_the_job_whatever_its_status_says(status: JobStatus, now: datetime) -> None:
    assert held_by(a_job(status=status, diagnostic_report_at=REPORTED_AT), now) == "PO-20"


@pytest.mark.rule("PO-20")
def test_a_report_still_holds_the_job_once_it_is_new_again() -> None:
    accepted = a_job(status="Accepted")
    reported = accepted.model_copy(update={"diagnostic_report_at": REPORTED_AT})
    new_again = reported.model_copy(update={"status": JobStatus.NEW})
    assert [held_by(job, WINDOW_ENDS) for job in (accepted, reported, new_again)] == [
        "PO-19",
        "PO-20",
        "PO-20",
    ]


@pytest.mark.rule("PO-18")
def test_an_expired_job_is_free_where_the_policy_says_so() -> None:
    job, lenient = a_job(status="Expired"), HOLD.model_copy(update={"expired_counts_as_new": False})
    assert held_by(job, LAST_SECOND) == "PO-18"
    assert held_by(job, LAST_SECOND, hold=lenient) is None
    assert held_by(a_job(), LAST_SECOND, hold=lenient) == "PO-18"


@pytest.mark.rule("PO-17")
def test_a_longer_window_holds_longer() -> None:
    longer = HOLD.model_copy(update={"search_window": timedelta(hours=72)})
    end = ASSIGNED_AT + timedelta(hours=72)
    assert held_by(a_job(), end - timedelta(seconds=1), hold=longer) == "PO-18"
    assert held_by(a_job(), end, hold=longer) is None


@pytest.mark.rule("PO-17")
def test_the_window_is_48_elapsed_hours_though_clocks_change_meanwhile() -> None:
    new_york = ZoneInfo("America/New_York")
    job = a_job(assigned_at=datetime(2026, 10, 31, 12, 0, tzinfo=new_york))
    assert held_by(job, datetime(2026, 11, 2, 10, 59, 59, tzinfo=new_york)) == "PO-18"
    assert held_by(job, datetime(2026, 11, 2, 11, 0, tzinfo=new_york)) is None


@pytest.mark.rule("PO-17")
def test_a_new_assignment_begins_a_new_window() -> None:
    again = a_job().reassigned(PROVIDER, LAST_SECOND).reassigned(PLUSONE, WINDOW_ENDS)
    assert held_by(again, WINDOW_ENDS + timedelta(hours=47, minutes=59, seconds=59)) == "PO-18"
    assert held_by(again, WINDOW_ENDS + timedelta(hours=48)) is None


# --- the ways out -----------------------------------------------------------------------------


@pytest.mark.rule("PO-04")
@pytest.mark.rule("PO-18")
@pytest.mark.rule("PO-19")
@pytest.mark.rule("PO-20")
@pytest.mark.parametrize(
    ("way_out", "new", "expired", "accepted", "reported"),
    [
        (None, "PO-18", "PO-18", "PO-19", "PO-20"),
        (WayOut.CANNOT_LOCATE, None, None, "PO-19", "PO-20"),
        (WayOut.SEVERITY_RAISED, None, None, "PO-19", "PO-20"),
        (WayOut.NOT_ELIGIBLE, None, None, None, None),
    ],
)
def test_a_way_out_lifts_the_48_hours_alone_but_for_a_job_that_was_never_eligible(
    way_out: WayOut | None,
    new: str | None,
    expired: str | None,
    accepted: str | None,
    reported: str | None,
) -> None:
    assert held_by(a_job(), LAST_SECOND, way_out) == new
    assert held_by(a_job(status="Expired"), LAST_SECOND, way_out) == expired
    assert held_by(a_job(status="Accepted"), LAST_SECOND, way_out) == accepted
    assert held_by(a_job(diagnostic_report_at=REPORTED_AT), LAST_SECOND, way_out) == reported


def test_there_are_three_ways_out() -> None:
    assert set(WayOut) == {"cannot_locate", "severity_raised", "not_eligible"}


# --- whose job it is --------------------------------------------------------------------------


@pytest.mark.rule("PO-07")
@pytest.mark.parametrize(
    ("account", "held"),
    [
        (PLUSONE, True),
        (Account(number="700010237", name="Plus One (search)"), True),
        (Account(number=None, name="PLUSONE SOLUTIONS"), True),
        (PLUSONE_PARTS, False),
        (Account(number="700010640", name="PlusOne Solutions"), False),
        (NO_PROVIDER_FOUND, False),
        (PROCURE_VENDOR, False),
        (PROVIDER, False),
    ],
)
def test_only_jobs_of_the_search_account_are_held(account: Account, *, held: bool) -> None:
    assignee = Assignee.of(account)
    for status, rule in (("New", "PO-18"), ("Accepted", "PO-19")):
        job = a_job(assigned_to=assignee, status=status)
        assert held_by(job, ASSIGNED_AT) == (rule if held else None)
    reported = a_job(assigned_to=assignee, diagnostic_report_at=REPORTED_AT)
    assert held_by(reported, ASSIGNED_AT) == ("PO-20" if held else None)


# --- what the refusal says --------------------------------------------------------------------


@pytest.mark.rule("PO-09")
@pytest.mark.parametrize(
    "changes", [{}, {"status": "Accepted"}, {"diagnostic_report_at": REPORTED_AT}]
)
def test_every_refusal_names_the_service_job_to_add_instead(changes: dict[str, object]) -> None:
    refusal = refused(a_job(**changes))
    assert refusal.kind is RefusalKind.CONFLICT
    assert refusal.instead == "add_service_job"


@pytest.mark.rule("PO-18")
def test_the_refusal_of_a_new_job_says_until_when() -> None:
    assert refused(a_job()).message == (
        "Don't reassign this job yet. PlusOne has until Mon, Nov 23, 9:05 AM ET to find a provider "
        "(PO-18). Need other work done? Dispatch can add a service job to the order."
    )


@pytest.mark.rule("PO-18")
def test_a_case_tells_until_when_on_the_clock_that_its_job_recorded() -> None:
    case = a_case()
    before = case.held_by_plusone(LAST_SECOND)
    recorded = {"clocks": record_clocks([case.policy.calendar.zone], ASSIGNED_AT)}
    since = case.model_copy(update=recorded).held_by_plusone(LAST_SECOND)
    assert before is not None
    assert since is not None
    assert "until Mon, Nov 23, 2:05 PM UTC" in before.message
    assert "until Mon, Nov 23, 9:05 AM ET" in since.message
    assert case.held_by_plusone(WINDOW_ENDS) is None


@pytest.mark.rule("PO-08")
@pytest.mark.rule("PO-36")
@pytest.mark.rule("PO-61")
def test_the_refusal_of_an_accepted_job_says_that_somebody_was_found() -> None:
    assert refused(a_job(status="Accepted")).message == (
        "Don't reassign this job. PlusOne accepted it and has a provider for it (PO-08, PO-19). "
        "Need other work done? Dispatch can add a service job to the order."
    )


@pytest.mark.rule("PO-11")
def test_the_refusal_of_a_diagnosed_job_says_what_plusone_would_lose() -> None:
    assert refused(a_job(diagnostic_report_at=REPORTED_AT)).message == (
        "Don't reassign this job. A diagnostic report is on file, so PlusOne keeps the job, even "
        "after a denial (PO-20). Otherwise PlusOne can't bill its diagnosis. Need a second "
        "opinion? Dispatch can add a service job to the order."
    )


# --- every order of events --------------------------------------------------------------------

CHANGES: dict[str, dict[str, object]] = {
    "PlusOne accepts": {"status": JobStatus.ACCEPTED},
    "the job expires": {"status": JobStatus.EXPIRED},
    "the job is new again": {"status": JobStatus.NEW},
    "a report is entered": {"diagnostic_report_at": REPORTED_AT},
}
WAITS = {"24 hours pass": timedelta(hours=24), "48 hours pass": timedelta(hours=48)}
ATTEMPTS = {
    "somebody asks to reassign it": None,
    "PlusOne cannot locate": WayOut.CANNOT_LOCATE,
}
EVENTS = (*CHANGES, *WAITS, *ATTEMPTS)


def as_the_document_says(
    history: Sequence[str], way_out: WayOut | None, *, expired_counts_as_new: bool
) -> str | None:
    """Return the rule that forbids a reassignment after these events, None if it is allowed."""
    if "reassigned" in history or way_out == "not_eligible":
        return None
    if "a report is entered" in history:
        return "PO-20"
    statuses = ("PlusOne accepts", "the job expires", "the job is new again")
    status = ["the job is new again", *(event for event in history if event in statuses)][-1]
    if status == "PlusOne accepts":
        return "PO-19"
    if status == "the job expires" and not expired_counts_as_new:
        return None
    hours = 24 * history.count("24 hours pass") + 48 * history.count("48 hours pass")
    return "PO-18" if hours < 48 and way_out is None else None


def histories(
    hold: PlusOneHold, length: int, history: tuple[str, ...], job: Job, now: datetime
) -> Iterator[tuple[tuple[str, ...], Job, datetime]]:
    """Give every order of events that goes on from this one; an attempt that may succeed does."""
    yield history, job, now
    if len(history) == length:
        return
    for event in EVENTS:
        if event in ATTEMPTS and plusone_hold(job, now, hold, ATTEMPTS[event]) is None:
            moved = job.reassigned(PROVIDER, now)
            yield from histories(hold, length, (*history, "reassigned"), moved, now)
        else:
            changed = job.model_copy(update=CHANGES[event]) if event in CHANGES else job
            later = now + WAITS.get(event, timedelta(0))
            yield from histories(hold, length, (*history, event), changed, later)


@pytest.mark.rule("PO-18")
@pytest.mark.rule("PO-19")
@pytest.mark.rule("PO-20")
@pytest.mark.parametrize(
    ("expired_counts_as_new", "length"),
    [
        # Measured, it takes twice as long; what it runs, others run, too.
        pytest.param(True, 6, marks=pytest.mark.no_cover),
        (False, 4),
    ],
)
def test_every_order_of_events_is_judged_as_the_document_says(
    *, expired_counts_as_new: bool, length: int
) -> None:
    hold = HOLD.model_copy(update={"expired_counts_as_new": expired_counts_as_new})
    orders = 0
    for history, job, now in histories(hold, length, (), a_job(), ASSIGNED_AT):
        orders += 1
        for way_out in (None, *WayOut):
            expected = as_the_document_says(
                history, way_out, expired_counts_as_new=expired_counts_as_new
            )
            assert held_by(job, now, way_out, hold) == expected, (history, way_out)
    assert orders == sum(len(EVENTS) ** events for events in range(length + 1))
