"""What each command of a follow-up carries; its docstring is the command's help."""

from __future__ import annotations

from domain.commands import Payload
from domain.exceptions import ExceptionCode
from domain.spoc.case import Reason
from domain.spoc.guide import Topic
from domain.values import Line, Prose


class AskProvider(Payload):
    """Log that the provider was asked, which comes before the specialist (SPOC-22)."""

    channel: Line
    """How the provider was asked: by phone, by e-mail."""
    outcome: Prose | None = None


class ContactSpoc(Payload):
    """Ask the specialist for help, for one of four reasons (SPOC-21 to SPOC-34)."""

    reason: Reason
    detail: Prose
    """What exactly is needed."""


class RouteQuestion(Payload):
    """Learn where to go with what is not the specialist's (SPOC-35 to SPOC-45)."""

    topic: Topic


class InformationReceived(Payload):
    """Say that what was asked for has come; the specialist is told (SPOC-23)."""

    summary: Prose


class EngageAreaManager(Payload):
    """Engage the provider's Area Manager with an Exception; the specialist is told, and the
    follow-up ends (SPOC-07, SPOC-24).
    """

    exception_code: ExceptionCode
    """What the Exception is about (AM-19)."""
    comment: Prose
    """The commitment that was missed, or the help that is needed (AM-18)."""
