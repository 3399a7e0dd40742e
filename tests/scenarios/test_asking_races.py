"""The edge of the 48 hours on the server, against a job system that loses answers: never both."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from time import monotonic

import pytest

from activities.job_system import NotReachedError
from domain.accounts import PLUSONE
from domain.job_system import ChangeRequest, LiveJob
from domain.jobs import JobStatus
from tests.desk import Told, ago
from tests.partner import Office, Partner, open_office

PLUSONE_ACTS = {"name": "PlusOne", "role": "plusone"}


class Careless(Partner):
    """A job system that takes its time, and loses one answer in four."""

    dice = random.Random(48)

    async def change(self, job_id: str, change: ChangeRequest, key: str) -> LiveJob:
        await asyncio.sleep(self.dice.uniform(0, 0.02))
        live = await super().change(job_id, change, key)
        await asyncio.sleep(self.dice.uniform(0, 0.02))
        if self.dice.random() < 0.25:
            raise NotReachedError("its answer got lost", may_have_happened=True)
        return live


@pytest.fixture
async def office(
    new_store: Callable[[], str],
) -> AsyncIterator[Office]:
    async with open_office(new_store(), Careless()) as opened:
        yield opened


@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-19")
@pytest.mark.rule("PO-67")
async def test_a_job_at_the_edge_is_either_accepted_there_or_gone_there(office: Office) -> None:
    dice = random.Random(17)
    turns = asyncio.Semaphore(8)
    the_end_takes = 0.3

    async def plusone_accepts(job: Told, delay: float) -> None:
        """Accept in the job system; its hook follows shortly, or never."""
        await asyncio.sleep(delay)
        live = office.live(job)
        if not (live.assigned_to.is_(PLUSONE) and live.status is JobStatus.NEW):
            return
        office.enter(job, status="Accepted")
        if dice.random() < 0.8:
            await asyncio.sleep(dice.uniform(0, 0.1))
            await job.event("job.status_changed", actor=PLUSONE_ACTS)

    async def at_once() -> str:
        nonlocal the_end_takes
        async with turns:
            job = await office.searching(assigned_at=ago("47h59m"))
            began = monotonic()
            await asyncio.gather(
                plusone_accepts(job, dice.uniform(0, the_end_takes)), job.fast_forward("1m")
            )
            the_end_takes = min(monotonic() - began, 2.0)
            await office.heard(job)
            return await verdict(office, job)

    seen = Counter(await asyncio.gather(*(at_once() for _ in range(100))))
    assert {*seen} == {"accepted", "no_provider_found"}, seen


async def verdict(office: Office, job: Told) -> str:
    """Return what a job has come to, where there and here all tells the same."""
    live, page = office.live(job), await job.page()
    gone = live.assigned_to.name == "No Provider Found"
    assert len(office.done(job)) == gone
    assert (page.assigned_to, page.status) == (live.assigned_to.name, live.status.value)
    assert page.stage == ("no_provider_found" if gone else "accepted")
    assert page.promises[0] == ("PO-17", "broken" if gone else "kept")
    assert page.assignments == ["PlusOne Solutions", *["No Provider Found"] * gone]
    mails = [template for _, template, _ in page.mails]
    assert mails.count("plusone_send_instructions") == gone
    assert page.tasks("supervisor") == []
    assert {*page.attention} <= {"overdue"}  # the server may skip on to the next deadline
    return page.stage
