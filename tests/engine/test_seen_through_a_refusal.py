"""What a refused change of the job has shown is heard all the same; nothing is set unseen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.accounts import PLUSONE
from domain.editions import Edition
from domain.effects import OpenTask, SendEmail
from domain.jobs import Assignee, JobStatus, Severity
from domain.plus_one.case import PlusOneStart
from domain.refusals import Refused
from domain.texts import SEARCH_NOTE
from tests.domain.factories import ASSIGNED_AT, a_job
from tests.engine.memory import Life
from tests.engine.test_apo import begun_by
from tests.engine.test_plus_one import a_search, behind_its_back
from workflows.plus_one import PlusOneSearch

FACTS, BEFORE = Edition.FACTS_BY_MEANING, Edition.TASKS_CLOSE_AT_EVERY_END


def of_edition(life: Life, edition: int) -> Life:
    life.lifecycle.case.edition = edition
    return life


# --- the search -------------------------------------------------------------------------------


@pytest.mark.rule("G-04")
@pytest.mark.parametrize(("edition", "searches"), [(FACTS, 2), (BEFORE, 1)])
def test_an_assignment_seen_through_a_refused_move_is_heard_as_a_new_one(
    edition: int, searches: int
) -> None:
    life = of_edition(a_search(), edition).passes("47h")
    behind_its_back(life, assigned_at=ASSIGNED_AT + timedelta(hours=46))
    life.passes("2h")  # the move to No Provider Found is refused: PlusOne has 48 hours again
    assert life.outcome is None
    life.hears("job.assigned").settle()
    assert life.store.notes.count(SEARCH_NOTE) == searches
    life.passes("48h")
    assert life.outcome == "no_provider_found"
    assert life.loop.now() >= ASSIGNED_AT + timedelta(hours=94)


@pytest.mark.rule("G-05")
@pytest.mark.parametrize(("edition", "asked"), [(FACTS, True), (BEFORE, False)])
def test_a_severity_seen_through_a_refused_move_is_heard(*, edition: int, asked: bool) -> None:
    life = of_edition(a_search(), edition).passes("47h")
    behind_its_back(life, status=JobStatus.ACCEPTED, severity=Severity.EMERGENCY)
    life.passes("2h")
    assert life.stage == "accepted"
    life.hears("job.severity_changed").settle()
    assert ("became_urgent" in [each.task for each in life.store.effects(OpenTask)]) is asked


def test_an_older_event_does_not_hide_what_the_refused_move_has_shown() -> None:
    life = a_search().passes("47h")
    late = life.store.job.model_dump(mode="json")
    behind_its_back(life, assigned_at=ASSIGNED_AT + timedelta(hours=46))
    life.passes("2h")
    envelope: dict[str, Any] = {
        "event_id": "late",
        "job_version": 1,
        "age": 60,
        "event": {
            "type": "customer.called",
            "occurred_at": ASSIGNED_AT.isoformat(),
            "actor": {"name": "Cy", "role": "customer_service"},
            "job": late,
            "data": {"about": "When?"},
        },
    }
    life.signals("job_event", envelope).settle()
    assert life.store.notes.count(SEARCH_NOTE) == 1
    life.hears("job.assigned").settle()
    assert life.store.notes.count(SEARCH_NOTE) == 2


def test_what_was_seen_outlives_continue_as_new() -> None:
    life = a_search().passes("47h")
    behind_its_back(life, assigned_at=ASSIGNED_AT + timedelta(hours=46))
    life.passes("2h")
    case = life.lifecycle.case
    assert case.last_heard == a_job()
    assert type(case).model_validate_json(case.model_dump_json()) == case
    start = PlusOneStart.model_validate(life.starts[0].model_dump() | {"case": case.model_dump()})
    assert PlusOneSearch(start, start.opened(), life.engine.moves._runtime).case == case


# --- the option -------------------------------------------------------------------------------


def offered(edition: int) -> Life:
    life = of_edition(begun_by("offer_apo"), edition)
    life.does("customer_reached", "dispatch", outcome="accepted")
    life.does("documents_received", "customer", paid_invoice=True, amount="240.00")
    life.does("documents_approved", "support_services", amount="240.00")
    return life


def unproven(edition: int) -> Life:
    life = of_edition(begun_by("offer_apo"), edition)
    life.does("customer_reached", "dispatch", outcome="accepted")
    life.does("documents_received", "customer", paid_invoice=False)
    life.does("documents_approved", "support_services", amount="240.00")
    return life


GIVEN_TO_PLUSONE = {"assigned_to": Assignee.of(PLUSONE), "status": JobStatus.NEW}


@pytest.mark.rule("APO-31")
@pytest.mark.parametrize("stage", [offered, unproven])
def test_a_deadline_of_the_option_completes_no_job_that_plusone_was_given(stage: Any) -> None:
    life = stage(FACTS)
    behind_its_back(life, **GIVEN_TO_PLUSONE)
    life.passes("40d")
    assert life.outcome == "superseded"
    assert life.store.job.status is JobStatus.NEW
    assert None not in life.store.promises.values()
    templates = [mail.template for mail in life.store.effects(SendEmail)]
    assert "apo_payment_by_check" not in templates
    assert "apo_closing_without_proof" not in templates
    assert "pay" not in life.store.tasks


@pytest.mark.parametrize("stage", [offered, unproven])
def test_an_option_of_an_earlier_edition_ends_as_it_did(stage: Any) -> None:
    life = stage(BEFORE)
    behind_its_back(life, **GIVEN_TO_PLUSONE)
    life.passes("40d")
    assert life.outcome in {"paid_by_check", "closed_without_proof"}
    assert life.store.job.status is JobStatus.COMPLETED


@pytest.mark.rule("APO-27")
def test_a_payment_chosen_for_a_job_that_plusone_was_given_is_refused() -> None:
    life = offered(FACTS)
    behind_its_back(life, **GIVEN_TO_PLUSONE)
    with pytest.raises(Refused):
        life.does("payment_chosen", "customer", method="check")
    assert life.settle().outcome == "superseded"
    assert life.store.job.status is JobStatus.NEW
    assert "pay" not in life.store.tasks


@pytest.mark.parametrize("edition", [FACTS, BEFORE])
def test_the_activities_of_a_payment_are_the_same(edition: int) -> None:
    life = offered(edition)
    before = len(life.activities)
    life.does("payment_chosen", "customer", method="check")
    assert life.outcome == "paid"
    assert life.activities[before:] == ["update_job"]
    assert life.store.job.status is JobStatus.COMPLETED
