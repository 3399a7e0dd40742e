"""The 48-hour search by PlusOne: its rules, stages and commands (document 001, rules PO-*)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from domain.accounts import (
    ALTERNATE_PROVIDER_OPTION,
    NO_PROVIDER_FOUND,
    PLUSONE,
    account_called,
)
from domain.commands import Command, CommandTable, Payload
from domain.events import Event
from domain.guards import PlusOneHold, WayOut, plusone_hold
from domain.jobs import Job, JobStatus
from domain.lifecycles import Case, LifecycleKind, LifecycleStart
from domain.policy import Policy
from domain.promises import DueAfterBusinessDays, DueAt, Promise, promise_key
from domain.refusals import Refusal, RefusalKind
from domain.roles import EMPLOYEES, Actor, Role
from domain.values import Instant, Line, Prose, Usd


class Stage(StrEnum):
    """Where a search stands."""

    SEARCHING = "searching"
    ACCEPTED = "accepted"
    DIAGNOSIS_SUBMITTED = "diagnosis_submitted"
    INFO_REQUESTED = "info_requested"
    APPROVED = "approved"
    DENIED = "denied"
    PARTS_ORDERED = "parts_ordered"

    COMPLETED = "completed"
    NO_PROVIDER_FOUND = "no_provider_found"
    RELEASED = "released"
    CANCELLED = "cancelled"
    NOT_ELIGIBLE = "not_eligible"
    SUPERSEDED = "superseded"


ENDS = frozenset(
    {
        Stage.COMPLETED,
        Stage.NO_PROVIDER_FOUND,
        Stage.RELEASED,
        Stage.CANCELLED,
        Stage.NOT_ELIGIBLE,
        Stage.SUPERSEDED,
    }
)
RUNNING = frozenset(Stage) - ENDS
REPAIRING = RUNNING - {Stage.SEARCHING}


class PlusOneCase(Case):
    """A search, as far as it has come."""

    stage: str = Stage.SEARCHING
    announced: bool = False
    """The start is done: the mandated comment is written (PO-30)."""
    expectation_passed: bool = False
    """The 24 hours that the customer was told are over, and dispatch was reminded (G-01)."""
    window_passed: bool = False
    """The window ended and the policy left the job to dispatch (G-02)."""
    heard_at: Instant | None = None
    """When the repair was last heard of, or dispatch last reminded of its silence."""
    foretold: Stage | None = None
    """The stage that a note named before the acceptance that it follows was told."""
    calls: int = 0
    """How often the customer called."""
    stage_noted_at: Instant | None = None
    """When PlusOne wrote the newest note that named a stage."""
    news: str | None = None
    """PlusOne's newest note since the customer last called (PO-32, PO-35)."""


class PlusOneStart(LifecycleStart):
    """The argument of the workflow `PlusOneSearch`."""

    case: PlusOneCase | None = None
    """How far an earlier run of the same episode had come, None at the beginning."""

    def opened(self) -> PlusOneCase:
        """Return the case as this run takes it up."""
        return self.case or PlusOneCase(
            job=self.job, job_version=self.job_version, policy=self.policy
        )


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


def search_promise(case: PlusOneCase) -> Promise:
    """Return what is waited for while PlusOne searches (PO-17, PO-60)."""
    job, policy = case.job, case.policy
    if case.window_passed:
        return Promise(
            key=promise_key("search-left-to-dispatch", job.assigned_at),
            waiting_on=Role.DISPATCH,
            duty="decide what becomes of the job that PlusOne did not accept in its 48 hours",
            rule="PO-17",
            since=window_ends(job, policy),
            due=None,
            then="nothing happens by itself",
            changed_by="dispatch can do so with request_reassignment or report_cannot_locate, "
            "and PlusOne by accepting",
        )
    ends_with_dispatch = policy.plus_one.on_window_end == "dispatch_task"
    return Promise(
        key=promise_key("search", job.assigned_at),
        waiting_on=Role.PLUSONE,
        duty="find a Service Professional, or say that it can find none",
        rule="PO-17",
        since=job.assigned_at,
        due=DueAt(at=window_ends(job, policy)),
        then="then dispatch is asked to decide"
        if ends_with_dispatch
        else "then the job goes to No Provider Found",
        changed_by="PlusOne can change that by accepting, PlusOne or dispatch with "
        "report_cannot_locate",
    )


_DUTIES: Mapping[str, tuple[Role, str, str, str]] = {
    Stage.ACCEPTED: (
        Role.PLUSONE,
        "submit its diagnosis",
        "PO-25",
        "PlusOne can change that with its diagnosis note, authorizations with approve or deny",
    ),
    Stage.DIAGNOSIS_SUBMITTED: (
        Role.AUTHORIZATIONS,
        "decide on the diagnosis",
        "PO-41",
        "authorizations can change that with approve, deny or request_info",
    ),
    Stage.INFO_REQUESTED: (
        Role.PLUSONE,
        "give the information asked for",
        "PO-26",
        "PlusOne can change that with its note of the additional information",
    ),
    Stage.APPROVED: (
        Role.PLUSONE,
        "order the parts and complete the repair",
        "PO-28",
        "PlusOne can change that with its notes of parts ordered or job complete",
    ),
    Stage.DENIED: (
        Role.PLUSONE,
        "bill its diagnosis or submit another",
        "PO-20",
        "PlusOne can change that with its notes of job complete or of a new diagnosis",
    ),
    Stage.PARTS_ORDERED: (
        Role.PLUSONE,
        "complete the repair and submit its claim",
        "PO-28",
        "PlusOne can change that with its note of job complete",
    ),
}


def owed_in(stage: str) -> tuple[Role, str]:
    """Return who owes what in a stage after the acceptance."""
    role, duty, _, _ = _DUTIES[stage]
    return role, duty


def repair_promise(case: PlusOneCase) -> Promise:
    """Return what is waited for after the acceptance; the silence counts from `heard_at`."""
    heard_at = case.heard_at or case.job.assigned_at
    role, duty, rule, changed_by = _DUTIES[case.stage]
    return Promise(
        key=promise_key(case.stage, heard_at),
        waiting_on=role,
        duty=duty,
        rule=rule,
        since=heard_at,
        due=DueAfterBusinessDays(days=case.policy.plus_one.silence_reminder, since=heard_at),
        then="then dispatch is asked to follow up",
        changed_by=changed_by,
    )


def promise(case: PlusOneCase) -> Promise:
    """Return what is waited for in the stage of a case."""
    return search_promise(case) if case.stage == Stage.SEARCHING else repair_promise(case)


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


def advice(case: PlusOneCase) -> str:
    """Return what the agent tells a customer who calls (PO-32, PO-34, PO-35)."""
    if case.news is not None:
        return f"There is news from PlusOne; tell the customer: {case.news}"
    if case.stage == Stage.SEARCHING:
        if case.calls <= 1:
            return (
                "PlusOne is looking for a Service Professional. Tell the customer what the job's "
                "note says: please allow 24 hours for the search."
            )
        return (
            "PlusOne is still looking for a Service Professional in the customer's area; there is "
            "nothing new in the notes."
        )
    role, duty, _, _ = _DUTIES[case.stage]
    return (
        "PlusOne has found a Service Professional. Nothing new was noted since the last call; "
        f"now {role.title} is to {duty}."
    )


# --- commands ---------------------------------------------------------------------------------


class RequestReassignment(Payload):
    """Fields of `request_reassignment`."""

    to: Line
    """An account's name or number."""
    reason: Prose


class ReportCannotLocate(Payload):
    """Fields of `report_cannot_locate`."""

    text: Prose | None = None


class CustomerCalled(Payload):
    """Fields of `customer_called`."""

    about: Prose | None = None


class Approve(Payload):
    """Fields of `approve`. Amounts in USD."""

    amount: Usd
    non_covered: Usd | None = None
    """The part that the customer has to pay."""
    text: Prose | None = None


class RequestInfo(Payload):
    """Fields of `request_info`."""

    what: Prose


class Deny(Payload):
    """Fields of `deny`."""

    reason: Prose
    partial: bool = False
    """Only a part of the repair is denied."""


class AddServiceJob(Payload):
    """Fields of `add_service_job`."""

    reason: Prose
    event_type: Line | None = None
    account: Line | None = None
    """An account's name or number; Procure Vendor if none is named."""


class ShipTo(BaseModel):
    """Where parts are sent."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    line: Line
    city: Line
    state: Annotated[str, Field(pattern=r"^[A-Za-z]{2}$")]
    zip: Annotated[str, Field(pattern=r"^[0-9]{5}(-[0-9]{4})?$")]

    def __str__(self) -> str:
        """Return the address on one line."""
        return f"{self.line}, {self.city}, {self.state.upper()} {self.zip}"


class SupplyParts(Payload):
    """Fields of `supply_parts`."""

    company: Line
    """The company that does the work."""
    ship_to: ShipTo
    what: Prose


class UpdateParts(Payload):
    """Fields of `update_parts`."""

    text: Prose
    eta: date | None = None


def _may_leave_plusone(
    case: PlusOneCase, command: RequestReassignment, now: datetime
) -> Refusal | None:
    if held := plusone_hold(case.job, now, PlusOneHold.under(case.policy)):
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


_NAMES_PLUSONE = re.compile(r"\bplus[\W_]*one", re.IGNORECASE)


def _may_go_to_no_provider_found(
    case: PlusOneCase, _: ReportCannotLocate, now: datetime
) -> Refusal | None:
    return plusone_hold(case.job, now, PlusOneHold.under(case.policy), WayOut.CANNOT_LOCATE)


def _undressed(text: str) -> str:
    """Return a text without full-width letters and invisible characters, which hide a name."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(char for char in plain if unicodedata.category(char) != "Cf")


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", _undressed(text).casefold())


def _means_plusone(text: str) -> bool:
    return _plain(text) == PLUSONE.number or bool(_NAMES_PLUSONE.search(_undressed(text)))


def _not_to_plusone_in_florida(
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


_FIRST_ACCEPT = "PlusOne has to accept the job first; report_cannot_locate ends the search"
_FIRST_DIAGNOSE = "wait for PlusOne to submit a diagnosis, or another one (PO-25)"

COMMANDS = CommandTable(
    "plus-one",
    Command(
        name="request_reassignment",
        payload=RequestReassignment,
        roles=EMPLOYEES,
        stages=RUNNING,
        help="Give the job to another account, if nothing holds it with PlusOne (PO-18, PO-19, "
        "PO-20).",
        guard=_may_leave_plusone,
        example={"to": "Procure Vendor", "reason": "Another provider is free"},
    ),
    Command(
        name="report_cannot_locate",
        payload=ReportCannotLocate,
        roles=frozenset({Role.PLUSONE, Role.DISPATCH}),
        stages=RUNNING,
        guard=_may_go_to_no_provider_found,
        help="Say that PlusOne finds nobody: the job goes to No Provider Found (PO-67).",
        example={"text": "Nobody within 60 miles"},
    ),
    Command(
        name="customer_called",
        payload=CustomerCalled,
        roles=frozenset({Role.CUSTOMER_SERVICE}),
        stages=RUNNING,
        help="Count a customer's call and learn what to tell them (PO-32, PO-35).",
        example={"about": "Asks when somebody comes"},
    ),
    Command(
        name="approve",
        payload=Approve,
        roles=frozenset({Role.AUTHORIZATIONS}),
        role_rule="PO-41",
        stages=frozenset(
            {
                Stage.ACCEPTED,
                Stage.DIAGNOSIS_SUBMITTED,
                Stage.INFO_REQUESTED,
                Stage.APPROVED,
                Stage.DENIED,
            }
        ),
        stage_hint=_FIRST_ACCEPT,
        help="Approve the repair with a Job Approval note to the provider (PO-41, PO-43).",
        example={"amount": "240.00", "non_covered": "35.00"},
    ),
    Command(
        name="request_info",
        payload=RequestInfo,
        roles=frozenset({Role.AUTHORIZATIONS, Role.DECISION_DESK}),
        stages=frozenset({Stage.ACCEPTED, Stage.DIAGNOSIS_SUBMITTED, Stage.INFO_REQUESTED}),
        stage_hint=_FIRST_DIAGNOSE,
        help="Ask PlusOne for what is missing to decide (PO-26).",
        example={"what": "A photo of the compressor's plate"},
    ),
    Command(
        name="deny",
        payload=Deny,
        roles=frozenset({Role.AUTHORIZATIONS, Role.DECISION_DESK}),
        stages=frozenset(
            {Stage.ACCEPTED, Stage.DIAGNOSIS_SUBMITTED, Stage.INFO_REQUESTED, Stage.APPROVED}
        ),
        stage_hint=_FIRST_DIAGNOSE,
        help="Deny the repair; the job stays with PlusOne, Accepted, to be paid for (PO-20).",
        example={"reason": "Not covered: damage by frost"},
    ),
    Command(
        name="add_service_job",
        payload=AddServiceJob,
        roles=frozenset({Role.DISPATCH, Role.AUTHORIZATIONS, Role.PARTS_SOURCING}),
        stages=RUNNING,
        help="Add a service job to the order instead of reassigning this one (PO-09, PO-10).",
        example={"reason": "Second opinion", "account": "Procure Vendor", "event_type": "Recall"},
    ),
    Command(
        name="supply_parts",
        payload=SupplyParts,
        roles=frozenset({Role.AUTHORIZATIONS, Role.PARTS_SOURCING}),
        stages=REPAIRING,
        stage_hint=_FIRST_ACCEPT,
        help="Let Cinch supply the parts: adds a job on PlusOne Part Procurement (PO-49..PO-53).",
        guard=_not_to_plusone_in_florida,
        example={
            "company": "Tulsa Plumbing",
            "ship_to": {"line": "12 Elm St", "city": "Tulsa", "state": "OK", "zip": "74103"},
            "what": "Cartridge",
        },
    ),
    Command(
        name="update_parts",
        payload=UpdateParts,
        roles=frozenset({Role.PARTS_SOURCING}),
        stages=REPAIRING,
        stage_hint=_FIRST_ACCEPT,
        help="Note the state or ETA of the parts on the original job (PO-52).",
        example={"text": "Shipped from the warehouse", "eta": "2026-12-01"},
    ),
)

PLUS_ONE = LifecycleKind(
    name="plus-one",
    workflow_type="PlusOneSearch",
    title="PlusOne search",
    stages=tuple(stage.value for stage in Stage if stage in RUNNING),
    ends=tuple(stage.value for stage in Stage if stage in ENDS),
    commands=COMMANDS,
    starts_on=starts_on,
    begin=PlusOneStart,
    promise=promise,
)
