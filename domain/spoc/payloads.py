"""What each command of a follow-up carries; its docstring is the command's help."""

from __future__ import annotations

from pydantic import StrictBool

from domain.commands import Payload
from domain.events import ReviewCase
from domain.exceptions import ExceptionCode
from domain.spoc.case import Reason
from domain.spoc.guide import Topic
from domain.values import Line, Prose


class AskProvider(Payload):
    """Log that you asked the provider; do this before you contact the specialist (SPOC-22)."""

    channel: Line
    """How you asked the provider: by phone, by e-mail."""
    reason: Reason | None = None
    """What you asked for. Left out: everything that is missing now (G-85)."""
    outcome: Prose | None = None


class ContactSpoc(Payload):
    """Ask the SPoC specialist for help, for one of four reasons (SPOC-21 to SPOC-34)."""

    reason: Reason
    detail: Prose
    """What exactly you need."""
    service_explanation_checked: StrictBool | None = None
    """No service report: you checked the Service Explanation and the claim (SPOC-25)."""
    about_denial: StrictBool | None = None
    """Whether you ask about a denial, which is never for the specialist (SPOC-44)."""


class RouteQuestion(Payload):
    """Find out where to take a question that isn't for the specialist (SPOC-35 to SPOC-45)."""

    topic: Topic


class InformationReceived(Payload):
    """Log the information that you were waiting for; the specialist gets an e-mail (SPOC-23)."""

    summary: Prose


class EngageAreaManager(Payload):
    """Engage the provider's Area Manager with an Exception; the specialist gets an e-mail, and the
    follow-up ends (SPOC-07, SPOC-24).
    """

    exception_code: ExceptionCode
    """What the Exception is about (AM-19)."""
    comment: Prose
    """The commitment that was missed, or the help that is needed (AM-18)."""


class ReviewNeeded(Payload):
    """Have Authorizations review the report now, as if the provider called (SPOC-15 to SPOC-19)."""

    case: ReviewCase
    """Why the report needs a review."""
    text: Prose | None = None
    """What the provider wrote about it."""


class DenialConfirmed(Payload):
    """Record that the Decision Desk confirmed a denial (SPOC-44)."""

    reason: Prose
