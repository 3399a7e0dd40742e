"""The page of a job in a browser: clocks that stay true, filters, paper, and nothing that jumps."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import Page, Route, expect

from starters.company_time import countdown
from tests.browser.looking import PHONE_DARK, Looker, Screen
from tests.desk import Desk

WRONG = timedelta(minutes=10)
"""How far the browser's clock is ahead of everybody else's."""


async def _nothing(route: Route) -> None:
    await route.fulfill(body="", content_type="text/javascript")


async def left(page: Page) -> str:
    return await page.get_by_role("timer").inner_text()


def minutes(said: str) -> int:
    """Return how many minutes a countdown names."""
    found = re.fullmatch(r"(?:(\d+) h)? ?(?:(\d+) min)? left", said)
    assert found is not None, said
    return 60 * int(found[1] or 0) + int(found[2] or 0)


async def test_the_countdown_is_the_servers_though_the_browsers_clock_is_wrong(
    desk: Desk, looker: Looker
) -> None:
    job = await desk.searching()
    due = (await job.page()).due_at
    assert due is not None
    page = await looker.opens("/console")
    await page.route("**/live.js", _nothing)  # nobody tells the page the time while it stands open
    now = datetime.now(UTC)
    await page.clock.install(time=now + WRONG)  # and its zone is Los Angeles
    await page.goto(f"/console/jobs/{job.id}")
    await page.clock.pause_at(now + WRONG + timedelta(seconds=30))
    there = minutes(await left(page))
    assert abs(there - minutes(countdown(due, now))) <= 2  # not 10
    await page.clock.run_for("02:00:00")
    assert minutes(await left(page)) in {there - 120, there - 121}
    await page.clock.run_for(f"{(there - 120) // 60 + 1:02}:30:00")
    assert re.fullmatch(r"(\d+ h )?\d+ min( \d+ s)? late", await left(page))
    assert "is-late" in (await page.get_by_role("timer").get_attribute("class") or "")
    exact = page.locator("#tasks time, .lane-when time[data-relative]").first
    assert "ago · " in await exact.inner_text()


async def test_a_filter_is_one_click_and_the_address_keeps_it(desk: Desk, looker: Looker) -> None:
    job = await desk.accepted()
    await job.note("Found somebody in Tulsa.")
    page = await looker.opens(f"/console/jobs/{job.id}")
    await page.get_by_text("system events").first.click()
    await expect(page.get_by_text("Follows the built-in policy").first).to_be_visible()
    kinds = page.get_by_role("navigation", name="Kinds of entries")
    await kinds.get_by_role("link", name="Notes").click()
    await expect(page).to_have_url(re.compile(r"\?show=notes#stream$"))
    await expect(page.locator("#stream li.item:not(.is-notes)")).to_have_count(0)
    await expect(page.get_by_text("Found somebody in Tulsa.")).to_be_visible()
    await page.reload()
    await expect(kinds.get_by_role("link", name="Notes")).to_have_attribute("aria-current", "true")
    await kinds.get_by_role("link", name="Journal").click()
    await expect(page).to_have_url(re.compile(r"show=notes&show=journal"))
    await kinds.get_by_role("link", name="All").click()
    await expect(page.locator("#stream .is-assignments")).not_to_have_count(0)


_SHIFTS = """() => new Promise((resolve) => {
  let shifted = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) shifted += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(shifted), 700);
})"""


async def test_nothing_jumps_and_a_copied_number_is_said_to_be_copied(
    desk: Desk, looker: Looker
) -> None:
    job = await desk.accepted()
    for screen in (Screen(), PHONE_DARK):
        page = await looker.opens(
            f"/console/jobs/{job.id}", screen, permissions=["clipboard-read", "clipboard-write"]
        )
        assert await page.evaluate(_SHIFTS) < 0.01
        await page.get_by_role("button", name="Copy", exact=True).click()
        await expect(page.locator("#copied")).to_have_text("Copied the job number.")
        assert await page.evaluate("navigator.clipboard.readText()") == job.id


async def test_on_paper_everything_is_open_and_times_are_exact(desk: Desk, looker: Looker) -> None:
    job = await desk.accepted()
    await job.ok("approve", "authorizations", amount="240.00")
    page = await looker.opens(f"/console/jobs/{job.id}")
    await page.emulate_media(media="print")
    await expect(page.get_by_text("Follows the built-in policy").first).to_be_visible()
    await expect(page.locator(".moves li").first).to_be_visible()
    await expect(page.locator("svg .promise").first).to_be_visible()
    for hidden in (".away", ".countdown", "#do", "#engine", "nav"):
        for each in await page.locator(hidden).all():
            await expect(each).to_be_hidden()
    assert await _shades(page) > 8
    overflows: bool = await page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    assert not overflows


async def _shades(page: Page) -> int:
    """Return how many different colors a picture of the page has, as its canvas counts them."""
    taken = await page.screenshot()
    counted: Any = await page.evaluate(
        """async (bytes) => {
          const picture = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
          const canvas = new OffscreenCanvas(picture.width, picture.height);
          const context = canvas.getContext("2d");
          context.drawImage(picture, 0, 0);
          const { data } = context.getImageData(0, 0, picture.width, picture.height);
          const seen = new Set();
          for (let at = 0; at < data.length; at += 4) seen.add(data.slice(at, at + 3).join());
          return seen.size;
        }""",
        list(taken),
    )
    return int(counted)
