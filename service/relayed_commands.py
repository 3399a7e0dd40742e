"""Commands that one lifecycle gives to another of the same job, through the inbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256

import structlog
from pydantic import ValidationError
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain.attention import Attention
from domain.commands import DISMISS_ATTENTION
from domain.effects import OpenTask
from domain.labels import to_do
from domain.refusals import Refusal, Refused
from domain.relayed import RelayedCommand
from domain.roles import Role
from service import starting
from service.audit import WHY_NOT_NOW, Audit, Standing
from service.routing import Router
from service.signalling import RPC_TIMEOUT, NotDeliveredError, signal
from store.inbox import Outcome
from store.journal import Journal
from store.lifecycles import Lifecycles
from workers.temporal import NO_ANSWER
from workflows.registry import LIFECYCLES

log = structlog.get_logger()


class CommandRelay:
    """Gives a lifecycle's command to another lifecycle, which it starts if need be."""

    def __init__(
        self,
        client: Client,
        lifecycles: Lifecycles,
        journal: Journal,
        router: Router,
        audit: Audit,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._lifecycles = lifecycles
        self._journal = journal
        self._router = router
        self._audit = audit
        self._clock = clock

    async def relay(self, command: RelayedCommand, event_id: str) -> Outcome:
        """Give a command to its lifecycle; return whether that was started or ran already.

        Args:
            command: the command.
            event_id: what the inbox knows it by; at another attempt, it counts only once.

        Raises:
            Refused: a rule forbids it; the journal says so, and a supervisor has a task.
            NotDeliveredError: it cannot be delivered now.
        """
        try:
            return await self._deliver(command, event_id)
        except Refused as refused:
            if command.command == DISMISS_ATTENTION:
                return await self._dismiss_of_ended(command)
            rule = refused.refusal.rule
            log.warning("a lifecycle's order is refused", event_id=event_id, rule=rule)
            await self._journal.relay_refused(
                command, event_id, refused.refusal, self._clock(), _task(command, refused.refusal)
            )
            raise
        except WorkflowAlreadyStartedError as error:
            # It began meanwhile, or the run before has still to close.
            raise NotDeliveredError("its workflow still runs") from error
        except NO_ANSWER as error:
            raise NotDeliveredError(str(error)) from error

    async def _dismiss_of_ended(self, command: RelayedCommand) -> Outcome:
        """Dismiss in the store what a lifecycle that has ended meanwhile asks attention for."""
        workflow_id = f"{command.lifecycle}/{command.job_id}"
        await self._lifecycles.settle(workflow_id, Attention(str(command.fields["attention"])))
        return Outcome.IGNORED

    async def _deliver(self, command: RelayedCommand, event_id: str) -> Outcome:
        kind = LIFECYCLES[command.lifecycle]
        workflow_id = kind.workflow_id(command.job_id)
        fields = {**command.fields, "message_id": message_id_of_relayed(event_id)}
        request = kind.commands.read(command.command, fields)
        while True:
            known = await self._lifecycles.known(workflow_id)
            argument = self._router.start_for_command(
                kind, command.job_id, known, request, fields, self._clock()
            )
            if argument is not None:
                break
            if await signal(self._client, workflow_id, command.command, request.payload):
                return Outcome.DELIVERED
            standing = await self._audit.settle(workflow_id)
            if standing is not Standing.ENDED:
                raise NotDeliveredError(WHY_NOT_NOW[standing])
        if not await self._audit.was_started_by(workflow_id, argument.event_id):
            starting.require_startable(kind, request, argument)
            await starting.start(self._client, kind, argument, RPC_TIMEOUT)
        return Outcome.STARTED


def relayed_command_in(body: bytes) -> RelayedCommand | None:
    """Return the command that a lifecycle put in the inbox, None if it put an event there."""
    try:
        return RelayedCommand.model_validate_json(body)
    except ValidationError:
        return None


def message_id_of_relayed(event_id: str) -> str:
    """Return the id by which a lifecycle knows a relayed command: the same at every attempt."""
    return sha256(event_id.encode()).hexdigest()


def _task(command: RelayedCommand, refusal: Refusal) -> OpenTask:
    return OpenTask(
        role=Role.SUPERVISOR,
        task="order_refused",
        text=f"Decide how this job goes on. Steward tried to {to_do(command.command)} "
        f"(`{command.command}`) and was refused: {refusal.message}",
    )
