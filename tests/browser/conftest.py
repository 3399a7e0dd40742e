"""A desk that a real browser looks at: Debian's Chromium, on this machine and nowhere else."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright, expect

from domain.signatures import HookSecrets
from starters import api_process
from starters.app import Parts
from tests.browser.looking import Looker, Screen
from tests.desk import SECRET, Desk
from tests.ports import free_port

_FLAGS = (
    "--no-sandbox",  # the tests may run as root
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Start one browser for all tests of this process."""
    program = shutil.which("chromium")
    assert program is not None, "there is no Chromium: run `make setup`"
    expect.set_options(timeout=60_000)  # a busy machine is no bug
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=program, args=list(_FLAGS))
        yield started
        await started.close()


@pytest.fixture(scope="session")
async def served(desk: Desk) -> AsyncIterator[str]:
    """Serve the session's desk, where nobody is asked who they are; return its address."""
    async with serving(desk) as address:
        yield address


@asynccontextmanager
async def serving(desk: Desk, **changes: object) -> AsyncIterator[str]:
    """Serve a desk's API once more on a port of this machine, with other parts."""
    parts: dict[str, object] = {
        "database": desk.database,
        "client": desk.client,
        "policy": desk.policy,
        "secrets": HookSecrets.parse(SECRET),
    }
    port = free_port()
    async with api_process.serving(Parts(**{**parts, **changes}), "127.0.0.1", port):  # type: ignore[arg-type]  # as the test says
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def looker(browser: Browser, served: str) -> AsyncIterator[Looker]:
    """Return somebody who opens pages, on a wide screen in light colors unless they say otherwise.

    When the test ends, no page may have asked for anything beyond this machine, broken the content
    policy, or left an error in the browser's console.
    """
    opened = Looker(browser, served)
    yield opened
    await opened.close()
    assert opened.complaints == []


__all__ = ["Screen"]
