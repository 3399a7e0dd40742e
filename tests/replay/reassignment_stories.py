"""Stories of the conference to be recorded: every stage, end and command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.conferences import (
    AGENT,
    AT_ANY_HOUR,
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
    out_of_hours,
    unserved,
)
from tests.desk import Desk, Told, acting, iso, now
from tests.options import FRIDGE, falls_due, supervisors

_START = {"reason": TOO_LATE, "urgent": False, "candidates": [TULSA]}


async def an_appointment(desk: Desk) -> Told:
    """One does not answer, one comes too late, the third is connected with the customer."""
    third = listed("Third", "4714", "74101")
    job = await calling(desk, TULSA, OKLAHOMA, third)
    await job.ok("provider_no_answer", AGENT)
    late = {"available": True, "earliest_appointment": in_days(9)}
    await job.ok("provider_answered", AGENT, **late)
    await job.ok("provider_answered", AGENT, available=True, earliest_appointment=in_days(1))
    await job.ok("provider_conference", AGENT, agrees=True)
    await job.ok("customer_conference", AGENT, agrees=True)
    await job.ok("appointment_captured", AGENT, at=in_days(2))
    return job


async def a_travel_fee(desk: Desk) -> Told:
    """A fee is approved, the customer cannot join, and nobody hears of an appointment."""
    job = await fee_asked(desk)
    await job.ok("approve_travel_fee", "supervisor", amount="30.00")
    await job.ok("provider_conference", AGENT, agrees=True)
    await job.ok("customer_conference", AGENT, agrees=False)
    await job.fast_forward("37h")
    return job


async def a_declined_fee(desk: Desk) -> Told:
    job = await fee_asked(desk)
    await job.ok("decline_travel_fee", "supervisor")
    return job


async def a_line_that_breaks_off(desk: Desk) -> Told:
    """The next provider calls the customer itself; a reassignment anew replaces the look at it."""
    job = await conferencing(desk)
    await job.ok("provider_no_answer", AGENT)
    await job.ok("provider_answered", AGENT, available=True)
    await job.ok("provider_no_answer", AGENT)
    await job.ok("provider_answered", AGENT, available=True)
    await job.ok("provider_conference", AGENT, agrees=False, will_contact_by=in_days(1))
    await job.ok("start_reassignment", "dispatch", **_START)
    await job.ok("provider_answered", "dispatch", available=False, reason="No van")
    return job


async def given_unheard(desk: Desk) -> Told:
    job = await unserved(desk.under("reassignment.no_answer_fallback = true\n" + AT_ANY_HOUR))
    in_calendar = {**TULSA, "source": "calendar"}
    await job.ok("start_reassignment", AGENT, **{**_START, "candidates": [in_calendar]})
    await job.ok("provider_no_answer", AGENT)
    await job.fast_forward("37h")
    return job


async def nobody_at_this_hour(desk: Desk) -> Told:
    """A supervisor has an urgent customer's providers called; the next job goes to Dispatch."""
    job = await out_of_hours(desk)
    await job.ok("supervisor_decision", "supervisor", option="emergency_line", note="Burst pipe")
    await job.ok("provider_answered", AGENT, available=False)
    await job.ok("start_reassignment", AGENT, **{**_START, "candidates": [CLOSED]})
    await job.ok("start_reassignment", AGENT, **{**_START, "urgent": True, "candidates": [CLOSED]})
    await job.ok("supervisor_decision", "supervisor", option="dispatch")
    return job


async def an_emergency_at_night(desk: Desk) -> Told:
    job = await unserved(desk.under(supervisors(at_hand=True)), severity="Emergency", item=FRIDGE)
    await job.ok("start_reassignment", AGENT, **{**_START, "candidates": [CLOSED]})
    await job.refused("supervisor_decision", "supervisor", option="apo")
    await job.ok("supervisor_decision", "supervisor", option="apo", in_network_exhausted=True)
    return job


async def silent_agent(desk: Desk) -> Told:
    job = await agreed(desk)
    await falls_due(job, times=2)
    return job


async def taken_elsewhere(desk: Desk) -> Told:
    job = await available(desk)
    job.fields.update(assigned_to={"name": "Other", "number": "4799"}, assigned_at=iso(now()))
    await job.assigned()
    return job


async def signals_that_no_agent_gives(desk: Desk) -> Told:
    job = await agreed(desk)
    await job.signal("hang_up", {"actor": acting(AGENT)})
    await job.signal("customer_conference", {"actor": acting(AGENT)})
    await job.signal("appointment_captured", {"actor": acting(AGENT), "at": in_days(1)})
    await job.signal("customer_conference", {"actor": acting(AGENT), "agrees": True})
    await job.page()
    job.fields["status"] = "Cancelled"
    await job.event("job.cancelled")
    return job


async def conference_cancelled_in_temporal(desk: Desk) -> Told:
    job = await calling(desk)
    await job.handle.cancel()
    return job


async def long_list(desk: Desk) -> Told:
    """So many providers that the reassignment goes on in a new history."""
    many = [listed(f"Provider {n}", f"5{n:03}", "74101") for n in range(9)]
    job = await calling(desk, *many, severity="Medical Emergency")
    for _ in many:
        await job.ok("provider_no_answer", AGENT)
        await job.rests()
    return job


async def a_late_appointment(desk: Desk) -> Told:
    """The customer is cut off, called again, and agrees to a late appointment; edition 4."""
    job = await calling(desk, TULSA, OKLAHOMA)
    await job.ok("provider_no_answer", AGENT, customer_dropped=True)
    await job.ok("provider_answered", AGENT, available=True, earliest_appointment=in_days(1))
    await job.ok("provider_conference", AGENT, agrees=True)
    await job.ok("customer_conference", AGENT, agrees=True)
    await job.ok("appointment_captured", AGENT, at=in_days(9), customer_agrees=True)
    return job


STORIES: tuple[Callable[[Desk], Awaitable[Told]], ...] = (
    an_appointment,
    a_travel_fee,
    a_declined_fee,
    a_late_appointment,
    a_line_that_breaks_off,
    given_unheard,
    nobody_at_this_hour,
    an_emergency_at_night,
    silent_agent,
    taken_elsewhere,
    signals_that_no_agent_gives,
    conference_cancelled_in_temporal,
    long_list,
)
