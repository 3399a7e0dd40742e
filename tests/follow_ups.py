"""Follow-ups of service reports, brought to each of their stages as people bring them there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.desk import Desk, Told, account, iso, now

PROVIDER = {"name": "Tulsa Plumbing", "role": "provider"}
LEADER = "leadership_desk"
SPECIALIST = "alan@warranty.example"
SP_MAIL = "office@tulsa-plumbing.example"


def tulsa_plumbing(**contacts: Any) -> dict[str, Any]:
    """Return a provider of the programme, as the job system tells it."""
    known = {"email": SP_MAIL, "zip": "74101", "spoc_email": SPECIALIST}
    return account("Tulsa Plumbing", "4711") | known | contacts


async def accepted(desk: Desk, **fields: Any) -> Told:
    """Return a job that a provider of the programme has accepted, seen from its follow-up."""
    described = {"status": "Accepted", "assigned_to": tulsa_plumbing(), **fields}
    job = desk.job(**described).of("spoc")
    await job.event("job.created")
    return job


async def confirms(job: Told, at: datetime | None = None, kind: str = "diagnosis") -> Any:
    """Tell that an appointment is confirmed, in a moment unless said otherwise."""
    at = at or now() + timedelta(minutes=1)
    job.fields["appointment_at"] = iso(at)
    return await job.event("job.appointment_confirmed", {"kind": kind, "at": iso(at)})


async def reports(job: Told, *, complete: bool = True, **said: Any) -> Any:
    """Tell that the provider has entered a report."""
    job.fields["diagnostic_report_at"] = iso(now())
    answer = await job.event("job.report_submitted", {"complete": complete, **said}, actor=PROVIDER)
    await job.rests()
    return answer


async def awaiting(desk: Desk, at: datetime | None = None, **fields: Any) -> Told:
    """Return a job whose diagnosis is confirmed, and whose report is to come."""
    job = await accepted(desk, **fields)
    answer = await confirms(job, at)
    assert answer["outcome"] == "started", answer
    await job.rests()
    return job


async def overdue(desk: Desk, **fields: Any) -> Told:
    """Return a job whose report did not come in time."""
    job = await awaiting(desk, **fields)
    due = (await job.page()).due_at
    assert due is not None
    await job.fast_forward_to(due + timedelta(minutes=1))
    return job


async def partial(desk: Desk, **fields: Any) -> Told:
    """Return a job whose report lacks something."""
    job = await awaiting(desk, **fields)
    await reports(job, complete=False, missing="The model number")
    return job


async def contacted(desk: Desk, **fields: Any) -> Told:
    """Return a job for which the specialist was asked for help."""
    job = await partial(desk, **fields)
    await job.ok("ask_provider", LEADER, channel="phone")
    await job.ok("contact_spoc", LEADER, reason="missing_information", detail="The model number")
    return job


async def reported(desk: Desk, **fields: Any) -> Told:
    """Return a job with a complete report."""
    job = await awaiting(desk, **fields)
    await reports(job)
    return job


WAYS: Mapping[str, Callable[..., Awaitable[Told]]] = {
    "awaiting_report": awaiting,
    "report_overdue": overdue,
    "missing_information": partial,
    "spoc_contacted": contacted,
    "report_received": reported,
}
"""How a follow-up comes to each of its stages."""
