"""A mail that has lost its point before it went out is not sent any more."""

from __future__ import annotations

from typing import Any

import pytest

from domain.effects import SendEmail, WithdrawMails
from store import schema
from store.database import Database
from store.ledger import Ledger
from store.mail_queue import MailFault, MailQueue, MailState, RenderedMail
from tests.store.rows import NOW, a_batch, keep, rows

INSTRUCTIONS = SendEmail(to="ada@example.com", template="apo_instructions")
OFFER = SendEmail(to="ada@example.com", template="apo_offer")
WITHDRAW = WithdrawMails(templates=("apo_instructions",), reason="the customer refused")
WITHDRAWN = ("bounced", "withdrawn: the customer refused", "withdrawn")


def rendered(*_: object) -> RenderedMail:
    return RenderedMail(to="ada@example.com", subject="APO", text="Hello", html="<p>Hello</p>")


async def do(database: Database, *effects: Any, **changes: Any) -> list[str]:
    """Have a batch come true, and return the keys of its steps."""
    batch = a_batch(*effects, **changes)
    await Ledger(database).apply(batch, rendered)
    return [step.key for step in batch.steps]


async def standing(database: Database, key: str) -> tuple[str, str | None, str | None]:
    (row,) = await rows(database, schema.emails, key=key)
    return row["state"], row["last_error"], row["fault"]


async def test_what_waits_of_a_template_is_taken_back_and_nothing_else(database: Database) -> None:
    await keep(database)
    instructions, offer = await do(database, INSTRUCTIONS, OFFER)
    await do(database, WITHDRAW, sequence=2)
    assert await standing(database, instructions) == WITHDRAWN
    assert await standing(database, offer) == ("queued", None, None)
    taken = await MailQueue(database).take(instructions, NOW)
    assert taken is not None
    assert (taken.state, taken.fault) == (MailState.BOUNCED, MailFault.WITHDRAWN)


async def test_a_mail_of_another_lifecycle_of_the_job_stays(database: Database) -> None:
    await keep(database)
    for other in ("plus-one/SJ-10011", "apo/SJ-1001", "plus_one/SJ-1001"):
        (key,) = await do(database, INSTRUCTIONS, workflow_id=other)
        await do(database, WITHDRAW, sequence=2)
        assert (await standing(database, key))[0] == "queued", other


async def test_what_is_queued_after_it_goes_out_however_often_the_batch_is_tried(
    database: Database,
) -> None:
    await keep(database)
    (old,) = await do(database, INSTRUCTIONS)
    for _ in range(2):
        _, new = await do(database, WITHDRAW, INSTRUCTIONS, sequence=2)
        assert await standing(database, old) == WITHDRAWN
        assert await standing(database, new) == ("queued", None, None)


async def test_what_is_being_handed_over_is_not_tried_again(database: Database) -> None:
    await keep(database)
    mail_queue = MailQueue(database)
    (key,) = await do(database, INSTRUCTIONS)
    await mail_queue.take(key, NOW)
    await do(database, WITHDRAW, sequence=2)
    assert (await standing(database, key))[0] == "sending"
    left = await mail_queue.change(key, MailState.QUEUED, NOW, "451 later", MailFault.RECIPIENT)
    assert left is MailState.BOUNCED
    assert await standing(database, key) == WITHDRAWN


@pytest.mark.parametrize("end", [MailState.SENT, MailState.UNCERTAIN])
async def test_what_arrives_all_the_same_is_not_called_withdrawn(
    database: Database, end: MailState
) -> None:
    await keep(database)
    mail_queue = MailQueue(database)
    (key,) = await do(database, INSTRUCTIONS)
    await mail_queue.take(key, NOW)
    await do(database, WITHDRAW, sequence=2)
    assert await mail_queue.change(key, end, NOW) is end
    assert (await standing(database, key))[0] == end.value


@pytest.mark.parametrize("end", [MailState.SENT, MailState.UNCERTAIN, MailState.BOUNCED])
async def test_what_has_found_its_end_is_left_as_it_is(database: Database, end: MailState) -> None:
    await keep(database)
    mail_queue = MailQueue(database)
    (key,) = await do(database, INSTRUCTIONS)
    await mail_queue.take(key, NOW)
    await mail_queue.change(key, end, NOW, "what the server said")
    await do(database, WITHDRAW, sequence=2)
    assert await standing(database, key) == (end.value, "what the server said", None)
