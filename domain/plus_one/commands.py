"""What people can do to a search by PlusOne, in which roles and stages."""

from __future__ import annotations

from collections.abc import Mapping

from domain.commands import Command, CommandTable
from domain.plus_one import rules
from domain.plus_one.case import REPAIRING, PlusOneCase, Stage
from domain.plus_one.payloads import (
    AddServiceJob,
    Approve,
    ApproveReplacement,
    CustomerCalled,
    CustomerInformed,
    Deny,
    ReportCannotLocate,
    RequestInfo,
    RequestReassignment,
    SupplyParts,
    UpdateParts,
)
from domain.roles import EMPLOYEES, Role

_FIRST_ACCEPT = "Wait until PlusOne accepts the job."


def _instead_of_approving(case: PlusOneCase) -> str:
    """Return what Authorizations does where nothing can be approved."""
    return _ORDERED if case.stage == Stage.PARTS_ORDERED else _FIRST_ACCEPT


def _instead_of_deciding(case: PlusOneCase) -> str:
    """Return what is done where nothing can be asked or denied."""
    return _INSTEAD.get(case.stage, "Wait until PlusOne submits a diagnosis (PO-25).")


_ORDERED = "PlusOne already ordered the parts. Call PlusOne about the order."
_INSTEAD: Mapping[str, str] = {
    Stage.APPROVED: "The repair is already approved. Call PlusOne with your question.",
    Stage.DENIED: "The repair is already denied. To change that, approve it.",
    Stage.PARTS_ORDERED: _ORDERED,
}

DECIDABLE = REPAIRING - {Stage.PARTS_ORDERED}
"""Where a repair or a replacement may be approved."""

COMMANDS = CommandTable(
    "plus-one",
    Stage,
    Command(
        payload=RequestReassignment,
        roles=EMPLOYEES,
        guard=rules.may_leave_plusone,
        example={"to": "Procure Vendor", "reason": "Another provider is free"},
    ),
    Command(
        payload=ReportCannotLocate,
        roles=frozenset({Role.PLUSONE, Role.DISPATCH}),
        guard=rules.may_go_to_no_provider_found,
        example={"text": "Nobody within 60 miles"},
    ),
    Command(
        payload=CustomerCalled,
        roles=frozenset({Role.CUSTOMER_SERVICE}),
        example={"about": "Asks when somebody comes"},
    ),
    Command(
        payload=Approve,
        roles=frozenset({Role.AUTHORIZATIONS}),
        role_rule="PO-41",
        stages=DECIDABLE,
        stage_hint=_instead_of_approving,
        example={"amount": "240.00", "non_covered": "35.00"},
    ),
    Command(
        payload=RequestInfo,
        roles=frozenset({Role.AUTHORIZATIONS, Role.DECISION_DESK}),
        stages=frozenset({Stage.ACCEPTED, Stage.DIAGNOSIS_SUBMITTED, Stage.INFO_REQUESTED}),
        stage_hint=_instead_of_deciding,
        example={"what": "A photo of the compressor's plate"},
    ),
    Command(
        payload=Deny,
        roles=frozenset({Role.AUTHORIZATIONS, Role.DECISION_DESK}),
        stages=frozenset(
            {Stage.ACCEPTED, Stage.DIAGNOSIS_SUBMITTED, Stage.INFO_REQUESTED, Stage.APPROVED}
        ),
        stage_hint=_instead_of_deciding,
        example={"reason": "Not covered: damage by frost"},
    ),
    Command(
        payload=AddServiceJob,
        roles=frozenset({Role.DISPATCH, Role.AUTHORIZATIONS, Role.PARTS_SOURCING}),
        guard=rules.may_be_added,
        example={"reason": "Second opinion", "account": "Procure Vendor", "event_type": "Recall"},
    ),
    Command(
        payload=SupplyParts,
        roles=rules.SUPPLIERS,
        stages=REPAIRING,
        stage_hint=_FIRST_ACCEPT,
        guard=rules.not_to_plusone_in_florida,
        example={
            "company": "Tulsa Plumbing",
            "ship_to": {"line": "12 Elm St", "city": "Tulsa", "state": "OK", "zip": "74103"},
            "what": "Cartridge",
        },
    ),
    Command(
        payload=UpdateParts,
        roles=frozenset({Role.PARTS_SOURCING}),
        stages=REPAIRING,
        stage_hint=_FIRST_ACCEPT,
        example={"text": "Shipped from the warehouse", "eta": "2026-12-01"},
    ),
    # --- what PlusOne owes, and replacements
    Command(
        payload=ApproveReplacement,
        roles=frozenset({Role.AUTHORIZATIONS}),
        role_rule="PO-46",
        stages=DECIDABLE,
        stage_hint=_instead_of_approving,
        example={
            "attributes": "Frigidaire FFTR1835VS, 18 cu ft, top freezer",
            "failed_parts": "Compressor",
            "part_cost": "612.00",
        },
    ),
    Command(
        payload=CustomerInformed,
        roles=frozenset({Role.PLUSONE, Role.DISPATCH}),
        stages=REPAIRING,
        stage_hint=_FIRST_ACCEPT,
        example={"called": True, "emailed": True},
    ),
)
