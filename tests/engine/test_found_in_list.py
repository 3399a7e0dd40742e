"""What no hook told of and the job system's list shows: nobody is blamed for it (G-95)."""

from __future__ import annotations

import pytest

from domain.accounts import ALTERNATE_PROVIDER_OPTION, NO_PROVIDER_FOUND
from domain.attention import Attention
from domain.effects import OpenTask
from domain.jobs import Assignee
from domain.roles import FOUND_IN_LIST, Actor, Role
from tests.domain.apo_cases import NOON, a_dispatch_job, a_start
from tests.domain.factories import PROVIDER
from tests.engine.memory import Life
from tests.engine.test_plus_one import a_repair, a_search
from workflows.apo import AlternateProviderOption

DANA = Actor(name="Dana", role=Role.DISPATCH)
SUE = Actor(name="Sue", role=Role.SUPPORT_SERVICES)


def assigned_to_apo(by: Actor) -> Life:
    """APO that begins because somebody assigned the job to its account."""
    job = a_dispatch_job(assigned_to=Assignee.of(ALTERNATE_PROVIDER_OPTION))
    start = a_start(NOON, started_by=by, job=job)
    return Life(AlternateProviderOption, start).settle()


def asked(life: Life, task: str) -> str:
    """Return what the one task of a kind that was opened asks for."""
    (text,) = [each.text for each in life.store.effects(OpenTask) if each.task == task]
    return text


# --- who assigned PlusOne -------------------------------------------------------------------------


@pytest.mark.rule("PO-05")
def test_an_assignment_that_only_the_list_shows_is_found_out_about() -> None:
    life = a_search(by=FOUND_IN_LIST)
    assert life.stage == "searching"
    assert life.store.tasks == ["assigned_out_of_turn"]
    assert asked(life, "assigned_out_of_turn").startswith("Find out who assigned this job")
    assert "Who assigned this job to PlusOne isn't known" in life.store.journal
    assert Attention.RULE_CONFLICT not in life.attention


@pytest.mark.rule("PO-05")
def test_a_late_hook_that_names_dispatch_settles_it() -> None:
    life = a_search(by=FOUND_IN_LIST)
    life.hears("job.assigned", by=DANA).settle()
    assert (life.store.tasks, life.attention) == ([], [])


@pytest.mark.rule("PO-05")
def test_a_late_hook_that_names_another_department_has_it_talked_to() -> None:
    life = a_search(by=FOUND_IN_LIST)
    life.hears("job.assigned", by=SUE).settle()
    assert life.store.tasks == ["assigned_out_of_turn"]
    assert life.attention == [Attention.RULE_CONFLICT]
    assert "PlusOne assigned by Support Services, not by Dispatch" in life.store.journal


def test_what_names_nobody_settles_nothing() -> None:
    life = a_search(by=FOUND_IN_LIST)
    life.hears("job.assigned", by=FOUND_IN_LIST).hears("customer.called", {"about": "When?"})
    assert life.settle().store.tasks == ["assigned_out_of_turn"]


# --- who took the job from PlusOne ----------------------------------------------------------------


@pytest.mark.rule("PO-19")
def test_a_repair_found_with_another_account_is_settled_without_a_name() -> None:
    life = a_repair()
    life.hears("job.assigned", by=FOUND_IN_LIST, assigned_to=Assignee.of(PROVIDER)).settle()
    assert life.outcome == "superseded"
    assert life.store.tasks == ["reassigned_against_rule"]
    assert asked(life, "reassigned_against_rule").startswith("Somebody took this job from PlusOne")
    assert "found with another account, though PlusOne may keep it" in life.store.journal


@pytest.mark.rule("PO-67")
def test_a_job_found_with_no_provider_found_may_have_been_given_up() -> None:
    life = a_repair()
    moved = Assignee.of(NO_PROVIDER_FOUND)
    life.hears("job.assigned", by=FOUND_IN_LIST, assigned_to=moved).settle()
    assert life.outcome == "superseded"
    text = asked(life, "reassigned_against_rule")
    assert text.startswith("Find out whether PlusOne gave this job up.")
    assert not any("was taken from PlusOne" in note for note in life.store.notes)


# --- who assigned the APO account -----------------------------------------------------------------


@pytest.mark.rule("APO-19")
def test_apo_that_only_the_list_shows_is_found_out_about() -> None:
    life = assigned_to_apo(FOUND_IN_LIST)
    assert asked(life, "assigned_out_of_turn").startswith("Find out who assigned this job")
    assert "Who assigned this job to APO isn't known" in life.store.journal
    assert Attention.RULE_CONFLICT not in life.attention


@pytest.mark.rule("APO-19")
@pytest.mark.parametrize(("by", "is_settled"), [(DANA, True), (SUE, False), (FOUND_IN_LIST, False)])
def test_only_dispatch_may_have_assigned_apo(by: Actor, *, is_settled: bool) -> None:
    life = assigned_to_apo(FOUND_IN_LIST)
    life.hears("job.assigned", by=by).settle()
    assert ("assigned_out_of_turn" not in life.store.tasks) is is_settled
