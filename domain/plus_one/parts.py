"""What is written and asked for when Cinch supplies something for a job that PlusOne has."""

from __future__ import annotations

from collections.abc import Mapping

from domain.accounts import PLUSONE_PARTS
from domain.plus_one.payloads import SupplyParts
from domain.values import LONGEST_QUOTE, shortened

_KINDS: Mapping[str, str] = {
    "parts": "Parts",
    "replacement_equipment": "Replacement equipment",
    "claim_credit": "Claim credit buyout",
}


def note(supplied: SupplyParts) -> str:
    """Return the comment on the original job: what is supplied, and where it goes (PO-50)."""
    return f"{_KINDS[supplied.kind]} from Cinch: {supplied.what}. {_whereto(supplied)}"


def comment(supplied: SupplyParts) -> str:
    """Return the comment on the procurement job: the real company and its shop (PO-50, PO-53)."""
    return f"{_KINDS[supplied.kind]}. {_whereto(supplied)}"


def claim_task(supplied: SupplyParts) -> str:
    """Return what Parts Sourcing does on the procurement job (PO-14, PO-56)."""
    what = shortened(supplied.what, LONGEST_QUOTE)
    if supplied.kind == "claim_credit":
        return f"Create the claim for the buyout on the {PLUSONE_PARTS.name} job (PO-14): {what}"
    return (
        f"Create the claim on the {PLUSONE_PARTS.name} job and approve equipment liability there "
        f"(PO-56): {what}"
    )


def address_task(supplied: SupplyParts) -> str:
    """Return what a supervisor corrects in Oracle (PO-55)."""
    return (
        f"Set the shipping address in Oracle to {supplied.company}, {supplied.ship_to} (PO-55). "
        "Nothing may ship to PlusOne's own address (PO-54)."
    )


def _whereto(supplied: SupplyParts) -> str:
    company = f"Company: {supplied.company}."
    if supplied.ship_to is not None:
        return f"{company} Ship to: {supplied.ship_to}."
    return f"{company} Pickup at: {supplied.pickup_at}." if supplied.pickup_at else company
