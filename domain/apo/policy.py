"""What the procedure of the Alternate Provider Option leaves to the company."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
)

from domain.calendars import Window
from domain.durations import BusinessDays
from domain.policy_values import EmailAddress, Reminders, Section, reminders, with_unit
from domain.values import Usd


class ApoPolicy(Section):
    """What the procedure of the Alternate Provider Option leaves open."""

    supervisors: Window = Window(
        opens=timedelta(hours=17), closes=timedelta(hours=7), weekend_all_day=True
    )
    """When supervisors may authorise the option, on the calendar's clock (APO-20, G-36)."""
    max_refusals: Annotated[int, Field(strict=True, ge=1, le=20)] = 2
    """Refusals of a customer after which only a supervisor may have it offered again (G-35)."""
    limit_hvac: Usd = Decimal("500.00")
    """Up to this estimate, in USD, heating and A/C is repaired before documents (APO-24, G-37)."""
    limit_other: Usd = Decimal("300.00")
    """The same for every other item, water heaters among them (APO-25, G-38)."""
    documents_mailbox: EmailAddress = "supportingdocuments@cinchhs.com"
    """Where customers send their documents (APO-36, G-43)."""
    refund_deductible: StrictBool = True
    """Whether the deductible is refunded once the job is the option's (G-45)."""
    review: Annotated[BusinessDays, BeforeValidator(with_unit)] = 2
    """How long a decision or a review may take before a supervisor is told."""
    contact: Reminders = reminders("4h")
    """Dispatch reaches the customer (APO-02)."""
    instructions: Reminders = reminders("2bd")
    """The customer answers the instructions (APO-09)."""
    documents: Reminders = reminders("5bd")
    """The customer sends estimate or invoice (G-70)."""
    offer: Reminders = reminders("2bd")
    """The customer chooses how to be paid (APO-28, G-32)."""
    invoice: Reminders = reminders("2bd")
    """The customer sends the paid invoice (APO-33, G-33)."""
