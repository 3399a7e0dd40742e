"""Who comes to PlusOne, how long it may search, and what may leave it: the rules, all pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from domain.accounts import ALTERNATE_PROVIDER_OPTION, NO_PROVIDER_FOUND, PLUSONE, account_called
from domain.events import Event
from domain.guards import PlusOneHold, WayOut, plusone_hold
from domain.jobs import Job, JobStatus
from domain.plus_one.case import PlusOneCase, Stage
from domain.plus_one.payloads import ReportCannotLocate, RequestReassignment, SupplyParts
from domain.policy import Policy
from domain.refusals import Refusal, RefusalKind
from domain.roles import Actor, Role

# --- who comes to PlusOne ---------------------------------------------------------------------


def not_for_plusone(job: Job, policy: Policy) -> Refusal | None:
    """Return why PlusOne must not search for this job (PO-01, PO-04), None if it may."""
    if job.severity.urgent:
        return Refusal(
            kind=RefusalKind.CONFLICT,
            rule="PO-04",
            message=f"{job.severity} jobs follow the emergency protocols and never go to PlusOne",
            instead="find a provider under the emergency protocol",
        )
    if job.trade not in policy.plus_one.served_trades:
        return Refusal(
            kind=RefusalKind.CONFLICT,
            rule="PO-01",
            message=f"PlusOne does not serve the trade {job.trade}",
            instead="find a provider of this trade, or send the job on as procedure has it",
        )
    return None


def assigned_out_of_turn(job: Job, by: Actor) -> bool:
    """Return whether somebody assigned PlusOne who may not (PO-05).

    Only Dispatch may, but anybody may for the recall of a job that PlusOne did (PO-06).
    """
    recall_of_plusone = job.is_recall and job.original_provider_network == "PlusOne"
    return by.role is not Role.DISPATCH and not recall_of_plusone


def starts_on(event: Event) -> bool:
    """Return whether an event starts a search: a job is assigned to PlusOne (PO-07)."""
    return event.type == "job.assigned" and event.job.assigned_to.is_(PLUSONE)


def way_out_taken(before: Job, after: Job, by: Actor) -> WayOut | None:
    """Return the procedure's own way out that somebody took in the job system, None if none."""
    if by.role is Role.PLUSONE and after.assigned_to.is_(NO_PROVIDER_FOUND):
        return WayOut.CANNOT_LOCATE
    if after.severity.urgent and before.status is not JobStatus.ACCEPTED:
        return WayOut.SEVERITY_RAISED
    return None


# --- the clocks -------------------------------------------------------------------------------


def window_ends(job: Job, policy: Policy) -> datetime:
    """Return when PlusOne's time to find somebody is over (PO-17, G-04), UTC."""
    return job.assigned_at + policy.plus_one.search_window


def expectation_ends(job: Job, policy: Policy) -> datetime:
    """Return when the time that the customer was told is over (PO-31, G-01), UTC."""
    return job.assigned_at + policy.plus_one.customer_expectation


class WindowVerdict(StrEnum):
    """What the search has come to at an instant."""

    SEARCHING = "searching"
    ACCEPTED = "accepted"
    OVER = "over"


def verdict(job: Job, policy: Policy, now: datetime) -> WindowVerdict:
    """Return what a search has come to: acceptance is the job's status, nothing else (G-10)."""
    if job.status is JobStatus.ACCEPTED:
        return WindowVerdict.ACCEPTED
    if now >= window_ends(job, policy):
        return WindowVerdict.OVER
    return WindowVerdict.SEARCHING


# --- PlusOne's notes --------------------------------------------------------------------------

_PREFIXES: Mapping[str, Stage | None] = {
    "ASSIGNMENT": None,
    "DIAGNOSIS SUBMITTED/AWAITING APPROVAL": Stage.DIAGNOSIS_SUBMITTED,
    "ADDITIONAL INFO PROVIDED/AWAITING APPROVAL": Stage.DIAGNOSIS_SUBMITTED,
    "PARTS ORDERED": Stage.PARTS_ORDERED,
    "JOB COMPLETE": Stage.COMPLETED,
}
_PREFIX = re.compile(
    rf"(?P<prefix>{'|'.join(re.escape(prefix) for prefix in _PREFIXES)})(?:$|[ :\-\u2013\u2014\s])"
)


def stage_named_by(text: str) -> Stage | None:
    """Return the stage that a note of PlusOne's moves the search to (PO-22..PO-29), None if none.

    A prefix counts at the start of the note, followed by the note's end, a space, a colon or a
    dash. `ASSIGNMENT` moves nothing: acceptance is the job's status (G-10). Anything else is an
    ordinary note (G-11).
    """
    found = _PREFIX.match(text)
    return _PREFIXES[found["prefix"]] if found else None


_ORDER_AMOUNT = re.compile(
    r"PARTS ORDERED[\s:\-\u2013\u2014]+"
    r"\$(?P<amount>(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,7})(?:\.[0-9]{2})?)(?![0-9])(?![.,][0-9])"
)
_DELIVERY = timedelta(minutes=1)
"""By how much what was told of two events may shift their order."""


def is_assignment_note(text: str) -> bool:
    """Return whether a note of PlusOne's begins with `ASSIGNMENT` (PO-23, PO-24)."""
    found = _PREFIX.match(text)
    return found is not None and found["prefix"] == "ASSIGNMENT"


def tells_of_acceptance(noted_at: datetime | None, accepted_at: datetime) -> bool:
    """Return whether an `ASSIGNMENT` note was written after the acceptance (PO-37, G-10).

    One from before may tell of providers who were called and did not take the job.
    """
    return noted_at is not None and noted_at >= accepted_at - _DELIVERY


def amount_ordered(text: str) -> Decimal | None:
    """Return the amount that a `PARTS ORDERED` note states, None where it states none (G-78).

    It counts only right after the heading, with its dollar sign: `PARTS ORDERED: $120.00`.
    """
    found = _ORDER_AMOUNT.match(text)
    return Decimal(found["amount"].replace(",", "")) if found else None


def order_needs_check(case: PlusOneCase) -> bool:
    """Return whether Authorizations checks parts that PlusOne ordered (PO-27, G-09).

    Not what was approved, nor what is known to stay within PlusOne's own limit.
    """
    limit, amount = case.policy.plus_one.approval_threshold, case.ordered_amount
    within_limit = limit is not None and amount is not None and amount <= limit
    return not case.approved and not within_limit


# --- guards: each returns why a command is refused, None if it is not -------------------------


def may_leave_plusone(
    case: PlusOneCase, command: RequestReassignment, now: datetime
) -> Refusal | None:
    """Refuse to take a job from PlusOne that it may keep, or to give it where it may not go."""
    if held := plusone_hold(case.job, now, PlusOneHold.under(case.policy, case.edition)):
        return held
    to = account_called(command.to)
    if to == ALTERNATE_PROVIDER_OPTION and command.actor.role is not Role.DISPATCH:
        return Refusal(
            kind=RefusalKind.CONFLICT,
            rule="APO-18",
            message="Only Dispatch puts a job on the Alternate Provider Option (APO-19).",
            instead="apo offer_apo or request_apo, for those who may",
        )
    if to == PLUSONE:
        return Refusal(
            kind=RefusalKind.CONFLICT,
            rule=None,
            message="The job is with PlusOne already.",
            instead="name another account",
        )
    return None


def may_go_to_no_provider_found(
    case: PlusOneCase, _: ReportCannotLocate, now: datetime
) -> Refusal | None:
    """Refuse to give a job up that PlusOne has accepted or reported on (G-06)."""
    return plusone_hold(
        case.job, now, PlusOneHold.under(case.policy, case.edition), WayOut.CANNOT_LOCATE
    )


def not_to_plusone_in_florida(
    case: PlusOneCase, command: SupplyParts, _: datetime
) -> Refusal | None:
    """Refuse to ship to PlusOne's own address (PO-54): by its name and state, or by the address."""
    profile, ship_to = case.policy.plus_one.profile_address, command.ship_to
    named = _means_plusone(command.company) or _means_plusone(ship_to.line)
    to_plusone = named and ship_to.state.upper() == profile.state
    to_its_address = _plain(ship_to.line) == _plain(profile.line) and (
        ship_to.zip[:5] == profile.zip[:5] or _plain(ship_to.city) == _plain(profile.city)
    )
    if not to_plusone and not to_its_address:
        return None
    return Refusal(
        kind=RefusalKind.CONFLICT,
        rule="PO-54",
        message=f"Nothing is shipped to PlusOne's own address in {profile.state}.",
        instead="name the shop of the company that does the work; a supervisor corrects the "
        "shipping address in Oracle (PO-55)",
    )


_NAMES_PLUSONE = re.compile(r"\bplus[\W_]*one", re.IGNORECASE)


def _means_plusone(text: str) -> bool:
    return _plain(text) == PLUSONE.number or bool(_NAMES_PLUSONE.search(_undressed(text)))


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", _undressed(text).casefold())


def _undressed(text: str) -> str:
    """Return a text without full-width letters and invisible characters, which hide a name."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(char for char in plain if unicodedata.category(char) != "Cf")
