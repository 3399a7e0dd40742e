"""What mail templates are filled with, and a sample of each to look at before anybody gets it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, TypedDict

from activities.templating import MailTemplateError, render
from domain.accounts import PLUSONE
from domain.jobs import Assignee, Customer, Item, Job, JobStatus
from store.mail_queue import RenderedMail

BRANDS = ("Cinch Home Services", "Sears Home Warranty")
"""The names that customers know."""

_READER = "grace@example.com"


class MailContext(TypedDict, total=False):
    """What a template is filled with besides the job, each the way its reader sees it."""

    brand: str
    """The name that the customer knows, which signs the mail."""
    documents_mailbox: str
    """The address that takes the customer's documents, at any time (APO-36)."""
    limit: str
    """The highest estimate with which the repair may go ahead at once (APO-24, APO-25)."""
    amount: str
    """What the estimate comes to, or what is offered."""
    electronic_transfer: Literal["yes", "no"]
    """Whether the customer may choose it: not without a mailable address (APO-27, G-44)."""
    reason: str
    """Why somebody decided so, in that person's words; about an estimate it may be empty."""
    attempt: str
    """Which reminder this is, from 1 (APO-28, APO-33)."""
    attempts: str
    """How many reminders there will be."""
    text: str
    """The text of a note."""
    answer_by: str
    """Until when the customer is to answer, on the company's clock; empty where no deadline runs.
    Whoever renders a lifecycle's mail adds it: `store.ledger` knows the deadline."""
    provider: str
    """Who is written to or about: the job may be another's by now."""
    reader: str
    """The reader's name in the directory; empty where a person entered the address."""
    concern: str
    """What the customer reported, in the words in which it was written down."""
    exceptions: str
    """The open Exceptions, one a line: code and comment (AM-18)."""
    remark: str
    """What the Admin team adds; it may be empty (AM-34)."""
    appointment: str
    """The day of the confirmed diagnosis appointment (SPOC-13)."""
    needed: str
    """What the reader is asked for, a line each; it may be empty where nothing was."""
    summary: str
    """What has come, in somebody's words (SPOC-23, SPOC-24)."""
    day: str
    """The day of a digest."""
    count: str
    """How many jobs a digest names."""
    jobs: str
    reviews: str
    """The jobs of a digest, a paragraph each."""
    phone: str
    """The provider's telephone number; it may be empty (CONF-34)."""


_LETTER: MailContext = {
    "brand": BRANDS[0],
    "documents_mailbox": "supportingdocuments@cinchhs.com",
}
_ESCALATED: MailContext = {
    "reader": "Pat Osei",
    "provider": "Tulsa Plumbing (4711)",
    "concern": "The faucet has leaked again since the repair.",
    "exceptions": "WORKMANSHIP: leaks again after two days, and nobody answers.",
}
_TO_ANSWER: MailContext = {**_LETTER, "answer_by": "Wed, Nov 25, 5:00 PM ET"}
_REMINDER: MailContext = {**_TO_ANSWER, "attempt": "2", "attempts": "3"}

_SPECIALIST = "Alan Turing"
_NEEDED = "missing information: the model number of the water heater"

SAMPLES: Mapping[str, MailContext] = MappingProxyType(
    {
        "am_escalation": {**_ESCALATED, "remark": "The third one this month."},
        "am_reminder": {**_ESCALATED, "attempt": "2", "attempts": "3"},
        "apo_closing_without_proof": _LETTER,
        "apo_documents_incomplete": {
            **_TO_ANSWER,
            "reason": "The invoice does not show that it was paid.",
        },
        "apo_documents_reminder": {**_REMINDER, "limit": "$300.00"},
        "apo_estimate_approved": {
            **_LETTER,
            "amount": "$1,412.50",
            "reason": "A second visit is included.",
        },
        "apo_estimate_declined": {
            **_LETTER,
            "amount": "$1,412.50",
            "reason": "The diagnosis does not say what has failed.",
        },
        "apo_instructions": {**_TO_ANSWER, "limit": "$300.00"},
        "apo_instructions_reminder": {**_REMINDER, "limit": "$300.00"},
        "apo_invoice_reminder": {**_REMINDER, "amount": "$412.50"},
        "apo_offer": {**_TO_ANSWER, "amount": "$412.50", "electronic_transfer": "yes"},
        "apo_offer_reminder": {**_REMINDER, "amount": "$412.50", "electronic_transfer": "yes"},
        "apo_offer_without_invoice": {
            **_LETTER,
            "amount": "$412.50",
            "electronic_transfer": "yes",
        },
        "apo_payment_by_check": {"brand": BRANDS[0], "amount": "$412.50"},
        "plusone_reminder": {
            "needed": "- Call the customer with the Service Professional's information."
        },
        "plusone_send_instructions": {"reason": "PlusOne found no provider in its 48 hours."},
        "provider_information": {
            "brand": BRANDS[0],
            "provider": "Tulsa Plumbing",
            "phone": "918-555-0134",
        },
        "public_note": {"provider": "Tulsa Plumbing", "text": "JOB APPROVAL. Approved: $240.00."},
        "public_note_to_customer": {"text": "JOB APPROVAL. Approved: $240.00."},
        "report_reminder": {"appointment": "Friday, November 20, 2026"},
        "spoc_assistance": {"reader": _SPECIALIST, "needed": _NEEDED},
        "spoc_digest": {
            "reader": _SPECIALIST,
            "day": "Tuesday, November 24, 2026",
            "count": "2",
            "jobs": f"Tulsa Plumbing:\n- SJ-1001 (Plumbing, Water heater): {_NEEDED}",
            "reviews": "Tulsa Plumbing:\n- SJ-1002 (Plumbing, Sink): The cost is over the limit.",
        },
        "spoc_follow_up": {
            "reader": _SPECIALIST,
            "needed": _NEEDED,
            "summary": "The provider entered the service report.",
        },
        "spoc_reminder": {"reader": _SPECIALIST, "needed": _NEEDED},
    }
)
"""For each template all that it needs, and nothing else."""


def sample_job(brand: str) -> Job:
    """Return a made-up job of a brand's customer, with all that a mail may say of it."""
    return Job(
        job_id="SJ-1001",
        status=JobStatus.NEW,
        trade="Plumbing",
        item=Item(name="Kitchen faucet"),
        assigned_to=Assignee.of(PLUSONE),
        assigned_at=datetime(2026, 11, 21, 14, 5, tzinfo=UTC),
        customer=Customer(name="Grace Hill", email=_READER, zip="74103", state="OK"),
        brand=brand,
    )


def sample_context(template: str, brand: str) -> dict[str, str]:
    """Return what a template is filled with for a brand's customer.

    Raises:
        KeyError: there is no such template.
    """
    sample = {name: str(said) for name, said in SAMPLES[template].items()}
    return sample | {"brand": brand} if "brand" in sample else sample


def preview(template: str, brand: str) -> RenderedMail:
    """Return a template's sample mail, as a customer of a brand gets it.

    Raises:
        MailTemplateError: there is no such template; says which there are.
    """
    if template not in SAMPLES:
        names = ", ".join(SAMPLES)
        raise MailTemplateError(f"there is no mail template {template!r}; use one of: {names}")
    return render(template, _READER, sample_job(brand), sample_context(template, brand))
