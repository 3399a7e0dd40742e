"""The promises of a follow-up, and the reminders of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from domain.promises import DueAfterBusinessDays, DueAt, Promise, promise_key
from domain.reminders import Chase
from domain.roles import Role
from domain.spoc.case import NamedDeadline, Report, SpocCase, Stage
from domain.spoc.commands import COMMANDS
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
        then="If it isn't in by then, we remind the provider by e-mail and give the Leadership "
        "Desk a task",
        changed_by="The provider can enter the report in Cinch Pro",
    )


def overdue_report(case: SpocCase) -> Chase:
    """Return the reminders of an overdue report (SPOC-27)."""
    return Chase(
        key=Stage.REPORT_OVERDUE,
        waiting_on=Role.PROVIDER,
        duty="enter the overdue service report",
        rule="SPOC-27",
        reminders=case.policy.spoc.overdue,
        reminder="we remind the provider and the Leadership Desk",
        in_the_end=_SUGGESTS_THE_AREA_MANAGER,
        changed_by="The provider can enter the report in Cinch Pro. "
        f"{COMMANDS.who_can('ask_provider', 'contact_spoc', 'engage_area_manager')}",
    )


def missing_information(case: SpocCase) -> Chase:
    """Return the reminders of a partial report (SPOC-28)."""
    return Chase(
        key=Stage.MISSING_INFORMATION,
        waiting_on=Role.PROVIDER,
        duty="complete the service report",
        rule="SPOC-28",
        reminders=case.policy.spoc.missing,
        reminder="we remind the Leadership Desk",
        in_the_end=_SUGGESTS_THE_AREA_MANAGER,
        changed_by="The provider can complete the report in Cinch Pro. "
        f"{COMMANDS.who_can('ask_provider', 'contact_spoc', 'engage_area_manager')}",
    )


def answer_of_the_specialist(case: SpocCase) -> Chase:
    """Return the reminders of the specialist's open requests (G-30)."""
    asked = " and ".join(contact.reason.title for contact in case.contacts)
    return Chase(
        key=Stage.SPOC_CONTACTED,
        waiting_on=Role.SPOC_SPECIALIST,
        duty=f"get {asked or 'what is missing'} from the provider",
        rule="G-30",
        reminders=case.policy.spoc.reply,
        reminder="we remind the specialist by e-mail",
        in_the_end=_HAS_THE_SPECIALIST_CALLED,
        changed_by=COMMANDS.who_can("information_received", "engage_area_manager"),
    )


def job_carried_out(case: SpocCase) -> Promise:
    """Return the provider's duty to finish the job once its report is in (SPOC-14)."""
    since = _since(case)
    return Promise(
        key=case.promise_key(case.stage, since),
        waiting_on=Role.PROVIDER,
        duty="finish the job",
        rule="SPOC-14",
        since=since,
        due=DueAt(at=since + case.policy.spoc.quiet),
        then="If nothing happens on the job by then, the follow-up closes",
        changed_by="The job system can complete the job. "
        f"{COMMANDS.who_can('contact_spoc', 'engage_area_manager')}",
    )


def promise(case: SpocCase) -> Promise:
    """Return the promise of a case's stage."""
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
    """Return when the report is due, counted from the appointment itself."""
    return DueAfterBusinessDays(days=case.policy.spoc.report_due, since=case.appointment_at)


def part_update_due(report: Report, policy: SpocPolicy) -> DueAfterBusinessDays:
    """Return the instant after which the specialist may be asked for a part (SPOC-31)."""
    return DueAfterBusinessDays(days=policy.part_update_age, since=report.at)


def confirmation(policy: SpocPolicy, at: datetime, nth: int = 1) -> Promise:
    """Return the provider's duty to confirm an order that research asked about (SPOC-34).

    Args:
        policy: how long the provider has.
        at: when research asked, aware UTC.
        nth: the number of the request in this follow-up; each is a promise of its own.
    """
    key = promise_key(NamedDeadline.ORDER_CONFIRMATION, at)
    return Promise(
        key=key if nth == 1 else f"{key}/{nth}",
        waiting_on=Role.PROVIDER,
        duty="confirm the order",
        rule="SPOC-34",
        since=at,
        due=DueAfterBusinessDays(days=policy.confirm_grace, since=at),
        then="If it isn't confirmed by then, the Leadership Desk gets a task",
        changed_by=COMMANDS.who_can("information_received"),
    )


def confirmations(case: SpocCase) -> tuple[Promise, ...]:
    """Return the promise to confirm an order, as research may ask for it in any stage."""
    return (confirmation(case.policy.spoc, _since(case)),)


def _since(case: SpocCase) -> datetime:
    return case.counts_from or case.appointment_at


_SUGGESTS_THE_AREA_MANAGER = "the Leadership Desk gets a task to engage the Area Manager"
_HAS_THE_SPECIALIST_CALLED = "the Leadership Desk gets a task to call the specialist"
_CHASES: Mapping[str, Callable[[SpocCase], Chase]] = {
    Stage.REPORT_OVERDUE: overdue_report,
    Stage.MISSING_INFORMATION: missing_information,
    Stage.SPOC_CONTACTED: answer_of_the_specialist,
}
