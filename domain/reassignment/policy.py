"""What the procedure of the conference call leaves to the company."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    ValidationInfo,
    field_validator,
)

from domain.calendars import Window
from domain.durations import Elapsed, format_elapsed
from domain.policy_values import Section, known_keys
from domain.reassignment.guide_texts import Guide, must_be_fillable
from domain.values import Usd

_GuideText = Annotated[str, AfterValidator(must_be_fillable)]


class ReassignmentPolicy(Section):
    """What the procedure of the conference leaves open."""

    calling: Window = Window(opens=timedelta(hours=9), closes=timedelta(hours=18))
    """When providers are called, on every clock that their ZIP code touches (CONF-05, G-49)."""
    unknown_zip: Literal["closed", "company_clock"] = "closed"
    """Whether a provider of an unknown ZIP code is never called, or on the company's clock (G-50).
    """
    max_calls_standard: Annotated[int, Field(strict=True, ge=1, le=50)] = 3
    """Providers called at most for a standard job (G-52)."""
    max_calls_emergency: Annotated[int, Field(strict=True, ge=1, le=50)] = 4
    """The same for an emergency; for a medical emergency all are called (G-52)."""
    days_for_priority_items: Annotated[int, Field(strict=True, ge=1, le=30)] = 2
    """Days, Sundays not counted, within which an appointment is acceptable for heating and A/C,
    refrigerators and water heaters (CONF-45, G-47)."""
    days_for_others: Annotated[int, Field(strict=True, ge=1, le=30)] = 3
    """The same for every other item (G-48)."""
    within_for_urgent: Elapsed = timedelta(hours=48)
    """The same for an emergency, of whatever item (CONF-45, G-48)."""
    late_offer: Literal["next_provider", "ask_customer"] = "next_provider"
    """What follows when a provider's first appointment is too late: the next provider is called, or
    the customer is asked in the conference (G-46)."""
    late_appointment: Literal["customer_agrees", "supervisor"] = "customer_agrees"
    """Who can let an appointment stand that is too late: the customer, or only a supervisor (G-88).
    """
    note_offers: StrictBool = False
    """Whether notes name an appointment that a provider merely offers (G-54)."""
    travel_from_miles: Annotated[int, Field(strict=True, ge=0, le=1000)] = 25
    """From this distance on a travel fee is suggested (G-56)."""
    travel_rate: Usd = Decimal("1.00")
    """What is suggested for a mile, in USD (G-56)."""
    no_answer_fallback: StrictBool = False
    """Whether the first provider of the calendar who did not answer gets a job for which nobody
    said yes (G-53)."""
    drop_retry: Annotated[int, Field(strict=True, ge=0, le=5)] = 1
    """How often a provider is called again after its line broke off (G-57)."""
    idle: Elapsed = timedelta(minutes=30)
    """How long a step may take before a supervisor gets a task."""
    give_up: Elapsed = timedelta(hours=2)
    """How long a step may take before the job moves to Procure Vendor."""
    unscheduled_after: Elapsed = timedelta(hours=36)
    """How long a provider that calls the customer itself has to make an appointment (G-58)."""
    unscheduled_after_urgent: Elapsed = timedelta(hours=24)
    """The same in an emergency (G-89)."""
    guide: Annotated[dict[Guide, _GuideText], known_keys(Guide)] = Field(default_factory=dict)
    """The company's own text of a step, in place of the one in `guide.toml` (CONF-40)."""

    @field_validator("give_up")
    @classmethod
    def _after_idle(cls, give_up: Elapsed, info: ValidationInfo) -> Elapsed:
        idle = info.data.get("idle")
        if idle is not None and give_up <= idle:
            raise ValueError(f"{format_elapsed(give_up)} is not after idle")
        return give_up
