"""Stories of the Area Manager's escalation to be recorded: every stage, end and command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from activities.postman import NotTakenError
from tests.concerns import (
    LEAK,
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
from tests.follow_ups import overdue
from tests.options import falls_due

_AGENT = "customer_service"


async def never_reached(desk: Desk) -> Told:
    """From the customer's concern to the Area Manager, who settles it."""
    job = await repaired(desk)
    await job.event("customer.reported_concern", {"concern": LEAK})
    await job.page()
    await job.ok("provider_contacted", _AGENT, reached=False)
    await job.ok("customer_called_back", _AGENT)
    await job.fast_forward("25h")
    await job.event("customer.called", {"about": "Nobody came"})
    await job.page()
    await job.ok("second_contact_made", _AGENT, **UNANSWERED)
    await job.ok("admin_reviewed", "admin_team", comment="The third one")
    await job.ok("resolve", "area_manager", outcome="Comes on Friday")
    return job


async def nobody_acts(desk: Desk) -> Told:
    """Every reminder, and every supervisor's task."""
    job = await reported(desk)
    await falls_due(job, times=4)
    await job.ok("provider_contacted", _AGENT, reached=False)
    await job.fast_forward("25h")
    await job.ok("customer_called_back", _AGENT)
    await falls_due(job, times=4)
    await job.ok("second_contact_made", _AGENT, **UNANSWERED)
    await falls_due(job, times=4)
    await job.ok("admin_reviewed", "admin_team")
    await falls_due(job, times=4)
    await job.ok("resolve", "supervisor", outcome="Another provider repairs it")
    return job


async def settled_by_itself(desk: Desk) -> Told:
    """The second call settles it; the customer has one more concern, and then none."""
    job = await called_back(desk)
    await job.ok("second_contact_made", _AGENT, reached=True, resolved=True)
    await job.event("customer.reported_concern", {"concern": "It drips"})
    await job.page()
    await job.ok("second_contact_made", _AGENT, reached=True, resolved=True)
    job.fields.update(assigned_to=account("Other Plumbing", "4712"), assigned_at=iso(now()))
    await job.assigned()
    await job.ok("report_concern", _AGENT, concern="It drips again")
    await job.ok("second_contact_made", _AGENT, reached=True, resolved=True)
    await job.fast_forward("14d")
    return job


async def praised(desk: Desk) -> Told:
    """Praise alone; then praise beside a complaint, which is reviewed before it closes."""
    job = await repaired(desk)
    await job.ok("record_feedback", _AGENT, exception_code="GREAT SVC", comment="On a Sunday")
    await job.ok("admin_reviewed", "admin_team")
    await job.ok("resolve", "admin_team", outcome="Thanked them")
    await job.ok("report_concern", _AGENT, concern=LEAK)
    await job.ok("provider_contacted", _AGENT, reached=True, outcome="Comes back")
    await job.ok("record_feedback", _AGENT, exception_code="PROFILE UPDATE", comment="New phone")
    await falls_due(job)
    await job.ok("admin_reviewed", "admin_team")
    await job.ok("resolve", "admin_team", outcome="Changed")
    return job


async def a_threat(desk: Desk) -> Told:
    job = await engaged(desk)
    await job.ok("risk_reported", "parts_sourcing", description="A threat")
    return job


async def refused_by_the_store(desk: Desk) -> Told:
    """A code that is open elsewhere, and an Area Manager whom nobody knows."""
    job = await called_back(desk, assigned_to={**TULSA, "national_account": True, "zip": "99501"})
    await desk.opens_exception(job, "SP UNRESPONSIVE")
    await job.refused("second_contact_made", _AGENT, **UNANSWERED)
    await job.ok("second_contact_made", _AGENT, **{**UNANSWERED, "exception_code": "NCNS"})
    await job.refused("admin_reviewed", "admin_team")
    desk.letterbox.failures[job.id] = [NotTakenError("550 nobody", for_good=True)]
    await job.ok("admin_reviewed", "admin_team", area_manager_email="lee@warranty.example")
    await job.ok("admin_reviewed", "admin_team", area_manager_email="kit@warranty.example")
    job.fields["status"] = "Cancelled"
    await job.event("job.cancelled")
    return job


async def signals_that_nobody_can_follow(desk: Desk) -> Told:
    """Signals that are misspelt, not allowed or unreadable; then an agent resolves by signal."""
    job = await left_a_message(desk)
    agent = acting(_AGENT)
    await job.signal("resolved", {"actor": agent, "outcome": "Done"})
    await job.signal("resolve", {"actor": acting("dispatch"), "outcome": "Done"})
    await job.signal("second_contact_made", {"actor": agent, **UNANSWERED})
    await job.signal("risk_reported", "help")
    await job.signal("job_event", {"type": "job.exploded"})
    await job.signal("resolve", {"actor": agent, "outcome": "They came after all"})
    return job


async def complaint_cancelled_in_temporal(desk: Desk) -> Told:
    job = await escalated(desk)
    await job.handle.cancel()
    return job


async def long_complaint(desk: Desk) -> Told:
    """Histories so long that the complaint goes on in new ones."""
    job = await left_a_message(desk)
    for _ in range(4):
        await job.ok("customer_called_back", _AGENT, about="When do they come?")
        await job.page()
    await job.fast_forward("25h")
    await job.ok("customer_called_back", _AGENT)
    await job.ok("second_contact_made", _AGENT, **UNANSWERED)
    await falls_due(job, times=2)
    await job.ok("admin_reviewed", "admin_team")
    await falls_due(job)
    await job.ok("resolve", "area_manager", outcome="They came")
    return job


async def taken_over(desk: Desk) -> Told:
    """What the Leadership Desk hands over is reviewed, and left open by a risk; edition 4."""
    follow_up = await overdue(desk)
    said = {"exception_code": "NO RESPONSE", "comment": "No report for days"}
    await follow_up.ok("engage_area_manager", "leadership_desk", **said)
    escalation = follow_up.of("am-escalation")
    await desk.eventually(escalation, lambda shown: shown["exceptions"])
    await escalation.ok("admin_reviewed", "admin_team", area_manager_email="lee@warranty.example")
    await escalation.ok("risk_reported", "dispatch", description="The provider was threatened")
    return escalation


STORIES: tuple[Callable[[Desk], Awaitable[Told]], ...] = (
    never_reached,
    nobody_acts,
    settled_by_itself,
    praised,
    a_threat,
    taken_over,
    refused_by_the_store,
    signals_that_nobody_can_follow,
    complaint_cancelled_in_temporal,
    long_complaint,
)
