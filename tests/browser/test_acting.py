"""Journeys of people who act: refused and shown the way out, deciding at night, on the phone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Request, Route, expect

from tests.browser.conftest import serving
from tests.browser.looking import PHONE, SCREENS, Looker, Screen, barriers, is_too_wide, too_wide_at
from tests.concerns import reported
from tests.conferences import AT_ANY_HOUR, OKLAHOMA, TULSA, calling, in_days, unserved
from tests.desk import Desk, Told, now

TARGETS = "button:visible, summary:visible, a.button:visible"
"""What a thumb has to hit."""


async def acts_as(page: Page, role: str) -> None:
    """Switch to a role, as somebody does in the menu."""
    await page.locator("details.who > summary").click()
    await page.get_by_label("Act as").select_option(label=role)
    await page.get_by_role("button", name="Switch").click()
    await expect(page.locator("details.who strong")).to_have_text(role)


@asynccontextmanager
async def looking(browser: Browser, desk: Desk) -> AsyncIterator[Looker]:
    """Open a desk's pages under its own policy."""
    async with serving(desk, policy=desk.policy) as address:
        looker = Looker(browser, address)
        yield looker
        await looker.close()
    assert looker.complaints == []


def at_night() -> str:
    """Return a policy by whose clock it is 11 PM now, of whichever day."""
    ahead = (23 - now().hour + 11) % 24 - 11
    # The zones of Etc have their signs the other way round.
    return (
        f'[calendar]\nzone = "Etc/GMT{-ahead:+}"\n' if ahead else '[calendar]\nzone = "Etc/GMT"\n'
    )


async def test_an_agent_is_refused_a_reassignment_and_takes_the_way_out(
    desk: Desk, looker: Looker
) -> None:
    job = await desk.accepted()
    page = await looker.opens(f"/console/jobs/{job.id}/plus-one/request_reassignment")
    await acts_as(page, "Authorizations")
    send = page.get_by_role("button", name="Reassign the job")
    await send.click()
    refusal = page.get_by_role("alert")
    await expect(refusal).to_be_focused()
    await expect(refusal).to_contain_text("Check these fields")
    await refusal.get_by_role("link", name="New account").click()
    await expect(page.get_by_label("New account")).to_be_focused()
    await page.get_by_label("New account").fill("Procure Vendor")
    await page.get_by_label("Reason").fill("The customer is tired of waiting")
    await send.click()
    await expect(refusal).to_contain_text("PlusOne accepted it")
    await expect(refusal).to_be_focused()
    await expect(page.get_by_label("Reason")).to_have_value("The customer is tired of waiting")
    assert await barriers(page) == []
    await refusal.get_by_role("link", name="Add a service job to the order").click()
    await page.get_by_label("Why the work is needed").fill("Second opinion")
    await page.get_by_role("button", name="Add a service job to the order").click()
    await expect(page.get_by_role("status").first).to_contain_text("Done: Add a service job")
    added = (await job.show())["service_jobs"]
    assert [each["reason"] for each in added] == ["Second opinion"]


async def test_a_supervisor_approves_apo_at_night(desk: Desk, browser: Browser) -> None:
    night = desk.under(at_night())
    heater = {"name": "Gas water heater", "category": "water_heater"}
    job = (await unserved(night, item=heater)).of("apo")
    reason = {"reason": "Nobody within 60 miles", "in_network_exhausted": True}
    await job.ok("request_apo", "dispatch", **reason)
    async with looking(browser, night) as looker:
        page = await looker.opens(f"/console/jobs/{job.id}/apo/approve_apo")
        await approve_and_call(page, job)


async def approve_and_call(page: Page, job: Told) -> None:
    await page.get_by_label("Note").fill("No in-network provider")
    await page.get_by_role("button", name="Approve APO").click()
    await expect(page.get_by_role("status").first).to_contain_text("Done: Approve APO (SJ-")
    assert (await job.page()).stage == "contacting_customer"
    await page.goto(f"/console/jobs/{job.id}/call/apo")
    await acts_as(page, "Dispatch")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Call the customer about APO")
    await page.locator("summary", has_text="No answer").click()
    await page.locator("details[open]").get_by_label("Yes").check()
    await page.get_by_role("button", name="No answer").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("The customer calls about APO")
    assert (await job.page()).stage == "awaiting_customer"
    assert await too_wide_at(page) == []


async def test_a_conference_is_held_on_a_phone(desk: Desk, browser: Browser) -> None:
    job = await unserved(desk)
    async with looking(browser, desk.under(AT_ANY_HOUR)) as looker:
        page = await looker.opens(f"/console/jobs/{job.id}/call/reassignment", PHONE)
        await acts_as(page, "Customer Service")
        await start_the_conference(page)
        await hold_the_conference(page)
    assert await job.outcome() == "appointment_confirmed"


async def start_the_conference(page: Page) -> None:
    await page.get_by_label("Reason").fill("The provider can't come before next week")
    await page.get_by_text("No", exact=True).click()
    for number, listed in enumerate((TULSA, OKLAHOMA), 1):
        row = page.get_by_role("group", name=f"{number}.")
        await row.get_by_label("Name").fill(listed["name"])
        await row.get_by_label("Account number").fill(listed["number"])
        await row.get_by_label("Phone").fill(listed["phone"])
        await row.get_by_label("ZIP Code").fill(listed["zip"])
        await row.get_by_label("Service Locator").check()
        if number == 1:
            await page.get_by_role("button", name="Add a row").click()
    await page.get_by_role("button", name="Start the reassignment").click()


async def hold_the_conference(page: Page) -> None:
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_have_text("Call Tulsa Plumbing")
    dial = page.get_by_role("link", name="Tulsa Plumbing 918-555-4711")
    assert await dial.get_attribute("href") == "tel:918-555-4711"
    await page.get_by_role("button", name="No answer").click()
    await expect(heading).to_have_text("Call City Plumbers")
    await page.locator("summary", has_text="Can take the job").click()
    form = page.locator("details[open] form")
    await form.get_by_label("Person you spoke with").fill("Jo")
    await form.get_by_label("Soonest appointment").fill(f"{in_days(1)[:10]}T09:30")
    for each in await page.locator(".call").locator(TARGETS).all():
        box = await each.bounding_box()
        assert box is not None
        assert box["height"] >= 44, await each.inner_text()
    await form.get_by_role("button", name="Can take the job").click()
    await expect(heading).to_have_text("Ask City Plumbers to join a conference")
    await page.get_by_role("button", name="Joins the conference").click()
    await expect(heading).to_have_text("Ask the customer to join")
    await page.get_by_role("button", name="Joins the conference").click()
    await expect(heading).to_have_text("Set the appointment with City Plumbers")
    await page.locator("summary", has_text="Record the appointment").click()
    await expect(page.get_by_label("Appointment (Central Time)")).to_have_value(
        f"{in_days(1)[:10]}T09:30"
    )
    await page.get_by_role("button", name="Record the appointment").click()
    await expect(heading).to_have_text("Appointment confirmed")
    await expect(page.get_by_text("Your appointment with City Plumbers is")).to_be_visible()


@pytest.mark.parametrize("screen", SCREENS, ids=lambda each: f"{each.width}-{each.scheme}")
async def test_screens_of_calls_and_answers_shut_nobody_out(
    desk: Desk, looker: Looker, screen: Screen
) -> None:
    job, searched = await calling(desk), await desk.searching()
    page = await looker.opens(f"/console/jobs/{job.id}/call/reassignment", screen)
    assert not await is_too_wide(page)
    for fold in await page.locator("details.outcome > summary").all():
        await fold.click()
    assert await barriers(page) == []
    await page.goto(f"/console/jobs/{searched.id}/plus-one/customer_called")
    await page.get_by_role("button", name="Log the customer's call").click()
    await expect(page.get_by_role("heading", name="Tell the customer")).to_be_visible()
    assert await barriers(page) == []
    assert not await is_too_wide(page)


async def answers(route: Route, _: Request, **said: Any) -> None:
    """Answer a request instead of Steward."""
    await route.fulfill(**said)


async def test_a_form_keeps_what_was_typed_whatever_comes_back(desk: Desk, looker: Looker) -> None:
    job = await desk.accepted()
    looker.allowed = ("status of 503", "ERR_INTERNET_DISCONNECTED", "htmx:error")
    page = await looker.opens(f"/console/jobs/{job.id}/plus-one/deny")
    await acts_as(page, "Authorizations")
    reason, notice = page.get_by_label("Reason"), page.get_by_role("alert")
    send = page.get_by_role("button", name="Deny")
    await reason.fill("Frost damage")
    address = f"**/console/jobs/{job.id}/plus-one/deny"
    silent = '{"error": "unavailable", "message": "The database doesn\'t answer."}'
    pages = {
        401: ("text/html", "<p role=alert>Signed out</p>", "You're signed out."),
        409: (
            "text/html",
            "<p role=alert>You now act as Ops.</p>",
            "You now act as Ops.",
        ),
        503: ("application/json", silent, "The database doesn't answer."),
    }
    for status, (content_type, body, said) in pages.items():
        answer = partial(answers, status=status, content_type=content_type, body=body)
        await page.route(address, answer)
        await send.click()
        await expect(notice).to_contain_text(said)
        await expect(notice).to_be_focused()
        await expect(reason).to_have_value("Frost damage")
        await page.unroute(address)
    await page.context.set_offline(True)
    await send.click()
    await expect(notice).to_contain_text("You're offline.")
    await expect(reason).to_have_value("Frost damage")
    await page.context.set_offline(False)
    await send.click()
    await expect(page.get_by_role("status").first).to_contain_text("Done:")


async def test_long_words_and_choices_don_t_widen_a_phone(desk: Desk, looker: Looker) -> None:
    job = await reported(desk, item={"name": "W" * 200, "category": "other"})
    page = await looker.opens(f"/console/jobs/{job.id}", PHONE)
    await acts_as(page, "Customer Service")
    await page.locator("#do details.act").evaluate_all(
        "all => all.forEach(each => each.open = true)"
    )
    assert await page.locator("#do select:visible").count()
    assert not await is_too_wide(page)


async def test_a_page_tells_that_another_tab_switched_the_role(desk: Desk, looker: Looker) -> None:
    page = await looker.opens("/console")
    await acts_as(page, "Dispatch")
    await expect(page.locator("#connection")).to_have_text("Live")
    beside = await page.context.new_page()
    await beside.goto("/console")
    await acts_as(beside, "Supervisor")
    await desk.accepted()
    await expect(page.locator("#connection")).to_contain_text("You now act as Supervisor.")
    await page.get_by_role("link", name="Reload").click()
    await expect(page.locator("details.who strong")).to_have_text("Supervisor")
