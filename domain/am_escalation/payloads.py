"""What each command of an Area Manager escalation carries; its docstring is the command's help."""

from __future__ import annotations

from pydantic import StrictBool

from domain.addresses import Mailable
from domain.commands import Payload
from domain.exceptions import ExceptionCode
from domain.jobs import Assignee
from domain.roles import Actor
from domain.values import Prose


class ReportConcern(Payload):
    """Report a customer's concern: Customer Service calls the provider (AM-07). While a concern is
    followed up, another one counts as a callback.
    """

    concern: Prose
    """What the customer says of the provider."""


class ProviderContacted(Payload):
    """Log the first call to the provider: what came of it, or that a message was left (AM-07 to
    AM-12).
    """

    reached: StrictBool
    """Whether you spoke with the provider; if not, you left a message (AM-10)."""
    outcome: Prose | None = None
    """What the provider said or agreed to; required if you reached them (AM-09)."""
    resolved: StrictBool = False
    """Whether the call settled the concern."""


class CustomerCalledBack(Payload):
    """Log the customer's call; the answer says whether a second call is due (AM-13, AM-14)."""

    about: Prose | None = None
    """What the customer said."""


class SecondContactMade(Payload):
    """Log the second call to the provider. Unless it settled the concern, this opens an Exception
    for the Area Manager (AM-14 to AM-19).
    """

    reached: StrictBool
    """Whether you spoke with the provider; if not, you left a voice message (AM-15)."""
    resolved: StrictBool
    """Whether this call settled the concern (G-13)."""
    # Without an Exception, where the call settled the concern, neither is needed.
    exception_code: ExceptionCode | None = None
    """What the Exception is about (AM-19)."""
    comment: Prose | None = None
    """The commitment that was missed, or the help that is needed (AM-18)."""


class RecordFeedback(Payload):
    """Record feedback as an Exception, without a call to the provider (G-17)."""

    exception_code: ExceptionCode
    """A feedback code, not a complaint (G-17)."""
    comment: Prose
    """What the Area Manager should know."""


class TakeOver(Payload):
    """Open and follow the Exception with which Leadership engages the Area Manager (SPOC-07)."""

    exception_code: ExceptionCode
    comment: Prose
    """What the Leadership Desk wrote."""
    asked_by: Actor
    """Who engaged the Area Manager."""
    provider: Assignee
    """The provider that the Exception is about."""


class AdminReviewed(Payload):
    """Review the open Exceptions and e-mail them to the Area Manager; again if an e-mail came back
    (AM-33, AM-34).
    """

    area_manager_email: Mailable | None = None
    """The Area Manager's address; leave it out to use the directory's, by the provider's state."""
    comment: Prose | None = None
    """What the Area Manager should know beyond the Exceptions."""


class Resolve(Payload):
    """Resolve the concern: its Exceptions become Complete."""

    outcome: Prose
    """How it was settled."""


class RiskReported(Payload):
    """Report a risk to the customer or the provider: a supervisor takes over at once (AM-35)."""

    description: Prose
    """What happened; only the supervisor's task shows it (AM-35)."""
