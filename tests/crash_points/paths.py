"""The golden paths: each procedure as it goes when everybody does what they should."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from tests.concerns import LEAK, UNANSWERED
from tests.concerns import TULSA as REPAIRED_BY
from tests.conferences import AGENT, OKLAHOMA, TOO_LATE, TULSA, in_days
from tests.crash_points.outside import Outside
from tests.desk import account, iso, now
from tests.follow_ups import LEADER, PROVIDER, tulsa_plumbing
from tests.options import FRIDGE, WANTED

Path = Callable[[Outside], Awaitable[None]]

_PLUSONE = {"name": "PlusOne", "role": "plusone"}


async def nobody_is_found(outside: Outside) -> None:
    """PlusOne searches for two days; an agent and Dispatch ask in between."""
    await outside.event("job.assigned")
    await outside.do("plus-one", "customer_called", "customer_service", about="Who is coming?")
    await outside.do("plus-one", "add_service_job", "dispatch", reason="Second opinion")
    await outside.passes("plus-one", timedelta(hours=25))
    await outside.passes("plus-one", timedelta(hours=24))


async def plusone_completes(outside: Outside) -> None:
    """PlusOne accepts, diagnoses, gets its approval and its part, and is done."""
    await outside.event("job.assigned")
    outside.job["status"] = "Accepted"
    await outside.event("job.status_changed", actor=_PLUSONE)
    await outside.note("DIAGNOSIS SUBMITTED: compressor, 240 USD")
    await outside.do("plus-one", "request_info", "authorizations", what="A photo of the plate")
    await outside.note("MORE INFO SUBMITTED: photo attached")
    await outside.do("plus-one", "approve", "authorizations", amount="240.00", non_covered="35.00")
    await outside.note("JOB COMPLETE")
    outside.job["status"] = "Completed"
    await outside.event("job.status_changed", actor=_PLUSONE)


async def option_is_paid(outside: Outside) -> None:
    """Nobody is left in the network; the customer finds somebody, and is paid by check."""
    outside.job |= {
        "trade": "Appliances",
        "item": FRIDGE,
        "assigned_to": account("Procure Vendor"),
    }
    await outside.event("job.created")
    await outside.do("apo", "offer_apo", "dispatch", **WANTED)
    await outside.do("apo", "customer_not_reached", "dispatch", voicemail_left=True)
    await outside.falls_due("apo")
    await outside.do("apo", "customer_accepted", "customer_service", note="Has a repairman")
    await outside.do("apo", "documents_received", "customer", paid_invoice=True, amount="240.00")
    await outside.do("apo", "documents_approved", "support_services", amount="240.00")
    await outside.do("apo", "payment_chosen", "customer", method="check")


async def concern_is_resolved(outside: Outside) -> None:
    """The provider is called twice; an Exception brings the Area Manager in, who settles it."""
    outside.job |= {"status": "Accepted", "assigned_to": REPAIRED_BY}
    escalation, agent = "am-escalation", "customer_service"
    await outside.event("customer.reported_concern", {"concern": LEAK})
    await outside.do(escalation, "provider_contacted", agent, reached=False, outcome="Mailbox")
    await outside.passes(escalation, timedelta(hours=25))
    await outside.do(escalation, "customer_called_back", agent, about="Nobody came")
    await outside.do(escalation, "second_contact_made", agent, **UNANSWERED)
    await outside.do(escalation, "admin_reviewed", "admin_team", comment="The third one")
    await outside.do(escalation, "resolve", "area_manager", outcome="Comes on Friday")


async def report_comes_late(outside: Outside) -> None:
    """The provider is reminded of its report, the specialist helps, and the job is completed."""
    outside.job |= {"status": "Accepted", "assigned_to": tulsa_plumbing()}
    await outside.event("job.created")
    at = iso(now() + timedelta(minutes=1))
    outside.job["appointment_at"] = at
    await outside.event("job.appointment_confirmed", {"kind": "diagnosis", "at": at})
    await outside.do("spoc", "ask_provider", LEADER, channel="phone", outcome="Nobody answered")
    await outside.falls_due("spoc")
    await outside.do("spoc", "contact_spoc", LEADER, reason="no_service_report", detail="Tuesday")
    outside.job["diagnostic_report_at"] = iso(now())
    await outside.event("job.report_submitted", {"complete": True}, PROVIDER)
    outside.job["status"] = "Completed"
    await outside.event("job.status_changed", actor=PROVIDER)


async def appointment_is_confirmed(outside: Outside) -> None:
    """The second provider agrees, and so does the customer."""
    outside.job["assigned_to"] = account("Slow Plumbers", "4700")
    conference = "reassignment"
    await outside.event("job.created")
    chosen = [TULSA, OKLAHOMA]
    await outside.do(
        conference,
        "start_reassignment",
        AGENT,
        reason=TOO_LATE,
        urgent=False,
        candidates=chosen,
    )
    await outside.do(conference, "provider_no_answer", AGENT)
    said = {"available": True, "earliest_appointment": in_days(1)}
    await outside.do(conference, "provider_answered", AGENT, **said)
    await outside.do(conference, "provider_conference", AGENT, agrees=True)
    await outside.do(conference, "customer_conference", AGENT, agrees=True)
    await outside.do(conference, "appointment_captured", AGENT, at=in_days(2))


@dataclass(frozen=True)
class Golden:
    """A golden path, and the company that Steward keeps on it."""

    path: Path
    ends_as: str
    """The stage in which its lifecycle ends."""
    has_job_system: bool = True
    """Whether the jobs are in another system than our own copy."""
    publishes: bool = False
    """Whether somebody takes Steward's events."""


PATHS: Mapping[str, Golden] = {
    "plus-one nobody found": Golden(nobody_is_found, "no_provider_found"),
    "plus-one nobody found, own copy": Golden(
        nobody_is_found, "no_provider_found", has_job_system=False
    ),
    "plus-one nobody found, events out": Golden(
        nobody_is_found, "no_provider_found", has_job_system=False, publishes=True
    ),
    "plus-one completed": Golden(plusone_completes, "completed"),
    "apo paid": Golden(option_is_paid, "paid"),
    "am-escalation resolved": Golden(concern_is_resolved, "resolved"),
    "spoc report late": Golden(report_comes_late, "closed"),
    "reassignment confirmed": Golden(appointment_is_confirmed, "appointment_confirmed"),
}
