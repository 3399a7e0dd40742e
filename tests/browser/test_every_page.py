"""Every page of the desk, on each screen: no barrier, nothing sideways, nothing from elsewhere."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert

from store import schema
from tests.browser.looking import PHONE, WIDE, Looker, barriers, is_too_wide, too_wide_at
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


@pytest.fixture(scope="module")
async def job(desk: Desk) -> Told:
    """Return a job that all pages have something to show of."""
    searching = await desk.searching()
    await put(desk, searching, reason="422: the job system takes no such change")
    await settled(desk, searching)
    return searching


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_shuts_nobody_out(job: Told, looker: Looker, path: str) -> None:
    """On a wide screen and a phone, in light colors and then in dark ones."""
    for screen in (WIDE, PHONE):
        page = await looker.opens(path.format(job_id=job.id), screen)
        assert "Steward" in await page.title()
        await page.evaluate(_OPEN_ALL)
        assert await too_wide_at(page) == [], screen
        assert await barriers(page) == [], screen
        await page.emulate_media(color_scheme="dark")
        assert await is_too_wide(page) is False, screen
        assert await barriers(page) == [], f"{screen} in the dark"
        await page.context.close()


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
