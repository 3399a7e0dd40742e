"""Authorizations calls customers about denials and Medical Emergencies, whatever the procedure."""

from __future__ import annotations

import pytest

from domain.editions import Edition
from domain.effects import OpenTask
from domain.jobs import Severity
from tests.domain.factories import a_job
from tests.engine import test_plus_one as plus_one
from tests.engine import test_spoc as spoc
from tests.engine.memory import Life

AUTHORIZATIONS = "authorizations"


def denied(edition: Edition, *, partial: bool = False, customer_state: str | None = None) -> Life:
    """A repair by PlusOne that Authorizations denies."""
    life = plus_one.a_repair(customer_state=customer_state)
    life.lifecycle.case.edition = edition
    life.does("deny", AUTHORIZATIONS, reason="Frost", partial=partial)
    return life


def tasks(life: Life, kind: str) -> list[tuple[str, str]]:
    """Return role and text of all tasks of a kind that were opened."""
    opened = life.store.effects(OpenTask)
    return [(each.role.value, each.text) for each in opened if each.task == kind]


@pytest.mark.rule("CONF-41")
@pytest.mark.parametrize(
    ("partial", "what"), [(False, "the repair is denied"), (True, "a part of the repair is denied")]
)
def test_a_denial_has_the_customer_called(what: str, *, partial: bool) -> None:
    life = denied(Edition.EVERY_CLAUSE, partial=partial)
    assert life.stage == "denied"
    ((role, text),) = tasks(life, "call_about_denial")
    assert role == AUTHORIZATIONS
    assert what in text
    assert text.endswith("Reason: Frost")


@pytest.mark.rule("CONF-42")
@pytest.mark.parametrize(("state", "called"), [("CA", 0), ("IA", 0), ("TX", 1)])
def test_no_call_about_a_denial_is_due_in_california_and_iowa(state: str, called: int) -> None:
    job = a_job(customer={"state": state}).without_customer()
    life = denied(Edition.EVERY_CLAUSE, customer_state=job.customer_state)
    assert len(tasks(life, "call_about_denial")) == called


@pytest.mark.rule("CONF-41")
def test_a_second_denial_leaves_one_call_to_make_and_the_end_none() -> None:
    life = denied(Edition.EVERY_CLAUSE)
    life.does("approve", AUTHORIZATIONS, amount="9.00", text="Diagnosis $9")
    life.does("deny", AUTHORIZATIONS, reason="Freezing is not covered")
    assert life.store.tasks.count("call_about_denial") == 1
    assert plus_one.plusone_notes(life, "JOB COMPLETE").outcome == "completed"


def test_a_job_that_began_before_goes_on_without_the_call() -> None:
    assert tasks(denied(Edition.FACTS_BY_MEANING), "call_about_denial") == []


@pytest.mark.rule("CONF-41")
@pytest.mark.parametrize(
    ("edition", "called"), [(Edition.EVERY_CLAUSE, 1), (Edition.FACTS_BY_MEANING, 0)]
)
def test_a_follow_up_whose_job_becomes_a_medical_emergency_has_the_customer_called(
    edition: int, called: int
) -> None:
    life = spoc.awaiting()
    life.lifecycle.case.edition = edition
    life.hears("job.severity_changed", severity=Severity.MEDICAL_EMERGENCY).settle()
    opened = tasks(life, "medical_update")
    assert [role for role, _ in opened] == [AUTHORIZATIONS] * called
    life.hears("job.severity_changed", severity=Severity.STANDARD).settle()
    assert "medical_update" not in life.store.tasks
