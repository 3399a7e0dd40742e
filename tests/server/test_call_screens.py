"""Call screens: what somebody on the phone sees of each step; nothing that others wrote runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.conferences import (
    AGENT,
    AT_ANY_HOUR,
    OKLAHOMA,
    TULSA,
    WAYS,
    calling,
    in_days,
    open_until,
    unserved,
)
from tests.desk import Desk, account
from tests.desk_forms import Page, Sitter

SCRIPT = "<script>alert(1)</script>"
HEADINGS: Mapping[str, str] = {
    "calling_provider": "Call Tulsa Plumbing",
    "travel_fee_review": "City Plumbers asks for a travel fee",
    "asking_provider": "Ask Tulsa Plumbing to join a conference",
    "asking_customer": "Ask the customer to join",
    "conferencing": "Set the appointment with Tulsa Plumbing",
    "supervisor_review": "A supervisor decides",
}


async def screen(desk: Desk, job_id: str, lifecycle: str, role: str) -> Page:
    sitter = await Sitter.of(desk, role)
    return await sitter.opens(f"/console/jobs/{job_id}/call/{lifecycle}")


def buttons(page: Page, job_id: str, lifecycle: str) -> list[str]:
    """Return the commands that a screen has buttons for, in order."""
    before = f"/console/jobs/{job_id}/{lifecycle}/"
    return [address.removeprefix(before) for address in page.forms if address.startswith(before)]


@pytest.mark.parametrize("stage", WAYS)
async def test_each_step_of_a_conference_has_its_screen(desk: Desk, stage: str) -> None:
    job = await WAYS[stage](desk)
    page = await screen(desk, job.id, "reassignment", AGENT)
    assert HEADINGS[stage] in page.words
    for line in (await job.standing()).get("guide", []):
        said = line.partition(": ")[2].split(" (`")[0].replace("[customer's name]", "Ada Byron")
        assert said.split(". ")[0].rstrip(".") in page.words
    whose = "supervisor" if "review" in stage else AGENT
    theirs = await screen(desk, job.id, "reassignment", whose)
    assert buttons(theirs, job.id, "reassignment")
    if whose != AGENT:
        assert buttons(page, job.id, "reassignment") == []
        assert "A supervisor can" in page.words


async def test_the_provider_s_clock_and_calling_hours_stand_beside_the_number(desk: Desk) -> None:
    job = await unserved(desk.under(open_until("America/Chicago", 60)))
    said = {"reason": "Too late", "urgent": False, "candidates": [TULSA, OKLAHOMA]}
    await job.ok("start_reassignment", AGENT, **said)
    page = await screen(desk, job.id, "reassignment", AGENT)
    assert 'href="tel:918-555-4711"' in page.html
    assert "Calling hours end" in page.words
    assert " CT " in page.words
    assert "Next City Plumbers (4712)" in page.words
    call = (await job.standing())["call"]
    assert (call["name"], call["zones"], call["called"], call["most"]) == (
        "Tulsa Plumbing",
        ["America/Chicago"],
        1,
        2,
    )
    ended = await WAYS["conferencing"](desk)
    await ended.ok("appointment_captured", AGENT, at=in_days(1))
    assert "call" not in await ended.standing()
    assert "Appointment confirmed" in (await screen(desk, ended.id, "reassignment", AGENT)).words


async def test_dispatch_explains_apo_and_an_agent_answers_the_customer(desk: Desk) -> None:
    job = (await unserved(desk)).of("apo")
    said = {"reason": "Nobody within 60 miles", "in_network_exhausted": True}
    await job.ok("offer_apo", "dispatch", **said)
    caller = await screen(desk, job.id, "apo", "dispatch")
    assert "Call the customer about APO" in caller.words
    assert "This is [your name] with" in caller.words
    assert "If the estimate is $300.00 or less" in caller.words
    assert set(buttons(caller, job.id, "apo")) == {"customer_reached", "customer_not_reached"}
    agent = await screen(desk, job.id, "apo", AGENT)
    assert "Dispatch explains APO to this customer." in agent.words
    await job.ok("customer_reached", "dispatch", outcome="accepted")
    robin = await Sitter.of(desk, AGENT)
    address = f"/console/jobs/{job.id}/call/apo"
    page = await robin.opens(address)
    assert "Compare the e-mail address on file (ada@example.com)" in page.words
    assert "E-mail on file ada@example.com" in page.words
    answer = await robin.sends(page, f"/console/jobs/{job.id}/apo/estimate_submitted", amount="240")
    assert answer.headers["location"].startswith(f"{address}?said=")
    told = await robin.opens(answer.headers["location"])
    assert "The repair can go ahead" in told.words
    assert "`" not in told.words


async def test_who_decides_on_apo_reads_why_it_was_requested_and_decides_there(desk: Desk) -> None:
    job = (await unserved(desk)).of("apo")
    said = {"reason": "Nobody <within> 60 miles", "in_network_exhausted": True}
    await job.ok("request_apo", "escalations", **said)
    decides = (await job.standing())["waiting_on"]
    why = "(Escalations): Nobody <within> 60 miles."
    agent = await screen(desk, job.id, "apo", AGENT)
    who = {"supervisor": "A supervisor", "dispatch": "Dispatch"}[decides]
    assert f"{who} is deciding whether to offer APO" in agent.words
    assert "APO isn't open" not in agent.words
    assert "approve_apo" not in buttons(agent, job.id, "apo")
    theirs = await screen(desk, job.id, "apo", decides)
    assert {"approve_apo", "decline_apo"} <= set(buttons(theirs, job.id, "apo"))
    assert why in theirs.words
    sitter = await Sitter.of(desk, decides)
    assert why in (await sitter.opens(f"/console/jobs/{job.id}/apo/approve_apo")).words
    found = await desk.http.get(f"/tasks?job_id={job.id}&role={decides}&status=open")
    assert any(why in task["text"] for task in found.json()["items"])
    page = await sitter.opens(f"/console/jobs/{job.id}")
    assert why in page.words
    assert "call/apo" not in page.html


async def test_no_time_is_shown_where_nobody_knows_the_zone(desk: Desk) -> None:
    by_our_clock = f'[reassignment]\nunknown_zip = "company_clock"\n{AT_ANY_HOUR}'
    job = await unserved(desk.under(by_our_clock))
    said = {"reason": "Too late", "urgent": False, "candidates": [{**TULSA, "zip": None}]}
    await job.ok("start_reassignment", AGENT, **said)
    page = await screen(desk, job.id, "reassignment", AGENT)
    assert "Local time not known: no known ZIP Code was entered." in page.words
    assert "There: " not in page.html.partition('id="whom-2"')[0]
    assert "Eastern Time: the provider's own zone isn't known" in page.words


async def test_a_refused_outcome_stays_the_small_form_that_it_was(desk: Desk) -> None:
    job = await calling(desk)
    agent = await Sitter.of(desk, AGENT)
    address = f"/console/jobs/{job.id}/reassignment/provider_answered"
    page = await agent.opens(f"/console/jobs/{job.id}/call/reassignment")
    fields = dict(page.forms[address])  # of the last button of the command: Can't take the job
    assert fields["part"] == "-can-t-take-the-job"
    answer = await agent.http.post(address, data=fields | {"reason": "x" * 9000})
    assert answer.status_code == 422
    again = Page(answer.text)
    assert dict(again.forms[address]).keys() == fields.keys()
    assert "Soonest appointment" not in again.words
    assert dict(again.forms[address])["available"] == "no"


async def test_a_call_begins_and_goes_on_on_its_screen(desk: Desk) -> None:
    job = await unserved(desk)
    page = await screen(desk, job.id, "reassignment", AGENT)
    assert "Nobody is on the phone yet" in page.words
    assert buttons(page, job.id, "reassignment") == ["start_reassignment"]
    assert "No call screen" not in page.words


async def test_names_of_others_stay_text(desk: Desk) -> None:
    customer: dict[str, Any] = {"name": SCRIPT, "phone": SCRIPT, "zip": SCRIPT, "email": SCRIPT}
    job = await calling(
        desk,
        {**TULSA, "name": SCRIPT, "phone": SCRIPT},
        customer={**customer, "state": "OK"},
        item={"name": SCRIPT, "category": "other"},
        assigned_to=account(SCRIPT, "4700"),
    )
    page = await screen(desk, job.id, "reassignment", AGENT)
    assert "<script>alert" not in page.html
    assert "&lt;script&gt;alert" in page.html


async def test_nobody_is_told_to_ask_their_own_role_nor_reads_an_identifier(desk: Desk) -> None:
    job = await WAYS["supervisor_review"](desk)
    agent = await screen(desk, job.id, "reassignment", AGENT)
    assert "Ask a supervisor to decide: emergency lines, APO or Dispatch." in agent.words
    sam = await Sitter.of(desk, "supervisor")
    for address in (f"/console/jobs/{job.id}/call/reassignment", f"/console/jobs/{job.id}"):
        page = await sam.opens(address)
        assert "You can decide: emergency lines, APO or Dispatch." in page.words
        assert "(`" not in page.words
        assert "(<code>supervisor_decision" not in page.html


async def test_what_is_said_of_a_call_is_logged_for_no_other(desk: Desk) -> None:
    job = await calling(desk)
    cora, carl = await Sitter.of(desk, AGENT, "Cora"), await Sitter.of(desk, AGENT, "Carl")
    screens = f"/console/jobs/{job.id}/call/reassignment"
    missed, answered = (
        f"/console/jobs/{job.id}/reassignment/{command}"
        for command in ("provider_no_answer", "provider_answered")
    )
    hers, his = await cora.opens(screens), await carl.opens(screens)
    assert (await carl.sends(his, missed)).status_code == 303
    late = await cora.sends(hers, missed)
    for _ in range(2):
        assert late.status_code == 409
        words = Page(late.text).words
        assert "Carl already logged this call." in words
        assert "Now call City Plumbers. What you typed was not logged." in words
        assert f'href="{screens}"' in late.text
        late = await cora.sends(hers, answered, available="no", reason="On leave")
    assert "On leave" in late.text
    again = await cora.sends(Page(late.text), answered)
    assert again.status_code == 409, "the form stays one of the call that it was made for"
    assert (await job.standing())["call"]["name"] == "City Plumbers"
    twice = await carl.sends(his, missed)
    assert twice.status_code == 303, "the same message again is the same answer"
    assert (await job.standing())["call"]["name"] == "City Plumbers"
    assert (await cora.sends(await cora.opens(screens), missed)).status_code == 303


async def test_ticks_of_a_guide_are_those_of_one_call(desk: Desk) -> None:
    job = await calling(desk)
    boxes = re.compile(r'id="(done-[^"]+)"')
    first = boxes.findall((await screen(desk, job.id, "reassignment", AGENT)).html)
    await job.ok("provider_no_answer", AGENT)
    second = boxes.findall((await screen(desk, job.id, "reassignment", AGENT)).html)
    assert first
    assert second
    assert not set(first) & set(second)


async def test_a_call_that_is_over_leads_to_the_job(desk: Desk) -> None:
    job = await WAYS["conferencing"](desk)
    robin = await Sitter.of(desk, AGENT)
    address = f"/console/jobs/{job.id}/reassignment/provider_no_answer"
    page = await robin.opens(address)
    await job.ok("appointment_captured", AGENT, at=in_days(1))
    late = await robin.sends(page, address)
    assert late.status_code == 409
    assert "The call is over." in Page(late.text).words
    page.forms[address] = [each for each in page.forms[address] if each[0] != "step"]
    late = await robin.sends(page, address)
    assert late.status_code == 404
    assert "GET /" not in late.text
    assert "steward show" not in late.text
    assert f'<a class="button" href="/console/jobs/{job.id}">Open the job</a>' in late.text
