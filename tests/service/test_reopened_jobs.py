"""A job that comes back to life after its lifecycle has ended is a supervisor's."""

from __future__ import annotations

import pytest

from domain.accounts import PLUSONE
from domain.am_escalation.kind import AM_ESCALATION
from domain.events import Event
from domain.jobs import Assignee, Job
from domain.plus_one.kind import PLUS_ONE
from domain.roles import Role
from service.routing import Router
from store.lifecycles import ListedLifecycle
from store.plans import Routing, TakenEvent
from tests.domain.factories import ASSIGNED_AT, POLICY, PROVIDER, a_job, an_event
from tests.service.test_routing import by_name, listed

COMPLETED, CANCELLED = a_job(status="Completed"), a_job(status="Cancelled")
ACCEPTED = a_job(status="Accepted")


def note(text: str, role: str = "plusone", job: Job = ACCEPTED) -> Event:
    said = {"note": {"author": {"name": "Pat", "role": role}, "text": text}}
    return an_event("job.note_added", job, said)


def route(event: Event, before: Job | None, *known: ListedLifecycle) -> Routing:
    status = before.status if before else None
    taken = TakenEvent("msg_1", event, event.job, 7, None, status_before=status)
    return Router([PLUS_ONE, AM_ESCALATION], POLICY).route(taken, by_name(*known))


@pytest.mark.parametrize(
    ("before", "after"), [(COMPLETED, ACCEPTED), (CANCELLED, a_job()), (CANCELLED, ACCEPTED)]
)
def test_a_job_that_comes_back_to_life_becomes_a_task(before: Job, after: Job) -> None:
    ended = listed("completed" if before is COMPLETED else "cancelled")
    routing = route(an_event("job.status_changed", after), before, ended)
    (task,) = routing.tasks
    assert (task.role, task.task) == (Role.SUPERVISOR, "job_reopened")
    assert task.text == (
        f"Decide how this job goes on. It was {before.status} and is {after.status} again, but "
        "Steward stopped following it."
    )


def test_a_complaint_that_outlives_the_job_does_not_hide_that_it_was_reopened() -> None:
    complaint = listed(None, lifecycle="am-escalation")
    event = an_event("job.status_changed", ACCEPTED)
    routing = route(event, COMPLETED, listed("completed"), complaint)
    assert [task.task for task in routing.tasks] == ["job_reopened"]
    assert routing.plan.delivers_to == ("am-escalation/SJ-1001",)


def test_a_job_that_starts_a_lifecycle_again_needs_nobody() -> None:
    again = a_job(assigned_at=ASSIGNED_AT.replace(hour=20))
    routing = route(an_event("job.assigned", again), CANCELLED, listed("cancelled"))
    assert routing.tasks == ()
    assert [each.lifecycle for each in routing.plan.starts] == ["plus-one"]


@pytest.mark.parametrize(
    ("event", "before", "known"),
    [
        (an_event("job.status_changed", ACCEPTED), COMPLETED, []),
        (an_event("job.status_changed", ACCEPTED), COMPLETED, [listed(None)]),
        (an_event("job.status_changed", ACCEPTED), ACCEPTED, [listed("completed")]),
        (an_event("job.status_changed", CANCELLED), COMPLETED, [listed("completed")]),
        (note("Called the customer."), ACCEPTED, [listed("completed")]),
        (note("JOB COMPLETE"), ACCEPTED, [listed("completed")]),
        (note("PARTS ORDERED"), ACCEPTED, [listed("released")]),
        (note("PARTS ORDERED", role="dispatch"), ACCEPTED, [listed("completed")]),
        (
            note("PARTS ORDERED", job=a_job(assigned_to=Assignee.of(PROVIDER))),
            ACCEPTED,
            [listed("completed")],
        ),
        (note("PARTS ORDERED", job=COMPLETED), COMPLETED, [listed("completed")]),
    ],
)
def test_nobody_is_asked_without_need(
    event: Event, before: Job, known: list[ListedLifecycle]
) -> None:
    assert route(event, before, *known).tasks == ()


@pytest.mark.rule("PO-23")
@pytest.mark.parametrize("before", [ACCEPTED, COMPLETED])
def test_a_diagnosis_that_plusone_notes_on_a_reopened_job_is_not_ignored(before: Job) -> None:
    diagnosis = note("DIAGNOSIS SUBMITTED/AWAITING APPROVAL: worn cartridge")
    assert diagnosis.job.assigned_to.is_(PLUSONE)
    (task,) = route(diagnosis, before, listed("completed")).tasks
    assert task.task == "job_reopened"
