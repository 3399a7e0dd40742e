"""Commands over HTTP that are long, deep or strange, on both databases; and whose a message is."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from sqlalchemy import delete

from store import schema
from tests.desk import Desk, Page, Told, acting

LONGEST_ANSWER = 6_000
"""Bytes of a refusal, whatever was sent."""
MOST_SECONDS = 60

MANY = {f"{number:x}": 0 for number in range(28_000)}
HARD: dict[str, dict[str, Any]] = {
    "28,000 unknown keys": MANY,
    "28,000 unknown keys within": {"text": MANY},
    "an unknown key with a NUL": {"a\0b": 1},
    "an unknown key without end": {"a" * 200_000: 1},
    "a value without end": {"text": "\N{SNOWMAN}" * 60_000},
    "a value with a NUL": {"text": "a\0b"},
    "a message id with a NUL": {"message_id": "a\0b"},
    "a message id without end": {"message_id": "m" * 100_000},
    "an actor with a NUL": {"actor": {"name": "a\0b", "role": "authorizations"}},
}


async def sent(job: Told, fields: dict[str, Any], command: str = "approve") -> httpx.Response:
    whole = {"actor": acting("authorizations"), "amount": "10.00", **fields}
    return await job.desk.http.post(
        f"/jobs/{job.id}/plus-one/{command}",
        content=json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode(),
        headers={"content-type": "application/json"},
    )


@pytest.mark.parametrize("hard", HARD)
async def test_a_hard_command_is_refused_in_few_words_and_the_job_lives_on(
    house: Desk, hard: str
) -> None:
    job = await house.accepted()

    response = await asyncio.wait_for(sent(job, HARD[hard]), MOST_SECONDS)

    assert response.status_code == 422, response.text
    assert len(response.content) < LONGEST_ANSWER
    (said,) = (what for _, what, _ in (await job.page()).journal if what.startswith("refused"))
    assert len(said) < LONGEST_ANSWER
    assert (await job.ok("approve", "authorizations", amount="10.00"))["stage"] == "approved"


@pytest.mark.parametrize("path", ["%00", "a%00b", "x" * 5000, "%ed%a0%80"])
async def test_a_strange_address_is_none_that_there_is(house: Desk, path: str) -> None:
    job = await house.searching()
    for address in (
        f"/jobs/{job.id}/plus-one/{path}",
        f"/jobs/{path}/plus-one/approve",
        f"/jobs/{job.id}/{path}/approve",
    ):
        response = await house.http.post(address, json={"actor": acting("authorizations")})
        assert response.status_code in (404, 422), response.text
        assert len(response.content) < LONGEST_ANSWER


async def test_a_signal_with_a_nul_in_its_name_is_recorded(house: Desk) -> None:
    job = await house.searching()
    await job.signal("a\0b", {"c\0d": 1})
    await job.signal("approve", {"actor": acting("authorizations"), "c\0d": 1})
    page = await job.page()

    assert page.attention == ["bad_message"]
    assert [what.startswith("refused ") for _, what, _ in page.journal[-2:]] == [True, True]


async def test_a_guess_at_a_message_id_blocks_nobody(house: Desk) -> None:
    job = await house.accepted()
    await job.ok("customer_called", "customer_service", message_id="m-1")
    guessed = await job.refused("approve", "customer", amount="10.00", message_id="order-1")
    assert guessed[0] == 403

    approved = await job.ok("approve", "authorizations", amount="10.00", message_id="order-1")
    again = await job.ok("approve", "authorizations", amount="10.00", message_id="order-1")
    others = await job.ok("customer_called", "supervisor", message_id="m-1")

    assert approved["stage"] == "approved"
    assert again == approved
    assert others["result"]["calls"] == 2


async def test_a_message_that_was_answered_begins_nothing_after_the_end(house: Desk) -> None:
    """The answer of an ended lifecycle comes first, also where the store never got to keep it."""
    job = (await house.accepted()).of("am-escalation")
    fields = {"concern": "They were rude.", "message_id": "concern-1"}
    answer = await job.ok("report_concern", "customer_service", **fields)
    await job.rests()
    await job.handle.execute_update(
        "resolve", {"actor": {"name": "Sam", "role": "customer_service"}, "outcome": "Settled."}
    )
    assert await job.outcome() == "resolved"
    await house.database.write(lambda connection: connection.execute(delete(schema.answers)))

    again = await job.ok("report_concern", "customer_service", **fields)

    assert again == answer
    assert Page(await job.show(), "am-escalation").stage == "resolved"
