"""What ends an option from outside, in every stage, and a job that changes under a command."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from activities.postman import NotTakenError
from tests.desk import Desk, Page, Told, account, iso, now
from tests.options import OPTION, WANTED, WAYS, instructed, invoiced, offered, refused, taken

Change = Callable[[Told], Awaitable[Any]]


def at_its_account(job: Told, page: Page) -> Told:
    """Have the job system tell of the job as it stands by now."""
    job.fields.update({name: page.shown["job"][name] for name in ("assigned_to", "assigned_at")})
    return job


async def cancelled(job: Told) -> None:
    job.fields["status"] = "Cancelled"
    await job.event("job.cancelled")


async def completed(job: Told) -> None:
    await job.becomes("Completed")


async def reassigned(job: Told) -> None:
    job.fields.update(assigned_to=account("Tulsa Cold", "4711"), assigned_at=iso(now()))
    await job.assigned()


ENDS = [(cancelled, "cancelled"), (completed, "superseded"), (reassigned, "superseded")]


# --- in every stage ---------------------------------------------------------------------------


@pytest.mark.parametrize("stage", WAYS)
@pytest.mark.parametrize(("change", "end"), ENDS, ids=lambda each: getattr(each, "__name__", each))
async def test_what_happens_to_the_job_ends_the_option(
    desk: Desk, stage: str, change: Change, end: str
) -> None:
    job = await WAYS[stage](desk)
    before = await job.page()
    await change(at_its_account(job, before))

    page = await job.ends_as(end)
    left = {task["kind"] for task in page.shown["tasks"] if task["status"] == "open"}
    assert left <= {"refund_deductible"}
    assert {each["status"] for each in page.shown["exceptions"]} <= {"Complete"}
    assert page.promises[-1][1] == ("waived" if change is cancelled else "superseded")
    assert (page.mails, page.attention) == (before.mails, [])
    assert page.status == ("New" if change is reassigned else job.fields["status"])
    where = "Tulsa Cold" if change is reassigned else before.assigned_to
    assert page.assigned_to == where


@pytest.mark.parametrize(("change", "end"), ENDS, ids=lambda each: getattr(each, "__name__", each))
async def test_an_overdue_option_ends_with_nothing_to_attend_to(
    desk: Desk, change: Change, end: str
) -> None:
    job = await offered(desk)
    await job.fast_forward("20h")
    before = await job.page()
    assert (before.attention, before.tasks("supervisor")) == (
        ["overdue"],
        ["customer_not_contacted"],
    )
    await change(job)

    page = await job.ends_as(end)
    assert page.attention == []
    assert page.tasks("dispatch") == page.tasks("supervisor") == []


async def test_what_else_the_job_system_tells_changes_nothing(desk: Desk) -> None:
    job = await taken(desk)
    before = await job.page()
    at_its_account(job, before)
    job.fields["severity"] = "Emergency"
    await job.event("job.severity_changed")
    await job.becomes("Accepted")
    await job.note("Working on it", role="provider")

    page = await job.page()
    assert page.standing == before.standing
    assert page.shown["job"]["severity"] == "Emergency"
    assert page.note("Working on it")


async def test_the_echo_of_our_own_assignment_changes_nothing(desk: Desk) -> None:
    job = await instructed(desk)
    before = await job.page()
    await job.event("job.status_changed")  # still at Procure Vendor: it has not heard of it
    at_its_account(job, before)
    job.fields["assigned_at"] = iso(now())
    await job.assigned(actor={"name": "ServiceBench", "role": "system"})

    page = await job.page()
    assert (page.standing, page.assignments) == (before.standing, before.assignments)
    assert page.assigned_to == OPTION


async def test_after_it_was_superseded_dispatch_may_offer_it_again(desk: Desk) -> None:
    job = await instructed(desk)
    await reassigned(at_its_account(job, await job.page()))
    await job.ends_as("superseded")
    answer = await job.ok("offer_apo", "dispatch", **WANTED)

    assert answer["stage"] == "contacting_customer"
    page = await job.page()
    assert (page.assigned_to, len(page.promises)) == ("Tulsa Cold", 3)


# --- in Temporal ------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", WAYS)
async def test_an_option_cancelled_in_temporal_ends_in_good_order(desk: Desk, stage: str) -> None:
    job = await WAYS[stage](desk)
    before = await job.page()
    await job.handle.cancel()

    page = await job.ends_as("cancelled")
    assert page.promises[-1][1] == "waived"
    assert (page.assigned_to, page.mails) == (before.assigned_to, before.mails)
    assert ("Steward", "cancelled in Temporal", None) in page.journal


async def test_an_option_terminated_in_temporal_is_told_of_when_it_is_next_heard_of(
    desk: Desk,
) -> None:
    job = await instructed(desk)
    await job.handle.terminate("by hand")
    answer = await job.event("customer.called", {"about": "Hello?"})
    assert answer["outcome"] == "ignored"

    page = await job.page()
    assert (page.stage, page.standing["outcome"]) == ("cancelled", "cancelled")
    assert (page.waiting_on, page.promises[-1]) == (None, ("APO-09", "superseded"))
    assert page.tasks("supervisor") == ["workflow_ended"]
    status, _ = await job.refused("customer_accepted", "customer_service")
    assert status == 404


# --- the job changes under a command ----------------------------------------------------------


async def unheard(job: Told, change: Change) -> None:
    """Change the job while its option cannot hear of it."""
    deaf = replace(job, desk=await job.desk.cut_off_from_temporal())
    await change(at_its_account(deaf, await job.page()))


COMMANDS = [
    (offered, "customer_not_reached", "dispatch", {"voicemail_left": True}),
    (offered, "customer_reached", "dispatch", {"outcome": "accepted"}),
    (offered, "customer_reached", "dispatch", {"outcome": "undecided"}),
    (instructed, "customer_refused", "customer_service", {"reason": "No"}),
    (taken, "customer_refused", "dispatch", {"reason": "No"}),
]


@pytest.mark.parametrize(("way", "command", "role", "fields"), COMMANDS)
@pytest.mark.parametrize(("change", "end"), ENDS, ids=lambda each: getattr(each, "__name__", each))
async def test_a_job_that_changed_meanwhile_is_left_alone(
    desk: Desk,
    way: Any,
    command: str,
    role: str,
    fields: dict[str, Any],
    change: Change,
    end: str,
) -> None:
    job = await way(desk)
    before = await job.page()
    await unheard(job, change)
    status, body = await job.refused(command, role, **fields)
    assert (status, body["error"]) == (409, "conflict")

    page = await job.ends_as(end)
    assert page.notes == before.notes
    assert page.mails == before.mails
    assert page.tasks("dispatch") == []
    assert "find_provider" not in [task["kind"] for task in page.shown["tasks"]]
    told = 1 if change is reassigned else 0
    assert len(page.assignments) == len(before.assignments) + told
    refusals = [what for _, what, _ in page.journal if what.startswith(f"refused {command}")]
    assert len(refusals) == 1


async def test_a_refusal_that_was_not_carried_out_is_not_counted(desk: Desk) -> None:
    """The memory of a turn that came to nothing is that of before it (G-35)."""
    here = desk.under("[apo]\nmax_refusals = 1")
    job = await instructed(here)

    async def accepted_by_mistake(job: Told) -> None:
        await job.becomes("Accepted")

    await unheard(job, accepted_by_mistake)
    status, _ = await job.refused("customer_refused", "customer_service", reason="No")
    assert status == 409
    page = await job.page()
    assert (page.stage, page.assigned_to, page.status) == ("awaiting_customer", OPTION, "Accepted")
    assert "find_provider" not in [task["kind"] for task in page.shown["tasks"]]
    assert page.attention == []

    job.fields.update({"status": "Cancelled"})
    await job.event("job.cancelled")
    await job.ends_as("cancelled")
    job.fields.update(status="New", assigned_to=account("Procure Vendor"), assigned_at=iso(now()))
    await job.assigned()
    assert (await job.ok("offer_apo", "dispatch", **WANTED))["stage"] == "contacting_customer"


async def test_once_the_change_was_heard_the_command_can_be_given_again(desk: Desk) -> None:
    job = await instructed(desk)

    async def accepted_by_mistake(job: Told) -> None:
        await job.becomes("Accepted")

    await unheard(job, accepted_by_mistake)
    await job.refused("customer_refused", "customer_service", reason="No")
    await job.ok("customer_refused", "customer_service", reason="No")

    page = await job.ends_as("refused")
    assert (page.assigned_to, page.status) == ("Procure Vendor", "New")
    assert page.task_texts("find_provider") == [page.task("find_provider")["text"]]
    assert sum("The customer refused APO" in note for note in page.notes) == 1


# --- mail that holds nothing up ---------------------------------------------------------------


async def test_an_option_that_still_sends_mail_does_not_hold_up_the_next(desk: Desk) -> None:
    job = await offered(desk)
    busy = NotTakenError("421 try later", for_good=False)
    desk.letterbox.failures[job.id] = [busy] * 3
    await job.ok("customer_not_reached", "dispatch", voicemail_left=True)
    await job.ok("customer_refused", "customer_service", reason="No")
    answer = await job.ok("offer_apo", "dispatch", **WANTED)
    assert (answer["stage"], answer["waiting_on"]) == ("contacting_customer", "dispatch")

    page = await job.page()
    assert (page.stage, page.promises[-1]) == ("contacting_customer", ("APO-02", None))
    assert [state for _, _, state in page.mails] == ["bounced"], "taken back: it was refused"
    assert desk.letterbox.about(job.id) == []
    assert page.attention == []


async def test_a_late_invoice_finds_an_option_that_still_sends_mail(desk: Desk) -> None:
    job = await invoiced(desk)
    busy = NotTakenError("421 try later", for_good=False)
    desk.letterbox.failures[job.id] = [busy] * 3
    await job.ok("documents_approved", "support_services", amount="240.00")
    await job.ok("payment_chosen", "customer", method="check")
    answer = await job.event("document.received", {"kind": "paid_invoice", "amount": None})
    assert answer["outcome"] == "started"

    await desk.eventually(job, lambda shown: len(shown["exceptions"]) == 2)
    page = await job.page()
    assert (page.stage, page.promises[-1]) == ("reviewing_documents", ("APO-26", None))
    assert [state for _, _, state in page.mails] == ["sent", "bounced"], "the offer is answered"
    assert len(desk.letterbox.about(job.id)) == 1


async def test_an_ended_option_hears_nothing_more(desk: Desk) -> None:
    job = await refused(desk)
    before = await job.page()
    assert (await job.event("customer.called", {"about": "Hello?"}))["outcome"] == "ignored"
    await job.becomes("Accepted")
    assert (await job.page()).standing == before.standing
