"""The settings of the Alternate Provider Option (APO)."""

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
from domain.jobs import ItemCategory
from domain.policy_values import EmailAddress, Reminders, Section, reminders, with_unit
from domain.values import Label, Usd

_TRADE_MAP = {"HVAC": ItemCategory.HVAC}


class ApoPolicy(Section):
    """What the procedure of APO leaves to the company."""

    supervisors: Window = Window(
        opens=timedelta(hours=17), closes=timedelta(hours=7), weekend_all_day=True
    )
    """When supervisors may authorize APO, on the calendar's clock (APO-20, G-36)."""
    max_refusals: Annotated[int, Field(strict=True, ge=1, le=20)] = 2
    """After this many refusals by the customer, only a supervisor decides on APO (G-35)."""
    offer_only_when_exhausted: StrictBool = False
    """Whether Dispatch may offer APO only when the network is exhausted (APO-41, G-82)."""
    voicemail_required: StrictBool = True
    """Whether a customer who is not reached has to get a voicemail (APO-03, G-80)."""
    limit_hvac: Usd = Decimal("500.00")
    """Up to this estimate, in USD, HVAC may be repaired before documents (APO-24, G-37)."""
    limit_other: Usd = Decimal("300.00")
    """The same for every other item, water heaters included (APO-25)."""
    trade_map: dict[Label, ItemCategory] = _TRADE_MAP
    """The category of an item that the job system files under `other`, by its trade (G-38)."""
    documents_mailbox: EmailAddress = "supportingdocuments@cinchhs.com"
    """The mailbox to which customers send their documents (APO-36, G-43)."""
    refund_deductible: StrictBool = True
    """Whether the deductible is refunded once the job goes to APO (G-45)."""
    review: Annotated[BusinessDays, BeforeValidator(with_unit)] = 2
    """How long a decision or a review may take before a supervisor is asked to step in."""
    contact: Reminders = reminders("4h")
    """Dispatch calls the customer (APO-02)."""
    instructions: Reminders = reminders("2bd")
    """The customer answers the instructions (APO-09)."""
    documents: Reminders = reminders("5bd")
    """The customer sends an estimate or documents (G-70)."""
    offer: Reminders = reminders("2bd")
    """The customer chooses the payment method (APO-28, G-32)."""
    invoice: Reminders = reminders("2bd")
    """The customer sends the paid invoice (APO-33, G-33)."""
