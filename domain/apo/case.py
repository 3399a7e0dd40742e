"""The stages of the Alternate Provider Option, and all that an option carries along."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from domain.editions import Edition
from domain.effects import MailFate
from domain.lifecycles import Case, LifecycleStart
from domain.roles import Actor
from domain.stages import END, LifecycleStage
from domain.values import Instant


class Stage(LifecycleStage):
    """Where an option stands."""

    AWAITING_APPROVAL = "awaiting_approval"
    CONTACTING_CUSTOMER = "contacting_customer"
    AWAITING_CUSTOMER = "awaiting_customer"
    AWAITING_DOCUMENTS = "awaiting_documents"
    ESTIMATE_REVIEW = "estimate_review"
    REVIEWING_DOCUMENTS = "reviewing_documents"
    OFFER_SENT = "offer_sent"
    AWAITING_PAID_INVOICE = "awaiting_paid_invoice"

    PAID = "paid", END
    PAID_BY_CHECK = "paid_by_check", END
    CLOSED_WITHOUT_PROOF = "closed_without_proof", END
    REFUSED = "refused", END
    DECLINED = "declined", END
    CANCELLED = "cancelled", END
    SUPERSEDED = "superseded", END


REOPENED = frozenset(
    {Stage.PAID, Stage.PAID_BY_CHECK, Stage.CLOSED_WITHOUT_PROOF, Stage.SUPERSEDED}
)
"""Ends after which a late invoice reopens the case (APO-36)."""
WITH_THE_CUSTOMER = Stage.running() - {Stage.AWAITING_APPROVAL, Stage.CONTACTING_CUSTOMER}
"""The customer knows of the option, and the job stands on its account."""


_MAILS_REMEMBERED = 100
"""How many mails to the customer are remembered: far more than reminders ever make."""


class Sent(BaseModel):
    """A mail that the customer was sent, as the agent on the phone gets to know of it."""

    model_config = ConfigDict(frozen=True)

    template: str
    to: str
    """The address, masked."""
    at: Instant
    key: str | None = None
    """By which the outbox knows it, without its workflow id; None where an earlier release
    remembered it."""
    fate: MailFate | None = None
    """What has become of it, as an earlier episode knew; None: it is on its way, or has arrived."""

    @property
    def arrived(self) -> bool:
        """Whether the customer has it, as far as is known, or is about to."""
        return self.fate in (None, MailFate.SENT, MailFate.WAITING)


class Memory(BaseModel):
    """What earlier episodes of the option leave to later ones of the same job."""

    model_config = ConfigDict(frozen=True)

    refusals: int = 0
    """How often the customer refused (G-35)."""
    sent: tuple[Sent, ...] = ()
    refunded: bool = False
    """The refund of the deductible was asked for (G-45)."""
    amount: Decimal | None = None
    """What was approved last, USD."""
    paid: Decimal = Decimal(0)
    """What was paid so far, USD."""
    ended_as: str | None = None
    """How the newest episode ended, None while it runs."""


class ApoCase(Case):
    """An option, as far as it has come."""

    stage: str = Stage.AWAITING_CUSTOMER
    memory: Memory = Memory()
    requested_by: Actor | None = None
    in_network_exhausted: bool = False
    """Every effort to find a provider in the network failed, says the requester (APO-22)."""
    supervisors_at_hand: bool = False
    """Whether the supervisors' window was open when it last turned (APO-20)."""
    capped: bool = False
    """The customer refused so often that only a supervisor may decide, at any hour (G-35)."""
    mail_fails: bool = False
    """Mails to the customer come back: they are reached by phone and post (G-73)."""
    documented: bool = False
    """Documents have come, and the exception that tracks their review is open (G-61)."""
    estimate: Decimal | None = None
    """The newest estimate, USD."""
    paid_invoice: bool = False
    """A paid invoice is among the documents."""
    reopened: bool = False
    """A paid invoice came after the end: it is reviewed and paid, the job left alone (APO-37)."""
    calls: int = 0
    """How often the customer called."""

    @property
    def brand(self) -> str:
        """The name that the customer knows us by."""
        return self.policy.brands.name_of(self.job.brand)

    @property
    def approved(self) -> Decimal:
        """What was approved last, USD; nothing until something is."""
        return self.memory.amount or Decimal(0)

    mail_fates: dict[str, MailFate] = Field(default_factory=dict)
    """What has become of the mails to the customer that were not sent, by their keys."""

    set_beside_turns: ClassVar[frozenset[str]] = frozenset({"mail_fails", "mail_fates"})

    def remembered(self, ended_as: str | None = None) -> dict[str, JsonValue]:
        """Return the memory, as it is kept.

        Args:
            ended_as: the final stage, where it is told before the case enters it.
        """
        ended_as = ended_as or (self.stage if self.stage in Stage.ends() else None)
        memory = self.memory.model_copy(update={"ended_as": ended_as, "sent": self.sent})
        kept: dict[str, JsonValue] = memory.model_dump(mode="json", exclude_none=True)
        return kept

    def remember(self, **changed: object) -> None:
        """Change what later episodes will know."""
        self.memory = self.memory.model_copy(update=changed)

    @property
    def sent(self) -> tuple[Sent, ...]:
        """The mails to the customer, the oldest first, with what has become of each."""
        fates = self.mail_fates
        return tuple(
            sent.model_copy(update={"fate": fates[sent.key]}) if sent.key in fates else sent
            for sent in self.memory.sent
        )

    def remember_mail(self, template: str, at: datetime, key: str) -> None:
        """Remember a mail to the customer, for the agent who takes their calls."""
        to, short = self.job.customer_mail or "no address", _without_workflow(key)
        sent = Sent(template=template, to=to, at=at, key=short)
        self.remember(sent=(*self.memory.sent, sent)[-_MAILS_REMEMBERED:])

    def mail_found_end(self, key: str, fate: MailFate) -> None:
        """Take in what has become of a mail to the customer, in this episode or before.

        That it was sent is taken for granted, unless something else was known of it.
        """
        known = (sent.key for sent in self.memory.sent if sent.key is not None)
        fates = {**self.mail_fates, _without_workflow(key): fate}
        self.mail_fates = {
            each: fates[each] for each in known if fates.get(each, MailFate.SENT) != MailFate.SENT
        }

    def was_mailed(self, template: str) -> bool:
        """Return whether the customer has a mail, from this episode or before, as far as is known.

        Until edition 3, one that came back counted, too.
        """
        counts_all = self.edition < Edition.FACTS_BY_MEANING
        return any(sent.template == template and (counts_all or sent.arrived) for sent in self.sent)


def _without_workflow(key: str) -> str:
    return key.partition("#")[2] or key


_FIRST_STAGES: Mapping[str, Stage] = {
    "offer_apo": Stage.CONTACTING_CUSTOMER,
    "request_apo": Stage.AWAITING_APPROVAL,
    "document.received": Stage.REVIEWING_DOCUMENTS,
    "documents_received": Stage.REVIEWING_DOCUMENTS,
}
_REOPENING = ("document.received", "documents_received")


class ApoStart(LifecycleStart):
    """The argument of the workflow `AlternateProviderOption`."""

    supervisors_at_hand: bool = False
    """Whether the supervisors' window is open at `occurred_at`."""
    case: ApoCase | None = None
    """How far an earlier run of the same episode had come, None at the beginning."""

    def opened(self) -> ApoCase:
        """Return the case as this run takes it up."""
        return self.case or ApoCase(
            **self.beginning(),
            stage=_FIRST_STAGES.get(self.cause.name, Stage.AWAITING_CUSTOMER),
            reopened=self.cause.name in _REOPENING,
            memory=Memory.model_validate(self.remembered),
            supervisors_at_hand=self.supervisors_at_hand,
        )
