"""What the procedure of the Area Manager escalation leaves to the company."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import (
    Field,
    StrictBool,
)

from domain.durations import Elapsed
from domain.exceptions import ExceptionCode
from domain.policy_values import Reminders, Section, known_keys, reminders
from domain.values import Line

_CODE_HELP = {
    ExceptionCode.COACH: "could do better with some coaching",
    ExceptionCode.GREAT_SVC: "a compliment",
    ExceptionCode.HI_COST: "charged too much",
    ExceptionCode.MISDIAG: "the diagnosis was wrong",
    ExceptionCode.MISSED_APPT: "told the customer, but did not come at the time agreed",
    ExceptionCode.NCNS: "no call, no show: did not come, and did not say so",
    ExceptionCode.NO_RESPONSE: "one request or message was never answered",
    ExceptionCode.NO_WORK: "came and did not do the work, or refuses it",
    ExceptionCode.PROCESS: "did not keep to our process",
    ExceptionCode.PROFILE_UPDATE: "what we have on file of the provider has to be changed",
    ExceptionCode.SP_UNRESPONSIVE: "cannot be reached at all",
    ExceptionCode.UNPROFESSIONAL: "behaved badly",
    ExceptionCode.WORKMANSHIP: "the work was done badly",
}


class AmEscalationPolicy(Section):
    """What the procedure of the Area Manager's escalation leaves open."""

    callback_after: Elapsed = timedelta(hours=24)
    """How long after the first attempt at the provider a call-back makes a second one due, this
    instant included (AM-13, G-12, G-14)."""
    quiet_close: Elapsed = timedelta(days=14)
    """After how long without a call-back the matter counts as settled."""
    exception_if_resolved: StrictBool = False
    """Whether an Exception is opened although the second contact resolved the matter (G-13)."""
    feedback_codes: Annotated[tuple[ExceptionCode, ...], Field(min_length=1)] = (
        ExceptionCode.GREAT_SVC,
        ExceptionCode.PROFILE_UPDATE,
    )
    """Codes that are no complaint, and need no call to the provider (G-17)."""
    code_help: Annotated[dict[ExceptionCode, Line], known_keys(ExceptionCode)] = _CODE_HELP
    """What each code is for, as an agent is told (G-18)."""
    contact: Reminders = reminders("1bd")
    """Customer service calls the provider (AM-07)."""
    second_contact: Reminders = reminders("1bd")
    """Customer service calls the provider again (AM-14)."""
    review: Reminders = reminders("1bd")
    """The Admin team reviews the Exception (AM-33, G-15)."""
    area_manager: Reminders = reminders("1bd")
    """The Area Manager acts (AM-34, G-15)."""
