"""What the hooks missed, as the job system's list shows it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from domain.accounts import NO_PROVIDER_FOUND, PLUSONE, PROCURE_VENDOR
from domain.events import EVENT, Event, JobAppointmentConfirmed
from domain.jobs import Assignee, Customer, HeldJob, Job, JobStatus, JobUpdate
from domain.plus_one.rules import assigned_by_nobody_knows, assigned_out_of_turn
from domain.reconciliation import (
    Known,
    LastEpisode,
    ToldBy,
    event_id_of,
    found_sentence,
    is_reconciled,
    is_young,
    tells_the_same,
    what_differs,
    what_nobody_was_told,
)
from domain.roles import FOUND_IN_LIST, Role
from tests.domain.factories import ASSIGNED_AT, PROVIDER, a_job, an_event
from workflows.registry import LIFECYCLES

LATER = ASSIGNED_AT + timedelta(hours=3)
KINDS = tuple(LIFECYCLES.values())
IN_PROGRAM = Assignee(number="4711", name="Tulsa Plumbing", spoc_email="alan@warranty.example")


def types(held: HeldJob | None, live: Job) -> list[str]:
    return [event.type for event in what_differs(held, live, LATER)]


def held(**changes: object) -> HeldJob:
    return HeldJob(job=a_job(**changes))


# --- what differs -----------------------------------------------------------------------------


def test_a_job_that_nobody_told_of_was_assigned() -> None:
    (event,) = what_differs(None, a_job(), LATER)
    assert (event.type, event.job, event.occurred_at) == ("job.assigned", a_job(), LATER)
    assert event.actor == FOUND_IN_LIST


def test_a_job_that_is_as_we_have_it_is_no_news() -> None:
    assert types(held(), a_job()) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"assigned_to": Assignee.of(PROVIDER), "assigned_at": LATER}, ["job.assigned"]),
        ({"assigned_at": LATER}, ["job.assigned"]),
        ({"severity": "Emergency"}, ["job.severity_changed"]),
        ({"status": "Cancelled"}, ["job.cancelled"]),
        ({"status": "Accepted"}, ["job.status_changed"]),
        ({"sub_status": "Parts ordered"}, ["job.status_changed"]),
        ({"diagnostic_report_at": LATER}, ["job.status_changed"]),
        ({"appointment_at": LATER}, ["job.appointment_confirmed"]),
        ({"brand": "Sears"}, ["job.status_changed"]),
        (
            {"assigned_at": LATER, "severity": "Emergency", "status": "Cancelled"},
            ["job.assigned", "job.severity_changed", "job.cancelled"],
        ),
        (
            {"status": "Accepted", "appointment_at": LATER},
            ["job.appointment_confirmed", "job.status_changed"],
        ),
        ({"assigned_at": LATER, "status": "Accepted"}, ["job.assigned"]),
    ],
)
def test_each_difference_is_told_as_its_hook_tells_it(
    changes: dict[str, object], expected: list[str]
) -> None:
    events = what_differs(held(), a_job(**changes), LATER)
    assert [event.type for event in events] == expected
    assert {event.job for event in events} == {a_job(**changes)}


def test_an_appointment_that_is_called_off_is_a_change_of_the_job() -> None:
    assert types(held(appointment_at=LATER), a_job()) == ["job.status_changed"]


def test_another_spelling_is_no_news() -> None:
    spelled = Assignee(number=PLUSONE.number, name=" plusone  SOLUTIONS ")
    same = a_job(assigned_to=spelled, assigned_at=ASSIGNED_AT.replace(microsecond=250_000))
    assert types(held(), same) == []


def test_our_own_changes_are_no_news_whether_the_list_shows_them_or_not_yet() -> None:
    moved = held().reassigned(NO_PROVIDER_FOUND, LATER)
    in_their_time = {"assigned_to": Assignee.of(NO_PROVIDER_FOUND), "assigned_at": LATER}
    assert types(moved, a_job()) == []
    assert types(moved, a_job(**in_their_time)) == []
    later = LATER + timedelta(seconds=2)
    assert types(moved, a_job(**{**in_their_time, "assigned_at": later})) == []

    updated = held().updated(JobUpdate(status=JobStatus.COMPLETED, sub_status="Done"))
    assert types(updated, a_job()) == []
    assert types(updated, a_job(status="Completed", sub_status="Done")) == []


def test_a_job_that_somebody_gave_back_after_our_change_is_news() -> None:
    moved = held().reassigned(NO_PROVIDER_FOUND, LATER)
    again = a_job(assigned_at=LATER + timedelta(hours=1))
    assert types(moved, again) == ["job.assigned"]


def test_a_customer_with_another_address_is_news() -> None:
    ada = Customer(name="Ada", email="ada@example.com")
    assert types(held(customer=ada), a_job(customer=ada)) == []
    moved = ada.model_copy(update={"email": "ada@new.example"})
    assert types(held(customer=ada), a_job(customer=moved)) == ["job.status_changed"]


# --- what an appointment is for (G-96) ----------------------------------------------------------


@pytest.mark.parametrize(
    ("reported_at", "kind"),
    [
        (None, "diagnosis"),
        (ASSIGNED_AT - timedelta(days=1), "diagnosis"),  # of an assignment before
        (ASSIGNED_AT + timedelta(hours=1), "repair"),
        (LATER + timedelta(hours=1), "diagnosis"),  # the report that came of it
    ],
)
def test_an_appointment_is_for_the_diagnosis_until_that_is_reported(
    reported_at: datetime | None, kind: str
) -> None:
    job = a_job(appointment_at=LATER, diagnostic_report_at=reported_at)
    *_, event = what_differs(None, job, LATER)
    assert isinstance(event, JobAppointmentConfirmed)
    assert (event.data.kind, event.data.at) == (kind, LATER)


# --- what nobody follows ------------------------------------------------------------------------


def unfollowed(job: Job, told_by: ToldBy = ToldBy.AN_EVENT, **lifecycles: LastEpisode) -> list[str]:
    named = {name.replace("_", "-"): each for name, each in lifecycles.items()}
    known = Known(HeldJob(job=job), LATER, named, told_by)
    return [event.type for event in what_nobody_was_told(job, known, KINDS, LATER)]


def test_an_assignment_that_another_event_brought_lacks_its_search() -> None:
    assert unfollowed(a_job()) == ["job.assigned"]
    assert unfollowed(a_job(assigned_to=Assignee.of(PROCURE_VENDOR))) == []


def test_a_search_that_runs_or_was_for_this_assignment_is_not_begun_again() -> None:
    running = LastEpisode(ASSIGNED_AT - timedelta(days=3), has_ended=False)
    assert unfollowed(a_job(), plus_one=running) == []
    assert unfollowed(a_job(), plus_one=running._replace(has_ended=True)) == ["job.assigned"]
    assert unfollowed(a_job(), plus_one=LastEpisode(ASSIGNED_AT, has_ended=True)) == []


def test_an_appointment_that_another_event_brought_lacks_its_follow_up() -> None:
    job = a_job(assigned_to=IN_PROGRAM, appointment_at=LATER)
    assert unfollowed(job) == ["job.appointment_confirmed"]
    assert unfollowed(job, spoc=LastEpisode(ASSIGNED_AT, has_ended=False)) == []
    assert unfollowed(job.model_copy(update={"status": JobStatus.COMPLETED})) == []


def test_an_assignment_of_ours_is_not_told_and_one_that_was_only_shown_is() -> None:
    running = LastEpisode(ASSIGNED_AT, has_ended=False)
    assert unfollowed(a_job(), ToldBy.US) == []
    assert unfollowed(a_job(), ToldBy.AN_ANSWER, plus_one=running) == ["job.assigned"]
    assert unfollowed(a_job(), ToldBy.AN_EVENT, plus_one=running) == []


def confirmed(at: datetime, **changes: object) -> Event:
    return an_event("job.appointment_confirmed", a_job(**changes), {"kind": "repair", "at": at})


def test_what_was_heard_is_not_told_again() -> None:
    assigned = an_event("job.assigned")
    assert tells_the_same(assigned, an_event("job.assigned"))
    assert not tells_the_same(an_event("job.created"), assigned)
    assert not tells_the_same(an_event("job.assigned", a_job(assigned_at=LATER)), assigned)
    assert tells_the_same(confirmed(LATER), confirmed(LATER))
    assert not tells_the_same(confirmed(LATER), confirmed(LATER + timedelta(days=1)))


# --- ids and grace ------------------------------------------------------------------------------


def test_the_id_of_an_event_is_the_same_each_time_and_fits_the_inbox() -> None:
    assert event_id_of("SJ-1", 7, 1) == "reconciled:SJ-1:7:1"
    assert event_id_of("SJ-1", "7", 2) != event_id_of("SJ-1", "7", 1)
    long = event_id_of("SJ-1", "v" * 1000, 1)
    assert len(long) < 100
    assert long == event_id_of("SJ-1", "v" * 1000, 1) != event_id_of("SJ-1", "w" * 1000, 1)
    assert is_reconciled(long)
    assert not is_reconciled("msg_reconciled:")


def test_a_change_may_be_told_of_for_as_long_as_the_grace() -> None:
    grace = timedelta(minutes=1)
    assert is_young(LATER, LATER + timedelta(seconds=59), grace)
    assert not is_young(LATER, LATER + grace, grace)
    assert is_young(LATER, LATER, grace)
    assert not is_young(LATER, LATER - timedelta(seconds=1), grace)


# --- who did it isn't known (G-95) --------------------------------------------------------------


@pytest.mark.rule("PO-05")
def test_nobody_is_accused_of_an_assignment_that_only_the_list_shows() -> None:
    assert not assigned_out_of_turn(a_job(), FOUND_IN_LIST)
    assert assigned_by_nobody_knows(a_job(), FOUND_IN_LIST)
    recall = a_job(is_recall=True, original_provider_network="PlusOne")
    assert not assigned_by_nobody_knows(recall, FOUND_IN_LIST)
    a_system = FOUND_IN_LIST.model_copy(update={"name": "A robot"})
    assert assigned_out_of_turn(a_job(), a_system)
    assert not assigned_by_nobody_knows(a_job(), a_system)
    assert FOUND_IN_LIST.role is Role.SYSTEM


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("job.assigned", "this job was assigned to PlusOne Solutions"),
        ("job.severity_changed", "the severity changed to Emergency"),
        ("job.cancelled", "this job was cancelled"),
        ("job.appointment_confirmed", "an appointment was confirmed"),
        ("job.status_changed", "this job changed"),
    ],
)
def test_the_journal_says_what_steward_was_not_told(event: str, said: str) -> None:
    data = {"kind": "repair", "at": LATER} if event == "job.appointment_confirmed" else {}
    job = a_job(severity="Emergency").model_dump()
    actor = FOUND_IN_LIST.model_dump()
    told = {"type": event, "occurred_at": LATER, "actor": actor, "job": job, "data": data}
    assert found_sentence(EVENT.validate_python(told)) == (
        f"Steward wasn't told that {said}. It found that in the job system's list."
    )
