"""Mails that the mail server does not take, and those of which nobody knows."""

from __future__ import annotations

import asyncio
import itertools
from datetime import datetime, timedelta

import pytest
from temporalio.api.enums.v1 import EventType

from activities.postman import NotTakenError, UncertainError
from store.mail_queue import QueuedMail
from tests.desk import Desk, iso, now
from workflows import temporal


@pytest.mark.rule("PO-68")
async def test_a_mail_that_is_not_taken_at_first_is_sent_once_in_the_end(desk: Desk) -> None:
    job = await desk.searching()
    busy = NotTakenError("451 try again later", for_good=False)
    desk.letterbox.failures[job.id] = [busy]
    await job.ok("report_cannot_locate", "plusone")

    page = await job.ends_as("no_provider_found")
    assert [state for _, _, state in page.mails] == ["sent"]
    assert len(desk.letterbox.about(job.id)) == 1
    assert (page.attention, page.tasks("dispatch")) == ([], ["complete_claim"])


@pytest.mark.rule("PO-68")
async def test_a_mail_refused_for_good_is_handed_to_dispatch(desk: Desk) -> None:
    job = await desk.searching()
    nobody = NotTakenError("550 no such mailbox", for_good=True)
    desk.letterbox.failures[job.id] = [nobody]
    await job.ok("report_cannot_locate", "plusone")

    page = await job.ends_as("no_provider_found")
    assert [state for _, _, state in page.mails] == ["bounced"]
    assert desk.letterbox.about(job.id) == []
    assert page.attention == ["delivery_failed"]
    assert page.tasks("dispatch") == ["complete_claim", "mail_undelivered"]


@pytest.mark.rule("PO-43")
async def test_a_mail_that_may_have_arrived_is_shown_and_never_sent_again(desk: Desk) -> None:
    job = await desk.accepted()
    desk.letterbox.failures[job.id] = [UncertainError("the connection broke")]
    await job.ok("approve", "authorizations", amount="240.00")

    page = await job.page()
    assert (page.stage, page.attention) == ("approved", ["delivery_failed"])
    assert [state for _, _, state in page.mails] == ["uncertain"]
    assert page.tasks("dispatch") == ["mail_undelivered"]

    await job.fast_forward("24h")
    assert [state for _, _, state in (await job.page()).mails] == ["uncertain"]
    assert desk.letterbox.about(job.id) == []


async def test_a_mail_that_is_taken_at_once_costs_no_activity_of_its_own(desk: Desk) -> None:
    job = await desk.accepted()
    before = await job.activities()
    await job.ok("approve", "authorizations", amount="240.00")

    assert await job.activities() == [*before, "send_email"]
    assert [state for _, _, state in (await job.page()).mails] == ["sent"]


async def test_only_a_mail_that_is_not_taken_at_once_is_sent_on_its_own(desk: Desk) -> None:
    job = await desk.accepted()
    before = await job.activities()
    busy = NotTakenError("451 try again later", for_good=False)
    desk.letterbox.failures[job.id] = [busy] * 2
    answer = await job.ok("approve", "authorizations", amount="240.00")
    assert answer["stage"] == "approved"

    page = await job.page()
    assert await job.activities() == [*before, "send_email", "send_email_again"]
    assert [state for _, _, state in page.mails] == ["sent"]
    assert (page.attention, page.tasks("dispatch")) == ([], [])


async def test_a_mail_server_that_is_broken_neither_holds_a_story_up_nor_fails_it(
    desk: Desk,
) -> None:
    """Whatever is wrong with it, even what no mail server does, the mail is only uncertain."""
    job = await desk.accepted()
    desk.letterbox.failures[job.id] = [RuntimeError("nothing a postman ever says")]
    answer = await job.ok("approve", "authorizations", amount="240.00")

    assert answer["stage"] == "approved"
    page = await job.page()
    assert [state for _, _, state in page.mails] == ["uncertain"]
    assert page.tasks("dispatch") == ["mail_undelivered"]
    assert desk.letterbox.about(job.id) == []


async def test_a_mail_server_that_never_takes_a_mail_is_given_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(temporal, "_MAIL_PATIENCE", timedelta(seconds=0.5))
    job = await desk.accepted()
    busy = NotTakenError("451 try again later", for_good=False)
    desk.letterbox.failures[job.id] = [busy] * 100
    await job.ok("approve", "authorizations", amount="240.00")

    await desk.eventually(job, lambda shown: shown["emails"][0]["state"] == "bounced")
    page = await job.page()
    assert (page.stage, page.attention) == ("approved", ["delivery_failed"])
    assert page.tasks("dispatch") == ["mail_undelivered"]
    assert desk.letterbox.about(job.id) == []


async def test_a_repair_does_not_wait_for_its_mail(desk: Desk) -> None:
    job = await desk.accepted()
    busy = NotTakenError("451 try again later", for_good=False)
    desk.letterbox.failures[job.id] = [busy]
    await job.ok("approve", "authorizations", amount="240.00")
    answer = await job.ok("deny", "authorizations", reason="Withdrawn")

    assert answer["stage"] == "denied"
    page = await job.page()
    assert [state for _, _, state in page.mails] == ["sent", "sent"]
    assert (page.stage, page.attention) == ("denied", [])


@pytest.mark.rule("PO-30")
@pytest.mark.rule("PO-68")
async def test_a_job_that_comes_back_need_not_wait_for_the_mail_of_its_first_search(
    desk: Desk,
) -> None:
    job = await desk.searching()
    busy = NotTakenError("451 try again later", for_good=False)
    desk.letterbox.failures[job.id] = [busy] * 99
    await job.ok("report_cannot_locate", "plusone")
    job.fields["assigned_at"] = iso(now())
    await job.assigned()

    shown = await desk.eventually(job, lambda shown: len(shown["notes"]) == 3)
    assert [mail["state"] for mail in shown["emails"]] == ["queued"]
    desk.letterbox.failures[job.id].clear()
    page = await job.page()
    assert (page.stage, page.promises[-1]) == ("searching", ("PO-17", None))
    assert [state for _, _, state in page.mails] == ["sent"]
    assert len(desk.letterbox.about(job.id)) == 1


async def test_a_mail_refused_just_as_its_job_comes_back_is_sent_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await desk.searching()
    attempts, is_let_go = itertools.count(1), asyncio.Event()

    async def bring(mail: QueuedMail, at: datetime) -> None:
        attempt = next(attempts)
        if attempt == 2:
            await is_let_go.wait()
        if attempt <= 2:
            raise NotTakenError("451 try again later", for_good=False)
        desk.letterbox.mails.append(mail)

    monkeypatch.setattr(desk.letterbox, "bring", bring)
    await job.ok("report_cannot_locate", "plusone")
    history = job.handle.fetch_history_events(wait_new_event=True)
    job.fields["assigned_at"] = iso(now())
    await job.assigned()
    async for event in history:
        if event.event_type is EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED:
            break
    is_let_go.set()

    await desk.eventually(job, lambda shown: shown["emails"][0]["state"] == "sent")
    page = await job.page()
    assert (page.stage, page.tasks("dispatch"), page.attention) == ("searching", [], [])
    assert len(desk.letterbox.about(job.id)) == 1


@pytest.mark.parametrize("email", [None, "none@none.com", "918-555-0101"])
async def test_a_customer_whom_no_mail_reaches_is_shown_like_a_mail_that_bounced(
    desk: Desk, email: str | None
) -> None:
    customer = {"name": "Ada Byron", "email": email, "phone": None, "zip": "74101", "state": "OK"}
    here = desk.under("[notes]\npublic_email_to_customer = true")
    job = await here.accepted(customer=customer)
    await job.ok("approve", "authorizations", amount="240.00")

    page = await job.page()
    assert [state for _, _, state in page.mails] == ["sent", "bounced"]
    assert len(desk.letterbox.about(job.id)) == 1
    assert page.attention == ["delivery_failed"]
    assert page.tasks("dispatch") == ["mail_undelivered"]
