"""The conference call in memory: its steps, its ends, and what silence leads to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from pydantic import JsonValue

from domain.accounts import PLUSONE, PROCURE_VENDOR
from domain.commands import Answer
from domain.editions import NEWEST, Edition
from domain.effects import MailFate, OpenTask, SendCommand, SendEmail, UpdateJob
from domain.jobs import Assignee, JobStatus, Severity
from domain.lifecycles import Cause
from domain.policy import Policy
from domain.reassignment.kind import begin
from domain.roles import Actor, Role
from tests.domain.factories import POLICY, a_job, eastern
from tests.domain.reassignment_cases import NIGHT, NOON, PHOENIX, TULSA, listed, with_setting
from tests.engine.memory import Life
from workflows.reassignment import ConferenceReassignment

AGENT = "customer_service"
ROBIN = Actor(name="Robin", role=Role.CUSTOMER_SERVICE)
SLOW = {"number": "4700", "name": "Slow Plumbers"}
CALENDAR = listed("Bay Plumbers", "4714", "74101", "calendar")
FRIDGE = {"name": "Refrigerator", "category": "refrigerator"}


def calling(
    *candidates: Mapping[str, str],
    at: datetime = NOON,
    urgent: bool = False,
    policy: Policy = POLICY,
    edition: int = NEWEST,
    **job: object,
) -> Life:
    """A call that an agent has begun, with these providers to call."""
    fields: dict[str, JsonValue] = {
        "actor": ROBIN.model_dump(mode="json"),
        "message_id": "start-1",
        "reason": "Too late",
        "urgent": urgent,
        "candidates": [dict(each) for each in candidates or (TULSA, PHOENIX)],
    }
    start = begin(
        job=a_job(**{"assigned_to": SLOW, "customer": {"zip": "74101"}, **job}).without_customer(),
        job_version=1,
        policy=policy,
        episode=1,
        event_id="start-1",
        cause=Cause(kind="command", name="start_reassignment", fields=fields),
        occurred_at=at,
        started_by=ROBIN,
    )
    return Life(ConferenceReassignment, start, edition=edition).settle()


def said(answer: Answer) -> list[str]:
    """Return the lines of the guide that an answer has."""
    assert answer.result is not None
    lines: list[str] = answer.result["guide"]
    return lines


def asking_the_customer(severity: str = "Standard") -> Life:
    """A call whose provider can come and joins a conference."""
    life = calling(severity=severity)
    life.does("provider_answered", AGENT, available=True)
    life.does("provider_conference", AGENT, agrees=True)
    return life


def outcomes(life: Life) -> list[str | None]:
    """Return how the promises were closed, in the order in which they were opened."""
    return list(life.store.promises.values())


def left(life: Life) -> tuple[str | None, list[str], list[str]]:
    """Return the outcome, and what is left open: tasks and calls for attention."""
    return life.outcome, life.store.tasks, list(life.attention)


def in_days(life: Life, days: int) -> str:
    """Return an instant so many days ahead."""
    return (life.loop.now() + timedelta(days=days)).isoformat()


@pytest.mark.rule("CONF-04")
@pytest.mark.rule("CONF-10")
@pytest.mark.rule("CONF-11")
@pytest.mark.rule("CONF-36")
@pytest.mark.rule("CONF-37")
@pytest.mark.rule("CONF-38")
def test_a_conference_gets_an_appointment_with_a_travel_fee() -> None:
    life = calling()
    life.does("provider_answered", AGENT, available=True, travel_fee="45.00")
    assert (life.stage, life.store.tasks) == ("travel_fee_review", ["decide_travel_fee"])
    (asked,) = life.store.effects(OpenTask)
    assert (asked.role, "Asked: $45.00; by distance: $0.00" in asked.text) == ("supervisor", True)
    assert life.refuses("approve_travel_fee", AGENT, amount="45.00").rule == "CONF-10"
    answer = life.does("approve_travel_fee", "supervisor", amount="30.00")
    assert (answer.stage, answer.waiting_on, life.store.tasks) == ("asking_provider", AGENT, [])
    assert answer.result is not None
    assert "$30.00" in answer.result["guide"][0]
    life.does("provider_conference", AGENT, agrees=True)
    life.does("customer_conference", AGENT, agrees=True)
    assert life.stage == "conferencing"

    answer = life.does("appointment_captured", AGENT, at=in_days(life, 1))

    assert left(life) == ("appointment_confirmed", [], [])
    assert answer.stage == "appointment_confirmed"
    assert outcomes(life) == ["kept"] * 5
    assert life.store.job.assigned_to.number == TULSA["number"]
    (update,) = life.store.effects(UpdateJob)
    assert update.sub_status == "Confirmed Appointment"
    assert update.appointment_at == datetime.fromisoformat(in_days(life, 1))
    begun, *notes_of_steps = life.store.notes
    assert begun.startswith("Reassigning this job. Providers to call: Tulsa Plumbing (4711) from")
    assert begun.endswith("Reason: Too late")
    assert notes_of_steps[0] == "Tulsa Plumbing (4711) can take the job."
    assert notes_of_steps[1:] == [
        "Travel fee for Tulsa Plumbing (4711): approved $30.00. Asked: $45.00; by distance: $0.00.",
        (
            "Conference held with the customer and Tulsa Plumbing (4711). Appointment: "
            "Wed, Nov 25, 11:00 AM CT."
        ),
    ]
    notes = ["add_note"] * 3
    assert life.activities == [*notes, "record_progress", "record_progress", "reassign_job"]


@pytest.mark.rule("CONF-01")
@pytest.mark.rule("CONF-02")
@pytest.mark.rule("CONF-03")
@pytest.mark.rule("CONF-33")
@pytest.mark.parametrize("severity", ["Standard", "Emergency", "Medical Emergency"])
@pytest.mark.parametrize("source", ["calendar", "extended_zip", "service_locator"])
def test_a_conference_is_attempted_for_every_severity_and_source(
    severity: str, source: str
) -> None:
    """No job is assigned by a yes alone: provider and customer are asked for the conference."""
    life = calling(TULSA | {"source": source}, severity=severity)
    answer = life.does("provider_answered", AGENT, available=True)
    assert (answer.stage, life.store.job.assigned_to.name) == ("asking_provider", SLOW["name"])
    answer = life.does("provider_conference", AGENT, agrees=True)
    assert (answer.stage, life.store.job.assigned_to.name) == ("asking_customer", SLOW["name"])
    answer = life.does("customer_conference", AGENT, agrees=True)
    assert (answer.stage, life.store.job.assigned_to.name) == ("conferencing", SLOW["name"])
    assert answer.result is not None
    assert any("Connect the customer and Tulsa Plumbing." in each for each in said(answer))


@pytest.mark.rule("CONF-21")
def test_after_a_no_the_next_provider_of_the_list_is_called() -> None:
    life = calling(TULSA, PHOENIX, CALENDAR)
    for following in (PHOENIX, CALENDAR):
        answer = life.does("provider_answered", AGENT, available=False, reason="No van")
        assert answer.result is not None
        assert (answer.stage, answer.result["call"]["number"]) == (
            "calling_provider",
            following["number"],
        )
        assert "ask" not in answer.result
    assert life.store.notes[-1] == "Desert Air (4712) can't take the job: No van"


@pytest.mark.rule("CONF-39")
def test_what_each_provider_and_the_customer_answered_is_noted() -> None:
    life = calling(TULSA, PHOENIX, CALENDAR)
    life.does("provider_no_answer", AGENT)
    life.does("provider_answered", AGENT, available=False, reason="No van")
    life.does("provider_answered", AGENT, available=True, contact_name="Jo", reason="Has the part")
    life.does("provider_conference", AGENT, agrees=True)
    life.does("provider_no_answer", AGENT)
    life.does("provider_answered", "supervisor", available=True)
    life.does("provider_conference", AGENT, agrees=True)
    life.does("customer_conference", AGENT, agrees=False)

    nobody, no, yes, broken, again, alone = life.store.notes[1:]
    assert nobody == "Tulsa Plumbing (4711) didn't answer. No message was left."
    assert no == "Desert Air (4712) can't take the job: No van"
    assert yes == "Jo at Bay Plumbers (4714) can take the job. Has the part"
    assert broken == "The call to Bay Plumbers (4714) was cut off."
    assert again == "Bay Plumbers (4714) can take the job."
    assert alone.startswith("The customer can't join a conference. Bay Plumbers (4714) gets")


@pytest.mark.rule("CONF-13")
@pytest.mark.rule("G-46")
@pytest.mark.rule("G-54")
def test_a_provider_that_comes_too_late_is_not_asked_for_a_conference() -> None:
    life = calling()
    late = {"available": True, "contact_name": "Jo", "earliest_appointment": in_days(life, 9)}
    answer = life.does("provider_answered", AGENT, **late)
    assert answer.result is not None
    assert answer.result["call"]["number"] == PHOENIX["number"]
    assert life.store.notes[-1] == (
        "Jo at Tulsa Plumbing (4711) can't come within the acceptable time (CONF-13)."
    )
    assert (
        "Offered appointment: Thu, Dec 3, 11:00 AM CT. Acceptable until Fri, Nov 27."
        in life.store.journal
    )

    asks = calling(policy=with_setting(late_offer="ask_customer", note_offers=True))
    assert asks.does("provider_answered", AGENT, **late).stage == "asking_provider"
    assert "Soonest appointment: Thu, Dec 3, 11:00 AM CT." in asks.store.notes[-1]


@pytest.mark.rule("CONF-13")
@pytest.mark.rule("G-88")
def test_a_late_appointment_is_asked_about_before_it_is_taken() -> None:
    for role, fields, noted in (
        (AGENT, {"customer_agrees": True}, "acceptable time; the customer agrees (CONF-13)."),
        ("supervisor", {}, "acceptable time; a supervisor allows it (CONF-13)."),
    ):
        life = asking_the_customer()
        life.does("customer_conference", AGENT, agrees=True)
        refusal = life.refuses("appointment_captured", AGENT, at=in_days(life, 9))
        assert refusal.rule == "CONF-13"
        assert (life.stage, life.store.effects(UpdateJob)) == ("conferencing", [])
        life.does("appointment_captured", role, at=in_days(life, 9), **fields)
        assert life.outcome == "appointment_confirmed"
        assert life.store.notes[-1].endswith(noted)


@pytest.mark.rule("CONF-20")
@pytest.mark.rule("G-90")
def test_a_provider_that_gives_no_reason_is_asked_for_it() -> None:
    life = calling(TULSA)
    answer = life.does("provider_answered", AGENT, available=False)
    assert answer.result is not None
    (asked,) = answer.result["ask"]
    assert "Ask Tulsa Plumbing why they can't take the job." in asked
    assert life.store.notes[1] == "Tulsa Plumbing (4711) can't take the job."
    assert left(life) == ("sent_to_dispatch", ["reason_missing"], [])
    (task,) = life.store.effects(OpenTask)
    assert (task.role, "CONF-20" in task.text) == (AGENT, True)


@pytest.mark.rule("CONF-22")
def test_a_provider_that_names_no_appointment_is_asked_for_it() -> None:
    life = calling()
    answer = life.does("provider_answered", AGENT, available=True)
    assert answer.result is not None
    assert "soonest available appointment" in answer.result["ask"][0]
    again = {"available": True, "earliest_appointment": in_days(life, 1)}
    answer = life.does("provider_answered", AGENT, **again)
    assert answer.result is not None
    assert (answer.stage, "ask" in answer.result) == ("asking_provider", False)
    answer = life.does("provider_conference", AGENT, agrees=True)
    assert any("Wed, Nov 25, 11:00 AM CT" in each for each in said(answer))


@pytest.mark.rule("CONF-24")
@pytest.mark.rule("CONF-25")
@pytest.mark.rule("CONF-26")
@pytest.mark.rule("G-90")
def test_a_provider_that_says_no_time_to_call_is_asked_for_it() -> None:
    life = calling()
    life.does("provider_answered", AGENT, available=True)
    answer = life.does("provider_conference", AGENT, agrees=False)
    assert answer.result is not None
    assert "by when they will call the customer" in answer.result["ask"][0]
    assert not any("Expect their call" in each for each in said(answer))
    assert (life.stage, life.store.tasks) == ("provider_will_call", ["contact_time_missing"])
    assert life.store.notes[-1] == (
        "Tulsa Plumbing (4711) takes the job without a conference and will contact the customer."
    )

    life = calling()
    life.does("provider_answered", AGENT, available=True)
    answer = life.does("provider_conference", AGENT, agrees=False, will_contact_by=in_days(life, 1))
    assert answer.result is not None
    assert ("ask" in answer.result, life.store.tasks) == (False, [])
    assert "Say to the customer: Expect their call by Wed, Nov 25, 11:00 AM CT." in said(answer)
    assert life.store.notes[-1] == (
        "Tulsa Plumbing (4711) takes the job without a conference and will contact the customer "
        "by Wed, Nov 25, 11:00 AM CT."
    )


@pytest.mark.rule("CONF-41")
def test_a_customer_whom_the_conference_cut_off_is_called_back() -> None:
    life = asking_the_customer()
    life.does("customer_conference", AGENT, agrees=True)
    life.does("provider_no_answer", AGENT)
    assert life.store.tasks == []
    life.does("provider_answered", AGENT, available=True)
    life.does("provider_no_answer", AGENT, customer_dropped=True)
    (task,) = life.store.effects(OpenTask)
    assert (task.task, task.role) == ("customer_dropped", "authorizations")
    life.does("provider_answered", AGENT, available=True)
    life.does("provider_conference", AGENT, agrees=True)
    assert life.store.tasks == ["customer_dropped"]
    life.does("customer_conference", AGENT, agrees=True)
    assert life.store.tasks == []

    life = calling()
    life.does("provider_no_answer", AGENT, customer_dropped=True)
    life.hears("customer.called", {"about": "The line"}).settle()
    assert life.store.tasks == []


@pytest.mark.rule("CONF-41")
def test_a_customer_is_called_about_a_job_that_becomes_a_medical_emergency() -> None:
    life = calling()
    life.hears("job.severity_changed", severity=Severity.EMERGENCY).settle()
    assert life.store.tasks == []
    life.hears("job.severity_changed", severity=Severity.MEDICAL_EMERGENCY).settle()
    (task,) = life.store.effects(OpenTask)
    assert (task.task, task.role) == ("medical_update", "authorizations")

    life = calling(edition=Edition.FACTS_BY_MEANING)
    life.hears("job.severity_changed", severity=Severity.MEDICAL_EMERGENCY).settle()
    assert life.store.tasks == []


@pytest.mark.rule("G-58")
@pytest.mark.rule("G-89")
@pytest.mark.parametrize(("severity", "hours"), [("Standard", 36), ("Emergency", 24)])
def test_a_provider_that_calls_the_customer_has_less_time_in_an_emergency(
    severity: str, hours: int
) -> None:
    life = asking_the_customer(severity=severity)
    life.does("customer_conference", AGENT, agrees=False)
    (mail,) = life.store.effects(SendEmail)
    assert mail.context["call_us_after"] == f"{hours} hours"
    life.passes(f"{hours - 1}h")
    assert life.outcome is None
    assert life.passes("1h").store.tasks == ["unscheduled"]


def test_one_provider_after_the_other_is_called_until_nobody_is_left() -> None:
    life = calling().passes("1m")
    answer = life.does("provider_no_answer", AGENT)
    assert answer.result is not None
    assert answer.result["call"]["number"] == PHOENIX["number"]

    life.passes("1m").does("provider_answered", AGENT, available=False, reason="No van")

    assert left(life) == ("sent_to_dispatch", [], [])
    assert outcomes(life) == ["kept", "kept"]
    assert life.store.job.assigned_to.is_(PROCURE_VENDOR)
    assert life.activities == ["add_note", "add_note", "reassign_job"]


def test_a_provider_of_the_calendar_gets_the_job_although_it_did_not_answer() -> None:
    life = calling(CALENDAR, policy=with_setting(no_answer_fallback=True))
    life.store.fates = [MailFate.BOUNCED]

    life.does("provider_no_answer", AGENT)

    assert life.stage == "provider_will_call"
    assert life.store.job.assigned_to.number == CALENDAR["number"]
    assert (life.store.tasks, life.attention) == (["tell_customer"], ["delivery_failed"])
    assert life.passes("36h").outcome == "provider_will_call"
    assert life.store.tasks == ["tell_customer", "unscheduled"]


@pytest.mark.rule("CONF-34")
def test_a_customer_who_cannot_join_is_called_by_the_provider() -> None:
    life = asking_the_customer()

    life.does("customer_conference", AGENT, agrees=False)

    assert (life.stage, life.outcome) == ("provider_will_call", None)
    assert [mail.template for mail in life.store.effects(SendEmail)] == ["provider_information"]
    life.hears("job.appointment_confirmed", {"kind": "repair", "at": in_days(life, 1)})
    assert left(life.passes("36h")) == ("provider_will_call", ["unscheduled"], [])
    assert outcomes(life) == ["kept", "kept", "kept"]


def test_a_silent_agent_is_a_supervisors_and_then_dispatchs() -> None:
    life = calling().passes("30m")
    assert left(life) == (None, ["agent_silent"], ["overdue"])
    assert outcomes(life) == ["broken", None]

    life.passes("90m")

    assert left(life) == ("sent_to_dispatch", [], [])
    assert outcomes(life) == ["broken", "broken"]
    assert life.activities == ["add_note", "open_task", "reassign_job"]
    assert life.store.notes[-1] == "The call hasn't continued for 2 hours. Sent to Dispatch."


def test_an_agent_who_speaks_again_is_no_longer_overdue() -> None:
    life = asking_the_customer().passes("30m")
    assert left(life) == (None, ["agent_silent"], ["overdue"])

    life.does("customer_conference", AGENT, agrees=True)

    assert left(life) == (None, [], [])
    assert outcomes(life) == ["kept", "kept", "broken", "kept", None]


@pytest.mark.rule("CONF-07")
@pytest.mark.rule("CONF-08")
def test_a_job_whose_providers_may_not_be_called_now_is_dispatchs_with_the_prescribed_note() -> (
    None
):
    life = calling(at=NIGHT)
    assert left(life) == ("sent_to_dispatch", [], [])

    life = calling(TULSA, CALENDAR, at=eastern("2026-11-24 18:50"))
    life.passes("15m").does("provider_no_answer", AGENT)

    assert left(life) == ("sent_to_dispatch", [], [])
    assert life.store.job.assigned_to.is_(PROCURE_VENDOR)
    assert life.store.notes[-1] == (
        "Local time for providers is outside permitted calling time, sent to dispatch"
    )


@pytest.mark.rule("CONF-09")
def test_an_urgent_customer_at_night_is_a_supervisors_to_decide_on() -> None:
    life = calling(at=NIGHT, urgent=True)
    assert (life.stage, life.store.tasks) == ("supervisor_review", ["decide_for_urgent_customer"])

    life.does("supervisor_decision", "supervisor", option="emergency_line")

    assert (life.stage, life.store.tasks) == ("calling_provider", [])
    assert outcomes(life) == ["kept", None]


def test_a_supervisor_who_is_silent_at_night_leaves_the_job_to_dispatch() -> None:
    life = calling(at=NIGHT, urgent=True).passes("30m")
    assert life.store.tasks == ["decide_for_urgent_customer", "agent_silent"]

    life.passes("90m")

    assert left(life) == ("sent_to_dispatch", [], [])
    assert "outside permitted calling time" in life.store.notes[-1]


def test_a_supervisor_may_open_the_alternate_provider_option() -> None:
    life = calling(at=NIGHT, urgent=True, item=FRIDGE)

    life.does("supervisor_decision", "supervisor", option="apo", in_network_exhausted=True)

    assert left(life) == ("apo_started", [], [])
    (sent,) = life.store.effects(SendCommand)
    assert (sent.lifecycle, sent.command) == ("apo", "offer_apo")
    assert outcomes(life) == ["kept"]


def test_a_job_that_is_cancelled_ends_the_call() -> None:
    life = calling().passes("30m")

    life.hears("job.cancelled", status=JobStatus.CANCELLED).settle()

    assert left(life) == ("cancelled", [], [])
    assert outcomes(life) == ["broken", "waived"]
    assert life.activities[-1] == "close_task"


def test_a_workflow_cancelled_in_temporal_leaves_nothing_open() -> None:
    life = calling(at=NIGHT, urgent=True)

    life.is_cancelled().settle()

    assert left(life) == ("cancelled", ["workflow_ended"], [])
    assert outcomes(life) == ["waived"]


def test_a_job_that_was_moved_meanwhile_refuses_the_appointment() -> None:
    life = asking_the_customer()
    life.does("customer_conference", AGENT, agrees=True)
    notes = life.store.notes
    other = life.store.job.assigned_to.model_copy(update={"number": "4799", "name": "Other"})
    life.store.job = life.store.job.model_copy(update={"assigned_to": other})
    life.store.version += 1

    refusal = life.refuses("appointment_captured", AGENT, at=in_days(life, 1))

    assert refusal.message
    assert life.store.notes == notes
    assert life.store.job.assigned_to.number == "4799"
    assert left(life) == ("superseded", [], [])
    assert outcomes(life) == ["kept", "kept", "kept", "superseded"]


def test_a_long_history_goes_on_in_the_middle_of_the_call() -> None:
    life = calling()
    life.history_is_long = True
    life.does("provider_answered", AGENT, available=True, travel_fee="45.00")
    assert len(life.starts) == 2
    assert (life.stage, life.store.tasks) == ("travel_fee_review", ["decide_travel_fee"])

    life.passes("1m").does("decline_travel_fee", "supervisor")

    assert (life.stage, life.store.tasks) == ("calling_provider", [])
    assert outcomes(life) == ["kept", "kept", None]
    assert life.lifecycle.case.provider.name == PHOENIX["name"]


def test_a_job_that_was_completed_meanwhile_ends_the_call() -> None:
    life = calling()

    life.hears("job.status_changed", status=JobStatus.COMPLETED).settle()

    assert left(life) == ("superseded", [], [])
    assert "The job was completed in the job system." in life.store.journal


@pytest.mark.rule("PO-19")
def test_a_job_that_plusone_accepts_after_all_ends_the_call() -> None:
    life = calling(assigned_to=Assignee.of(PLUSONE))
    assert life.outcome is None

    life.hears("job.status_changed", status=JobStatus.ACCEPTED).settle()

    assert left(life) == ("superseded", [], [])
    assert outcomes(life) == ["superseded"]


def test_a_supervisor_who_leaves_an_urgent_customer_to_dispatch_may_say_why() -> None:
    life = calling(at=NIGHT, urgent=True)

    life.does("supervisor_decision", "supervisor", option="dispatch", note="No line answers")

    assert "No line answers" in life.store.notes
    assert life.store.job.assigned_to.is_(PROCURE_VENDOR)
