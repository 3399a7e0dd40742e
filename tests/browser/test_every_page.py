"""Every page of the desk, on each screen: no barrier, nothing sideways, nothing from elsewhere."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert

from store import schema
from tests.browser.looking import SCREENS, Looker, Screen, barriers, too_wide_at
from tests.desk import Desk, Told, now
from tests.server.test_outbox_http import put
from tests.store.rows import execute

_OPEN_ALL = "for (const fold of document.querySelectorAll('main details')) fold.open = true"
PAGES = [
    "/console",
    "/console/tasks",
    "/console/jobs/{job_id}",
    "/console/jobs/{job_id}/readers",
    "/console/jobs/{job_id}/plus-one/request_reassignment",
    "/console/mail",
    "/console/stuck",
    "/console/procedures",
    "/console/procedures/apo",
    "/console/procedures/plus-one",
    "/console/promises",
    "/console/jobs/{job_id}/call/reassignment",
    "/console/hooks",
    "/console/outbox",
]


@pytest.mark.parametrize("screen", SCREENS, ids=lambda each: f"{each.width}-{each.scheme}")
@pytest.mark.parametrize("path", PAGES)
async def test_a_page_shuts_nobody_out(
    desk: Desk, looker: Looker, path: str, screen: Screen
) -> None:
    job = await desk.searching()
    await put(desk, job, reason="422: the job system takes no such change")
    await settled(desk, job)
    page = await looker.opens(path.format(job_id=job.id), screen)
    assert "Steward" in await page.title()
    await page.evaluate(_OPEN_ALL)
    assert await barriers(page) == []
    assert await too_wide_at(page) == []


async def settled(desk: Desk, job: Told) -> None:
    """Have a job keep a promise and break another, so that the page of promises has numbers."""
    promise = {
        "job_id": job.id,
        "workflow_id": f"plus-one/{job.id}",
        "rule": "PO-17",
        "duty": "find a provider",
        "waiting_on": "plusone",
        "opened_at": now() - timedelta(hours=3),
        "due_at": now() - timedelta(hours=2),
        "closed_at": now() - timedelta(hours=1),
    }
    for outcome in ("kept", "broken"):
        row = {**promise, "outcome": outcome, "key": f"{job.id}-{outcome}"}
        await execute(desk.database, insert(schema.promises).values(row))
