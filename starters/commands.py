"""Commands over HTTP: each becomes an update of the job's workflow."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import structlog
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.commands import Answer
from domain.lifecycles import Answered, LifecycleKind
from domain.refusals import Refusal, RefusalKind, Refused, forbidden, unreadable
from domain.roles import STEWARD, Actor
from domain.values import MessageId
from starters.starting import require_startable, start_with, with_message_id
from store.intake import Intake
from store.journal import Journal, RefusedAttempt
from store.reading import Reading
from workers.temporal import NO_ANSWER
from workflows.messages import ANSWER_TO, BEGIN_ANEW, REFUSED

log = structlog.get_logger()

PATIENCE = timedelta(seconds=8)
"""How long a command waits for a worker."""

_SHORTLY = 0.1
"""Seconds until an ended run may have closed."""

_STATUS: Mapping[RefusalKind, int] = {
    RefusalKind.ROLE: 403,
    RefusalKind.CONFLICT: 409,
    RefusalKind.NOT_RUNNING: 404,
    RefusalKind.FIELDS: 422,
}
_UNHEARD = frozenset({404, 503})
"""Statuses of a command that no lifecycle has heard: given again, it may well be heard."""
_MESSAGE_ID: TypeAdapter[str] = TypeAdapter(MessageId)


class Reply(BaseModel):
    """An answer over HTTP."""

    model_config = ConfigDict(frozen=True)

    status: int
    body: dict[str, Any]


class Commands:
    """Gives commands to lifecycles."""

    def __init__(
        self,
        client: Client,
        intake: Intake,
        journal: Journal,
        reading: Reading,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._client = client
        self._intake = intake
        self._journal = journal
        self._reading = reading
        self._patience = patience

    async def give(
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
        workflow_id = kind.workflow_id(job_id)
        message_id = _message_id(fields)
        if message_id and (known := await self._journal.answered(workflow_id, message_id)):
            return _as_before(command, message_id, *known)
        reply = await self._update(kind, job_id, command, fields, by, message_id)
        if message_id and reply.status not in _UNHEARD:
            await self._journal.answer(
                workflow_id, message_id, command, reply.status, reply.body, datetime.now(UTC)
            )
        return reply

    async def _update(
        self,
        kind: LifecycleKind,
        job_id: str,
        command: str,
        fields: object,
        by: Actor | None,
        message_id: str | None,
    ) -> Reply:
        actor = _actor(fields)
        update_id = f"{command}:{message_id}" if message_id else uuid4().hex
        attempt = partial(
            RefusedAttempt,
            id=update_id,
            job_id=job_id,
            lifecycle=kind.name,
            command=command,
            actor=by or actor or STEWARD,
            at=datetime.now(UTC),
        )
        handle = self._client.get_workflow_handle(kind.workflow_id(job_id))
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                given = fields if by is None else _signed(fields, actor, by)
                answer = await self._ask(kind, job_id, command, given, update_id)
        except Refused as refused:
            return await self._refuse(attempt(refusal=refused.refusal))
        except WorkflowUpdateFailedError as failed:
            refusal, at = _refusal_in(failed)
            return await self._refuse(attempt(refusal=refusal, at=at))
        except (
            WorkflowUpdateRPCTimeoutOrCancelledError,
            RPCTimeoutOrCancelledError,
            TimeoutError,
        ):
            return _nobody("No worker answered in time; it may still happen.", "look at the job")
        except NO_ANSWER as error:
            if not isinstance(error, RPCError) or error.status is not RPCStatusCode.NOT_FOUND:
                log.warning("Temporal does not answer", reason=str(error))
                return _nobody("Temporal does not answer; it may still happen.", "look at the job")
            if message_id and (known := await self._answered_before_the_end(handle, message_id)):
                reply = _as_before(command, message_id, known.command, 200, _body(known.answer))
            else:
                refusal = await self._not_running(kind, job_id)
                reply = await self._refuse(attempt(refusal=refusal))
            return reply
        return Reply(status=200, body=_body(answer))

    async def _ask(
        self, kind: LifecycleKind, job_id: str, command: str, fields: object, update_id: str
    ) -> Answer:
        """Give a command to the lifecycle, which it starts if none runs and it is one that does.

        Raises:
            Refused: the lifecycle must not be started so.
        """
        declared = kind.commands.get(command)
        if declared is not None and declared.starts:
            return await self._ask_or_start(kind, job_id, command, fields, update_id)
        return await self._execute(kind, job_id, command, fields, update_id)

    async def _ask_or_start(
        self, kind: LifecycleKind, job_id: str, command: str, fields: object, update_id: str
    ) -> Answer:
        workflow_id = kind.workflow_id(job_id)
        request = kind.commands.read(command, fields)
        known = with_message_id(dict(fields), update_id)  # type: ignore[call-overload]  # was read
        while True:
            now = datetime.now(UTC)
            argument = await self._intake.opening(kind, job_id, request, known, now)
            try:
                if argument is None:
                    return await self._execute(kind, job_id, command, known, update_id)
                require_startable(kind, request, argument)
                return await start_with(self._client, kind, argument, update_id, self._patience)
            except WorkflowUpdateFailedError as failed:
                if argument is None or _refusal_in(failed)[0].kind is not RefusalKind.NOT_RUNNING:
                    raise
                # The run before has ended but still has mail to send: it begins the next itself.
                await self._client.get_workflow_handle(workflow_id).signal(
                    BEGIN_ANEW, argument, rpc_timeout=self._patience
                )
                await asyncio.sleep(_SHORTLY)
            except RPCError as error:
                gone = argument is None and error.status is RPCStatusCode.NOT_FOUND
                if not gone or not await self._intake.abandon(workflow_id, now):
                    raise

    async def _execute(
        self, kind: LifecycleKind, job_id: str, command: str, fields: object, update_id: str
    ) -> Answer:
        handle = self._client.get_workflow_handle(kind.workflow_id(job_id))
        answer: Answer = await handle.execute_update(
            command, fields, id=update_id, result_type=Answer, rpc_timeout=self._patience
        )
        return answer

    async def _answered_before_the_end(
        self, handle: WorkflowHandle[Any, Any], message_id: str
    ) -> Answered | None:
        """Return what an ended lifecycle answered to a message that came as a signal."""
        try:
            known: Answered | None = await handle.query(
                ANSWER_TO, message_id, result_type=Answered, rpc_timeout=self._patience
            )
        except (*NO_ANSWER, RPCTimeoutOrCancelledError, WorkflowQueryFailedError) as error:
            log.info("no ended lifecycle tells its answers", reason=str(error))
            return None
        return known

    async def _not_running(self, kind: LifecycleKind, job_id: str) -> Refusal:
        known = await self._reading.lifecycle(kind.workflow_id(job_id))
        if known is None:
            message, instead = f"No {kind.name} runs for job {job_id}.", f"see GET /jobs/{job_id}"
        elif known["outcome"] is None:
            message = f"No workflow of {kind.name} runs for {job_id} now."
            instead = "see `steward stuck`, and Temporal UI; if it has still to start, try again"
        else:
            message = f"{kind.name} of {job_id} has ended as {known['outcome']}."
            instead = f"see GET /jobs/{job_id} for what happened"
        return Refusal(kind=RefusalKind.NOT_RUNNING, rule=None, message=message, instead=instead)

    async def _refuse(self, attempt: RefusedAttempt) -> Reply:
        await self._journal.refused(attempt)
        return refusal_reply(attempt.refusal)


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


def _body(answer: Answer) -> dict[str, Any]:
    return answer.model_dump(mode="json")


def _as_before(
    command: str, message_id: str, known: str, status: int, body: dict[str, Any]
) -> Reply:
    if known == command:
        return Reply(status=status, body=body)
    return refusal_reply(
        unreadable(
            f"message_id {message_id!r} was already used for {known}.",
            instead="give every message an id of its own",
        ).refusal
    )


def _nobody(message: str, instead: str) -> Reply:
    body = {"error": "unavailable", "rule": None, "message": message, "instead": instead}
    return Reply(status=503, body=body)


def _signed(fields: object, actor: Actor | None, by: Actor) -> object:
    """Return a payload as given by the owner of a token.

    Raises:
        Refused: it names another.
    """
    if not isinstance(fields, dict):
        return fields
    if actor is not None and actor != by:
        raise forbidden(
            None,
            f"The token is {by.name}'s ({by.role}); the body names another.",
            instead="leave the actor out, or name yourself",
        )
    return {**fields, "actor": by.model_dump(mode="json")}


def _refusal_in(failed: WorkflowUpdateFailedError) -> tuple[Refusal, datetime]:
    """Return the refusal that a failed update carries, and when it was refused."""
    cause = failed.cause
    if isinstance(cause, ApplicationError) and cause.type == REFUSED:
        refusal, at = cause.details
        return Refusal.model_validate(refusal), datetime.fromisoformat(at)
    raise failed


def _message_id(fields: object) -> str | None:
    """Return a readable message id; an unreadable one is the workflow's to refuse."""
    if not isinstance(fields, dict) or fields.get("message_id") is None:
        return None
    try:
        return _MESSAGE_ID.validate_python(fields["message_id"])
    except ValidationError:
        return None


def _actor(fields: object) -> Actor | None:
    if not isinstance(fields, dict):
        return None
    try:
        return Actor.model_validate(fields.get("actor"))
    except ValidationError:
        return None
