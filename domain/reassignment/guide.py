"""What the agent on the phone does and says at each step, and which provider they call."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import JsonValue

from domain.moments import spoken
from domain.reassignment import rules
from domain.reassignment.case import ReassignmentCase, Stage
from domain.reassignment.guide_texts import TEXTS, Facts, Guide, filled
from domain.texts import usd
from domain.zips import place_of

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def current_lines(case: ReassignmentCase) -> tuple[str, ...]:
    """Return what the agent does and says now, nothing once it has ended (CONF-40)."""
    return () if Stage(case.stage).is_end else lines_at(case, case.stage)


def lines_at(case: ReassignmentCase, step: str) -> tuple[str, ...]:
    """Return what the agent does and says at a step, in the operator's words if there are any.

    Raises:
        ValueError: there is nothing to say at this step (CONF-40).
    """
    texts = {**TEXTS, **case.policy.reassignment.guide}
    facts = _facts(case)
    return tuple(line for each in _steps(case, Guide(step)) for line in filled(texts[each], facts))


def _steps(case: ReassignmentCase, step: Guide) -> list[Guide]:
    """Return the texts of a step, with those that come before it as the case stands."""
    before: list[Guide] = []
    match step:
        case Guide.CALLING_PROVIDER if case.lifted_by is not None:
            has_one = case.provider is not None and case.provider.emergency_phone is not None
            before = [Guide.EMERGENCY_LINE if has_one else Guide.EMERGENCY_LINE_MISSING]
        case Guide.ASKING_PROVIDER:
            if case.fee is not None:
                before.append(Guide.TRAVEL_FEE_APPROVED)
            if case.appointment is None:
                before.append(Guide.APPOINTMENT_MISSING)
        case Guide.SENT_TO_DISPATCH if case.job.severity.urgent:
            return [Guide.SENT_TO_DISPATCH_URGENT]
    return [*before, step]


def _facts(case: ReassignmentCase) -> Facts:
    """Return what the texts of the guide are filled with; None for what isn't known."""
    provider, place = case.provider, place_of(case.job.customer_zip)
    suggested = rules.suggested_fee(case)
    now = case.counts_from or case.job.assigned_at
    policy = case.policy.reassignment
    return {
        "agent": case.caller.name,
        "company": case.policy.brands.default,
        "brand": case.policy.brands.name_of(case.job.brand),
        "item": _in_a_sentence(case.job.item.name),
        "city": place.city if place else "[city]",
        "zip": case.job.customer_zip or "[ZIP code]",
        "provider": provider.name if provider else None,
        "phone": case.phone,
        "until": _local(case, rules.until(case, now)),
        "opens_at": _local(case, rules.opens_at(case, now)),
        "in_time": rules.in_time_until(case, now),
        "appointment": _local(case, case.appointment),
        "contact_by": _local(case, case.contact_by),
        "asked": None if case.fee_asked is None else usd(case.fee_asked),
        "suggested": None if suggested is None else usd(suggested),
        "approved": None if case.fee is None else usd(case.fee),
        "call_us_after": in_words(rules.time_to_schedule(case)),
        "within_urgent": in_words(policy.within_for_urgent),
    }


def to_call(case: ReassignmentCase) -> dict[str, str | None]:
    """Return which provider to call, and until when as an instant in UTC; None for at any hour.

    Raises:
        ValueError: no provider is to be called.
    """
    provider = case.provider
    if provider is None:
        raise ValueError("no provider is to be called")
    ends = rules.until(case, case.counts_from or case.job.assigned_at)
    return {
        "name": provider.name,
        "number": provider.number,
        "phone": case.phone,
        "zip": provider.zip,
        "until": _written(ends),
    }


_MOST_LEFT = 10
"""Providers still to be called that a screen names."""


def on_the_phone(case: ReassignmentCase) -> dict[str, JsonValue] | None:
    """Return whom the agent calls or has on the line, as a screen shows it; None if nobody.

    `zones` are the provider's, its own first; none where its ZIP code is unknown. `until` is when
    calling hours end, an instant in UTC; None: at any hour.
    """
    provider = case.provider
    if provider is None or Stage(case.stage).is_end:
        return None
    left = [case.candidates[place].called_as() for place in rules.left_to_call(case)]
    return {
        **to_call(case),
        "zones": [*provider.zones],
        "miles": provider.miles,
        "appointment": _written(case.appointment),
        "fee_asked": None if case.fee_asked is None else str(case.fee_asked),
        "fee": None if case.fee is None else str(case.fee),
        "caller": case.caller.model_dump(mode="json"),
        "called": len(case.called),
        "most": min(rules.most_calls(case), len(case.candidates)),
        "left": [*left[:_MOST_LEFT]],
    }


def _written(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def who_is_on_it(case: ReassignmentCase) -> str:
    """Return which colleague a second agent turns to."""
    caller, since = case.caller, case.spoken(case.counts_from or case.job.assigned_at)
    provider = f" with {case.provider.called_as()}" if case.provider else ""
    return (
        f"{caller.name} ({caller.role.label}) is handling this call{provider}. Last step: {since}. "
        f"Agree with {caller.name} who continues."
    )


def _local(case: ReassignmentCase, at: datetime | None) -> str | None:
    """Return an instant on the present provider's clock, or else the company's."""
    return None if at is None else spoken(at, rules.zone_of(case))


def _in_a_sentence(item: str) -> str:
    """Return an item as it is said in a sentence: `furnace`; `HVAC` and `A/C` stay."""
    is_a_word = item[1:2].islower()
    return item[:1].lower() + item[1:] if is_a_word else item


def in_words(duration: timedelta) -> str:
    """Return a duration as people say it: `36 hours`, `3 days`, `90 minutes`."""
    for unit, name in ((_DAY, "day"), (_HOUR, "hour")):
        if duration % unit == timedelta(0) and (unit is _HOUR or duration > 2 * _DAY):
            return f"{duration // unit} {name}{'' if duration == unit else 's'}"
    return f"{duration // _MINUTE} minutes"
