"""What an agent does and says when the customer calls about APO."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.apo.case import WITH_THE_CUSTOMER, ApoCase, Stage
from domain.apo.rules import limit, mail_reaches
from domain.apo.tasks import Task
from domain.effects import MailFate, OpenTask
from domain.labels import to_do
from domain.roles import Role
from domain.texts import usd


def checklist(case: ApoCase) -> list[str]:
    """Return what the agent does on a call, step by step, for the stage of a case (APO-07..12).

    What stands after `Say:` or `Ask:` is for the customer: no rule id, nothing internal.
    """
    steps = ["Read the job and Dispatch's notes before you answer (APO-07)."]
    if case.stage in WITH_THE_CUSTOMER:
        steps.append(_what_was_sent(case))
    return steps + _STEPS[Stage(case.stage)](case)


def explanation(case: ApoCase) -> list[str]:
    """Return what Dispatch does and says when it calls the customer about APO (APO-02, APO-45)."""
    return [
        f'Say: "This is [your name] with {case.brand}, calling on a recorded line."',
        'Say: "You can choose a professional outside our network for your repair."',
        *_instructions(case),
        'Ask: "Would you like to use this option?"',
        "Nobody answers: leave a voicemail, then log it (APO-03).",
    ]


# --- the stages -------------------------------------------------------------------------------


def _while_deciding(case: ApoCase) -> list[str]:
    by_a_supervisor = case.capped or case.supervisors_at_hand
    who = "A supervisor" if by_a_supervisor else "Dispatch"
    return [
        f"{who} is deciding whether to offer APO (APO-19, APO-20).",
        "Don't offer it, and don't ask others to (APO-18, APO-23).",
        'Say: "We are deciding on the next step for your job."',
    ]


def _while_dispatch_calls(_: ApoCase) -> list[str]:
    return [
        "Dispatch explains APO to this customer. Don't offer it or ask others to (APO-18, APO-23).",
        'Say: "Our Dispatch team is trying to call you about your job."',
        "Check the customer's phone number and ask for a good time to call. Note both on the job.",
    ]


def _while_the_customer_decides(case: ApoCase) -> list[str]:
    return [
        *_instructions(case),
        *_did_they_arrive(case),
        'Ask: "Would you like to use this option?"',
        f"Yes: {_do('customer_accepted')}. This also notes it on the job (APO-17).",
        f"No: {_do('customer_refused')}. Dispatch takes over (APO-15, APO-16, APO-17).",
        (
            "Undecided: log the call with `instructions_relayed` if you went through the "
            "instructions (APO-39)."
        ),
    ]


def _while_documents_are_missing(case: ApoCase) -> list[str]:
    if case.reopened:
        return [_ask_for("what is missing from your documents", case)]
    return [
        _ask_for("your estimate or your paid invoice", case),
        *_instructions(case),
        *_did_they_arrive(case),
        (
            f"The customer has an estimate: {_do('estimate_submitted')}. The answer says whether "
            "the repair can go ahead (APO-24, APO-25)."
        ),
        _no_longer_wanted(),
    ]


def _while_the_estimate_is_reviewed(case: ApoCase) -> list[str]:
    of = f" of {usd(case.estimate)}" if case.estimate is not None else ""
    return [
        f'Say: "We are reviewing your estimate{of}. Please wait for our approval."',
        *_instructions(case),
        f"The customer has another estimate: {_do('estimate_submitted')}.",
        _no_longer_wanted(),
    ]


def _while_documents_are_reviewed(case: ApoCase) -> list[str]:
    return [
        'Say: "We have your documents and are reviewing them."',
        _ask_for("anything that you would like to add", case),
    ]


def _while_the_offer_is_open(case: ApoCase) -> list[str]:
    offered = f"We offer to pay you {usd(case.approved)}"
    return [
        f'Say: "{offered}. Would you like a check or an electronic transfer?"'
        if mail_reaches(case)
        else f'Say: "{offered} by check. Do you accept?"',
        "Tell Support Services what the customer chooses, so that they record it (APO-27).",
    ]


def _while_the_invoice_is_missing(case: ApoCase) -> list[str]:
    return [
        f'Say: "We approved {usd(case.approved)}, and can pay it once we have your paid invoice."',
        _ask_for("the paid invoice", case),
    ]


_STEPS: Mapping[Stage, Callable[[ApoCase], list[str]]] = {
    Stage.AWAITING_APPROVAL: _while_deciding,
    Stage.CONTACTING_CUSTOMER: _while_dispatch_calls,
    Stage.AWAITING_CUSTOMER: _while_the_customer_decides,
    Stage.AWAITING_DOCUMENTS: _while_documents_are_missing,
    Stage.ESTIMATE_REVIEW: _while_the_estimate_is_reviewed,
    Stage.REVIEWING_DOCUMENTS: _while_documents_are_reviewed,
    Stage.OFFER_SENT: _while_the_offer_is_open,
    Stage.AWAITING_PAID_INVOICE: _while_the_invoice_is_missing,
}


def _do(command: str) -> str:
    """Return a command as a step of the agent's: "enter the estimate (`estimate_submitted`)"."""
    return f"{to_do(command)} (`{command}`)"


def _ask_for(what: str, case: ApoCase) -> str:
    mailbox = case.policy.apo.documents_mailbox
    return f'Say: "Please e-mail {what} to {mailbox}, with your job number."'


def _no_longer_wanted() -> str:
    refused = _do("customer_refused")
    return f"The customer no longer wants APO: {refused}. Dispatch takes over (APO-15, APO-16)."


# --- the instructions -------------------------------------------------------------------------


GO_THROUGH = "Go through the Customer Instructions with the customer (APO-08)."
"""A step that a command asks about, too: `instructions_relayed`."""


def _instructions(case: ApoCase) -> list[str]:
    """Return how the agent goes through the Customer Instructions again (APO-08)."""
    ceiling, mailbox = usd(limit(case)), case.policy.apo.documents_mailbox
    return [
        GO_THROUGH,
        'Say: "Choose a licensed and insured professional to diagnose the problem."',
        'Say: "Get a written estimate with the price of each part and the labor. Take photos."',
        f'Say: "E-mail both to {mailbox} within one business day, with your job number."',
        f'Say: "If the estimate is {ceiling} or less, the repair can go ahead right away."',
        f'Say: "If it is more than {ceiling}, please wait for our approval."',
        'Say: "After the repair, send us the paid invoice. We review it and make you an offer."',
    ]


def _did_they_arrive(case: ApoCase) -> list[str]:
    """Return how the agent makes sure that the instructions arrived (APO-09..14)."""
    address = case.job.customer_mail
    verify = (
        f"Compare the e-mail address on file ({address}) with the customer's"
        if address
        else "Ask for the customer's e-mail address: there is none on file"
    )
    again = _do("instructions_not_received")
    return [
        "Ask whether the e-mail with the instructions arrived (APO-09). If it did, skip this:",
        f"– {verify}. Correct it if needed (APO-10).",
        "– Ask the customer to look in the spam and junk folders (APO-11).",
        f"– Not there: {again}, with `corrected_email` if the address was wrong (APO-12).",
        (
            "– By mail, or a Hawaii PM request: send them with `by_mail` or `hawaii_pm`. Then file "
            "the Mail Correspondence Request Form (APO-13, APO-14)."
        ),
    ]


# --- the e-mails ------------------------------------------------------------------------------

MAIL_NAMES: Mapping[str, str] = {
    "apo_instructions": "instructions",
    "apo_instructions_reminder": "reminder of the instructions",
    "apo_documents_reminder": "reminder to send documents",
    "apo_documents_incomplete": "request for missing documents",
    "apo_estimate_approved": "approval of the estimate",
    "apo_estimate_declined": "decision against the estimate",
    "apo_offer": "offer",
    "apo_offer_reminder": "reminder of the offer",
    "apo_offer_without_invoice": "offer that needs the paid invoice",
    "apo_invoice_reminder": "reminder to send the paid invoice",
    "apo_payment_by_check": "notice of payment by check",
    "apo_closing_without_proof": "notice that the job closes",
}
"""What each e-mail to the customer is called, without an article."""


def _called(template: str) -> str:
    return MAIL_NAMES.get(template, "e-mail")


_FATES: Mapping[MailFate | None, str] = {
    None: "",
    MailFate.SENT: "",
    MailFate.WAITING: "",
    MailFate.BOUNCED: " (came back)",
    MailFate.UNCERTAIN: " (may not have arrived)",
    MailFate.WITHDRAWN: " (not sent)",
}


def _what_was_sent(case: ApoCase) -> str:
    """Return which e-mails the customer was sent, where and when (APO-09)."""
    if not case.sent:
        return "No e-mails were sent to the customer yet."
    mails = "; ".join(
        f"{_called(sent.template)} to {sent.to}, {case.spoken(sent.at)}{_FATES[sent.fate]}"
        for sent in case.sent
    )
    fails = " E-mail comes back: verify the address (APO-10)." if case.mail_fails else ""
    return f"E-mails sent: {mails}.{fails}"


def next_channel(template: str, fate: MailFate) -> OpenTask:
    """Return the task to reach the customer when an e-mail comes back; it counts as sent (G-73)."""
    of_dispatch = template in ("apo_instructions", "apo_instructions_reminder")
    return OpenTask(
        role=Role.DISPATCH if of_dispatch else Role.SUPPORT_SERVICES,
        task=Task.REACH_OTHERWISE.value,
        text="Call the customer, or file a Mail Correspondence Request Form. "
        f"This e-mail {fate.reached} them: {_called(template)} (G-73).",
    )
