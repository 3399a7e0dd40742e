"""The Area Manager escalation in memory: its path, its ends, and what interrupts it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from domain.am_escalation.case import AmStart
from domain.effects import MailFate, SendEmail
from domain.jobs import Assignee, JobStatus
from domain.lifecycles import Cause
from domain.policy import Policy
from domain.roles import Actor, Role
from tests.domain.factories import POLICY, a_job, eastern
from tests.engine.memory import Life
from workflows.am_escalation import AreaManagerEscalation

NOON = eastern("2026-11-16 12:00")
"""Monday; a business day from then is over on Tuesday at 17:00."""
A_BUSINESS_DAY = "29h"
TULSA = Assignee(number="4711", name="Tulsa Plumbing", zip="74103", email="office@tulsa.example")
AGENT = "customer_service"
CAROL = Actor(name="Carol", role=Role.CUSTOMER)
UNANSWERED: Mapping[str, object] = {
    "reached": False,
    "resolved": False,
    "exception_code": "SP UNRESPONSIVE",
    "comment": "Two voice messages, no answer",
}


def begun_by(cause: Cause, policy: Policy = POLICY) -> Life:
    job = a_job(status=JobStatus.ACCEPTED, assigned_to=TULSA, assigned_at=NOON)
    start = AmStart(
        job=job,
        job_version=1,
        policy=policy,
        episode=1,
        event_id="first",
        cause=cause,
        occurred_at=NOON,
        started_by=CAROL,
    )
    return Life(AreaManagerEscalation, start)


def a_concern(policy: Policy = POLICY) -> Life:
    """A concern that an event reports: customer service is to call the provider."""
    cause = Cause(
        kind="event", name="customer.reported_concern", fields={"concern": "The faucet leaks"}
    )
    return begun_by(cause, policy).settle()


def a_call_back() -> Life:
    """A complaint whose customer called again after a day: a second call is due."""
    complaint = a_concern()
    complaint.does("provider_contacted", AGENT, reached=False)
    complaint.passes("25h").does("customer_called_back", AGENT, about="Nobody came")
    return complaint


def an_exception() -> Life:
    """A complaint that the Admin team is to review."""
    complaint = a_call_back()
    complaint.does("second_contact_made", AGENT, **UNANSWERED)
    return complaint


def feedback() -> Life:
    """Praise, as an agent's command begins it; nothing has happened yet."""
    fields: dict[str, Any] = {
        "actor": {"name": "Sam", "role": AGENT},
        "message_id": "first",
        "exception_code": "GREAT SVC",
        "comment": "Came on a Sunday",
    }
    return begun_by(Cause(kind="command", name="record_feedback", fields=fields))


def promises(life: Life) -> list[tuple[str, str | None]]:
    """Return the stage of each promise and how it closed, in order; None: it is open."""
    return [(key.split(":")[0], outcome) for key, outcome in life.store.promises.items()]


def mails(life: Life) -> list[str]:
    return [mail.template for mail in life.store.effects(SendEmail)]


def outcome(life: Life) -> tuple[str | None, list[str], Mapping[str, str], list[str]]:
    """Return how it ended, and what is still open then: tasks, Exceptions, attention."""
    return life.outcome, life.store.tasks, life.store.exceptions, [*life.attention]


# --- the procedure ----------------------------------------------------------------------------


def test_from_the_concern_to_the_area_manager() -> None:
    complaint = a_concern()
    assert (complaint.stage, complaint.store.tasks) == ("contacting_provider", ["call_provider"])

    complaint.does("provider_contacted", AGENT, reached=False)
    assert (complaint.stage, complaint.store.tasks) == ("awaiting_callback", [])

    called = complaint.passes("24h").does("customer_called_back", AGENT)
    assert called.result == {"escalate": True}
    assert (complaint.stage, complaint.store.tasks) == ("second_contact", ["call_provider"])

    complaint.does("second_contact_made", AGENT, **UNANSWERED)
    assert (complaint.stage, complaint.store.tasks) == ("exception_open", ["review_exception"])

    complaint.does("admin_reviewed", "admin_team")
    assert (complaint.stage, complaint.store.tasks) == ("area_manager_engaged", [])
    assert complaint.store.exceptions == {"SP UNRESPONSIVE": "In Progress"}

    complaint.does("resolve", "area_manager", outcome="Comes on Friday")
    assert outcome(complaint) == ("resolved", [], {"SP UNRESPONSIVE": "Complete"}, [])
    assert promises(complaint) == [
        ("contacting_provider", "kept"),
        ("awaiting_callback", "kept"),
        ("second_contact", "kept"),
        ("exception_open", "kept"),
        ("area_manager_engaged", "kept"),
    ]
    assert mails(complaint) == ["public_note", "am_escalation"]
    assert complaint.activities == [
        "add_note",
        "add_note",
        "add_note",
        "open_exception",
        "send_email",
        "close_exception",
    ]


def test_whoever_does_not_act_is_overdue_until_they_do() -> None:
    complaint = a_concern()

    complaint.passes(A_BUSINESS_DAY)
    assert (complaint.attention, complaint.store.tasks) == (["overdue"], ["call_provider"])
    complaint.passes("72h")
    assert complaint.store.tasks == ["call_provider", "provider_not_called"]
    assert promises(complaint) == [("contacting_provider", "broken")] * 4
    assert complaint.lifecycle.case.due_at is None

    complaint.does("provider_contacted", AGENT, reached=True)
    assert (complaint.attention, complaint.store.tasks) == ([], [])


def test_an_area_manager_who_is_silent_is_mailed_three_times() -> None:
    complaint = an_exception()
    complaint.does("admin_reviewed", "admin_team")

    complaint.passes("10d")

    assert mails(complaint)[2:] == ["am_reminder"] * 3
    assert complaint.store.tasks == ["area_manager_silent"]
    assert complaint.attention == ["overdue"]
    complaint.does("resolve", "supervisor", outcome="Another provider repairs it")
    assert outcome(complaint) == ("resolved", [], {"SP UNRESPONSIVE": "Complete"}, [])


def test_without_any_reminder_a_supervisor_steps_in_and_the_job_is_overdue() -> None:
    settings = POLICY.am_escalation
    contact = settings.contact.model_copy(update={"attempts": 0})
    policy = POLICY.model_copy(
        update={"am_escalation": settings.model_copy(update={"contact": contact})}
    )
    complaint = a_concern(policy).passes(A_BUSINESS_DAY)

    assert complaint.store.tasks == ["call_provider", "provider_not_called"]
    assert complaint.attention == ["overdue"]


# --- feedback ---------------------------------------------------------------------------------


def test_a_concern_after_feedback_leaves_the_review_to_be_done() -> None:
    praise = feedback().settle()
    assert (praise.stage, praise.store.tasks) == ("exception_open", ["review_exception"])

    praise.hears("customer.reported_concern", {"concern": "It leaks"}).settle()
    assert praise.stage == "contacting_provider"
    assert praise.store.tasks == ["review_exception", "call_provider"]

    praise.does("provider_contacted", AGENT, reached=True)
    assert praise.store.tasks == ["review_exception"]
    praise.passes("14d")
    assert (praise.stage, praise.outcome) == ("exception_open", None)
    assert promises(praise) == [
        ("exception_open", "superseded"),
        ("contacting_provider", "kept"),
        ("awaiting_callback", "waived"),
        ("exception_open", None),
    ]


def test_feedback_that_the_store_refuses_leaves_nothing_behind() -> None:
    praise = feedback()
    praise.store.exceptions["GREAT SVC"] = "Open"

    praise.settle()

    assert outcome(praise) == ("cancelled", [], {"GREAT SVC": "Open"}, ["bad_message"])
    assert (praise.store.notes, promises(praise)) == ([], [])


# --- the ends ---------------------------------------------------------------------------------


def test_without_a_call_back_it_closes_after_fourteen_days() -> None:
    complaint = a_concern()
    complaint.does("provider_contacted", AGENT, reached=True)

    assert complaint.passes("335h").outcome is None
    complaint.passes("1h")

    assert outcome(complaint) == ("closed_quiet", [], {}, [])
    assert promises(complaint) == [("contacting_provider", "kept"), ("awaiting_callback", "waived")]
    assert complaint.activities == ["add_note", "add_note", "add_note"]
    assert complaint.loop.now() - NOON == timedelta(days=14)


def test_a_cancelled_job_ends_it_with_nothing_left_open() -> None:
    complaint = an_exception()
    complaint.passes("7d")
    assert complaint.store.tasks == ["review_exception", "exception_not_reviewed"]

    complaint.hears("job.cancelled", status=JobStatus.CANCELLED).settle()

    assert outcome(complaint) == ("cancelled", [], {"SP UNRESPONSIVE": "Complete"}, [])
    assert complaint.activities[-1] == "close_exception"


def test_a_workflow_that_is_cancelled_leaves_nothing_open_either() -> None:
    complaint = an_exception()

    complaint.is_cancelled().settle()

    left = ["workflow_ended"]
    assert outcome(complaint) == ("cancelled", left, {"SP UNRESPONSIVE": "Complete"}, [])
    assert promises(complaint)[-1] == ("exception_open", "waived")


def test_a_risk_leaves_only_the_supervisors_task() -> None:
    complaint = an_exception()

    complaint.does("risk_reported", "dispatch", description="A threat")

    assert outcome(complaint) == ("risk", ["risk"], {"SP UNRESPONSIVE": "Complete"}, [])
    assert promises(complaint)[-1] == ("exception_open", "superseded")
    assert not any("A threat" in note for note in complaint.store.notes)


# --- what interrupts it -----------------------------------------------------------------------


def test_an_exception_that_the_store_refuses_leaves_the_second_call_to_be_made() -> None:
    complaint = a_call_back()
    complaint.store.exceptions["SP UNRESPONSIVE"] = "Open"
    complaint.passes("48h")
    notes = complaint.store.notes

    refusal = complaint.refuses("second_contact_made", AGENT, **UNANSWERED)

    assert refusal.rule == "AM-17"
    assert (complaint.stage, complaint.store.tasks) == ("second_contact", ["call_provider"])
    assert (complaint.attention, complaint.store.notes) == (["overdue"], notes)
    assert promises(complaint)[-1] == ("second_contact", None)

    complaint.does("second_contact_made", AGENT, **{**UNANSWERED, "exception_code": "NCNS"})
    assert (complaint.stage, complaint.attention) == ("exception_open", [])
    complaint.does("resolve", AGENT, outcome="They came")
    assert complaint.store.exceptions == {"SP UNRESPONSIVE": "Open", "NCNS": "Complete"}


def test_a_mail_that_comes_back_is_another_persons_task_until_it_is_sent_again() -> None:
    complaint = an_exception()
    complaint.store.fates = [MailFate.BOUNCED]
    complaint.does("admin_reviewed", "admin_team", area_manager_email="lee@warranty.example")
    complaint.settle()
    assert complaint.store.tasks == ["reach_area_manager"]

    complaint.passes("1h")
    complaint.does("admin_reviewed", "admin_team", area_manager_email="kit@warranty.example")

    assert (complaint.stage, complaint.store.tasks) == ("area_manager_engaged", [])
    assert promises(complaint)[-2:] == [
        ("area_manager_engaged", "superseded"),
        ("area_manager_engaged", None),
    ]


def test_a_long_history_is_continued_where_it_stood() -> None:
    complaint = a_concern()
    complaint.passes(A_BUSINESS_DAY)
    complaint.history_is_long = True
    complaint.hears("customer.called", {"about": "When do they come?"}).settle()
    assert len(complaint.starts) == 2
    assert (complaint.attention, complaint.store.tasks) == (["overdue"], ["call_provider"])

    complaint.passes("72h")
    assert complaint.store.tasks == ["call_provider", "provider_not_called"]
    assert promises(complaint) == [("contacting_provider", "broken")] * 4
    complaint.does("provider_contacted", AGENT, reached=False)
    assert (complaint.stage, complaint.attention, complaint.store.tasks) == (
        "awaiting_callback",
        [],
        [],
    )
    keys = [step.key for step in complaint.store.steps]
    assert len(keys) == len(set(keys))
