"""What the job system is asked for a batch, and what its answers mean."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.accounts import ALTERNATE_PROVIDER_OPTION, NO_PROVIDER_FOUND
from domain.asking import (
    CHANGED,
    can_be_refused,
    depends_on_assignment,
    is_a_persons,
    is_asked_about,
    request_for,
    shown_sentence,
    shows_all,
    turned_down,
    why_held,
    why_not,
)
from domain.effects import AddNote, Batch, Effect, ReassignJob, UpdateJob, WriteJournal
from domain.guards import WayOut
from domain.jobs import Assignee, Customer, Job, JobStatus, Visibility
from domain.roles import STEWARD, Actor, Role
from tests.domain.factories import ASSIGNED_AT, HOLD, LAST_SECOND, PROVIDER, WINDOW_ENDS, a_job
from tests.store.rows import DANA, a_batch

APPOINTMENT = WINDOW_ENDS + timedelta(days=1)
NOTE = AddNote(author=STEWARD, text="Looking", visibility=Visibility.PRIVATE)


def give(believed: Job | None = None, **changes: object) -> ReassignJob:
    fields: dict[str, object] = {
        "to": NO_PROVIDER_FOUND,
        "by": STEWARD,
        "reason": "nobody found",
        "believed": believed or a_job(),
        "hold": HOLD,
        **changes,
    }
    return ReassignJob.model_validate(fields)


def update(**changes: object) -> UpdateJob:
    return UpdateJob.model_validate({"by": DANA, "reason": "said on the phone", **changes})


# --- what is asked ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "asked"),
    [(give(), True), (update(customer_email="a@b.example"), True), (NOTE, False)],
)
def test_only_changes_of_the_job_are_asked_about(effect: Effect, *, asked: bool) -> None:
    assert is_asked_about(a_batch(NOTE, effect)) is asked


def test_a_move_expects_what_the_lifecycle_believes() -> None:
    believed = a_job(status="Rejected", diagnostic_report_at=ASSIGNED_AT)
    request = request_for(a_batch(NOTE, give(believed, to=PROVIDER, by=DANA)), a_job())
    assert request.as_sent() == {
        "expected": {
            "assigned_to": "700010237",
            "status": "Rejected",
            "diagnostic_report_at": "2026-11-21T14:05:30Z",
        },
        "set": {"assigned_to": {"number": "4711", "name": "Tulsa Plumbing"}, "status": "New"},
        "actor": {"name": "Dana", "role": "dispatch"},
        "reason": "nobody found",
    }


def test_an_account_without_a_number_is_expected_by_its_name() -> None:
    job = a_job(assigned_to=Assignee.of(ALTERNATE_PROVIDER_OPTION), status="Accepted")
    request = request_for(a_batch(update(status="Completed", believed=job.as_believed)), job)
    assert request.expected.assigned_to == "Alternate Provider Option"
    assert request.set.model_dump(exclude_none=True) == {"status": JobStatus.COMPLETED}


def test_a_move_and_an_update_are_one_request() -> None:
    """A new job stays New, so nothing is said of that."""
    updated = update(appointment_at=APPOINTMENT, sub_status="Confirmed Appointment")
    request = request_for(a_batch(updated, give(to=PROVIDER)), a_job())
    assert request.set.model_dump(mode="json", exclude_none=True) == {
        "assigned_to": {"number": "4711", "name": "Tulsa Plumbing"},
        "sub_status": "Confirmed Appointment",
        "appointment_at": "2026-11-24T14:05:30Z",
    }
    assert request.reason == "nobody found"


def test_an_update_that_believes_nothing_expects_our_copy() -> None:
    request = request_for(a_batch(update(customer_email="a@b.example")), a_job(status="Expired"))
    assert (request.expected.status, request.actor) == (JobStatus.EXPIRED, DANA)


def test_a_batch_that_changes_no_job_asks_for_nothing() -> None:
    with pytest.raises(ValueError, match="changes the job"):
        request_for(a_batch(NOTE), a_job())


# --- whether it is asked at all -----------------------------------------------------------------


@pytest.mark.rule("PO-18")
@pytest.mark.parametrize(
    ("changes", "way_out", "reads"),
    [
        ({}, None, True),
        ({"status": "Expired"}, None, True),
        ({"status": "Rejected"}, None, False),
        ({"assigned_to": Assignee.of(PROVIDER)}, None, False),
        ({}, WayOut.CANNOT_LOCATE, False),
        ({}, WayOut.NOT_ELIGIBLE, False),
    ],
)
def test_the_live_job_is_read_where_its_assignment_may_hold_it(
    changes: dict[str, object], way_out: WayOut | None, *, reads: bool
) -> None:
    batch = a_batch(give(a_job(**changes), way_out=way_out), now=WINDOW_ENDS)
    assert depends_on_assignment(batch, a_job(**changes)) is reads


def test_an_update_depends_on_no_assignment() -> None:
    assert not depends_on_assignment(a_batch(update(status="Completed")), a_job())
    assert why_held(a_batch(update(status="Completed")), a_job()) is None


@pytest.mark.rule("PO-18")
@pytest.mark.rule("PO-19")
@pytest.mark.rule("PO-20")
@pytest.mark.parametrize(
    ("job", "now", "rule"),
    [
        (a_job(), LAST_SECOND, "PO-18"),
        (a_job(status="Accepted"), WINDOW_ENDS, "PO-19"),
        (a_job(diagnostic_report_at=ASSIGNED_AT), WINDOW_ENDS, "PO-20"),
    ],
)
def test_a_job_that_plusone_holds_is_not_asked_for(job: Job, now: object, rule: str) -> None:
    refusal = why_not(a_batch(give(), now=now), job)
    assert refusal is not None
    assert refusal.rule == rule


@pytest.mark.parametrize(
    "other", [{"assigned_to": Assignee.of(PROVIDER)}, {"status": "Rejected"}, {"status": "Expired"}]
)
def test_a_job_that_is_not_as_believed_is_not_asked_for(other: dict[str, object]) -> None:
    assert why_not(a_batch(give(), now=WINDOW_ENDS), a_job(**other)) == CHANGED
    believing = update(status="Completed", believed=a_job().as_believed)
    assert why_not(a_batch(believing), a_job(**other)) == CHANGED
    assert why_not(a_batch(update(status="Completed")), a_job(**other)) is None


def test_only_a_batch_that_believes_something_takes_no_for_an_answer() -> None:
    assert can_be_refused(a_batch(give()))
    assert can_be_refused(a_batch(update(status="Completed", believed=a_job().as_believed)))
    assert not can_be_refused(a_batch(update(status="Completed")))
    assert can_be_refused(a_batch(update(appointment_at=APPOINTMENT), give()))


# --- whose turn it is ----------------------------------------------------------------------------


def in_turn(turn: str, *effects: Effect) -> Batch:
    batch = a_batch(*effects)
    steps = tuple(
        step.model_copy(update={"key": f"plus-one/SJ-1001#1/{turn}/{place}"})
        for place, step in enumerate(batch.steps, 1)
    )
    return batch.model_copy(update={"steps": steps})


SAM = Actor(name="Sam", role=Role.DISPATCH)


@pytest.mark.parametrize(
    ("turn", "first", "is_a_person"),
    [
        ("request_reassignment:1", WriteJournal(actor=SAM, what="request_reassignment"), True),
        ("request_apo:1", WriteJournal(actor=STEWARD, what="request_apo"), False),
        ("deadline:search", WriteJournal(actor=SAM, what="request_reassignment"), False),
        ("deadline:search", NOTE, False),
        ("event:msg_1", WriteJournal(actor=SAM, what="taken from PlusOne"), False),
    ],
)
def test_a_turn_is_a_persons_where_it_carries_a_command_out(
    turn: str, first: Effect, *, is_a_person: bool
) -> None:
    assert is_a_persons(in_turn(turn, first, give())) is is_a_person


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("422: no such account", "refused this change: no such account. Nothing was done."),
        ("403: No jobs from Steward.", "refused this change: No jobs from Steward. Nothing was"),
        ("no account 4711", "refused this change: no account 4711. Nothing was done."),
        ("422: ", "refused this change. Nothing was done."),
    ],
)
def test_a_person_is_told_what_the_job_system_says(reason: str, said: str) -> None:
    result = turned_down(reason)
    assert result.turned_down
    assert result.refusal is not None
    assert said in result.refusal.message
    assert result.refusal.instead == "Correct the job there, then repeat your command."


# --- what the live job shows ----------------------------------------------------------------------


MOVED = a_job(assigned_to=Assignee.of(NO_PROVIDER_FOUND), assigned_at=WINDOW_ENDS)


def test_a_job_that_is_as_asked_for_is_agreement() -> None:
    request = request_for(a_batch(give()), a_job())
    assert shows_all(MOVED, request)
    assert not shows_all(a_job(), request)
    was_rejected = request_for(a_batch(give(a_job(status="Rejected"))), a_job())
    assert not shows_all(MOVED.model_copy(update={"status": JobStatus.ACCEPTED}), was_rejected)


@pytest.mark.parametrize(
    ("shown", "agrees"),
    [
        ({}, True),
        ({"sub_status": " confirmed appointment "}, True),
        ({"sub_status": None}, False),
        ({"appointment_at": APPOINTMENT.replace(microsecond=5)}, True),
        ({"appointment_at": ASSIGNED_AT}, False),
        ({"customer": Customer(email="A@B.example")}, True),
        ({"customer": None}, False),
        ({"assigned_to": Assignee.of(PROVIDER)}, False),
    ],
)
def test_each_thing_asked_for_has_to_be_there(shown: dict[str, object], *, agrees: bool) -> None:
    updated = update(
        sub_status="Confirmed Appointment",
        appointment_at=APPOINTMENT,
        customer_email="a@b.example",
    )
    live: dict[str, object] = {
        "sub_status": "Confirmed Appointment",
        "appointment_at": APPOINTMENT,
        "customer": Customer(email="a@b.example"),
        **shown,
    }
    assert shows_all(a_job(**live), request_for(a_batch(updated), a_job())) is agrees


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        ({}, None),
        ({"appointment_at": APPOINTMENT}, None),
        ({"sub_status": "WORK ORDERED "}, None),
        ({"assigned_to": Assignee.of(PROVIDER)}, "assigned to Tulsa Plumbing"),
        ({"status": "Accepted"}, "accepted"),
        ({"sub_status": "Confirmed Appointment"}, "sub-status Confirmed Appointment"),
        ({"diagnostic_report_at": LAST_SECOND}, "a diagnostic report"),
        (
            {
                "assigned_to": Assignee.of(NO_PROVIDER_FOUND),
                "status": "Rejected",
                "sub_status": "Closed",
                "diagnostic_report_at": LAST_SECOND,
            },
            "assigned to No Provider Found, rejected, sub-status Closed and a diagnostic report",
        ),
    ],
)
def test_the_journal_names_what_the_job_system_shows_and_no_hook_told(
    shown: dict[str, object], sentence: str | None
) -> None:
    known = a_job(sub_status="Work ordered")
    said = shown_sentence(known, a_job(**{"sub_status": "Work ordered", **shown}))
    assert said == (sentence and f"The job system shows: {sentence}.")


def test_a_report_that_is_known_is_not_told_again() -> None:
    known = a_job(diagnostic_report_at=ASSIGNED_AT)
    assert shown_sentence(known, a_job(diagnostic_report_at=LAST_SECOND)) is None
