"""What the procedure of the Area Manager escalation leaves to the company."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import (
    Field,
    StrictBool,
)

from domain.durations import Elapsed
from domain.exceptions import ExceptionCode
from domain.policy_values import Reminders, Section, known_keys, reminders
from domain.values import Line

_CODE_HELP = {
    ExceptionCode.COACH: "needs coaching",
    ExceptionCode.GREAT_SVC: "great service",
    ExceptionCode.HI_COST: "charged too much",
    ExceptionCode.MISDIAG: "wrong diagnosis",
    ExceptionCode.MISSED_APPT: "missed the appointment, but let the customer know",
    ExceptionCode.NCNS: "no call, no show",
    ExceptionCode.NO_RESPONSE: "didn't answer a request or message",
    ExceptionCode.NO_WORK: "came but did no work, or refuses the work",
    ExceptionCode.PROCESS: "didn't follow our process",
    ExceptionCode.PROFILE_UPDATE: "our records about the provider need a change",
    ExceptionCode.SP_UNRESPONSIVE: "can't be reached at all",
    ExceptionCode.UNPROFESSIONAL: "behaved unprofessionally",
    ExceptionCode.WORKMANSHIP: "poor workmanship",
}


class AmEscalationPolicy(Section):
    """What the Area Manager procedure leaves open."""

    callback_after: Elapsed = timedelta(hours=24)
    """How long after the first attempt at the provider a call back makes a second call due (AM-13,
    G-12)."""
    callback_boundary: Literal["inclusive", "exclusive"] = "inclusive"
    """Whether a call back at the very end of that time makes the second call due (G-14)."""
    quiet_close: Elapsed = timedelta(days=14)
    """After how long without a call back the concern counts as settled."""
    exception_if_resolved: StrictBool = False
    """Whether an Exception is opened although the second call settled the concern (G-13)."""
    feedback_codes: Annotated[tuple[ExceptionCode, ...], Field(min_length=1)] = (
        ExceptionCode.GREAT_SVC,
        ExceptionCode.PROFILE_UPDATE,
    )
    """Codes for feedback, which needs no call to the provider (G-17)."""
    code_help: Annotated[dict[ExceptionCode, Line], known_keys(ExceptionCode)] = _CODE_HELP
    """What each code is for, as an agent reads it (G-18)."""
    contact: Reminders = reminders("1bd")
    """Customer service calls the provider (AM-07)."""
    second_contact: Reminders = reminders("1bd")
    """Customer service calls the provider again (AM-14)."""
    review: Reminders = reminders("1bd")
    """The Admin team reviews the Exception (AM-33, G-15)."""
    area_manager: Reminders = reminders("1bd")
    """The Area Manager acts (AM-34, G-15)."""
