"""Concerns about a provider, brought to each of their stages as people bring them there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tests.desk import Desk, Told, account

LEAK = "The faucet leaks again since the repair"
PAT = "pat.osei@warranty.example"
"""The Area Manager of Oklahoma, as every desk knows them."""
TULSA = {**account("Tulsa Plumbing", "4711"), "email": "office@tulsa.example", "zip": "74103"}
UNANSWERED = {
    "reached": False,
    "resolved": False,
    "exception_code": "SP UNRESPONSIVE",
    "comment": "Two voice messages, no answer",
}


async def repaired(desk: Desk, **fields: Any) -> Told:
    """Return a job that a provider has taken, seen from a complaint that it may get."""
    job = desk.job(**{"status": "Accepted", "assigned_to": TULSA, **fields}).of("am-escalation")
    await job.event("job.created")
    return job


async def reported(desk: Desk, **fields: Any) -> Told:
    """Return a job about whose provider customer service is to call."""
    job = await repaired(desk, **fields)
    await job.ok("report_concern", "customer_service", concern=LEAK)
    return job


async def left_a_message(desk: Desk, **fields: Any) -> Told:
    """Return a job whose provider was not reached."""
    job = await reported(desk, **fields)
    await job.ok("provider_contacted", "customer_service", reached=False)
    return job


async def called_back(desk: Desk, **fields: Any) -> Told:
    """Return a job whose customer called again after a day."""
    job = await left_a_message(desk, **fields)
    await job.fast_forward("25h")
    await job.ok("customer_called_back", "customer_service", about="Nobody came")
    return job


async def escalated(desk: Desk, **fields: Any) -> Told:
    """Return a job with an Exception that the Admin team is to review."""
    job = await called_back(desk, **fields)
    await job.ok("second_contact_made", "customer_service", **UNANSWERED)
    return job


async def engaged(desk: Desk, **fields: Any) -> Told:
    """Return a job whose Area Manager was told."""
    job = await escalated(desk, **fields)
    await job.ok("admin_reviewed", "admin_team")
    return job


WAYS: Mapping[str, Callable[..., Awaitable[Told]]] = {
    "contacting_provider": reported,
    "awaiting_callback": left_a_message,
    "second_contact": called_back,
    "exception_open": escalated,
    "area_manager_engaged": engaged,
}
"""How a complaint comes to each of its stages."""
