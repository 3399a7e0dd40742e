"""What an agent does when a customer calls about an option."""

from __future__ import annotations

from collections.abc import Mapping

from domain.apo.case import ApoCase, Stage
from domain.apo.rules import limit
from domain.apo.tasks import Task
from domain.apo.waits import promise
from domain.effects import MailFate, OpenTask
from domain.roles import Role
from domain.texts import usd


def checklist(case: ApoCase) -> list[str]:
    """Return what an agent does when the customer calls (APO-07..12), from the job's history."""
    steps = ["Read the job and Dispatch's notes before anything else (APO-07)."]
    if case.stage in (Stage.AWAITING_APPROVAL, Stage.CONTACTING_CUSTOMER):
        return [*steps, _NOT_OPEN]
    steps.append(_what_was_sent(case))
    if case.stage == Stage.AWAITING_CUSTOMER:
        steps += _INSTRUCTIONS
    else:
        steps.append(f"Now {promise(case).waiting_on.people} is to {promise(case).duty}.")
    if case.stage in (Stage.AWAITING_DOCUMENTS, Stage.ESTIMATE_REVIEW):
        ceiling = usd(limit(case.job, case.policy))
        steps.append(
            f"An estimate of {ceiling} or less may be repaired before the documents come "
            "(APO-24, APO-25); estimate_submitted tells which."
        )
    return steps


_NOT_OPEN = (
    "The option is not open to this customer yet: do not offer it, and do not ask others to "
    "(APO-18, APO-23). Say that Dispatch will call."
)
_INSTRUCTIONS = (
    (
        "Go through the Customer Instructions and note `Relayed APO Instructions`; "
        "customer_accepted and customer_refused write the answer down (APO-08, APO-17)."
    ),
    (
        "Ask whether the instructions arrived (APO-09). If not: compare the e-mail address on file "
        "and correct it (APO-10), have spam and junk looked through (APO-11), and send them again "
        "with instructions_not_received (APO-12)."
    ),
    (
        "By post, or for Hawaii PM: instructions_not_received with by_mail or hawaii_pm (APO-13, "
        "APO-14)."
    ),
)


_BECAME: Mapping[MailFate | None, str] = {
    None: "",
    MailFate.SENT: "",
    MailFate.WAITING: "",
    MailFate.BOUNCED: " (came back)",
    MailFate.UNCERTAIN: " (may not have arrived)",
    MailFate.WITHDRAWN: " (not sent after all)",
}


def _what_was_sent(case: ApoCase) -> str:
    if not case.sent:
        return "Nothing was mailed to the customer so far."
    mails = "; ".join(
        f"{sent.template} to {sent.to} on {sent.at:%a %d %b %Y %H:%M} UTC{_BECAME[sent.fate]}"
        for sent in case.sent
    )
    fails = " Mails come back: verify the address (APO-10)." if case.mail_fails else ""
    return f"Mailed so far: {mails}.{fails}"


def next_channel(template: str, fate: MailFate) -> OpenTask:
    """Return the task to reach the customer when a mail comes back; it counts as sent (G-73)."""
    of_dispatch = template in ("apo_instructions", "apo_instructions_reminder")
    return OpenTask(
        role=Role.DISPATCH if of_dispatch else Role.SUPPORT_SERVICES,
        task=Task.REACH_OTHERWISE.value,
        text=f"The mail {template} {fate.reached} the customer, and counts as an attempt. Call "
        "them, or file a Mail Correspondence request (G-73).",
    )
