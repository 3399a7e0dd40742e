"""The rules: when the provider is called again, what is escalated, and to whom. All pure."""

from __future__ import annotations

from datetime import datetime

from domain.am_escalation.case import AmCase, Stage
from domain.am_escalation.payloads import (
    AdminReviewed,
    ProviderContacted,
    RecordFeedback,
    SecondContactMade,
)
from domain.directory import Addressee
from domain.editions import Edition
from domain.events import Event
from domain.exceptions import ExceptionCode, already_open
from domain.jobs import same_holder
from domain.refusals import Refusal, conflict, unreadable
from domain.roles import Role


def starts_on(event: Event) -> bool:
    """Return whether an event starts an escalation: the customer reports a concern."""
    return event.type == "customer.reported_concern"


def is_still_the_provider(case: AmCase) -> bool:
    """Return whether the job is with the provider that the escalation is about."""
    holder = case.job.assigned_to
    if case.edition >= Edition.FACTS_BY_MEANING:
        return same_holder(holder, case.provider)
    return holder.is_(case.provider.account)


def call_may_be_about_it(case: AmCase) -> bool:
    """Return whether a call that the job system tells of counts as a call back.

    It says nothing of the concern, so it counts only where it can be about it: there is a concern,
    and the job is still with its provider. An agent who knows better logs the call back.
    """
    if case.edition < Edition.EVERY_CLAUSE:
        return True
    return not case.has_no_complaint and is_still_the_provider(case)


# --- the call back ----------------------------------------------------------------------------


def eligible_at(case: AmCase) -> datetime | None:
    """Return from when on a call back makes a second call due, None before the first attempt.

    The 24 hours run from the first attempt at the provider, whether it was reached or not (AM-13,
    G-12).
    """
    attempt = case.first_attempt_at
    return None if attempt is None else attempt + case.policy.am_escalation.callback_after


def second_contact_is_due(case: AmCase, called_at: datetime) -> bool:
    """Return whether a call back at an instant makes a second call due (AM-13, AM-14).

    At 24:00:00 it does, unless the policy excludes that instant (G-14). Only while a call back is
    waited for can a second call be due.
    """
    eligible = eligible_at(case)
    if case.stage != Stage.AWAITING_CALLBACK or eligible is None:
        return False
    inclusive = case.policy.am_escalation.callback_boundary == "inclusive"
    return called_at >= eligible if inclusive else called_at > eligible


# --- Exceptions -------------------------------------------------------------------------------


def opens_exception(case: AmCase, *, resolved: bool) -> bool:
    """Return whether the second call opens an Exception (AM-17, G-13)."""
    return not resolved or case.policy.am_escalation.exception_if_resolved


def area_manager(case: AmCase, *, required: bool = False) -> Addressee | None:
    """Return whom to look up in the directory; None if the Admin team gave an address (AM-34).

    Args:
        case: the escalation.
        required: whether the mail is refused if the directory has no address.
    """
    if case.area_manager_email is not None:
        return None
    return Addressee(role=Role.AREA_MANAGER, provider=case.provider, required=required)


# --- guards: each returns why a command is refused, None if it is not -------------------------


def contact_is_documented(case: AmCase, command: ProviderContacted, _: datetime) -> Refusal | None:
    """Refuse a first call without what came of it, where the provider was reached (AM-09)."""
    if refusal := _not_reached_but_resolved(command):
        return refusal
    if case.edition < Edition.EVERY_CLAUSE or not command.reached or command.outcome is not None:
        return None
    return _refused_field(
        "AM-09",
        "The outcome of this call is missing (AM-09).",
        "Write down what the provider said or agreed to (`outcome`). Then log the call.",
    )


def may_be_escalated(case: AmCase, command: SecondContactMade, _: datetime) -> Refusal | None:
    """Refuse a second call whose Exception lacks a field, or whose code is open already."""
    if refusal := _not_reached_but_resolved(command):
        return refusal
    if not opens_exception(case, resolved=command.resolved):
        return None
    if command.exception_code is None:
        return _refused_field(
            "AM-19",
            "This opens an Exception, so it needs a code (AM-19).",
            f"Choose one of the 13 codes (`exception_code`): {', '.join(ExceptionCode)}.",
        )
    if command.comment is None:
        return _refused_field(
            "AM-18",
            "This opens an Exception, so it needs a comment (AM-18).",
            "Say which commitment was missed or what help you need (`comment`).",
        )
    return _duplicate(case, command.exception_code)


def may_be_recorded(case: AmCase, command: RecordFeedback, _: datetime) -> Refusal | None:
    """Refuse feedback with a code for complaints, or with a code that is open already."""
    feedback = case.policy.am_escalation.feedback_codes
    if command.exception_code not in feedback:
        return _refused_field(
            "G-17",
            f"{command.exception_code} is a complaint, not feedback. The provider is called first "
            "(G-17).",
            f"Report a concern (`report_concern`). For feedback, choose {' or '.join(feedback)}.",
        )
    return _duplicate(case, command.exception_code)


def has_something_to_review(case: AmCase, _: AdminReviewed, __: datetime) -> Refusal | None:
    """Refuse a review before there is an Exception (AM-33)."""
    if case.exceptions:
        return None
    return conflict(
        "AM-33",
        "There's no Exception to review yet (AM-33).",
        "Nothing to do now. You get a task when an Exception is opened.",
    )


def _not_reached_but_resolved(command: ProviderContacted | SecondContactMade) -> Refusal | None:
    """Refuse a call that nobody answered as one that settled the concern."""
    if command.reached or not command.resolved:
        return None
    return _refused_field(
        None,
        "A provider you didn't reach can't have settled the concern.",
        "Log the call as not resolved. If the customer says it's settled, resolve the concern "
        "(`resolve`).",
    )


def _duplicate(case: AmCase, code: ExceptionCode) -> Refusal | None:
    """Refuse a code that this escalation has open already (G-16)."""
    return already_open(code) if code in {each.code for each in case.exceptions} else None


def _refused_field(rule: str | None, message: str, instead: str) -> Refusal:
    return unreadable(message, instead, rule).refusal
