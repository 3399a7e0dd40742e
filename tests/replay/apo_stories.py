"""Stories of the Alternate Provider Option to be recorded: every stage, end and kind of effect."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

from activities.postman import NotTakenError, UncertainError
from domain.mail_ids import message_token
from tests.desk import Desk, Told, account, acting, iso, now
from tests.options import (
    ADDRESS,
    KIM,
    OPTION,
    WANTED,
    asked_for,
    closed_without_proof,
    falls_due,
    instructed,
    invoiced,
    offered,
    supervisors,
    taken,
    unproven,
)


async def _receives(job: Told, kind: str, amount: str | None = None) -> None:
    await job.event("document.received", {"kind": kind, "amount": amount})
    await job.page()


async def storm_weekend(desk: Desk) -> Told:
    """Asked for, approved by a signal from Temporal UI, taken at once, and paid by check."""
    job = await asked_for(desk.under(supervisors(at_hand=True)))
    await job.signal_from_ui("approve_apo", json.dumps({"actor": KIM, "note": "Nobody is left"}))
    await job.page()
    await job.ok("customer_reached", "dispatch", outcome="accepted")
    await job.ok("estimate_submitted", "customer", amount="300.00")
    await job.ok("estimate_submitted", "customer", amount="300.01")
    await job.ok("estimate_approved", "support_services")
    await job.ok("documents_received", "customer", paid_invoice=True, amount="300.01")
    await job.ok("documents_approved", "support_services", amount="300.01")
    for _ in range(2):
        await job.ok("payment_chosen", "customer", method="check", message_id="once")
    return job


async def silent_customer(desk: Desk) -> Told:
    """Reminders from beginning to end; only an invoice comes, and the money goes by check."""
    job = await instructed(desk)
    await falls_due(job, times=4)
    await _receives(job, "paid_invoice", "240.00")
    await job.ok("documents_approved", "support_services", amount="240.00")
    await falls_due(job, times=4)
    return job


async def reopened(desk: Desk) -> Told:
    """Closed without proof; the invoice comes after all, and once more, entered at the desk."""
    job = await closed_without_proof(desk)
    await _receives(job, "paid_invoice", "240.00")
    await falls_due(job, times=2)
    await job.ok("documents_approved", "support_services", amount="240.00")
    await job.ok("payment_chosen", "support_services", method="electronic_transfer")
    await job.ok("documents_received", "support_services", paid_invoice=True, amount="250.00")
    job.fields.update(assigned_to=account("Tulsa Cold", "4711"), assigned_at=iso(now()))
    await job.assigned()
    await job.page()
    await job.ok("documents_approved", "support_services", amount="250.00")
    await job.ok("payment_chosen", "customer", method="check")
    return job


async def refused_twice(desk: Desk) -> Told:
    """Refused, offered again, refused again; then a supervisor decides, and declines."""
    job = await instructed(desk)
    await job.ok("customer_called", "customer_service", about="What is this?")
    await job.ok("customer_refused", "customer_service", reason="Wants a provider of ours")
    await job.ok("offer_apo", "dispatch", **WANTED)
    await job.ok("customer_reached", "dispatch", outcome="refused", reason="No")
    await job.ok("request_apo", "escalations", **WANTED)
    await falls_due(job)
    await job.ok("decline_apo", "supervisor", actor=KIM, reason="A provider is free tomorrow")
    return job


async def window_turns(desk: Desk) -> Told:
    """The decision changes hands twice; then the job is cancelled."""
    job = await asked_for(desk)
    await falls_due(job, times=2)
    job.fields["status"] = "Cancelled"
    await job.event("job.cancelled")
    return job


async def approved_by_dispatch(desk: Desk) -> Told:
    """Approved; dispatch does not call, and a supervisor has to help."""
    job = await asked_for(desk)
    await job.ok("approve_apo", "dispatch", actor=acting("dispatch"))
    await falls_due(job, times=4)
    await job.ok("customer_reached", "dispatch", outcome="undecided")
    await job.ok("customer_accepted", "customer_service", note="Has a repairman in mind")
    await job.ok("customer_refused", "dispatch", reason="Moves out")
    return job


async def instructions_again(desk: Desk) -> Told:
    """They did not arrive: mailed again, to another address, by post and for Hawaii."""
    job = await instructed(desk)
    await job.ok("instructions_not_received", "customer_service")
    await job.ok(
        "instructions_not_received", "customer_service", corrected_email="byron@other.example"
    )
    await job.ok("instructions_not_received", "customer_service", by_mail=True, hawaii_pm=True)
    await job.event("customer.called", {"about": "When?"})
    await job.page()
    await job.ok("customer_refused", "customer_service", reason="No")
    return job


async def documents_of_every_kind(desk: Desk) -> Told:
    """Estimates and documents that come by themselves, declined and rejected ones among them."""
    job = await taken(desk)
    await falls_due(job)
    for amount in (None, "1000.00", "200.00", "900.00"):
        await _receives(job, "estimate", amount)
    await falls_due(job)
    await job.ok("estimate_declined", "support_services", reason="Too much")
    await _receives(job, "documents")
    await job.ok("documents_rejected", "support_services", reason="No model number")
    await _receives(job, "documents", "240.00")
    await job.ok("documents_approved", "support_services", amount="240.00")
    await _receives(job, "documents")
    await falls_due(job)
    await _receives(job, "paid_invoice")
    await job.ok("documents_approved", "support_services", amount="240.00")
    await _receives(job, "estimate", "1.00")
    await job.ok("payment_chosen", "customer", method="check")
    return job


async def assigned_out_of_turn(desk: Desk) -> Told:
    """Begun in the job system, by somebody who may not; completed there, too."""
    job = desk.job(assigned_to=account(OPTION)).of("apo")
    await job.assigned(actor=acting("customer_service"))
    await job.page()
    await job.becomes("Completed")
    return job


async def overtaken(desk: Desk) -> Told:
    """While it is decided on, dispatch assigns the account; later somebody else gets the job."""
    job = await asked_for(desk)
    await _receives(job, "estimate")
    job.fields.update(assigned_to=account(OPTION), assigned_at=iso(now()))
    await job.assigned()
    await job.page()
    job.fields.update(assigned_to=account("Tulsa Cold", "4711"), assigned_at=iso(now()))
    await job.assigned()
    return job


async def mails_come_back(desk: Desk) -> Told:
    """A mail bounces, and reminders go another way; a corrected address mends it."""
    job = await offered(desk)
    desk.letterbox.failures[job.id] = [NotTakenError("550 nobody", for_good=True)]
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    await falls_due(job)
    await job.ok("instructions_not_received", "customer_service", corrected_email=ADDRESS)
    desk.letterbox.failures[job.id] = [UncertainError("the connection broke")]
    await falls_due(job)
    desk.letterbox.failures[job.id] = [NotTakenError("451 busy", for_good=False)] * 2
    await falls_due(job)
    await job.page()
    await job.ok("customer_refused", "customer_service", reason="No")
    return job


async def reminded_in_the_morning(desk: Desk) -> Told:
    """A reminder is held for the morning, the next one until the answer; a mail comes back late."""
    morning = '[mail.hours]\nopens = "06:00"\ncloses = "15:00"'
    job = await instructed(desk.under(f'[mail]\nholds = "reminders"\n{morning}'))
    await falls_due(job)
    await job.fast_forward("20h")
    key = desk.letterbox.about(job.id)[-1].key
    said = {"type": "mail.bounced", "message_id": f"<{message_token(key)}@warranty.example>"}
    answer = await desk.post_event(said, to="/hooks/mail")
    assert answer.json()["outcome"] == "delivered", answer.text
    await job.ok("instructions_not_received", "customer_service", corrected_email=ADDRESS)
    await falls_due(job)
    await job.ok("customer_refused", "customer_service", reason="No")
    return job


async def left_without_a_mail_server(desk: Desk) -> Told:
    """No mail server takes the mail, and it is given up after its hours."""
    job = await offered(desk)
    desk.letterbox.failures[job.id] = [NotTakenError("451 busy", for_good=False)] * 1000
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    await job.fast_forward("9h")
    await desk.eventually(job, lambda shown: shown["emails"][0]["state"] == "bounced")
    await job.ok("customer_refused", "customer_service", reason="No")
    return job


async def changed_under_a_command(desk: Desk) -> Told:
    """The live job is no longer what the option believes; what was begun did not happen."""
    job = await instructed(desk)
    page = await job.page()
    job.fields.update({name: page.shown["job"][name] for name in ("assigned_to", "assigned_at")})
    unheard = await desk.cut_off_from_temporal()
    await replace(job, desk=unheard).becomes("Accepted")
    await job.refused("customer_refused", "customer_service", reason="No")
    await job.ok("customer_refused", "customer_service", reason="No")
    return job


async def messages_that_cannot_be_followed(desk: Desk) -> Told:
    """Signals that are misspelt, not allowed, unreadable; then the customer refuses by signal."""
    job = await offered(desk)
    dana = {"name": "Dana", "role": "dispatch"}
    await job.signal("aprove_apo", {"actor": dana})
    await job.signal("approve_apo", {"actor": dana})
    await job.signal("customer_reached", "accepted")
    await job.signal("job_event", {"type": "job.exploded"})
    await job.signal("begin_anew", {"episode": 1})
    await job.signal("offer_apo", {"actor": acting("customer_service"), **WANTED})
    await job.signal("customer_refused", {"actor": dana, "reason": "No"})
    return job


async def option_cancelled_in_temporal(desk: Desk) -> Told:
    job = await invoiced(desk)
    await job.handle.cancel()
    return job


async def begun_anew_while_mail_waits(desk: Desk) -> Told:
    """The next option follows on one that has ended, and takes its unsent mail along."""
    job = await offered(desk)
    desk.letterbox.failures[job.id] = [NotTakenError("421 busy", for_good=False)] * 3
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    await job.ok("customer_refused", "customer_service", reason="No")
    await job.ok("offer_apo", "dispatch", **WANTED)
    await job.page()
    await job.ok("customer_refused", "dispatch", reason="No")
    return job


async def long_option(desk: Desk) -> Told:
    """Histories so long that the option goes on in new ones, stage after stage."""
    job = await unproven(desk)
    for _ in range(3):
        await job.ok("customer_called", "customer_service", about="Where do I send it?")
        await job.page()
    await falls_due(job, times=2)
    await _receives(job, "paid_invoice", "240.00")
    await job.ok("documents_approved", "support_services", amount="240.00")
    await falls_due(job, times=2)
    await job.ok("payment_chosen", "customer", method="check")
    return job


async def turned_down_after_the_end(desk: Desk) -> Told:
    """Declined; a late invoice reopens it and is turned down; the customer leaves it; edition 4."""
    job = await asked_for(desk.under(supervisors(at_hand=True)))
    await job.ok("decline_apo", "dispatch", reason="A provider is free")
    await job.ends_as("declined")
    await job.ok("documents_received", "customer", paid_invoice=True, amount="240.00")
    await job.ok("documents_rejected", "support_services", reason="This isn't an invoice")
    await job.ok("customer_refused", "customer_service", reason="I never paid it")
    return job


STORIES: tuple[Callable[[Desk], Awaitable[Told]], ...] = (
    storm_weekend,
    silent_customer,
    reopened,
    refused_twice,
    turned_down_after_the_end,
    window_turns,
    approved_by_dispatch,
    instructions_again,
    documents_of_every_kind,
    assigned_out_of_turn,
    overtaken,
    mails_come_back,
    reminded_in_the_morning,
    left_without_a_mail_server,
    changed_under_a_command,
    messages_that_cannot_be_followed,
    option_cancelled_in_temporal,
    begun_anew_while_mail_waits,
    long_option,
)
