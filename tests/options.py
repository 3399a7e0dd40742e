"""Alternate Provider Options, brought to each of their stages as people bring them there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.desk import Desk, Page, Told, account, now
from tests.domain.calendar_oracle import BusinessDays

EASTERN = ZoneInfo("America/New_York")
OPTION = "Alternate Provider Option"
FRIDGE = {"name": "Refrigerator", "category": "refrigerator"}
KIM = {"name": "Kim", "role": "supervisor"}
WANTED = {"reason": "Nobody within 60 miles", "in_network_exhausted": True}
ADDRESS = "ada@example.com"
"""Where the customer of every job of a desk can be reached."""


# --- time -------------------------------------------------------------------------------------


def on_a_clock(at: datetime) -> str:
    """Return what a clock in New York shows: `Sat 23:00`."""
    return f"{at.astimezone(EASTERN):%a %H:%M}"


def next_time(shown: str, after: datetime | None = None) -> datetime:
    """Return when a clock in New York next shows a day of the week and a time."""
    wall = (after or now()).astimezone(EASTERN).replace(tzinfo=None)
    hour, minute = map(int, shown[4:].split(":"))
    days = (wall + n * timedelta(days=1) for n in range(9))
    walls = (day.replace(hour=hour, minute=minute, second=0, microsecond=0) for day in days)
    found = next(each for each in walls if each > wall and f"{each:%a}" == shown[:3])
    return found.replace(tzinfo=EASTERN).astimezone(UTC)


def business_days_after(at: datetime, n: int) -> datetime:
    """Return the end of the n-th business day, by a count of our own."""
    return BusinessDays().after(at, n)


def supervisors(*, at_hand: bool) -> str:
    """Return a policy under which supervisors may authorise now, or not, for six hours yet."""
    shown, hours = now().astimezone(EASTERN).replace(tzinfo=None), timedelta(hours=6)
    opens, closes = (shown - hours, shown + hours) if at_hand else (shown + hours, shown - hours)
    return (
        f'[apo.supervisors]\nopens = "{opens:%H:%M}"\ncloses = "{closes:%H:%M}"\n'
        "weekend_all_day = false"
    )


def mailed(page: Page) -> list[tuple[str, datetime]]:
    """Return which mails went out, and when to the minute."""
    mails = page.shown["emails"]
    return [(mail["template"], to_the_minute(mail["at"])) for mail in mails]


async def falls_due(job: Told, times: int = 1) -> None:
    """Let what is waited for fall due, and what comes after it, so many times."""
    for _ in range(times):
        due = (await job.page()).due_at
        assert due is not None
        await job.fast_forward_to(due + timedelta(minutes=1))


def since(page: Page) -> datetime:
    """Return what the present wait counts from."""
    return datetime.fromisoformat(page.standing["since"])


def to_the_minute(at: str) -> datetime:
    return datetime.fromisoformat(at).replace(second=0, microsecond=0)


# --- the ways to its stages -------------------------------------------------------------------


async def unserved(desk: Desk, **fields: Any) -> Told:
    """Return a job that Dispatch finds nobody for, seen from the option that it may get."""
    described = {"trade": "Appliances", "item": FRIDGE, "assigned_to": account("Procure Vendor")}
    job = desk.job(**{**described, **fields}).of("apo")
    await job.event("job.created")
    return job


async def asked_for(desk: Desk, **fields: Any) -> Told:
    """Return a job for which Escalations asks for the option."""
    job = await unserved(desk, **fields)
    await job.ok("request_apo", "escalations", **WANTED)
    return job


async def offered(desk: Desk, **fields: Any) -> Told:
    """Return a job whose customer Dispatch is to call."""
    job = await unserved(desk, **fields)
    await job.ok("offer_apo", "dispatch", **WANTED)
    return job


async def instructed(desk: Desk, **fields: Any) -> Told:
    """Return a job whose customer was not reached, and has the instructions."""
    job = await offered(desk, **fields)
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    return job


async def taken(desk: Desk, **fields: Any) -> Told:
    """Return a job whose customer takes the option, and owes documents."""
    job = await offered(desk, **fields)
    await job.ok("customer_reached", "dispatch", outcome="accepted")
    return job


async def estimated(desk: Desk, **fields: Any) -> Told:
    """Return a job with an estimate above the limit."""
    job = await taken(desk, **fields)
    await job.ok("estimate_submitted", "customer", amount="1000.00")
    return job


async def invoiced(desk: Desk, **fields: Any) -> Told:
    """Return a job with a paid invoice to review."""
    job = await taken(desk, **fields)
    await job.ok("documents_received", "customer", paid_invoice=True, amount="240.00")
    return job


async def approved(desk: Desk, **fields: Any) -> Told:
    """Return a job with an offer that the customer has to answer."""
    job = await invoiced(desk, **fields)
    await job.ok("documents_approved", "support_services", amount="240.00")
    return job


async def unproven(desk: Desk, **fields: Any) -> Told:
    """Return a job with an offer that waits for the paid invoice."""
    job = await taken(desk, **fields)
    await job.ok("documents_received", "customer", paid_invoice=False)
    await job.ok("documents_approved", "support_services", amount="240.00")
    return job


WAYS: Mapping[str, Callable[..., Awaitable[Told]]] = {
    "awaiting_approval": asked_for,
    "contacting_customer": offered,
    "awaiting_customer": instructed,
    "awaiting_documents": taken,
    "estimate_review": estimated,
    "reviewing_documents": invoiced,
    "offer_sent": approved,
    "awaiting_paid_invoice": unproven,
}
"""How an option comes to each of its stages."""


# --- the ways to its ends ---------------------------------------------------------------------


async def paid(desk: Desk, **fields: Any) -> Told:
    """Return a job whose customer chose a check."""
    job = await approved(desk, **fields)
    await job.ok("payment_chosen", "customer", method="check")
    await job.ends_as("paid")
    return job


async def paid_by_check(desk: Desk, **fields: Any) -> Told:
    """Return a job whose customer never answered the offer."""
    job = await approved(desk, **fields)
    await job.fast_forward("25d")
    await job.ends_as("paid_by_check")
    return job


async def closed_without_proof(desk: Desk, **fields: Any) -> Told:
    """Return a job whose customer never sent the paid invoice."""
    job = await unproven(desk, **fields)
    await job.fast_forward("25d")
    await job.ends_as("closed_without_proof")
    return job


async def refused(desk: Desk, **fields: Any) -> Told:
    """Return a job whose customer does not want the option."""
    job = await instructed(desk, **fields)
    await job.ok("customer_refused", "customer_service", reason="Wants a provider of ours")
    await job.ends_as("refused")
    return job


async def declined(desk: Desk, **fields: Any) -> Told:
    """Return a job whose option was declined."""
    job = await asked_for(desk, **fields)
    await job.ok("decline_apo", "dispatch", reason="A provider is free tomorrow")
    await job.ends_as("declined")
    return job
