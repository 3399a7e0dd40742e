"""The promises of an Area Manager escalation, and the reminders of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from domain.am_escalation.case import AmCase, Stage
from domain.am_escalation.policy import AmEscalationPolicy
from domain.am_escalation.rules import eligible_at
from domain.promises import DueAt, Promise
from domain.reminders import Chase
from domain.roles import Role


def promise(case: AmCase) -> Promise:
    """Return the promise of a case's stage."""
    since = case.counts_from or case.job.assigned_at
    if case.stage == Stage.AWAITING_CALLBACK:
        return _callback(case, since)
    return chase(case).promise(case, since)


def _callback(case: AmCase, since: datetime) -> Promise:
    eligible = eligible_at(case)
    from_then = "" if eligible is None else f" from {eligible:%Y-%m-%d %H:%M} UTC on"
    return Promise(
        key=case.promise_key(case.stage, since),
        waiting_on=Role.CUSTOMER,
        duty="call back if the matter is not settled",
        rule="AM-13",
        since=since,
        due=DueAt(at=since + case.policy.am_escalation.quiet_close),
        then="then it closes quietly",
        changed_by=f"an agent can do so with customer_called_back, which{from_then} makes a second "
        "call to the provider due, or with resolve",
    )


def chase(case: AmCase) -> Chase:
    """Return who is reminded in a case's stage, how often, and what follows.

    Raises:
        KeyError: nobody is reminded in this stage.
    """
    return _CHASES[case.stage](case.policy.am_escalation)


_CHASES: Mapping[str, Callable[[AmEscalationPolicy], Chase]] = {
    Stage.CONTACTING_PROVIDER: lambda policy: Chase(
        key=Stage.CONTACTING_PROVIDER,
        waiting_on=Role.CUSTOMER_SERVICE,
        duty="call the provider about the concern",
        rule="AM-07",
        reminders=policy.contact,
        reminder="customer service is reminded",
        in_the_end="a supervisor is asked to see to it",
        changed_by="an agent can do so with provider_contacted",
    ),
    Stage.SECOND_CONTACT: lambda policy: Chase(
        key=Stage.SECOND_CONTACT,
        waiting_on=Role.CUSTOMER_SERVICE,
        duty="call the provider a second time",
        rule="AM-14",
        reminders=policy.second_contact,
        reminder="customer service is reminded",
        in_the_end="a supervisor is asked to see to it",
        changed_by="an agent can do so with second_contact_made",
    ),
    Stage.EXCEPTION_OPEN: lambda policy: Chase(
        key=Stage.EXCEPTION_OPEN,
        waiting_on=Role.ADMIN_TEAM,
        duty="review the Exception and tell the Area Manager",
        rule="AM-33",
        reminders=policy.review,
        reminder="the Admin team is reminded",
        in_the_end="a supervisor is asked to see to it",
        changed_by="the Admin team can do so with admin_reviewed",
    ),
    Stage.AREA_MANAGER_ENGAGED: lambda policy: Chase(
        key=Stage.AREA_MANAGER_ENGAGED,
        waiting_on=Role.AREA_MANAGER,
        duty="act on the Exception",
        rule="AM-34",
        reminders=policy.area_manager,
        reminder="the Area Manager is mailed a reminder",
        in_the_end="a supervisor is asked to see to it",
        changed_by="the Area Manager or the Admin team can do so with resolve",
    ),
}
