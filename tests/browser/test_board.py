"""The board in a browser: it updates by itself and disturbs nobody, and needs no mouse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from playwright.async_api import Page, expect

import starters.serving
from domain.signatures import HookSecrets
from starters.api_process import serving
from starters.app import Parts
from tests.browser.looking import PHONE, Looker
from tests.desk import SECRET, Desk, Told, ago
from tests.ports import free_port


def a_word() -> str:
    """Return a word that only one test's jobs have."""
    return f"x{uuid4().hex[:8]}"


async def searching(desk: Desk, word: str, assigned: str = "1h") -> Told:
    item = {"name": f"Faucet {word}", "category": "other"}
    return await desk.searching(item=item, assigned_at=ago(assigned))


async def lines(page: Page) -> list[str]:
    """Return the numbers of the jobs shown, in their order."""
    return await page.locator("#rows [data-row] .is-job").all_inner_texts()


async def live(page: Page) -> None:
    await expect(page.locator("#connection")).to_have_text("Live")


async def test_two_browsers_watch_one_job_change(desk: Desk, looker: Looker) -> None:
    word = a_word()
    job = await searching(desk, word)
    first = await looker.opens(f"/console?q={word}")
    second = await looker.opens(f"/console?q={word}", PHONE)
    for page in (first, second):
        await live(page)
        await page.evaluate("window.wasHere = true")
    await job.accepted()
    for page in (first, second):
        await expect(page.locator(f"#row-plus-one-{job.id}")).to_contain_text("Accepted by PlusOne")
        assert await page.evaluate("window.wasHere"), "the page was loaded anew"
    await first.route("**/console?*", lambda route: route.fulfill(status=401))
    await job.becomes("Completed")
    await expect(second.locator(f"#row-plus-one-{job.id}")).to_contain_text("Completed")
    sign = first.locator("#connection")
    await expect(sign).to_have_text("You are signed out. Sign in")
    await expect(sign.get_by_role("link")).to_have_attribute("href", first.url)


async def test_rows_stay_where_they_are_while_somebody_is_on_one(
    desk: Desk, looker: Looker
) -> None:
    word = a_word()
    later = await searching(desk, word, "2h")
    last = await searching(desk, word, "1h")
    page = await looker.opens(f"/console?q={word}&show=open")
    await live(page)
    assert await lines(page) == [later.id, last.id]
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    on_it = page.locator(f"#row-plus-one-{last.id} a")
    await expect(on_it).to_be_focused()
    urgent = await searching(desk, word, "40h")
    await later.accepted()
    pill = page.get_by_role("button", name=": show")
    # The row that changed says so where it is; what would move it waits.
    await expect(page.locator(f"#row-plus-one-{later.id}")).to_contain_text("Accepted")
    assert await lines(page) == [later.id, last.id]
    await expect(pill).to_have_text("2 changes: show")
    await expect(on_it).to_be_focused()
    await pill.click()
    await expect(page.locator("#rows [data-row]")).to_have_count(3)
    assert (await lines(page))[0] == urgent.id
    await expect(pill).to_have_count(0)


async def test_what_somebody_types_or_has_open_survives_an_update(
    desk: Desk, looker: Looker
) -> None:
    word = a_word()
    job = await searching(desk, word)
    page = await looker.opens(f"/console?q={word}", PHONE)
    await live(page)
    await page.locator("#filters summary").click()
    await page.evaluate("""() => {
        const form = document.querySelector("#filter-form");
        form.insertAdjacentHTML("beforeend", '<textarea id="typed"></textarea>');
    }""")
    await page.locator("#typed").fill("The customer is at home until")
    await job.accepted()
    await expect(page.locator(f"#row-plus-one-{job.id}")).to_contain_text("Accepted by PlusOne")
    await expect(page.locator("#typed")).to_have_value("The customer is at home until")
    await expect(page.locator("#typed")).to_be_focused()
    await expect(page.locator("#filter-form")).to_be_visible()


@asynccontextmanager
async def serving_on(desk: Desk, port: int) -> AsyncIterator[None]:
    parts = Parts(
        database=desk.database,
        client=desk.client,
        policy=desk.policy,
        secrets=HookSecrets.parse(SECRET),
    )
    async with serving(parts, "127.0.0.1", port):
        yield


async def test_a_lost_connection_is_said_and_comes_back_by_itself(
    desk: Desk, looker: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A server that waits for open pages would wait for ever.
    monkeypatch.setattr(starters.serving, "_STOP_SECONDS", None)
    looker.allowed = ("net::ERR_CONNECTION_REFUSED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING")
    word, port = a_word(), free_port()
    job = await searching(desk, word)
    async with serving_on(desk, port):
        page = await looker.opens(f"http://127.0.0.1:{port}/console?q={word}")
        await live(page)
    sign = page.locator("#connection")
    await expect(sign).to_contain_text("Not connected since")
    await expect(sign).to_contain_text("M ET. Reload")
    await job.accepted()
    async with serving_on(desk, port):
        await expect(sign).to_have_text("Live", timeout=60_000)
        await expect(page.locator(f"#row-plus-one-{job.id}")).to_contain_text("Accepted")
        await page.close()


async def test_the_board_needs_no_mouse(desk: Desk, looker: Looker) -> None:
    word = a_word()
    job = await searching(desk, word)
    page = await looker.opens("/console")
    await page.keyboard.press("/")
    await expect(page.locator("#search")).to_be_focused()
    await page.keyboard.type(f"{word}jk?")  # letters while somebody types are letters
    await expect(page.locator("#search")).to_have_value(f"{word}jk?")
    await page.locator("#search").fill(word)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/console?q={word}")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/console/jobs/{job.id}")
    await page.keyboard.press("g")
    await page.keyboard.press("b")
    await page.wait_for_url(f"**/console?q={word}")
    await page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(help_).to_be_visible()
    await page.get_by_label("Use single-key shortcuts").focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Escape")
    await expect(help_).to_be_hidden()
    await page.keyboard.press("j")
    await expect(page.locator(f"#row-plus-one-{job.id} a")).not_to_be_focused()


async def test_filters_survive_a_second_one_a_reload_and_an_opened_row(
    desk: Desk, looker: Looker
) -> None:
    word = a_word()
    job = await searching(desk, word)
    page = await looker.opens(f"/console?q={word}")
    await page.get_by_label("Procedure").select_option(label="PlusOne search")
    await page.wait_for_url(f"**/console?q={word}&procedure=plus-one")
    await page.get_by_label("Trade").select_option("Plumbing")
    narrowed = f"**/console?q={word}&procedure=plus-one&trade=Plumbing"
    await page.wait_for_url(narrowed)
    await page.reload()
    await expect(page.get_by_label("Trade")).to_have_value("Plumbing")
    await page.locator(f"#row-plus-one-{job.id} .is-stage").click()
    await page.wait_for_url(f"**/console/jobs/{job.id}")
    await page.get_by_role("link", name="Board").click()
    await page.wait_for_url(narrowed)
    await page.get_by_role("link", name="Trade: Plumbing").click()
    await page.wait_for_url(f"**/console?q={word}&procedure=plus-one")
