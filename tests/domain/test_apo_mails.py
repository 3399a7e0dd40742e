"""What the mails to the customer say, and how documents are tracked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from domain.apo import documents, mails
from domain.apo.case import Memory
from domain.effects import ChangeException, CloseException, OpenException
from tests.domain.apo_cases import NOON
from tests.domain.factories import an_option


def test_every_mail_names_the_brand_and_where_documents_go() -> None:
    mail = mails.instructions(an_option())

    assert (mail.to, mail.template) == (None, "apo_instructions")
    assert mail.context == {
        "brand": "Cinch Home Services",
        "documents_mailbox": "supportingdocuments@cinchhs.com",
        "limit": "$300.00",
    }


@pytest.mark.rule("APO-28")
def test_a_reminder_says_which_it_is_of_how_many() -> None:
    option = an_option("offer_sent", memory=Memory(amount=Decimal("1240.50")))

    said = mails.offer_reminder(option, 2).context

    assert (said["attempt"], said["attempts"], said["amount"]) == ("2", "3", "$1,240.50")


@pytest.mark.rule("G-44")
def test_an_offer_names_the_transfer_only_where_mail_arrives() -> None:
    option = an_option("offer_sent")
    ways = [mails.offer(option).context["electronic_transfer"]]
    option.job = option.job.model_copy(update={"customer_mail": "a…@example.com"})
    ways.append(mails.offer(option).context["electronic_transfer"])
    option.mail_fails = True
    ways.append(mails.offer_without_invoice(option).context["electronic_transfer"])

    assert ways == ["no", "yes", "no"]


@pytest.mark.parametrize(
    ("paid_invoice", "amount", "words"),
    [
        (True, Decimal(240), "a paid invoice of $240.00"),
        (True, None, "a paid invoice"),
        (False, Decimal(240), "documents without a paid invoice, $240.00"),
        (False, Decimal(0), "documents without a paid invoice, $0.00"),
    ],
)
def test_documents_in_words(*, paid_invoice: bool, amount: Decimal | None, words: str) -> None:
    assert documents.described(paid_invoice=paid_invoice, amount=amount) == words


@pytest.mark.rule("G-37")
@pytest.mark.parametrize(
    ("estimate", "invoice", "above"),
    [
        ("600.00", "650.00", "Approved estimate: $600.00. Invoice: $650.00. Review the difference"),
        ("600.00", "600.00", None),
        ("600.00", None, None),
        (None, "650.00", None),
    ],
)
def test_an_invoice_above_its_approved_estimate_is_shown_with_the_difference(
    estimate: str | None, invoice: str | None, above: str | None
) -> None:
    option = an_option("reviewing_documents", memory={"estimate": estimate})
    amount = None if invoice is None else Decimal(invoice)
    text = documents.review_request(
        option, "a paid invoice", invoice=amount, already_reviewing=False
    )
    assert text.startswith("Review a paid invoice (APO-26).")
    assert (above is not None) == ("Review the difference of $50.00 (G-37)" in text)
    assert above is None or above in text


@pytest.mark.rule("G-61")
@pytest.mark.parametrize(
    ("paid_invoice", "status", "comment", "in_the_end"),
    [
        (True, "In Progress", "COMPLETE DOCUMENTS", "COMPLETE DOCUMENTS"),
        (False, "Pending", "INCOMPLETE DOCUMENTS", None),
    ],
)
def test_the_exception_follows_the_documents(
    *, paid_invoice: bool, status: str, comment: str, in_the_end: str | None
) -> None:
    option = an_option("awaiting_documents", paid_invoice=paid_invoice)
    code = "SS-Owner Co Claim Review"

    assert documents.received(option, NOON) == OpenException(
        code=code, status=status, comment=comment
    )
    option.documented = True
    assert documents.received(option, NOON) == ChangeException(
        code=code, status=status, comment="UPDATED DOCUMENTS 11/24/2026"
    )
    assert documents.reviewed(option) == CloseException(code=code, comment=in_the_end)
