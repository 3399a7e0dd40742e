"""What an agent reads, and tells a customer who asks about a job that PlusOne has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from domain.plus_one.case import NoteToRead, PlusOneCase, Stage
from domain.roles import Role
from domain.values import shortened

MOST_NOTES = 5
"""Notes that an agent gets to read with an answer; all of them are on the job's page."""
_LONGEST_NOTE = 300
"""Characters of a note that an agent gets to read with an answer."""


def add_note(case: PlusOneCase, role: Role, text: str, at: datetime) -> None:
    """Keep a note for the agent who asks next (PO-32, PO-38, G-79).

    Steward's own say nothing that the advice does not say.
    """
    if role is Role.SYSTEM:
        return
    note = NoteToRead(at=at, by=role.label, text=shortened(text, _LONGEST_NOTE))
    case.notes = (*case.notes, note)[-MOST_NOTES:]
    case.unheard += 1


def to_read(case: PlusOneCase) -> list[str]:
    """Return the newest notes, which an agent reads before anything else (PO-38)."""
    return [f"{case.spoken(note.at)}, {note.by}: {note.text}" for note in case.notes]


def advice(case: PlusOneCase) -> str:
    """Return what the agent tells a customer who calls (PO-32, PO-34, PO-35)."""
    if case.unheard and case.notes:
        newest, others = case.notes[-1], case.unheard - 1
        more = f" Also read the {_counted(others)} on the job first." if others else ""
        return (
            f'New note from {newest.by}: "{newest.text.rstrip(". ")}". Tell the customer in your '
            f"own words. Don't share costs or internal details.{more}"
        )
    if case.stage != Stage.SEARCHING:
        return (
            "PlusOne has found a provider. There are no new notes since the last call. "
            f"{_NEXT[case.stage]}"
        )
    if case.window_passed:
        return (
            "PlusOne has not found a provider in its 48 hours. Tell the customer that Dispatch is "
            "deciding how the job goes on."
        )
    if case.advised or case.expectation_passed:
        return (
            "There are no new notes. Tell the customer that we are still looking for a provider "
            "in their area."
        )
    return (
        "PlusOne is looking for a provider. Tell the customer: please allow 24 hours for the "
        "search."
    )


def _counted(notes: int) -> str:
    return "other new note" if notes == 1 else f"{notes} other new notes"


_NEXT: Mapping[str, str] = {
    Stage.ACCEPTED: "Tell the customer that the provider's diagnosis comes next.",
    Stage.DIAGNOSIS_SUBMITTED: "Tell the customer that we are reviewing the diagnosis.",
    Stage.INFO_REQUESTED: "Tell the customer that we asked the provider for more information.",
    Stage.APPROVED: "Tell the customer that the work is approved and comes next.",
    Stage.DENIED: "Ask Authorizations before you tell the customer about the decision.",
    Stage.PARTS_ORDERED: "Tell the customer that the parts are ordered and the repair comes next.",
}
