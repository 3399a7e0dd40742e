"""The menus by keyboard and on the smallest phone, and the board on paper."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.looking import Looker, Screen
from tests.desk import Desk


async def test_a_menu_closes_once_nobody_is_in_it(desk: Desk, looker: Looker) -> None:
    await desk.searching()
    page = await looker.opens("/console")
    menu, summary = page.locator("details.more"), page.locator("details.more > summary")
    await summary.focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Hooks")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(summary).to_be_focused()
    await expect(menu).not_to_have_attribute("open")

    await summary.click()
    await page.locator("#search").focus()
    await expect(menu).not_to_have_attribute("open")
    await expect(page.locator("#search")).to_be_focused()

    await summary.click()
    await page.locator("main").click(position={"x": 5, "y": 5})
    await expect(menu).not_to_have_attribute("open")


async def test_menus_stay_on_the_smallest_screen(desk: Desk, looker: Looker) -> None:
    page = await looker.opens("/console/stuck", Screen(320, 640))
    for name in ("more", "who"):
        await page.locator(f"details.{name} > summary").click()
        box = await page.locator(f"details.{name} > .sheet").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
    await page.locator("details.who > summary").click()


async def test_the_board_on_paper_has_whole_times_and_all_columns(
    desk: Desk, looker: Looker
) -> None:
    job = await desk.searching()
    page = await looker.opens(f"/console?q={job.id}", Screen(1000, 700))
    await page.emulate_media(media="print")
    await expect(page.get_by_role("heading", name="Board: All")).to_be_visible()
    await expect(page.locator("#as-of")).to_contain_text(f"ET. Search: {job.id}.")
    for column in ("is-due", "is-job", "is-stage", "is-procedure", "is-trade", "is-account"):
        await expect(page.locator(f"#lines td.{column}").first).to_be_visible()
    shown = await page.evaluate(
        """() => [...document.querySelectorAll("#lines td")].map((cell) => [
            getComputedStyle(cell).textOverflow, getComputedStyle(cell).whiteSpace])"""
    )
    assert all(each == ["clip", "normal"] for each in shown)
    told = await page.evaluate(
        """() => getComputedStyle(document.querySelector("#lines time"), "::after").content"""
    )
    assert "ET" in told


async def test_what_a_script_copies_keeps_its_focus_when_the_page_changes(
    desk: Desk, looker: Looker
) -> None:
    job = await desk.searching()
    page = await looker.opens(f"/console/jobs/{job.id}")
    copying = page.get_by_role("button", name="Copy the job number")
    await copying.focus()
    await job.note("Found somebody in Tulsa.")
    await expect(page.get_by_text("Found somebody in Tulsa.").first).to_be_visible()
    await expect(copying).to_be_focused()
