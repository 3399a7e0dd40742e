"""Stories of follow-ups to be recorded: every stage, end and kind of effect."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta

from tests.desk import Desk, Told, acting, now
from tests.follow_ups import LEADER, awaiting, confirms, overdue, partial, reports, tulsa_plumbing
from tests.options import falls_due


async def report_never_comes(desk: Desk) -> Told:
    """The provider is reminded, the specialist asked and reminded, the Area Manager engaged."""
    job = await overdue(desk)
    await falls_due(job, times=3)
    await job.ok("ask_provider", LEADER, channel="phone", outcome="Nobody answered")
    await job.ok("contact_spoc", LEADER, reason="no_service_report", detail="Where is it?")
    await falls_due(job, times=2)
    await job.ok("route_question", "dispatch", topic="scheduling")
    said = {"exception_code": "SP UNRESPONSIVE", "comment": "No report for days"}
    for _ in range(2):
        await job.ok("engage_area_manager", LEADER, **said, message_id="once")
    return job


async def report_in_two_parts(desk: Desk) -> Told:
    """What it lacks is noted, the specialist asked; a part and an order follow; completed."""
    job = await awaiting(desk, status="New")
    await reports(job, complete=False)
    await falls_due(job)
    await job.note("The model number, please", role="decision_desk")
    asking = {"actor": acting(LEADER), "channel": "e-mail"}
    await job.signal_from_ui("ask_provider", json.dumps(asking))
    await job.page()
    await job.ok("contact_spoc", LEADER, reason="missing_information", detail="The model number")
    await job.becomes("Accepted")
    await reports(job, parts_supplied_by="provider")
    await job.event("job.parts_confirmation_requested", {"what": "Two units"})
    await job.rests()
    await job.fast_forward("20d")
    await job.ok("contact_spoc", LEADER, reason="order_confirmation", detail="Two units")
    await job.ok("contact_spoc", LEADER, reason="part_update", detail="When does it come?")
    await job.ok("information_received", "spoc_specialist", summary="Both on Monday")
    await job.becomes("Completed")
    return job


async def diagnosis_put_off(desk: Desk) -> Told:
    """An emergency whose diagnosis is put off, after the specialist was asked; cancelled."""
    job = await overdue(desk, severity="Medical Emergency")
    await job.ok("ask_provider", LEADER, channel="phone")
    await job.ok("contact_spoc", LEADER, reason="no_service_report", detail="Where is it?")
    await confirms(job, now() + timedelta(days=30))
    await job.rests()
    job.fields["status"] = "Cancelled"
    await job.event("job.cancelled")
    return job


async def followed_up_anew(desk: Desk) -> Told:
    """Closed after thirty quiet days, begun anew with a diagnosis, given to another provider."""
    job = await awaiting(desk)
    await reports(job)
    await job.note("We come on Friday", role="provider")
    await job.rests()
    await job.fast_forward("31d")
    await job.ends_as("closed")
    await confirms(job, now() + timedelta(days=60))
    await job.until("awaiting_report")
    job.fields["assigned_to"] = tulsa_plumbing(number="4712", name="Other Plumbing")
    await job.assigned()
    return job


async def orders_nobody_can_follow(desk: Desk) -> Told:
    """Signals that are refused or unreadable, a mail that comes back, a code that is open."""
    job = await overdue(desk, assigned_to=tulsa_plumbing(email=None))
    said = {"actor": acting(LEADER), "exception_code": "NO WORK", "comment": "Silent"}
    await job.signal_from_ui("contact_spok", "{oops")
    await job.signal_from_ui("contact_spoc", json.dumps({"actor": acting("dispatch")}))
    await job.page()
    await job.signal_from_ui("engage_area_manager", json.dumps(said))
    await job.ends_as("area_manager_engaged")
    await confirms(job, now() + timedelta(days=30))
    await job.until("awaiting_report")
    await job.signal_from_ui("engage_area_manager", json.dumps(said))
    await job.page()
    await job.becomes("Completed")
    return job


async def follow_up_cancelled_in_temporal(desk: Desk) -> Told:
    job = await awaiting(desk)
    await job.event("job.parts_confirmation_requested", {"what": "Two units"})
    await job.rests()
    await job.handle.cancel()
    return job


async def long_follow_up(desk: Desk) -> Told:
    """A history so long that the follow-up goes on in a new one."""
    job = await partial(desk)
    for _ in range(4):
        await job.ok("ask_provider", LEADER, channel="phone")
        await job.page()
    await job.ok("contact_spoc", LEADER, reason="missing_information", detail="The model number")
    await falls_due(job)
    await reports(job)
    await job.becomes("Completed")
    return job


async def reviewed_and_handed_over(desk: Desk) -> Told:
    """The report is reviewed, denied and confirmed; the Area Manager is engaged; edition 4."""
    job = await partial(desk)
    await job.ok("review_needed", "authorizations", case="replacement_recommended")
    await job.ok("denial_confirmed", "decision_desk", reason="Not covered")
    await job.ok(
        "engage_area_manager", LEADER, exception_code="NO RESPONSE", comment="No report for days"
    )
    return job


STORIES: tuple[Callable[[Desk], Awaitable[Told]], ...] = (
    report_never_comes,
    report_in_two_parts,
    diagnosis_put_off,
    followed_up_anew,
    reviewed_and_handed_over,
    orders_nobody_can_follow,
    follow_up_cancelled_in_temporal,
    long_follow_up,
)
