"""The documents that customers send, and the exception that tracks their review (G-61)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from domain.apo.case import ApoCase
from domain.effects import ChangeException, CloseException, OpenException
from domain.texts import usd

REVIEW = "SS-Owner Co Claim Review"
"""Code of the exception."""


def described(*, paid_invoice: bool, amount: Decimal | None) -> str:
    """Return what came, in words: "a paid invoice of $240.00"; the amount is in USD."""
    what = "a paid invoice" if paid_invoice else "documents without a paid invoice"
    return what if amount is None else f"{what} of {usd(amount)}"


def received(case: ApoCase, now: datetime) -> OpenException | ChangeException:
    """Return what documents change in the exception: the first ones open it."""
    status = "In Progress" if case.paid_invoice else "Pending"
    if case.documented:
        updated = f"UPDATED DOCUMENTS {now:%m/%d/%Y}"
        return ChangeException(code=REVIEW, status=status, comment=updated)
    complete = "COMPLETE" if case.paid_invoice else "INCOMPLETE"
    return OpenException(code=REVIEW, status=status, comment=f"{complete} DOCUMENTS")


def pending(comment: str) -> ChangeException:
    """Return that the review waits for the customer, with a comment that says for what."""
    return ChangeException(code=REVIEW, status="Pending", comment=comment)


def reviewed(case: ApoCase) -> CloseException:
    """Return the end of the review, whatever became of it."""
    comment = "COMPLETE DOCUMENTS" if case.paid_invoice else None
    return CloseException(code=REVIEW, comment=comment)
