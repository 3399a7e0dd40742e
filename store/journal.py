"""The journal's other entrance: refusals, which no lifecycle writes itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Insert, select, tuple_

from domain.effects import OpenTask
from domain.labels import to_do
from domain.lifecycles import job_of
from domain.refusals import Refusal, refused_sentence
from domain.relayed import RelayedCommand
from domain.roles import STEWARD, Actor
from domain.values import Instant
from store import schema
from store.database import Database
from store.erasures import is_erased
from store.job_rows import Origin, open_task

_DONE = 200


class RefusedAttempt(BaseModel):
    """Somebody's attempt to give a command, and why it was refused."""

    model_config = ConfigDict(frozen=True)

    id: str
    """The update's id, under which the journal has the attempt once."""
    job_id: str
    lifecycle: str
    command: str
    at: Instant
    """The workflow's time, or the wall clock's where no workflow was asked."""
    actor: Actor
    refusal: Refusal


class Journal:
    """Writes refusals, and keeps what commands with a message id were answered.

    Of a job that was erased it writes and keeps nothing: that would name who asked.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def refused(self, attempt: RefusedAttempt) -> None:
        """Write that a command was refused, once for each attempt to give it."""
        entry = {
            "job_id": attempt.job_id,
            "lifecycle": attempt.lifecycle,
            "at": attempt.at,
            "actor_name": attempt.actor.name,
            "actor_role": attempt.actor.role.value,
            "what": refused_sentence(attempt.command, attempt.refusal),
            "rule": attempt.refusal.rule,
            "key": f"refused:{attempt.lifecycle}/{attempt.job_id}:{attempt.id}",
        }
        await self._write(attempt.job_id, self._database.insert_once(schema.journal), [entry])

    async def noted(
        self,
        job_id: str,
        lifecycle: str,
        actor: Actor,
        entries: Mapping[str, str | None],
        now: datetime,
        key: str,
    ) -> None:
        """Write what somebody did where no lifecycle writes it, once for each key.

        Args:
            job_id: the job.
            lifecycle: the lifecycle that it would belong to.
            actor: who did it.
            entries: what to write, in order, and the rule of each.
            now: the wall clock, aware UTC.
            key: tells this from everything else that is written on the job.
        """
        rows = [
            {
                "job_id": job_id,
                "lifecycle": lifecycle,
                "at": now,
                "actor_name": actor.name,
                "actor_role": actor.role.value,
                "what": what,
                "rule": rule,
                "key": f"{key}:{number}",
            }
            for number, (what, rule) in enumerate(entries.items())
        ]
        await self._write(job_id, self._database.insert_once(schema.journal), rows)

    async def relay_refused(
        self,
        relayed: RelayedCommand,
        event_id: str,
        refusal: Refusal,
        now: datetime,
        task: OpenTask,
    ) -> None:
        """Write that one lifecycle refused the command of another, and open a task for a person.

        Args:
            relayed: the command.
            event_id: what the inbox knows it by; whatever is written, is written once for it.
            refusal: why it was refused.
            now: the wall clock, aware UTC.
            task: what a person does about it.
        """
        key = f"refused:{event_id}"
        entry = {
            "job_id": relayed.job_id,
            "key": key,
            "at": now,
            "lifecycle": relayed.lifecycle,
            "actor_name": STEWARD.name,
            "actor_role": STEWARD.role.value,
            "what": f"refused to {to_do(relayed.command)}: {refusal.message}",
            "rule": refusal.rule,
        }
        workflow_id = f"{relayed.lifecycle}/{relayed.job_id}"
        origin = Origin(relayed.job_id, workflow_id, key, now)

        def write(connection: Connection) -> None:
            connection.execute(self._database.insert_once(schema.journal), entry)
            open_task(self._database, connection, origin, task.role, task.task, task.text)

        await self._database.write(write)

    async def answered(
        self, workflow_id: str, actor: Actor, message_id: str
    ) -> tuple[str, int, dict[str, Any]] | None:
        """Return (command, status, body) of the answer to an actor's message, None if it is new.

        What releases before kept counts for every actor: it does not say whose it was.
        """
        answers = schema.answers
        whose = tuple_(answers.c.actor_role, answers.c.actor_name)
        this = (
            select(answers)
            .where(answers.c.workflow_id == workflow_id, answers.c.message_id == message_id)
            .where(whose.in_([(actor.role.value, actor.name), ("", "")]))
            .order_by(answers.c.actor_role.desc())
            .limit(1)
        )
        row = await self._database.read(lambda connection: connection.execute(this).one_or_none())
        return (row.command, row.status, row.body) if row else None

    async def done_by_form(self, workflow_id: str, actor: Actor, prefix: str) -> str | None:
        """Return the id of an actor's command that was done, if it begins so; None if none does."""
        answers = schema.answers
        this = (
            select(answers.c.message_id)
            .where(
                answers.c.workflow_id == workflow_id,
                answers.c.actor_role == actor.role.value,
                answers.c.actor_name == actor.name,
                answers.c.message_id.startswith(prefix, autoescape=True),
                answers.c.status == _DONE,
            )
            .limit(1)
        )
        found: str | None = await self._database.read(lambda connection: connection.scalar(this))
        return found

    async def answer(
        self,
        workflow_id: str,
        actor: Actor,
        message_id: str,
        command: str,
        status: int,
        body: dict[str, Any],
        now: datetime,
    ) -> None:
        """Keep what an actor's message was answered: it gets the same answer for ever."""
        answer = {
            "workflow_id": workflow_id,
            "actor_role": actor.role.value,
            "actor_name": actor.name,
            "message_id": message_id,
            "command": command,
            "status": status,
            "body": body,
            "answered_at": now,
        }
        keeping = self._database.insert_once(
            schema.answers, "workflow_id", "actor_role", "actor_name", "message_id"
        )
        await self._write(job_of(workflow_id)[1], keeping, [answer])

    async def _write(self, job_id: str, writing: Insert, rows: Sequence[dict[str, Any]]) -> None:
        def write(connection: Connection) -> None:
            if not is_erased(connection, job_id):
                connection.execute(writing, rows)

        await self._database.write(write)
