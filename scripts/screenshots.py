#!/usr/bin/env python
"""Takes pictures of the desk for the README and the docs: see `make screenshots`.

Starts Steward with a day of samples in a folder that is gone afterwards, and has Debian's Chromium
look at each page in light and in dark colors. The samples count from now, so two runs differ in
their times alone.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.error import HTTPError
from urllib.request import urlopen

from playwright.async_api import Browser, Page, async_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 150_000
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_FLAGS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-component-update")
_STARTS_WITHIN, _SETTLES_IN = 240.0, 20.0
"""Seconds that the stack has until its samples are sent, and that they have until all is done."""
_QUALITY = 82


@dataclass(frozen=True)
class Shot:
    """A picture of a page."""

    name: str
    path: str
    width: int = 1280
    height: int = 800
    role: str | None = None
    """The role in which the page is seen, if it is not the supervisor's."""


SHOTS = (
    Shot("board", "/console"),
    Shot("tasks", "/console/tasks?role=dispatch", role="dispatch"),
    Shot("job", "/console/jobs/SJ-2009"),
    Shot("call", "/console/jobs/SJ-3002/call/apo", role="customer_service"),
    Shot("call-on-a-phone", "/console/jobs/SJ-3002/call/apo", 390, 844, role="customer_service"),
    Shot("stuck", "/console/stuck"),
    Shot("procedure", "/console/procedures/apo"),
    Shot("promises", "/console/promises"),
)


def main() -> int:
    """Take all pictures; return the exit code."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("make screenshots: there is no Chromium. Run `make setup`.\n")
        return 1
    with tempfile.TemporaryDirectory(prefix="steward-desk-") as folder:
        port = _free_ports()
        log = Path(folder) / "log"
        steward = _start(port, Path(folder), log)
        try:
            _wait_for_samples(steward, log)
            asyncio.run(_take(f"http://127.0.0.1:{port}", chromium))
        finally:
            steward.send_signal(signal.SIGINT)
            steward.wait(60)
    return 0


def _start(port: int, folder: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            [
                *(sys.executable, str(ROOT / "scripts" / "run.py")),
                *("--port", str(port), "--temporal-port", str(port + 20)),
                *("--data", str(folder / "data")),
            ],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"JOB_SYSTEM_PORT": str(port + 10)},
        )


def _free_ports() -> int:
    """Return a port that is free, like the ones above it that the stack takes beside it."""
    for port in range(18080, 28080, 100):
        if all(_is_free(port + more) for more in (0, 10, 20, 1020)):
            return port
    raise RuntimeError("no free port from 18080 to 28080")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _wait_for_samples(steward: subprocess.Popen[bytes], log: Path) -> None:
    """Return once all samples are sent and carried out.

    Raises:
        RuntimeError: the stack has ended, or takes too long; the log is told.
    """
    until = time.monotonic() + _STARTS_WITHIN
    while "Samples sent" not in log.read_text("utf-8", "replace"):
        if steward.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"Steward did not start:\n{log.read_text('utf-8', 'replace')}")
        time.sleep(0.5)
    time.sleep(_SETTLES_IN)


async def _take(address: str, chromium: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        for shot in SHOTS:
            if not _is_there(address + shot.path):
                sys.stdout.write(f"{shot.name}: there is no {shot.path}\n")
                continue
            for scheme in _SCHEMES:
                await _take_one(browser, address, shot, scheme)
        await browser.close()


def _is_there(url: str) -> bool:
    try:
        with urlopen(url, timeout=30):  # noqa: S310  our own, on this machine
            return True
    except HTTPError:
        return False


async def _take_one(
    browser: Browser, address: str, shot: Shot, scheme: Literal["light", "dark"]
) -> None:
    context = await browser.new_context(
        base_url=address,
        viewport={"width": shot.width, "height": shot.height},
        color_scheme=scheme,
        reduced_motion="reduce",
        timezone_id="America/New_York",
    )
    page = await context.new_page()
    if shot.role is not None:
        await _act_as(page, shot.role)
    await page.goto(shot.path)
    await page.wait_for_timeout(500)
    picture = await _compact(page)
    path = IMAGES / f"{shot.name}-{scheme}.webp"
    path.write_bytes(picture)
    sys.stdout.write(f"{path.relative_to(ROOT)}: {len(picture) / 1000:.0f} kB\n")
    if len(picture) > MOST_BYTES:
        raise RuntimeError(f"{path} has more than {MOST_BYTES / 1000:.0f} kB")
    await context.close()


async def _act_as(page: Page, role: str) -> None:
    """Switch to a role, as whoever sits at the desk does."""
    await page.goto("/console/procedures")
    await page.locator("details.who > summary").click()
    await page.locator("#act-as").select_option(role)
    async with page.expect_navigation():
        await page.locator("details.who button").first.click()


async def _compact(page: Page) -> bytes:
    """Return a picture as WebP, which Chromium writes and playwright has no word for."""
    session = await page.context.new_cdp_session(page)
    taken = await session.send(
        "Page.captureScreenshot", {"format": "webp", "quality": _QUALITY, "fromSurface": True}
    )
    return base64.b64decode(taken["data"])


if __name__ == "__main__":
    sys.exit(main())
