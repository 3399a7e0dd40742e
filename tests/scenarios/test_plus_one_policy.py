"""What a policy file changes in a search, and for which jobs."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from tests.desk import Desk, Page, Told, acting, ago

DISPATCH_DECIDES = '[plus_one]\non_window_end = "dispatch_task"'
NO_EARLY_RELEASE = "[plus_one]\nrelease_on_cannot_locate = false"


async def left_to_dispatch(desk: Desk) -> Told:
    """Return a job that PlusOne did not accept in time, where dispatch is to decide."""
    here = desk.under(DISPATCH_DECIDES)
    job = await here.searching()
    await job.fast_forward("48h1m")
    await job.rests()
    job.desk = desk
    return job


# --- the window ends, and dispatch decides ----------------------------------------------------


@pytest.mark.rule("PO-17")
async def test_the_end_of_the_window_may_be_left_to_dispatch(desk: Desk) -> None:
    job = await left_to_dispatch(desk)

    page = await job.page()
    assert (page.stage, page.waiting_on, page.due_at) == ("searching", "dispatch", None)
    assert (page.assigned_to, page.mails) == ("PlusOne Solutions", [])
    assert page.tasks("dispatch") == ["decide_after_search"]
    assert page.attention == ["overdue"]
    assert page.promises == [("PO-17", "broken")]
    assert "for Dispatch to decide how the job goes on" in page.next

    await job.fast_forward("30d")
    assert (await job.page()).shown == page.shown


@pytest.mark.rule("PO-18")
async def test_then_dispatch_may_give_the_job_to_somebody_else(desk: Desk) -> None:
    job = await left_to_dispatch(desk)
    await job.ok("request_reassignment", "dispatch", to="Tulsa Plumbing", reason="48 hours over")

    page = await job.ends_as("released")
    assert (page.assigned_to, page.tasks("dispatch")) == ("Tulsa Plumbing", [])


@pytest.mark.rule("PO-67")
async def test_then_dispatch_may_send_the_job_to_no_provider_found(desk: Desk) -> None:
    job = await left_to_dispatch(desk)
    await job.ok("report_cannot_locate", "dispatch")

    page = await job.ends_as("no_provider_found")
    assert page.tasks("dispatch") == ["complete_claim"]
    assert len(page.mails) == 1


@pytest.mark.rule("PO-61")
async def test_then_plusone_may_still_accept(desk: Desk) -> None:
    job = await left_to_dispatch(desk)
    await job.accepted()

    page = await job.page()
    assert (page.stage, page.attention, page.tasks("dispatch")) == ("accepted", [], [])
    status, body = await job.refused("request_reassignment", "dispatch", to="X", reason="late")
    assert (status, body["rule"]) == (409, "PO-19")


# --- other choices ----------------------------------------------------------------------------


@pytest.mark.rule("PO-67")
async def test_cannot_locate_may_have_to_wait_for_the_end_of_the_window(desk: Desk) -> None:
    here = desk.under(NO_EARLY_RELEASE)
    job = await here.searching()
    answer = await job.ok("report_cannot_locate", "plusone", text="Nobody near")
    assert answer["stage"] == "searching"
    page = await job.page()
    assert page.note("Nobody near")["author"]["role"] == "plusone"
    assert (page.promises, page.mails) == ([("PO-17", None)], [])

    await job.fast_forward("48h")
    await job.ends_as("no_provider_found")


@pytest.mark.rule("PO-04")
async def test_a_search_that_becomes_urgent_may_be_held(desk: Desk) -> None:
    here = desk.under('[plus_one]\non_severity_raise = "hold"')
    job = await here.searching()
    job.fields["severity"] = "Emergency"
    await job.event("job.severity_changed")
    page = await job.page()
    assert (page.stage, page.assigned_to) == ("searching", "PlusOne Solutions")
    assert (page.tasks("supervisor"), page.tasks("dispatch")) == (["became_urgent"], [])

    await job.fast_forward("48h")
    await job.ends_as("no_provider_found")


async def test_the_silence_may_be_shorter(desk: Desk) -> None:
    here = desk.under('[plus_one]\nsilence_reminder = "1bd"')
    shorter = await here.accepted()
    usual = await desk.accepted()
    due_at = (await shorter.page()).due_at
    usually = (await usual.page()).due_at
    assert due_at is not None
    assert usually is not None
    assert usually - due_at >= timedelta(days=2)

    await shorter.fast_forward_to(due_at + timedelta(minutes=1))
    assert "follow_up" in (await shorter.page()).tasks("dispatch")


@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-18")
@pytest.mark.rule("PO-31")
async def test_plusone_may_get_more_time_but_the_customer_less(desk: Desk) -> None:
    policy = '[plus_one]\nsearch_window = "72h"\ncustomer_expectation = "12h"'
    here = desk.under(policy)
    job = await here.searching()
    assert (await job.page()).due_at == job.assigned_at + timedelta(hours=72)
    await job.fast_forward("12h1m")
    assert (await job.page()).tasks("dispatch") == ["search_running"]

    await job.fast_forward("37h")
    _, body = await job.refused("request_reassignment", "dispatch", to="X", reason="49 hours")
    assert body["rule"] == "PO-18"
    await job.fast_forward("23h")
    await job.ends_as("no_provider_found")


@pytest.mark.rule("PO-01")
async def test_plusone_may_serve_fewer_trades(desk: Desk) -> None:
    here = desk.under('[plus_one]\nserved_trades = ["HVAC"]')
    plumbing, hvac = here.job(), here.job(trade="HVAC")
    await plumbing.assigned()
    await hvac.assigned()

    await plumbing.ends_as("not_eligible")
    assert (await hvac.page()).stage == "searching"


@pytest.mark.rule("PO-18")
async def test_an_expired_job_may_be_free(desk: Desk) -> None:
    here = desk.under("[plus_one]\nexpired_counts_as_new = false")
    job = await here.searching()
    await job.becomes("Expired", actor=acting("system"))
    await job.page()
    await job.ok("request_reassignment", "dispatch", to="Procure Vendor", reason="expired")

    await job.ends_as("released")


@pytest.mark.rule("G-20")
async def test_notes_may_be_public_where_no_rule_says_otherwise(desk: Desk) -> None:
    here = desk.under('[notes]\ndefault_visibility = "Public"')
    job = await here.searching()

    (note,) = (await job.page()).shown["notes"]
    assert note["visibility"] == "Public"


@pytest.mark.rule("PO-43")
@pytest.mark.rule("G-19")
async def test_the_customer_may_get_a_copy_of_an_approval(desk: Desk) -> None:
    here = desk.under("[notes]\npublic_email_to_customer = true")
    job = await here.accepted()
    await job.ok("approve", "authorizations", amount="240.00")

    assert (await job.page()).mails == [
        ("dispatch@plusone.example", "public_note", "sent"),
        ("ada@example.com", "public_note_to_customer", "sent"),
    ]


@pytest.mark.rule("PO-44")
async def test_the_amount_above_which_a_customer_is_telephoned_may_differ(desk: Desk) -> None:
    here = desk.under('[plus_one]\ncall_above = "10.00"')
    job = await here.accepted()
    await job.ok("approve", "authorizations", amount="240.00", non_covered="10.01")

    task = (await job.page()).task("disclose_charges")["text"]
    assert task.startswith("Call the customer.")


# --- which jobs follow which policy -----------------------------------------------------------


def followed(page: Page) -> str:
    """Return the policy that the journal says a job follows."""
    (said,) = (what for _, what, _ in page.journal if what.startswith("follows policy"))
    return said.removeprefix("follows policy ")


async def test_a_job_keeps_the_policy_it_began_with(desk: Desk) -> None:
    before = await desk.searching()
    restarted = desk.under(DISPATCH_DECIDES)
    after = await restarted.searching()
    before.desk = restarted
    await before.note("ASSIGNMENT: still calling")
    await before.ok("customer_called", "customer_service")
    await before.fast_forward("48h")
    await after.fast_forward("48h1m")

    ended = await before.ends_as("no_provider_found")
    waiting = await after.page()
    assert waiting.tasks("dispatch") == ["decide_after_search"]
    assert followed(ended) == f"built-in ({desk.policy.fingerprint})"
    assert followed(waiting) == f"other ({restarted.policy.fingerprint})"
    assert desk.policy.fingerprint != restarted.policy.fingerprint


async def test_a_job_that_comes_back_follows_the_policy_of_its_new_search(desk: Desk) -> None:
    job = await desk.searching(assigned_at=ago("50h"))
    await job.ends_as("no_provider_found")
    restarted = desk.under(DISPATCH_DECIDES)
    job.desk = restarted
    job.fields["assigned_at"] = ago("49h")
    assert (await job.assigned())["outcome"] == "started"

    page = await job.page()
    assert (page.stage, page.attention) == ("searching", ["overdue"])
    assert datetime.fromisoformat(page.standing["since"]) > job.assigned_at
