"""What is asked of whom when a mail comes back after its lifecycle's end."""

from __future__ import annotations

import pytest

from domain.effects import MailFate
from domain.jobs import JobStatus
from tests.domain.factories import a_job
from workflows.registry import LIFECYCLES


def asked_after(
    lifecycle: str, end: str, template: str, status: JobStatus = JobStatus.ACCEPTED
) -> tuple[str, str] | None:
    """Return the role and the kind of the task."""
    kind, job = LIFECYCLES[lifecycle], a_job(status=status)
    asked = kind.asked_after_end(template, MailFate.BOUNCED, end, job)
    return None if asked is None else (asked.role.value, asked.task)


@pytest.mark.rule("PO-68")
@pytest.mark.rule("CONF-34")
@pytest.mark.rule("G-73")
@pytest.mark.parametrize(
    ("lifecycle", "end", "template", "asked"),
    [
        (
            "plus-one",
            "no_provider_found",
            "plusone_send_instructions",
            ("dispatch", "mail_undelivered"),
        ),
        (
            "apo",
            "paid_by_check",
            "apo_payment_by_check",
            ("support_services", "reach_otherwise"),
        ),
        (
            "reassignment",
            "provider_will_call",
            "provider_information",
            ("customer_service", "tell_customer"),
        ),
    ],
)
def test_somebody_does_what_the_mail_could_not_as_while_the_lifecycle_ran(
    lifecycle: str, end: str, template: str, asked: tuple[str, str]
) -> None:
    assert asked_after(lifecycle, end, template) == asked
    assert asked_after(lifecycle, end, template, JobStatus.CANCELLED) is None


@pytest.mark.parametrize(
    ("lifecycle", "end", "template"),
    [
        ("plus-one", "released", "public_note"),
        ("plus-one", "completed", "plusone_reminder"),
        ("apo", "refused", "apo_instructions"),
        ("apo", "paid", "apo_offer"),
        ("am-escalation", "resolved", "am_escalation"),
        ("spoc", "area_manager_engaged", "spoc_follow_up"),
        ("reassignment", "superseded", "provider_information"),
    ],
)
def test_nobody_does_what_the_end_has_settled(lifecycle: str, end: str, template: str) -> None:
    assert asked_after(lifecycle, end, template) is None


@pytest.mark.rule("PO-68")
@pytest.mark.parametrize(
    ("template", "doing"),
    [
        (
            "plusone_send_instructions",
            "ask it to e-mail the customer its No Provider Found instructions",
        ),
        ("plusone_reminder", "ask it to inform the customer about their provider"),
        ("public_note", "pass on our note on this job"),
    ],
)
def test_the_task_about_a_mail_to_plusone_says_whom_to_call_and_what_to_say(
    template: str, doing: str
) -> None:
    asked = LIFECYCLES["plus-one"].undelivered(template, MailFate.BOUNCED)
    assert asked.text == f"Call PlusOne and {doing}. Our e-mail did not reach it."
