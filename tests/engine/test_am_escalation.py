"""The Area Manager escalation in memory: its path, its ends, and what interrupts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from domain.am_escalation.case import AmStart
from domain.directory import Addressee
from domain.effects import AddNote, MailFate, OpenException, OpenTask, SendEmail
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
REACHED: Mapping[str, object] = {"reached": True, "outcome": "Comes on Thursday"}
OTHER = Assignee(number="4712", name="Other Plumbing")


def begun_by(cause: Cause, policy: Policy = POLICY, edition: int | None = None) -> Life:
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
    return Life(AreaManagerEscalation, start, edition=edition)


def a_concern(policy: Policy = POLICY, edition: int | None = None) -> Life:
    """A concern that an event reports: Customer Service calls the provider."""
    cause = Cause(
        kind="event", name="customer.reported_concern", fields={"concern": "The faucet leaks"}
    )
    return begun_by(cause, policy, edition).settle()


def begun_by_command(name: str, role: str, edition: int | None = None, **fields: Any) -> Life:
    """An escalation that a command begins; nothing has happened yet."""
    given = {"actor": {"name": "Sam", "role": role}, "message_id": "first", **fields}
    return begun_by(Cause(kind="command", name=name, fields=given), edition=edition)


def a_call_back(edition: int | None = None) -> Life:
    """A complaint whose customer called again after a day: a second call is due."""
    complaint = a_concern(edition=edition)
    complaint.does("provider_contacted", AGENT, reached=False)
    complaint.passes("25h").does("customer_called_back", AGENT, about="Nobody came")
    return complaint


def an_exception(edition: int | None = None) -> Life:
    """A complaint that the Admin team is to review."""
    complaint = a_call_back(edition)
    complaint.does("second_contact_made", AGENT, **UNANSWERED)
    return complaint


def feedback() -> Life:
    """Praise, as an agent's command begins it; nothing has happened yet."""
    return begun_by_command(
        "record_feedback", AGENT, exception_code="GREAT SVC", comment="Came on a Sunday"
    )


def handed_over(code: str = "NO RESPONSE", provider: Assignee = TULSA) -> dict[str, Any]:
    """Return the fields with which a follow-up hands an Exception over."""
    return {
        "exception_code": code,
        "comment": "No report for days",
        "asked_by": {"name": "Lee", "role": "leadership_desk"},
        "provider": provider.model_dump(mode="json"),
    }


def taken_over() -> Life:
    """What the Leadership Desk hands over where no escalation runs."""
    return begun_by_command("take_over", "system", **handed_over()).settle()


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


@pytest.mark.rule("AM-07")
@pytest.mark.rule("AM-08")
@pytest.mark.rule("AM-10")
@pytest.mark.rule("AM-11")
def test_customer_service_is_asked_to_call_the_provider_and_told_what_to_say() -> None:
    complaint = a_concern()

    (asked,) = complaint.store.effects(OpenTask)

    assert (asked.role, asked.task) == (AGENT, "call_provider")
    assert asked.text == (
        "Call Tulsa Plumbing (4711) about this concern and look for a solution: “The faucet "
        "leaks.” If nobody answers, leave a message: say what the concern is and ask them to "
        "contact the customer as soon as possible. Then log the call (AM-07 to AM-12)."
    )
    assert promises(complaint) == [("contacting_provider", None)]


@pytest.mark.rule("AM-10")
@pytest.mark.rule("AM-11")
@pytest.mark.rule("AM-12")
def test_a_provider_that_was_not_reached_stands_on_the_job() -> None:
    complaint = a_concern()

    complaint.does("provider_contacted", AGENT, reached=False, outcome="Mailbox of Jo")

    assert complaint.store.notes[-1] == (
        "Couldn't reach Tulsa Plumbing (4711). Left a message with the customer's concern, and "
        "asked them to call the customer as soon as possible. Concern: “The faucet leaks.” "
        "Mailbox of Jo"
    )


@pytest.mark.rule("AM-14")
@pytest.mark.rule("AM-15")
def test_a_call_back_after_a_day_has_the_provider_called_again() -> None:
    complaint = a_call_back()

    asked = complaint.store.effects(OpenTask)[-1]

    assert complaint.stage == "second_contact"
    assert (asked.role, asked.task) == (AGENT, "call_provider")
    assert asked.text.startswith(
        "Call Tulsa Plumbing (4711) again and look for a solution: “The faucet leaks.” If nobody "
        "answers, leave a second voice message. Then log the call."
    )
    assert promises(complaint)[-1] == ("second_contact", None)


@pytest.mark.rule("AM-17")
@pytest.mark.rule("AM-33")
def test_a_second_call_opens_an_exception_that_the_admin_team_reviews() -> None:
    complaint = an_exception()

    (exception,) = complaint.store.effects(OpenException)
    asked = complaint.store.effects(OpenTask)[-1]

    assert (exception.code, exception.comment) == (
        "SP UNRESPONSIVE",
        "Two voice messages, no answer",
    )
    assert (asked.role, asked.task) == ("admin_team", "review_exception")
    assert asked.text == (
        "Review the Exception about Tulsa Plumbing (4711): SP UNRESPONSIVE. Then send it to the "
        "Area Manager (AM-33, AM-34)."
    )
    assert promises(complaint)[-1] == ("exception_open", None)


@pytest.mark.rule("AM-34")
def test_what_was_reviewed_is_mailed_to_the_area_manager_of_the_provider() -> None:
    complaint = an_exception()

    complaint.does("admin_reviewed", "admin_team", comment="The third one this month")

    mail = complaint.store.effects(SendEmail)[-1]
    assert mail.addressee == Addressee(role=Role.AREA_MANAGER, provider=TULSA, required=True)
    assert (mail.to, mail.template, mail.context) == (
        None,
        "am_escalation",
        {
            "provider": "Tulsa Plumbing (4711)",
            "concern": "The faucet leaks",
            "exceptions": "SP UNRESPONSIVE: Two voice messages, no answer",
            "remark": "The third one this month",
        },
    )


def test_whoever_does_not_act_is_overdue_until_they_do() -> None:
    complaint = a_concern()

    complaint.passes(A_BUSINESS_DAY)
    assert (complaint.attention, complaint.store.tasks) == (["overdue"], ["call_provider"])
    complaint.passes("72h")
    assert complaint.store.tasks == ["call_provider", "provider_not_called"]
    assert promises(complaint) == [("contacting_provider", "broken")] * 4
    assert complaint.lifecycle.case.due_at is None

    complaint.does("provider_contacted", AGENT, **REACHED)
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

    praise.does("provider_contacted", AGENT, **REACHED)
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
    complaint.does("provider_contacted", AGENT, **REACHED)

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


@pytest.mark.rule("AM-35")
@pytest.mark.parametrize(("edition", "left"), [(None, "Open"), (3, "Complete")])
def test_a_risk_leaves_the_supervisors_task_and_the_exceptions(
    edition: int | None, left: str
) -> None:
    complaint = an_exception(edition)

    complaint.does("risk_reported", "dispatch", description="A threat")

    assert outcome(complaint) == ("risk", ["risk"], {"SP UNRESPONSIVE": left}, [])
    assert promises(complaint)[-1] == ("exception_open", "superseded")
    assert not any("A threat" in note for note in complaint.store.notes)
    asked = complaint.store.effects(OpenTask)[-1]
    assert (asked.role, asked.names_exceptions) == ("supervisor", left == "Open")
    assert asked.text == (
        "URGENT: a risk to the customer or Tulsa Plumbing (4711) was reported. Follow the risk "
        "procedure now (AM-35). Sam (Dispatch) says: “A threat.”"
    )


@pytest.mark.rule("AM-35")
def test_a_risk_on_a_job_without_a_complaint_is_the_supervisors_and_nothing_else() -> None:
    life = begun_by_command("risk_reported", "parts_sourcing", description="A threat").settle()

    assert outcome(life) == ("risk", ["risk"], {}, [])
    assert (life.store.notes, promises(life)) == (["Handed to a supervisor (AM-35)."], [])
    assert life.activities == ["add_note"]


@pytest.mark.rule("AM-35")
def test_what_a_risk_left_open_is_reviewed_and_closed_with_the_next_concern() -> None:
    complaint = an_exception()
    complaint.does("risk_reported", "dispatch", description="A threat")
    again = (
        a_concern()
        .starts[0]
        .model_copy(
            update={"episode": 2, "remembered": dict(complaint.store.progress.remembered)}
            if complaint.store.progress
            else {}
        )
    )

    life = Life(AreaManagerEscalation, again, store=complaint.store).settle()

    assert life.store.tasks == ["risk", "review_exception", "call_provider"]
    life.does("provider_contacted", AGENT, **REACHED)
    life.passes("14d")
    assert life.stage == "exception_open"
    life.does("admin_reviewed", "admin_team")
    life.does("resolve", "area_manager", outcome="Comes on Friday")
    assert outcome(life) == ("resolved", ["risk"], {"SP UNRESPONSIVE": "Complete"}, [])


# --- what the Leadership Desk hands over ------------------------------------------------------


@pytest.mark.rule("SPOC-07")
def test_what_leadership_hands_over_is_reviewed_mailed_reminded_and_closed() -> None:
    life = taken_over()
    assert (life.stage, life.store.tasks) == ("exception_open", ["review_exception"])
    assert life.store.exceptions == {"NO RESPONSE": "Open"}
    assert life.activities == ["open_exception"]
    assert life.store.notes == [
        "Area Manager engaged (NO RESPONSE, Tulsa Plumbing (4711)): No report for days"
    ]
    life.passes(A_BUSINESS_DAY)
    assert (life.attention, life.store.tasks) == (["overdue"], ["review_exception"])

    life.does("admin_reviewed", "admin_team")
    life.passes("10d")

    assert mails(life) == ["am_escalation", *["am_reminder"] * 3]
    assert life.store.exceptions == {"NO RESPONSE": "In Progress"}
    life.does("resolve", "area_manager", outcome="The report is in")
    assert outcome(life) == ("resolved", [], {"NO RESPONSE": "Complete"}, [])


@pytest.mark.rule("SPOC-07")
@pytest.mark.parametrize(
    ("escalation", "stage", "after"),
    [
        (a_concern, "contacting_provider", "contacting_provider"),
        (a_call_back, "second_contact", "second_contact"),
        (an_exception, "exception_open", "exception_open"),
        (
            lambda: _engaged(an_exception()),
            "area_manager_engaged",
            "exception_open",
        ),
    ],
    ids=["at first", "second call", "reviewing", "engaged"],
)
def test_what_leadership_hands_over_joins_an_escalation_that_runs(
    escalation: Callable[[], Life], stage: str, after: str
) -> None:
    life = escalation()
    assert life.stage == stage

    life.does("take_over", "system", **handed_over(provider=OTHER))

    assert life.stage == after
    assert "review_exception" in life.store.tasks
    last = life.store.effects(OpenTask)[-1]
    assert last.text.startswith("Review the NO RESPONSE Exception about Other Plumbing (4712) from")
    life.does("admin_reviewed", "admin_team")
    assert (
        "NO RESPONSE, about Other Plumbing (4712): No report"
        in life.store.effects(SendEmail)[-1].context["exceptions"]
    )
    assert life.store.exceptions["NO RESPONSE"] == "In Progress"
    life.does("resolve", "area_manager", outcome="Done")
    assert set(life.store.exceptions.values()) == {"Complete"}


@pytest.mark.rule("SPOC-07")
@pytest.mark.rule("G-16")
def test_a_code_that_was_opened_while_it_was_on_its_way_is_one_exception() -> None:
    life = an_exception()

    life.does("take_over", "system", **handed_over("SP UNRESPONSIVE"))

    (one,) = life.lifecycle.case.exceptions
    assert one.comment == "Two voice messages, no answer\nNo report for days"
    assert life.store.effects(OpenException)[-1].comment == one.comment
    assert life.store.exceptions == {"SP UNRESPONSIVE": "Open"}


@pytest.mark.rule("SPOC-07")
@pytest.mark.parametrize("concern_first", [False, True])
def test_what_is_handed_over_at_the_very_end_begins_the_next_escalation(
    *, concern_first: bool
) -> None:
    """Nobody would know that it was lost: the follow-up that handed it over has ended."""
    life = a_concern()
    life.store_is_slow = True
    life.sends("resolve", AGENT, outcome="They came")
    life.settle()
    if concern_first:
        life.hears("customer.reported_concern", {"concern": "It floods"})
    steward = {"name": "Steward", "role": "system"}
    life.signals("take_over", {"actor": steward, "message_id": "one", **handed_over()})
    life.store_is_slow = False
    life.settle()

    assert [start.episode for start in life.starts] == [1, 2]
    assert (life.outcome, life.attention) == (None, [])
    assert life.stage == ("contacting_provider" if concern_first else "exception_open")
    assert life.store.exceptions == {"NO RESPONSE": "Open"}
    assert "review_exception" in life.store.tasks


@pytest.mark.rule("SPOC-07")
def test_what_is_handed_over_on_a_cancelled_job_is_noted_and_ends() -> None:
    late = begun_by_command("take_over", "system", **handed_over())
    late.store.job = late.store.job.model_copy(update={"status": JobStatus.CANCELLED})
    late.lifecycle.case.job = late.store.job
    late.settle()

    assert (late.outcome, late.store.tasks) == ("cancelled", [])
    assert late.store.exceptions == {}
    (noted,) = late.store.effects(AddNote)
    assert noted.text == (
        "Area Manager not engaged (NO RESPONSE, Tulsa Plumbing (4711)), because the job is "
        "cancelled: No report for days"
    )


@pytest.mark.rule("SPOC-07")
def test_an_exception_that_is_handed_over_many_times_stays_of_a_size() -> None:
    life = taken_over()
    for _ in range(3):
        life.does("take_over", "system", **{**handed_over(), "comment": "x" * 3000})

    assert life.store.tasks == ["review_exception"]
    assert max(len(each.comment) for each in life.store.effects(OpenException)) <= 4000


def test_what_people_send_at_the_very_end_is_refused() -> None:
    life = a_concern()
    life.store_is_slow = True
    life.sends("resolve", AGENT, outcome="They came")
    life.settle()
    life.signals("report_concern", {"actor": {"name": "Sam", "role": AGENT}, "concern": "Late"})
    life.store_is_slow = False
    life.settle()

    assert (life.outcome, len(life.starts)) == ("resolved", 1)
    assert life.attention == ["bad_message"]


def _engaged(life: Life) -> Life:
    life.does("admin_reviewed", "admin_team")
    return life


@pytest.mark.rule("SPOC-07")
def test_what_leadership_handed_over_does_not_close_with_the_customers_silence() -> None:
    life = a_concern()
    life.does("provider_contacted", AGENT, **REACHED)
    life.does("take_over", "system", **handed_over())
    life.does("admin_reviewed", "admin_team")
    assert life.stage == "awaiting_callback"

    life.passes("14d")

    assert (life.stage, life.outcome) == ("area_manager_engaged", None)
    assert promises(life)[-2:] == [("awaiting_callback", "waived"), ("area_manager_engaged", None)]


# --- calls that the job system tells of -------------------------------------------------------


@pytest.mark.rule("AM-13")
def test_a_call_that_cannot_be_about_the_concern_is_no_call_back() -> None:
    complaint = a_concern()
    complaint.does("provider_contacted", AGENT, reached=False)
    complaint.hears("job.assigned", assigned_to=OTHER).passes("25h")
    notes = complaint.store.notes

    complaint.hears("customer.called", {"about": "Where is Other Plumbing?"}).settle()
    assert (complaint.stage, complaint.store.notes) == ("awaiting_callback", notes)
    complaint.does("customer_called_back", AGENT, about="The first one has not called")
    assert complaint.stage == "second_contact"


def test_a_call_after_feedback_alone_is_no_call_back() -> None:
    praise = feedback().settle()
    notes = praise.store.notes

    praise.hears("customer.called", {"about": "Anything"}).settle()

    assert (praise.stage, praise.store.notes) == ("exception_open", notes)


# --- what the provider is told ----------------------------------------------------------------


@pytest.mark.rule("AM-15")
@pytest.mark.rule("AM-16")
@pytest.mark.parametrize(
    ("calls", "message", "how_often"),
    [
        ([{"reached": False}], "a second voice message", "twice"),
        ([{"reached": False}] * 2, "a second voice message", "3 times"),
        ([REACHED], "a voice message", "again"),
        ([{"reached": False}, REACHED], "a voice message", "again"),
    ],
    ids=["once", "two messages", "reached", "reached later"],
)
def test_the_second_message_says_how_often_the_provider_was_not_reached(
    calls: list[Mapping[str, object]], message: str, how_often: str
) -> None:
    complaint = a_concern()
    for call in calls:
        complaint.does("provider_contacted", AGENT, **call)
    complaint.passes("25h").does("customer_called_back", AGENT)
    assert f"leave {message}." in complaint.store.effects(OpenTask)[-1].text

    complaint.does("second_contact_made", AGENT, **UNANSWERED)

    left, public = complaint.store.notes[-2:]
    assert left == f"Couldn't reach Tulsa Plumbing (4711). Left {message}."
    assert public == (
        f"We tried to reach you {how_often} about a customer's concern: “The faucet leaks.” "
        "Please contact the customer as soon as possible."
    )


def test_a_complaint_from_before_counts_no_calls_that_it_does_not_know() -> None:
    complaint = a_call_back()
    complaint.lifecycle.case.messages_left = 0  # as a release left it that counted none

    complaint.does("second_contact_made", AGENT, **UNANSWERED)

    assert complaint.store.notes[-1].startswith("We tried to reach you again about")


@pytest.mark.rule("AM-09")
def test_an_outcome_stands_on_the_job() -> None:
    complaint = a_concern()
    refusal = complaint.refuses("provider_contacted", AGENT, reached=True)
    assert refusal.rule == "AM-09"
    assert complaint.stage == "contacting_provider"

    complaint.does("provider_contacted", AGENT, **REACHED, resolved=True)

    assert complaint.store.notes[-1] == (
        "Reached Tulsa Plumbing (4711). Concern settled. Comes on Thursday"
    )


@pytest.mark.rule("G-21")
@pytest.mark.parametrize(("mailed", "expected"), [(False, []), (True, ["public_note"])])
def test_a_national_account_is_mailed_only_where_the_policy_says_so(
    *, mailed: bool, expected: list[str]
) -> None:
    notes = POLICY.notes.model_copy(update={"public_email_to_national_accounts": mailed})
    complaint = a_concern(POLICY.model_copy(update={"notes": notes}))
    sears = TULSA.model_copy(update={"national_account": True})
    complaint.lifecycle.case.provider = sears
    complaint.does("provider_contacted", AGENT, reached=False)
    complaint.passes("25h").does("customer_called_back", AGENT)

    complaint.does("second_contact_made", AGENT, **UNANSWERED)

    assert mails(complaint) == expected


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
