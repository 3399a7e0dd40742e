"""The edge of the 48 hours: a job is accepted, or it goes to No Provider Found, and never both."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Iterable
from time import monotonic
from typing import TypeVar

import pytest

from tests.desk import Desk, Page, Told, acting, ago


def verdict(page: Page) -> str:
    """Return what a job has come to, if everything that stands on its page says the same."""
    told: tuple[object, ...] = (
        page.stage,
        page.assigned_to,
        page.status,
        page.promises[0],
        page.assignments,
        # The server may skip on to the next deadline, at which PlusOne is reminded.
        [template for _, template, _ in page.mails if template != "plusone_reminder"],
        page.tasks("supervisor"),
    )
    accepted: tuple[object, ...] = (
        "accepted",
        "PlusOne Solutions",
        "Accepted",
        ("PO-17", "kept"),
        ["PlusOne Solutions"],
        [],
        [],
    )
    gone = (
        "no_provider_found",
        "No Provider Found",
        "New",
        ("PO-17", "broken"),
        ["PlusOne Solutions", "No Provider Found"],
        ["plusone_send_instructions"],
        ["accepted_too_late"],
    )
    assert told in (accepted, gone)
    return page.stage


@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-19")
@pytest.mark.rule("PO-67")
async def test_a_job_at_the_edge_is_either_accepted_or_gone(desk: Desk) -> None:
    dice = random.Random(48)
    turns = asyncio.Semaphore(8)
    the_end_takes = 0.1

    async def at_the_edge() -> Told:
        return await desk.searching(assigned_at=ago("47h59m"))

    async def the_window_ends(job: Told) -> None:
        nonlocal the_end_takes
        began = monotonic()
        await job.fast_forward("1m")
        the_end_takes = monotonic() - began

    async def too_late() -> str:
        async with turns:
            job = await at_the_edge()
            await the_window_ends(job)
            await job.outcome()
            await job.accepted()
            return verdict(await job.page())

    async def in_time() -> str:
        async with turns:
            job = await at_the_edge()
            await job.accepted()
            await the_window_ends(job)
            return verdict(await job.page())

    async def at_the_same_time() -> str:
        async with turns:
            job = await at_the_edge()
            delay = dice.uniform(0, the_end_takes)
            await asyncio.gather(after(delay, job.accepted()), the_window_ends(job))
            return verdict(await job.page())

    assert await all_of(too_late() for _ in range(10)) == ["no_provider_found"] * 10
    assert await all_of(in_time() for _ in range(10)) == ["accepted"] * 10
    await all_of(at_the_same_time() for _ in range(80))


@pytest.mark.rule("PO-18")
@pytest.mark.rule("PO-19")
async def test_an_acceptance_and_a_reassignment_at_once_exclude_each_other(desk: Desk) -> None:
    dice = random.Random(18)

    async def contested() -> None:
        job = await desk.searching()
        await job.becomes("Rejected", actor=acting("plusone"))
        await job.page()
        wish = job.do("request_reassignment", "dispatch", to="Tulsa Plumbing", reason="rejected")
        _, reply = await asyncio.gather(after(dice.uniform(0, 0.05), job.accepted()), wish)

        page = await job.page()
        if reply.status_code == 200:
            assert (page.stage, page.assigned_to) == ("released", "Tulsa Plumbing")
            assert page.status == "New"
        else:
            assert (reply.status_code, reply.json()["rule"]) == (409, "PO-19")
            assert (page.stage, page.assigned_to) == ("accepted", "PlusOne Solutions")
            assert page.assignments == ["PlusOne Solutions"]

    await asyncio.gather(*(contested() for _ in range(12)))


T = TypeVar("T")


async def after(delay: float, doing: Awaitable[T]) -> T:
    await asyncio.sleep(delay)
    return await doing


async def all_of(doings: Iterable[Awaitable[T]]) -> list[T]:
    return await asyncio.gather(*doings)
