"""Every page of the desk, on each screen: no barrier, nothing sideways, nothing from elsewhere."""

from __future__ import annotations

import pytest

from tests.browser.looking import SCREENS, Looker, Screen, barriers, is_too_wide
from tests.desk import Desk

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
    "/console/promises",
    "/console/hooks",
    "/console/outbox",
]


@pytest.mark.parametrize("screen", SCREENS, ids=lambda each: f"{each.width}-{each.scheme}")
@pytest.mark.parametrize("path", PAGES)
async def test_a_page_shuts_nobody_out(
    desk: Desk, looker: Looker, path: str, screen: Screen
) -> None:
    job = await desk.searching()
    page = await looker.opens(path.format(job_id=job.id), screen)
    assert "Steward" in await page.title()
    assert await barriers(page) == []
    assert not await is_too_wide(page)
