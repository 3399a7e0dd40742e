"""The e-mails to an APO customer: the template of each, and what fills it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from domain.apo import rules
from domain.apo.case import ApoCase, Stage
from domain.apo.rules import mail_reaches
from domain.apo.waits import chase
from domain.effects import SendEmail
from domain.texts import usd

INSTRUCTIONS = "apo_instructions"

_UNTIL_REVIEWED = frozenset(
    {Stage.AWAITING_CUSTOMER, Stage.AWAITING_DOCUMENTS, Stage.ESTIMATE_REVIEW}
)
_WITH_A_POINT_IN: Mapping[str, frozenset[Stage]] = {
    INSTRUCTIONS: _UNTIL_REVIEWED,
    "apo_instructions_reminder": frozenset({Stage.AWAITING_CUSTOMER}),
    "apo_documents_reminder": frozenset({Stage.AWAITING_DOCUMENTS}),
    "apo_documents_incomplete": _UNTIL_REVIEWED,
    "apo_estimate_approved": _UNTIL_REVIEWED,
    "apo_estimate_declined": frozenset({Stage.AWAITING_DOCUMENTS}),
    "apo_offer": frozenset({Stage.OFFER_SENT}),
    "apo_offer_reminder": frozenset({Stage.OFFER_SENT}),
    "apo_offer_without_invoice": frozenset({Stage.AWAITING_PAID_INVOICE}),
    "apo_invoice_reminder": frozenset({Stage.AWAITING_PAID_INVOICE}),
    "apo_payment_by_check": frozenset({Stage.PAID_BY_CHECK}),
    "apo_closing_without_proof": frozenset({Stage.CLOSED_WITHOUT_PROOF}),
}
"""The stages in which a mail that is still queued is worth sending."""

REMINDERS = frozenset(
    {
        "apo_instructions_reminder",
        "apo_documents_reminder",
        "apo_offer_reminder",
        "apo_invoice_reminder",
    }
)
"""Templates of mails that ask for an answer by a deadline, and have no point after it."""
TIMED = REMINDERS | {"apo_payment_by_check", "apo_closing_without_proof"}
"""Templates of mails that go out because time has passed, and not because somebody has acted."""


def with_a_point_in(template: str) -> frozenset[Stage]:
    """Return the stages in which a mail that is still queued is worth sending."""
    return _WITH_A_POINT_IN.get(template, frozenset())


def instructions(case: ApoCase) -> SendEmail:
    """Return the APO instructions (APO-04)."""
    return _mail(case, INSTRUCTIONS, limit=_limit(case))


def instructions_reminder(case: ApoCase, times: int) -> SendEmail:
    """Return a reminder to answer the instructions (APO-09), the first one with `times` 1."""
    return _reminder(case, "apo_instructions_reminder", times, limit=_limit(case))


def documents_reminder(case: ApoCase, times: int) -> SendEmail:
    """Return a reminder to send an estimate or the documents (G-70)."""
    return _reminder(case, "apo_documents_reminder", times, limit=_limit(case))


def estimate_approved(case: ApoCase, reason: str = "") -> SendEmail:
    """Return the approval of the newest estimate, with the reason if there is one."""
    return _mail(case, "apo_estimate_approved", amount=_estimate(case), reason=reason)


def estimate_declined(case: ApoCase, reason: str) -> SendEmail:
    """Return the decline of the newest estimate; an empty reason is left out."""
    return _mail(case, "apo_estimate_declined", amount=_estimate(case), reason=reason)


def documents_incomplete(case: ApoCase, reason: str) -> SendEmail:
    """Return the request for what the documents lack (G-40)."""
    return _mail(case, "apo_documents_incomplete", reason=reason)


def offer(case: ApoCase) -> SendEmail:
    """Return the offer of the approved amount (APO-26)."""
    return _mail(case, "apo_offer", amount=usd(case.approved), **_ways_to_pay(case))


def offer_reminder(case: ApoCase, times: int) -> SendEmail:
    """Return a reminder to choose how to be paid (APO-28)."""
    amount = usd(case.approved)
    return _reminder(case, "apo_offer_reminder", times, amount=amount, **_ways_to_pay(case))


def offer_without_invoice(case: ApoCase) -> SendEmail:
    """Return the offer that is paid once the paid invoice is approved (APO-32)."""
    amount = usd(case.approved)
    return _mail(case, "apo_offer_without_invoice", amount=amount, **_ways_to_pay(case))


def invoice_reminder(case: ApoCase, times: int) -> SendEmail:
    """Return a reminder to send the paid invoice (APO-33)."""
    return _reminder(case, "apo_invoice_reminder", times, amount=usd(case.approved))


def payment_by_check(case: ApoCase) -> SendEmail:
    """Return the news that the payment goes by check (APO-30)."""
    return _mail(case, "apo_payment_by_check", amount=usd(case.approved))


def closing_without_proof(case: ApoCase) -> SendEmail:
    """Return the news that the job closes without proof of payment (APO-34)."""
    return _mail(case, "apo_closing_without_proof", amount=usd(case.approved))


def _mail(case: ApoCase, template: str, **context: str) -> SendEmail:
    said = {
        "brand": case.brand,
        "documents_mailbox": case.policy.apo.documents_mailbox,
        **context,
    }
    return SendEmail(to=None, template=template, context=said)


def _reminder(case: ApoCase, template: str, times: int, **context: str) -> SendEmail:
    attempts = chase(case).reminders.attempts
    return _mail(case, template, attempt=str(times), attempts=str(attempts), **context)


def _limit(case: ApoCase) -> str:
    return usd(rules.limit(case))


def _estimate(case: ApoCase) -> str:
    return usd(case.estimate or Decimal(0))


def _ways_to_pay(case: ApoCase) -> dict[str, str]:
    """Return whether an offer may name the electronic transfer (G-44)."""
    return {"electronic_transfer": "yes" if mail_reaches(case) else "no"}
