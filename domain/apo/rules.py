"""The rules of APO, all pure: who may offer and approve it and when, limits and payments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from unicodedata import category as kind_of_character
from unicodedata import normalize

from domain.accounts import ALTERNATE_PROVIDER_OPTION, PROCURE_VENDOR
from domain.apo import documents
from domain.apo.case import SETTLED, ApoCase, Stage, reopened_after
from domain.apo.payloads import (
    ApproveApo,
    CustomerNotReached,
    CustomerRefused,
    DeclineApo,
    DocumentsReceived,
    InstructionsNotReceived,
    OfferApo,
    PaymentChosen,
    RequestApo,
)
from domain.apo.tasks import Task
from domain.calendars import is_open_everywhere
from domain.clocks import AS_THIS_HOST_HAS_THEM, Clock, zone_in
from domain.editions import Edition
from domain.effects import OpenTask
from domain.events import DocumentArrived, Event
from domain.jobs import ItemCategory, Job
from domain.labels import stage_label
from domain.policy import Policy
from domain.refusals import Refusal, RefusalKind, conflict
from domain.roles import Actor, Role

# --- events -----------------------------------------------------------------------------------


def starts_on(event: Event) -> bool:
    """Return whether an event starts APO: the job is assigned to Alternate Provider Option."""
    return event.type == "job.assigned" and event.job.assigned_to.is_(ALTERNATE_PROVIDER_OPTION)


def _is_paid_invoice(event: Event) -> bool:
    return isinstance(event, DocumentArrived) and event.data.kind == "paid_invoice"


def reopens_on(event: Event, outcome: str, edition: int) -> bool:
    """Return whether an event reopens a case that has ended: a paid invoice does (APO-36).

    Args:
        event: what happened.
        outcome: the end of the case.
        edition: the edition that the ended case followed.
    """
    return _is_paid_invoice(event) and outcome in reopened_after(edition)


def task_after_end(event: Event, outcome: str) -> OpenTask | None:
    """Return the task to look at a document that arrived after the end, None for other events.

    A document that reopens the case needs no such task: ask `reopens_on` first.
    """
    if not isinstance(event, DocumentArrived):
        return None
    return OpenTask(
        role=Role.SUPPORT_SERVICES,
        task=Task.DOCUMENT_AFTER_THE_END.value,
        text=f"Look at what the customer sent: {documents.named(event.data.kind)}. APO has ended: "
        f"{stage_label(outcome)}. Tell the customer what happens next.",
    )


# --- who may offer it -------------------------------------------------------------------------


PRIORITY_ITEMS = frozenset(
    {ItemCategory.HVAC, ItemCategory.WATER_HEATER, ItemCategory.REFRIGERATOR}
)
"""The items for which supervisors may authorize APO (APO-21)."""


def supervisors_window_is_open(
    policy: Policy, at: datetime, clocks: Mapping[str, Clock] = AS_THIS_HOST_HAS_THEM
) -> bool:
    """Return whether supervisors may authorize APO at an instant (APO-20, G-36).

    `Window.is_open` in `domain/calendars.py` decides: 17:00 sharp is inside, 07:00 sharp is not.

    Args:
        policy: the window, and the company's zone.
        at: the instant.
        clocks: the recorded clocks, the company's among them.
    """
    zone = zone_in(clocks, policy.calendar.zone)
    return is_open_everywhere(policy.apo.supervisors, at, [zone])


def supervisors_at_hand(case: ApoCase, now: datetime) -> bool:
    """Return whether the supervisors' window is open now (APO-20).

    Until edition 3, the window turned once, at the deadline, however long the worker was down.
    """
    if case.edition >= Edition.FACTS_BY_MEANING:
        return supervisors_window_is_open(case.policy, now, case.clocks)
    turned = case.due_at is not None and now >= case.due_at
    return case.supervisors_at_hand is not turned


def authorised_by_supervisor(case: ApoCase, now: datetime, *, exhausted: bool) -> Refusal | None:
    """Return why a supervisor may not authorize APO now, None if they may.

    They may after hours and on weekends, for priority items, when the network is exhausted
    (APO-20..22). After too many refusals the hour and the item do not count (G-35).
    """
    if case.capped:
        refusal = _needs_exhausted_network(exhausted=exhausted)
    else:
        at_hand = supervisors_at_hand(case, now)
        item = category_of(case.job, case.policy, case.edition)
        refusal = may_authorise(item, at_hand=at_hand, exhausted=exhausted)
    if refusal and refusal.rule == "APO-22" and case.requested_by is not None:
        anew = "Decline this request. Dispatch can request APO again once the search has failed."
        return refusal.model_copy(update={"instead": anew})
    return refusal


def may_authorise(item: ItemCategory, *, at_hand: bool, exhausted: bool) -> Refusal | None:
    """Return why a supervisor may not authorize APO for an item, None if they may.

    Args:
        item: what is broken (APO-21).
        at_hand: whether the supervisors' window is open (APO-20).
        exhausted: whether every effort to find an in-network provider failed (APO-22).
    """
    if not at_hand:
        return conflict(
            "APO-20",
            "Supervisors can authorize APO only after hours and on weekends (APO-20).",
            "Ask Dispatch to decide. Dispatch can offer or approve APO at any time.",
        )
    if item not in PRIORITY_ITEMS:
        return conflict(
            "APO-21",
            "Supervisors can authorize APO only for HVAC, water heaters and refrigerators "
            "(APO-21).",
            "Ask Dispatch to decide. Dispatch can offer or approve APO for any item.",
        )
    return _needs_exhausted_network(exhausted=exhausted)


def _needs_exhausted_network(*, exhausted: bool) -> Refusal | None:
    if exhausted:
        return None
    return conflict(
        "APO-22",
        "Supervisors can authorize APO only when every effort to find an in-network provider has "
        "failed (APO-22).",
        "Have the search continued. If every effort has failed, say so: `in_network_exhausted`.",
    )


# --- money ------------------------------------------------------------------------------------


def category_of(job: Job, policy: Policy, edition: int) -> ItemCategory:
    """Return the category that an item counts as (G-38).

    An item that the job system files under `other` counts as its trade says: `apo.trade_map`.
    Until edition 3, the trade did not count.
    """
    category = job.item.category
    if category is not ItemCategory.OTHER or edition < Edition.EVERY_CLAUSE:
        return category
    by_trade = {trade.casefold(): each for trade, each in policy.apo.trade_map.items()}
    return by_trade.get(job.trade.casefold(), category)


def limit(case: ApoCase) -> Decimal:
    """Return up to which estimate, in USD and inclusive, a repair may precede the documents.

    HVAC has its own limit (APO-24); everything else, water heaters too, has the other (APO-25).
    """
    apo = case.policy.apo
    hvac = category_of(case.job, case.policy, case.edition) is ItemCategory.HVAC
    return apo.limit_hvac if hvac else apo.limit_other


def may_repair_now(case: ApoCase, estimate: Decimal) -> bool:
    """Return whether an estimate, in USD, may be repaired before documents (APO-24, APO-25)."""
    return estimate <= limit(case)


def mail_reaches(case: ApoCase) -> bool:
    """Return whether e-mail reaches the customer, as far as is known (G-44, G-73)."""
    return case.job.customer_mail is not None and not case.mail_fails


# --- guards: each returns why a command is refused, None if it is not -------------------------


def may_offer(case: ApoCase, command: OfferApo, now: datetime) -> Refusal | None:
    """Refuse an offer that the role may not make now (APO-18..22, APO-41, APO-43, APO-44, G-35)."""
    if refusal := _may_begin(case, now):
        return refusal
    if case.memory.refusals >= case.policy.apo.max_refusals:
        by_supervisor = command.actor.role is Role.SUPERVISOR
        return conflict(
            "G-35",
            f"The customer has already refused APO {case.memory.refusals} times (G-35).",
            "Ask Dispatch to request APO (`request_apo`). Then decide on the request."
            if by_supervisor
            else "Request APO (`request_apo`). A supervisor then decides.",
        )
    match command.actor.role:
        case Role.ESCALATIONS:
            return _escalations_may_offer(case, command)
        case Role.SUPERVISOR:
            return authorised_by_supervisor(case, now, exhausted=command.in_network_exhausted)
        case _:
            return _dispatch_may_offer(case, command)


def _dispatch_may_offer(case: ApoCase, command: OfferApo) -> Refusal | None:
    """Leave the offer to Dispatch's judgment (APO-19), unless the company wants more (G-82)."""
    if command.in_network_exhausted or not case.policy.apo.offer_only_when_exhausted:
        return None
    return conflict(
        "APO-41",
        "Dispatch can offer APO only when every attempt to find an in-network provider has failed "
        "(APO-41).",
        "Keep searching the network. If every attempt has failed, say so: `in_network_exhausted`.",
    )


def _escalations_may_offer(case: ApoCase, command: OfferApo) -> Refusal | None:
    if not (command.locator_completed and command.all_providers_called):
        return conflict(
            "APO-43",
            "Escalations can offer APO only after completing its own Service Locator and calling "
            "every provider on it (APO-43).",
            "Do both first, or request APO (`request_apo`).",
        )
    if not (command.customer_escalated and case.job.assigned_to.is_(PROCURE_VENDOR)):
        return conflict(
            "APO-44",
            "Escalations can offer APO only when the customer escalates a delay and the job is "
            "already with Dispatch (APO-44).",
            "Request APO (`request_apo`). Someone else then decides.",
        )
    return None


def may_request(case: ApoCase, _: RequestApo, now: datetime) -> Refusal | None:
    """Refuse a request where APO cannot be offered at all (G-60)."""
    return _may_begin(case, now)


def _may_begin(case: ApoCase, now: datetime) -> Refusal | None:
    if held := case.held_by_plusone(now):
        return held  # G-60
    if case.job.status.final:
        return conflict(
            None,
            f"The job is {case.job.status.lower()}, so APO can't be offered.",
            "If the customer sent a paid invoice, ask Support Services to log it "
            "(`documents_received`).",
        )
    return None


def may_approve(case: ApoCase, command: ApproveApo, now: datetime) -> Refusal | None:
    """Refuse an approval that this person may not give (APO-19..22, G-35, G-74)."""
    if refusal := _may_begin(case, now):
        return refusal
    if case.requested_by is not None and _same_person(case.requested_by, command.actor):
        return conflict(
            "G-74",
            f"{command.actor.name} requested APO. Nobody can approve their own request (G-74).",
            "Ask someone else in Dispatch, or a supervisor, to decide.",
        )
    if command.actor.role is Role.SUPERVISOR:
        return authorised_by_supervisor(case, now, exhausted=case.in_network_exhausted)
    return left_to_a_supervisor(case, command, now)


def _same_person(one: Actor, other: Actor) -> bool:
    return _as_heard(one.name) == _as_heard(other.name)


def _as_heard(name: str) -> str:
    """Return a name without what only the eye tells apart: case, spacing, invisible characters."""
    seen = (char for char in normalize("NFKC", name) if kind_of_character(char) != "Cf")
    return " ".join("".join(seen).casefold().split())


def left_to_a_supervisor(
    case: ApoCase, command: ApproveApo | DeclineApo, _: datetime
) -> Refusal | None:
    """Refuse other people's decisions once the customer has refused too often (G-35)."""
    if not case.capped or command.actor.role is Role.SUPERVISOR:
        return None
    return conflict(
        "G-35",
        f"The customer has refused APO {case.memory.refusals} times. Only a supervisor can decide "
        "now (G-35).",
        "Ask a supervisor to approve or decline APO.",
    )


def voicemail_is_left(case: ApoCase, command: CustomerNotReached, _: datetime) -> Refusal | None:
    """Refuse to go on without a voicemail, where the company wants one (APO-03, G-80).

    Until edition 3, the job went on without one.
    """
    needs_one = case.edition >= Edition.EVERY_CLAUSE and case.policy.apo.voicemail_required
    if command.voicemail_left or not needs_one:
        return None
    return conflict(
        "APO-03",
        "Leave the customer a voicemail before the job goes on (APO-03).",
        "Leave a voicemail, then log it again. If none can be left now, call again later.",
    )


def may_refuse(case: ApoCase, _: CustomerRefused, __: datetime) -> Refusal | None:
    """Refuse to end a case that a late invoice has reopened, while it is reviewed (APO-37)."""
    if not case.reopened or may_be_left(case):
        return None
    return conflict(
        "APO-37",
        "APO already ended on this job. A late invoice is being handled, and the job stays as it "
        "is (APO-37).",
        "Ask Support Services to review the customer's documents.",
    )


def may_be_left(case: ApoCase) -> bool:
    """Return whether a late invoice was turned down, so that the customer may leave it at that.

    Nothing was settled before: APO could be offered again, if the invoice did not keep it open.
    """
    turned_down = case.reopened and case.stage == Stage.AWAITING_DOCUMENTS
    unsettled = case.memory.ended_as not in SETTLED
    return turned_down and unsettled and case.edition >= Edition.EVERY_CLAUSE


def may_be_reopened(case: ApoCase, command: DocumentsReceived, _: datetime) -> Refusal | None:
    """Refuse documents where APO does not run and they cannot reopen it (APO-36)."""
    ended_as = case.memory.ended_as
    if case.begun or (ended_as in reopened_after(case.edition) and command.paid_invoice):
        return None
    return Refusal(
        kind=RefusalKind.NOT_RUNNING,
        rule=None,
        message=f"APO has ended on this job: {stage_label(ended_as)}."
        if ended_as
        else "APO was never offered on this job.",
        instead="Send the paid invoice: it reopens the case at any time."
        if ended_as
        else "Ask Dispatch what happens with this job.",
    )


def can_be_sent_again(
    case: ApoCase, command: InstructionsNotReceived, _: datetime
) -> Refusal | None:
    """Refuse to e-mail the instructions to an address that does not work (APO-10)."""
    by_post = command.by_mail or command.hawaii_pm
    if command.corrected_email is None and not by_post and not mail_reaches(case):
        return conflict(
            "APO-10",
            "E-mail doesn't reach this customer at the address on file (APO-10).",
            "Ask for the right address and enter it (`corrected_email`), or send the instructions "
            "by mail (`by_mail`).",
        )
    return None


def can_be_paid_so(case: ApoCase, command: PaymentChosen, _: datetime) -> Refusal | None:
    """Refuse an electronic transfer where e-mail does not reach the customer (G-44)."""
    if command.method == "electronic_transfer" and not mail_reaches(case):
        return conflict(
            "G-44",
            "An electronic transfer needs a working e-mail address. There is none on file.",
            "Choose a check.",
        )
    return None
