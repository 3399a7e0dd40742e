"""Tasks close when what they ask for has happened, or has lost its point, whoever settles it."""

from __future__ import annotations

from typing import Any

import pytest

from domain.accounts import PROCURE_VENDOR
from domain.editions import Edition
from domain.effects import MailFate
from domain.jobs import Assignee, JobStatus, Severity
from tests.engine import test_am_escalation as am
from tests.engine import test_spoc as spoc
from tests.engine.memory import Life
from tests.engine.test_apo import instructed
from tests.engine.test_plus_one import SOMEBODY_ELSE, a_repair, a_search, plusone_notes
from workflows.plus_one import PlusOneSearch

DESK = "authorizations"
REPORT = "Cartridge $90, labor $150"


def charged(edition: int | None = None) -> Life:
    """A repair whose customer is to be told of charges that are not covered."""
    life = Life(PlusOneSearch, a_repair().starts[0], edition=edition).settle()
    life.hears("job.status_changed", status=JobStatus.ACCEPTED).settle()
    life.does("approve", DESK, amount="240.00", non_covered="35.00", text=REPORT)
    assert life.store.tasks == ["disclose_charges"]
    return life


@pytest.mark.rule("PO-44")
@pytest.mark.parametrize("end", ["note", "completed", "moved", "denied", "approved"])
def test_charges_are_told_as_long_as_there_is_a_repair_that_they_are_for(end: str) -> None:
    life = charged()

    match end:
        case "note":
            plusone_notes(life, "JOB COMPLETE")
        case "completed":
            life.hears("job.status_changed", status=JobStatus.COMPLETED).settle()
        case "moved":
            life.hears("job.assigned", assigned_to=SOMEBODY_ELSE).settle()
        case "denied":
            life.does("deny", DESK, reason="Frost")
        case _:
            life.does("approve", DESK, amount="200.00")

    assert "disclose_charges" not in life.store.tasks


@pytest.mark.rule("PO-44")
def test_charges_that_are_decided_on_anew_are_told_once() -> None:
    life = charged()
    life.does("approve", DESK, amount="240.00", non_covered="70.00", text=REPORT)
    assert life.store.tasks == ["disclose_charges"]
    life.does("deny", DESK, reason="Of the pump alone", partial=True)
    assert "disclose_charges" in life.store.tasks, "the rest of the repair still has its charges"


@pytest.mark.rule("PO-48")
@pytest.mark.parametrize("end", ["note", "moved", "denied", "approved"])
def test_options_are_given_as_long_as_there_is_a_replacement(end: str) -> None:
    life = a_repair()
    unit = {"attributes": "18 cu ft", "failed_parts": "Compressor", "part_cost": "612.00"}
    for _ in range(2):
        life.does("approve_replacement", DESK, **unit, text=REPORT)
        assert life.store.tasks == ["replacement_options"]

    match end:
        case "note":
            plusone_notes(life, "JOB COMPLETE")
        case "moved":
            life.hears("job.assigned", assigned_to=SOMEBODY_ELSE).settle()
        case "denied":
            life.does("deny", DESK, reason="Frost")
        case _:
            life.does("approve", DESK, amount="200.00")

    assert "replacement_options" not in life.store.tasks


def test_what_is_asked_of_authorizations_twice_is_one_task() -> None:
    life = a_repair()
    for _ in range(2):
        life.does("approve", DESK, amount="240.00")
    assert life.store.tasks == ["capture_report"]
    life.does("approve", DESK, amount="240.00", text=REPORT)
    assert life.store.tasks == []
    life.does("deny", DESK, reason="Frost")
    for _ in range(2):
        plusone_notes(life, "PARTS ORDERED")
    assert life.store.tasks == ["call_about_denial", "check_order"]


def test_charges_of_an_older_edition_stay_to_be_told() -> None:
    life = charged(Edition.TASKS_CLOSE_AT_EVERY_END)
    plusone_notes(life, "JOB COMPLETE")
    assert life.store.tasks == ["disclose_charges"]


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"severity": Severity.STANDARD}, []),
        ({"status": JobStatus.COMPLETED}, []),
        ({"status": JobStatus.CANCELLED}, []),
        ({"assigned_to": Assignee.of(PROCURE_VENDOR)}, ["became_urgent"]),
    ],
)
def test_what_an_urgent_job_needs_is_asked_as_long_as_it_is_urgent_and_open(
    changes: dict[str, Any], left: list[str]
) -> None:
    life = a_repair()
    life.hears("job.severity_changed", severity=Severity.EMERGENCY).settle()
    assert life.store.tasks == ["became_urgent"]

    life.hears("job.status_changed", **changes).settle()

    assert [each for each in life.store.tasks if each == "became_urgent"] == left


def test_the_task_to_find_an_emergency_provider_survives_the_move_that_it_comes_with() -> None:
    life = a_search()
    life.hears("job.severity_changed", severity=Severity.EMERGENCY).settle()
    assert (life.outcome, life.store.tasks) == ("released", ["became_urgent"])


@pytest.mark.parametrize(
    ("changes", "left"),
    [
        ({"assigned_to": SOMEBODY_ELSE}, False),
        ({"status": JobStatus.CANCELLED}, False),
        ({"status": JobStatus.COMPLETED}, True),
    ],
)
def test_a_customer_is_reached_otherwise_as_long_as_there_is_an_option(
    changes: dict[str, Any], *, left: bool
) -> None:
    life = instructed()
    life.does("instructions_not_received", "customer_service", by_mail=True)
    life.store.fates = [MailFate.BOUNCED]
    life.does("instructions_not_received", "customer_service", corrected_email="ada@example.com")
    assert {"mail_correspondence", "reach_otherwise"} <= {*life.store.tasks}

    life.hears("job.assigned", **changes).settle()

    assert ("reach_otherwise" in life.store.tasks) is left
    assert ("mail_correspondence" in life.store.tasks) is left


def test_a_report_that_has_come_needs_no_call_for_the_reminder_that_came_back() -> None:
    life = spoc.awaiting()
    life.store.fates = [MailFate.BOUNCED]
    life.passes(spoc.TO_THE_DEADLINE)
    assert "reach_otherwise" in life.store.tasks

    spoc.reports(life)

    assert life.store.tasks == []


def test_a_provider_that_was_spoken_to_need_not_be_reached_otherwise() -> None:
    life = am.a_call_back()
    life.store.fates = [MailFate.BOUNCED]
    unanswered = {**am.UNANSWERED, "resolved": False}
    life.does("second_contact_made", am.AGENT, **unanswered)
    assert "reach_provider" in life.store.tasks

    life.does("admin_reviewed", "admin_team", area_manager_email="a@example.com")
    assert "reach_provider" in life.store.tasks
    life.does("resolve", "supervisor", outcome="Repaired")

    assert "reach_provider" not in life.store.tasks


def test_the_next_escalation_is_about_whom_the_concern_was() -> None:
    life = am.a_concern()
    life.hears("job.assigned", assigned_to=Assignee(number="4799", name="City Plumbers")).settle()
    life.hears("customer.reported_concern", {"concern": "Not these either"}).settle()
    life.does("resolve", "supervisor", outcome="They are gone")
    assert life.store.tasks == ["concern_about_another"]
    start = life.starts[0].model_copy(update={"episode": 2, "event_id": "second"})

    again = Life(life.story, start, store=life.store).settle()

    assert again.store.tasks == ["call_provider"]
