"""People come in, act, and go: with a company account at a real provider, and with a token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from pydantic import SecretStr
from sqlalchemy import update

from domain.roles import Actor, Role
from domain.sign_in_roles import parse_sign_in_roles
from starters.desk.sign_in import COMPANY_BACK
from starters.oidc import CompanyAccounts
from starters.tokens import Tokens
from store import schema
from store.tokens import NewToken, TokenStore
from tests.browser import provider
from tests.browser.conftest import serving
from tests.browser.looking import PHONE_DARK, SCREENS, WIDE, Looker, barriers, is_too_wide
from tests.desk import Desk, now
from tests.ports import free_port

ROLES = parse_sign_in_roles("""
scopes = ["openid", "profile", "groups"]
[groups]
Dispatchers = "dispatch"
"Desk leads" = "supervisor"
""")

KEPT = "sessionStorage.getItem('steward-board')"
PROVIDERS_OWN = ("fonts.googleapis.com", "net::ERR_FAILED")
"""What the pages of the provider ask for, and do not get."""


@pytest.fixture(scope="module")
def provider_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
async def guarded(desk: Desk, provider_port: int) -> AsyncIterator[str]:
    """The address of a desk where people sign in."""
    company = CompanyAccounts(
        f"http://127.0.0.1:{provider_port}", "steward", SecretStr(provider.SECRET), lambda: ROLES
    )
    tokens = Tokens(TokenStore(desk.database))
    async with serving(desk, tokens=tokens, company=company) as address:
        yield address


@pytest.fixture
async def guest(browser: Browser, guarded: str) -> AsyncIterator[Looker]:
    opened = Looker(browser, guarded)
    yield opened
    await opened.close()
    assert opened.complaints == []


async def token_of(desk: Desk, role: str, name: str = "Sam Lee", **more: Any) -> NewToken:
    return await TokenStore(desk.database).new(Actor(name=name, role=Role(role)), now(), **more)


async def signs_in(page: Page, token: str) -> None:
    await page.get_by_label("Personal token").fill(token)
    await page.get_by_role("button", name="Sign in").click()


async def signs_in_at_the_provider(page: Page, login: str) -> None:
    await page.get_by_role("link", name="Continue to 127.0.0.1").click()
    await page.locator("[name=login]").fill(login)
    await page.locator("[name=password]").fill("any")
    await page.get_by_role("button").first.click()
    await page.get_by_role("button", name="Continue").click()


async def test_somebody_signs_in_with_a_company_account_acts_in_two_roles_and_goes(
    desk: Desk, guest: Looker, guarded: str, provider_port: int
) -> None:
    job = await desk.searching()
    guest.allowed = ("status of 503", *PROVIDERS_OWN)
    page = await guest.opens(f"/console/jobs/{job.id}")
    await expect(page).to_have_title("Sign in · Steward")

    await page.get_by_role("link", name="Continue to 127.0.0.1").click()
    await expect(page.get_by_role("alert")).to_contain_text("127.0.0.1 doesn't answer.")

    async with provider.running(provider_port, guarded + COMPANY_BACK):
        await signs_in_at_the_provider(page, "dana")
        await expect(page).to_have_url(f"{guarded}/console/jobs/{job.id}")
        who = page.locator("details.who > summary")
        await expect(who).to_have_text("Dana Ruiz · Dispatch")

        await who.click()
        await page.get_by_label("Act as").select_option("Supervisor")
        await page.get_by_role("button", name="Switch").click()
        await expect(page).to_have_url(f"{guarded}/console/jobs/{job.id}")
        await expect(who).to_have_text("Dana Ruiz · Supervisor")

        await who.click()
        await page.get_by_role("button", name="Sign out").click()
        await expect(page).to_have_title("Sign in · Steward")
        await page.goto(f"/console/jobs/{job.id}")
        await expect(page).to_have_title("Sign in · Steward")

        outsider = await guest.opens("/console", PHONE_DARK)
        await signs_in_at_the_provider(outsider, "drew")
        told = outsider.get_by_role("alert")
        await expect(told).to_contain_text("Dispatchers (Dispatch); Desk leads (Supervisor)")
        assert await barriers(outsider) == []
        assert not await is_too_wide(outsider)


async def test_somebody_signs_in_with_a_token_until_it_is_taken_away(
    desk: Desk, guest: Looker, guarded: str
) -> None:
    made = await token_of(desk, "supervisor")
    page = await guest.opens("/console/stuck")
    await signs_in(page, "stw_mistyped")
    await expect(page.get_by_role("alert")).to_contain_text("This token is not valid.")
    await expect(page.get_by_role("alert")).to_be_focused()
    await expect(page).to_have_title("Try again: Sign in · Steward")
    await signs_in(page, (await token_of(desk, "provider", account="700004711")).token)
    await expect(page.get_by_role("alert")).to_contain_text("The desk is for employees")
    await signs_in(page, made.token)
    await expect(page).to_have_url(f"{guarded}/console/stuck")
    await page.get_by_role("link", name="Board", exact=True).click()
    await expect(page).to_have_url(f"{guarded}/console")
    await page.goto("/console?q=Byron")
    await page.wait_for_function(f"{KEPT} === '?q=Byron'")

    ended = update(schema.sessions).where(schema.sessions.c.name == "Sam Lee")
    expired = ended.values(expires_at=now() - timedelta(seconds=1))
    await desk.database.write(lambda connection: connection.execute(expired))
    await page.get_by_role("link", name="Stuck", exact=True).click()
    await expect(page).to_have_title("Sign in · Steward")
    await page.wait_for_function(f"{KEPT} === null")
    await signs_in(page, made.token)
    await expect(page).to_have_url(f"{guarded}/console/stuck")

    await TokenStore(desk.database).revoke(made.id, now())
    await page.locator("details.who > summary").click()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("alert")).to_contain_text("Nothing was changed")
    assert await barriers(page) == []
    await page.get_by_role("link", name="Sign in again").click()
    await signs_in(page, made.token)
    await expect(page.get_by_role("alert")).to_contain_text("This token is not valid.")


async def test_the_page_to_sign_in_shuts_nobody_out(guest: Looker) -> None:
    for screen in SCREENS:
        page = await guest.opens("/console/sign-in", screen)
        await page.get_by_text("I don't have a token").click()
        assert await barriers(page) == []
        assert not await is_too_wide(page)
    by_keys = await guest.opens("/console/sign-in", WIDE)
    await by_keys.keyboard.press("Tab")
    await expect(by_keys.get_by_role("link", name="Skip to the content")).to_be_focused()
