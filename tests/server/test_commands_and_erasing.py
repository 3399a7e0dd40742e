"""A command meets the erasure of its job, or its workflow is stopped under it."""

from __future__ import annotations

import asyncio

import pytest

from store.erasures import Erasure, Erasures
from tests.desk import Desk, now


@pytest.mark.parametrize("was_erased", [True, False])
async def test_a_command_whose_workflow_is_stopped_under_it_is_answered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, was_erased: bool
) -> None:
    job = await desk.searching()
    erasure = Erasure(job.id, now(), "Sam", "Requested") if was_erased else None
    found = iter([None, erasure])  # before the command, and after it has met the erasure

    async def of(_: Erasures, __: str) -> Erasure | None:
        return next(found)

    monkeypatch.setattr(Erasures, "of", of)
    async with desk.busy_store():
        calling = asyncio.create_task(
            job.refused("customer_called", "customer_service", about="the visit")
        )
        await job.waits_for_the_store()
        await job.handle.terminate()
        status, told = await calling
    if was_erased:
        assert (status, "was erased on" in told["message"]) == (409, True)
    else:
        assert (status, told["error"]) == (503, "unavailable")
        assert told["message"].startswith("PlusOne search was stopped before it answered.")
