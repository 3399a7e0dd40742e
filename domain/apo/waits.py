"""What an option waits for: its promises, and who is reminded to keep them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from domain.apo.case import ApoCase, Stage
from domain.apo.policy import ApoPolicy
from domain.apo.rules import PRIORITY_ITEMS
from domain.promises import DueAfterBusinessDays, DueAtTurn, Promise
from domain.reminders import Chase
from domain.roles import Role


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
    key = case.promise_key("approval", since)
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


def _review(case: ApoCase, since: datetime) -> Promise:
    duty, rule, changed_by = _REVIEWS[case.stage]
    return Promise(
        key=case.promise_key(case.stage, since),
        waiting_on=Role.SUPPORT_SERVICES,
        duty=duty,
        rule=rule,
        since=since,
        due=DueAfterBusinessDays(days=case.policy.apo.review, since=since),
        then="then a supervisor is told",
        changed_by=changed_by,
    )


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
