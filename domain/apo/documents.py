"""Customers' documents: how they are named and reviewed, and the exception for it (G-61)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from domain.apo.case import ApoCase
from domain.effects import ChangeException, CloseException, OpenException
from domain.texts import usd

REVIEW = "SS-Owner Co Claim Review"
"""Code of the exception."""

_NAMES: Mapping[str, str] = {
    "estimate": "an estimate",
    "documents": "documents without a paid invoice",
    "paid_invoice": "a paid invoice",
}


def named(kind: str) -> str:
    """Return a kind of document in words: "an estimate"."""
    return _NAMES[kind]


def described(*, paid_invoice: bool, amount: Decimal | None) -> str:
    """Return what arrived, in words: "a paid invoice of $240.00"; the amount is in USD."""
    what = named("paid_invoice" if paid_invoice else "documents")
    if amount is None:
        return what
    return f"{what} of {usd(amount)}" if paid_invoice else f"{what}, {usd(amount)}"


def review_request(
    case: ApoCase, came: str, *, invoice: Decimal | None, already_reviewing: bool
) -> str:
    """Return the task to review what arrived (APO-26), with the estimate it exceeds (G-37).

    Args:
        case: knows the newest estimate that was approved or within the limit.
        came: what arrived, in words.
        invoice: the amount of a paid invoice, in USD; None where there is none.
        already_reviewing: whether other documents are under review already.
    """
    more = " More documents are under review: decide on all of them." if already_reviewing else ""
    return f"Review {came} (APO-26).{more}{_above_estimate(case.memory.estimate, invoice)}"


def _above_estimate(estimate: Decimal | None, invoice: Decimal | None) -> str:
    if estimate is None or invoice is None or invoice <= estimate:
        return ""
    return (
        f" Approved estimate: {usd(estimate)}. Invoice: {usd(invoice)}. "
        f"Review the difference of {usd(invoice - estimate)} (G-37)."
    )


def received(case: ApoCase, now: datetime) -> OpenException | ChangeException:
    """Return the change of the exception when documents arrive; the first ones open it."""
    status = "In Progress" if case.paid_invoice else "Pending"
    if case.documented:
        updated = f"UPDATED DOCUMENTS {now:%m/%d/%Y}"
        return ChangeException(code=REVIEW, status=status, comment=updated)
    complete = "COMPLETE" if case.paid_invoice else "INCOMPLETE"
    return OpenException(code=REVIEW, status=status, comment=f"{complete} DOCUMENTS")


def pending(comment: str) -> ChangeException:
    """Return the change of the exception while the customer is waited for, with its comment."""
    return ChangeException(code=REVIEW, status="Pending", comment=comment)


def reviewed(case: ApoCase) -> CloseException:
    """Return the closing of the exception at the end of the review."""
    comment = "COMPLETE DOCUMENTS" if case.paid_invoice else None
    return CloseException(code=REVIEW, comment=comment)
