"""The e-mails about a job that PlusOne has: when each is worth sending, and who calls otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from domain.effects import MailFate, OpenTask
from domain.lifecycles import call_the_recipient
from domain.plus_one.case import REPAIRING, Stage

_BY_PHONE: Mapping[str, str] = {
    "plusone_send_instructions": "ask it to e-mail the customer its No Provider Found instructions",
    "plusone_reminder": "ask it to inform the customer about their provider",
    "public_note": "pass on our note on this job",
}
"""What to do on the phone instead of each e-mail to PlusOne."""


def with_a_point_in(template: str) -> frozenset[str]:
    """Return the stages in which a mail that has not left is still to be sent.

    A note on the repair has none once PlusOne has the job no more, nor has what it is to instruct
    the customer of once the job is its own again.
    """
    if template == "plusone_send_instructions":
        return frozenset({Stage.NO_PROVIDER_FOUND})
    if template == "plusone_reminder":
        return REPAIRING
    return Stage.running() | {Stage.COMPLETED}


def undelivered(template: str, fate: MailFate) -> OpenTask:
    """Return the task to call PlusOne, or the customer, after an e-mail came back."""
    asked = call_the_recipient(template, fate)
    if template not in _BY_PHONE:
        return asked
    text = f"Call PlusOne and {_BY_PHONE[template]}. Our e-mail {fate.reached} it."
    return asked.model_copy(update={"text": text})
