"""Who starts, reopens, is told, or leaves a task to a person: decided without a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.accounts import PLUSONE
from domain.directory import parse_directory
from domain.effects import OpenTask
from domain.events import Event
from domain.jobs import Assignee, HeldJob, Job, JobStatus
from domain.lifecycles import LifecycleKind
from domain.plus_one.kind import PLUS_ONE
from domain.refusals import RefusalKind, Refused
from domain.roles import Role
from service.routing import Router, starts
from store.inbox import Outcome
from store.jobs import HeldRow
from store.lifecycles import KnownJob, ListedLifecycle
from store.plans import Routing, TakenEvent
from tests.domain.factories import (
    ASSIGNED_AT,
    POLICY,
    PROVIDER,
    WINDOW_ENDS,
    a_job,
    a_payload,
    an_event,
)

LATER = ASSIGNED_AT + timedelta(hours=1)
ASSIGNED = an_event("job.assigned")
CHANGED = an_event("job.status_changed")

UNBOUND = replace(PLUS_ONE, bound_to_assignment=False)
"""Like a search, but for the job as a whole."""
REOPENED = replace(PLUS_ONE, reopens_on=lambda _event, outcome, _edition: outcome == "released")
"""Like a search that any event reopens once the job was released."""


def listed(
    outcome: str | None = None,
    started_for: datetime | None = ASSIGNED_AT,
    lifecycle: str = "plus-one",
    **changes: Any,
) -> ListedLifecycle:
    """Return a lifecycle of the job, in its third episode."""
    known = ListedLifecycle(
        workflow_id=f"{lifecycle}/SJ-1001",
        lifecycle=lifecycle,
        episode=3,
        started_for=started_for,
        outcome=outcome,
        remembered={"attempts": 2},
    )
    return known._replace(**changes)


def route(
    event: Event,
    *known: ListedLifecycle,
    kind: LifecycleKind = PLUS_ONE,
    job: Job | None = None,
    origin: str | None = None,
) -> Routing:
    """Decide on an event of a job that has these lifecycles."""
    taken = TakenEvent("msg_1", event, job or event.job, 7, origin)
    return Router([kind], POLICY).route(taken, by_name(*known))


def by_name(*known: ListedLifecycle) -> Mapping[str, ListedLifecycle]:
    return {each.lifecycle: each for each in known}


# --- whether a lifecycle starts ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "event", "known", "expected"),
    [
        pytest.param(PLUS_ONE, ASSIGNED, None, True, id="never ran"),
        pytest.param(PLUS_ONE, CHANGED, None, False, id="not what starts it"),
        pytest.param(PLUS_ONE, ASSIGNED, listed(), False, id="runs"),
        pytest.param(PLUS_ONE, ASSIGNED, listed("released"), False, id="ended for this one"),
        pytest.param(PLUS_ONE, ASSIGNED, listed("released", LATER), True, id="ended for another"),
        pytest.param(REOPENED, CHANGED, listed("released"), True, id="reopened"),
        pytest.param(REOPENED, CHANGED, listed("completed"), False, id="not reopened"),
        pytest.param(REOPENED, CHANGED, listed(), False, id="runs, so is not reopened"),
        pytest.param(UNBOUND, ASSIGNED, None, True, id="for no assignment, never ran"),
        pytest.param(UNBOUND, ASSIGNED, listed("closed"), True, id="for no assignment, ended"),
        pytest.param(UNBOUND, ASSIGNED, listed(), False, id="for no assignment, runs"),
    ],
)
def test_whether_an_event_starts_a_lifecycle(
    kind: LifecycleKind, event: Event, known: ListedLifecycle | None, *, expected: bool
) -> None:
    assert starts(kind, event, event.job, known) is expected


@pytest.mark.parametrize(("kind", "expected"), [(PLUS_ONE, False), (UNBOUND, True)])
def test_an_event_that_shows_an_older_assignment_starts_only_what_is_bound_to_none(
    kind: LifecycleKind, *, expected: bool
) -> None:
    ours = a_job(assigned_at=LATER)
    assert starts(kind, ASSIGNED, ours, None) is expected


def test_a_late_event_of_a_job_that_is_over_by_now_starts_nothing_again() -> None:
    goes_on = replace(UNBOUND, starts_on=lambda event: not event.job.status.final)
    over = ASSIGNED.job.model_copy(update={"status": JobStatus.CANCELLED})
    assert starts(goes_on, ASSIGNED, ASSIGNED.job, listed("cancelled"))
    assert not starts(goes_on, ASSIGNED, over, listed("cancelled"))
    assert starts(goes_on, ASSIGNED, over, None), (
        "it hasn't run yet: it starts, and says why it ends"
    )


def test_what_does_not_want_an_event_is_not_started_by_it() -> None:
    event = an_event("job.assigned", a_job(assigned_to=Assignee.of(PROVIDER)))
    assert not starts(PLUS_ONE, event, event.job, None)
    assert not starts(UNBOUND, event, event.job, None)


# --- the plan ---------------------------------------------------------------------------------


def test_a_start_is_planned_and_listed_at_once() -> None:
    routing = route(ASSIGNED)
    assert routing.plan.outcome is Outcome.STARTED
    (start,) = routing.plan.starts
    assert (start.lifecycle, start.episode, start.remembered) == ("plus-one", 1, {})
    (new,) = routing.new
    assert (new.workflow_id, new.job_id, new.episode) == ("plus-one/SJ-1001", "SJ-1001", 1)
    assert (new.started_by, new.started_for, new.stage) == ("msg_1", ASSIGNED_AT, "searching")
    assert new.first_wait.waiting_on is Role.PLUSONE


def test_another_start_is_the_next_episode_and_remembers_the_one_before() -> None:
    routing = route(ASSIGNED, listed("released", LATER))
    (start,) = routing.plan.starts
    assert (start.episode, start.remembered) == (4, {"attempts": 2, "ended_as": "released"})
    assert [new.episode for new in routing.new] == [4]


def test_all_that_run_are_told_but_the_origin_the_ended_and_the_just_started() -> None:
    ended = listed("closed", lifecycle="spoc")
    apo, escalation = listed(lifecycle="apo"), listed(lifecycle="am-escalation")
    plan = route(ASSIGNED, ended, apo, escalation, origin="apo/SJ-1001").plan
    assert [start.lifecycle for start in plan.starts] == ["plus-one"]
    assert plan.delivers_to == ("am-escalation/SJ-1001",)


def test_what_runs_is_told_and_not_started_again() -> None:
    routing = route(ASSIGNED, listed())
    assert (routing.plan.starts, routing.new) == ((), ())
    assert routing.plan.delivers_to == ("plus-one/SJ-1001",)
    assert routing.plan.outcome is Outcome.DELIVERED


def test_what_nobody_wants_is_ignored() -> None:
    event = an_event("job.assigned", a_job(assigned_to=Assignee.of(PROVIDER)))
    assert route(event, listed("released")).plan.outcome is Outcome.IGNORED


def test_the_plan_has_our_copy_of_the_job_without_its_customer() -> None:
    ours = a_job(sub_status="found", customer={"email": "ada@example.com", "zip": "74101"})
    plan = route(ASSIGNED, job=ours).plan
    assert (plan.job, plan.job_version) == (ours.without_customer(), 7)
    assert plan.occurred_at == ASSIGNED.occurred_at


def test_rules_and_plan_know_the_specialist_of_the_directory() -> None:
    table = '[specialists]\n4711 = { name = "Kim", email = "kim@example.com" }\n'
    wants_specialist = replace(
        PLUS_ONE, starts_on=lambda event: event.job.assigned_to.spoc_email is not None
    )
    event = an_event("job.assigned", a_job(assigned_to=Assignee.of(PROVIDER)))
    router = Router([wants_specialist], POLICY, parse_directory(table))
    plan = router.route(TakenEvent("msg_1", event, event.job, 1, None), {}).plan
    assert plan.outcome is Outcome.STARTED
    assert plan.job.assigned_to.spoc_email == "kim@example.com"


# --- what is left to a person -----------------------------------------------------------------


def asks_a_person(event: Event, outcome: str) -> OpenTask | None:
    if outcome != "completed":
        return None
    return OpenTask(role=Role.DISPATCH, task="look", text=f"{event.type} after the end.")


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ((), []),
        ((listed(),), []),
        ((listed("released"),), []),
        ((listed("completed"),), ["job.status_changed after the end."]),
    ],
)
def test_only_an_ended_lifecycle_leaves_an_event_to_a_person(
    known: tuple[ListedLifecycle, ...], expected: list[str]
) -> None:
    asking = replace(PLUS_ONE, task_after_end=asks_a_person)
    assert [task.text for task in route(CHANGED, *known, kind=asking).tasks] == expected


# --- what a command starts --------------------------------------------------------------------


OFFERED = a_payload("plusone", text="Nobody within 60 miles", message_id="call-1")


def start_for_command(known: KnownJob | None) -> Any:
    request = PLUS_ONE.commands.read("report_cannot_locate", OFFERED)
    router = Router([PLUS_ONE], POLICY)
    return router.start_for_command(PLUS_ONE, "SJ-1001", known, request, OFFERED, WINDOW_ENDS)


def known_job(lifecycle: ListedLifecycle | None) -> KnownJob:
    job = a_job(customer={"email": "ada@example.com"})
    return KnownJob(HeldRow(HeldJob(job=job), 5, None), lifecycle)


def test_a_command_starts_nothing_while_the_lifecycle_runs() -> None:
    assert start_for_command(known_job(listed())) is None


@pytest.mark.parametrize(
    ("lifecycle", "episode", "remembered"),
    [(None, 1, {}), (listed("released"), 4, {"attempts": 2, "ended_as": "released"})],
)
def test_a_command_starts_the_next_episode_of_what_does_not_run(
    lifecycle: ListedLifecycle | None, episode: int, remembered: dict[str, object]
) -> None:
    start = start_for_command(known_job(lifecycle))
    assert (start.episode, start.remembered) == (episode, remembered)
    assert (start.event_id, start.occurred_at) == ("call-1", WINDOW_ENDS)
    assert (start.cause.kind, start.cause.name) == ("command", "report_cannot_locate")
    assert start.cause.fields == OFFERED
    assert start.started_by.name == "Robin"
    assert (start.job_version, start.job.customer) == (5, None)
    assert start.job.assigned_to.is_(PLUSONE)


def test_a_command_on_an_unknown_job_is_refused() -> None:
    with pytest.raises(Refused, match="There is no job SJ-1001") as refused:
        start_for_command(None)
    assert refused.value.refusal.kind is RefusalKind.NOT_RUNNING


def test_a_lifecycle_begins_under_the_newest_edition_of_the_rules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.routing.NEWEST", 7)
    plan = route(ASSIGNED).plan

    by_event = Router([PLUS_ONE], POLICY).start_for_event(PLUS_ONE, plan, plan.starts[0], ASSIGNED)
    by_command = start_for_command(known_job(None))

    assert [start.opened().edition for start in (by_event, by_command)] == [7, 7]
