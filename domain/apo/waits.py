"""What APO waits for in each stage, until when, and who is reminded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from domain.apo.case import ApoCase, Stage
from domain.apo.commands import COMMANDS
from domain.apo.policy import ApoPolicy
from domain.apo.rules import PRIORITY_ITEMS, category_of
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
            duty="decide whether to offer APO again",
            rule="G-35",
            since=since,
            due=DueAfterBusinessDays(days=apo.review, since=since),
            then="If nobody decides by then, the supervisors get a reminder",
            changed_by="A supervisor can approve APO or decline APO at any time",
        )
    if case.supervisors_at_hand:
        return Promise(
            key=key,
            waiting_on=Role.SUPERVISOR,
            duty="approve or decline APO",
            rule="APO-20",
            since=since,
            due=DueAtTurn(window=apo.supervisors, since=since, opens=False),
            then="If nobody decides by then, Dispatch decides",
            changed_by=_who_decides(case),
        )
    return Promise(
        key=key,
        waiting_on=Role.DISPATCH,
        duty="approve or decline APO",
        rule="APO-19",
        since=since,
        due=DueAtTurn(window=apo.supervisors, since=since, opens=True),
        then="If nobody decides by then, a supervisor decides",
        changed_by="Dispatch can approve APO or decline APO. A supervisor can only decline it now",
    )


def _who_decides(case: ApoCase) -> str:
    """Return who may decide after hours, as `Promise.changed_by` says it."""
    priority = category_of(case.job, case.policy, case.edition) in PRIORITY_ITEMS
    if priority and case.in_network_exhausted:
        return COMMANDS.who_can("approve_apo", "decline_apo")
    rule = "APO-22" if priority else "APO-21"
    return f"Dispatch can approve APO or decline APO. A supervisor can only decline it ({rule})"


def _review(case: ApoCase, since: datetime) -> Promise:
    duty, rule, commands = _REVIEWS[case.stage]
    return Promise(
        key=case.promise_key(case.stage, since),
        waiting_on=Role.SUPPORT_SERVICES,
        duty=duty,
        rule=rule,
        since=since,
        due=DueAfterBusinessDays(days=case.policy.apo.review, since=since),
        then="If that doesn't happen, a supervisor gets a task to step in",
        changed_by=COMMANDS.who_can(*commands),
    )


_REVIEWS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    Stage.ESTIMATE_REVIEW: (
        "decide on the estimate",
        "G-71",
        ("estimate_approved", "estimate_declined"),
    ),
    Stage.REVIEWING_DOCUMENTS: (
        "review the documents",
        "APO-26",
        ("documents_approved", "documents_rejected"),
    ),
}


def chase(case: ApoCase) -> Chase:
    """Return who is reminded in a stage, how often, and what happens after the last reminder.

    Raises:
        KeyError: nobody is reminded in this stage.
    """
    return _CHASES[case.stage](case.policy.apo)


_CHASES: Mapping[str, Callable[[ApoPolicy], Chase]] = {
    Stage.CONTACTING_CUSTOMER: lambda policy: Chase(
        key=Stage.CONTACTING_CUSTOMER,
        waiting_on=Role.DISPATCH,
        duty="call the customer and explain APO",
        rule="APO-02",
        reminders=policy.contact,
        reminder="Dispatch gets a reminder",
        in_the_end="a supervisor gets a task to step in",
        changed_by=COMMANDS.who_can("customer_reached", "customer_not_reached"),
    ),
    Stage.AWAITING_CUSTOMER: lambda policy: Chase(
        key=Stage.AWAITING_CUSTOMER,
        waiting_on=Role.CUSTOMER,
        duty="accept or refuse APO",
        rule="APO-09",
        reminders=policy.instructions,
        reminder="we e-mail a reminder of the instructions",
        in_the_end="Dispatch gets a task to call the customer",
        changed_by=COMMANDS.who_can("customer_accepted", "customer_refused"),
    ),
    Stage.AWAITING_DOCUMENTS: lambda policy: Chase(
        key=Stage.AWAITING_DOCUMENTS,
        waiting_on=Role.CUSTOMER,
        duty="send an estimate or documents",
        rule="APO-36",
        reminders=policy.documents,
        reminder="we e-mail a reminder",
        in_the_end="Support Services gets a task to call the customer",
        changed_by=COMMANDS.who_can("estimate_submitted", "documents_received"),
    ),
    Stage.OFFER_SENT: lambda policy: Chase(
        key=Stage.OFFER_SENT,
        waiting_on=Role.CUSTOMER,
        duty="choose a check or an electronic transfer",
        rule="APO-28",
        reminders=policy.offer,
        reminder="we e-mail the offer again",
        in_the_end="we pay by check and complete the job",
        changed_by=COMMANDS.who_can("payment_chosen"),
    ),
    Stage.AWAITING_PAID_INVOICE: lambda policy: Chase(
        key=Stage.AWAITING_PAID_INVOICE,
        waiting_on=Role.CUSTOMER,
        duty="send the paid invoice",
        rule="APO-33",
        reminders=policy.invoice,
        reminder="we e-mail a reminder",
        in_the_end="the job closes without proof of payment",
        changed_by=COMMANDS.who_can("documents_received"),
    ),
}
