"""How tests look at pages: in a window of a size and scheme, with what goes wrong written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Route


@dataclass(frozen=True)
class Screen:
    """What somebody looks at a page on."""

    width: int = 1280
    height: int = 900
    scheme: Literal["light", "dark"] = "light"


WIDE, PHONE = Screen(), Screen(390, 844)
WIDE_DARK, PHONE_DARK = Screen(scheme="dark"), Screen(390, 844, "dark")
SCREENS = (WIDE, WIDE_DARK, PHONE, PHONE_DARK)

_BETWEEN = (320, 641, 683)


@dataclass
class Looker:
    """Somebody at a browser, in Los Angeles, far from the company's own time."""

    browser: Browser
    address: str
    complaints: list[str] = field(default_factory=list)
    """What went wrong on any page: strange requests, broken policies, errors of scripts."""
    allowed: tuple[str, ...] = ()
    """Parts of complaints that a test expects."""
    _contexts: list[BrowserContext] = field(default_factory=list)

    async def opens(self, path: str, screen: Screen = WIDE, **context: Any) -> Page:
        """Return a page in a browser of its own, with cookies of its own."""
        made = await self.browser.new_context(
            base_url=self.address,
            viewport={"width": screen.width, "height": screen.height},
            color_scheme=screen.scheme,
            reduced_motion="reduce",
            timezone_id="America/Los_Angeles",
            has_touch=screen.width < 640,
            **context,
        )
        self._contexts.append(made)
        await made.route("**/*", self._stay_here)
        page = await made.new_page()
        self.watches(page)
        await page.goto(path)
        return page

    def watches(self, page: Page) -> None:
        """Write down what goes wrong on a page."""
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._complain(f"{page.url}: {error}"))

    async def close(self) -> None:
        """Close all that was opened."""
        for context in self._contexts:
            await context.close()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._complain(f"{message.type}: {message.text}")

    def _complain(self, what: str) -> None:
        is_refusal = "the server responded with a status of 4" in what  # told by its page
        if not is_refusal and not any(part in what for part in self.allowed):
            self.complaints.append(what)

    async def _stay_here(self, route: Route) -> None:
        host = urlsplit(route.request.url).hostname
        if host in {"127.0.0.1", "localhost", None}:
            await route.continue_()
        else:
            self._complain(f"a page asked for {route.request.url}")
            await route.abort()


_AXE = {
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}


async def barriers(page: Page) -> list[str]:
    """Return what axe finds on a page, of any impact, an entry a rule and element."""
    found = await Axe().run(page, options=_AXE)
    return [
        f"{violation['id']} ({violation['impact']}): {node['html'][:200]}"
        for violation in found.response["violations"]
        for node in violation["nodes"]
    ]


async def is_too_wide(page: Page) -> bool:
    """Return whether a page has to be scrolled sideways."""
    measured: bool = await page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    return measured


async def too_wide_at(page: Page) -> list[int]:
    """Return at which widths a page has to be scrolled sideways: its own, and those between.

    Between the screens are the smallest phone, where tables have just become cards or not yet, and
    a wide window at twice its size.
    """
    own = page.viewport_size
    assert own is not None
    found = [own["width"]] if await is_too_wide(page) else []
    for width in _BETWEEN:
        await page.set_viewport_size({"width": width, "height": own["height"]})
        if await is_too_wide(page):
            found.append(width)
    await page.set_viewport_size(own)
    return found
