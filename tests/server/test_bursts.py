"""Hundreds of hooks at once: each is answered, and told once, in the order of its job."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import httpx
import pytest

from service import events, traffic
from service.assembly import make_service
from service.events import Received
from store import schema
from store.database import Database
from store.inbox import Inbox, Kept, Outcome
from tests.desk import Desk, Told, iso, now
from tests.server.conftest import api
from tests.server.test_outages import nobody
from tests.store.rows import rows

BURST = 250
NOTES_OF_A_JOB = 24


def hook(job: Told, type_: str, **data: Any) -> dict[str, Any]:
    actor = {"name": "Dana", "role": "dispatch"}
    return {
        "type": type_,
        "occurred_at": iso(now()),
        "actor": actor,
        "job": job.fields,
        "data": data,
    }


def note(job: Told, text: str) -> dict[str, Any]:
    author = {"name": "Dana", "role": "dispatch"}
    return hook(job, "job.note_added", note={"author": author, "text": text})


async def answer_of(posting: Awaitable[httpx.Response]) -> Received:
    response = await posting
    assert response.status_code == 200, response.text
    return Received.model_validate(response.json())


async def until_told(database: Database, job_id: str) -> list[dict[str, Any]]:
    """Return what the inbox has of a job once all of it is told."""
    while True:
        kept = await rows(database, schema.inbox, job_id=job_id)
        if all(row["state"] != "pending" for row in kept):
            return kept
        await asyncio.sleep(0.05)


async def _listed(desk: Desk, job: Told) -> dict[str, Any]:
    """Return a job as it is shown once anybody knows of it."""
    while (response := await desk.http.get(f"/jobs/{job.id}")).status_code != 200:  # noqa: ASYNC110  no event tells of it
        await asyncio.sleep(0.05)
    shown: dict[str, Any] = response.json()
    return shown


async def heard_in_order(job: Told, webhook_ids: list[str]) -> list[str]:
    """Return which of these events the lifecycle was signalled with, in that order.

    One that Temporal was slow to take is told again, and counts once, as it does in the lifecycle.
    """
    await job.rests()  # what is told during a workflow task enters the history after it
    history = await job.handle.fetch_history()
    said = [
        payload.data
        for event in history.events
        if event.HasField("workflow_execution_signaled_event_attributes")
        for payload in event.workflow_execution_signaled_event_attributes.input.payloads
    ]
    heard = [each for data in said for each in webhook_ids if f'"{each}"'.encode() in data]
    return list(dict.fromkeys(heard))


@pytest.mark.timeout(400)
async def test_a_burst_is_answered_at_once_and_told_once_in_the_order_of_each_job(
    house: Desk,
) -> None:
    jobs = [house.job() for _ in range(BURST // (1 + NOTES_OF_A_JOB))]
    # The events of all jobs in turn, as a job system sends them that was cut off for a while.
    hooks = [(f"start-{job.id}", hook(job, "job.assigned")) for job in jobs]
    for number in range(NOTES_OF_A_JOB):
        hooks += [(f"note-{number:02}-{job.id}", note(job, f"note {number:02}")) for job in jobs]
    assert len(hooks) == BURST
    twice_id, twice = hooks[0]
    dead_id = f"dead-{jobs[0].id}"
    answers = await asyncio.gather(
        *(answer_of(house.post_event(body, webhook_id)) for webhook_id, body in hooks),
        answer_of(house.post_event(twice, twice_id)),
        answer_of(house.post_event(b"not JSON", dead_id)),
        answer_of(house.post_event(note(jobs[0], "another"), twice_id)),
    )
    *told, again, dead, reused = answers
    assert {each.outcome for each in told} <= {Outcome.STARTED, Outcome.DELIVERED}
    later = [each for each in told if (each.reason or "").startswith("saved, and delivered")]
    assert len(later) > BURST // 2
    assert again.outcome is Outcome.DUPLICATE
    assert (dead.outcome, reused.outcome) == (Outcome.DEAD_LETTER, Outcome.DEAD_LETTER)
    for job in jobs:
        kept = await until_told(house.database, job.id)
        done = [row for row in kept if row["state"] == "done"]
        assert [row["outcome"] for row in done] == ["started"] + ["delivered"] * NOTES_OF_A_JOB
        in_turn = [row["webhook_id"] for row in done]
        assert in_turn[0] == f"start-{job.id}"
        assert await heard_in_order(job, in_turn) == in_turn[1:]
        shown = await house.eventually(job, lambda shown: len(shown["notes"]) > NOTES_OF_A_JOB)
        notes = [n["text"] for n in shown["notes"] if n["text"].startswith("note ")]
        assert sorted(notes) == [f"note {number:02}" for number in range(NOTES_OF_A_JOB)]
        assert len(shown["assignments"]) == 1


async def test_while_few_wait_an_answer_says_what_became_of_the_event(house: Desk) -> None:
    few = [house.job() for _ in range(traffic.AT_ONCE)]
    answers = await asyncio.gather(
        *(answer_of(house.post_event(hook(job, "job.assigned"))) for job in few)
    )
    assert [(each.outcome, each.workflow_id, each.reason) for each in answers] == [
        (Outcome.STARTED, f"plus-one/{job.id}", None) for job in few
    ]


async def test_who_comes_when_many_wait_is_kept_and_not_told_yet(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = desk.job()
    async with api(desk) as without_redelivery:
        with monkeypatch.context() as patched:
            patched.setattr(traffic, "AT_ONCE", 0)
            answer = await answer_of(without_redelivery.post_event(hook(job, "job.assigned")))
    assert (answer.outcome, answer.workflow_id) == (Outcome.DELIVERED, None)
    assert answer.reason == "saved, and delivered automatically: many events came at once"
    assert [row["outcome"] for row in await until_told(desk.database, job.id)] == ["started"]


async def test_an_event_does_not_overtake_one_that_could_not_be_told(house: Desk) -> None:
    job = await house.searching()
    async with nobody() as client, api(house, client=client) as cut_off:
        first = await answer_of(cut_off.post_event(note(job, "first"), f"1-{job.id}"))
    assert first.reason is not None
    second = await answer_of(house.post_event(note(job, "second"), f"2-{job.id}"))
    assert (second.outcome, second.workflow_id) == (Outcome.DELIVERED, f"plus-one/{job.id}")
    # Our copy of the job does not wait for Temporal.
    assert [n["text"] for n in (await job.show())["notes"][-2:]] == ["first", "second"]
    await until_told(house.database, job.id)
    assert await heard_in_order(job, [f"2-{job.id}", f"1-{job.id}"]) == [
        f"1-{job.id}",
        f"2-{job.id}",
    ]


async def test_what_cannot_be_read_through_a_fault_of_ours_is_kept_and_told_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = desk.job()

    def faulty(*_: object) -> Any:
        raise ZeroDivisionError("a fault")

    async with api(desk) as without_redelivery:
        with monkeypatch.context() as patched:
            patched.setattr(events, "read_event", faulty)
            answer = await answer_of(without_redelivery.post_event(hook(job, "job.assigned")))
    assert answer.reason == "saved, and delivered automatically: it could not be read yet"
    shown = await _listed(desk, job)
    assert shown["lifecycles"][0]["stage"] == "searching"


async def test_redelivery_gives_way_to_hooks_but_not_for_ever(desk: Desk) -> None:
    comes_in, webhook_id = asyncio.Event(), f"left-{now().timestamp()}"

    class Stuck(Inbox):
        async def keep(self, *_: Any, **__: Any) -> Kept:
            comes_in.set()
            return await asyncio.Future()

    stuck = make_service(desk.database, desk.client, desk.policy, inbox=Stuck(desk.database))
    hanging = asyncio.create_task(stuck.events.receive("never", b"{}"))
    await comes_in.wait()
    await Inbox(desk.database).keep(webhook_id, b"not an event", now(), for_redelivery=True)
    async with stuck.background.running(redelivery=stuck.redelivery.run_once):
        while not await rows(desk.database, schema.inbox, webhook_id=webhook_id, state="dead"):  # noqa: ASYNC110  no event tells of it
            await asyncio.sleep(0.02)
    assert not hanging.done()
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
