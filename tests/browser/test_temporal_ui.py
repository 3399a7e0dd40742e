"""Temporal UI shows what is encrypted to an engineer who may see it, and to nobody else."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect
from temporalio.client import Client, WorkflowFailureError

from domain.policy import load_policy
from domain.roles import Actor, Role
from domain.signatures import HookSecrets
from starters.api_process import serving
from starters.app import Parts
from starters.tokens import Tokens
from store.data_keys import DataKeys, destroy_key
from store.database import Database, migrate
from store.key_ring import KeyRing, new_ring_key
from store.tokens import TokenStore
from tests.browser.test_signing_in import signs_in
from tests.desk import SECRET, Letterbox, now
from tests.ports import free_port
from workers.dev_server import DevServer, ServerOptions
from workers.sealing import ENCODING, sealed
from workers.worker import make_worker
from workflows.registry import TASK_QUEUE

TYPED = "240.00 for the faucet"
FAILS = "plus-one/SJ-1"
ERASED = "plus-one/SJ-2"
SEALED = base64.b64encode(ENCODING).decode()
"""What Temporal UI shows of what it cannot decrypt."""
PATIENCE = 30_000
WITH_COOKIES = """
localStorage.setItem("endpoint", JSON.stringify("ENDPOINT"));
localStorage.setItem("includeCredentials", "true");
localStorage.setItem("overrideRemoteCodecConfiguration", "true");
"""
"""What Temporal UI remembers once somebody sets, beside its codec server, that it sends cookies."""


@dataclass(frozen=True)
class House:
    """A Temporal with its UI, and a store with a worker; no API yet."""

    database: Database
    keys: DataKeys
    client: Client
    port: int
    """Where the UI looks for the API."""
    ui_port: int

    @asynccontextmanager
    async def api(self, *, tokens: bool = False) -> AsyncIterator[str]:
        parts = Parts(
            database=self.database,
            client=self.client,
            policy=load_policy(None),
            secrets=HookSecrets.parse(SECRET),
            tokens=Tokens(TokenStore(self.database)) if tokens else None,
            keys=self.keys,
            codec_origins=frozenset({f"http://127.0.0.1:{self.ui_port}"}),
        )
        async with serving(parts, "127.0.0.1", self.port):
            yield f"http://127.0.0.1:{self.port}"

    def history(self, host: str = "127.0.0.1", workflow_id: str = FAILS) -> str:
        named = workflow_id.replace("/", "%2F")
        return f"http://{host}:{self.ui_port}/namespaces/default/workflows/{named}"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    port, ui_port = free_port(), free_port()
    server = DevServer(
        ServerOptions(
            port=free_port(),
            ui_port=ui_port,
            codec_endpoint=f"http://127.0.0.1:{port}/codec",
            database=None,
        )
    )
    url = f"sqlite:///{tmp_path / 'steward.sqlite3'}"
    migrate(url)
    database, ring = Database(url), KeyRing((new_ring_key(),))
    keys = DataKeys(database, lambda: ring)
    client = sealed(await server.start(), keys)
    async with make_worker(client, database, Letterbox()):
        for each in (FAILS, ERASED):
            with pytest.raises(WorkflowFailureError):
                await client.execute_workflow(
                    "PlusOneSearch", {"typed": TYPED}, id=each, task_queue=TASK_QUEUE
                )
    yield House(database, keys, client, port, ui_port)
    await server.stop()
    await database.close()


@asynccontextmanager
async def visiting(browser: Browser, script: str = "") -> AsyncIterator[Page]:
    """Open a page in a browser of its own, which runs a script before each of its pages."""
    context = await browser.new_context()
    await context.add_init_script(script)
    page = await context.new_page()
    page.set_default_timeout(30_000)
    yield page
    await context.close()


async def test_an_engineer_sees_input_and_failure_and_what_is_erased(
    browser: Browser, house: House
) -> None:
    async with house.api(), visiting(browser) as page:
        await page.goto(house.history())
        await expect(page.get_by_text(TYPED).first).to_be_visible(timeout=PATIENCE)
        await expect(page.get_by_text("_convert_payloads").first).to_be_visible(timeout=PATIENCE)
        await house.database.write(lambda tx: destroy_key(tx, "SJ-2", now()))
        house.keys.forget("SJ-2")
        await page.goto(house.history(workflow_id=ERASED))
        await expect(page.get_by_text("Erased: this job's data").first).to_be_visible(
            timeout=PATIENCE
        )
        await expect(page.get_by_text(TYPED)).to_have_count(0)
        await page.goto(house.history(host="localhost"))  # another origin than the one set
        await expect(page.get_by_text(SEALED).first).to_be_visible(timeout=PATIENCE)
        await expect(page.get_by_text(TYPED)).to_have_count(0)


async def test_where_tokens_are_asked_for_only_who_is_signed_in_sees_it(
    browser: Browser, house: House
) -> None:
    sam = await TokenStore(house.database).new(Actor(name="Sam", role=Role.SUPERVISOR), now())
    with_cookies = WITH_COOKIES.replace("ENDPOINT", f"http://127.0.0.1:{house.port}/codec")
    async with house.api(tokens=True) as desk, visiting(browser, with_cookies) as page:
        await page.goto(house.history())
        await expect(page.get_by_text(SEALED).first).to_be_visible(timeout=PATIENCE)
        await expect(page.get_by_text(TYPED)).to_have_count(0)
        await page.goto(f"{desk}/console/sign-in")
        await signs_in(page, sam.token)
        await expect(page.get_by_text("Sam").first).to_be_visible(timeout=PATIENCE)
        await page.goto(house.history())
        await expect(page.get_by_text(TYPED).first).to_be_visible(timeout=PATIENCE)
