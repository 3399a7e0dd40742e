"""Who may offer the option, approve it and be paid, and when: the rules, all pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from unicodedata import normalize

from domain.accounts import ALTERNATE_PROVIDER_OPTION, PROCURE_VENDOR
from domain.apo.case import REOPENED, ApoCase
from domain.apo.payloads import (
    ApproveApo,
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
from domain.jobs import ItemCategory, Job, JobStatus
from domain.policy import Policy
from domain.refusals import Refusal, RefusalKind, conflict
from domain.roles import Actor, Role

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
    """Return the task to look at a document that comes after the end, None if there is none."""
    if not isinstance(event, DocumentArrived) or reopens_on(event, outcome):
        return None
    return OpenTask(
        role=Role.SUPPORT_SERVICES,
        task=Task.DOCUMENT_AFTER_THE_END.value,
        text=f"A document ({event.data.kind}) came although the option ended as {outcome}. Look at "
        "it, and tell the customer what becomes of it.",
    )


# --- who may offer it -------------------------------------------------------------------------


PRIORITY_ITEMS = frozenset(
    {ItemCategory.HVAC, ItemCategory.WATER_HEATER, ItemCategory.REFRIGERATOR}
)
"""What supervisors may authorise the option for (APO-21)."""


def supervisors_window_is_open(
    policy: Policy, at: datetime, clocks: Mapping[str, Clock] = AS_THIS_HOST_HAS_THEM
) -> bool:
    """Return whether supervisors may authorise the option at an instant (APO-20, G-36).

    `Window.is_open` in `domain/calendars.py` decides: 17:00 sharp is inside, 07:00 sharp is not.

    Args:
        policy: the window, and the company's zone.
        at: the instant.
        clocks: the company's clock, as it was recorded.
    """
    zone = zone_in(clocks, policy.calendar.zone)
    return is_open_everywhere(policy.apo.supervisors, at, [zone])


def supervisors_at_hand(case: ApoCase, now: datetime) -> bool:
    """Return whether the supervisors' window is open now (APO-20).

    Until edition 3, the window was known to turn once, at the deadline that the calendar told, and
    stood as it was then however long the worker was down.
    """
    if case.edition >= Edition.FACTS_BY_MEANING:
        return supervisors_window_is_open(case.policy, now, case.clocks)
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


# --- guards: each returns why a command is refused, None if it is not -------------------------


def may_offer(case: ApoCase, command: OfferApo, now: datetime) -> Refusal | None:
    """Refuse an offer that the role may not make now (APO-18 to APO-22, APO-43, APO-44, G-35)."""
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


def may_request(case: ApoCase, _: RequestApo, now: datetime) -> Refusal | None:
    """Refuse to ask for the option where nobody may have it (G-60)."""
    return _may_be_begun(case, now)


def _may_be_begun(case: ApoCase, now: datetime) -> Refusal | None:
    if held := case.held_by_plusone(now):
        return held  # G-60
    if case.job.status in (JobStatus.CANCELLED, JobStatus.COMPLETED):
        return conflict(
            None,
            f"The job is {case.job.status}.",
            "documents_received takes a late paid invoice; for all else see the job",
        )
    return None


def may_approve(case: ApoCase, command: ApproveApo, now: datetime) -> Refusal | None:
    """Refuse an approval that is not this person's to give (APO-19 to APO-22, G-35)."""
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
    return left_to_a_supervisor(case, command, now)


def _same_person(one: Actor, other: Actor) -> bool:
    one_name, other_name = (normalize("NFKC", who.name).casefold() for who in (one, other))
    return one_name == other_name


def left_to_a_supervisor(
    case: ApoCase, command: ApproveApo | DeclineApo, _: datetime
) -> Refusal | None:
    """Refuse a decision of others once the customer has refused too often (G-35)."""
    if not case.capped or command.actor.role is Role.SUPERVISOR:
        return None
    return conflict(
        "G-35",
        f"The customer has refused the option {case.memory.refusals} times: a supervisor decides.",
        "ask a supervisor",
    )


def may_refuse(case: ApoCase, _: CustomerRefused, __: datetime) -> Refusal | None:
    """Refuse to end an option that a late invoice has reopened (APO-37)."""
    if not case.reopened:
        return None
    return conflict(
        "APO-37",
        "The option was settled: the late invoice is reviewed, and the job left as it is.",
        "documents_approved or documents_rejected",
    )


def may_be_reopened(case: ApoCase, command: DocumentsReceived, _: datetime) -> Refusal | None:
    """Refuse documents where no option runs and they can reopen none (APO-36)."""
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


def can_be_sent_again(
    case: ApoCase, command: InstructionsNotReceived, _: datetime
) -> Refusal | None:
    """Refuse to mail the instructions to an address that no mail reaches (APO-10)."""
    by_post = command.by_mail or command.hawaii_pm
    if command.corrected_email is None and not by_post and not mail_reaches(case):
        return conflict(
            "APO-10",
            "No e-mail reaches this customer at the address on file.",
            "verify the address and send corrected_email, or by_mail",
        )
    return None


def can_be_paid_so(case: ApoCase, command: PaymentChosen, _: datetime) -> Refusal | None:
    """Refuse an electronic transfer where no mail reaches the customer (G-44)."""
    if command.method == "electronic_transfer" and not mail_reaches(case):
        return conflict(
            "G-44",
            "An electronic transfer needs a working e-mail address, and this customer has none.",
            "method check",
        )
    return None
