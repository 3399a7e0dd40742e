"""Concerns about a provider as they go, from the first call to their end."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from activities.postman import NotTakenError
from tests.concerns import (
    LEAK,
    PAT,
    TULSA,
    UNANSWERED,
    called_back,
    engaged,
    escalated,
    left_a_message,
    repaired,
    reported,
)
from tests.desk import Desk, Told, account, acting, iso, now
from tests.options import business_days_after, falls_due, mailed, since

SECOND = timedelta(seconds=1)
AGENT = "customer_service"


def exceptions(shown: dict[str, Any]) -> list[tuple[str, str]]:
    """Return code and status of each Exception, in order."""
    return [(each["code"], each["status"]) for each in shown["exceptions"]]


async def eligible_at(job: Told) -> datetime:
    """Return from when on a call-back has the provider called again, as the agent is told."""
    told = await job.ok("customer_called_back", AGENT)
    assert told["result"]["escalate"] is False
    return datetime.fromisoformat(told["result"]["eligible_at"])


# --- from the complaint to the Area Manager's mailbox ------------------------------------------


@pytest.mark.rule("AM-07")
@pytest.mark.rule("AM-08")
@pytest.mark.rule("AM-10")
@pytest.mark.rule("AM-11")
@pytest.mark.rule("AM-12")
@pytest.mark.rule("AM-14")
@pytest.mark.rule("AM-15")
@pytest.mark.rule("AM-16")
@pytest.mark.rule("AM-17")
@pytest.mark.rule("AM-18")
@pytest.mark.rule("AM-33")
@pytest.mark.rule("AM-34")
async def test_a_provider_who_is_never_reached(desk: Desk) -> None:
    """Two messages, an Exception, and the Area Manager of the provider's state has the mail."""
    job = await repaired(desk)
    await a_concern_is_reported(job)
    await a_message_is_left(job)
    await the_customer_calls_back(job)
    await a_second_message_is_left(job)
    await the_area_manager_is_told(job)
    done = await job.ok("resolve", "area_manager", outcome="Comes on Friday, free of charge")
    assert done["stage"] == "resolved"
    page = await job.ends_as("resolved")
    assert exceptions(page.shown) == [("SP UNRESPONSIVE", "Complete")]
    assert page.note("Resolved: Comes on Friday")
    assert page.promises == [(f"AM-{number}", "kept") for number in ("07", "13", "14", "33", "34")]
    assert page.attention == []


async def a_concern_is_reported(job: Told) -> None:
    began = await job.event("customer.reported_concern", {"concern": LEAK})
    assert began["outcome"] == "started"
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("contacting_provider", AGENT)
    assert page.due_at == business_days_after(since(page), 1)
    assert page.note(LEAK)["visibility"] == "Private"
    asked = page.task("call_provider")
    assert (asked["role"], page.tasks(AGENT)) == (AGENT, ["call_provider"])
    told = ("Tulsa Plumbing", LEAK, "look for a solution", "leave a message", "as soon as possible")
    assert all(each in asked["text"] for each in told)
    assert "contact the customer as soon as possible" in asked["text"]


async def a_message_is_left(job: Told) -> None:
    first = await job.ok("provider_contacted", AGENT, reached=False, outcome="Mailbox of Jo")
    assert (first["stage"], first["waiting_on"]) == ("awaiting_callback", "customer")
    page = await job.page()
    left = page.note("Couldn't reach", "Left a message", LEAK, "as soon as possible")
    assert left["text"].endswith(" Mailbox of Jo")
    assert (page.tasks(AGENT), page.mails) == ([], [])


async def the_customer_calls_back(job: Told) -> None:
    await job.fast_forward("25h")
    again = await job.ok("customer_called_back", AGENT, about="Nobody came")
    assert again["result"] == {"escalate": True}
    assert (again["stage"], again["waiting_on"]) == ("second_contact", AGENT)
    page = await job.page()
    assert page.note("called back. Nobody came")
    asked_again = page.task_texts("call_provider")[-1]
    told = ("look for a solution", "second voice message", "NCNS: no call, no show")
    assert all(each in asked_again for each in told)


async def a_second_message_is_left(job: Told) -> None:
    second = await job.ok("second_contact_made", AGENT, **UNANSWERED)
    assert (second["stage"], second["waiting_on"]) == ("exception_open", "admin_team")
    page = await job.page()
    public = page.note("tried to reach you twice", LEAK)
    assert public["visibility"] == "Public with Email"
    assert page.note("Left a second voice message")
    assert page.mails == [("office@tulsa.example", "public_note", "sent")]
    assert page.shown["exceptions"] == [
        {"code": "SP UNRESPONSIVE", "status": "Open", "comment": "Two voice messages, no answer"}
    ]
    assert (page.tasks(AGENT), page.tasks("admin_team")) == ([], ["review_exception"])


async def the_area_manager_is_told(job: Told) -> None:
    reviewed = await job.ok("admin_reviewed", "admin_team", comment="The third one this month")
    assert (reviewed["stage"], reviewed["waiting_on"]) == ("area_manager_engaged", "area_manager")
    page = await job.page()
    assert page.mails[1:] == [(PAT, "am_escalation", "sent")]
    letter = job.desk.letterbox.about(job.id)[-1].text
    assert letter.startswith("Hello Pat Osei,")
    for said in ("Tulsa Plumbing (4711)", LEAK, "SP UNRESPONSIVE: Two voice", "third one"):
        assert said in letter
    assert exceptions(page.shown) == [("SP UNRESPONSIVE", "In Progress")]
    assert page.tasks("admin_team") == []


async def test_nobody_does_what_is_due(desk: Desk) -> None:
    """Everybody is reminded three times, then a supervisor is asked, and the wait goes on."""
    job = await reported(desk)
    await everybody_is_reminded(job, "call_provider", AGENT, "provider_not_called")
    await job.ok("provider_contacted", AGENT, reached=False)
    page = await job.page()
    assert (page.attention, page.tasks(AGENT), page.tasks("supervisor")) == ([], [], [])

    await job.fast_forward("25h")
    await job.ok("customer_called_back", AGENT)
    await job.ok("second_contact_made", AGENT, **UNANSWERED)
    await everybody_is_reminded(job, "review_exception", "admin_team", "exception_not_reviewed")
    await job.ok("admin_reviewed", "admin_team")
    page = await job.page()
    assert (page.attention, page.tasks("admin_team"), page.tasks("supervisor")) == ([], [], [])

    began = since(page)
    await falls_due(job, times=4)
    page = await job.page()
    days = [began]
    for _ in range(4):
        days.append(business_days_after(days[-1], 1))
    reminders = [mail for mail in mailed(page) if mail[0] == "am_reminder"]
    assert reminders == [("am_reminder", at) for at in days[1:4]]
    assert {to for to, template, _ in page.mails if template == "am_reminder"} == {PAT}
    assert "This is reminder 3 of 3." in desk.letterbox.about(job.id)[-1].text
    assert page.tasks("supervisor") == ["area_manager_silent"]
    assert (page.stage, page.due_at, page.attention) == ("area_manager_engaged", None, ["overdue"])
    await job.ok("resolve", "supervisor", outcome="Another provider repairs it")
    page = await job.ends_as("resolved")
    assert (page.tasks("supervisor"), page.attention) == ([], [])


async def everybody_is_reminded(job: Told, task: str, role: str, supervisors_task: str) -> None:
    await falls_due(job, times=4)
    page = await job.page()
    assert page.tasks(role) == [task]
    assert "reminder 3" in page.task_texts(task)[-1]
    assert page.tasks("supervisor") == [supervisors_task]
    assert (page.due_at, page.attention) == (None, ["overdue"])


# --- the call-back ----------------------------------------------------------------------------


@pytest.mark.rule("AM-09")
@pytest.mark.rule("AM-13")
async def test_a_call_back_too_early_and_one_in_time(desk: Desk) -> None:
    """The 24 hours run from the first attempt to the call, whenever it is told of.

    What happens in the very seconds around them is tested with the rules.
    """
    job = await left_a_message(desk)
    eligible = await eligible_at(job)
    kept = await job.ok(
        "provider_contacted", AGENT, reached=True, outcome="Comes tomorrow", resolved=True
    )
    assert kept["stage"] == "awaiting_callback"
    assert (await job.page()).note("Concern settled. Comes tomorrow")

    await job.fast_forward_to(eligible + SECOND)
    told = await job.event(
        "customer.called", {"about": "Still waiting"}, occurred_at=now() - timedelta(minutes=1)
    )
    assert told["outcome"] == "delivered"
    page = await job.page()
    assert page.stage == "awaiting_callback"
    assert page.note("called back. Still waiting")
    quiet = page.due_at
    assert quiet is not None
    assert quiet - since(page) == timedelta(days=14)
    assert eligible - timedelta(minutes=1) < since(page) < eligible
    assert (page.tasks(AGENT), page.shown["exceptions"]) == ([], [])

    late = await job.ok("customer_called_back", AGENT)
    assert late["result"] == {"escalate": True}
    assert (await job.page()).tasks(AGENT) == ["call_provider"]
    resolved = await job.ok("second_contact_made", AGENT, reached=True, resolved=True)
    assert resolved["stage"] == "awaiting_callback"
    page = await job.page()
    assert (page.shown["exceptions"], page.mails) == ([], [])

    told = await job.event("customer.reported_concern", {"concern": "Now it floods"})
    assert told["outcome"] == "delivered"
    page = await job.page()
    assert page.stage == "second_contact"
    assert "Now it floods" in page.task_texts("call_provider")[-1]
    await job.ok("resolve", AGENT, outcome="Another visit is agreed")
    await job.ends_as("resolved")


async def test_a_customer_who_does_not_call_back_has_nothing_to_complain_of(desk: Desk) -> None:
    job = await left_a_message(desk)
    job.fields["status"] = "Completed"
    await job.event("job.status_changed")
    job.fields.update(assigned_to=account("Other Plumbing", "4712"), assigned_at=iso(now()))
    await job.assigned()
    page = await job.page()
    assert page.stage == "awaiting_callback"
    await job.fast_forward("14d")
    page = await job.ends_as("closed_quiet")
    assert page.promises == [("AM-07", "kept"), ("AM-13", "waived")]

    again = await job.event("customer.reported_concern", {"concern": "It leaks once more"})
    assert again["outcome"] == "started"
    page = await job.page()
    assert "Other Plumbing" in page.task_texts("call_provider")[-1]
    job.fields["status"] = "Cancelled"
    await job.event("job.cancelled")
    page = await job.ends_as("cancelled")
    assert page.tasks(AGENT) == []


# --- praise, a threat, and what is open already -----------------------------------------------


@pytest.mark.rule("AM-17")
async def test_praise_goes_to_the_area_manager_without_any_call(desk: Desk) -> None:
    job = await repaired(desk)
    praise = {"exception_code": "GREAT SVC", "comment": "Came on a Sunday"}
    answer = await job.ok("record_feedback", AGENT, **praise)
    assert (answer["stage"], answer["waiting_on"]) == ("exception_open", "admin_team")
    page = await job.page()
    assert exceptions(page.shown) == [("GREAT SVC", "Open")]
    assert page.tasks(AGENT) == []
    status, refusal = await job.refused("record_feedback", AGENT, **praise)
    assert (status, refusal["rule"]) == (409, "AM-17")

    status, refusal = await job.refused("admin_reviewed", "admin_team", area_manager_email="pat")
    assert status == 422
    await job.ok("admin_reviewed", "admin_team", area_manager_email="lee@warranty.example")
    page = await job.page()
    assert page.mails == [("lee@warranty.example", "am_escalation", "sent")]
    assert desk.letterbox.about(job.id)[0].text.startswith("Hello,")
    await job.ok("resolve", "area_manager", outcome="Thanked them")
    assert exceptions((await job.ends_as("resolved")).shown) == [("GREAT SVC", "Complete")]
    concerned = await job.event("customer.reported_concern", {"concern": LEAK})
    assert concerned["outcome"] == "started"  # though the assignment is the same
    await job.ok("resolve", AGENT, outcome="A mistake")


async def test_praise_beside_a_complaint_is_reviewed_before_it_closes(desk: Desk) -> None:
    job = await left_a_message(desk)
    await job.ok("record_feedback", AGENT, exception_code="PROFILE UPDATE", comment="New phone")
    page = await job.page()
    assert (page.stage, page.tasks("admin_team")) == ("awaiting_callback", ["review_exception"])
    await job.fast_forward("14d")
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("exception_open", "admin_team")
    await job.ok("admin_reviewed", "admin_team")
    await job.ok("resolve", "admin_team", outcome="Changed")
    await job.ends_as("resolved")


@pytest.mark.rule("AM-07")
async def test_a_concern_beside_praise_has_the_provider_called(desk: Desk) -> None:
    job = await repaired(desk)
    await job.ok("record_feedback", AGENT, exception_code="GREAT SVC", comment="Came on a Sunday")
    early = await job.ok("customer_called_back", AGENT, about="Thank them once more")
    assert early["result"] == {"escalate": False, "eligible_at": None}
    assert early["stage"] == "exception_open"

    told = await job.event("customer.reported_concern", {"concern": LEAK})
    assert told["outcome"] == "delivered"
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("contacting_provider", AGENT)
    assert LEAK in page.task("call_provider")["text"]
    assert page.tasks("admin_team") == ["review_exception"]
    await job.ok("provider_contacted", AGENT, reached=True, outcome="Comes tomorrow")

    await job.fast_forward("14d")
    page = await job.page()
    assert (page.stage, exceptions(page.shown)) == ("exception_open", [("GREAT SVC", "Open")])
    again = await job.ok("report_concern", AGENT, concern="It leaks once more")
    assert again["result"] == {"escalate": False, "eligible_at": None}
    assert "once more" in (await job.page()).task_texts("call_provider")[-1]
    await job.ok("resolve", AGENT, outcome="Another visit is agreed")
    page = await job.ends_as("resolved")
    assert [outcome for rule, outcome in page.promises if rule == "AM-07"] == ["kept", "superseded"]


async def test_a_concern_about_another_provider_is_told_to_neither(desk: Desk) -> None:
    job = await called_back(desk)
    job.fields.update(assigned_to=account("Other Plumbing", "4712"), assigned_at=iso(now()))
    await job.assigned()
    await job.event("customer.reported_concern", {"concern": "The new one is rude"})
    await job.ok("second_contact_made", AGENT, **UNANSWERED)
    await job.ok("admin_reviewed", "admin_team")
    page = await job.page()
    assert page.note("The customer called back. The new one is rude")
    assert "Other Plumbing" in page.task("concern_about_another")["text"]
    assert [(to, template) for to, template, _ in page.mails] == [
        ("office@tulsa.example", "public_note"),
        (PAT, "am_escalation"),
    ]
    for letter in desk.letterbox.about(job.id):
        assert LEAK in letter.text
        assert "rude" not in letter.text
    await job.ok("resolve", AGENT, outcome="Another visit is agreed")


@pytest.mark.rule("AM-17")
async def test_after_a_complaint_was_terminated_its_codes_can_be_used_again(desk: Desk) -> None:
    job = await escalated(desk)
    await desk.opens_exception(job, "NCNS")
    await job.handle.terminate("by hand")
    began = await job.ok("record_feedback", AGENT, exception_code="GREAT SVC", comment="Kind")
    assert began["stage"] == "exception_open"
    await job.ok("report_concern", AGENT, concern=LEAK)
    await job.ok("provider_contacted", AGENT, reached=False)
    await job.fast_forward("25h")
    await job.ok("customer_called_back", AGENT)
    await job.ok("second_contact_made", AGENT, **UNANSWERED)
    page = await job.page()
    assert exceptions(page.shown) == [
        ("SP UNRESPONSIVE", "Complete"),
        ("NCNS", "Open"),
        ("GREAT SVC", "Open"),
        ("SP UNRESPONSIVE", "Open"),
    ]
    told = [(task["kind"], task["status"]) for task in page.shown["tasks"]]
    assert ("workflow_ended", "done") in told, "the next start has settled it"
    await job.ok("resolve", AGENT, outcome="They came")


@pytest.mark.rule("AM-35")
@pytest.mark.parametrize("stage", [reported, engaged], ids=["at first", "at last"])
async def test_a_threat_leaves_everything_else_at_once(desk: Desk, stage: Any) -> None:
    job = await stage(desk)
    threat = "He said that he knows where she lives"
    await job.ok("risk_reported", "parts_sourcing", description=threat)
    page = await job.ends_as("risk")
    note = page.note("Handed to a supervisor")
    assert note["text"] == "Handed to a supervisor (AM-35)."
    assert not any(threat in text for text in page.notes)
    assert not any(threat in what for _, what, _ in page.journal)
    open_tasks = [task for task in page.shown["tasks"] if task["status"] == "open"]
    assert [(task["role"], task["kind"]) for task in open_tasks] == [("supervisor", "risk")]
    assert open_tasks[0]["text"].startswith("URGENT: ")
    assert threat in open_tasks[0]["text"]
    left_open = exceptions(page.shown)
    assert left_open == ([("SP UNRESPONSIVE", "In Progress")] if stage is engaged else [])
    named = "Exceptions still open: SP UNRESPONSIVE." in open_tasks[0]["text"]
    assert named is (stage is engaged)


@pytest.mark.rule("AM-35")
async def test_a_risk_on_a_job_without_a_complaint(desk: Desk) -> None:
    """It becomes the supervisor's task, with the Exceptions that others have open; that is all."""
    job = await repaired(desk)
    await desk.opens_exception(job, "NCNS")
    answer = await job.ok("risk_reported", "parts_sourcing", description="He threatened her")
    assert answer["stage"] == "risk"
    page = await job.ends_as("risk")
    (task,) = page.shown["tasks"]
    assert (task["role"], task["kind"]) == ("supervisor", "risk")
    assert task["text"].endswith("“He threatened her.” Exceptions still open: NCNS.")
    assert (exceptions(page.shown), page.mails, page.promises) == ([("NCNS", "Open")], [], [])
    assert page.notes == ["Handed to a supervisor (AM-35)."]

    again = await job.ok("risk_reported", "dispatch", description="He called again")
    assert again["stage"] == "risk"
    began = await job.event("customer.reported_concern", {"concern": LEAK})
    assert began["outcome"] == "started"
    await job.ok("resolve", AGENT, outcome="Another visit is agreed")
    await job.ends_as("resolved")


@pytest.mark.rule("AM-35")
async def test_exceptions_that_a_risk_left_open_close_with_the_next_concern(desk: Desk) -> None:
    job = await engaged(desk)
    await job.ok("risk_reported", "dispatch", description="A threat")
    await job.ok("report_concern", AGENT, concern="It leaks once more")
    await job.ok("resolve", AGENT, outcome="Repaired")
    page = await job.ends_as("resolved")
    assert exceptions(page.shown) == [("SP UNRESPONSIVE", "Complete")]


@pytest.mark.rule("AM-17")
async def test_a_code_that_another_lifecycle_has_open_is_refused_by_the_store(
    desk: Desk,
) -> None:
    """Nothing of the second contact has happened then; with another code it is made."""
    job = await called_back(desk)
    await desk.opens_exception(job, "SP UNRESPONSIVE")
    before = await job.page()
    status, refusal = await job.refused("second_contact_made", AGENT, **UNANSWERED)
    assert (status, refusal["rule"]) == (409, "AM-17")
    assert "G-16" in refusal["message"]
    assert "another code" in refusal["instead"]
    page = await job.page()
    assert (page.stage, page.notes, page.mails) == ("second_contact", before.notes, [])
    assert page.tasks(AGENT) == ["call_provider"]

    await job.ok("second_contact_made", AGENT, **{**UNANSWERED, "exception_code": "NCNS"})
    page = await job.page()
    assert exceptions(page.shown) == [("SP UNRESPONSIVE", "Open"), ("NCNS", "Open")]
    await job.ok("resolve", AGENT, outcome="They came")
    page = await job.ends_as("resolved")
    assert exceptions(page.shown) == [("SP UNRESPONSIVE", "Open"), ("NCNS", "Complete")]


# --- mail -------------------------------------------------------------------------------------


@pytest.mark.rule("AM-16")
@pytest.mark.rule("AM-34")
async def test_a_national_account_gets_the_note_and_no_mail(desk: Desk) -> None:
    """Nor does anybody know its Area Manager, so one has to be named; that mail comes back."""
    sears = {**TULSA, "name": "Sears", "national_account": True, "zip": "99501"}
    job = await escalated(desk, assigned_to=sears)
    page = await job.page()
    assert page.note("tried to reach you twice")["visibility"] == "Public with Email"
    assert page.mails == []

    status, refusal = await job.refused("admin_reviewed", "admin_team")
    assert (status, refusal["rule"]) == (409, "AM-34")
    assert refusal["instead"] == "Enter the address yourself (`area_manager_email`)."
    page = await job.page()
    assert (page.stage, page.mails, exceptions(page.shown)[0][1]) == ("exception_open", [], "Open")
    assert page.tasks("admin_team") == ["review_exception"]

    desk.letterbox.failures[job.id] = [NotTakenError("550 nobody", for_good=True)]
    await job.ok("admin_reviewed", "admin_team", area_manager_email="lee@warranty.example")
    page = await job.page()
    assert (page.stage, page.attention) == ("area_manager_engaged", ["delivery_failed"])
    assert page.tasks("admin_team") == ["reach_area_manager"]
    await job.ok("admin_reviewed", "admin_team", area_manager_email="kit@warranty.example")
    page = await job.page()
    assert page.mails[1:] == [("kit@warranty.example", "am_escalation", "sent")]
    assert page.tasks("admin_team") == []
    assert [outcome for rule, outcome in page.promises if rule == "AM-34"] == ["superseded", None]
    await job.handle.cancel()
    page = await job.ends_as("cancelled")
    assert exceptions(page.shown) == [("SP UNRESPONSIVE", "Complete")]


async def test_a_provider_without_an_address_is_reached_by_phone(desk: Desk) -> None:
    job = await escalated(desk, assigned_to={**TULSA, "email": None})
    page = await job.page()
    assert page.mails == [("", "public_note", "bounced")]
    assert page.tasks(AGENT) == ["reach_provider"]


# --- messages ---------------------------------------------------------------------------------


async def test_signals_that_cannot_be_followed_change_nothing(desk: Desk) -> None:
    job = await left_a_message(desk)
    before = await job.page()
    agent = acting(AGENT)
    for name, payload in (
        ("resolved", {"actor": agent, "outcome": "Done"}),
        ("resolve", {"actor": acting("dispatch"), "outcome": "Done"}),
        ("second_contact_made", {"actor": agent, **UNANSWERED}),
        ("record_feedback", {"actor": agent, "exception_code": "NCNS", "comment": "Nobody came"}),
        ("risk_reported", "help"),
    ):
        await job.signal(name, payload)
    page = await job.page()
    assert (page.stage, page.due_at, page.notes) == (before.stage, before.due_at, before.notes)
    assert page.attention == ["bad_message"]
    refused = [rule for _, what, rule in page.journal if what.startswith("refused ")]
    assert refused == [None, None, "AM-13", "G-17", None]

    await job.signal("resolve", {"actor": agent, "outcome": "They came after all"})
    await job.ends_as("resolved")


async def test_two_concerns_at_once_are_one_complaint(desk: Desk) -> None:
    job = await repaired(desk)
    answers = await asyncio.gather(
        *(job.ok("report_concern", AGENT, concern=LEAK, message_id=f"once-{n}") for n in (1, 1, 2))
    )
    assert {answer["stage"] for answer in answers} == {"contacting_provider"}
    page = await job.page()
    assert len(page.task_texts("call_provider")) == 1
    assert sorted(text.split(LEAK)[0] for text in page.notes) == [
        "Customer's concern about Tulsa Plumbing (4711): “",
        "The customer called back. ",
    ]


async def test_of_two_concerns_that_come_while_it_ends_none_is_lost(desk: Desk) -> None:
    """The first begins anew, and what follows it is heard then."""
    job = await reported(desk)
    async with desk.busy_store():
        resolving = asyncio.create_task(job.ok("resolve", AGENT, outcome="They came after all"))
        await job.waits_for_the_store()
        for concern in ("It leaks again", "Now it floods"):
            event = {
                "type": "customer.reported_concern",
                "occurred_at": iso(now()),
                "actor": acting("customer"),
                "job": job.fields,
                "data": {"concern": concern},
            }
            delivery = {"event_id": concern, "job_version": 2, "event": event, "age": 0}
            await job.signal("job_event", delivery)
    assert (await resolving)["stage"] == "resolved"
    await desk.eventually(job, lambda shown: shown["lifecycles"][0]["outcome"] is None)
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("contacting_provider", AGENT)
    assert "It leaks again" in page.task_texts("call_provider")[-1]
    assert page.note("called back. Now it floods")
    await job.ok("resolve", AGENT, outcome="Another visit is agreed")
    await job.ends_as("resolved")
