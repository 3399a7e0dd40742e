"""What each command of an Area Manager escalation carries; its docstring is the command's help."""

from __future__ import annotations

from pydantic import StrictBool

from domain.addresses import Mailable
from domain.commands import Payload
from domain.exceptions import ExceptionCode
from domain.values import Prose


class ReportConcern(Payload):
    """Write down a concern about the provider, who is called about it (AM-07); while one is
    followed up it counts as a call-back.
    """

    concern: Prose
    """What the customer says of the provider."""


class ProviderContacted(Payload):
    """Say what came of the call to the provider, or that a message was left (AM-07 to AM-12)."""

    reached: StrictBool
    """Whether the provider was spoken with; if not, a message was left (AM-10)."""
    outcome: Prose | None = None
    """What came of it (AM-09)."""
    resolved: StrictBool = False
    """Whether the provider settles the matter."""


class CustomerCalledBack(Payload):
    """Write a call-back down and learn whether the provider is called again (AM-13, AM-14)."""

    about: Prose | None = None


class SecondContactMade(Payload):
    """Say what came of the second call; unless it settled the matter, an Exception is opened
    for the Area Manager (AM-14 to AM-19).
    """

    reached: StrictBool
    """Whether the provider was spoken with; if not, a second voice message was left (AM-15)."""
    resolved: StrictBool
    """Whether the provider settles the matter in this call (G-13)."""
    # Without an Exception, where the call settled the matter, neither is needed.
    exception_code: ExceptionCode | None = None
    """What the Exception is about (AM-19)."""
    comment: Prose | None = None
    """The missed commitment, or the help that is needed (AM-18)."""


class RecordFeedback(Payload):
    """Open an Exception that is no complaint, without any call to the provider (G-17)."""

    exception_code: ExceptionCode
    """A code that is no complaint (G-17)."""
    comment: Prose


class AdminReviewed(Payload):
    """Review what is open and have the Area Manager mailed, again where a mail came back
    (AM-33, AM-34).
    """

    area_manager_email: Mailable | None = None
    """The Area Manager's address; without it the directory finds it by the provider's state."""
    comment: Prose | None = None


class Resolve(Payload):
    """Settle the matter: its Exceptions are Complete."""

    outcome: Prose


class RiskReported(Payload):
    """Tell of a risk to the customer or the provider: a supervisor takes over at once (AM-35)."""

    description: Prose
    """Told to the supervisor alone: the note does not repeat it (AM-35)."""
