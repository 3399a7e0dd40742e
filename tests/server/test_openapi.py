"""The API does what its document says: schemathesis asks all of it, in both modes."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.roles import Actor, Role
from starters.app import make_app
from starters.doorkeeper import HEALTH, HOOKS
from starters.serving import server_of
from starters.tokens import Tokens
from store.tokens import TokenStore
from tests import concerns, conferences, follow_ups, options
from tests.desk import Desk, Told, _parts, now
from tests.server.processes import environment

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
EXAMPLES = {"none": 3, "tokens": 1}
"""Requests that are made up for each operation, beside its own examples, by mode.

Behind the door both modes read a request by the same code.
"""


def operations(document: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def test_every_operation_names_every_status_that_can_come(desk: Desk) -> None:
    always = {"200", "421", "500", "503"}
    for path, method, operation in operations(desk.app.openapi()):
        statuses = set(operation["responses"])
        assert always <= statuses, (path, method)
        if path in HEALTH:
            assert statuses == always
        elif path in HOOKS:
            assert statuses == always | {"401", "413"}
        elif method == "get":
            assert statuses == always | {"401", "404", "422", "429"}
        else:
            assert statuses >= always | {"401", "403", "404", "409", "413", "415", "422", "429"}


def test_every_error_has_the_shape_of_a_refusal(desk: Desk) -> None:
    document = desk.app.openapi()
    refusal = {"$ref": "#/components/schemas/Refusal"}
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400 and (path, status) != ("/readyz", "503"):
                assert response["content"]["application/json"]["schema"] == refusal, (path, method)
    assert set(document["components"]["schemas"]["Refusal"]["required"]) == {
        *("error", "rule", "message")
    }
    assert "HTTPValidationError" not in json.dumps(document)


@pytest.fixture(scope="module")
async def jobs(desk: Desk) -> list[str]:
    """Jobs of every lifecycle, in every stage to which the built-in policy lets them come."""
    ways = [way for kind in (concerns, follow_ups) for way in kind.WAYS.values()]
    told: list[Told] = [
        await desk.searching(),
        await desk.accepted(),
        *[await way(desk) for way in ways],
        *[
            await options.WAYS[stage](desk)
            for stage in ("awaiting_customer", "reviewing_documents")
        ],
    ]
    await told[1].note("DIAGNOSIS SUBMITTED/AWAITING APPROVAL")
    conference = await conferences.unserved(desk)
    await conference.do(
        "start_reassignment",
        "dispatch",
        reason="too late",
        urgent=True,
        candidates=[conferences.TULSA],
    )
    return [job.id for job in [*told, conference]]


@asynccontextmanager
async def serving(desk: Desk, tokens: Tokens | None) -> AsyncIterator[str]:
    parts = _parts(desk.client, desk.database, desk.policy)
    app = make_app(replace(parts, tokens=tokens))
    server = server_of(app, "127.0.0.1", 0)
    task = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110  uvicorn tells no other way
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


@pytest.mark.parametrize("mode", ["none", "tokens"])
async def test_schemathesis_finds_nothing_that_the_document_does_not_say(
    desk: Desk, jobs: list[str], tmp_path: Path, mode: str
) -> None:
    store = TokenStore(desk.database)
    made = await store.new(Actor(name="Kim", role=Role.SUPERVISOR), now())
    (tmp_path / "schemathesis.toml").write_text(
        f'[parameters]\n"path.job_id" = {json.dumps(jobs)}\n', "utf-8"
    )
    async with serving(desk, Tokens(store) if mode == "tokens" else None) as url:
        run = await asyncio.create_subprocess_exec(
            *(str(Path(sys.executable).with_name("st")), "--config-file", "schemathesis.toml"),
            *("run", f"{url}/openapi.json", "--checks", ",".join(CHECKS)),
            *("--phases", "examples,fuzzing", "--max-examples", str(EXAMPLES[mode])),
            *("--header", f"Authorization: Bearer {made.token}"),
            # One worker: in CPython 3.11.0 to 3.11.7, threads that parse at a time may fail.
            *("--generation-deterministic", "--no-shrink", "--no-color", "--workers", "1"),
            *("--continue-on-failure", "--warnings", "off"),
            cwd=tmp_path,
            env=environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await run.communicate()
    assert run.returncode == 0, said.decode()
