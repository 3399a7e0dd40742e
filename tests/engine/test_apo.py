"""The Alternate Provider Option in memory: the real story, without a server."""

from __future__ import annotations

from datetime import datetime

import pytest
from pydantic import JsonValue

from domain.accounts import ALTERNATE_PROVIDER_OPTION, PROCURE_VENDOR
from domain.apo.documents import REVIEW
from domain.editions import NEWEST
from domain.effects import MailFate, OpenTask, SendEmail
from domain.jobs import Assignee, JobStatus
from domain.lifecycles import Cause
from domain.refusals import changed_meanwhile
from domain.roles import Actor, Role
from tests.domain.apo_cases import NIGHT, NOON, a_dispatch_job, a_start
from tests.domain.factories import PROVIDER
from tests.engine.memory import Life
from workflows.apo import AlternateProviderOption

DANA = Actor(name="Dana", role=Role.DISPATCH)
KEPT, BROKEN, SUPERSEDED, WAIVED = "kept", "broken", "superseded", "waived"


def begun_by(
    command: str,
    at: datetime = NOON,
    *,
    edition: int = NEWEST,
    exhausted: bool = True,
    **start_fields: object,
) -> Life:
    """APO that Dispatch has begun with a command."""
    fields: dict[str, JsonValue] = {
        "actor": DANA.model_dump(mode="json"),
        "message_id": "msg-1",
        "reason": "Nobody within 60 miles",
        "in_network_exhausted": exhausted,
    }
    cause = Cause(kind="command", name=command, fields=fields)
    start = a_start(at, command, started_by=DANA, **start_fields)
    start = start.model_copy(update={"cause": cause})
    return Life(AlternateProviderOption, start, edition=edition).settle()


def taken(edition: int = NEWEST) -> Life:
    """APO that the customer has accepted on the phone."""
    life = begun_by("offer_apo", edition=edition)
    life.does("customer_reached", "dispatch", outcome="accepted")
    return life


def instructed(edition: int = NEWEST) -> Life:
    """APO whose instructions are with the customer."""
    life = begun_by("offer_apo", edition=edition)
    life.does("customer_not_reached", "dispatch", voicemail_left=True)
    return life


def invoiced() -> Life:
    """An option whose paid invoice is under review."""
    life = taken()
    life.does("documents_received", "customer", paid_invoice=True, amount="240.00")
    return life


def offered_payment() -> Life:
    """An option whose customer has to choose how to be paid."""
    life = invoiced()
    life.does("documents_approved", "support_services", amount="240.00")
    return life


def unproven() -> Life:
    """An option whose paid invoice is still missing."""
    life = taken()
    life.does("documents_received", "customer", paid_invoice=False)
    life.does("documents_approved", "support_services", amount="240.00")
    return life


def outcomes(life: Life) -> list[str | None]:
    """How the promises closed, in the order in which they were opened; None for an open one."""
    return [*life.store.promises.values()]


def mails(life: Life) -> list[str]:
    return [mail.template for mail in life.store.effects(SendEmail)]


def standing(life: Life) -> tuple[str, str | None, list[str], list[str]]:
    """The stage, the outcome, the open tasks and what asks for attention."""
    return life.stage, life.outcome, sorted(life.store.tasks), [*life.attention]


def test_whatever_ends_an_option_it_leaves_how_it_ended() -> None:
    paid, refused, declined = offered_payment(), instructed(), begun_by("request_apo")
    paid.does("payment_chosen", "customer", method="check")
    refused.does("customer_refused", "customer_service", reason="Waits for us")
    declined.does("decline_apo", "supervisor", reason="Search on")

    for life, outcome in ((paid, "paid"), (refused, "refused"), (declined, "declined")):
        progress = life.store.batches[-1].progress
        assert progress is not None
        assert (progress.outcome, progress.remembered["ended_as"]) == (outcome, outcome)


@pytest.mark.rule("APO-24")
@pytest.mark.rule("APO-26")
@pytest.mark.rule("APO-27")
def test_from_the_offer_to_the_payment() -> None:
    life = begun_by("offer_apo")
    assert standing(life) == ("contacting_customer", None, ["reach_customer"], [])

    life.does("customer_reached", "dispatch", outcome="accepted")
    assert life.store.job.assigned_to.is_(ALTERNATE_PROVIDER_OPTION)
    estimate = life.passes("1h").does("estimate_submitted", "customer", amount="240.00")
    assert estimate.result == {"may_repair_now": True, "limit": "500.00"}
    life.does("documents_received", "customer", paid_invoice=True, amount="240.00")
    assert life.store.exceptions == {REVIEW: "In Progress"}
    life.does("documents_approved", "support_services", amount="240.00")
    life.does("payment_chosen", "customer", method="check")

    assert standing(life) == ("paid", "paid", ["pay", "refund_deductible"], [])
    assert life.store.effects(OpenTask)[-1].text == "Pay the customer $240.00 by check."
    assert outcomes(life) == [KEPT] * 5
    assert (life.store.job.status, life.store.exceptions) == (
        JobStatus.COMPLETED,
        {REVIEW: "Complete"},
    )
    assert mails(life) == ["apo_instructions", "apo_offer"]
    assert life.activities == [
        "add_note",
        "reassign_job",
        "add_note",
        "open_exception",
        "send_email",
        "update_job",
    ]


@pytest.mark.rule("APO-28")
@pytest.mark.rule("APO-29")
@pytest.mark.rule("APO-30")
@pytest.mark.rule("APO-31")
def test_a_silent_customer_is_paid_by_check() -> None:
    life = offered_payment().passes("20d")

    assert standing(life) == ("paid_by_check", "paid_by_check", ["pay", "refund_deductible"], [])
    assert outcomes(life) == [*[KEPT] * 3, *[BROKEN] * 4]
    assert mails(life)[1:] == ["apo_offer", *["apo_offer_reminder"] * 3, "apo_payment_by_check"]
    assert life.store.effects(OpenTask)[-1].text == "Pay the customer $240.00 by check."
    assert life.store.job.status is JobStatus.COMPLETED


@pytest.mark.rule("APO-32")
@pytest.mark.rule("APO-33")
@pytest.mark.rule("APO-34")
@pytest.mark.rule("APO-35")
def test_without_a_paid_invoice_the_job_closes_without_proof() -> None:
    life = unproven().passes("20d")

    ended = "closed_without_proof"
    assert standing(life) == (ended, ended, ["refund_deductible"], [])
    assert outcomes(life)[-4:] == [BROKEN] * 4
    assert mails(life)[1:] == [
        "apo_offer_without_invoice",
        *["apo_invoice_reminder"] * 3,
        "apo_closing_without_proof",
    ]
    assert life.store.job.status is JobStatus.COMPLETED
    assert life.store.exceptions == {REVIEW: "Complete"}


def test_a_supervisor_helps_when_dispatch_does_not_call() -> None:
    life = begun_by("offer_apo").passes("4h")
    assert standing(life) == ("contacting_customer", None, ["reach_customer"], ["overdue"])

    life.passes("12h")
    assert life.store.tasks == ["reach_customer", "customer_not_contacted"]

    life.does("customer_not_reached", "dispatch", voicemail_left=True)
    assert standing(life) == ("awaiting_customer", None, ["refund_deductible"], [])
    assert outcomes(life) == [*[BROKEN] * 4, None]


def test_dispatch_calls_a_customer_whom_no_reminder_moved() -> None:
    life = instructed()
    assert life.passes("5d").attention == []

    life.passes("15d")
    waiting = ["call_customer", "refund_deductible"]
    assert standing(life) == ("awaiting_customer", None, waiting, ["overdue"])

    life.does("customer_accepted", "dispatch")
    assert standing(life) == ("awaiting_documents", None, ["refund_deductible"], [])


def test_the_decision_goes_to_dispatch_when_the_window_closes() -> None:
    life = begun_by("request_apo", NIGHT)
    assert life.passes("30h").attention == []

    life.passes("4h")
    assert standing(life) == ("awaiting_approval", None, ["decide_apo"], ["overdue"])
    assert outcomes(life) == [BROKEN, None]

    life.does("approve_apo", "dispatch")
    assert standing(life) == ("contacting_customer", None, ["reach_customer"], [])
    assert outcomes(life) == [BROKEN, KEPT, None]


def test_a_declined_option_leaves_the_job_with_procure_vendor() -> None:
    life = begun_by("request_apo", NIGHT)

    life.does("decline_apo", "supervisor", reason="A provider is free tomorrow")

    assert standing(life) == ("declined", "declined", [], [])
    assert (outcomes(life), life.activities) == ([KEPT], ["add_note", "add_note"])
    assert life.store.job.assigned_to.is_(PROCURE_VENDOR)


@pytest.mark.rule("APO-15")
@pytest.mark.rule("APO-16")
@pytest.mark.rule("APO-17")
def test_a_refused_option_sends_the_job_back_to_procure_vendor() -> None:
    life = instructed()

    life.does("customer_refused", "customer_service", reason="Wants an in-network provider")

    assert standing(life) == ("refused", "refused", ["find_provider"], [])
    assert life.store.notes[-1] == "The customer refused APO: Wants an in-network provider"
    (search,) = [task for task in life.store.effects(OpenTask) if task.task == "find_provider"]
    assert (search.role, search.text) == (
        Role.DISPATCH,
        "Find a provider: the customer refused APO (APO-16).",
    )
    assert (outcomes(life), life.activities[-1]) == ([KEPT, KEPT], "reassign_job")
    assert life.store.job.assigned_to.is_(PROCURE_VENDOR)


def test_a_cancelled_job_leaves_nothing_to_review() -> None:
    life = invoiced().passes("10d")
    assert life.attention == ["overdue"]

    life.hears("job.status_changed", status=JobStatus.CANCELLED).settle()

    assert standing(life) == ("cancelled", "cancelled", ["refund_deductible"], [])
    assert outcomes(life)[-1] == WAIVED
    assert (life.store.exceptions, life.activities[-1]) == (
        {REVIEW: "Complete"},
        "close_exception",
    )


def test_a_cancellation_in_temporal_leaves_the_review_to_a_supervisor() -> None:
    life = invoiced()

    life.is_cancelled().settle()

    still_asked = ["refund_deductible", "workflow_ended"]
    assert standing(life) == ("cancelled", "cancelled", still_asked, [])
    assert outcomes(life)[-1] == WAIVED
    assert (life.store.exceptions, life.activities[-1]) == (
        {REVIEW: "Complete"},
        "close_exception",
    )


def test_a_job_that_went_elsewhere_meanwhile_is_not_given_to_the_option() -> None:
    life = begun_by("offer_apo")
    life.store.job = a_dispatch_job(assigned_to=Assignee.of(PROVIDER))
    life.store.version += 1

    refusal = life.refuses("customer_reached", "dispatch", outcome="accepted")

    assert refusal == changed_meanwhile("The job was assigned to another account in the meantime")
    assert standing(life) == ("superseded", "superseded", [], [])
    assert (outcomes(life), mails(life)) == ([SUPERSEDED], [])
    assert life.store.job.assigned_to.is_(PROVIDER)


def test_a_long_history_goes_on_where_it_was() -> None:
    life = invoiced()
    life.history_is_long = True

    life.does("customer_called", "customer_service", about="Where is my money?")

    (_, continued) = life.starts
    assert continued.case is not None
    assert standing(life)[:2] == ("reviewing_documents", None)
    life.passes("5d").does("documents_approved", "support_services", amount="240.00")
    assert standing(life) == ("offer_sent", None, ["refund_deductible"], [])
    assert outcomes(life)[-2:] == [KEPT, None]
    assert mails(life) == ["apo_instructions", "apo_offer"]


def test_more_documents_do_not_excuse_a_review_that_is_late() -> None:
    life = invoiced().passes("6d")
    assert standing(life)[2:] == (
        ["refund_deductible", "review_documents", "review_overdue"],
        ["overdue"],
    )

    life.does("documents_received", "customer", paid_invoice=False)

    late = ["refund_deductible", "review_documents", "review_overdue"]
    assert standing(life) == ("reviewing_documents", None, late, ["overdue"])
    assert outcomes(life)[-3:] == [BROKEN, SUPERSEDED, None]
    life.does("documents_rejected", "support_services", reason="No model number")
    assert standing(life) == ("awaiting_documents", None, ["refund_deductible"], [])


def test_instructions_that_did_not_arrive_settle_no_estimate() -> None:
    life = instructed().passes("20d")
    life.hears("document.received", {"kind": "estimate"}).settle()
    asked = ["call_customer", "read_estimate", "refund_deductible"]
    assert standing(life)[2:] == (asked, ["overdue"])

    life.does("instructions_not_received", "customer_service", corrected_email="ada@example.com")

    still_asked = ["read_estimate", "refund_deductible"]
    assert standing(life) == ("awaiting_customer", None, still_asked, [])


def test_a_late_invoice_is_paid_and_the_job_left_alone() -> None:
    earlier = unproven().passes("20d")
    late = Cause(
        kind="event",
        name="document.received",
        fields={"kind": "paid_invoice", "amount": "240.00"},
    )
    so_far = {"cause": late, "episode": 2, "remembered": earlier.lifecycle.case.remembered()}
    start = a_start(NOON, late.name).model_copy(update=so_far)

    life = Life(AlternateProviderOption, start).settle()
    assert standing(life) == ("reviewing_documents", None, ["review_documents"], [])
    life.does("documents_approved", "support_services", amount="240.00")
    life.does("payment_chosen", "customer", method="check")

    assert standing(life) == ("paid", "paid", ["pay"], [])
    assert life.activities == ["open_exception", "send_email", "close_exception"]
    assert life.store.job.assigned_to.is_(PROCURE_VENDOR)


def test_a_mail_that_comes_back_has_the_customer_reached_otherwise() -> None:
    life = begun_by("offer_apo")
    life.store.fates = [MailFate.BOUNCED]

    life.does("customer_not_reached", "dispatch", voicemail_left=True)
    asked = ["reach_otherwise", "refund_deductible"]
    assert standing(life)[2:] == (asked, ["delivery_failed"])

    life.passes("6d")
    assert mails(life) == ["apo_instructions"]
    assert life.store.tasks.count("reach_otherwise") == 2
