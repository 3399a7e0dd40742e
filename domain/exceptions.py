"""Exceptions of a service job that are directed to its provider's Area Manager."""

from __future__ import annotations

from enum import StrEnum

from domain.refusals import Refusal, RefusalKind


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
    return Refusal(
        kind=RefusalKind.CONFLICT,
        rule="AM-17",
        message=f"An Exception {code} is open on this job already, and it has one of a code at a "
        "time (G-16).",
        instead="have that one resolved first, or choose another code that fits",
    )
