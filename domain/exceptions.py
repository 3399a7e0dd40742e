"""Exceptions of a service job that are directed to its provider's Area Manager."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from domain.refusals import Refusal, conflict


class ExceptionCode(StrEnum):
    """What an Exception for the Area Manager may be about (AM-19)."""

    COACH = "COACH"  # AM-20
    GREAT_SVC = "GREAT SVC"  # AM-21
    HI_COST = "HI COST"  # AM-22
    MISDIAG = "MISDIAG"  # AM-23
    MISSED_APPT = "MISSED APPT"  # AM-24
    NCNS = "NCNS"  # AM-25
    NO_RESPONSE = "NO RESPONSE"  # AM-26
    NO_WORK = "NO WORK"  # AM-27
    PROCESS = "PROCESS"  # AM-28
    PROFILE_UPDATE = "PROFILE UPDATE"  # AM-29
    SP_UNRESPONSIVE = "SP UNRESPONSIVE"  # AM-30
    UNPROFESSIONAL = "UNPROFESSIONAL"  # AM-31
    WORKMANSHIP = "WORKMANSHIP"  # AM-32


IN_PROGRESS = "In Progress"
"""The status of an Exception that its Area Manager was told of."""


def already_open(code: str) -> Refusal:
    """Return why no second Exception of a code is opened: a job has one open at a time (G-16)."""
    return conflict(
        "AM-17",
        f"This job already has an open {code} Exception. Only one per code can be open (G-16).",
        "Use another code that fits. Or ask the Admin team or the Area Manager to resolve the open "
        "one first.",
    )


def still_open(codes: Sequence[str]) -> str:
    """Return the sentence that names the open Exceptions of a job, empty where there are none."""
    return f"Exceptions still open: {', '.join(codes)}." if codes else ""
