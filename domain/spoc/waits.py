"""Whom a follow-up waits for: its promises, and who is reminded of theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from domain.promises import DueAfterBusinessDays, DueAt, Promise, promise_key
from domain.reminders import Chase
from domain.roles import Role
from domain.spoc.case import NamedDeadline, Report, SpocCase, Stage
from domain.spoc.policy import SpocPolicy


def report(case: SpocCase) -> Promise:
    """Return the provider's duty to enter the report (SPOC-13)."""
    since = _since(case)
    return Promise(
        key=case.promise_key(case.stage, since),
        waiting_on=Role.PROVIDER,
        duty="enter the service report",
        rule="SPOC-13",
        since=since,
        due=report_due(case),
        then="then the provider is reminded by mail and the Leadership Desk gets a task",
        changed_by="the provider can do so by entering the report in Cinch Pro",
    )


def overdue_report(case: SpocCase) -> Chase:
    """Return how the provider is reminded of a report that is overdue (SPOC-27)."""
    return Chase(
        key=Stage.REPORT_OVERDUE,
        waiting_on=Role.PROVIDER,
        duty="enter the service report, which is overdue",
        rule="SPOC-27",
        reminders=case.policy.spoc.overdue,
        reminder="the provider and the Leadership Desk are reminded",
        in_the_end=_SUGGESTS_THE_AREA_MANAGER,
        changed_by="the provider can do so by entering it, the Leadership Desk with contact_spoc",
    )


def missing_information(case: SpocCase) -> Chase:
    """Return how the Leadership Desk is reminded of what a partial report lacks (SPOC-28)."""
    return Chase(
        key=Stage.MISSING_INFORMATION,
        waiting_on=Role.PROVIDER,
        duty="complete the service report",
        rule="SPOC-28",
        reminders=case.policy.spoc.missing,
        reminder="the Leadership Desk is reminded",
        in_the_end=_SUGGESTS_THE_AREA_MANAGER,
        changed_by="the provider can do so by completing it, the Leadership Desk with contact_spoc",
    )


def answer_of_the_specialist(case: SpocCase) -> Chase:
    """Return how the specialist is reminded of what they were asked for (G-30)."""
    wanted = " and ".join(contact.reason.title for contact in case.contacts)
    return Chase(
        key=Stage.SPOC_CONTACTED,
        waiting_on=Role.SPOC_SPECIALIST,
        duty=f"get {wanted} from the provider",
        rule="G-30",
        reminders=case.policy.spoc.reply,
        reminder="the specialist is reminded by mail",
        in_the_end=_SUGGESTS_THE_AREA_MANAGER,
        changed_by="the specialist or the Leadership Desk can do so with information_received",
    )


def job_carried_out(case: SpocCase) -> Promise:
    """Return the provider's duty to carry the job out, once its report is in (SPOC-14)."""
    since = _since(case)
    return Promise(
        key=case.promise_key(case.stage, since),
        waiting_on=Role.PROVIDER,
        duty="carry the job out, now that its report is in",
        rule="SPOC-14",
        since=since,
        due=DueAt(at=since + case.policy.spoc.quiet),
        then="then the follow-up closes, unless something is heard before",
        changed_by="the job system can do so by completing the job",
    )


def promise(case: SpocCase) -> Promise:
    """Return what is waited for in the stage of a case."""
    if case.stage == Stage.AWAITING_REPORT:
        return report(case)
    if case.stage == Stage.REPORT_RECEIVED:
        return job_carried_out(case)
    return chase(case).promise(case, _since(case))


def chase(case: SpocCase) -> Chase:
    """Return who is reminded in a stage, how often, and what happens in the end.

    Raises:
        KeyError: nobody is reminded in this stage.
    """
    return _CHASES[case.stage](case)


def report_due(case: SpocCase) -> DueAfterBusinessDays:
    """Return when the report is due: counted from the appointment, not from when it was made."""
    return DueAfterBusinessDays(days=case.policy.spoc.report_due, since=case.appointment_at)


def part_update_due(report: Report, policy: SpocPolicy) -> DueAfterBusinessDays:
    """Return after when the specialist may be asked for a part (SPOC-31)."""
    return DueAfterBusinessDays(days=policy.part_update_age, since=report.at)


def confirmation(policy: SpocPolicy, at: datetime, nth: int = 1) -> Promise:
    """Return the provider's duty to confirm an order that research asked about (SPOC-34).

    Args:
        policy: how long the provider has.
        at: when research asked, aware UTC.
        nth: which request it is of this follow-up; each is a promise of its own.
    """
    key = promise_key(NamedDeadline.ORDER_CONFIRMATION, at)
    return Promise(
        key=key if nth == 1 else f"{key}/{nth}",
        waiting_on=Role.PROVIDER,
        duty="confirm the order",
        rule="SPOC-34",
        since=at,
        due=DueAfterBusinessDays(days=policy.confirm_grace, since=at),
        then="then the Leadership Desk is asked to help",
        changed_by="the Leadership Desk can do so with information_received",
    )


def _since(case: SpocCase) -> datetime:
    return case.counts_from or case.appointment_at


_SUGGESTS_THE_AREA_MANAGER = "the Leadership Desk is asked to engage the Area Manager"
_CHASES: Mapping[str, Callable[[SpocCase], Chase]] = {
    Stage.REPORT_OVERDUE: overdue_report,
    Stage.MISSING_INFORMATION: missing_information,
    Stage.SPOC_CONTACTED: answer_of_the_specialist,
}
