"""The promises of an Area Manager escalation, and the reminders of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from domain.am_escalation.case import AmCase, Stage
from domain.am_escalation.commands import COMMANDS
from domain.am_escalation.policy import AmEscalationPolicy
from domain.am_escalation.rules import eligible_at
from domain.editions import Edition
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
    due_again = (
        ""
        if eligible is None
        else f"If the customer calls from {case.spoken(eligible)} on, call the provider again. "
    )
    return Promise(
        key=case.promise_key(case.stage, since),
        waiting_on=Role.CUSTOMER,
        duty="call back if the concern isn't settled",
        rule="AM-13",
        since=since,
        due=DueAt(at=since + case.policy.am_escalation.quiet_close),
        then=f"If nobody calls by then, {_without_callback(case)}",
        changed_by=due_again + COMMANDS.who_can("customer_called_back", "resolve"),
    )


def _without_callback(case: AmCase) -> str:
    """Return what happens when the customer does not call back."""
    if case.edition < Edition.EVERY_CLAUSE:
        return "the concern closes"  # as these jobs published it: another text is another turn
    if case.has_unreviewed:
        return "the Admin team reviews the open Exception"
    if case.has_other_than_feedback:
        return "we wait for the Area Manager"
    return "the concern closes"


def chase(case: AmCase) -> Chase:
    """Return who is reminded in a case's stage, how often, and what follows.

    Raises:
        KeyError: nobody is reminded in this stage.
    """
    return _CHASES[case.stage](case.policy.am_escalation)


_ASK_A_SUPERVISOR = "a supervisor gets a task to step in"

_CHASES: Mapping[str, Callable[[AmEscalationPolicy], Chase]] = {
    Stage.CONTACTING_PROVIDER: lambda policy: Chase(
        key=Stage.CONTACTING_PROVIDER,
        waiting_on=Role.CUSTOMER_SERVICE,
        duty="call the provider about the concern",
        rule="AM-07",
        reminders=policy.contact,
        reminder="Customer Service gets a reminder",
        in_the_end=_ASK_A_SUPERVISOR,
        changed_by=COMMANDS.who_can("provider_contacted"),
    ),
    Stage.SECOND_CONTACT: lambda policy: Chase(
        key=Stage.SECOND_CONTACT,
        waiting_on=Role.CUSTOMER_SERVICE,
        duty="call the provider again",
        rule="AM-14",
        reminders=policy.second_contact,
        reminder="Customer Service gets a reminder",
        in_the_end=_ASK_A_SUPERVISOR,
        changed_by=COMMANDS.who_can("second_contact_made"),
    ),
    Stage.EXCEPTION_OPEN: lambda policy: Chase(
        key=Stage.EXCEPTION_OPEN,
        waiting_on=Role.ADMIN_TEAM,
        duty="review the Exception and send it to the Area Manager",
        rule="AM-33",
        reminders=policy.review,
        reminder="the Admin team gets a reminder",
        in_the_end=_ASK_A_SUPERVISOR,
        changed_by=COMMANDS.who_can("admin_reviewed"),
    ),
    Stage.AREA_MANAGER_ENGAGED: lambda policy: Chase(
        key=Stage.AREA_MANAGER_ENGAGED,
        waiting_on=Role.AREA_MANAGER,
        duty="act on the Exception",
        rule="AM-34",
        reminders=policy.area_manager,
        reminder="we e-mail the Area Manager a reminder",
        in_the_end=_ASK_A_SUPERVISOR,
        changed_by=COMMANDS.who_can("resolve"),
    ),
}
