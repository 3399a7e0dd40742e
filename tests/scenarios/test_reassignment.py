"""The conference as it goes, from the first call to its ends."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from activities.postman import NotTakenError
from domain.texts import OUT_OF_HOURS_NOTE
from tests.conferences import (
    AGENT,
    CLOSED,
    OKLAHOMA,
    TOO_LATE,
    TULSA,
    agreed,
    available,
    calling,
    conferencing,
    fee_asked,
    in_days,
    listed,
    open_until,
    out_of_hours,
    unserved,
)
from tests.desk import Desk, Page, Told, account, acting, ago, iso, now
from tests.options import FRIDGE, falls_due, since, supervisors

START = {"reason": TOO_LATE, "urgent": False, "candidates": [TULSA]}


async def ended(job: Told, stage: str) -> Page:
    """Return the page of a job that ended so, though its workflow still has an eye on it."""
    page = Page(await job.until(stage), "reassignment")
    assert (page.standing["outcome"], page.waiting_on, page.due_at) == (stage, None, None)
    may_be_dismissed = ["dismiss_attention"] if page.attention else []
    assert (page.standing["allowed"], "guide" in page.standing) == (may_be_dismissed, False)
    assert None not in [outcome for _, outcome in page.promises]
    return page


# --- to an appointment ------------------------------------------------------------------------


@pytest.mark.rule("CONF-03")
@pytest.mark.rule("CONF-04")
@pytest.mark.rule("CONF-18")
@pytest.mark.rule("CONF-36")
@pytest.mark.rule("CONF-37")
@pytest.mark.rule("CONF-38")
@pytest.mark.rule("CONF-39")
@pytest.mark.rule("G-54")
async def test_an_appointment_is_agreed_on_in_a_conference(desk: Desk) -> None:
    """One does not answer, one comes too late, the third is brought together with the customer."""
    third = listed("Third", "4714", "74101")
    job = await unserved(desk.under('[reassignment.calling]\nopens="00:00"\ncloses="24:00"'))
    began = await job.ok(
        "start_reassignment", AGENT, **{**START, "candidates": [TULSA, OKLAHOMA, third]}
    )
    assert (began["stage"], began["waiting_on"]) == ("calling_provider", AGENT)
    assert began["result"]["call"]["number"] == "4711"
    guide = began["result"]["guide"]
    assert any(
        "in Tulsa, 74101, who needs a repair of their kitchen faucet" in line for line in guide
    )
    page = await job.page()
    assert page.standing["guide"] == guide
    why = (await desk.http.get(f"/jobs/{job.id}/why")).json()["items"]
    assert [item["guide"] for item in why] == [guide]

    nobody = await job.ok("provider_no_answer", AGENT)
    assert nobody["result"]["call"]["name"] == "City Plumbers"
    late = {"available": True, "contact_name": "Jo", "earliest_appointment": in_days(9)}
    following = await job.ok("provider_answered", AGENT, **late)
    assert following["result"]["call"]["name"] == "Third"
    answered = await job.ok(
        "provider_answered", AGENT, available=True, earliest_appointment=in_days(1)
    )
    assert (answered["stage"], answered["result"]["call"]) == ("asking_provider", None)
    assert (await job.ok("provider_conference", "escalations", agrees=True))["stage"] == (
        "asking_customer"
    )
    assert (await job.ok("customer_conference", AGENT, agrees=True))["stage"] == "conferencing"
    at = in_days(2)
    done = await job.ok("appointment_captured", AGENT, at=at)
    assert done["stage"] == "appointment_confirmed"
    page = await job.ends_as("appointment_confirmed")
    shown = page.shown["job"]
    assert (page.assigned_to, shown["sub_status"]) == ("Third", "Confirmed Appointment")
    assert datetime.fromisoformat(shown["appointment_at"]) == datetime.fromisoformat(at)
    assert page.note("Conference held with the customer and Third (4714). Appointment: ")
    assert page.note("Tulsa Plumbing (4711) didn't answer. No message was left.")
    assert page.note("Jo at City Plumbers (4712) can't come within the acceptable time", "CONF-13")
    assert page.note(TOO_LATE, "City Plumbers (4712) from Extended Zip")
    assert [re.search(r"[AP]M CT\b", note) is not None for note in page.notes].count(True) == 1
    offered = [rule for _, said, rule in page.journal if said.startswith("Offered appointment: ")]
    assert offered == ["CONF-13", "CONF-22"]
    assert {outcome for _, outcome in page.promises} == {"kept"}


@pytest.mark.rule("CONF-10")
@pytest.mark.rule("CONF-11")
@pytest.mark.rule("CONF-20")
@pytest.mark.rule("CONF-34")
@pytest.mark.rule("CONF-35")
@pytest.mark.rule("G-56")
@pytest.mark.rule("G-58")
async def test_a_travel_fee_and_a_customer_who_cannot_join(desk: Desk) -> None:
    """The first refuses, the second wants 45.00 and gets 30.00; nobody hears of an appointment."""
    job = await calling(desk, TULSA, OKLAHOMA)
    status, second = await job.refused("start_reassignment", "dispatch", **START)
    assert (status, "Sam (Customer Service)" in second["instead"]) == (409, True)

    await job.ok("provider_answered", AGENT, available=False, reason="No van today")
    asked = await job.ok(
        "provider_answered",
        AGENT,
        available=True,
        earliest_appointment=in_days(1),
        travel_fee="45.00",
    )
    assert (asked["stage"], asked["waiting_on"]) == ("travel_fee_review", "supervisor")
    page = await job.page()
    assert "Asked: $45.00; by distance: $101.00" in page.task("decide_travel_fee")["text"]
    given = await job.ok("approve_travel_fee", "supervisor", amount="30.00")
    assert given["stage"] == "asking_provider"
    assert any("$30.00" in line for line in given["result"]["guide"])
    await job.ok("provider_conference", AGENT, agrees=True)
    left = await job.ok("customer_conference", AGENT, agrees=False)
    assert left["stage"] == "provider_will_call"
    assert any("Please call them" in line for line in left["result"]["guide"])

    page = await ended(job, "provider_will_call")
    assert page.assigned_to == "City Plumbers"
    assert page.note("can't take the job: No van today")
    assert page.note("approved $30.00", "$45.00", "$101.00")
    assert page.tasks("supervisor") == []
    assert page.mails == [("ada@example.com", "provider_information", "sent")]
    letter = desk.letterbox.about(job.id)[-1].text
    assert "City Plumbers\n918-555-4712" in letter

    await job.fast_forward("35h")
    assert (await job.page()).tasks(AGENT) == []
    await job.fast_forward("2h")
    assert await job.outcome() == "provider_will_call"
    assert (await job.page()).tasks(AGENT) == ["unscheduled"]


@pytest.mark.rule("CONF-24")
@pytest.mark.rule("CONF-25")
@pytest.mark.rule("CONF-26")
@pytest.mark.rule("G-58")
async def test_a_provider_who_calls_the_customer_itself(desk: Desk) -> None:
    """It keeps its word: nobody is asked to see to it."""
    job = await available(desk)
    will = await job.ok("provider_conference", AGENT, agrees=False, will_contact_by=in_days(1))
    assert any("will call you to schedule" in line for line in will["result"]["guide"])
    page = await ended(job, "provider_will_call")
    assert (page.assigned_to, page.mails) == ("Tulsa Plumbing", [])
    assert page.note("without a conference and will contact the customer by ")
    job.fields |= {"assigned_to": account("Tulsa Plumbing", "4711"), "appointment_at": in_days(2)}
    await job.event("job.appointment_confirmed", {"kind": "diagnosis", "at": in_days(2)})
    await job.fast_forward("37h")
    assert await job.outcome() == "provider_will_call"
    assert (await job.page()).tasks(AGENT) == []


@pytest.mark.rule("G-57")
async def test_a_line_breaks_off_and_the_next_reassignment_begins_anew(desk: Desk) -> None:
    job = await conferencing(desk)
    again = await job.ok("provider_no_answer", AGENT)
    assert again["result"]["call"]["name"] == "Tulsa Plumbing"
    await job.ok("provider_answered", AGENT, available=True)
    gone = await job.ok("provider_no_answer", AGENT)
    assert gone["result"]["call"]["name"] == "City Plumbers"
    page = await job.page()
    assert [note.endswith(" was cut off.") for note in page.notes].count(True) == 2
    await job.ok("provider_answered", AGENT, available=True)
    await job.ok("provider_conference", AGENT, agrees=False)
    first = await job.run_id()
    await ended(job, "provider_will_call")

    anew = await job.ok("start_reassignment", "dispatch", **START)
    assert (anew["stage"], anew["result"]["call"]["name"]) == ("calling_provider", "Tulsa Plumbing")
    assert await job.run_id() != first
    await job.ok("provider_answered", "dispatch", available=False)
    page = await job.ends_as("sent_to_dispatch")
    assert page.assigned_to == "Procure Vendor"
    assert page.note("No provider took the job. Providers called: 1.")


async def test_a_declined_fee_leads_to_the_next(desk: Desk) -> None:
    job = await fee_asked(desk)
    declined = await job.ok("decline_travel_fee", "supervisor", amount="20.00")
    assert declined["stage"] == "sent_to_dispatch"
    page = await job.ends_as("sent_to_dispatch")
    assert page.note("declined. The most we would pay is $20.00.")
    assert page.tasks("supervisor") == []


@pytest.mark.rule("G-53")
async def test_the_calendars_first_gets_a_job_unheard_where_the_policy_says_so(desk: Desk) -> None:
    policy = "reassignment.no_answer_fallback = true\n"
    desk = desk.under(policy + '[reassignment.calling]\nopens = "00:00"\ncloses = "24:00"\n')
    job = await unserved(desk)
    in_calendar = {**TULSA, "source": "calendar"}
    await job.ok("start_reassignment", AGENT, **{**START, "candidates": [OKLAHOMA, in_calendar]})
    await job.ok("provider_no_answer", AGENT)
    desk.letterbox.failures[job.id] = [NotTakenError("550 nobody", for_good=True)]
    await job.ok("provider_no_answer", AGENT)
    page = await ended(job, "provider_will_call")
    assert (page.assigned_to, page.mails[0][1]) == ("Tulsa Plumbing", "provider_information")
    assert page.note("No provider accepted. Assigned to Tulsa Plumbing (4711)", "G-53")
    page = await job.page()
    assert (page.tasks(AGENT), page.attention) == (["tell_customer"], ["delivery_failed"])
    await job.handle.terminate()


# --- the hour ---------------------------------------------------------------------------------


@pytest.mark.rule("CONF-05")
async def test_a_window_closes_between_two_calls(desk: Desk) -> None:
    """At 17:59 in Phoenix the second is called there, at 18:00 the next one in Honolulu."""
    first, second = (listed(f"Phoenix {n}", f"480{n}", "85001") for n in (1, 2))
    honolulu = listed("Honolulu", "4803", "96813")
    evening = desk.under(open_until("America/Phoenix", minutes=20))
    job = await unserved(evening)
    called = {**START, "candidates": [first, second, honolulu]}
    began = await job.ok("start_reassignment", AGENT, **called)
    closes = datetime.fromisoformat(began["result"]["call"]["until"])
    await job.fast_forward_to(closes - timedelta(minutes=1))
    at_17_59 = await job.ok("provider_no_answer", AGENT)
    assert at_17_59["result"]["call"]["name"] == "Phoenix 2"
    await job.fast_forward_to(closes)
    at_18_00 = await job.ok("provider_no_answer", AGENT)
    assert at_18_00["result"]["call"]["name"] == "Honolulu"
    await job.ok("provider_no_answer", AGENT)
    page = await job.ends_as("sent_to_dispatch")
    assert page.note("Providers called: 3.")

    job = await unserved(evening)
    await job.ok("start_reassignment", AGENT, **{**START, "candidates": [first, second]})
    await job.fast_forward_to(closes)
    sent = await job.ok("provider_no_answer", AGENT)
    assert sent["stage"] == "sent_to_dispatch"
    page = await job.ends_as("sent_to_dispatch")
    assert page.note(OUT_OF_HOURS_NOTE)["author"]["name"] == "Sam"


@pytest.mark.rule("CONF-07")
@pytest.mark.rule("CONF-08")
async def test_nobody_may_be_called_at_this_hour(desk: Desk) -> None:
    job = await unserved(desk)
    sent = await job.ok("start_reassignment", AGENT, **{**START, "candidates": [CLOSED]})
    assert (sent["stage"], sent["result"]["call"]) == ("sent_to_dispatch", None)
    page = await job.ends_as("sent_to_dispatch")
    assert page.assigned_to == "Procure Vendor"
    assert page.notes[-1] == (
        "Local time for providers is outside permitted calling time, sent to dispatch"
    )
    empty = await job.ok("start_reassignment", "dispatch", **{**START, "candidates": []})
    assert empty["stage"] == "sent_to_dispatch"
    assert (await job.page()).assignments.count("Procure Vendor") == 1


@pytest.mark.rule("CONF-09")
@pytest.mark.rule("APO-20")
@pytest.mark.rule("APO-22")
async def test_an_emergency_at_night_ends_as_an_approved_option(desk: Desk) -> None:
    job = await unserved(desk.under(supervisors(at_hand=True)), severity="Emergency", item=FRIDGE)
    asked = await job.ok("start_reassignment", AGENT, **{**START, "candidates": [CLOSED]})
    assert (asked["stage"], asked["waiting_on"]) == ("supervisor_review", "supervisor")
    assert (await job.page()).tasks("supervisor") == ["decide_for_urgent_customer"]
    status, refusal = await job.refused("supervisor_decision", "supervisor", option="apo")
    assert (status, refusal["rule"]) == (409, "APO-22")
    chosen = await job.ok(
        "supervisor_decision", "supervisor", option="apo", in_network_exhausted=True
    )
    assert chosen["stage"] == "apo_started"
    page = await job.ends_as("apo_started")
    assert page.tasks("supervisor") == []
    shown = await desk.eventually(job, lambda shown: len(shown["lifecycles"]) > 1)
    option = Page(shown, "apo")
    assert option.stage == "contacting_customer"
    assert option.note("APO offered: ")["author"]["role"] == "supervisor"


@pytest.mark.rule("CONF-09")
async def test_an_urgent_customer_and_the_emergency_lines(desk: Desk) -> None:
    job = await out_of_hours(desk)
    lifted = await job.ok(
        "supervisor_decision", "supervisor", option="emergency_line", note="Burst pipe"
    )
    call = lifted["result"]["call"]
    assert (lifted["stage"], call["number"], call["until"]) == ("calling_provider", "4713", None)
    page = await job.page()
    assert page.note("emergency lines", "Burst pipe")["author"]["role"] == "supervisor"
    await job.ok("provider_answered", AGENT, available=False)
    await job.ends_as("sent_to_dispatch")

    job = await out_of_hours(desk)
    await job.ok("supervisor_decision", "supervisor", option="dispatch")
    assert (await job.ends_as("sent_to_dispatch")).note(OUT_OF_HOURS_NOTE)


@pytest.mark.rule("G-59")
async def test_a_job_that_plusone_holds_is_refused_before_any_call(desk: Desk) -> None:
    job = (await desk.searching()).of("reassignment")
    status, refusal = await job.refused("start_reassignment", "dispatch", **START)
    assert (status, refusal["rule"], refusal["instead"]) == (409, "PO-18", "add_service_job")
    assert [each["lifecycle"] for each in (await job.show())["lifecycles"]] == ["plus-one"]


@pytest.mark.rule("G-59")
@pytest.mark.rule("PO-19")
async def test_plusone_accepts_while_others_are_called(desk: Desk) -> None:
    """Its 48 hours were over, so the calls began; from its word on the job stays where it is."""
    job = await calling(
        desk, assigned_to=account("PlusOne Solutions", "700010237"), assigned_at=ago("72h")
    )
    await job.accepted()
    page = await job.ends_as("superseded")
    assert (page.assigned_to, page.status) == ("PlusOne Solutions", "Accepted")
    assert "PO-19" in [rule for _, _, rule in page.journal]


# --- silence, and what others do --------------------------------------------------------------


async def test_an_agent_who_says_nothing_more(desk: Desk) -> None:
    """After half an hour a supervisor is told, after two hours the job is Dispatch's."""
    job = await agreed(desk)
    began = since(await job.page())
    await falls_due(job)
    page = await job.page()
    assert (page.tasks("supervisor"), page.attention) == (["agent_silent"], ["overdue"])
    assert (page.stage, since(page)) == ("asking_customer", began)
    await falls_due(job)
    page = await job.ends_as("sent_to_dispatch")
    assert page.assigned_to == "Procure Vendor"
    assert page.note("The call hasn't continued for 2 hours. Sent to Dispatch.")
    assert (page.tasks("supervisor"), page.attention) == ([], [])
    assert [outcome for _, outcome in page.promises][-2:] == ["broken", "broken"]

    job = await out_of_hours(desk)
    await falls_due(job, times=2)
    assert (await job.ends_as("sent_to_dispatch")).note(OUT_OF_HOURS_NOTE)


async def test_the_job_system_goes_another_way(desk: Desk) -> None:
    job = await calling(desk)
    job.fields |= {"assigned_to": account("Other", "4799"), "assigned_at": iso(now())}
    await job.assigned()
    await job.ends_as("superseded")

    job = await calling(desk)
    await job.becomes("Cancelled")
    await job.ends_as("cancelled")

    job = await calling(desk)
    await job.becomes("Completed")
    await job.ends_as("superseded")

    job = await calling(desk)
    await job.handle.cancel()
    await job.ends_as("cancelled")


async def test_signals_that_cannot_be_followed_change_nothing(desk: Desk) -> None:
    job = await agreed(desk)
    before = await job.page()
    for name, payload in (
        ("appointment_captured", {"actor": acting(AGENT), "at": in_days(1)}),
        ("supervisor_decision", {"actor": acting("dispatch"), "option": "apo"}),
        ("customer_conference", {"actor": acting(AGENT)}),
        ("hang_up", {"actor": acting(AGENT)}),
    ):
        await job.signal(name, payload)
    page = await job.page()
    assert (page.stage, page.due_at, page.notes) == (before.stage, before.due_at, before.notes)
    assert page.attention == ["bad_message"]
    await job.signal("customer_conference", {"actor": acting(AGENT), "agrees": True})
    assert (await job.page()).stage == "conferencing"
