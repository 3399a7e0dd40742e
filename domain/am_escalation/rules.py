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
from domain.events import Event
from domain.exceptions import ExceptionCode, already_open
from domain.refusals import Refusal, RefusalKind
from domain.roles import Role


def starts_on(event: Event) -> bool:
    """Return whether an event starts an escalation: the customer reports a concern."""
    return event.type == "customer.reported_concern"


# --- the call-back ----------------------------------------------------------------------------


def eligible_at(case: AmCase) -> datetime | None:
    """Return from when on a call-back makes a second contact due, None before the first attempt.

    The 24 hours run from the first attempt at the provider, whether it was reached or not (AM-13,
    G-12).
    """
    attempt = case.first_attempt_at
    return None if attempt is None else attempt + case.policy.am_escalation.callback_after


def second_contact_is_due(case: AmCase, called_at: datetime) -> bool:
    """Return whether a call-back at an instant makes a second contact due (AM-13, AM-14).

    At 24:00:00 it does (G-14). Beyond the wait for a call-back, no second contact is due.
    """
    eligible = eligible_at(case)
    return case.stage == Stage.AWAITING_CALLBACK and eligible is not None and called_at >= eligible


# --- Exceptions -------------------------------------------------------------------------------


def opens_exception(case: AmCase, *, resolved: bool) -> bool:
    """Return whether the second contact has an Exception opened (AM-17, G-13)."""
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


def nobody_reached_resolves_nothing(
    _: AmCase, command: ProviderContacted | SecondContactMade, __: datetime
) -> Refusal | None:
    """Refuse a call that nobody answered as one that settled the matter."""
    if command.reached or not command.resolved:
        return None
    return Refusal(
        kind=RefusalKind.FIELDS,
        rule=None,
        message="A provider that was not reached has not resolved anything.",
        instead="resolved false; resolve ends it where the customer says that it is settled",
    )


def may_be_escalated(case: AmCase, command: SecondContactMade, now: datetime) -> Refusal | None:
    """Refuse a second contact whose Exception lacks a field, or whose code is open already."""
    if refusal := nobody_reached_resolves_nothing(case, command, now):
        return refusal
    if not opens_exception(case, resolved=command.resolved):
        return None
    if command.exception_code is None:
        return _missing("AM-19", "exception_code", "one of the thirteen codes")
    if command.comment is None:
        return _missing("AM-18", "comment", "what was missed, or what help is needed")
    return _duplicate(case, command.exception_code)


def _missing(rule: str, field: str, what: str) -> Refusal:
    return Refusal(
        kind=RefusalKind.FIELDS,
        rule=rule,
        message=f"An Exception is opened, and {field} is missing.",
        instead=f"send {field}: {what}",
    )


def may_be_recorded(case: AmCase, command: RecordFeedback, _: datetime) -> Refusal | None:
    """Refuse feedback with a code for complaints, or with a code that is open already."""
    feedback = case.policy.am_escalation.feedback_codes
    if command.exception_code not in feedback:
        return Refusal(
            kind=RefusalKind.FIELDS,
            rule="G-17",
            message=f"{command.exception_code} is a complaint, which goes by way of the provider; "
            f"feedback is {' or '.join(feedback)}.",
            instead="report_concern",
        )
    return _duplicate(case, command.exception_code)


def _duplicate(case: AmCase, code: ExceptionCode) -> Refusal | None:
    """Refuse a code that this escalation has open already (G-16)."""
    return already_open(code) if code in {each.code for each in case.exceptions} else None


def has_something_to_review(case: AmCase, _: AdminReviewed, __: datetime) -> Refusal | None:
    """Refuse a review before there is an Exception (AM-33)."""
    if case.exceptions:
        return None
    return Refusal(
        kind=RefusalKind.CONFLICT,
        rule="AM-33",
        message="There is no Exception to review yet.",
        instead="wait for second_contact_made or record_feedback",
    )
