"""A provider of the programme owes its report, and a specialist helps to get it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.desk import LISTED_PROVIDER, Desk, Page, Told, iso, now
from tests.follow_ups import (
    LEADER,
    SP_MAIL,
    SPECIALIST,
    accepted,
    awaiting,
    confirms,
    contacted,
    overdue,
    partial,
    reported,
    reports,
    tulsa_plumbing,
)
from tests.options import EASTERN, business_days_after, falls_due, mailed, next_time

A_MINUTE = timedelta(minutes=1)


def mailed_as(page: Page) -> list[str]:
    """Return the templates of a job's mails, in order."""
    return [template for template, _ in mailed(page)]


@pytest.mark.rule("SPOC-07")
@pytest.mark.rule("SPOC-21")
@pytest.mark.rule("SPOC-24")
@pytest.mark.rule("SPOC-27")
async def test_from_a_missing_report_to_the_area_manager(desk: Desk) -> None:
    job = await awaiting(desk)
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("awaiting_report", "provider")
    assert page.due_at is not None
    status, body = await job.refused("contact_spoc", LEADER, reason="no_service_report", detail="?")
    assert (status, body["rule"]) == (409, "SPOC-22")
    await job.ok("ask_provider", LEADER, channel="phone", outcome="Nobody answered")
    status, body = await job.refused("contact_spoc", LEADER, reason="no_service_report", detail="?")
    assert (status, body["rule"]) == (409, "SPOC-27")

    await job.fast_forward_to(page.due_at + A_MINUTE)
    page = await job.page()
    assert (page.stage, page.attention) == ("report_overdue", ["overdue"])
    assert page.tasks(LEADER) == ["missing_report"]
    (reminder,) = page.shown["emails"]
    assert (reminder["template"], reminder["to"]) == ("report_reminder", SP_MAIL)

    await job.ok("contact_spoc", LEADER, reason="no_service_report", detail="Tuesday's diagnosis")
    page = await job.page()
    assert (page.stage, page.waiting_on) == ("spoc_contacted", "spoc_specialist")
    assert (page.tasks(LEADER), page.attention) == ([], [])
    await falls_due(job)
    page = await job.page()
    assert [mail["to"] for mail in page.shown["emails"]] == [SP_MAIL, SPECIALIST, SPECIALIST]
    assert mailed_as(page)[1:] == ["spoc_assistance", "spoc_reminder"]
    await falls_due(job)
    page = await job.page()
    assert (page.tasks(LEADER), page.due_at) == (["specialist_silent"], None)

    said = {"exception_code": "SP UNRESPONSIVE", "comment": "No report for days"}
    answer = await job.ok("engage_area_manager", LEADER, **said)
    assert answer["stage"] == "area_manager_engaged"
    await job.until("area_manager_engaged")
    page = await job.page()
    assert mailed_as(page)[-1] == "spoc_follow_up"
    assert page.tasks(LEADER) == []
    await it_is_followed_by_the_area_manager_escalation(job)


async def it_is_followed_by_the_area_manager_escalation(job: Told) -> None:
    """There it is reviewed, mailed, and closed; then its code can be used again."""
    escalation = job.of("am-escalation")
    await job.desk.eventually(escalation, lambda shown: _tasks(shown, "review_exception"))
    page = await escalation.page()
    assert page.waiting_on == "admin_team"
    assert page.tasks("admin_team") == ["review_exception"]
    assert page.note("Area Manager engaged (SP UNRESPONSIVE, Tulsa Plumbing (4711))")
    await escalation.ok("admin_reviewed", "admin_team", area_manager_email="lee@warranty.example")
    page = await escalation.page()
    assert (page.stage, page.tasks("admin_team")) == ("area_manager_engaged", [])
    assert ("lee@warranty.example", "am_escalation", "sent") in page.mails
    (exception,) = page.shown["exceptions"]
    assert (exception["code"], exception["status"]) == ("SP UNRESPONSIVE", "In Progress")
    await escalation.ok("resolve", "area_manager", outcome="The report is in")
    page = await escalation.ends_as("resolved")
    (exception,) = page.shown["exceptions"]
    assert exception["status"] == "Complete"


@pytest.mark.rule("SPOC-07")
async def test_what_leadership_engages_the_area_manager_for_joins_a_complaint(desk: Desk) -> None:
    job = await contacted(desk)
    complaint = job.of("am-escalation")
    await complaint.ok("report_concern", "customer_service", concern="Nobody came")
    said = {"exception_code": "NO RESPONSE", "comment": "Silent"}
    await job.ok("engage_area_manager", LEADER, **said)
    await job.until("area_manager_engaged")
    await desk.eventually(complaint, lambda shown: _tasks(shown, "review_exception") == ["open"])
    page = await complaint.page()
    assert (page.stage, page.waiting_on) == ("contacting_provider", "customer_service")
    await complaint.ok("resolve", "supervisor", outcome="They came")
    page = await complaint.ends_as("resolved")
    assert [each["status"] for each in page.shown["exceptions"]] == ["Complete"]


def _tasks(shown: dict[str, Any], kind: str) -> list[str]:
    return [task["status"] for task in shown["tasks"] if task["kind"] == kind]


def thanksgiving_eve(shown: str) -> datetime:
    """Return when a clock in New York next shows a time on the day before Thanksgiving."""
    hour, minute = map(int, shown.split(":"))
    here = now().astimezone(EASTERN)
    for year in (here.year, here.year + 1):
        first = datetime(year, 11, 1, hour, minute, tzinfo=EASTERN)
        thanksgiving = first + timedelta(days=(3 - first.weekday()) % 7 + 21)
        if thanksgiving - timedelta(days=1) > here:
            return thanksgiving - timedelta(days=1)
    raise AssertionError("there is a Thanksgiving every year")


@pytest.mark.rule("SPOC-13")
@pytest.mark.rule("G-22")
@pytest.mark.rule("G-24")
@pytest.mark.parametrize(("shown", "days_later"), [("15:00", 2), ("17:30", 5)])
async def test_a_report_due_over_thanksgiving(desk: Desk, shown: str, days_later: int) -> None:
    """The day after is a business day; a diagnosis in the evening counts as that day's."""
    eve = thanksgiving_eve(shown)
    job = await awaiting(desk, eve)
    page = await job.page()
    due = eve.replace(hour=17, minute=0) + timedelta(days=days_later)
    assert page.due_at == due

    await job.fast_forward_to(due - A_MINUTE)
    assert (await job.page()).stage == "awaiting_report"
    await job.fast_forward_to(due + A_MINUTE)
    page = await job.page()
    assert page.stage == "report_overdue"
    assert page.promises[0] == ("SPOC-13", "broken")


@pytest.mark.rule("SPOC-13")
async def test_a_diagnosis_that_is_put_off_gives_the_provider_its_time_again(desk: Desk) -> None:
    job = await overdue(desk)
    await job.ok("ask_provider", LEADER, channel="e-mail", outcome="The customer was not at home")
    await job.ok("contact_spoc", LEADER, reason="no_service_report", detail="When do you go?")
    monday = next_time("Mon 10:00", now() + timedelta(days=20))
    await confirms(job, monday)

    page = await job.page()
    assert (page.stage, page.waiting_on, page.attention) == ("awaiting_report", "provider", [])
    assert page.due_at == business_days_after(monday, 1)
    assert page.tasks(LEADER) == []
    assert [outcome for _, outcome in page.promises] == ["broken", "superseded", "superseded", None]
    told = page.shown["emails"][-1]
    assert (told["template"], told["to"]) == ("spoc_follow_up", SPECIALIST)
    status, body = await job.refused("contact_spoc", LEADER, reason="no_service_report", detail="?")
    assert (status, body["rule"]) == (409, "SPOC-27")

    await confirms(job, monday)
    assert (await job.page()).promises == page.promises
    await confirms(job, monday, kind="repair")
    assert (await job.page()).promises == page.promises


@pytest.mark.rule("SPOC-23")
@pytest.mark.rule("SPOC-28")
@pytest.mark.rule("SPOC-29")
async def test_a_partial_report_is_completed_with_the_specialists_help(desk: Desk) -> None:
    job = await awaiting(desk)
    await reports(job, complete=False)
    page = await job.page()
    assert (page.stage, page.tasks(LEADER)) == ("missing_information", ["missing_information"])
    await job.ok("ask_provider", LEADER, channel="phone")
    wanted = {"reason": "missing_information", "detail": "The model number"}
    status, body = await job.refused("contact_spoc", LEADER, **wanted)
    assert (status, body["rule"]) == (409, "SPOC-29")
    await job.note("We need the model number", role="authorizations")
    await job.rests()
    await job.ok("contact_spoc", LEADER, **wanted)
    status, body = await job.refused("contact_spoc", LEADER, **wanted)
    assert (status, body["rule"]) == (409, "G-30")

    await reports(job)
    page = await job.page()
    assert (page.stage, page.attention) == ("report_received", [])
    assert mailed_as(page) == ["spoc_assistance", "spoc_follow_up"]
    assert page.promises[-2] == ("G-30", "kept")
    await job.becomes("Completed")
    page = await job.ends_as("closed")
    assert page.promises[-1] == ("SPOC-14", "kept")
    assert [task for task in page.shown["tasks"] if task["status"] == "open"] == []


@pytest.mark.rule("SPOC-23")
@pytest.mark.rule("SPOC-28")
async def test_what_a_report_lacks_is_asked_for_until_it_is_known(desk: Desk) -> None:
    job = await partial(desk)
    await falls_due(job)
    assert (await job.page()).task_texts("missing_information")[-1].startswith("Reminder 1: ")
    await falls_due(job, times=2)
    page = await job.page()
    assert (page.due_at, page.tasks(LEADER)) == (None, ["missing_information", "provider_silent"])
    status, body = await job.refused("information_received", LEADER, summary="Found it")
    assert (status, body["rule"]) == (409, "SPOC-23")

    await job.ok("ask_provider", LEADER, channel="phone")
    await job.ok("contact_spoc", LEADER, reason="missing_information", detail="The model number")
    answer = await job.ok("information_received", "spoc_specialist", summary="It is an RX-7")
    assert (answer["stage"], answer["waiting_on"]) == ("report_received", "provider")
    page = await job.page()
    assert page.note("It is an RX-7")["author"]["role"] == "spoc_specialist"
    assert "RX-7" in desk.letterbox.about(job.id)[-1].text


@pytest.mark.rule("SPOC-30")
@pytest.mark.rule("SPOC-31")
@pytest.mark.rule("SPOC-32")
@pytest.mark.rule("SPOC-34")
@pytest.mark.rule("G-25")
@pytest.mark.rule("G-26")
async def test_a_part_and_an_order_have_clocks_of_their_own(desk: Desk) -> None:
    job = await awaiting(desk)
    await reports(job, parts_supplied_by="provider")
    told = now()
    await job.ok("ask_provider", LEADER, channel="phone")
    part = {"reason": "part_update", "detail": "The customer asks when the part comes"}
    order = {"reason": "order_confirmation", "detail": "Two units"}
    for wanted, rule in ((part, "SPOC-31"), (order, "SPOC-32")):
        status, body = await job.refused("contact_spoc", LEADER, **wanted)
        assert (status, body["rule"]) == (409, rule)

    await job.event("job.parts_confirmation_requested", {"what": "Two units"})
    page = await job.page()
    assert page.promises[-2:] == [("SPOC-34", None), ("SPOC-14", None)]
    status, body = await job.refused("contact_spoc", LEADER, **order)
    assert (status, body["rule"]) == (409, "SPOC-34")
    await job.fast_forward_to(business_days_after(told, 1) + A_MINUTE)
    page = await job.page()
    assert (page.stage, page.tasks(LEADER)) == ("report_received", ["order_confirmation"])
    assert page.attention == ["overdue"]
    assert ("SPOC-34", "broken") in page.promises
    status, body = await job.refused("contact_spoc", LEADER, **order)
    assert (status, body["rule"]) == (409, "SPOC-22")
    await job.ok("ask_provider", LEADER, channel="phone", reason="order_confirmation")
    await job.ok("contact_spoc", LEADER, **order)
    answer = await job.ok("information_received", LEADER, summary="Two units are right")
    assert answer["stage"] == "report_received"
    page = await job.page()
    assert (page.tasks(LEADER), page.attention) == ([], [])

    await job.fast_forward_to(business_days_after(told, 5) - A_MINUTE)
    status, body = await job.refused("contact_spoc", LEADER, **part)
    assert (status, body["rule"]) == (409, "SPOC-31")
    await job.fast_forward_to(business_days_after(told, 5) + A_MINUTE)
    assert (await job.ok("contact_spoc", LEADER, **part))["stage"] == "spoc_contacted"
    await reports(job, parts_supplied_by="provider", part_eta="2027-01-15")
    page = await job.page()
    assert (page.stage, mailed_as(page)[-1]) == ("report_received", "spoc_follow_up")
    await job.event("job.parts_confirmation_requested", {"what": "A third unit"})
    await job.rests()
    await job.ok("information_received", LEADER, summary="A third one is right, too")
    assert ("SPOC-34", "kept") in (await job.page()).promises


async def test_thirty_quiet_days_after_the_report_close_it(desk: Desk) -> None:
    job = await reported(desk)
    await job.fast_forward("20d")
    await job.note("We come on Friday", role="provider")
    await job.rests()
    await job.fast_forward("20d")
    assert (await job.page()).stage == "report_received"
    await job.fast_forward("11d")
    await job.ends_as("closed")

    await confirms(job, now() + timedelta(days=60))
    await job.until("awaiting_report")
    job.fields["status"] = "Cancelled"
    await job.event("job.parts_confirmation_requested", {"what": "A unit"})
    page = await job.ends_as("cancelled")
    assert page.promises[-1] == ("SPOC-13", "waived")


@pytest.mark.rule("SPOC-20")
@pytest.mark.rule("SPOC-46")
@pytest.mark.rule("G-31")
async def test_authorizations_hear_of_what_cannot_wait(desk: Desk) -> None:
    job = await awaiting(desk, status="New", severity="Medical Emergency")
    assert (await job.page()).tasks("authorizations") == ["review_at_once"]
    await reports(job)
    page = await job.page()
    assert page.tasks("authorizations") == ["review_at_once", "status_to_change"]
    assert page.stage == "report_received"
    job.fields["severity"] = "Standard"
    await job.event("job.severity_changed")
    await job.becomes("Accepted")
    assert (await job.page()).tasks("authorizations") == []
    job.fields["assigned_to"] = tulsa_plumbing(number="4712", name="Other Plumbing")
    await job.assigned()
    page = await job.ends_as("superseded")
    assert page.promises[-1] == ("SPOC-14", "superseded")


@pytest.mark.rule("SPOC-04")
@pytest.mark.rule("SPOC-46")
async def test_the_provider_is_sent_to_its_specialist_and_told_to_accept_the_job(
    desk: Desk,
) -> None:
    job = await overdue(desk, status="New")
    (mail,) = desk.letterbox.about(job.id)
    assert mail.subject == f"Please submit your service report: job {job.id}"
    assert f"E-mail your SPoC specialist at {SPECIALIST}." in mail.text
    assert "Change it to Accepted first" in mail.text
    assert "SPOC-" not in mail.text


@pytest.mark.rule("SPOC-16")
@pytest.mark.rule("SPOC-44")
@pytest.mark.rule("SPOC-50")
async def test_others_review_what_the_specialist_is_not_asked_for(desk: Desk) -> None:
    job = await awaiting(desk)
    await reports(job, review=["over_approval_limit", "possible_denial"])
    page = await job.page()
    assert page.tasks("authorizations") == ["review_cost", "review_denial"]
    job.fields["sub_status"] = "Under Review"
    await job.becomes("Accepted")
    assert (await job.page()).tasks("support_services") == ["review_claim"]
    await job.ok("denial_confirmed", "decision_desk", reason="The damage isn't covered")
    assert (await job.page()).tasks("authorizations") == ["review_cost"]
    said = {"reason": "part_update", "detail": "Why was it denied?"}
    status, body = await job.refused("contact_spoc", LEADER, **said)
    assert (status, body["rule"]) == (409, "SPOC-44")
    await job.becomes("Completed")
    page = await job.ends_as("closed")
    assert [task for task in page.shown["tasks"] if task["status"] == "open"] == []


@pytest.mark.rule("SPOC-12")
async def test_mails_that_reach_nobody_become_calls(desk: Desk) -> None:
    job = await overdue(desk, assigned_to=tulsa_plumbing(email=None))
    page = await job.page()
    assert [mail["state"] for mail in page.shown["emails"]] == ["bounced"]
    assert page.tasks(LEADER) == ["missing_report", "reach_otherwise"]
    job.fields["assigned_to"]["spoc_email"] = None
    await job.note("On our way", role="provider")
    await job.ok("ask_provider", LEADER, channel="phone")
    await job.ok("contact_spoc", LEADER, reason="no_service_report", detail="Where is it?")
    page = await job.page()
    assert [mail["to"] for mail in page.shown["emails"]] == ["", ""]
    assert page.task_texts("reach_otherwise")[-1] == (
        "Call the SPoC specialist. Our e-mail about the help we need did not reach them."
    )


# --- the beginning ----------------------------------------------------------------------------


@pytest.mark.rule("SPOC-11")
async def test_only_the_diagnosis_of_a_provider_with_a_specialist_begins_it(desk: Desk) -> None:
    job = await accepted(desk, assigned_to=tulsa_plumbing(spoc_email=None))
    assert (await confirms(job))["outcome"] == "ignored"
    job.fields["assigned_to"]["spoc_email"] = SPECIALIST
    assert (await confirms(job, kind="repair"))["outcome"] == "ignored"
    assert (await confirms(job))["outcome"] == "started"
    await job.rests()


@pytest.mark.rule("SPOC-11")
async def test_a_specialist_whom_only_the_directory_knows_is_mailed(desk: Desk) -> None:
    listed = {"number": LISTED_PROVIDER, "spoc_email": None}
    job = await overdue(desk, assigned_to=tulsa_plumbing(**listed))
    await job.ok("ask_provider", LEADER, channel="phone")
    await job.ok("contact_spoc", LEADER, reason="no_service_report", detail="Where is it?")
    page = await job.page()
    assert page.shown["emails"][-1]["to"] == "robin.ames@warranty.example"
    assert page.shown["job"]["assigned_to"]["spoc_email"] is None
    assert "Hello Robin Ames," in desk.letterbox.about(job.id)[-1].text


async def test_a_report_that_is_older_than_the_news_of_the_diagnosis_counts(desk: Desk) -> None:
    job = await accepted(desk, diagnostic_report_at=iso(now()))
    await confirms(job, now() - timedelta(hours=3))
    page = await job.page()
    assert (page.stage, page.shown["emails"]) == ("report_received", [])
    await job.becomes("Completed")
    await job.ends_as("closed")


async def test_a_report_that_only_the_job_shows_is_taken_for_complete(desk: Desk) -> None:
    job = await awaiting(desk)
    job.fields["diagnostic_report_at"] = iso(now())
    await job.becomes("Accepted")
    assert (await job.page()).stage == "report_received"


async def test_what_comes_in_late_does_not_undo_what_is_newer(desk: Desk) -> None:
    job = await awaiting(desk, now() - timedelta(days=20))
    put_off_to = now() - timedelta(hours=2)
    await confirms(job, put_off_to)
    await job.until("awaiting_report")
    too_late = {"occurred_at": now() - timedelta(days=21)}
    said = {"kind": "diagnosis", "at": iso(now() - timedelta(days=19))}
    await job.event("job.appointment_confirmed", said, **too_late)
    await job.event("job.report_submitted", {"complete": True}, **too_late)
    page = await job.page()
    assert (page.stage, page.due_at) == ("awaiting_report", business_days_after(put_off_to, 1))

    await reports(job)
    an_hour_ago = {"occurred_at": now() - timedelta(hours=1)}
    await job.event("job.report_submitted", {"complete": False}, **an_hour_ago)
    page = await job.page()
    assert (page.stage, page.tasks(LEADER)) == ("report_received", [])


async def test_a_report_stays_where_the_diagnosis_turns_out_to_be_before_it(desk: Desk) -> None:
    job = await partial(desk)
    await confirms(job, now() - timedelta(hours=3))
    page = await job.page()
    assert (page.stage, page.tasks(LEADER)) == ("missing_information", ["missing_information"])


async def test_what_the_job_shows_of_a_partial_report_does_not_complete_it(desk: Desk) -> None:
    job = await awaiting(desk)
    await job.event("job.report_submitted", {"complete": False})
    await job.until("missing_information")
    job.fields["diagnostic_report_at"] = iso(now())
    await job.becomes("Accepted")
    assert (await job.page()).stage == "missing_information"


@pytest.mark.rule("SPOC-11")
async def test_a_diagnosis_with_another_provider_of_the_programme_is_followed_anew(
    desk: Desk,
) -> None:
    job = await overdue(desk)
    job.fields["assigned_to"] = tulsa_plumbing(number="4712", name="Broken Arrow Plumbing")
    await confirms(job, now() + timedelta(days=20))
    await job.until("awaiting_report")
    page = await job.page()
    assert (page.tasks(LEADER), page.promises[-1][0]) == ([], "SPOC-13")


# --- engaging the Area Manager ----------------------------------------------------------------


@pytest.mark.rule("G-16")
async def test_of_one_code_only_one_exception_is_open(desk: Desk) -> None:
    job = await contacted(desk)
    said = {"exception_code": "NO RESPONSE", "comment": "Silent"}
    await job.ok("engage_area_manager", LEADER, **said)
    escalation = job.of("am-escalation")
    await desk.eventually(escalation, lambda shown: len(_tasks(shown, "review_exception")) == 1)
    await escalation.rests()
    await confirms(job, now() + timedelta(days=3))
    await job.until("awaiting_report")
    before = await job.page()
    status, body = await job.refused("engage_area_manager", LEADER, **said)
    assert (status, body["rule"]) == (409, "AM-17")
    page = await job.page()
    assert (page.stage, page.notes, page.promises) == (
        "awaiting_report",
        before.notes,
        before.promises,
    )
    await job.ok("engage_area_manager", LEADER, **said | {"exception_code": "SP UNRESPONSIVE"})
    await job.until("area_manager_engaged")
    await desk.eventually(escalation, lambda shown: len(_tasks(shown, "review_exception")) == 2)
    page = await escalation.page()
    assert [each["status"] for each in page.shown["exceptions"]] == ["Open", "Open"]
