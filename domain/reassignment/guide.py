"""What the agent on the phone does and says at each step, and whom they call."""

from __future__ import annotations

from datetime import datetime, tzinfo
from decimal import Decimal

from domain.reassignment import rules
from domain.reassignment.case import ReassignmentCase, Stage
from domain.reassignment.guide_texts import TEXTS, Guide, filled
from domain.texts import usd
from domain.zips import place_of


def current_lines(case: ReassignmentCase) -> tuple[str, ...]:
    """Return what the agent does and says now, nothing once it has ended (CONF-40)."""
    return () if Stage(case.stage).is_end else lines_at(case, case.stage)


def lines_at(case: ReassignmentCase, step: str) -> tuple[str, ...]:
    """Return what the agent does and says at a step, as the operator words it (CONF-40).

    Raises:
        ValueError: there is nothing to say at this step.
    """
    texts = {**TEXTS, **case.policy.reassignment.guide}
    steps = [Guide(step)]
    if step == Stage.ASKING_PROVIDER and case.fee is not None:
        steps.insert(0, Guide.TRAVEL_FEE_APPROVED)
    facts = _facts(case)
    return tuple(line for each in steps for line in filled(texts[each], facts))


def _facts(case: ReassignmentCase) -> dict[str, str]:
    """Return what the texts of the guide are filled with."""
    provider, zone, place = case.provider, rules.zone_of(case), place_of(case.job.customer_zip)
    suggested = rules.suggested_fee(case)
    now = case.counts_from or case.job.assigned_at
    return {
        "agent": case.caller.name,
        "brand": case.policy.brands.name_of(case.job.brand),
        "item": case.job.item.name,
        "city": place.city if place else "the customer's city",
        "zip": case.job.customer_zip or "ZIP code",
        "provider": provider.name if provider else "the provider",
        "phone": (provider and provider.phone) or "the number on file",
        "until": shown(rules.until(case, now), zone, otherwise="no limit"),
        "opens_at": shown(rules.opens_at(case, now), zone, otherwise="nobody knows when"),
        "in_time": in_time_until(case, now),
        "appointment": shown(case.appointment, zone)
        if case.appointment
        else "a day that you agree on",
        "contact_by": shown(case.contact_by, zone),
        "asked": usd(case.fee_asked or Decimal(0)),
        "suggested": "unknown" if suggested is None else usd(suggested),
        "approved": usd(case.fee or Decimal(0)),
    }


def in_time_until(case: ReassignmentCase, now: datetime) -> str:
    """Return until when an appointment is in time, as it is read out (G-47)."""
    if case.job.severity.urgent:
        return shown(now + case.policy.reassignment.within_for_urgent, rules.zone_of(case))
    return f"{rules.last_acceptable_day(case, now):%a %d %b %Y}"


def to_call(case: ReassignmentCase) -> dict[str, str | None]:
    """Return whom to call, and until when, as an instant in UTC; None for at any hour."""
    provider = case.provider
    if provider is None:
        raise ValueError("nobody is to be called")
    ends = rules.until(case, case.counts_from or case.job.assigned_at)
    known = provider.model_dump(include={"name", "number", "phone", "zip"})
    return {**known, "until": ends.isoformat().replace("+00:00", "Z") if ends else None}


def who_is_on_it(case: ReassignmentCase) -> str:
    """Return whom a second agent is sent to."""
    since = case.counts_from or case.job.assigned_at
    provider = f", on {case.provider.called_as()}" if case.provider else ""
    return (
        f"{case.caller.name} ({case.caller.role.value}) is on it since {since:%H:%M} UTC"
        f"{provider}; agree with them who goes on"
    )


def shown(at: datetime | None, zone: tzinfo, *, otherwise: str = "no time named") -> str:
    """Return an instant as a clock of the zone shows it, or what is said where there is none."""
    return otherwise if at is None else f"{at.astimezone(zone):%a %d %b %Y %H:%M %Z}"
