"""Commands over HTTP: what is answered, and the same again to whoever sends a message again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain.lifecycles import LifecycleKind
from domain.refusals import Refusal, RefusalKind, Refused
from domain.roles import Actor
from service.commands import (
    CommandDispatcher,
    UnansweredError,
    actor_of,
    message_id_of,
    require_same_command,
)
from service.pressure import BehindError
from starters.http_errors import again_in
from store.journal import Journal

_STATUS: Mapping[RefusalKind, int] = {
    RefusalKind.ROLE: 403,
    RefusalKind.UNPROVEN: 403,
    RefusalKind.CONFLICT: 409,
    RefusalKind.NOT_RUNNING: 404,
    RefusalKind.FIELDS: 422,
}
_NOT_FINAL = frozenset({404, 429, 503})
"""Statuses of a command that no lifecycle has heard: sent again, it may well be heard."""


class Reply(BaseModel):
    """An answer over HTTP."""

    model_config = ConfigDict(frozen=True)

    status: int
    body: dict[str, Any]
    retry_after: int | None = None
    """Seconds after which it is worth trying again, where that is known."""


class CommandEndpoint:
    """Makes HTTP of what a command is answered, and remembers it by the message id."""

    def __init__(self, commands: CommandDispatcher, journal: Journal) -> None:
        self._commands = commands
        self._journal = journal

    async def reply(
        self, kind: LifecycleKind, job_id: str, command: str, fields: object, by: Actor | None
    ) -> Reply:
        """Give a command and return its answer, or its refusal.

        Args:
            kind: the lifecycle.
            job_id: the job.
            command: the command's name.
            fields: the body, as it came.
            by: who gives it by their token, None where the body is believed.

        Raises:
            StoreUnavailableError: the journal cannot be read or written.
        """
        workflow_id, message_id = kind.workflow_id(job_id), message_id_of(fields)
        actor = by or actor_of(fields)
        if message_id is None or actor is None:
            return await self._new_reply(kind, job_id, command, fields, by)
        if known := await self._journal.answered(workflow_id, actor, message_id):
            known_command, status, body = known
            try:
                require_same_command(command, message_id, known_command)
            except Refused as refused:
                return refusal_reply(refused.refusal)
            return Reply(status=status, body=body)
        reply = await self._new_reply(kind, job_id, command, fields, by)
        if reply.status not in _NOT_FINAL:
            await self._journal.answer(
                workflow_id, actor, message_id, command, reply.status, reply.body, datetime.now(UTC)
            )
        return reply

    async def _new_reply(
        self, kind: LifecycleKind, job_id: str, command: str, fields: object, by: Actor | None
    ) -> Reply:
        try:
            answer = await self._commands.dispatch(kind, job_id, command, fields, by)
        except Refused as refused:
            return refusal_reply(refused.refusal)
        except BehindError as behind:
            body = {
                "error": "too_many",
                "rule": None,
                "message": "Steward is behind with commands. Yours was not carried out.",
                "instead": again_in(behind.seconds),
            }
            return Reply(status=429, body=body, retry_after=behind.seconds)
        except UnansweredError as error:
            body = {"error": "unavailable", "rule": None, "message": str(error)}
            return Reply(status=503, body={**body, "instead": error.instead})
        return Reply(status=200, body=answer.model_dump(mode="json"))


def refusal_reply(refusal: Refusal) -> Reply:
    """Return how a refusal is answered over HTTP."""
    body: dict[str, Any] = {
        "error": refusal.kind.value,
        "rule": refusal.rule,
        "message": refusal.message,
    }
    if refusal.instead:
        body["instead"] = refusal.instead
    return Reply(status=_STATUS[refusal.kind], body=body)
