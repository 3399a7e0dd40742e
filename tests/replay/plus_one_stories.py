"""Stories of the search by PlusOne to be recorded: every stage, end and command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from activities.postman import NotTakenError
from tests.desk import Desk, Told, iso, now

_SHIP_TO = {"line": "12 Elm St", "city": "Tulsa", "state": "OK", "zip": "74103"}


async def no_provider_found(desk: Desk) -> Told:
    """PlusOne stays silent: dispatch is reminded after 24 hours, and the search ends after 48."""
    job = await desk.searching()
    await job.fast_forward("24h")
    await job.ok("customer_called", "customer_service", about="Who is coming?")
    await job.fast_forward("24h")
    return job


async def cannot_locate(desk: Desk) -> Told:
    job = await desk.searching()
    await job.ok("report_cannot_locate", "plusone", text="Nobody within 60 miles")
    return job


async def completed(desk: Desk) -> Told:
    """The whole way through the repair."""
    job = await desk.searching()
    await job.ok("add_service_job", "dispatch", reason="Second opinion", event_type="Recall")
    await job.note("ASSIGNMENT: Tulsa Plumbing takes it")
    await job.accepted()
    await job.until("accepted")
    await job.note("DIAGNOSIS SUBMITTED/AWAITING APPROVAL: the cartridge")
    await job.until("diagnosis_submitted")
    await job.ok("request_info", "decision_desk", what="A photo of the cartridge")
    await job.note("ADDITIONAL INFO PROVIDED/AWAITING APPROVAL")
    await job.until("diagnosis_submitted")
    for _ in range(2):
        await job.ok(
            "approve", "authorizations", amount="240.00", non_covered="35.00", message_id="once"
        )
    await job.ok(
        "supply_parts",
        "parts_sourcing",
        company="Tulsa Plumbing",
        what="Cartridge",
        ship_to=_SHIP_TO,
    )
    await job.ok("update_parts", "parts_sourcing", text="Shipped", eta="2026-12-01")
    await job.event("customer.called", {"about": "When?"})
    await job.note("PARTS ORDERED - cartridge")
    await job.until("parts_ordered")
    await job.note("JOB COMPLETE")
    return job


async def denied(desk: Desk) -> Told:
    job = await desk.accepted()
    await job.note("DIAGNOSIS SUBMITTED/AWAITING APPROVAL: frost")
    await job.until("diagnosis_submitted")
    await job.ok("deny", "authorizations", reason="Damage by frost.", partial=True)
    await job.becomes("Completed")
    return job


async def became_urgent(desk: Desk) -> Told:
    job = await desk.searching()
    job.fields["severity"] = "Emergency"
    await job.event("job.severity_changed")
    return job


async def rejected_and_reassigned(desk: Desk) -> Told:
    job = await desk.accepted()
    await job.becomes("Rejected")
    await desk.eventually(job, lambda shown: shown["tasks"])
    await job.ok("request_reassignment", "dispatch", to="Procure Vendor", reason="PlusOne gave up")
    return job


async def not_eligible(desk: Desk) -> Told:
    job = desk.job(severity="Medical Emergency")
    await job.assigned()
    return job


async def taken_against_the_rules(desk: Desk) -> Told:
    job = await desk.accepted()
    job.fields["assigned_to"] = {"number": "4711", "name": "Somebody"}
    job.fields["assigned_at"] = iso(now())
    await job.assigned()
    return job


async def changed_meanwhile(desk: Desk) -> Told:
    """The live job is no longer what the lifecycle believes, and says so when it is to move."""
    job = await desk.accepted()
    await job.becomes("Rejected")
    await desk.eventually(job, lambda shown: shown["tasks"])
    unheard = await desk.cut_off_from_temporal()
    await replace(job, desk=unheard).becomes("Accepted")
    await job.refused("request_reassignment", "dispatch", to="Procure Vendor", reason="Rejected")
    await job.becomes("Cancelled")
    return job


async def silent_after_acceptance(desk: Desk) -> Told:
    job = await desk.accepted()
    for _ in range(2):
        await job.fast_forward("8d")
    await job.becomes("Completed")
    return job


async def bad_messages(desk: Desk) -> Told:
    """Signals that are misspelt, not allowed or unreadable; then the customer cancels."""
    job = await desk.searching()
    dana = {"name": "Dana", "role": "dispatch"}
    await job.signal("aprove", {"actor": dana})
    await job.signal("approve", {"actor": dana, "amount": "240.00"})
    await job.signal("approve", "240.00")
    await job.signal("job_event", {"type": "job.exploded"})
    await job.signal("request_reassignment", {"actor": dana, "to": "4711", "reason": "Hurry"})
    await job.signal("add_service_job", {"actor": dana, "reason": "Second opinion"})
    await desk.eventually(job, lambda shown: shown["service_jobs"])
    await job.becomes("Cancelled")
    return job


async def mail_undelivered(desk: Desk) -> Told:
    """The mail server is busy when the mail is first brought, and then finds no such mailbox."""
    job = await desk.accepted()
    desk.letterbox.failures[job.id] = [
        NotTakenError("451 try again later", for_good=False),
        NotTakenError("550 no such mailbox", for_good=True),
    ]
    await job.ok("approve", "authorizations", amount="240.00")
    await desk.eventually(job, lambda shown: shown["tasks"])
    await job.note("JOB COMPLETE")
    return job


async def cancelled_in_temporal(desk: Desk) -> Told:
    job = await desk.searching()
    await job.handle.cancel()
    return job


async def assigned_anew(desk: Desk) -> Told:
    job = await desk.searching()
    job.fields["assigned_at"] = iso(now())
    await job.assigned(actor={"name": "Cem", "role": "customer_service"})
    await desk.eventually(job, lambda shown: shown["tasks"])
    await job.ok("report_cannot_locate", "dispatch")
    return job


async def asks_for_the_option(desk: Desk) -> Told:
    """The policy has No Provider Found ask for the Alternate Provider Option."""
    job = await desk.under("[plus_one]\nnpf_starts_apo = true").searching()
    await job.ok("report_cannot_locate", "plusone")
    return job


async def long(desk: Desk) -> Told:
    """A history so long that the lifecycle goes on in a new one."""
    job = await desk.searching()
    for _ in range(6):
        await job.ok("customer_called", "customer_service", about="Who is coming?")
    await job.ok("report_cannot_locate", "plusone")
    return job


async def owes_its_information(desk: Desk) -> Told:
    """PlusOne tells nobody whom it found; a replacement is approved; edition 4."""
    job = await desk.searching()
    await job.accepted()
    await job.until("accepted")
    await job.fast_forward("4d")
    await job.note("ASSIGNMENT: Tulsa Plumbing, 918-555-0134, fees $75 and $20")
    await job.ok("customer_informed", "dispatch", called=True)
    await job.ok("customer_informed", "plusone", emailed=True)
    await job.note("PARTS ORDERED: $120.00")
    await job.until("parts_ordered")
    await job.note("DIAGNOSIS SUBMITTED/AWAITING APPROVAL: the compressor")
    await job.until("diagnosis_submitted")
    await job.ok(
        "approve_replacement",
        "authorizations",
        attributes="18 cu ft",
        failed_parts="Compressor",
        part_cost="612.00",
    )
    await job.note("JOB COMPLETE")
    return job


STORIES: tuple[Callable[[Desk], Awaitable[Told]], ...] = (
    no_provider_found,
    cannot_locate,
    completed,
    denied,
    became_urgent,
    rejected_and_reassigned,
    not_eligible,
    taken_against_the_rules,
    changed_meanwhile,
    silent_after_acceptance,
    bad_messages,
    mail_undelivered,
    cancelled_in_temporal,
    assigned_anew,
    asks_for_the_option,
    owes_its_information,
    long,
)
