"""The tour, from its first step to its last, on the samples."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from starters.event_files import read_events
from tests.browser.conftest import serving
from tests.browser.looking import Looker, barriers, is_too_wide
from tests.desk import SECRET, Desk, now, open_desk, sqlite_url
from tests.ports import free_port
from workers.dev_server import DevServer, ServerOptions

SAMPLES = Path(__file__).parents[2] / "samples"
PLAYED = (
    "02-water-heater-past-a-day.json",
    "09-oven-overdue.json",
    "14-disposal-out-of-turn.json",
    "20-refrigerator-nobody-in-the-network.json",
)


@pytest.fixture
async def samples(tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk at a server of its own, with the samples that the tour needs."""
    server = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    client = await server.start()
    async with open_desk(client, sqlite_url(tmp_path)) as desk:
        for name in PLAYED:
            for event in read_events(SAMPLES / name, now()):
                headers = event.headers(SECRET, now())
                answer = await desk.http.post("/hooks/jobs", content=event.body, headers=headers)
                assert answer.status_code == 200, answer.text
        yield desk
    await server.stop()


class Learner:
    """Somebody on the tour: the tour in one tab, what it asks for in others."""

    def __init__(self, tour: Page) -> None:
        self.tour = tour

    async def presses(self, name: str) -> None:
        await self.tour.get_by_role("button", name=name, exact=True).click()

    async def opens(self) -> Page:
        """Open the page that the step is about."""
        async with self.tour.context.expect_page() as opening:
            await self.tour.locator(".step a[target=_blank]").click()
        page = await opening.value
        await page.wait_for_load_state()
        return page

    async def has_done(self, step: int) -> None:
        """See the check mark, close what was opened for it, and go on.

        A browser that nobody sees keeps the stream of every tab open, and has six for a machine.
        """
        for page in self.tour.context.pages:
            if page != self.tour:
                await page.close()
        for _ in range(100):
            await self.tour.goto(f"/console/tour?step={step}")
            if await self.tour.locator(f"#step-{step}.is-done").count():
                break
            await self.tour.wait_for_timeout(100)
        assert await self.tour.get_by_text("Done.", exact=True).count() == 1, step
        if await self.tour.get_by_role("link", name="Next step").count():
            await self.tour.get_by_role("link", name="Next step").click()


async def send(page: Page, **fields: str) -> None:
    """Fill in the form of a command, and send it."""
    for name, value in fields.items():
        field = page.locator(f'form.command [name="{name}"]').first
        if await field.get_attribute("type") in {"radio", "checkbox"}:
            await page.locator(f'form.command [name="{name}"][value="{value}"]').check()
        elif await field.evaluate("element => element.localName") == "select":
            await field.select_option(value)
        else:
            await field.fill(value)
    await page.locator("form.command button.is-primary").click()


async def test_a_new_supervisor_goes_from_the_first_step_to_the_last(
    samples: Desk, browser: Browser
) -> None:
    async with serving(samples, rehearses=True) as address:
        looker = Looker(browser, address)
        learner = Learner(await looker.opens("/console/tour"))
        await _read_and_act(learner)
        await _undo_and_settle(learner)
        assert await barriers(learner.tour) == []
        await learner.tour.set_viewport_size({"width": 390, "height": 844})
        assert not await is_too_wide(learner.tour)
        await looker.close()
        assert looker.complaints == []


async def _read_and_act(learner: Learner) -> None:
    tour = learner.tour
    assert await barriers(tour) == []
    await learner.presses("Start the tour")

    await tour.get_by_label("An overdue job").fill("SJ-2002")
    await learner.presses("Check")
    await tour.get_by_text("That job isn't overdue.").wait_for()
    assert await barriers(tour) == []
    await tour.get_by_label("An overdue job").fill("2009")
    await learner.presses("Check")
    await learner.has_done(1)

    await tour.get_by_label("Who has to act").select_option("plusone")
    await learner.presses("Check")
    await learner.has_done(2)

    await learner.presses("Act as Dispatch")
    form = await learner.opens()
    await send(form, to="City Plumbers", reason="The customer is in a hurry")
    await form.get_by_text("PO-18").first.wait_for()
    await learner.has_done(3)

    form = await learner.opens()
    await send(form, reason="Pump out the cellar")
    await form.wait_for_url("**/console/jobs/SJ-2002*")
    await learner.has_done(4)

    job = await learner.opens()
    await job.get_by_role("button", name="To its deadline").click()
    await job.get_by_text("For SJ-2002 it is now").wait_for()
    await learner.has_done(5)

    form = await learner.opens()
    await send(form, reason="Nobody within 60 miles", in_network_exhausted="yes")
    await form.wait_for_url("**/console/jobs/SJ-3001*")
    await learner.has_done(6)

    call = await learner.opens()
    await call.get_by_role("heading", name="Do and say").wait_for()
    await call.locator("summary", has_text="Accepts APO").click()
    await call.get_by_role("button", name="Accepts APO").click()
    await call.wait_for_url("**/console/jobs/SJ-3001/call/apo?said=*")
    await learner.has_done(7)


async def _undo_and_settle(learner: Learner) -> None:
    tour = learner.tour
    await learner.presses("Act as Supervisor")
    tasks = await learner.opens()
    await tasks.get_by_role("button", name=re.compile("^Done")).first.click()
    undo = tasks.get_by_role("button", name="Undo")
    await undo.click()
    await undo.wait_for(state="detached")
    await learner.has_done(8)

    stuck = await learner.opens()
    await stuck.locator("details.why summary").first.click()
    await stuck.get_by_label("Reason for dismissing it").first.fill("The customer was called")
    await stuck.get_by_role("button", name="Dismiss").first.click()
    await stuck.get_by_text("dismissed on").wait_for()
    await learner.has_done(9)

    await learner.presses("Send the practice event")
    hooks = await learner.opens()
    await hooks.get_by_role("button", name="Replay").click()
    await hooks.get_by_text("Delivered.").wait_for()
    await learner.has_done(10)
    await tour.get_by_text("You know the desk.").wait_for()
