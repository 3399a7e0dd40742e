"""The follow-up of a provider's report in memory: its way, its ends, and what runs beside it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from domain.am_escalation.kind import AM_ESCALATION
from domain.am_escalation.payloads import TakeOver
from domain.editions import Edition
from domain.effects import MailFate, OpenTask, SendCommand, SendEmail
from domain.jobs import Assignee, JobStatus
from domain.roles import STEWARD, Actor, Role
from tests.domain.factories import PROVIDER
from tests.domain.spoc_cases import APPOINTMENT, a_start, of_the_programme
from tests.engine.memory import Life
from workflows.spoc import SpocFollowUp

LEADER = "leadership_desk"
ASKING = {"reason": "no_service_report", "detail": "Tuesday's diagnosis"}
ENGAGING = {"exception_code": "SP UNRESPONSIVE", "comment": "No report for days"}
TO_THE_DEADLINE = "55h"
"""From the confirmation of the diagnosis until its report is due."""


def awaiting(of_edition: int | None = None, **changes: object) -> Life:
    """A follow-up whose report is to come."""
    return Life(SpocFollowUp, a_start(**changes), edition=of_edition).settle()


def overdue() -> Life:
    """A follow-up whose report did not come in time."""
    return awaiting().passes(TO_THE_DEADLINE)


def contacted(**asking: object) -> Life:
    """A follow-up whose specialist is asked for help."""
    life = overdue()
    life.does("ask_provider", LEADER, channel="phone")
    life.does("contact_spoc", LEADER, **(asking or ASKING))
    return life


def reports(life: Life, *, complete: bool = True, **said: Any) -> Life:
    """Tell that the provider has entered a report."""
    data, at = {"complete": complete, **said}, life.loop.now()
    return life.hears("job.report_submitted", data, diagnostic_report_at=at).settle()


def an_order_to_confirm(life: Life) -> Life:
    """Tell that research waits for the provider's confirmation of an order."""
    return life.hears("job.parts_confirmation_requested", {"what": "Two units"}).settle()


def outcomes(life: Life) -> list[str | None]:
    """Return how the promises were closed, in the order in which they were opened."""
    return list(life.store.promises.values())


def left(life: Life) -> tuple[str | None, list[str], list[str]]:
    """Return the outcome, and what is left open: tasks and calls for attention."""
    return life.outcome, life.store.tasks, list(life.attention)


def test_a_missing_report_comes_with_the_specialists_help() -> None:
    life = overdue()
    assert (life.stage, life.store.tasks, life.attention) == (
        "report_overdue",
        ["missing_report"],
        ["overdue"],
    )

    life.does("ask_provider", LEADER, channel="phone")
    life.does("contact_spoc", LEADER, **ASKING)
    assert (life.stage, life.store.tasks, life.attention) == ("spoc_contacted", [], [])
    reports(life)
    assert life.stage == "report_received"
    life.hears("job.status_changed", status=JobStatus.COMPLETED).settle()

    assert left(life) == ("closed", [], [])
    assert outcomes(life) == ["broken", "superseded", "kept", "kept"]
    assert life.activities == [
        "record_progress",
        "send_email",
        "add_note",
        "send_email",
        "send_email",
        "record_progress",
    ]


def test_thirty_quiet_days_after_the_report_close_it() -> None:
    life = reports(awaiting())
    life.passes("29d")
    life.hears("customer.called", {"about": "The appointment"}).settle()

    life.passes("29d")
    assert (life.stage, life.outcome) == ("report_received", None)
    life.passes("1d")

    assert left(life) == ("closed", [], [])
    assert outcomes(life) == ["kept", "superseded", "superseded"]
    assert life.activities == ["record_progress"] * 5  # the start of the run after 29 days


def test_reminders_that_do_not_help_lead_to_the_area_manager() -> None:
    life = contacted()
    life.passes("24h")
    assert (life.activities[-1], life.attention) == ("send_email", ["overdue"])
    life.passes("24h")
    assert (life.stage, life.store.tasks) == ("spoc_contacted", ["specialist_silent"])

    life.does("engage_area_manager", LEADER, **ENGAGING)

    assert left(life) == ("area_manager_engaged", [], [])
    assert outcomes(life) == ["broken", "superseded", "broken", "broken"]
    assert life.activities[-1] == "send_email"


@pytest.mark.rule("SPOC-07")
@pytest.mark.rule("SPOC-24")
def test_the_area_manager_escalation_takes_over_what_leadership_hands_over() -> None:
    life = overdue()
    provider = life.lifecycle.case.job.assigned_to

    life.does("engage_area_manager", LEADER, **ENGAGING)

    assert life.store.exceptions == {}, "the escalation opens it"
    (sent,) = life.store.effects(SendCommand)
    assert (sent.lifecycle, sent.command) == ("am-escalation", "take_over")
    given = AM_ESCALATION.commands.read("take_over", {**sent.fields, "message_id": "one"}).payload
    assert isinstance(given, TakeOver)
    assert (given.actor, given.asked_by) == (STEWARD, Actor(name="Sam", role=Role.LEADERSHIP_DESK))
    assert (given.exception_code, given.comment) == ("SP UNRESPONSIVE", "No report for days")
    assert given.provider == provider
    told = life.store.effects(SendEmail)[-1]
    assert told.template == "spoc_follow_up"
    assert told.context["summary"] == (
        "We've engaged the provider's Area Manager (SP UNRESPONSIVE): No report for days"
    )


def test_a_follow_up_from_before_leaves_the_review_to_a_task_of_the_admin_team() -> None:
    life = Life(SpocFollowUp, a_start()).settle()
    life.lifecycle.case.edition = Edition.FACTS_BY_MEANING
    life.passes(TO_THE_DEADLINE)

    life.does("engage_area_manager", LEADER, **ENGAGING)

    assert left(life) == ("area_manager_engaged", ["review_exception"], [])
    assert life.store.effects(SendCommand) == []
    assert life.activities[-1] == "open_exception"


def test_a_provider_that_no_reminder_moves_is_left_to_leadership() -> None:
    life = overdue().passes("10d")

    assert left(life) == (None, ["missing_report", "provider_silent"], ["overdue"])
    assert life.lifecycle.case.due_at is None
    assert outcomes(life) == ["broken"] * 4


def test_an_exception_that_is_open_refuses_the_area_manager_and_changes_nothing() -> None:
    life = an_order_to_confirm(overdue())
    life.store.exceptions["SP UNRESPONSIVE"] = "Open"
    before, notes = life.lifecycle.case.model_copy(), life.store.notes

    refusal = life.refuses("engage_area_manager", LEADER, **ENGAGING)

    assert refusal.rule == "AM-17"
    after = life.lifecycle.case
    assert (after.stage, after.waiting, after.confirmation) == (
        before.stage,
        before.waiting,
        before.confirmation,
    )
    assert life.store.notes == notes
    assert left(life) == (None, ["missing_report"], ["overdue"])
    assert outcomes(life) == ["broken", None, None]


def test_a_cancelled_job_waives_the_report_and_the_confirmation_of_an_order() -> None:
    life = an_order_to_confirm(overdue())

    life.hears("job.cancelled", status=JobStatus.CANCELLED).settle()

    assert left(life) == ("cancelled", [], [])
    assert outcomes(life) == ["broken", "waived", "waived"]
    assert life.activities[-1] == "close_task"


def test_a_workflow_cancelled_in_temporal_leaves_nothing_open() -> None:
    life = an_order_to_confirm(overdue())

    life.is_cancelled().settle()

    assert left(life) == ("cancelled", ["workflow_ended"], [])
    assert outcomes(life) == ["broken", "waived", "waived"]
    assert "cancelled in Temporal" in life.store.journal


def test_a_confirmation_that_is_late_stays_overdue_whatever_else_comes() -> None:
    life = an_order_to_confirm(reports(awaiting()).passes("1h"))
    life.passes("4d")
    assert left(life) == (None, ["order_confirmation"], ["overdue"])
    assert outcomes(life) == ["kept", "superseded", "broken", None]

    reports(life)
    assert left(life) == (None, ["order_confirmation"], ["overdue"])
    life.does("information_received", LEADER, summary="Two units are right")

    assert left(life) == (None, [], [])
    assert life.stage == "report_received"


def test_a_report_settles_what_a_silent_specialist_was_to_be_called_for() -> None:
    life = contacted().passes("48h")
    assert life.store.tasks == ["specialist_silent"]

    reports(life, complete=False, missing="The model number")

    assert left(life) == (None, ["missing_information"], [])
    assert life.stage == "missing_information"


def test_what_a_report_still_lacks_is_asked_for_once_the_specialist_has_answered() -> None:
    life = reports(awaiting(), complete=False, parts_supplied_by="provider")
    life.does("ask_provider", LEADER, channel="phone")
    an_order_to_confirm(life).passes("4d")
    asking = {"reason": "order_confirmation", "detail": "Two units"}
    assert life.refuses("contact_spoc", LEADER, **asking).rule == "SPOC-22"
    asked = life.does("ask_provider", LEADER, channel="phone", reason="order_confirmation")
    assert asked.result == {"attempts": 2, "counts_for": ["order_confirmation"]}
    life.does("contact_spoc", LEADER, **asking)
    assert (life.stage, life.store.tasks) == ("spoc_contacted", [])

    life.does("information_received", "spoc_specialist", summary="Two units are right")

    assert (life.stage, life.store.tasks) == ("missing_information", ["missing_information"])
    assert life.attention == []


def test_a_mail_that_does_not_arrive_has_its_task_until_the_specialist_answers() -> None:
    life = contacted()
    life.store.fates = [MailFate.BOUNCED]
    life.passes("24h")
    assert left(life) == (None, ["reach_otherwise"], ["overdue", "delivery_failed"])

    life.does("information_received", LEADER, summary="It was entered on paper")

    assert left(life) == (None, [], ["delivery_failed"])
    assert life.stage == "report_received"


def test_a_long_history_goes_on_in_the_middle_of_a_late_confirmation() -> None:
    life = an_order_to_confirm(overdue())
    life.history_is_long = True
    life.does("ask_provider", LEADER, channel="phone")
    assert len(life.starts) == 2
    before = life.store.promises.copy()

    life.passes("10d")

    assert life.store.tasks == ["order_confirmation", "missing_report", "provider_silent"]
    assert (life.stage, life.attention) == ("report_overdue", ["overdue"])
    assert list(life.store.promises)[: len(before)] == list(before)
    assert outcomes(life) == ["broken"] * 5
    life.does("information_received", LEADER, summary="Two units are right")
    assert life.store.tasks == ["missing_report", "provider_silent"]


def test_a_diagnosis_by_another_provider_of_the_programme_begins_the_next_follow_up() -> None:
    life = contacted()
    provider = life.store.job.assigned_to.model_copy(update={"number": "4712", "name": "Other"})
    day = life.loop.now() + timedelta(days=4)
    said = {"kind": "diagnosis", "at": day}

    life.hears("job.appointment_confirmed", said, assigned_to=provider).settle()

    assert [start.episode for start in life.starts] == [1, 2]
    assert left(life) == (None, [], [])
    assert life.stage == "awaiting_report"
    assert outcomes(life) == ["broken", "superseded", "superseded", None]


# --- what is asked of whom -------------------------------------------------------------------


@pytest.mark.rule("SPOC-22")
@pytest.mark.rule("G-85")
def test_an_attempt_counts_until_something_else_is_missing() -> None:
    life = overdue()
    life.does("ask_provider", LEADER, channel="phone")
    assert life.lifecycle.case.attempts_for == {"no_service_report": 1}
    reports(life, complete=False, missing="The model number")
    wanted = {"reason": "missing_information", "detail": "The model number"}
    assert life.refuses("contact_spoc", LEADER, **wanted).rule == "SPOC-22"
    life.does("ask_provider", LEADER, channel="phone", reason="part_update")
    assert life.refuses("contact_spoc", LEADER, **wanted).rule == "SPOC-22"
    life.does("ask_provider", LEADER, channel="phone")
    assert life.does("contact_spoc", LEADER, **wanted).stage == "spoc_contacted"

    life.does("information_received", "spoc_specialist", summary="It is an RX-7")
    assert life.lifecycle.case.attempts_for == {"part_update": 1}
    day = life.loop.now() + timedelta(days=4)
    life.hears("job.appointment_confirmed", {"kind": "diagnosis", "at": day}).settle()
    assert life.lifecycle.case.attempts_for == {}


def test_another_order_has_the_provider_asked_again() -> None:
    life = an_order_to_confirm(awaiting())
    life.does("ask_provider", LEADER, channel="phone", reason="order_confirmation")
    an_order_to_confirm(life)
    assert life.lifecycle.case.attempts_for == {}


def test_a_follow_up_from_before_counts_every_attempt() -> None:
    life = awaiting(of_edition=Edition.FACTS_BY_MEANING)
    life.passes(TO_THE_DEADLINE)
    life.does("ask_provider", LEADER, channel="phone")
    reports(life, complete=False, missing="The model number")
    wanted = {"reason": "missing_information", "detail": "The model number"}
    assert life.does("contact_spoc", LEADER, **wanted).stage == "spoc_contacted"


@pytest.mark.rule("SPOC-29")
@pytest.mark.parametrize(
    ("role", "names_it"),
    [("authorizations", True), ("decision_desk", True), ("dispatch", False), ("provider", False)],
)
def test_only_two_desks_name_what_a_report_lacks(role: str, *, names_it: bool) -> None:
    life = reports(awaiting(), complete=False)
    life.does("ask_provider", LEADER, channel="phone")
    note = {"author": {"name": "Pat", "role": role}, "text": "We need the model number"}
    life.hears("job.note_added", {"note": note}).settle()
    wanted = {"reason": "missing_information", "detail": "The model number"}
    if names_it:
        assert life.does("contact_spoc", LEADER, **wanted).stage == "spoc_contacted"
    else:
        assert life.refuses("contact_spoc", LEADER, **wanted).rule == "SPOC-29"


@pytest.mark.rule("SPOC-26")
def test_a_claim_without_details_is_no_report() -> None:
    life = overdue()
    life.hears("job.report_submitted", {"complete": False, "has_details": False}).settle()
    assert (life.stage, life.store.tasks) == ("report_overdue", ["missing_report"])
    assert any(entry.startswith("An empty claim came in") for entry in life.store.journal)
    life.does("ask_provider", LEADER, channel="phone")
    assert life.does("contact_spoc", LEADER, **ASKING).stage == "spoc_contacted"


@pytest.mark.rule("SPOC-25")
def test_that_the_service_explanation_was_checked_is_noted_only_where_somebody_says_so() -> None:
    said = "Checked the Service Explanation and the claim."
    life = contacted()
    assert not any(said in note for note in life.store.notes)
    life = contacted(**ASKING, service_explanation_checked=True)
    assert any(said in note for note in life.store.notes)


@pytest.mark.rule("SPOC-16")
@pytest.mark.rule("SPOC-17")
@pytest.mark.rule("SPOC-18")
@pytest.mark.rule("SPOC-19")
@pytest.mark.rule("SPOC-48")
@pytest.mark.parametrize(
    ("case", "task"),
    [
        ("over_approval_limit", "review_cost"),
        ("replacement_recommended", "review_replacement"),
        ("non_covered_charges", "review_charges"),
        ("possible_denial", "review_denial"),
        ("potential_recall", "research_recall"),
    ],
)
def test_authorizations_reviews_a_report_as_if_the_provider_had_called(
    case: str, task: str
) -> None:
    told = reports(awaiting(), review=[case])
    assert told.store.tasks == [task]
    reported = awaiting()
    for text in ("First", "Second"):
        reported.does("review_needed", "spoc_specialist", case=case, text=text)
    assert reported.store.tasks == [task]
    for life in (told, reported):
        life.hears("job.cancelled", status=JobStatus.CANCELLED).settle()
        assert left(life) == ("cancelled", [], [])


@pytest.mark.rule("SPOC-46")
def test_a_report_on_a_new_job_has_the_provider_change_its_status() -> None:
    life = reports(awaiting(job=of_the_programme(status=JobStatus.NEW)))

    (asked,) = life.store.effects(OpenTask)
    assert (asked.role, asked.task) == ("authorizations", "status_to_change")
    assert asked.text == (
        "A report came in, but the job status is New. Ask the provider to change it to Accepted. "
        "A report can't be entered before that (SPOC-46)."
    )
    life.hears("job.status_changed", status=JobStatus.ACCEPTED).settle()
    assert life.store.tasks == []
    assert reports(awaiting(job=of_the_programme(status=JobStatus.ACCEPTED))).store.tasks == []


def test_another_diagnosis_settles_the_review_of_the_report_before() -> None:
    life = reports(awaiting(), review=["over_approval_limit", "potential_recall"])
    day = life.loop.now() + timedelta(days=4)
    life.hears("job.appointment_confirmed", {"kind": "diagnosis", "at": day}).settle()
    assert life.store.tasks == ["research_recall"]


def test_a_review_outlives_the_follow_up() -> None:
    life = reports(awaiting(), review=["over_approval_limit"]).passes("31d")
    assert left(life) == ("closed", ["review_cost"], [])


@pytest.mark.rule("SPOC-48")
def test_a_report_on_a_recall_is_researched() -> None:
    life = reports(awaiting(job=of_the_programme(is_recall=True)))
    assert life.store.tasks == ["research_recall"]


@pytest.mark.rule("SPOC-50")
@pytest.mark.rule("SPOC-51")
def test_support_services_reviews_a_claim_that_is_under_review() -> None:
    life = awaiting()
    for _ in range(2):
        life.hears("job.status_changed", sub_status="Under Review").settle()
        assert life.store.tasks == ["review_claim"]
    (asked,) = [each for each in life.store.effects(OpenTask) if each.task == "review_claim"]
    assert asked.role == "support_services"
    life.hears("job.status_changed", sub_status="Approved").settle()
    assert life.store.tasks == []

    begun = awaiting(job=of_the_programme(sub_status="under review"))
    assert begun.store.tasks == ["review_claim"]
    from_before = awaiting(of_edition=Edition.FACTS_BY_MEANING)
    from_before.hears("job.status_changed", sub_status="Under Review").settle()
    assert from_before.store.tasks == []


@pytest.mark.rule("SPOC-44")
@pytest.mark.rule("G-87")
def test_a_confirmed_denial_keeps_questions_about_it_from_the_specialist() -> None:
    life = overdue()
    life.does("review_needed", "authorizations", case="possible_denial")
    life.does("ask_provider", LEADER, channel="phone")
    life.does("denial_confirmed", "decision_desk", reason="The damage isn't covered")
    assert life.store.tasks == ["missing_report"]
    assert life.refuses("contact_spoc", LEADER, **ASKING).rule == "SPOC-44"
    life.does("contact_spoc", LEADER, **ASKING, about_denial=False)
    assert life.stage == "spoc_contacted"


@pytest.mark.rule("SPOC-12")
@pytest.mark.rule("SPOC-23")
def test_the_specialist_is_reached_by_e_mail() -> None:
    life = contacted().passes("24h")
    life.does("information_received", LEADER, summary="It was entered on paper")
    mails = life.store.effects(SendEmail)
    sent = [(mail.template, mail.addressee and mail.addressee.role) for mail in mails]
    assert sent == [
        ("report_reminder", None),
        ("spoc_assistance", "spoc_specialist"),
        ("spoc_reminder", "spoc_specialist"),
        ("spoc_follow_up", "spoc_specialist"),
    ]


@pytest.mark.rule("SPOC-35")
def test_a_question_is_answered_while_the_follow_up_runs() -> None:
    answer = awaiting().does("route_question", "dispatch", topic="parts_research")
    assert answer.result == {
        "contact_spoc": False,
        "route": "Ask Parts Sourcing. SPoC specialists don't research parts or equipment.",
        "rule": "SPOC-43",
    }


# --- begun late: what the job says already --------------------------------------------------------


def test_a_report_that_is_there_when_the_diagnosis_is_told_counts_at_once() -> None:
    reported = of_the_programme(diagnostic_report_at=APPOINTMENT + timedelta(hours=2))
    life = awaiting(job=reported)
    assert (life.stage, life.store.tasks) == ("report_received", [])


def test_a_report_from_before_the_diagnosis_is_not_the_one_that_is_waited_for() -> None:
    life = awaiting(job=of_the_programme(diagnostic_report_at=APPOINTMENT - timedelta(hours=2)))
    assert life.stage == "awaiting_report"


@pytest.mark.parametrize(
    ("status", "outcome"), [(JobStatus.CANCELLED, "cancelled"), (JobStatus.COMPLETED, "closed")]
)
def test_a_job_that_has_ended_already_is_not_followed_up(status: JobStatus, outcome: str) -> None:
    life = awaiting(job=of_the_programme(status=status))
    assert left(life) == (outcome, [], [])
    assert None not in outcomes(life)


def test_a_job_that_has_left_the_programme_already_is_not_followed_up() -> None:
    life = awaiting(job=of_the_programme(assigned_to=Assignee.of(PROVIDER)))
    assert left(life) == ("superseded", [], [])
    assert "The job now belongs to Tulsa Plumbing" in life.store.journal


def test_a_report_that_only_the_job_shows_is_one() -> None:
    """An event may tell of something else, and show the report by the way."""
    life = awaiting().passes("30h")
    at = life.loop.now()
    life.hears("customer.called", {"about": "When?"}, diagnostic_report_at=at).settle()
    assert life.stage == "report_received"


def test_another_diagnosis_that_the_report_is_about_begins_nothing_again() -> None:
    life = awaiting().passes("30h")
    reports(life)
    earlier = life.loop.now() - timedelta(hours=1)
    life.hears("job.appointment_confirmed", {"kind": "diagnosis", "at": earlier.isoformat()})
    assert life.settle().stage == "report_received"


@pytest.mark.rule("SPOC-14")
def test_old_news_moves_no_wait_back() -> None:
    life = reports(awaiting()).passes("20d")
    life.hears("customer.called", {"about": "The appointment"}).settle()
    due_at = life.lifecycle.case.due_at
    life.passes("12d")
    said = {"note": {"author": {"name": "Ann", "role": "authorizations"}, "text": "An old one"}}
    for told, data, days in (
        ("job.note_added", said, 33),
        ("job.status_changed", {}, 33),
        ("job.report_submitted", {"complete": True}, 31),  # newer than the one that is known
    ):
        life.hears(told, data, late=timedelta(days=days)).settle()
        assert (life.stage, life.lifecycle.case.due_at) == ("report_received", due_at)

    life = awaiting().passes("40d")
    life.hears("job.note_added", said).settle()
    heard_at = life.loop.now()
    life.hears("job.report_submitted", {"complete": True}, late=timedelta(days=33)).settle()
    assert (life.stage, life.lifecycle.case.counts_from) == ("report_received", heard_at)

    life = reports(awaiting(), complete=False)
    began = life.loop.now()
    while not life.lifecycle.case.reminded:
        life.passes("1h")
    due_at, late = life.lifecycle.case.due_at, life.loop.now() - began - timedelta(minutes=1)
    life.hears("job.report_submitted", {"complete": False}, late=late).settle()
    assert (life.stage, life.lifecycle.case.due_at) == ("missing_information", due_at)


@pytest.mark.rule("SPOC-13")
def test_a_report_that_came_late_while_no_worker_ran_breaks_its_promise_and_no_more() -> None:
    for late, outcome in ((timedelta(hours=5), "broken"), (timedelta(hours=60), "kept")):
        life = awaiting().is_away("110h")
        told, at = {"complete": True}, life.loop.now() - late
        life.hears("job.report_submitted", told, late=late, diagnostic_report_at=at).settle()

        assert outcomes(life) == [outcome, None]
        assert (life.stage, life.attention, life.store.tasks) == ("report_received", [], [])
        assert life.store.effects(SendEmail) == []


@pytest.mark.rule("SPOC-34")
def test_an_order_that_was_confirmed_late_while_no_worker_ran_is_no_promise_kept() -> None:
    life = an_order_to_confirm(reports(awaiting()))
    (key,) = life.lifecycle.case.promised_beside
    life.is_away("5d").does("information_received", "spoc_specialist", summary="Confirmed")

    assert (life.store.promises[key], life.attention) == ("broken", [])
