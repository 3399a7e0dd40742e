"""The Alternate Provider Option: its rules, stages and commands (document 002, rules APO-*)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from unicodedata import normalize

from pydantic import AfterValidator, BaseModel, ConfigDict, JsonValue, StrictBool

from domain.accounts import ALTERNATE_PROVIDER_OPTION, PROCURE_VENDOR
from domain.addresses import Mailable
from domain.calendars import is_open_everywhere
from domain.commands import Command, CommandTable, Payload
from domain.effects import OpenTask
from domain.events import DocumentArrived, Event
from domain.guards import PlusOneHold, plusone_hold
from domain.jobs import ItemCategory, Job, JobStatus
from domain.lifecycles import Case, LifecycleKind, LifecycleStart
from domain.policy import ApoPolicy, Policy
from domain.promises import DueAfterBusinessDays, DueAtTurn, Promise, promise_key
from domain.refusals import Refusal, RefusalKind, conflict
from domain.reminders import Chase
from domain.roles import Actor, Role
from domain.texts import usd
from domain.values import Instant, Prose, Usd


class Stage(StrEnum):
    """Where an option stands."""

    AWAITING_APPROVAL = "awaiting_approval"
    CONTACTING_CUSTOMER = "contacting_customer"
    AWAITING_CUSTOMER = "awaiting_customer"
    AWAITING_DOCUMENTS = "awaiting_documents"
    ESTIMATE_REVIEW = "estimate_review"
    REVIEWING_DOCUMENTS = "reviewing_documents"
    OFFER_SENT = "offer_sent"
    AWAITING_PAID_INVOICE = "awaiting_paid_invoice"

    PAID = "paid"
    PAID_BY_CHECK = "paid_by_check"
    CLOSED_WITHOUT_PROOF = "closed_without_proof"
    REFUSED = "refused"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


ENDS = frozenset(
    {
        Stage.PAID,
        Stage.PAID_BY_CHECK,
        Stage.CLOSED_WITHOUT_PROOF,
        Stage.REFUSED,
        Stage.DECLINED,
        Stage.CANCELLED,
        Stage.SUPERSEDED,
    }
)
RUNNING = frozenset(Stage) - ENDS
REOPENED = frozenset(
    {Stage.PAID, Stage.PAID_BY_CHECK, Stage.CLOSED_WITHOUT_PROOF, Stage.SUPERSEDED}
)
"""Ends after which a late invoice reopens the case (APO-36)."""
WITH_THE_CUSTOMER = RUNNING - {Stage.AWAITING_APPROVAL, Stage.CONTACTING_CUSTOMER}
"""The customer knows of the option, and the job stands on its account."""
PRIORITY_ITEMS = frozenset(
    {ItemCategory.HVAC, ItemCategory.WATER_HEATER, ItemCategory.REFRIGERATOR}
)
"""What supervisors may authorise the option for (APO-21)."""


class Sent(BaseModel):
    """A mail that the customer was sent, as the agent on the phone gets to know of it."""

    model_config = ConfigDict(frozen=True)

    template: str
    to: str
    """The address, masked."""
    at: Instant


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
    """Whoever asked says that every effort to find a provider in the network failed (APO-22)."""
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

    def remembered(self) -> dict[str, JsonValue]:
        """Return the memory, as it is kept."""
        ended_as = self.stage if self.stage in ENDS else None
        memory = self.memory.model_copy(update={"ended_as": ended_as})
        kept: dict[str, JsonValue] = memory.model_dump(mode="json")
        return kept

    def remember(self, **changed: object) -> None:
        """Change what later episodes will know."""
        self.memory = self.memory.model_copy(update=changed)


class ApoStart(LifecycleStart):
    """The argument of the workflow `AlternateProviderOption`."""

    supervisors_at_hand: bool = False
    """Whether the supervisors' window is open at `occurred_at`."""
    case: ApoCase | None = None
    """How far an earlier run of the same episode had come, None at the beginning."""

    def opened(self) -> ApoCase:
        """Return the case as this run takes it up."""
        return self.case or ApoCase(
            job=self.job,
            job_version=self.job_version,
            policy=self.policy,
            stage=_FIRST_STAGES.get(self.cause.name, Stage.AWAITING_CUSTOMER),
            begun=self.cause.kind == "event",
            reopened=self.cause.name in _REOPENING,
            counts_from=self.occurred_at,
            memory=Memory.model_validate(self.remembered),
            supervisors_at_hand=self.supervisors_at_hand,
        )


_FIRST_STAGES: Mapping[str, Stage] = {
    "offer_apo": Stage.CONTACTING_CUSTOMER,
    "request_apo": Stage.AWAITING_APPROVAL,
    "document.received": Stage.REVIEWING_DOCUMENTS,
    "documents_received": Stage.REVIEWING_DOCUMENTS,
}


_REOPENING = ("document.received", "documents_received")


def begin(**fields: Any) -> ApoStart:  # noqa: ANN401  the fields of LifecycleStart
    """Return the argument of a workflow, with what only a calendar can tell of its beginning."""
    start = ApoStart(**fields)
    at_hand = supervisors_window_is_open(start.policy, start.occurred_at)
    return start.model_copy(update={"supervisors_at_hand": at_hand})


# --- who may offer it -------------------------------------------------------------------------


def supervisors_window_is_open(policy: Policy, at: datetime) -> bool:
    """Return whether supervisors may authorise the option at an instant (APO-20, G-36)."""
    return is_open_everywhere(policy.apo.supervisors, at, [policy.calendar.zone])


def supervisors_at_hand(case: ApoCase, now: datetime) -> bool:
    """Return whether the window is open now, by when it was to turn: without any calendar."""
    turned = case.due_at is not None and now >= case.due_at
    return case.supervisors_at_hand is not turned


def authorised_by_supervisor(case: ApoCase, now: datetime, *, exhausted: bool) -> Refusal | None:
    """Return why a supervisor may not authorise the option now, None if they may.

    After hours and on weekends, for priority items, when nobody in the network is left
    (APO-20..22). Past the cap of refusals the hour and the item do not count (G-35).
    """
    if case.capped:
        return _must_be_exhausted(exhausted=exhausted)
    at_hand = supervisors_at_hand(case, now)
    return may_authorise(case.job.item.category, at_hand=at_hand, exhausted=exhausted)


def may_authorise(item: ItemCategory, *, at_hand: bool, exhausted: bool) -> Refusal | None:
    """Return why a supervisor may not authorise the option for an item, None if they may.

    Args:
        item: what is broken (APO-21).
        at_hand: whether the supervisors' window is open (APO-20).
        exhausted: whether every effort to find a provider in the network failed (APO-22).
    """
    if not at_hand:
        return conflict(
            "APO-20",
            "Supervisors authorise the option from 17:00 to 07:00 Eastern and on weekends.",
            "leave it to dispatch, which may offer it at any hour",
        )
    if item not in PRIORITY_ITEMS:
        return conflict(
            "APO-21",
            "Supervisors authorise the option for heating and A/C, water heaters and "
            f"refrigerators; the category of this item is {item}.",
            "leave it to dispatch",
        )
    return _must_be_exhausted(exhausted=exhausted)


def _must_be_exhausted(*, exhausted: bool) -> Refusal | None:
    if exhausted:
        return None
    return conflict(
        "APO-22",
        "Supervisors authorise the option only when every effort to find a provider in the "
        "network has failed.",
        "go on searching; what is asked for may be declined, and asked for anew",
    )


def _may_be_begun(case: ApoCase, now: datetime) -> Refusal | None:
    if held := plusone_hold(case.job, now, PlusOneHold.under(case.policy)):
        return held  # G-60
    if case.job.status in (JobStatus.CANCELLED, JobStatus.COMPLETED):
        return conflict(
            None,
            f"The job is {case.job.status}.",
            "documents_received takes a late paid invoice; for all else see the job",
        )
    return None


def _may_offer(case: ApoCase, command: OfferApo, now: datetime) -> Refusal | None:
    if refusal := _may_be_begun(case, now):
        return refusal
    if case.memory.refusals >= case.policy.apo.max_refusals:
        return conflict(
            "G-35",
            f"The customer has refused the option {case.memory.refusals} times.",
            "request_apo",
        )
    match command.actor.role:
        case Role.ESCALATIONS:
            return _escalations_may_offer(case, command)
        case Role.SUPERVISOR:
            return authorised_by_supervisor(case, now, exhausted=command.in_network_exhausted)
        case _:
            return None  # Dispatch decides at its discretion (APO-19)


def _escalations_may_offer(case: ApoCase, command: OfferApo) -> Refusal | None:
    if not (command.locator_completed and command.all_providers_called):
        return conflict(
            "APO-43",
            "Escalations offers the option only after its own Service Locator, with all providers "
            "on it called.",
            "complete the Service Locator, or request_apo",
        )
    if not (command.customer_escalated and case.job.assigned_to.is_(PROCURE_VENDOR)):
        return conflict(
            "APO-44",
            "Escalations offers the option only when the customer escalates a delay and the job is "
            "with Dispatch already.",
            "request_apo",
        )
    return None


def _may_request(case: ApoCase, _: RequestApo, now: datetime) -> Refusal | None:
    return _may_be_begun(case, now)


def _may_approve(case: ApoCase, command: ApproveApo, now: datetime) -> Refusal | None:
    if refusal := _may_be_begun(case, now):
        return refusal
    if case.requested_by is not None and _same_person(case.requested_by, command.actor):
        return conflict(
            "APO-19",
            f"{command.actor.name} asked for it: nobody approves a request of their own.",
            "let somebody else decide",
        )
    if command.actor.role is Role.SUPERVISOR:
        return authorised_by_supervisor(case, now, exhausted=case.in_network_exhausted)
    return _left_to_a_supervisor(case, command, now)


def _left_to_a_supervisor(
    case: ApoCase, command: ApproveApo | DeclineApo, _: datetime
) -> Refusal | None:
    if not case.capped or command.actor.role is Role.SUPERVISOR:
        return None
    return conflict(
        "G-35",
        f"The customer has refused the option {case.memory.refusals} times: a supervisor decides.",
        "ask a supervisor",
    )


def _may_refuse(case: ApoCase, _: CustomerRefused, __: datetime) -> Refusal | None:
    if not case.reopened:
        return None
    return conflict(
        "APO-37",
        "The option was settled: the late invoice is reviewed, and the job left as it is.",
        "documents_approved or documents_rejected",
    )


def _same_person(one: Actor, other: Actor) -> bool:
    one_name, other_name = (normalize("NFKC", who.name).casefold() for who in (one, other))
    return one_name == other_name


# --- money ------------------------------------------------------------------------------------


def limit(job: Job, policy: Policy) -> Decimal:
    """Return up to which estimate, in USD and inclusive, a repair may precede the documents.

    Heating and A/C has its own limit (APO-24); everything else, water heaters too, has the other
    (APO-25, G-38).
    """
    hvac = job.item.category is ItemCategory.HVAC
    return policy.apo.limit_hvac if hvac else policy.apo.limit_other


def may_repair_now(job: Job, policy: Policy, estimate: Decimal) -> bool:
    """Return whether an estimate, in USD, may be repaired before documents (APO-24, APO-25)."""
    return estimate <= limit(job, policy)


def mail_reaches(case: ApoCase) -> bool:
    """Return whether the customer can be reached by mail, as far as is known (G-44, G-73)."""
    return case.job.customer_mail is not None and not case.mail_fails


def _can_be_paid_so(case: ApoCase, command: PaymentChosen, _: datetime) -> Refusal | None:
    if command.method == "electronic_transfer" and not mail_reaches(case):
        return conflict(
            "G-44",
            "An electronic transfer needs a working e-mail address, and this customer has none.",
            "method check",
        )
    return None


# --- what is waited for -----------------------------------------------------------------------


def promise(case: ApoCase) -> Promise:
    """Return what is waited for in the stage of a case."""
    since = case.counts_from or case.job.assigned_at
    if case.stage == Stage.AWAITING_APPROVAL:
        return _approval(case, since)
    if case.stage in _REVIEWS:
        return _review(case, since)
    return chase(case).promise(case, since)


def _approval(case: ApoCase, since: datetime) -> Promise:
    apo = case.policy.apo
    key = promise_key("approval", since)
    if case.capped:
        return Promise(
            key=key,
            waiting_on=Role.SUPERVISOR,
            duty="decide whether the option is offered once more",
            rule="G-35",
            since=since,
            due=DueAfterBusinessDays(days=apo.review, since=since),
            then="then the supervisors are reminded",
            changed_by="a supervisor can do so at any hour with approve_apo or decline_apo",
        )
    if case.supervisors_at_hand:
        return Promise(
            key=key,
            waiting_on=Role.SUPERVISOR,
            duty="approve or decline the option",
            rule="APO-20",
            since=since,
            due=DueAtTurn(window=apo.supervisors, since=since, opens=False),
            then="then dispatch is asked",
            changed_by=_who_approves(case),
        )
    return Promise(
        key=key,
        waiting_on=Role.DISPATCH,
        duty="approve or decline the option",
        rule="APO-19",
        since=since,
        due=DueAtTurn(window=apo.supervisors, since=since, opens=True),
        then="then a supervisor is asked",
        changed_by="dispatch can do so with approve_apo or decline_apo",
    )


def _who_approves(case: ApoCase) -> str:
    priority = case.job.item.category in PRIORITY_ITEMS
    if priority and case.in_network_exhausted:
        return "a supervisor can do so with approve_apo or decline_apo, and so can dispatch"
    rule = "APO-22" if priority else "APO-21"
    return f"dispatch can do so with approve_apo or decline_apo, a supervisor only decline ({rule})"


_REVIEWS: Mapping[str, tuple[str, str, str]] = {
    Stage.ESTIMATE_REVIEW: (
        "decide on the estimate",
        "G-71",
        "Support Services can do so with estimate_approved or estimate_declined",
    ),
    Stage.REVIEWING_DOCUMENTS: (
        "review the documents",
        "APO-26",
        "Support Services can do so with documents_approved or documents_rejected",
    ),
}


def _review(case: ApoCase, since: datetime) -> Promise:
    duty, rule, changed_by = _REVIEWS[case.stage]
    return Promise(
        key=promise_key(case.stage, since),
        waiting_on=Role.SUPPORT_SERVICES,
        duty=duty,
        rule=rule,
        since=since,
        due=DueAfterBusinessDays(days=case.policy.apo.review, since=since),
        then="then a supervisor is told",
        changed_by=changed_by,
    )


def chase(case: ApoCase) -> Chase:
    """Return who is reminded in a stage, how often, and what happens in the end.

    Raises:
        KeyError: nobody is reminded in this stage.
    """
    return _CHASES[case.stage](case.policy.apo)


_CHASES: Mapping[str, Callable[[ApoPolicy], Chase]] = {
    Stage.CONTACTING_CUSTOMER: lambda policy: Chase(
        key=Stage.CONTACTING_CUSTOMER,
        waiting_on=Role.DISPATCH,
        duty="reach the customer and explain the option",
        rule="APO-02",
        reminders=policy.contact,
        reminder="dispatch is reminded",
        in_the_end="a supervisor is asked to help",
        changed_by="dispatch can do so with customer_reached or customer_not_reached",
    ),
    Stage.AWAITING_CUSTOMER: lambda policy: Chase(
        key=Stage.AWAITING_CUSTOMER,
        waiting_on=Role.CUSTOMER,
        duty="answer the instructions",
        rule="APO-09",
        reminders=policy.instructions,
        reminder="the instructions are mailed again",
        in_the_end="dispatch is asked to call the customer",
        changed_by="an agent can do so with customer_accepted or customer_refused",
    ),
    Stage.AWAITING_DOCUMENTS: lambda policy: Chase(
        key=Stage.AWAITING_DOCUMENTS,
        waiting_on=Role.CUSTOMER,
        duty="send an estimate or the documents",
        rule="APO-36",
        reminders=policy.documents,
        reminder="a reminder is mailed",
        in_the_end="Support Services is asked to call the customer",
        changed_by="the customer can do so by sending them, an agent with estimate_submitted or "
        "documents_received",
    ),
    Stage.OFFER_SENT: lambda policy: Chase(
        key=Stage.OFFER_SENT,
        waiting_on=Role.CUSTOMER,
        duty="choose a check or an electronic transfer",
        rule="APO-28",
        reminders=policy.offer,
        reminder="the offer is mailed again",
        in_the_end="the payment goes by check and the job is completed",
        changed_by="the customer or Support Services can do so with payment_chosen",
    ),
    Stage.AWAITING_PAID_INVOICE: lambda policy: Chase(
        key=Stage.AWAITING_PAID_INVOICE,
        waiting_on=Role.CUSTOMER,
        duty="send the paid invoice",
        rule="APO-33",
        reminders=policy.invoice,
        reminder="a reminder is mailed",
        in_the_end="the job is closed without proof of payment",
        changed_by="the customer can do so by sending it, Support Services with documents_received",
    ),
}


# --- the agent on the phone -------------------------------------------------------------------


def checklist(case: ApoCase) -> list[str]:
    """Return what an agent does when the customer calls (APO-07..12), from the job's history."""
    steps = ["Read the job and Dispatch's notes before anything else (APO-07)."]
    if case.stage in (Stage.AWAITING_APPROVAL, Stage.CONTACTING_CUSTOMER):
        return [
            *steps,
            _NOT_OPEN,
        ]
    steps.append(_what_was_sent(case))
    if case.stage == Stage.AWAITING_CUSTOMER:
        steps += _INSTRUCTIONS
    else:
        steps.append(f"Now {promise(case).waiting_on.title} is to {promise(case).duty}.")
    if case.stage in (Stage.AWAITING_DOCUMENTS, Stage.ESTIMATE_REVIEW):
        ceiling = usd(limit(case.job, case.policy))
        steps.append(
            f"An estimate of {ceiling} or less may be repaired before the documents come "
            "(APO-24, APO-25); estimate_submitted tells which."
        )
    return steps


_NOT_OPEN = (
    "The option is not open to this customer yet: do not offer it, and do not ask others to "
    "(APO-18, APO-23). Say that Dispatch will call."
)
_INSTRUCTIONS = (
    (
        "Go through the Customer Instructions and note `Relayed APO Instructions`; "
        "customer_accepted and customer_refused write the answer down (APO-08, APO-17)."
    ),
    (
        "Ask whether the instructions arrived (APO-09). If not: compare the e-mail address on file "
        "and correct it (APO-10), have spam and junk looked through (APO-11), and send them again "
        "with instructions_not_received (APO-12)."
    ),
    (
        "By post, or for Hawaii PM: instructions_not_received with by_mail or hawaii_pm (APO-13, "
        "APO-14)."
    ),
)


def _what_was_sent(case: ApoCase) -> str:
    if not case.memory.sent:
        return "Nothing was mailed to the customer so far."
    mails = "; ".join(
        f"{sent.template} to {sent.to} on {sent.at:%a %d %b %Y %H:%M} UTC"
        for sent in case.memory.sent
    )
    fails = " Mails come back: verify the address (APO-10)." if case.mail_fails else ""
    return f"Mailed so far: {mails}.{fails}"


def next_channel(template: str) -> OpenTask:
    """Return who reaches the customer when a mail comes back; it counts as sent (G-73)."""
    of_dispatch = template in ("apo_instructions", "apo_instructions_reminder")
    return OpenTask(
        role=Role.DISPATCH if of_dispatch else Role.SUPPORT_SERVICES,
        task="reach_otherwise",
        text=f"The mail {template} did not reach the customer, and counts as an attempt. Call "
        "them, or file a Mail Correspondence request (G-73).",
    )


# --- events -----------------------------------------------------------------------------------


def starts_on(event: Event) -> bool:
    """Return whether an event starts it: the job is assigned to the option's account."""
    return event.type == "job.assigned" and event.job.assigned_to.is_(ALTERNATE_PROVIDER_OPTION)


def _is_paid_invoice(event: Event) -> bool:
    return isinstance(event, DocumentArrived) and event.data.kind == "paid_invoice"


def reopens_on(event: Event, outcome: str) -> bool:
    """Return whether an event reopens a case: a paid invoice, at any time (APO-36)."""
    return _is_paid_invoice(event) and outcome in REOPENED


def task_after_end(event: Event, outcome: str) -> OpenTask | None:
    """Return who looks at a document that comes when there is no option any more."""
    if not isinstance(event, DocumentArrived) or reopens_on(event, outcome):
        return None
    return OpenTask(
        role=Role.SUPPORT_SERVICES,
        task="document_after_the_end",
        text=f"A document ({event.data.kind}) came although the option ended as {outcome}. Look at "
        "it, and tell the customer what becomes of it.",
    )


# --- commands ---------------------------------------------------------------------------------


class OfferApo(Payload):
    """Fields of `offer_apo`."""

    reason: Prose
    in_network_exhausted: StrictBool
    """Every effort to find a provider in the network has failed."""
    locator_completed: StrictBool = False
    """Escalations: its own Service Locator is completed."""
    all_providers_called: StrictBool = False
    """Escalations: all providers listed there were called."""
    customer_escalated: StrictBool = False
    """Escalations: the customer escalates the delay."""


class RequestApo(Payload):
    """Fields of `request_apo`."""

    reason: Prose
    in_network_exhausted: StrictBool


class ApproveApo(Payload):
    """Fields of `approve_apo`."""

    note: Prose | None = None


class DeclineApo(Payload):
    """Fields of `decline_apo`."""

    reason: Prose


class CustomerReached(Payload):
    """Fields of `customer_reached`."""

    outcome: Literal["accepted", "refused", "undecided"]
    reason: Prose | None = None
    """Why the customer refuses, if they say."""


class CustomerNotReached(Payload):
    """Fields of `customer_not_reached`."""

    voicemail_left: StrictBool


class CustomerCalled(Payload):
    """Fields of `customer_called`."""

    about: Prose | None = None


class InstructionsNotReceived(Payload):
    """Fields of `instructions_not_received`."""

    corrected_email: Mailable | None = None
    by_mail: StrictBool = False
    """The customer wants them by post (APO-13)."""
    hawaii_pm: StrictBool = False
    """A Hawaii PM request (APO-14)."""


class CustomerAccepted(Payload):
    """Fields of `customer_accepted`."""

    note: Prose | None = None


class CustomerRefused(Payload):
    """Fields of `customer_refused`."""

    reason: Prose


class EstimateSubmitted(Payload):
    """Fields of `estimate_submitted`. The amount in USD, taxes included (G-37)."""

    amount: Usd


class EstimateApproved(Payload):
    """Fields of `estimate_approved`."""

    reason: Prose | None = None


class EstimateDeclined(Payload):
    """Fields of `estimate_declined`."""

    reason: Prose | None = None


class DocumentsReceived(Payload):
    """Fields of `documents_received`. The amount in USD."""

    paid_invoice: StrictBool
    amount: Usd | None = None


def _something(amount: Decimal) -> Decimal:
    if not amount:
        raise ValueError("an offer of nothing is none: use documents_rejected")
    return amount


def _may_be_reopened(case: ApoCase, command: DocumentsReceived, _: datetime) -> Refusal | None:
    """Refuse documents for which there is no option, nor one that they reopen (APO-36)."""
    if case.begun or (case.memory.ended_as in REOPENED and command.paid_invoice):
        return None
    ended_as = case.memory.ended_as
    return Refusal(
        kind=RefusalKind.NOT_RUNNING,
        rule=None,
        message=f"The option of this job has ended as {ended_as}."
        if ended_as
        else "The option was never open for this job.",
        instead="only a paid invoice reopens it (APO-36), once it was settled",
    )


class DocumentsApproved(Payload):
    """Fields of `documents_approved`. The amount that is offered, in USD."""

    amount: Annotated[Usd, AfterValidator(_something)]


class DocumentsRejected(Payload):
    """Fields of `documents_rejected`."""

    reason: Prose


class PaymentChosen(Payload):
    """Fields of `payment_chosen`."""

    method: Literal["check", "electronic_transfer"]


def _can_be_sent_again(
    case: ApoCase, command: InstructionsNotReceived, _: datetime
) -> Refusal | None:
    by_post = command.by_mail or command.hawaii_pm
    if command.corrected_email is None and not by_post and not mail_reaches(case):
        return conflict(
            "APO-10",
            "No e-mail reaches this customer at the address on file.",
            "verify the address and send corrected_email, or by_mail",
        )
    return None


_ALREADY = "the option is open for this job already; see `steward why`"
_DISPATCH_DECIDES = "write down what the customer says; dispatch decides on its own (APO-19)"
_FIRST_DOCUMENTS = "wait for documents (documents_received)"
_AGENTS = frozenset({Role.CUSTOMER_SERVICE})
_SUPPORT = frozenset({Role.SUPPORT_SERVICES})
_DECIDING = frozenset({Role.SUPERVISOR, Role.DISPATCH})

COMMANDS = CommandTable(
    "apo",
    Command(
        name="offer_apo",
        payload=OfferApo,
        roles=frozenset({Role.DISPATCH, Role.ESCALATIONS, Role.SUPERVISOR}),
        role_rule="APO-18",
        role_hint=_DISPATCH_DECIDES,
        stages=frozenset(),
        stage_hint=_ALREADY,
        starts=True,
        guard=_may_offer,
        help="Decide that the customer is offered the option (APO-19, APO-20, APO-43).",
        example={"reason": "Nobody within 60 miles", "in_network_exhausted": True},
    ),
    Command(
        name="request_apo",
        payload=RequestApo,
        roles=frozenset({Role.DISPATCH, Role.ESCALATIONS, Role.SYSTEM}),
        role_rule="APO-23",
        role_hint=_DISPATCH_DECIDES,
        stages=frozenset(),
        stage_hint=_ALREADY,
        starts=True,
        guard=_may_request,
        help="Ask a supervisor, or dispatch outside their hours, for the option (APO-20).",
        example={"reason": "Nobody within 60 miles", "in_network_exhausted": True},
    ),
    Command(
        name="approve_apo",
        payload=ApproveApo,
        roles=_DECIDING,
        role_rule="APO-20",
        stages=frozenset({Stage.AWAITING_APPROVAL}),
        guard=_may_approve,
        help="Approve the option that somebody else asked for (APO-20, APO-21, APO-22).",
        example={"note": "No provider in the network"},
    ),
    Command(
        name="decline_apo",
        payload=DeclineApo,
        roles=_DECIDING,
        role_rule="APO-20",
        stages=frozenset({Stage.AWAITING_APPROVAL}),
        guard=_left_to_a_supervisor,
        help="Decline the option: the job goes back to Procure Vendor.",
        example={"reason": "A provider is free tomorrow"},
    ),
    Command(
        name="customer_reached",
        payload=CustomerReached,
        roles=frozenset({Role.DISPATCH}),
        role_rule="APO-02",
        stages=frozenset({Stage.CONTACTING_CUSTOMER}),
        help="Say what the customer answered to the option (APO-02, APO-17).",
        example={"outcome": "accepted"},
    ),
    Command(
        name="customer_not_reached",
        payload=CustomerNotReached,
        roles=frozenset({Role.DISPATCH}),
        role_rule="APO-02",
        stages=frozenset({Stage.CONTACTING_CUSTOMER}),
        help="The customer did not answer: the instructions are mailed (APO-03, APO-04, APO-05).",
        example={"voicemail_left": True},
    ),
    Command(
        name="customer_called",
        payload=CustomerCalled,
        roles=_AGENTS,
        stages=RUNNING,
        help="Count a customer's call and get the checklist for it (APO-07 to APO-12).",
        example={"about": "Asks how the option works"},
    ),
    Command(
        name="instructions_not_received",
        payload=InstructionsNotReceived,
        roles=_AGENTS,
        stages=frozenset({Stage.AWAITING_CUSTOMER, Stage.AWAITING_DOCUMENTS}),
        guard=_can_be_sent_again,
        help="Send the instructions again, to a corrected address or by post (APO-10 to APO-14).",
        example={"corrected_email": "ada@example.com"},
    ),
    Command(
        name="customer_accepted",
        payload=CustomerAccepted,
        roles=frozenset({Role.CUSTOMER_SERVICE, Role.DISPATCH}),
        stages=frozenset({Stage.AWAITING_CUSTOMER}),
        help="Write down that the customer takes the option (APO-17, APO-39).",
        example={"note": "Has a plumber in mind"},
    ),
    Command(
        name="customer_refused",
        payload=CustomerRefused,
        roles=frozenset({Role.CUSTOMER_SERVICE, Role.DISPATCH}),
        stages=frozenset(
            {
                Stage.CONTACTING_CUSTOMER,
                Stage.AWAITING_CUSTOMER,
                Stage.AWAITING_DOCUMENTS,
                Stage.ESTIMATE_REVIEW,
            }
        ),
        guard=_may_refuse,
        help="Write down that the customer does not take it: back to Procure Vendor (APO-15).",
        example={"reason": "Wants a provider of ours"},
    ),
    Command(
        name="estimate_submitted",
        payload=EstimateSubmitted,
        roles=frozenset({Role.CUSTOMER_SERVICE, Role.SUPPORT_SERVICES, Role.CUSTOMER}),
        stages=frozenset(
            {Stage.AWAITING_CUSTOMER, Stage.AWAITING_DOCUMENTS, Stage.ESTIMATE_REVIEW}
        ),
        help="Enter an estimate and learn whether the repair may begin (APO-24, APO-25).",
        example={"amount": "240.00"},
    ),
    Command(
        name="estimate_approved",
        payload=EstimateApproved,
        roles=_SUPPORT,
        stages=frozenset({Stage.ESTIMATE_REVIEW}),
        stage_hint="wait for an estimate above the limit (estimate_submitted)",
        help="Approve an estimate above the limit (G-71).",
        example={"reason": "In line with the market"},
    ),
    Command(
        name="estimate_declined",
        payload=EstimateDeclined,
        roles=_SUPPORT,
        stages=frozenset({Stage.ESTIMATE_REVIEW}),
        stage_hint="wait for an estimate above the limit (estimate_submitted)",
        help="Decline an estimate above the limit (G-71).",
        example={"reason": "The labour is not itemised"},
    ),
    Command(
        name="documents_received",
        payload=DocumentsReceived,
        roles=frozenset({Role.SUPPORT_SERVICES, Role.CUSTOMER}),
        stages=WITH_THE_CUSTOMER,
        starts=True,
        guard=_may_be_reopened,
        help="Say that documents came, with a paid invoice or without (APO-26, APO-32); a late "
        "paid invoice reopens the case (APO-36).",
        example={"paid_invoice": True, "amount": "240.00"},
    ),
    Command(
        name="documents_approved",
        payload=DocumentsApproved,
        roles=_SUPPORT,
        role_rule="APO-26",
        stages=frozenset({Stage.REVIEWING_DOCUMENTS}),
        stage_hint=_FIRST_DOCUMENTS,
        help="Approve the documents: the customer is mailed an offer (APO-26, APO-32).",
        example={"amount": "240.00"},
    ),
    Command(
        name="documents_rejected",
        payload=DocumentsRejected,
        roles=_SUPPORT,
        role_rule="APO-26",
        stages=frozenset({Stage.REVIEWING_DOCUMENTS}),
        stage_hint=_FIRST_DOCUMENTS,
        help="Say what the documents lack: the customer is asked for it (G-40).",
        example={"reason": "The invoice names no model and serial number"},
    ),
    Command(
        name="payment_chosen",
        payload=PaymentChosen,
        roles=frozenset({Role.CUSTOMER, Role.SUPPORT_SERVICES}),
        role_rule="APO-27",
        stages=frozenset({Stage.OFFER_SENT}),
        stage_hint="there is no offer to accept; see `steward why`",
        guard=_can_be_paid_so,
        help="Choose a check or an electronic transfer; the job is completed (APO-27).",
        example={"method": "check"},
    ),
)

APO = LifecycleKind(
    name="apo",
    workflow_type="AlternateProviderOption",
    title="Alternate Provider Option",
    stages=tuple(stage.value for stage in Stage if stage in RUNNING),
    ends=tuple(stage.value for stage in Stage if stage in ENDS),
    commands=COMMANDS,
    starts_on=starts_on,
    begin=begin,
    promise=promise,
    reopens_on=reopens_on,
    task_after_end=task_after_end,
)
