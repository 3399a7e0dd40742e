"""Reassignments by conference, brought to each of their stages as people bring them there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.desk import Desk, Told, account, iso, now

AGENT = "customer_service"
TOO_LATE = "The provider cannot come before next week"
AT_ANY_HOUR = '[reassignment.calling]\nopens = "00:00"\ncloses = "24:00"\n'
"""A policy under which every provider whose ZIP code is known may be called now."""


def listed(
    name: str, number: str, zip_code: str, source: str = "service_locator"
) -> dict[str, Any]:
    """Return a provider as an agent lists it."""
    phone = f"918-555-{number}"
    return {"name": name, "number": number, "phone": phone, "zip": zip_code, "source": source}


TULSA = listed("Tulsa Plumbing", "4711", "74103")
OKLAHOMA = listed("City Plumbers", "4712", "73102", "extended_zip")
CLOSED = listed("Nowhere Plumbers", "4713", "00000")
"""A provider whose ZIP code nobody knows: it may not be called at any hour."""


def in_days(days: int) -> str:
    """Return an instant so many days ahead."""
    return iso(now() + timedelta(days=days))


def open_until(zone: str, minutes: int) -> str:
    """Return a policy whose calling window closes so many minutes from now on a zone's clock."""
    shown = now().astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    closes, opens = shown + timedelta(minutes=minutes), shown - timedelta(hours=8)
    return f'[reassignment.calling]\nopens = "{opens:%H:%M}"\ncloses = "{closes:%H:%M}"\n'


async def unserved(desk: Desk, **fields: Any) -> Told:
    """Return a job that a provider has, seen from the reassignment that it may get."""
    job = desk.job(**{"assigned_to": account("Slow Plumbers", "4700"), **fields})
    job = job.of("reassignment")
    await job.event("job.created")
    return job


async def calling(desk: Desk, *candidates: Mapping[str, Any], **fields: Any) -> Told:
    """Return a job for which an agent is to call the first of some providers."""
    job = await unserved(desk.under(AT_ANY_HOUR), **fields)
    chosen = list(candidates) or [TULSA, OKLAHOMA]
    await job.ok("start_reassignment", AGENT, reason=TOO_LATE, urgent=False, candidates=chosen)
    return job


async def fee_asked(desk: Desk, **fields: Any) -> Told:
    """Return a job whose provider asks for a travel fee."""
    job = await calling(desk, OKLAHOMA, **fields)
    said = {"available": True, "earliest_appointment": in_days(1), "travel_fee": "45.00"}
    await job.ok("provider_answered", AGENT, **said)
    return job


async def available(desk: Desk, **fields: Any) -> Told:
    """Return a job whose provider is to be asked for a conference."""
    job = await calling(desk, **fields)
    await job.ok("provider_answered", AGENT, available=True, earliest_appointment=in_days(1))
    return job


async def agreed(desk: Desk, **fields: Any) -> Told:
    """Return a job whose customer is to be asked for a conference."""
    job = await available(desk, **fields)
    await job.ok("provider_conference", AGENT, agrees=True)
    return job


async def conferencing(desk: Desk, **fields: Any) -> Told:
    """Return a job whose customer and provider are connected."""
    job = await agreed(desk, **fields)
    await job.ok("customer_conference", AGENT, agrees=True)
    return job


async def out_of_hours(desk: Desk, **fields: Any) -> Told:
    """Return an urgent job for which nobody may be called at this hour."""
    job = await unserved(desk, **fields)
    said = {"reason": TOO_LATE, "urgent": True, "candidates": [CLOSED]}
    await job.ok("start_reassignment", AGENT, **said)
    return job


WAYS: Mapping[str, Callable[..., Awaitable[Told]]] = {
    "calling_provider": calling,
    "travel_fee_review": fee_asked,
    "asking_provider": available,
    "asking_customer": agreed,
    "conferencing": conferencing,
    "supervisor_review": out_of_hours,
}
"""How a reassignment comes to each of its stages."""
