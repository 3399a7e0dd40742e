"""Clause by clause: what APO does at each, and what jobs of older editions do instead."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import JsonValue

from domain.accounts import PROCURE_VENDOR
from domain.apo.case import Stage
from domain.editions import NEWEST, Edition
from domain.effects import OpenTask, SendEmail, UpdateJob
from domain.jobs import Assignee, JobStatus
from domain.lifecycles import Cause
from domain.roles import Actor, Role
from tests.domain.apo_cases import NOON, a_dispatch_job, a_start
from tests.engine.memory import Life
from tests.engine.test_apo import DANA, begun_by, instructed, invoiced, standing, taken
from workflows.apo import AlternateProviderOption

RELAYED = "Relayed APO Instructions"
BEFORE = Edition.FACTS_BY_MEANING
CALLED = {"about": "Where is the provider?"}


def text_of(life: Life, task: str) -> str:
    """The text of the newest task of a kind."""
    return [each.text for each in life.store.effects(OpenTask) if each.task == task][-1]


def next_episode(earlier: Life, command: str, **fields: Any) -> Life:
    """The episode that follows one that has ended, begun by a command of Dispatch."""
    remembered = earlier.lifecycle.case.remembered()
    return begun_by(command, episode=2, remembered=remembered, **fields)


# --- the call of Dispatch ---------------------------------------------------------------------


@pytest.mark.rule("APO-02")
@pytest.mark.rule("APO-42")
@pytest.mark.rule("APO-45")
def test_dispatch_is_asked_to_call_and_told_how() -> None:
    life = begun_by("offer_apo")

    (call,) = life.store.effects(OpenTask)
    assert (call.role, call.task) == (Role.DISPATCH, "reach_customer")
    assert call.text == (
        "Call the customer and explain APO. Say your name, that you are with Cinch Home Services, "
        "and that the line is recorded (APO-45). No answer? Leave a voicemail (APO-03)."
    )


@pytest.mark.rule("APO-03")
def test_a_call_without_a_voicemail_leaves_the_job_where_it_is() -> None:
    life = begun_by("offer_apo")

    refusal = life.refuses("customer_not_reached", "dispatch", voicemail_left=False)

    assert refusal.rule == "APO-03"
    assert standing(life) == ("contacting_customer", None, ["reach_customer"], [])
    assert life.store.job.assigned_to.is_(PROCURE_VENDOR)


@pytest.mark.rule("APO-03")
def test_jobs_of_older_editions_go_on_without_a_voicemail() -> None:
    life = begun_by("offer_apo", edition=BEFORE)

    life.does("customer_not_reached", "dispatch", voicemail_left=False)

    assert life.stage == "awaiting_customer"
    assert life.store.notes[-1].endswith("No voicemail left.")


@pytest.mark.rule("APO-03")
@pytest.mark.rule("APO-04")
@pytest.mark.rule("APO-05")
def test_a_customer_who_is_not_reached_has_a_voicemail_an_email_and_the_job_moves() -> None:
    life = instructed()

    assert life.store.notes[-1] == "The customer didn't answer the call about APO. Voicemail left."
    assert [mail.template for mail in life.store.effects(SendEmail)] == ["apo_instructions"]
    assert life.store.job.assigned_to.name == "Alternate Provider Option"


@pytest.mark.rule("APO-41")
@pytest.mark.rule("G-82")
@pytest.mark.parametrize("command", ["offer_apo", "request_apo"])
@pytest.mark.parametrize("exhausted", [True, False])
def test_it_is_noted_where_the_network_is_not_exhausted(command: str, *, exhausted: bool) -> None:
    notes = begun_by(command, exhausted=exhausted).store.notes
    assert ("The in-network search is not exhausted (APO-41)." in notes) is not exhausted


@pytest.mark.rule("APO-22")
def test_whoever_decides_sees_who_asks_and_whether_the_network_is_exhausted() -> None:
    life = begun_by("request_apo")
    assert text_of(life, "decide_apo") == (
        "Approve or decline APO (APO-19). Requested by Dana (Dispatch): Nobody within 60 miles. "
        "The in-network search is exhausted."
    )
    left = begun_by("request_apo", exhausted=False)
    assert text_of(left, "decide_apo").endswith("The in-network search is not exhausted.")


# --- the instructions on the phone ------------------------------------------------------------


@pytest.mark.rule("APO-39")
@pytest.mark.rule("G-81")
@pytest.mark.parametrize(
    ("outcome", "said", "noted"),
    [
        ("accepted", None, True),
        ("accepted", True, True),
        ("accepted", False, False),
        ("undecided", None, False),
        ("undecided", True, True),
        ("refused", None, False),
        ("refused", True, True),
    ],
)
def test_what_dispatch_relayed_on_its_call_is_noted(
    outcome: str, *, said: bool | None, noted: bool
) -> None:
    life = begun_by("offer_apo")
    fields: dict[str, JsonValue] = {} if said is None else {"instructions_relayed": said}
    life.does("customer_reached", "dispatch", outcome=outcome, **fields)
    assert (RELAYED in life.store.notes) is noted


@pytest.mark.rule("APO-17")
@pytest.mark.rule("APO-39")
@pytest.mark.rule("G-81")
def test_what_an_agent_relayed_is_noted() -> None:
    life = instructed()
    life.does("customer_called", "customer_service")
    assert RELAYED not in life.store.notes
    life.does("customer_called", "customer_service", instructions_relayed=True)
    assert life.store.notes.count(RELAYED) == 1
    life.does("customer_accepted", "customer_service", instructions_relayed=False)
    assert life.store.notes.count(RELAYED) == 1

    unsaid = instructed()
    unsaid.does("customer_accepted", "customer_service")
    assert unsaid.store.notes[-2:] == ["The customer accepted APO.", RELAYED]


@pytest.mark.rule("APO-10")
@pytest.mark.rule("APO-12")
def test_instructions_go_out_again_to_the_corrected_address() -> None:
    life = instructed()

    life.does("instructions_not_received", "customer_service", corrected_email="ada@example.com")

    (corrected,) = life.store.effects(UpdateJob)
    assert corrected.customer_email == "ada@example.com"
    templates = [mail.template for mail in life.store.effects(SendEmail)]
    assert templates == ["apo_instructions", "apo_instructions"]


@pytest.mark.rule("APO-13")
@pytest.mark.rule("APO-14")
def test_what_goes_by_mail_takes_a_form() -> None:
    life = instructed()

    life.does("instructions_not_received", "customer_service", by_mail=True, hawaii_pm=True)

    forms = [task for task in life.store.effects(OpenTask) if task.task == "mail_correspondence"]
    assert [(form.role, form.text) for form in forms] == [
        (
            Role.CUSTOMER_SERVICE,
            "File a Mail Correspondence Request Form: send the APO instructions by mail (APO-13).",
        ),
        (
            Role.CUSTOMER_SERVICE,
            "File a Mail Correspondence Request Form: Hawaii PM request (APO-14).",
        ),
    ]


# --- the customer calls -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edition", "noted"), [(NEWEST, False), (BEFORE, True)], ids=["newest", "older"]
)
@pytest.mark.parametrize("command", ["offer_apo", "request_apo"])
def test_a_call_counts_only_once_the_customer_knows_about_it(
    command: str, edition: int, *, noted: bool
) -> None:
    life = begun_by(command, edition=edition)
    life.hears("customer.called", CALLED).settle()
    said = "The customer called: Where is the provider?"
    assert (said in life.store.notes) is noted

    known = instructed(edition)
    known.hears("customer.called", CALLED).settle()
    assert said in known.store.notes


# --- the refund -------------------------------------------------------------------------------


@pytest.mark.rule("G-45")
def test_a_refusal_withdraws_the_refund_and_a_later_acceptance_asks_again() -> None:
    refused = instructed()
    assert "refund_deductible" in refused.store.tasks
    refused.does("customer_refused", "customer_service", reason="No")
    assert standing(refused)[2] == ["find_provider"]

    again = next_episode(refused, "offer_apo")
    again.does("customer_reached", "dispatch", outcome="accepted")
    assert again.store.tasks == ["refund_deductible"]
    assert text_of(again, "refund_deductible") == (
        "Refund the customer's deductible. Reason: No SP Found (G-45). An earlier request was "
        "withdrawn: first check that it wasn't paid."
    )


@pytest.mark.rule("G-45")
def test_the_refund_is_requested_once_for_a_job() -> None:
    earlier = instructed()
    assert "refund_deductible" in earlier.store.tasks
    elsewhere = Assignee(number="4711", name="Tulsa Plumbing")
    earlier.hears("job.assigned", assigned_to=elsewhere).settle()
    assert earlier.outcome == "superseded"

    again = next_episode(earlier, "offer_apo")
    again.does("customer_reached", "dispatch", outcome="accepted")

    assert again.store.tasks == []


@pytest.mark.rule("G-45")
def test_jobs_of_older_editions_keep_the_refund_open() -> None:
    refused = instructed(BEFORE)
    refused.does("customer_refused", "customer_service", reason="No")
    assert standing(refused)[2] == ["find_provider", "refund_deductible"]


@pytest.mark.rule("G-45")
def test_a_refusal_before_the_job_moves_withdraws_nothing() -> None:
    life = begun_by("offer_apo")
    life.does("customer_reached", "dispatch", outcome="refused")
    assert life.store.notes[-1] == "The customer refused APO."
    assert not life.lifecycle.case.memory.refund_withdrawn


# --- estimates and documents ------------------------------------------------------------------


@pytest.mark.rule("G-71")
def test_a_declined_estimate_says_why_and_no_other_reason() -> None:
    life = taken()
    life.does("estimate_submitted", "customer", amount="900.00")
    life.does("estimate_declined", "support_services", reason="The labor is not itemized")
    assert life.store.notes[-1] == "Estimate declined: The labor is not itemized"
    declined = life.store.effects(SendEmail)[-1]
    assert declined.context["reason"] == "The labor is not itemized"


@pytest.mark.rule("G-71")
def test_an_approval_without_a_reason_invents_none() -> None:
    life = taken()
    life.does("estimate_submitted", "customer", amount="900.00")
    life.does("estimate_approved", "support_services")
    assert life.store.notes[-1] == "Estimate approved."
    assert life.store.effects(SendEmail)[-1].context["reason"] == ""


@pytest.mark.rule("G-71")
def test_jobs_of_older_editions_invent_no_reason_either() -> None:
    life = taken(BEFORE)
    life.does("estimate_submitted", "customer", amount="900.00")
    life.does("estimate_declined", "support_services")
    assert life.store.notes[-1] == "Estimate declined."
    assert life.store.effects(SendEmail)[-1].context["reason"] == ""


@pytest.mark.rule("G-37")
@pytest.mark.parametrize("estimate", ["480.00", "600.00"], ids=["within the limit", "approved"])
def test_the_reviewer_sees_what_an_invoice_costs_beyond_its_estimate(estimate: str) -> None:
    life = taken()
    life.does("estimate_submitted", "customer", amount=estimate)
    if life.stage == "estimate_review":
        life.does("estimate_approved", "support_services")
    life.does("estimate_submitted", "customer", amount="990.00")
    life.does("estimate_declined", "support_services", reason="Too much")
    life.does("documents_received", "customer", paid_invoice=True, amount="700.00")
    over = {"480.00": "$220.00", "600.00": "$100.00"}[estimate]
    assert text_of(life, "review_documents") == (
        f"Review a paid invoice of $700.00 (APO-26). Approved estimate: ${estimate}. Invoice: "
        f"$700.00. Review the difference of {over} (G-37)."
    )


@pytest.mark.rule("G-37")
def test_a_late_invoice_is_compared_with_the_estimate_of_before() -> None:
    earlier = taken()
    earlier.does("estimate_submitted", "customer", amount="100.00")
    earlier.does("customer_refused", "customer_service", reason="Moved out")
    life = reopened(earlier)
    assert "Review the difference of $140.00 (G-37)." in text_of(life, "review_documents")


@pytest.mark.rule("APO-26")
def test_documents_in_addition_leave_one_review() -> None:
    life = invoiced()
    life.does("documents_received", "customer", paid_invoice=False)
    assert life.store.tasks.count("review_documents") == 1
    assert text_of(life, "review_documents") == (
        "Review documents without a paid invoice (APO-26). More documents are under review: "
        "decide on all of them."
    )


@pytest.mark.rule("APO-26")
def test_jobs_of_older_editions_have_a_review_for_each_document() -> None:
    life = taken(BEFORE)
    for _ in range(2):
        life.does("documents_received", "customer", paid_invoice=False)
    assert life.store.tasks.count("review_documents") == 2


# --- after the end ----------------------------------------------------------------------------

INVOICE: dict[str, JsonValue] = {"kind": "paid_invoice", "amount": "240.00"}


def reopened(earlier: Life) -> Life:
    """The episode that a late paid invoice begins after one that has ended."""
    late = Cause(kind="event", name="document.received", fields=INVOICE)
    so_far = {
        "cause": late,
        "episode": 2,
        "remembered": earlier.lifecycle.case.remembered(),
        "job": earlier.store.job,
    }
    start = a_start(NOON, late.name).model_copy(update=so_far)
    return Life(AlternateProviderOption, start).settle()


def refused_life() -> Life:
    life = instructed()
    life.does("customer_refused", "customer_service", reason="Found somebody")
    return life


def declined_life() -> Life:
    life = begun_by("request_apo")
    life.does("decline_apo", "supervisor", actor=KIM, reason="Search on")
    return life


def cancelled_life() -> Life:
    life = instructed()
    return life.hears("job.status_changed", status=JobStatus.CANCELLED).settle()


KIM = Actor(name="Kim", role=Role.SUPERVISOR).model_dump(mode="json")


@pytest.mark.rule("APO-37")
def test_a_late_invoice_that_was_turned_down_may_be_left_at_that() -> None:
    life = reopened(declined_life())
    said = {"reason": "I never paid it"}
    life.refuses("customer_refused", "customer_service", **said)

    held = life.store.job
    life.does("documents_rejected", "support_services", reason="This isn't an invoice")
    life.does("customer_refused", "customer_service", **said)

    assert (life.outcome, life.store.job) == ("declined", held)
    assert "find_provider" not in life.store.tasks


@pytest.mark.rule("APO-36")
def test_an_invoice_that_came_before_the_end_is_still_looked_at_after_it() -> None:
    life = begun_by("request_apo")
    life.hears("document.received", {"kind": "paid_invoice", "amount": "240.00"}).settle()
    life.does("decline_apo", "dispatch", reason="A provider is free")

    assert (life.outcome, life.store.tasks) == ("declined", ["new_documents"])


@pytest.mark.rule("APO-36")
@pytest.mark.rule("APO-37")
@pytest.mark.parametrize(
    ("ended", "outcome"),
    [(refused_life, "refused"), (declined_life, "declined"), (cancelled_life, "cancelled")],
)
def test_a_paid_invoice_is_reviewed_and_paid_whatever_the_end_was(
    ended: object, outcome: str
) -> None:
    earlier = ended()  # type: ignore[operator]
    assert earlier.outcome == outcome
    held = earlier.store.job

    life = reopened(earlier)

    assert life.stage == "reviewing_documents"
    assert text_of(life, "review_documents") == "Review a paid invoice of $240.00 (APO-26)."
    life.does("documents_approved", "support_services", amount="240.00")
    life.does("payment_chosen", "customer", method="check")
    assert (life.outcome, text_of(life, "pay")) == ("paid", "Pay the customer $240.00 by check.")
    assert life.store.job == held, "the job is left as it is"


@pytest.mark.rule("APO-36")
@pytest.mark.parametrize("outcome", sorted(Stage.ends()))
def test_the_invoice_may_also_be_logged_at_the_desk(outcome: str) -> None:
    fields: dict[str, JsonValue] = {
        "actor": {"name": "Sue", "role": "support_services"},
        "message_id": "msg-2",
        "paid_invoice": True,
        "amount": "240.00",
    }
    cause = Cause(kind="command", name="documents_received", fields=fields)
    start = a_start(NOON, "offer_apo", remembered={"ended_as": outcome}, episode=2)
    life = Life(AlternateProviderOption, start.model_copy(update={"cause": cause})).settle()
    assert (life.stage, life.store.tasks) == ("reviewing_documents", ["review_documents"])


@pytest.mark.rule("APO-36")
@pytest.mark.parametrize(
    ("edition", "reopens"), [(NEWEST, True), (BEFORE, False)], ids=["newest", "older"]
)
def test_an_invoice_that_comes_with_the_end_begins_anew(edition: int, *, reopens: bool) -> None:
    life = begun_by("request_apo", edition=edition)
    life.store_is_slow = True
    life.sends("decline_apo", "supervisor", actor=KIM, reason="Search on")
    life.settle()
    life.hears("document.received", INVOICE)
    life.store_is_slow = False
    life.settle()
    started = [start.cause.name for start in life.starts]
    assert ("document.received" in started) is reopens


def test_what_was_paid_before_is_not_paid_again() -> None:
    earlier = invoiced()
    earlier.does("documents_approved", "support_services", amount="240.00")
    earlier.does("payment_chosen", "customer", method="check")
    texts = []
    for amount in ("300.00", "200.00"):
        life = reopened(earlier)
        life.does("documents_approved", "support_services", amount=amount)
        life.does("payment_chosen", "customer", method="check")
        texts.append(text_of(life, "pay"))
    assert texts == [
        (
            "Pay the customer $60.00 by check. That is the difference: $300.00 is approved, and "
            "$240.00 was already requested."
        ),
        (
            "Check the payments to the customer. $200.00 is approved, and $240.00 was already "
            "requested: nothing more is due."
        ),
    ]


def test_a_job_assigned_to_it_by_others_is_told_to_a_supervisor() -> None:
    agent = Actor(name="Al", role=Role.CUSTOMER_SERVICE)
    job = a_dispatch_job(assigned_to=Assignee(name="Alternate Provider Option"))
    life = Life(AlternateProviderOption, a_start(NOON, started_by=agent, job=job)).settle()
    assert text_of(life, "assigned_out_of_turn") == (
        "Talk to the department: Customer Service assigned this job to Alternate Provider Option. "
        "Only Dispatch decides that (APO-19)."
    )
    assert DANA.role is Role.DISPATCH
