"""What needs a hand, in a browser: a dead letter is replayed, and what was planted stays text."""

from __future__ import annotations

import pytest

from tests.browser.looking import PHONE_DARK, WIDE, Looker, Screen, barriers, too_wide_at
from tests.desk import Desk
from tests.server.test_outbox_http import put
from tests.server.test_trouble_pages import alerted, dead_letter, mail, unreadable

PLANTED = "<script>document.title = 'taken over'</script><img src=x onerror=alert(1)>"


async def test_a_dead_letter_is_replayed(desk: Desk, looker: Looker) -> None:
    job = await desk.searching()
    event = await dead_letter(desk, job, f"The customer moved. {PLANTED}")
    page = await looker.opens("/console/stuck")
    await page.locator(f'a[href="/console/hooks/{event}"]').click()
    assert await page.title() == f"Dead letter {event} · Steward"
    assert "onerror=alert(1)" in await page.locator("pre.raw").inner_text()
    assert await page.locator("pre.raw img").count() == 0
    await page.get_by_role("button", name="Replay").click()
    await page.get_by_text("Delivered.").wait_for()
    assert await page.locator(f'a[href="/console/hooks/{event}"]').count() == 0
    await desk.eventually(job, lambda shown: "moved" in shown["notes"][-1]["text"])
    await page.goto(f"/console/jobs/{job.id}")
    await page.get_by_text("The customer moved.").first.wait_for()
    assert "taken over" not in await page.title()


async def test_what_was_planted_in_a_mail_stays_text(desk: Desk, looker: Looker) -> None:
    job = await desk.searching()
    number = await mail(desk, job, text=f"Hello {PLANTED}", html=f"<p>Hello</p>{PLANTED}")
    looker.allowed = ("Blocked script execution", "Loading the image", "script-src", "img-src")
    page = await looker.opens(f"/console/mail/{number}")
    assert "onerror=alert(1)" in await page.locator("pre.letter").inner_text()
    framed = page.frame_locator("iframe.letter")
    assert await framed.locator("p").inner_text() == "Hello"
    assert "taken over" not in await page.title()
    directly = await looker.opens(f"/console/mail/{number}/html")
    assert await directly.title() == ""


@pytest.mark.parametrize("screen", [WIDE, PHONE_DARK], ids=["wide", "phone-dark"])
async def test_pages_full_of_trouble_shut_nobody_out(
    desk: Desk, looker: Looker, screen: Screen
) -> None:
    job = await alerted(desk)
    event = await unreadable(desk, PLANTED + "x" * 3000)
    await unreadable(desk, "w" * 300)
    await put(desk, job, reason="422: " + "a-word-without-an-end" * 30)
    number = await mail(desk, job, state="bounced", last_error="550 no such user", html="<p>Hi")
    page = await looker.opens("/console/stuck", screen)
    await page.locator(f"#dismiss-{job.id}-plus-one-bad_message summary").click()
    for path in (
        None,
        "/console/outbox",
        "/console/hooks",
        f"/console/hooks/{event}",
        f"/console/mail/{number}",
    ):
        if path is not None:
            await page.goto(path)
        assert await barriers(page) == []
        assert await too_wide_at(page) == [], path
