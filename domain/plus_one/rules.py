"""Who comes to PlusOne, how long it may search, and what may leave it: the rules, all pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from domain.accounts import (
    ALTERNATE_PROVIDER_OPTION,
    NO_PROVIDER_FOUND,
    PLUSONE,
    PLUSONE_PARTS,
    PROCURE_VENDOR,
    Account,
    account_called,
)
from domain.apo.commands import COMMANDS as APO_COMMANDS
from domain.editions import Edition
from domain.events import Event
from domain.facts import same_text
from domain.guards import WayOut
from domain.jobs import Job, JobStatus
from domain.labels import command_label
from domain.plus_one.case import REPAIRING, PlusOneCase, Stage
from domain.plus_one.payloads import (
    AddServiceJob,
    ReportCannotLocate,
    RequestReassignment,
    SupplyParts,
)
from domain.policy import Policy
from domain.refusals import Refusal, conflict
from domain.roles import FOUND_IN_LIST, Actor, Role, may_act_as

# --- who comes to PlusOne ---------------------------------------------------------------------


def not_for_plusone(job: Job, policy: Policy) -> Refusal | None:
    """Return why PlusOne must not search for this job (PO-01, PO-04), None if it may."""
    if job.severity.urgent:
        return conflict(
            "PO-04",
            f"PlusOne can't take {job.severity} jobs (PO-04).",
            "Find a provider using the emergency procedure.",
        )
    if job.trade not in policy.plus_one.served_trades:
        return conflict(
            "PO-01",
            f"PlusOne doesn't serve this trade: {job.trade} (PO-01).",
            "Find a provider for this trade.",
        )
    return None


def assigned_out_of_turn(job: Job, by: Actor) -> bool:
    """Return whether somebody assigned PlusOne who may not (PO-05).

    Only Dispatch may, but anybody may for the recall of a job that PlusOne did (PO-06). Nobody is
    accused of what only the job system's list shows (G-95).
    """
    is_known = by != FOUND_IN_LIST
    return is_known and by.role is not Role.DISPATCH and not _recalls_plusone(job)


def assigned_by_nobody_knows(job: Job, by: Actor) -> bool:
    """Return whether it has to be found out who assigned PlusOne (PO-05, G-95)."""
    return by == FOUND_IN_LIST and not _recalls_plusone(job)


def _recalls_plusone(job: Job) -> bool:
    """Return whether a job is the recall of one that a provider of PlusOne's did (PO-06)."""
    return job.is_recall and job.original_provider_network == "PlusOne"


class SkippedSearches(NamedTuple):
    """What people are told of searches that come before PlusOne and were skipped, or may be."""

    note: str
    task: str
    """For Dispatch."""


def skipped_searches(case: PlusOneCase) -> SkippedSearches | None:
    """Return what an assignment says of skipped searches (PO-15, PO-16), None if nothing.

    An assignment that doesn't say it is a question only if the policy asks (G-75). The recall of
    PlusOne's own work needs no search (PO-06).
    """
    if case.edition < Edition.EVERY_CLAUSE or _recalls_plusone(case.job):
        return None
    said = {
        "calendar search": case.tried.calendar_searched,
        "manual search": case.tried.manual_search_done,
    }
    skipped = [search for search, tried in said.items() if tried is False]
    if skipped:
        return SkippedSearches(
            note=f"PlusOne got this job without a {' or a '.join(skipped)} (PO-15, PO-16).",
            task=f"Do the {' and the '.join(skipped)} now and note the result. PlusOne got the job "
            f"without {'them' if len(skipped) > 1 else 'it'} (PO-15, PO-16). {_KEEPS_IT}",
        )
    if None in said.values() and case.policy.plus_one.search_not_said == "ask":
        return SkippedSearches(
            note="The assignment to PlusOne doesn't say whether the calendar and a manual search "
            "were tried (PO-15, PO-16).",
            task="Note whether the calendar and a manual search were tried before PlusOne got the "
            f"job (PO-15, PO-16). If not, do both now. {_KEEPS_IT}",
        )
    return None


_KEEPS_IT = "PlusOne keeps the job until its time is up either way (PO-18)."


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


def was_accepted_before(case: PlusOneCase, at: datetime) -> bool:
    """Return whether PlusOne, if the job was accepted at an instant, accepted earlier than known.

    Not where that was before the present assignment, or before PlusOne had given the job up.
    """
    if case.accepted_at is None:
        return False
    assigned_at = case.job.assigned_at
    return max(assigned_at, case.not_accepted_at or assigned_at) <= at < case.accepted_at


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
    if held := case.held_by_plusone(now):
        return held
    to = account_called(command.to)
    if to == ALTERNATE_PROVIDER_OPTION and command.actor.role is not Role.DISPATCH:
        return _apo_is_dispatchs(command.actor.role)
    if to == PLUSONE:
        return conflict(
            None, "PlusOne already has this job.", "Enter the account that should get the job."
        )
    if to == PLUSONE_PARTS and case.edition >= Edition.EVERY_CLAUSE:
        return _parts_have_a_command(case, command.actor.role)
    return None


def may_be_added(case: PlusOneCase, command: AddServiceJob, _: datetime) -> Refusal | None:
    """Refuse to add a service job on an account that it may not go to.

    PlusOne takes no emergency (PO-04) and no trade that it doesn't serve (PO-01). Only Dispatch
    gives it a job, except a recall of PlusOne's own work (PO-05, PO-06). Only Dispatch puts a job
    on Alternate Provider Option (APO-18). The procurement account has its own command, which checks
    the shipping address (PO-54).
    """
    if case.edition < Edition.EVERY_CLAUSE:
        return None
    to, role = account_to_add(command), command.actor.role
    if to == PLUSONE:
        return not_for_plusone(case.job, case.policy) or _is_out_of_turn(case, command)
    if to == PLUSONE_PARTS:
        return _parts_have_a_command(case, role)
    if to == ALTERNATE_PROVIDER_OPTION and role is not Role.DISPATCH:
        return _apo_is_dispatchs(role)
    return None


def account_to_add(command: AddServiceJob) -> Account:
    """Return the account that an added service job goes to."""
    return account_called(command.account) if command.account else PROCURE_VENDOR


def _is_out_of_turn(case: PlusOneCase, command: AddServiceJob) -> Refusal | None:
    """Refuse a service job on PlusOne that only Dispatch may add (PO-05, PO-06, G-77)."""
    recalls = any(
        same_text(command.event_type, each) for each in case.policy.plus_one.recall_event_types
    )
    plusone_did_it = case.stage in REPAIRING or _recalls_plusone(case.job)
    if command.actor.role is Role.DISPATCH or (recalls and plusone_did_it):
        return None
    return conflict(
        "PO-05",
        "Only Dispatch can give a service job to PlusOne, except a recall of PlusOne's own work "
        "(PO-05, PO-06).",
        "Ask Dispatch to add the service job. Is it a recall? Enter the event type "
        f"{case.policy.plus_one.recall_event_types[0]}.",
    )


def _apo_is_dispatchs(role: Role) -> Refusal:
    able = [
        f"{command_label(name)} (`{name}`)"
        for name in ("offer_apo", "request_apo")
        if may_act_as(role, APO_COMMANDS[name].roles)
    ]
    return conflict(
        "APO-18",
        "Only Dispatch can put a job on Alternate Provider Option (APO-18, APO-19).",
        f"{' or '.join(able)}." if able else "Ask Dispatch to offer APO.",
    )


SUPPLIERS = frozenset({Role.AUTHORIZATIONS, Role.PARTS_SOURCING})
"""Who supplies parts."""


def _parts_have_a_command(case: PlusOneCase, role: Role) -> Refusal:
    if case.stage not in REPAIRING:
        way_out = "Wait until PlusOne accepts the job. Parts can be supplied then."
    elif role in SUPPLIERS:
        way_out = "Supply parts (`supply_parts`)."
    else:
        way_out = "Ask Authorizations or Parts Sourcing to supply the parts (`supply_parts`)."
    return conflict(
        "PO-54",
        f"{PLUSONE_PARTS.name} needs the company and a checked shipping address (PO-53, PO-54).",
        way_out,
    )


def may_go_to_no_provider_found(
    case: PlusOneCase, _: ReportCannotLocate, now: datetime
) -> Refusal | None:
    """Refuse to give a job up that PlusOne has accepted or reported on (G-06)."""
    return case.held_by_plusone(now, WayOut.CANNOT_LOCATE)


def not_to_plusone_in_florida(
    case: PlusOneCase, command: SupplyParts, _: datetime
) -> Refusal | None:
    """Refuse to ship to PlusOne's own address (PO-54): by its name and state, or by the address."""
    profile, ship_to = case.policy.plus_one.profile_address, command.ship_to or command.pickup_at
    if ship_to is None:
        return None
    named = _means_plusone(command.company) or _means_plusone(ship_to.line)
    to_plusone = named and ship_to.state.upper() == profile.state
    to_its_address = _plain(ship_to.line) == _plain(profile.line) and (
        ship_to.zip[:5] == profile.zip[:5] or _plain(ship_to.city) == _plain(profile.city)
    )
    if not to_plusone and not to_its_address:
        return None
    return conflict(
        "PO-54",
        f"Don't ship to PlusOne's own address in {profile.state} (PO-54).",
        "Enter the shop of the company that does the work. If Oracle shows PlusOne's address, set "
        "`oracle_update`: a supervisor corrects it (PO-55).",
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
