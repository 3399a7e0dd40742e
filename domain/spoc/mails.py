"""The e-mails of a follow-up: when each is worth sending, and who calls if it did not arrive."""

from __future__ import annotations

from collections.abc import Mapping

from domain.effects import MailFate, OpenTask
from domain.roles import Role
from domain.spoc.case import Stage
from domain.spoc.tasks import Task

_IN_WORDS: Mapping[str, str] = {
    "report_reminder": "the overdue report",
    "spoc_assistance": "the help we need",
    "spoc_reminder": "the help we still need",
    "spoc_follow_up": "the news on this job",
}
"""What each e-mail is about, as a task says it."""

_WITH_A_POINT_IN: Mapping[str, frozenset[Stage]] = {
    "report_reminder": frozenset({Stage.REPORT_OVERDUE}),
    "spoc_assistance": frozenset({Stage.SPOC_CONTACTED}),
    "spoc_reminder": frozenset({Stage.SPOC_CONTACTED}),
}


def with_a_point_in(template: str) -> frozenset[Stage]:
    """Return the stages in which a mail that has not left is still to be sent."""
    return _WITH_A_POINT_IN.get(template, frozenset(Stage))


def undelivered(template: str, fate: MailFate) -> OpenTask:
    """Return the task to call somebody after an e-mail came back."""
    who = "provider" if template == "report_reminder" else "SPoC specialist"
    about = _IN_WORDS.get(template, "this job")
    return OpenTask(
        role=Role.LEADERSHIP_DESK,
        task=Task.REACH_OTHERWISE.value,
        text=f"Call the {who}. Our e-mail about {about} {fate.reached} them.",
    )
