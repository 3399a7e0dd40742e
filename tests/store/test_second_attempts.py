"""A batch that came true stays true, whatever has changed when it is asked for again."""

from __future__ import annotations

import pytest

from domain.effects import AddNote, SendEmail
from domain.jobs import Job, Visibility
from domain.refusals import Refused, conflicting
from domain.roles import STEWARD
from store import schema
from store.database import Database
from store.ledger import Ledger
from store.mail_queue import RenderedMail
from tests.store.rows import a_batch, everything, how_many, keep, standing

NOTE = AddNote(author=STEWARD, text="Hello", visibility=Visibility.PRIVATE)
MAIL = SendEmail(to="ada@example.com", template="public_note")


def _known(mail: SendEmail, _: Job) -> RenderedMail:
    return RenderedMail(to=mail.to or "", subject="S", text="T", html="H")


def _no_longer_known(*_: object) -> RenderedMail:
    raise conflicting(None, "The directory knows nobody any more.")


async def test_a_batch_is_not_refused_after_the_directory_has_changed(database: Database) -> None:
    await keep(database)
    ledger = Ledger(database)
    batch = a_batch(NOTE, MAIL, progress=standing())
    await ledger.apply(batch, _known)
    before = await everything(database)

    again = await ledger.apply(batch, _no_longer_known)

    assert again.refusal is None
    assert await everything(database) == before


async def test_a_new_batch_is_refused_whole(database: Database) -> None:
    await keep(database)

    result = await Ledger(database).apply(a_batch(NOTE, MAIL), _no_longer_known)

    assert result.refusal is not None
    assert await how_many(database, schema.notes) == 0


async def test_a_mail_more_than_was_queued_is_not_taken_for_granted(database: Database) -> None:
    await keep(database)
    ledger = Ledger(database)
    await ledger.apply(a_batch(MAIL), _known)

    result = await ledger.apply(a_batch(MAIL, MAIL), _no_longer_known)

    assert result.refusal is not None


async def test_a_fault_is_no_refusal(database: Database) -> None:
    await keep(database)

    def broken(*_: object) -> RenderedMail:
        raise LookupError("no template")

    with pytest.raises(LookupError):
        await Ledger(database).apply(a_batch(MAIL), broken)
    with pytest.raises(Refused):
        _no_longer_known()
