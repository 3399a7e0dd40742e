"""The mails that wait to be sent, and what became of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Row, and_, bindparam, case, func, select, update

from domain.addresses import is_mailable
from domain.contact_hours import ContactLimits, slot_for
from domain.effects import Step
from domain.mail_ids import message_token
from store import schema
from store.database import Database


class MailState(StrEnum):
    """What became of a mail."""

    QUEUED = "queued"
    SENDING = "sending"
    """Handed to the mail server, which has not answered yet; after a crash that is `uncertain`."""
    SENT = "sent"
    UNCERTAIN = "uncertain"
    """The mail server may have it or not: shown, and never sent again by itself."""
    BOUNCED = "bounced"


class MailFault(StrEnum):
    """Whose fault it is that a mail did not go out: what follows from it depends on that."""

    OURS = "ours"
    """The mail server's or ours: the mail waits until that is mended."""
    RECIPIENT = "recipient"
    """The address takes no mail, for now or for good."""
    MESSAGE = "message"
    """This very mail is not wanted; the address may take others."""
    WITHDRAWN = "withdrawn"
    """Nobody's: it had lost its point before it went out."""


HAND_OVER = timedelta(seconds=60)
"""How long one attempt to send a mail may take; its time-outs add up to less."""


def shown_state(state: str) -> str:
    """Return the state of a mail as lists show it: one that is being sent is still queued."""
    return MailState.QUEUED if state == MailState.SENDING else state


IS_HELD = and_(
    schema.emails.c.state == MailState.QUEUED,
    schema.emails.c.held_for.is_not(None),
    schema.emails.c.attempts == 0,
)
"""The condition that a mail is held: it waits for its hour or its day, and was not tried yet."""


def hold_of(row: Row[Any]) -> dict[str, Any]:
    """Return until when a mail is held and why, as lists show it; nothing if it is not held."""
    if row.held_for is None or row.state != MailState.QUEUED or row.attempts:
        return {}
    return {"held_until": row.counts_at, "held_for": row.held_for}


class RenderedMail(BaseModel):
    """A mail as it will be sent."""

    model_config = ConfigDict(frozen=True)

    to: str
    subject: str
    text: str
    html: str


class QueuedMail(BaseModel):
    """A mail to send."""

    model_config = ConfigDict(frozen=True)

    id: int
    key: str
    to: str
    subject: str
    text: str
    html: str
    state: MailState
    attempts: int = 0
    """How often it was tried before."""
    fault: MailFault | None = None
    """Whose fault it is that it was not taken, as far as it was not."""


class MailQueue:
    """Mails on their way."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def queue(self, key: str, template: str, mail: RenderedMail, now: datetime) -> None:
        """Queue a mail that is about no single job; what was queued under a key stays.

        Args:
            key: what tells it from all other mails.
            template: what it was made from.
            mail: the mail.
            now: the wall clock, aware UTC.
        """
        row = {"key": key, "at": now, **mail_row(mail, template)}
        queueing = self._database.insert_once(schema.emails)
        await self._database.write(lambda connection: connection.execute(queueing, row))

    async def take(self, key: str, now: datetime) -> QueuedMail | None:
        """Take a mail to hand it over, in a transaction of its own; see `take`."""
        return await self._database.write(lambda connection: take(connection, key, now))

    async def change(
        self,
        key: str,
        state: MailState,
        now: datetime,
        error: str | None = None,
        fault: MailFault | None = None,
    ) -> MailState:
        """Record what became of a mail; return its state.

        One that is to wait again does not if it was withdrawn meanwhile, or counts as uncertain. Of
        one whose job was erased meanwhile nothing is kept but that it arrived, if it did: what the
        mail server says names the recipient.

        Args:
            key: the step that queued it.
            state: its state from now on.
            now: the wall clock, aware UTC.
            error: what the mail server said, if it did not take it.
            fault: whose fault that is.
        """
        values = {"of": key, "changed_at": now, "last_error": error, "fault": fault}

        def work(connection: Connection) -> MailState:
            if state is MailState.SENT and error is None:
                connection.execute(_CHANGE_MAIL, {"state": state, **values})
                return state
            row = connection.execute(_LOCK_MAIL, {"of": key}).one()
            if is_erased(row):
                if state is MailState.SENT:
                    nothing = {"last_error": None, "fault": None}
                    connection.execute(_CHANGE_MAIL, {"state": state, **values, **nothing})
                return state if state is MailState.SENT else MailState(row.state)
            if state is MailState.QUEUED and row.state not in _UNDER_WAY:
                return MailState(row.state)
            if state is MailState.QUEUED and row.withdrawn_at is not None:
                connection.execute(_CHANGE_MAIL, {"of": key, "state": "bounced"})
                return MailState.BOUNCED
            connection.execute(_CHANGE_MAIL, {"state": state, **values})
            return state

        return await self._database.write(work)


def take(connection: Connection, key: str, now: datetime) -> QueuedMail | None:
    """Take a mail to hand it over; return it with the state that it had, None if there is none.

    One that was queued is `sending` from now on, and nobody else gets it so. One that is `sending`
    for longer than any hand-over takes is `uncertain`: whoever had it crashed over it.

    Args:
        connection: the transaction in which it is taken.
        key: the step that queued it.
        now: the wall clock, aware UTC.
    """
    row = connection.execute(_LOCK_MAIL, {"of": key}).one_or_none()
    if row is None:
        return None
    match MailState(row.state):
        case MailState.QUEUED:
            values = {"state": "sending", "attempts": row.attempts + 1} | _known_by(row)
            connection.execute(_CHANGE_MAIL, {"of": key, "changed_at": now, **values})
            return _queued(row)
        case MailState.SENDING if not _is_being_handed_over(row, now):
            values = {"state": "uncertain", "last_error": "interrupted while it was being sent"}
            connection.execute(_CHANGE_MAIL, {"of": key, "changed_at": now, **values})
            return _queued(row, MailState.UNCERTAIN)
        case _:
            return _queued(row)


def is_erased(mail: Row[Any]) -> bool:
    """Return whether the job of a mail that was on its way was erased: it has no recipient left."""
    return bool(mail.to == "")


def withdraw(
    connection: Connection,
    job_id: str,
    workflow_id: str,
    templates: Iterable[str],
    at: datetime,
    reason: str,
) -> None:
    """Take a lifecycle's mails back that have not gone out, and let none of them go out any more.

    One that is being sent may still arrive; if it does not, it is not tried again.

    Args:
        connection: the transaction.
        job_id: the job they are about.
        workflow_id: the lifecycle's workflow.
        templates: what they were made from.
        at: the business time, aware UTC.
        reason: why, for colleagues who look at the mail.
    """
    emails, begins = schema.emails, f"{workflow_id}#"
    taking_back = (
        update(emails)
        .where(
            emails.c.job_id == job_id,
            func.substr(emails.c.key, 1, len(begins)) == begins,
            emails.c.template.in_(list(templates)),
            emails.c.state.in_(_UNDER_WAY),
            emails.c.withdrawn_at.is_(None),
        )
        .values(
            withdrawn_at=at,
            state=case((emails.c.state == MailState.QUEUED, "bounced"), else_=emails.c.state),
            last_error=f"withdrawn: {reason}",
            fault=MailFault.WITHDRAWN.value,
        )
    )
    connection.execute(taking_back)


_UNDER_WAY = (MailState.QUEUED, MailState.SENDING)


def _known_by(row: Row[Any]) -> dict[str, str]:
    """Return by what a report knows the mail, where that is not kept yet."""
    return {} if row.message_id else {"message_id": message_token(row.key)}


def _is_being_handed_over(row: Row[Any], now: datetime) -> bool:
    return row.changed_at is not None and abs(now - row.changed_at) < HAND_OVER


_LOCK_MAIL = select(schema.emails).where(schema.emails.c.key == bindparam("of")).with_for_update()
_CHANGE_MAIL = update(schema.emails).where(schema.emails.c.key == bindparam("of"))


_ONE_TIME = timedelta(hours=1)
"""How far a lifecycle's time may be from the wall clock, and both are still one day to its reader.
A rehearsed job's clock is moved ahead: its days are nobody's, and do not count."""
_RECIPIENTS = 0x6D61696C
"""Which advisory locks let mails to one recipient be counted one after the other."""


def held(
    database: Database,
    connection: Connection,
    to: str,
    limits: ContactLimits,
    step: Step,
    zones: Sequence[str],
) -> dict[str, Any]:
    """Return the columns that say when a new mail goes out, and why it does not at once.

    Args:
        database: the store.
        connection: the transaction in which it is queued.
        to: its recipient.
        limits: the hours that it keeps, and how many like it a recipient gets in a day.
        step: what sends it.
        zones: the IANA zones that the recipient may live in.
    """
    to = to.lower()
    if not database.is_sqlite:  # SQLite has one writer anyway
        lock = func.pg_advisory_xact_lock(_RECIPIENTS, func.hashtext(to))
        connection.execute(select(lock))

    def taken(begins: datetime, ends: datetime) -> int:
        of_that_day = {"recipient": to, "begins": begins, "ends": ends}
        return connection.scalar(_TAKEN, of_that_day) or 0

    counts = abs(datetime.now(UTC) - step.at) < _ONE_TIME
    slot = slot_for(limits, step.at, zones, taken if counts else None)
    return {"counts_at": slot.at, "held_for": slot.held_for and slot.held_for.value}


_TAKEN = (
    select(func.count())
    .select_from(schema.emails)
    .where(
        schema.emails.c.counts_at >= bindparam("begins"),
        schema.emails.c.counts_at < bindparam("ends"),
        func.lower(schema.emails.c.to) == bindparam("recipient"),
        schema.emails.c.state != "bounced",
    )
)


def mail_row(mail: RenderedMail, template: str) -> dict[str, Any]:
    """Return a mail as it waits to be sent, or as it comes back at once."""
    obstacle = _obstacle(mail.to)
    return {
        **mail.model_dump(),
        "template": template,
        "state": "bounced" if obstacle else "queued",
        "last_error": obstacle,
        "fault": MailFault.RECIPIENT.value if obstacle else None,
        "attempts": 0,
    }


def _obstacle(to: str) -> str | None:
    """Return why no mail can be sent to an address, None if one can (G-44)."""
    if not to:
        return "no e-mail address on file"
    if not is_mailable(to):
        return "the e-mail address on file is a placeholder, or cannot receive mail"
    return None


def _queued(row: Row[Any], state: MailState | None = None) -> QueuedMail:
    return QueuedMail(
        id=row.id,
        key=row.key,
        to=row.to,
        subject=row.subject,
        text=row.text,
        html=row.html,
        state=state or MailState(row.state),
        attempts=row.attempts,
        fault=row.fault,
    )
