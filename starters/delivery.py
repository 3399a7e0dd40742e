"""From the hook's door to Temporal: take an event over, and tell the lifecycles that want it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.events import EVENT, Event
from domain.lifecycles import LifecycleKind
from domain.refusals import Refused
from domain.relayed import RelayedCommand
from starters import starting
from store.database import StoreUnavailableError
from store.inbox import Inbox, Outcome, Waiting
from store.intake import NOBODY_WAITS, Intake, NotItsTurnError, Plan, StartPlan
from workers.temporal import NO_ANSWER
from workflows.messages import BEGIN_ANEW
from workflows.registry import LIFECYCLES

log = structlog.get_logger()

_RPC = timedelta(seconds=2)
_PATIENCE_SECONDS = 3
"""How long Temporal has to hear an event, retries and all: senders give up after five seconds."""
_PAUSE_SECONDS = 1.0
_GIVE_WAY_SECONDS = 0.5
"""How long an event that is told later waits, each time, for hooks that wait for an answer."""
_AT_ONCE = 20
"""As many hooks that wait for an answer are told at once; who finds more is told later."""
_JOBS_AT_A_TIME = 8
"""Jobs whose events are told at the same time where nobody waits for an answer."""


class Received(BaseModel):
    """What a hook is answered."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    outcome: Outcome
    workflow_id: str | None = None
    reason: str | None = None


class _StalePlanError(Exception):
    """A lifecycle that was to hear the event was ended in Temporal: decide anew whom to tell."""


class _NotYetError(Exception):
    """Temporal cannot be told now; the event stays and is told later."""


class EventDispatcher:
    """Takes events over and tells them on, now or later, each once."""

    def __init__(
        self,
        inbox: Inbox,
        intake: Intake,
        client: Client,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._inbox = inbox
        self._client = client
        self._intake = intake
        self._clock = clock
        self._unanswered = 0
        self._all_answered = asyncio.Event()
        self._all_answered.set()
        self._left = asyncio.Event()

    async def receive(self, webhook_id: str, body: bytes) -> Received:
        """Keep an authentic body and do with it what can be done at once.

        Raises:
            StoreUnavailableError: it could not even be kept.
        """
        with self._among_others() as many_at_once:
            event, unreadable = None, None
            try:
                event = EVENT.validate_json(body)
            except ValidationError as error:
                unreadable = _in_words(error)
            except Exception:
                log.exception("an event cannot be read", event_id=webhook_id)
            kept = await self._inbox.keep(
                webhook_id,
                body,
                self._clock(),
                job_id=event.job.job_id if event else None,
                unreadable=unreadable,
                left=many_at_once,
            )
            if kept.outcome is not None:
                if kept.outcome is Outcome.DEAD_LETTER:
                    log.error("dead letter", event_id=webhook_id, reason=kept.reason)
                return Received(event_id=webhook_id, outcome=kept.outcome, reason=kept.reason)
            waiting = Waiting(id=kept.id, webhook_id=webhook_id, body=body, origin=None, attempts=0)
            if many_at_once:
                self._left.set()
                return _kept(waiting, "many events came at once")
            if event is None:
                return _kept(waiting, "it could not be read")
            return await self._or_later(waiting, self._tell_of(waiting, event, again=False))

    async def _or_later(self, waiting: Waiting, telling: Awaitable[Received]) -> Received:
        """Answer for a kept event, which is never refused, whatever goes wrong with telling it."""
        try:
            return await telling
        except StoreUnavailableError as error:
            log.warning("event kept, not taken yet", event_id=waiting.webhook_id, reason=str(error))
            return _kept(waiting, str(error))
        except Exception as fault:
            log.exception("an event cannot be taken further", event_id=waiting.webhook_id)
            return _kept(waiting, f"a fault of Steward's ({type(fault).__name__})")

    @contextmanager
    def _among_others(self) -> Iterator[bool]:
        """Count a hook among those that wait for an answer; give whether they are many."""
        self._unanswered += 1
        self._all_answered.clear()
        try:
            yield self._unanswered > _AT_ONCE
        finally:
            self._unanswered -= 1
            if not self._unanswered:
                self._all_answered.set()

    async def advance(self, waiting: Waiting) -> Received:
        """Take a kept event, or a lifecycle's order, as far as it gets.

        An earlier attempt may have got further than the inbox knows.
        """
        if waiting.origin is not None and (sent := _sent_order(waiting.body)):
            return await self._pass_on(waiting, sent)
        try:
            event = EVENT.validate_json(waiting.body)
        except ValidationError as error:
            reason = _in_words(error)
            await self._inbox.bury(waiting.id, reason)
            log.warning("dead letter", event_id=waiting.webhook_id, reason=reason)
            return Received(event_id=waiting.webhook_id, outcome=Outcome.DEAD_LETTER, reason=reason)
        return await self._tell_of(waiting, event, again=True)

    async def _tell_of(self, waiting: Waiting, event: Event, *, again: bool) -> Received:
        """Take an event as far as it gets.

        Args:
            waiting: the event, as it is kept.
            event: what it says.
            again: whether an earlier attempt may have got further than the inbox knows.
        """
        event_id = waiting.webhook_id
        try:
            plan = await self._intake.take(
                waiting.id,
                event_id,
                event,
                self._clock(),
                waiting.origin,
            )
        except NotItsTurnError as error:
            self._left.set()
            return _kept(waiting, str(error), error.plan)
        if plan.outcome is Outcome.IGNORED:
            return Received(
                event_id=event_id,
                outcome=Outcome.IGNORED,
                reason=NOBODY_WAITS,
            )
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                told = await self._tell(plan, event, again=again)
        except _StalePlanError:
            log.warning("a lifecycle was ended in Temporal", event_id=event_id)
            await self._inbox.forget_plan(waiting.id)
            return await self._tell_of(waiting, event, again=True)
        except (_NotYetError, TimeoutError) as error:
            reason = str(error) or "Temporal does not answer in time"
            return await self._not_yet(waiting, plan.outcome, _first_workflow(plan), reason)
        outcome = plan.outcome if told else Outcome.IGNORED
        workflow_id = told[0] if told else None
        await self._inbox.settle(waiting.id, outcome, workflow_id)
        return Received(event_id=event_id, outcome=outcome, workflow_id=workflow_id)

    async def _pass_on(self, waiting: Waiting, sent: RelayedCommand) -> Received:
        """Give a command of one lifecycle to another, which it starts if need be."""
        kind, event_id = LIFECYCLES[sent.lifecycle], waiting.webhook_id
        workflow_id = kind.workflow_id(sent.job_id)
        fields = {**sent.fields, "message_id": _as_message_id(event_id)}
        try:
            request = kind.commands.read(sent.command, fields)
            argument = await self._intake.opening(kind, sent.job_id, request, fields, self._clock())
            if argument is None:
                if not await self._send(workflow_id, sent.command, request.payload):
                    await self._intake.abandon(workflow_id, self._clock())
                    return await self._pass_on(waiting, sent)
            elif not await self._began_with(workflow_id, argument.event_id):
                starting.require_startable(kind, request, argument)
                await starting.start(self._client, kind, argument, _RPC)
        except Refused as refused:
            reason = refused.refusal.message
            log.warning("a lifecycle's order is refused", event_id=event_id, reason=reason)
            await self._intake.refuse(sent, event_id, refused.refusal, self._clock())
            await self._inbox.settle(waiting.id, Outcome.IGNORED, None)
            return Received(event_id=event_id, outcome=Outcome.IGNORED, reason=reason)
        except WorkflowAlreadyStartedError:
            # It began meanwhile, or the run before has still to close: it is tried again.
            return await self._not_yet(waiting, Outcome.STARTED, workflow_id, "it still runs")
        except NO_ANSWER as error:
            return await self._not_yet(waiting, Outcome.STARTED, workflow_id, str(error))
        except _NotYetError as error:
            return await self._not_yet(waiting, Outcome.STARTED, workflow_id, str(error))
        outcome = Outcome.DELIVERED if argument is None else Outcome.STARTED
        await self._inbox.settle(waiting.id, outcome, workflow_id)
        return Received(event_id=event_id, outcome=outcome, workflow_id=workflow_id)

    async def _not_yet(
        self, waiting: Waiting, outcome: Outcome, workflow_id: str | None, reason: str
    ) -> Received:
        """Leave an event, or an order, to be told later by itself."""
        await self._inbox.postpone(waiting.id, reason, self._clock())
        log.warning("kept, not told yet", event_id=waiting.webhook_id, reason=reason)
        return Received(
            event_id=waiting.webhook_id,
            outcome=outcome,
            workflow_id=workflow_id,
            reason=f"kept, and told later by itself: {reason}",
        )

    async def replay(self, inbox_id: int) -> Received | None:
        """Try a dead letter again, None if there is no such dead letter."""
        waiting = await self._inbox.revive(inbox_id)
        return await self._or_later(waiting, self.advance(waiting)) if waiting else None

    async def run(self) -> None:
        """Tell on, for ever, what could not be told at once."""
        while True:
            self._left.clear()
            try:
                while waiting := await self._inbox.waiting(self._clock()):
                    await self._advance_all(waiting)
            except StoreUnavailableError as error:
                log.warning("the store does not answer", reason=str(error))
                await asyncio.sleep(_PAUSE_SECONDS)
            await _until_set(self._left, _PAUSE_SECONDS)

    async def _advance_all(self, waiting: Sequence[Waiting]) -> None:
        """Take events further: those of one job in turn, some jobs at a time."""
        by_job = defaultdict[str | None, list[Waiting]](list)
        for each in waiting:
            by_job[each.job_id].append(each)
        jobs = iter(by_job.values())
        ends = await asyncio.gather(
            *(self._advance_jobs(jobs) for _ in range(_JOBS_AT_A_TIME)), return_exceptions=True
        )
        for end in ends:
            if end is not None:
                raise end

    async def _advance_jobs(self, jobs: Iterator[list[Waiting]]) -> None:
        for job in jobs:
            for waiting in job:
                # Who waits for an answer goes first, though not for ever.
                await _until_set(self._all_answered, _GIVE_WAY_SECONDS)
                await self._advance_again(waiting)

    async def _advance_again(self, waiting: Waiting) -> None:
        """Take an event further; a fault of ours with one event must not hold up all others."""
        try:
            await self.advance(waiting)
        except StoreUnavailableError:
            raise
        except Exception as fault:
            log.exception("an event cannot be taken further", event_id=waiting.webhook_id)
            reason = f"a fault of Steward's ({type(fault).__name__}: {fault})"
            await self._inbox.postpone(waiting.id, reason, self._clock(), faulty=True)

    async def _tell(self, plan: Plan, event: Event, *, again: bool) -> list[str]:
        """Start and signal what the plan says; return the ids of the workflows that were told."""
        told = []
        for start in plan.starts:
            kind = LIFECYCLES[start.lifecycle]
            await self._start(kind, plan, start, event, again=again)
            told.append(kind.workflow_id(plan.job.job_id))
        heard = [each for each in plan.delivers_to if await self._signal(each, plan, event)]
        return told + heard

    async def _start(
        self, kind: LifecycleKind, plan: Plan, start: StartPlan, event: Event, *, again: bool
    ) -> None:
        argument = self._intake.starting(kind, plan, start, event)
        workflow_id = kind.workflow_id(plan.job.job_id)
        if again and await self._inbox.has_begun(workflow_id, start.episode):
            return
        try:
            await starting.start(self._client, kind, argument, _RPC)
        except WorkflowAlreadyStartedError as error:
            if await self._began_with(workflow_id, plan.event_id):
                return
            # The run before has ended but still has mail to send: it begins the next one itself.
            if not await self._send(workflow_id, BEGIN_ANEW, argument):
                raise _NotYetError("its earlier run has still to close") from error
        except NO_ANSWER as error:
            raise _NotYetError(f"Temporal does not answer ({error})") from error

    async def _began_with(self, workflow_id: str, event_id: str) -> bool:
        """Return whether an event, or an order, started the newest run of a workflow."""
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            described = await handle.describe(rpc_timeout=_RPC)
            started_by = await described.memo_value(starting.STARTED_BY, None, type_hint=str)
        except NO_ANSWER as error:
            if _knows_no_such_workflow(error):
                return False
            raise _NotYetError(f"Temporal does not answer ({error})") from error
        return started_by == event_id

    async def _signal(self, workflow_id: str, plan: Plan, event: Event) -> bool:
        """Tell a workflow of an event; return whether it still runs."""
        if await self._send(workflow_id, "job_event", plan.delivery(event, self._clock())):
            return True
        if await self._inbox.awaits_start(workflow_id):
            raise _NotYetError("its lifecycle has still to be started")
        if await self._intake.abandon(workflow_id, self._clock()):
            raise _StalePlanError
        return False

    async def _send(self, workflow_id: str, name: str, payload: BaseModel) -> bool:
        """Signal a workflow; return whether it still runs."""
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            await handle.signal(name, payload, rpc_timeout=_RPC)
        except NO_ANSWER as error:
            if _knows_no_such_workflow(error):
                return False
            raise _NotYetError(f"Temporal does not answer ({error})") from error
        return True


def _knows_no_such_workflow(error: Exception) -> bool:
    return isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND


def _kept(waiting: Waiting, reason: str, plan: Plan | None = None) -> Received:
    """Answer that an event is kept, and with what it will come to as far as that is known."""
    return Received(
        event_id=waiting.webhook_id,
        outcome=plan.outcome if plan else Outcome.DELIVERED,
        workflow_id=_first_workflow(plan) if plan else None,
        reason=f"kept, and told later by itself: {reason}",
    )


async def _until_set(event: asyncio.Event, patience: float) -> None:
    """Return once an event is set, or after so many seconds."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), patience)


def _first_workflow(plan: Plan) -> str | None:
    for start in plan.starts:
        return LIFECYCLES[start.lifecycle].workflow_id(plan.job.job_id)
    return plan.delivers_to[0] if plan.delivers_to else None


def _sent_order(body: bytes) -> RelayedCommand | None:
    """Return the order that a lifecycle left in the inbox, None if it left an event there."""
    try:
        return RelayedCommand.model_validate_json(body)
    except ValidationError:
        return None


def _as_message_id(key: str) -> str:
    """Return the id by which a lifecycle knows an order: the same at every attempt."""
    return sha256(key.encode()).hexdigest()


def _in_words(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_input=False)
    said = "; ".join(
        f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}"
        for problem in problems[:10]
    )
    return said.replace("\0", "\\0")  # what was sent may be quoted, and no database keeps a NUL
