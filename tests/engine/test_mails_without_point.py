"""A mail that has lost its point does not go out, and one that came back was not sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.editions import Edition
from domain.effects import MailFate, SendEmail, WithdrawMails
from domain.jobs import JobStatus
from tests.engine import test_am_escalation as am
from tests.engine import test_plus_one as plus_one
from tests.engine import test_spoc as spoc
from tests.engine.memory import Life
from tests.engine.test_apo import (
    begun_by,
    instructed,
    mails,
    offered_payment,
    taken,
)
from workflows.apo import AlternateProviderOption

AGENT = "customer_service"


def deferred(life: Life) -> Life:
    """Have the mail server take no mail for now."""
    life.store.fates = [MailFate.WAITING] * 9
    life.mail_server = MailFate.WAITING
    return life


def withdrawn(life: Life) -> list[str]:
    """The templates of the mails that were taken back."""
    return [each for effect in life.store.effects(WithdrawMails) for each in effect.templates]


def refused(life: Life) -> None:
    life.does("customer_refused", AGENT, reason="Wants a provider of ours")


def cancelled(life: Life) -> None:
    life.hears("job.cancelled", status=JobStatus.CANCELLED).settle()


def cancelled_in_temporal(life: Life) -> None:
    life.is_cancelled().settle()


def documents(life: Life) -> None:
    life.does("documents_received", "customer", paid_invoice=True, amount="240.00")


@pytest.mark.rule("APO-15")
@pytest.mark.parametrize("ending", [refused, cancelled, cancelled_in_temporal, documents])
def test_instructions_that_wait_do_not_go_out_once_nobody_needs_them(
    ending: Callable[[Life], None],
) -> None:
    life = deferred(begun_by("offer_apo"))
    life.does("customer_not_reached", "dispatch", voicemail_left=True)
    assert [*life.engine.mails.unsent.values()] == ["apo_instructions"]

    ending(life)

    assert withdrawn(life) == ["apo_instructions"]


@pytest.mark.parametrize(
    ("begun", "wait", "template", "answer"),
    [
        (instructed, "9d", "apo_instructions_reminder", ("customer_accepted", AGENT, {})),
        (
            taken,
            "12d",
            "apo_documents_reminder",
            ("documents_received", "customer", {"paid_invoice": False}),
        ),
        (
            offered_payment,
            "9d",
            "apo_offer_reminder",
            ("payment_chosen", "customer", {"method": "check"}),
        ),
        (
            spoc.awaiting,
            spoc.TO_THE_DEADLINE,
            "report_reminder",
            ("report", "", {}),
        ),
        (
            spoc.overdue,
            "1m",
            "spoc_assistance",
            ("contact", "", {}),
        ),
    ],
    ids=["instructions", "documents", "offer", "report", "specialist"],
)
def test_a_reminder_that_waits_does_not_go_out_after_the_answer(
    begun: Callable[[], Life],
    wait: str,
    template: str,
    answer: tuple[str, str, dict[str, Any]],
) -> None:
    life = deferred(begun())
    life.passes(wait)
    name, role, fields = answer
    if name == "contact":
        life.does("ask_provider", spoc.LEADER, channel="phone")
        life.does("contact_spoc", spoc.LEADER, **spoc.ASKING)
    assert template in life.engine.mails.unsent.values()

    if name in ("report", "contact"):
        spoc.reports(life)
    else:
        life.does(name, role, **fields)

    assert template in withdrawn(life)


def test_what_the_customer_has_still_to_know_goes_out() -> None:
    life = deferred(begun_by("offer_apo"))
    life.does("customer_not_reached", "dispatch", voicemail_left=True)

    life.does("customer_accepted", AGENT)
    life.does("estimate_submitted", AGENT, amount="900.00")

    assert withdrawn(life) == []


def test_a_settled_complaint_takes_its_mails_back() -> None:
    life = deferred(am.an_exception())
    life.does("admin_reviewed", "admin_team", area_manager_email="a@example.com")
    assert "am_escalation" in life.engine.mails.unsent.values()

    life.does("resolve", "supervisor", outcome="Repaired")

    assert withdrawn(life) == ["am_escalation"]


def test_a_note_on_a_repair_does_not_go_out_to_whom_the_job_was_taken_from() -> None:
    life = deferred(plus_one.a_repair())
    life.does("approve", "authorizations", amount="240.00")
    assert "public_note" in life.engine.mails.unsent.values()

    life.hears("job.assigned", assigned_to=plus_one.SOMEBODY_ELSE).settle()

    assert "public_note" in withdrawn(life)


def test_jobs_of_older_editions_send_what_waits() -> None:
    start = begun_by("offer_apo").starts[0]
    old = Life(AlternateProviderOption, start, edition=Edition.TASKS_CLOSE_AT_EVERY_END).settle()
    life = deferred(old)
    life.does("customer_not_reached", "dispatch", voicemail_left=True)

    refused(life)

    assert withdrawn(life) == []


# --- what came back was not sent --------------------------------------------------------------


def assigned_again(life: Life, *, edition: int | None = None) -> Life:
    """The next option of a job: Dispatch has assigned it in the job system."""
    progress = life.store.progress
    assert progress is not None
    start = life.starts[-1].model_copy(
        update={
            "episode": life.starts[-1].episode + 1,
            "event_id": "assigned",
            "cause": life.starts[-1].cause.model_copy(
                update={"kind": "event", "name": "job.assigned", "fields": {}}
            ),
            "remembered": progress.remembered,
            "case": None,
        }
    )
    return Life(AlternateProviderOption, start, store=life.store, edition=edition).settle()


def refused_after(*fates: MailFate, late: MailFate | None = None) -> Life:
    """An option that was refused, and what became of its instructions."""
    life = begun_by("offer_apo")
    life.store.fates = [*fates]
    life.mail_server = late or MailFate.WAITING
    life.does("customer_not_reached", "dispatch", voicemail_left=True)
    refused(life)
    return life


@pytest.mark.rule("APO-04")
@pytest.mark.parametrize(
    ("fate", "sends"),
    [
        (MailFate.SENT, False),
        (MailFate.BOUNCED, True),
        (MailFate.UNCERTAIN, True),
    ],
)
def test_the_next_option_sends_instructions_unless_the_customer_has_them(
    fate: MailFate, *, sends: bool
) -> None:
    life = refused_after(fate)

    again = assigned_again(life)

    assert mails(again).count("apo_instructions") == 1 + sends


@pytest.mark.rule("APO-04")
def test_instructions_that_come_back_after_the_end_were_not_sent_either() -> None:
    life = begun_by("offer_apo")
    life.store.fates = [MailFate.WAITING]
    life.mail_server = MailFate.WAITING
    life.does("customer_not_reached", "dispatch", voicemail_left=True)
    refused(life)
    assert life.outcome is None, "the mail has still to find its end"
    life.mail_server = MailFate.BOUNCED
    life.settle()
    assert life.outcome == "refused"

    again = assigned_again(life)

    assert mails(again).count("apo_instructions") == 2


def test_a_next_option_of_an_older_edition_sends_none() -> None:
    life = refused_after(MailFate.BOUNCED)
    again = assigned_again(life, edition=Edition.TASKS_CLOSE_AT_EVERY_END)
    assert mails(again).count("apo_instructions") == 1


def test_the_agent_is_told_what_became_of_each_mail() -> None:
    life = begun_by("offer_apo")
    life.store.fates = [MailFate.BOUNCED]
    life.does("customer_not_reached", "dispatch", voicemail_left=True)

    answer = life.does("customer_called", AGENT)

    assert answer.result is not None
    assert "(came back)" in " ".join(answer.result["checklist"])


def test_what_is_remembered_of_mails_has_an_end() -> None:
    life = instructed()
    for _ in range(120):
        life.does("instructions_not_received", AGENT, corrected_email="ada@example.com")
    assert len(life.store.effects(SendEmail)) == 121
    assert len(life.lifecycle.case.memory.sent) == 100
