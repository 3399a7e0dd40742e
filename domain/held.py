"""Why mails are held; `domain.contact_hours` decides when."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class HeldFor(StrEnum):
    """Why a mail is held."""

    QUIET_HOURS = "quiet_hours"
    """It is too late or too early where the customer lives."""
    DAILY_LIMIT = "daily_limit"
    """The customer gets as many mails that day as one should."""

    @property
    def because(self) -> str:
        """The reason, as the end of a sentence."""
        return _BECAUSE[self]


_BECAUSE: Final = {
    HeldFor.QUIET_HOURS: "it's outside the hours in which customers get e-mail",
    HeldFor.DAILY_LIMIT: "the customer gets enough other e-mails before then",
}
