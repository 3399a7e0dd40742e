"""Commands: each is an update of its lifecycle's workflow, whichever way it came in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import structlog
from pydantic import TypeAdapter, ValidationError
from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from domain.attention import Attention
from domain.commands import DISMISS_ATTENTION, Answer, CommandRequest, answer_key
from domain.faults import in_brief
from domain.labels import lifecycle_label
from domain.lifecycles import Answered, LifecycleKind
from domain.refusals import (
    Refusal,
    RefusalKind,
    Refused,
    forbidden,
    has_ended,
    id_in_use,
    unreadable,
)
from domain.roles import STEWARD, Actor
from domain.values import MessageId
from service.audit import Audit, Standing
from service.dismissals import Dismissals
from service.erased_jobs import ErasedJobs
from service.pressure import Pressure
from service.questions import Questions
from service.routing import Router
from service.signalling import NotDeliveredError, is_not_found
from service.starting import require_startable, start_with_command, with_message_id
from store.data_keys import KeyDestroyedError
from store.database import StoreUnavailableError
from store.journal import Journal, RefusedAttempt
from store.lifecycles import Lifecycles
from store.reading import Reading
from workers.temporal import NO_ANSWER
from workflows.messages import ANSWER_TO, BEGIN_ANEW, CONTINUING, REFUSED

log = structlog.get_logger()

PATIENCE = timedelta(seconds=8)
"""How long a command waits for a worker."""

_SHORTLY = 0.1
"""Seconds until an ended run may have closed."""

_CLOSED = "AcceptedUpdateCompletedWorkflow"
"""Temporal's failure type of an update that a workflow took, but closed before it answered."""

_MESSAGE_ID: TypeAdapter[str] = TypeAdapter(MessageId)
_FIELDS: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


class UnansweredError(Exception):
    """Nobody answered a command in time; the message says who, and whether it may still happen.

    Attributes:
        instead: what to do about it.
    """

    def __init__(self, message: str, message_id: str | None, instead: str | None = None) -> None:
        super().__init__(message)
        self.instead = instead or (
            "Check the job, or send it again with the same message_id."
            if message_id
            else "Check the job before you send it again. A message_id makes sending again safe."
        )


class CommandDispatcher:
    """Gives commands to lifecycles, which they start where they may."""

    def __init__(
        self,
        client: Client,
        lifecycles: Lifecycles,
        journal: Journal,
        reading: Reading,
        router: Router,
        audit: Audit,
        erased: ErasedJobs,
        dismissals: Dismissals,
        questions: Questions,
        patience: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._lifecycles = lifecycles
        self._journal = journal
        self._reading = reading
        self._router = router
        self._audit = audit
        self._erased = erased
        self._dismissals = dismissals
        self._questions = questions
        self._patience = patience
        self._clock = clock
        self._pressure = Pressure(patience)

    async def dispatch(
        self, kind: LifecycleKind, job_id: str, command: str, fields: object, by: Actor | None
    ) -> Answer:
        """Give a command to a lifecycle and return the answer.

        Args:
            kind: the lifecycle.
            job_id: the job.
            command: the command's name.
            fields: its payload, as it came.
            by: who gives it, None where the payload's actor is believed.

        Raises:
            Refused: it is refused; the journal says so, except of a job that was erased.
            UnansweredError: nobody answered in time.
            BehindError: too many commands wait for an answer; this one was not given.
            StoreUnavailableError: the journal cannot be read or written.
        """
        with suppress(StoreUnavailableError):  # a lifecycle takes commands without it
            await self._erased.require_kept(job_id)
        try:
            return await self._dispatch(kind, job_id, command, fields, by)
        except (KeyDestroyedError, Refused, UnansweredError, WorkflowUpdateFailedError) as error:
            with suppress(StoreUnavailableError):
                await self._erased.require_kept(job_id)  # it may have been erased just now
            if isinstance(error, WorkflowUpdateFailedError) and _has_closed(error):
                said = f"{lifecycle_label(kind.name)} was stopped before it answered. "
                said += "The command may have been carried out."
                raise UnansweredError(said, message_id_of(fields)) from error
            raise

    async def _dispatch(
        self, kind: LifecycleKind, job_id: str, command: str, fields: object, by: Actor | None
    ) -> Answer:
        actor, message_id = actor_of(fields), message_id_of(fields)
        giver = by or actor
        update_id = uuid4().hex
        if message_id and giver:  # another actor's message with the same id is another command
            update_id = f"{command}:{giver.fingerprint}:{message_id}"
        attempt = partial(
            RefusedAttempt,
            id=update_id,
            job_id=job_id,
            lifecycle=kind.name,
            command=command,
            actor=giver or STEWARD,
            at=self._clock(),
        )
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                given = fields if by is None else signed(fields, by)
                return await self._execute_or_start(kind, job_id, command, given, update_id)
        except Refused as refused:
            await self._journal.refused(attempt(refusal=refused.refusal))
            raise
        except WorkflowUpdateFailedError as failed:
            refusal, at = _refusal_in(failed)
            await self._journal.refused(attempt(refusal=refusal, at=at))
            raise Refused(refusal) from failed
        except (
            WorkflowUpdateRPCTimeoutOrCancelledError,
            RPCTimeoutOrCancelledError,
            TimeoutError,
        ) as error:
            raise await self._unanswered(job_id, message_id) from error
        except NO_ANSWER as error:
            if not is_not_found(error):
                log.warning("Temporal does not answer", reason=in_brief(error))
                said = "Temporal doesn't answer. The command may still be carried out."
                raise UnansweredError(said, message_id) from error
            try:
                await self._audit.settle(kind.workflow_id(job_id))
            except NotDeliveredError as unproven:
                log.warning("Temporal does not answer", reason=in_brief(unproven))
                said = "Temporal doesn't answer for this job. The command was not carried out."
                raise UnansweredError(said, message_id) from unproven
            handle = self._client.get_workflow_handle(kind.workflow_id(job_id))
            if message_id and giver:
                known = await self._answer_of_ended(handle, giver, message_id)
                if known is not None and known.answer is not None:
                    require_same_command(command, message_id, known.command)
                    return known.answer
            refusal = await self._not_running(kind, job_id)
            await self._journal.refused(attempt(refusal=refusal))
            raise Refused(refusal) from error

    async def _unanswered(self, job_id: str, message_id: str | None) -> UnansweredError:
        """Return why a command is not answered in time; the job system may be the cause."""
        change = None
        with suppress(StoreUnavailableError):
            change = await self._reading.change_under_way(job_id)
        if change is Attention.JOB_SYSTEM_UNREACHABLE:
            said = "The job system doesn't answer. Steward tries again until it does."
            return UnansweredError(said, message_id, "Don't repeat the command.")
        if change is Attention.JOB_SYSTEM_REFUSES:
            said = "The job system refused a change of this job. Your command waits for it."
            instead = "Ask the Admin team to retry or drop it. Don't repeat the command."
            return UnansweredError(said, message_id, instead)
        seconds = f"{self._patience.total_seconds():g}"
        said = f"No answer within {seconds} seconds. The command may still be carried out."
        return UnansweredError(said, message_id)

    async def _execute_or_start(
        self, kind: LifecycleKind, job_id: str, command: str, fields: object, update_id: str
    ) -> Answer:
        """Give a command to its lifecycle, or start the lifecycle with it if it may and none runs.

        Raises:
            Refused: the lifecycle must not be started so.
        """
        if answer := await self._answer_from_the_store(kind, job_id, command, fields, update_id):
            return answer
        declared = kind.commands.get(command)
        if declared is None or not declared.starts:
            return await self._execute(kind, job_id, command, fields, update_id)
        workflow_id = kind.workflow_id(job_id)
        request = kind.commands.read(command, fields)
        known_by = with_message_id(_FIELDS.validate_python(fields), update_id)
        while True:
            listed = await self._lifecycles.known(workflow_id)
            argument = self._router.start_for_command(
                kind, job_id, listed, request, known_by, self._clock()
            )
            has_ended = argument is not None and argument.episode > 1
            if has_ended and (answer := await self._answered_before(kind, job_id, request)):
                return answer
            try:
                if argument is None:
                    return await self._execute(kind, job_id, command, known_by, update_id)
                require_startable(kind, request, argument)
                return await self._under_pressure(
                    start_with_command(self._client, kind, argument, update_id, self._patience)
                )
            except WorkflowUpdateFailedError as failed:
                if argument is None or not _says_not_running(failed):
                    raise
                # The run before has ended but still has mail to send: it begins the next itself.
                await self._client.get_workflow_handle(workflow_id).signal(
                    BEGIN_ANEW, argument, rpc_timeout=self._patience
                )
                await asyncio.sleep(_SHORTLY)
            except RPCError as error:
                gone = argument is None and is_not_found(error)
                if not gone or await self._audit.settle(workflow_id) is not Standing.ENDED:
                    raise

    async def _answer_from_the_store(
        self, kind: LifecycleKind, job_id: str, command: str, fields: object, update_id: str
    ) -> Answer | None:
        """Answer a command that needs no workflow where none runs, None if a workflow answers.

        Raises:
            Refused: it is refused.
        """
        if command == DISMISS_ATTENTION:
            return await self._dismissals.answer(kind, job_id, fields, update_id)
        declared = kind.commands.get(command)
        if declared is None:
            return None
        return await self._questions.answer(kind, job_id, declared, fields, update_id)

    async def _execute(
        self, kind: LifecycleKind, job_id: str, command: str, fields: object, update_id: str
    ) -> Answer:
        handle = self._client.get_workflow_handle(kind.workflow_id(job_id))
        while True:
            try:
                return await self._under_pressure(
                    handle.execute_update(
                        command,
                        fields,
                        id=update_id,
                        result_type=Answer,
                        rpc_timeout=self._patience,
                    )
                )
            except WorkflowUpdateFailedError as failed:
                if not _is_continuing(failed):
                    raise
                await asyncio.sleep(_SHORTLY)

    async def _under_pressure(self, update: Coroutine[Any, Any, Answer]) -> Answer:
        """Return what a worker answers to an update, if one keeps up with them.

        Raises:
            BehindError: none does; the update was not sent.
        """
        try:
            with self._pressure.command() as answered:
                try:
                    answer = await update
                except WorkflowUpdateFailedError:
                    answered()  # a refusal is the worker's answer, too
                    raise
                answered()
                return answer
        finally:
            update.close()  # what was put off was never awaited

    async def _answered_before(
        self, kind: LifecycleKind, job_id: str, request: CommandRequest
    ) -> Answer | None:
        """Return what an ended lifecycle answered to a command that may begin the next one.

        Raises:
            Refused: its message id was used for another command.
        """
        message_id = request.payload.message_id
        if message_id is None:
            return None
        handle = self._client.get_workflow_handle(kind.workflow_id(job_id))
        known = await self._answer_of_ended(handle, request.actor, message_id)
        if known is None:
            return None
        require_same_command(request.command.name, message_id, known.command)
        return known.answer

    async def _answer_of_ended(
        self, handle: WorkflowHandle[Any, Any], giver: Actor, message_id: str
    ) -> Answered | None:
        """Return what an ended lifecycle answered to a message, None if it tells of none.

        It knows messages that came as signals, of which the store has no answer.
        """
        try:
            known: Answered | None = await handle.query(
                ANSWER_TO,
                answer_key(giver, message_id),
                result_type=Answered,
                rpc_timeout=self._patience,
            )
        except (*NO_ANSWER, RPCTimeoutOrCancelledError, WorkflowQueryFailedError) as error:
            log.info("no ended lifecycle tells its answers", reason=in_brief(error))
            return None
        return known

    async def _not_running(self, kind: LifecycleKind, job_id: str) -> Refusal:
        known = await self._reading.lifecycle(kind.workflow_id(job_id))
        called = lifecycle_label(kind.name)
        if known is None:
            message = f"{called} isn't running on job {job_id}."
            instead = f"See what can be done on it: GET /jobs/{job_id}, or `steward show {job_id}`."
            if await self._reading.job(job_id) is None:
                message = f"There is no job {job_id}."
                meant = await self._reading.meant(job_id)
                way_out = "See the list of jobs: GET /jobs, or `steward jobs`."
                instead = f"Did you mean {meant}?" if meant else way_out
        elif known["outcome"] is None:
            message = f"{called} of job {job_id} has no running workflow."
            instead = "See `steward stuck` and Temporal UI. If it is still starting, try again."
        else:
            message = f"On job {job_id}, {has_ended(kind.name, known['outcome'])}"
            instead = f"See what happened: GET /jobs/{job_id}, or `steward show {job_id}`."
        return Refusal(kind=RefusalKind.NOT_RUNNING, rule=None, message=message, instead=instead)


def require_same_command(command: str, message_id: str, known: str) -> None:
    """Return if a message id was used for this same command.

    Raises:
        Refused: it was used for another.
    """
    if known != command:
        raise unreadable(
            id_in_use(message_id, known),
            instead="Use a new message_id for every command.",
        )


def signed(fields: object, by: Actor) -> object:
    """Return a payload as given by the owner of a token.

    Raises:
        Refused: it names another.
    """
    if not isinstance(fields, dict):
        return fields
    actor = actor_of(fields)
    if actor is not None and actor != by:
        raise forbidden(
            None,
            f"Your token belongs to {by.name} ({by.role.label}), but the body names another actor.",
            instead="Leave out the actor, or name yourself.",
        )
    return {**fields, "actor": by.model_dump(mode="json")}


def _is_continuing(failed: WorkflowUpdateFailedError) -> bool:
    """Return whether a command came while its workflow continued as new."""
    return isinstance(failed.cause, ApplicationError) and failed.cause.type == CONTINUING


def _has_closed(failed: WorkflowUpdateFailedError) -> bool:
    """Return whether a workflow was stopped, as by terminating it, with a command unanswered."""
    return isinstance(failed.cause, ApplicationError) and failed.cause.type == _CLOSED


def _says_not_running(failed: WorkflowUpdateFailedError) -> bool:
    """Return whether a workflow refused a command because its lifecycle has ended."""
    if _has_closed(failed):
        return False
    return _refusal_in(failed)[0].kind is RefusalKind.NOT_RUNNING


def _refusal_in(failed: WorkflowUpdateFailedError) -> tuple[Refusal, datetime]:
    """Return the refusal that a failed update carries, and when it was refused."""
    cause = failed.cause
    if isinstance(cause, ApplicationError) and cause.type == REFUSED:
        refusal, at = cause.details
        return Refusal.model_validate(refusal), datetime.fromisoformat(at)
    raise failed


def message_id_of(fields: object) -> str | None:
    """Return the message id of a payload, None if it has none that can be read.

    One that cannot be read is the lifecycle's to refuse.
    """
    if not isinstance(fields, dict) or fields.get("message_id") is None:
        return None
    try:
        return _MESSAGE_ID.validate_python(fields["message_id"])
    except ValidationError:
        return None


def actor_of(fields: object) -> Actor | None:
    """Return who gives a command by its payload, None if that cannot be read."""
    if not isinstance(fields, dict):
        return None
    try:
        return Actor.model_validate(fields.get("actor"))
    except ValidationError:
        return None
