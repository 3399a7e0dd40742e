"""The stages of the Alternate Provider Option (APO), and the state of one that runs."""

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
    """The stages of APO on a job."""

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


SETTLED: frozenset[str] = frozenset({Stage.PAID, Stage.PAID_BY_CHECK, Stage.CLOSED_WITHOUT_PROOF})
"""Ends at which all was done for the customer."""
STILL_REACHED: frozenset[str] = SETTLED | {Stage.SUPERSEDED}
"""Ends after which a customer whose mail came back still has to hear from us."""


def reopened_after(edition: int) -> frozenset[str]:
    """Return the ends after which a paid invoice reopens the case (APO-36).

    Until edition 3, a refused, declined or cancelled option stayed closed.
    """
    return Stage.ends() if edition >= Edition.EVERY_CLAUSE else STILL_REACHED


WITH_THE_CUSTOMER = Stage.running() - {Stage.AWAITING_APPROVAL, Stage.CONTACTING_CUSTOMER}
"""The customer knows about APO, and the job is assigned to Alternate Provider Option."""


_MAILS_REMEMBERED = 100
"""How many e-mails to the customer are remembered: far more than the reminders ever send."""


class Sent(BaseModel):
    """An e-mail to the customer, as the checklist of a call shows it."""

    model_config = ConfigDict(frozen=True)

    template: str
    to: str
    """The address, masked."""
    at: Instant
    key: str | None = None
    """Its key in the outbox, without the workflow id; None in jobs of an earlier release."""
    fate: MailFate | None = None
    """What happened to it, as an earlier episode knew; None: it was sent or is on its way."""

    @property
    def arrived(self) -> bool:
        """Whether the customer has it or will get it, as far as is known."""
        return self.fate in (None, MailFate.SENT, MailFate.WAITING)


class Memory(BaseModel):
    """What an episode of APO leaves to the next one of the same job."""

    model_config = ConfigDict(frozen=True)

    refusals: int = 0
    """How often the customer refused APO (G-35)."""
    sent: tuple[Sent, ...] = ()
    refunded: bool = False
    """The refund of the deductible was requested (G-45)."""
    refund_withdrawn: bool = False
    """An earlier request for the refund was withdrawn, because the customer refused APO."""
    estimate: Decimal | None = None
    """The newest estimate that was approved or within the limit, USD (G-37)."""
    amount: Decimal | None = None
    """The newest approved amount, USD."""
    paid: Decimal = Decimal(0)
    """The payments requested so far, USD."""
    ended_as: str | None = None
    """The end of the newest episode, None while it runs."""


class ApoCase(Case):
    """APO on one job, in its present state."""

    stage: str = Stage.AWAITING_CUSTOMER
    memory: Memory = Memory()
    requested_by: Actor | None = None
    requested_because: str | None = Field(default=None, exclude_if=lambda reason: reason is None)
    """The reason that they gave; None in requests of an earlier release."""
    in_network_exhausted: bool = False
    """Whoever offered or requested APO says that the in-network search has failed (APO-22)."""
    supervisors_at_hand: bool = False
    """Whether the supervisors' window was open when it last turned (APO-20)."""
    capped: bool = False
    """The customer refused so often that only a supervisor decides, at any hour (G-35)."""
    mail_fails: bool = False
    """E-mails to the customer come back: use the phone and postal mail (G-73)."""
    documented: bool = False
    """Documents arrived, and the exception that tracks their review is open (G-61)."""
    estimate: Decimal | None = None
    """The newest estimate, USD."""
    paid_invoice: bool = False
    """A paid invoice is among the documents."""
    reopened: bool = False
    """A paid invoice arrived after the end: it is handled, and the job stays as it is (APO-37)."""
    calls: int = 0
    """How often the customer called."""

    @property
    def brand(self) -> str:
        """The company name that the customer knows."""
        return self.policy.brands.name_of(self.job.brand)

    @property
    def approved(self) -> Decimal:
        """The newest approved amount, USD; 0 before the first."""
        return self.memory.amount or Decimal(0)

    mail_fates: dict[str, MailFate] = Field(default_factory=dict)
    """What happened to e-mails to the customer that were not sent, by key."""

    set_beside_turns: ClassVar[frozenset[str]] = frozenset({"mail_fails", "mail_fates"})

    def remembered(self, ended_as: str | None = None) -> dict[str, JsonValue]:
        """Return the memory as it is stored.

        Args:
            ended_as: the final stage, where it is known before the case enters it.
        """
        ended_as = ended_as or (self.stage if self.stage in Stage.ends() else None)
        memory = self.memory.model_copy(update={"ended_as": ended_as, "sent": self.sent})
        kept: dict[str, JsonValue] = memory.model_dump(mode="json", exclude_none=True)
        return kept

    def remember(self, **changed: object) -> None:
        """Change the memory."""
        self.memory = self.memory.model_copy(update=changed)

    @property
    def sent(self) -> tuple[Sent, ...]:
        """The e-mails to the customer, oldest first, with what happened to each."""
        fates = self.mail_fates
        return tuple(
            sent.model_copy(update={"fate": fates[sent.key]}) if sent.key in fates else sent
            for sent in self.memory.sent
        )

    def remember_mail(self, template: str, at: datetime, key: str) -> None:
        """Remember an e-mail to the customer, for the agent who takes their calls."""
        to, short = self.job.customer_mail or "no address", _without_workflow(key)
        sent = Sent(template=template, to=to, at=at, key=short)
        self.remember(sent=(*self.memory.sent, sent)[-_MAILS_REMEMBERED:])

    def mail_found_end(self, key: str, fate: MailFate) -> None:
        """Record what happened to an e-mail to the customer, of this episode or an earlier one.

        `SENT` is recorded only where something else was known before.
        """
        known = (sent.key for sent in self.memory.sent if sent.key is not None)
        fates = {**self.mail_fates, _without_workflow(key): fate}
        self.mail_fates = {
            each: fates[each] for each in known if fates.get(each, MailFate.SENT) != MailFate.SENT
        }

    def was_mailed(self, template: str) -> bool:
        """Return whether the customer got an e-mail of a template, in this episode or before.

        Until edition 3, one that came back counted too.
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
    """The state that an earlier run of the same episode left; None at the beginning."""

    def opened(self) -> ApoCase:
        """Return the state that this run begins with."""
        return self.case or ApoCase(
            **self.beginning(),
            stage=_FIRST_STAGES.get(self.cause.name, Stage.AWAITING_CUSTOMER),
            reopened=self.cause.name in _REOPENING,
            memory=Memory.model_validate(self.remembered),
            supervisors_at_hand=self.supervisors_at_hand,
        )
