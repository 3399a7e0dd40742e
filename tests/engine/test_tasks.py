"""Tasks last as long as they have a point; whoever broke a promise is overdue until it is over."""

from __future__ import annotations

import pytest

from domain.accounts import NO_PROVIDER_FOUND
from domain.attention import Attention
from domain.effects import CloseTask
from domain.jobs import Assignee
from domain.promises import PromiseOutcome
from domain.roles import Role
from tests.domain.factories import a_job
from tests.engine.visits import a_visit


def test_a_task_of_the_wait_closes_when_the_wait_is_over() -> None:
    visit = a_visit()
    visit.does("ring", "customer")
    assert visit.store.tasks == ["look_out", "lay_the_table", "sweep"]

    visit.hears("customer.called", {"about": "Coming!"}).settle()

    assert visit.store.tasks == ["lay_the_table", "sweep"]


@pytest.mark.parametrize("ending", ["open", "time", "cancelled"])
def test_a_task_of_the_lifecycle_closes_when_it_ends_however_it_ends(ending: str) -> None:
    visit = a_visit()
    visit.does("ring", "customer")

    match ending:
        case "open":
            visit.does("open", "customer")
        case "time":
            visit.passes("1h")
        case _:
            visit.is_cancelled().settle()

    assert visit.outcome is not None
    assert set(visit.store.tasks) - {"workflow_ended"} == {"sweep"}


def test_a_move_that_ends_the_lifecycle_settles_its_tasks_in_the_same_batch() -> None:
    visit = a_visit(job=a_job(assigned_to=Assignee.of(NO_PROVIDER_FOUND)))
    visit.does("ring", "customer")

    visit.does("send_away", "customer")

    assert (visit.outcome, visit.store.tasks) == ("gone", ["sweep"])
    assert [batch.sequence for batch in visit.store.batches] == [1, 2, 3]


def test_a_task_that_is_not_open_is_not_closed() -> None:
    visit = a_visit()

    visit.does("open", "customer")

    assert visit.store.effects(CloseTask) == []


def test_a_refused_turn_leaves_tasks_as_they_were() -> None:
    visit = a_visit()
    visit.does("ring", "customer")
    visit.store.job = visit.store.job.model_copy(
        update={"assigned_to": Assignee.of(NO_PROVIDER_FOUND)}
    )

    visit.refuses("send_away", "customer")

    assert visit.store.tasks == ["lay_the_table", "sweep"], "it heard of the change, and moved on"


@pytest.mark.parametrize(
    ("waiting_on", "reminders_left", "overdue"),
    [
        (Role.DISPATCH, True, True),
        (Role.DISPATCH, False, True),
        (Role.PLUSONE, True, True),
        (Role.CUSTOMER, True, False),
        (Role.CUSTOMER, False, True),
    ],
)
def test_a_customer_who_is_still_reminded_is_not_overdue(
    *, waiting_on: Role, reminders_left: bool, overdue: bool
) -> None:
    visit = a_visit()
    case = visit.lifecycle.case
    case.waiting = case.waiting.model_copy(update={"waiting_on": waiting_on})

    visit.lifecycle.break_promise(reminders_left=reminders_left)

    assert (Attention.OVERDUE in case.attention) is overdue


@pytest.mark.parametrize("outcome", [each for each in PromiseOutcome if each != "broken"])
def test_nobody_is_overdue_once_the_promise_has_closed_otherwise(outcome: PromiseOutcome) -> None:
    visit = a_visit()
    visit.lifecycle.case.flag(Attention.OVERDUE)

    visit.lifecycle.close_promise(outcome)

    assert visit.lifecycle.case.attention == []


def test_a_lifecycle_that_has_ended_is_not_overdue() -> None:
    visit = a_visit()

    visit.passes("1h")

    assert (visit.outcome, visit.attention) == ("gone", [])
    assert list(visit.store.promises.values()) == ["broken"]
