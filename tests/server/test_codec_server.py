"""Temporal's own tools show what is encrypted to those who may read it, and to nobody else."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict
from httpx import ASGITransport
from temporalio.api.common.v1 import Payload, Payloads

from domain.policy import load_policy
from domain.roles import Actor, Role
from domain.signatures import HookSecrets
from starters.app import Parts, make_app
from starters.codec_server import LARGEST_REQUEST, MOST_PAYLOADS
from starters.hosts import origin_of
from starters.sessions import session_cookie
from starters.tokens import Tokens
from store.key_ring import KeyRing, new_ring_key
from store.reads import ReadJournal
from store.sessions import SessionStore
from store.tokens import TokenStore
from tests.desk import SECRET, now
from tests.domain.factories import a_job
from tests.server.test_sealing import PLAIN, World, world
from tests.store.rows import keep
from workers.temporal import connect
from workflows.messages import SEAL, SEALED_BY

UI = "http://127.0.0.1:8233"
JSON = {"content-type": "application/json"}

__all__ = ["world"]


@asynccontextmanager
async def codec_server(world: World, *, tokens: bool = False) -> AsyncIterator[httpx.AsyncClient]:
    """Open the API of a world's store, where Temporal UI is at `UI`."""
    parts = Parts(
        database=world.database,
        client=await connect(lazy=True),
        policy=load_policy(None),
        secrets=HookSecrets.parse(SECRET),
        tokens=Tokens(TokenStore(world.database)) if tokens else None,
        keys=world.keys(),
        codec_origins=frozenset({UI}),
    )
    transport = ASGITransport(make_app(parts))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
        yield http


async def sealed(world: World, job_id: str = "SJ-1001") -> list[dict[str, Any]]:
    """Return a payload of a job as Temporal has it, in JSON."""
    return as_json(await world.codec(job_id).encode([PLAIN]))


def as_json(payloads: list[Payload]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = MessageToDict(Payloads(payloads=payloads))["payloads"]
    return found


def said(answer: httpx.Response) -> list[Any]:
    assert answer.status_code == 200, answer.text
    return [json.loads(base64.b64decode(each["data"])) for each in answer.json()["payloads"]]


async def test_it_opens_every_jobs_payloads_and_leaves_plain_ones_as_they_are(world: World) -> None:
    asked = {"payloads": [*await sealed(world), *as_json([PLAIN]), *await sealed(world, "SJ-2")]}
    async with codec_server(world) as http:
        query = {"preserveStorageRefs": "true"}  # as Temporal UI asks
        answer = await http.post("/codec/decode", json=asked, params=query)
    assert said(answer) == ["240.00 for the faucet"] * 3
    for each in answer.json()["payloads"]:
        assert set(each["metadata"]).isdisjoint({SEAL, SEALED_BY})


async def test_what_cannot_be_read_says_why_in_its_place(world: World) -> None:
    erased, changed = (await sealed(world, "SJ-1"))[0], (await sealed(world))[0]
    readable, foreign = (await sealed(world))[0], (await sealed(world))[0]
    changed["data"] = changed["data"][:-8]
    foreign["metadata"] = {**foreign["metadata"], "key": base64.b64encode(b"0" * 20).decode()}
    nameless = {**readable, "metadata": {**readable["metadata"], "key": "AAAA"}}
    async with codec_server(world) as http:
        assert said(await http.post("/codec/decode", json={"payloads": [erased]})) == [
            "240.00 for the faucet"
        ]
        await world.erase("SJ-1")  # as another process does
        asked = {"payloads": [erased, changed, foreign, readable, nameless]}
        answer = said(await http.post("/codec/decode", json=asked))
        world.ring = KeyRing((new_ring_key(),))
    assert "Erased" in answer[0]["message"]
    assert "changed after it was encrypted" in answer[1]["message"]
    assert "another Steward database" in answer[2]["message"]
    assert answer[3] == "240.00 for the faucet"
    assert "does not say which key" in answer[4]["message"]
    async with codec_server(world) as http:
        answer = said(await http.post("/codec/decode", json={"payloads": [readable]}))
    assert "key ring" in answer[0]["message"]


async def test_what_temporal_ui_has_sealed_any_job_reads_and_knows_where_it_is_from(
    world: World,
) -> None:
    twice = {"payloads": [*as_json([PLAIN]), *await sealed(world)]}
    async with codec_server(world) as http:
        answer = await http.post("/codec/encode", json=twice)
    encoded = [
        Payload(
            metadata={name: base64.b64decode(value) for name, value in each["metadata"].items()},
            data=base64.b64decode(each["data"]),
        )
        for each in answer.json()["payloads"]
    ]
    assert b"faucet" not in encoded[0].data
    opened = await world.codec("SJ-7").decode(encoded[:1])
    assert opened[0].data == PLAIN.data
    assert opened[0].metadata[SEALED_BY] == b"codec-server"
    (own,) = await world.codec("SJ-1001").decode(encoded[1:])
    assert (own.data, own.metadata[SEALED_BY]) == (PLAIN.data, b"steward")


NONSENSE: list[tuple[bytes, dict[str, str], int, str]] = [
    (b"[]", JSON, 422, "Payloads"),
    (b"\xff", JSON, 422, "Payloads"),
    (b'{"payloads": [{"data": 7}]}', JSON, 422, "Payloads"),
    (b'{"payloads": ' + b"[" * 5000, JSON, 422, "Payloads"),
    (b"{}", {"content-type": "text/plain"}, 415, "JSON"),
    (b" " * (LARGEST_REQUEST + 1), JSON, 413, "larger than 8 MiB"),
    (json.dumps({"payloads": [{}] * (MOST_PAYLOADS + 1)}).encode(), JSON, 413, "too many"),
    (
        json.dumps({"payloads": [{"metadata": dict.fromkeys(map(str, range(17)), "")}]}).encode(),
        JSON,
        413,
        "17 entries of metadata",
    ),
    (b'{"payloads": [' + b"1," * 300_000 + b"1]}", JSON, 413, "too many values"),
    (b'{"payloads": [{"metadata": 1}]}', JSON, 422, "Payloads"),
    (b'{"payloads": []}', {**JSON, "x-namespace": "other"}, 403, "namespace default"),
    (b'{"payloads": []}', {**JSON, "x-namespace": "default"}, 200, '{"payloads":[]}'),
]


async def test_what_makes_no_sense_is_refused(world: World) -> None:
    async with codec_server(world) as http:
        for content, headers, status, words in NONSENSE:
            for route in ("encode", "decode"):
                answer = await http.post(f"/codec/{route}", content=content, headers=headers)
                assert answer.status_code == status, (content[:40], answer.text)
                assert words in answer.text


async def test_only_a_page_of_temporal_ui_may_ask_and_read_the_answer(world: World) -> None:
    asked = {"payloads": await sealed(world)}
    async with codec_server(world) as http:
        wish = {"access-control-request-method": "POST"}
        preflight = await http.options("/codec/decode", headers={"origin": UI, **wish})
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == UI
        assert preflight.headers["access-control-allow-credentials"] == "true"
        assert "x-namespace" in preflight.headers["access-control-allow-headers"]
        crossing = {"origin": UI, "sec-fetch-site": "same-site"}
        answer = await http.post("/codec/decode", json=asked, headers=crossing)
        assert said(answer) == ["240.00 for the faucet"]
        assert answer.headers["access-control-allow-origin"] == UI
        for origin in ("http://127.0.0.1:8234", "https://127.0.0.1:8233", "null", f"{UI}.evil.x"):
            refused = await http.post("/codec/decode", json=asked, headers={"origin": origin})
            assert refused.status_code == 403
            asking = await http.options("/codec/decode", headers={"origin": origin, **wish})
            assert asking.status_code == 405
            for each in (refused, asking):
                assert "access-control-allow-origin" not in each.headers
        elsewhere = await http.post("/jobs/SJ-1/apo/approve_apo", json={}, headers={"origin": UI})
        assert elsewhere.status_code == 403
        assert "access-control-allow-origin" not in elsewhere.headers


async def test_where_tokens_are_asked_for_employees_read_and_their_reads_are_noted(
    world: World,
) -> None:
    job = await keep(world.database, a_job())
    asked = {"payloads": await sealed(world, job.job_id)}
    store = TokenStore(world.database)
    dana, customer = Actor(name="Dana", role=Role.DISPATCH), Actor(name="C", role=Role.CUSTOMER)
    made = [await store.new(each, now(), jobs=()) for each in (dana, customer)]
    bearers = [{"authorization": f"Bearer {each.token}"} for each in made]
    from_ui = {"origin": UI, "sec-fetch-site": "same-site"}
    session = await SessionStore(world.database).open("Sam", (Role.SUPERVISOR,), now())
    cookie = session_cookie(
        {"type": "http", "scheme": "http", "headers": [(b"host", b"127.0.0.1")]}
    )
    async with codec_server(world, tokens=True) as http:
        nobody = await http.post("/codec/decode", json=asked, headers=from_ui)
        assert (nobody.status_code, nobody.json()["error"]) == (401, "unauthenticated")
        assert nobody.headers["access-control-allow-origin"] == UI
        answer = await http.post("/codec/decode", json=asked, headers=bearers[0] | from_ui)
        assert said(answer) == ["240.00 for the faucet"]
        assert (await http.post("/codec/decode", json=asked, headers=bearers[1])).status_code == 404
        http.cookies.set(cookie, session)
        answer = await http.post("/codec/decode", json=asked, headers=from_ui)
        assert said(answer) == ["240.00 for the faucet"]
        stolen = await http.post("/codec/decode", json=asked, headers={"origin": "http://evil.x"})
        assert stolen.status_code == 403
        assert (await http.get("/jobs", headers=from_ui)).status_code == 401
    async with asyncio.timeout(60):
        while await readers(world, job.job_id) != {"Dana", "Sam"}:  # noqa: ASYNC110  noted beside
            await asyncio.sleep(0.01)


async def readers(world: World, job_id: str) -> set[str]:
    items, _ = await ReadJournal(world.database).of_job(job_id)
    return {each["reader"]["name"] for each in items}


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("http://127.0.0.1:8233/", "http://127.0.0.1:8233"),
        ("https://temporal.example:443/ui/path", "https://temporal.example"),
        ("HTTP://Temporal.Example:80", "http://temporal.example"),
        ("http://[::1]:8233", "http://[::1]:8233"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(address: str, origin: str) -> None:
    assert origin_of(address) == origin
