"""Events of the job system: kept, taken over, and dispatched to the lifecycles that want them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import structlog
from pydantic import BaseModel, ConfigDict
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain.erasing import NOT_TAKEN_UP
from domain.events import Event
from domain.faults import in_brief
from domain.heartbeats import Heartbeat, heartbeat_in
from domain.refusals import Refused
from domain.relayed import RelayedCommand
from domain.told import ToldEvent, UnreadableEventError, read_event, read_own_event
from service import starting
from service.audit import WHY_NOT_NOW, Audit, Standing
from service.heartbeat import HeartbeatDoor
from service.relayed_commands import CommandRelay, relayed_command_in
from service.routing import Router
from service.signalling import RPC_TIMEOUT, NotDeliveredError, no_answer, signal
from service.traffic import Traffic
from store.database import StoreUnavailableError
from store.inbox import MAIL_REPORT, Inbox, Kept, Outcome, PendingEvent
from store.intake import NO_RECIPIENT, ErasedJobError, Intake, NotItsTurnError
from store.plans import Plan, StartPlan
from workers.spans import NO_SPANS, Spans
from workers.temporal import NO_ANSWER
from workflows.messages import BEGIN_ANEW
from workflows.registry import LIFECYCLES

log = structlog.get_logger()

_ANSWER_SECONDS = 4.0
"""A hook is answered within this many seconds: senders give up after five."""
_PATIENCE_SECONDS = 3
"""How long Temporal has to take an event, retries and all: senders give up after five seconds."""
_PLANS_AT_ONCE = 3
"""How many plans are tried before redelivery takes over: lifecycles may end in the meantime."""


class Received(BaseModel):
    """The answer to the sender of an event."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    outcome: Outcome
    workflow_id: str | None = None
    reason: str | None = None


class _StalePlanError(Exception):
    """A lifecycle in the plan ended before it got the event: the event is planned again."""


class EventDispatcher:
    """Takes events over and delivers them, each once; what cannot be delivered stays pending."""

    def __init__(
        self,
        inbox: Inbox,
        intake: Intake,
        router: Router,
        relay: CommandRelay,
        audit: Audit,
        traffic: Traffic,
        client: Client,
        clock: Callable[[], datetime],
        take_mail_report: Callable[[PendingEvent], Awaitable[Received]],
        heartbeats: HeartbeatDoor,
        spans: Spans = NO_SPANS,
        *,
        may_fast_forward: bool = False,
    ) -> None:
        self._may_fast_forward = may_fast_forward
        self._spans = spans
        self._heartbeats = heartbeats
        self._take_mail_report = take_mail_report
        self._inbox = inbox
        self._intake = intake
        self._router = router
        self._relay = relay
        self._audit = audit
        self._traffic = traffic
        self._client = client
        self._clock = clock

    async def receive(self, webhook_id: str, body: bytes) -> Received:
        """Keep an authentic body and do with it what can be done in time.

        Raises:
            StoreUnavailableError: it was not even kept in time. It may still be, and is then
                recognised when it is sent again.
        """
        with self._spans.span("hook", event_id=webhook_id) as mark:
            received = await self._receive(webhook_id, body)
            mark("outcome", received.outcome.value)
            return received

    async def _receive(self, webhook_id: str, body: bytes) -> Received:
        deadline = asyncio.get_running_loop().time() + _ANSWER_SECONDS
        if (beat := heartbeat_in(body)) is not None:
            return await self._receive_heartbeat(webhook_id, body, beat, deadline)
        with self._traffic.answering() as many_at_once:
            told, unreadable = None, None
            try:
                told = read_event(body, self._clock())
            except UnreadableEventError as error:
                unreadable = str(error)
            except Exception:
                log.exception("an event cannot be read", event_id=webhook_id)
            async with _in_time(deadline, "an event"):
                kept = await self._inbox.keep(
                    webhook_id,
                    body,
                    self._clock(),
                    job_id=told.event.job.job_id if told else None,
                    unreadable=unreadable,
                    for_redelivery=many_at_once,
                )
            if (settled := _settled(kept, webhook_id)) is not None:
                _log_dead_letter(settled, webhook_id)
                return settled
            pending = PendingEvent(
                id=kept.id, webhook_id=webhook_id, body=body, origin=None, attempts=0
            )
            if many_at_once:
                self._traffic.leave_backlog()
                return _kept_for_later(pending, "many events came at once")
            if told is None:
                return _kept_for_later(pending, "it could not be read yet")
            return await self._answer(
                pending, self._dispatch_event(pending, told, first_attempt=True), deadline
            )

    async def _receive_heartbeat(
        self, webhook_id: str, body: bytes, beat: Heartbeat, deadline: float
    ) -> Received:
        """Keep a heartbeat as an event is kept, and hand it on at once: it does not wait in line.

        Raises:
            StoreUnavailableError: it was not kept in time.
        """
        async with _in_time(deadline, "a heartbeat"):
            kept = await self._inbox.keep(webhook_id, body, self._clock())
        if (settled := _settled(kept, webhook_id)) is not None:
            return settled
        pending = PendingEvent(
            id=kept.id, webhook_id=webhook_id, body=body, origin=None, attempts=0
        )
        return await self._answer(pending, self._take_heartbeat(pending, beat), deadline)

    async def _take_heartbeat(self, pending: PendingEvent, beat: Heartbeat) -> Received:
        why_not = await self._heartbeats.take(pending.id, beat)
        outcome = Outcome.STARTED if why_not is None else Outcome.IGNORED
        return Received(event_id=pending.webhook_id, outcome=outcome, reason=why_not)

    async def receive_mail_report(
        self, webhook_id: str, body: bytes, unreadable: str | None
    ) -> Received:
        """Keep an authentic report on a mail, and do with it what can be done in time.

        Args:
            webhook_id: what its sender knows it by.
            body: as it came.
            unreadable: why it is a dead letter, None where it is none.

        Raises:
            StoreUnavailableError: it was not even kept in time.
        """
        deadline = asyncio.get_running_loop().time() + _ANSWER_SECONDS
        event_id = f"mail:{webhook_id}"  # two senders may use the same ids
        with self._traffic.answering():
            async with _in_time(deadline, "a report"):
                kept = await self._inbox.keep(
                    event_id, body, self._clock(), unreadable=unreadable, origin=MAIL_REPORT
                )
            if (settled := _settled(kept, webhook_id)) is not None:
                _log_dead_letter(settled, event_id)
                return settled
            pending = PendingEvent(
                id=kept.id, webhook_id=event_id, body=body, origin=MAIL_REPORT, attempts=0
            )
            received = await self._answer(pending, self._take_mail_report(pending), deadline)
            return received.model_copy(update={"event_id": webhook_id})

    async def replay(self, inbox_id: int) -> Received | None:
        """Try a dead letter again, None if there is no such dead letter."""
        pending = await self._inbox.revive(inbox_id)
        return await self._answer(pending, self.dispatch(pending)) if pending else None

    async def dispatch(self, pending: PendingEvent) -> Received:
        """Deliver an event, or a relayed command, that an earlier attempt may have delivered.

        It is a trace of its own: the inbox keeps none. The event's id is the same as at the hook.
        """
        with self._spans.span("redelivery", event_id=pending.webhook_id) as mark:
            received = await self._dispatch(pending)
            mark("outcome", received.outcome.value)
            return received

    async def _dispatch(self, pending: PendingEvent) -> Received:
        if pending.origin == MAIL_REPORT:
            return await self._take_mail_report(pending)
        if pending.origin is not None and (command := relayed_command_in(pending.body)):
            return await self._relay_command(pending, command)
        if pending.origin is None and (beat := heartbeat_in(pending.body)) is not None:
            return await self._take_heartbeat(pending, beat)
        try:
            if pending.origin is None:
                told = read_event(pending.body, self._clock())
            else:
                told = read_own_event(pending.body)
        except UnreadableEventError as error:
            reason = str(error)
            await self._inbox.bury(pending.id, reason)
            log.warning("dead letter", event_id=pending.webhook_id)
            return Received(event_id=pending.webhook_id, outcome=Outcome.DEAD_LETTER, reason=reason)
        return await self._dispatch_event(pending, told, first_attempt=False)

    async def _answer(
        self, pending: PendingEvent, dispatching: Awaitable[Received], deadline: float | None = None
    ) -> Received:
        """Deliver a saved event and return the answer; a failed delivery is an answer, too.

        What went wrong is logged, and the event stays pending.
        """
        try:
            async with asyncio.timeout_at(deadline):
                return await dispatching
        except TimeoutError:
            log.warning("event kept, not told in time", event_id=pending.webhook_id)
            return _kept_for_later(pending, "delivery takes longer than the sender waits")
        except StoreUnavailableError as error:
            log.warning(
                "event kept, not taken yet", event_id=pending.webhook_id, reason=in_brief(error)
            )
            return _kept_for_later(pending, str(error))
        except Exception as fault:
            log.exception("an event cannot be taken further", event_id=pending.webhook_id)
            return _kept_for_later(pending, f"an error in Steward ({type(fault).__name__})")

    async def _dispatch_event(
        self, pending: PendingEvent, told: ToldEvent, *, first_attempt: bool
    ) -> Received:
        """Take an event over and deliver it.

        Args:
            pending: the event, as it is kept.
            told: what it says.
            first_attempt: whether no earlier attempt can have got further than the inbox knows.
        """
        event_id, event = pending.webhook_id, told.event
        try:
            plan = await self._intake.take(
                pending.id,
                event_id,
                event,
                self._clock(),
                pending.origin,
                left_out=told.left_out,
                lost=told.lost,
            )
        except ErasedJobError:
            await self._inbox.bury_erased(pending.id, NOT_TAKEN_UP)
            log.warning("dead letter", event_id=event_id)
            dead = Outcome.DEAD_LETTER
            return Received(event_id=event_id, outcome=dead, reason=NOT_TAKEN_UP)
        except NotItsTurnError as error:
            self._traffic.leave_backlog()
            return _kept_for_later(pending, str(error), error.plan)
        if plan.outcome is Outcome.IGNORED:
            reason = "; ".join(filter(None, (NO_RECIPIENT, told.left_out)))
            return Received(event_id=event_id, outcome=Outcome.IGNORED, reason=reason)
        for _ in range(_PLANS_AT_ONCE):
            reached = list(plan.reached)
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._deliver(plan, event, reached, first_attempt=first_attempt)
            except _StalePlanError:
                log.info("an event is planned again", event_id=event_id)
                plan = await self._intake.plan_anew(pending.id, plan, event, reached)
                first_attempt = False
            except (NotDeliveredError, TimeoutError) as error:
                reason = str(error) or "Temporal does not answer in time"
                return await self._postpone(pending, plan.outcome, _first_workflow(plan), reason)
            else:
                return await self._settle(pending, plan, reached, told.left_out)
        reason = "its workflows keep ending"
        return await self._postpone(pending, plan.outcome, _first_workflow(plan), reason)

    async def _settle(
        self, pending: PendingEvent, plan: Plan, reached: list[str], left_out: str | None
    ) -> Received:
        """Record that an event was delivered to every lifecycle in its plan, if any."""
        outcome = plan.outcome if reached else Outcome.IGNORED
        workflow_id = reached[0] if reached else None
        await self._inbox.settle(pending.id, outcome, workflow_id)
        return Received(
            event_id=pending.webhook_id,
            outcome=outcome,
            workflow_id=workflow_id,
            reason="; ".join(filter(None, (None if reached else NO_RECIPIENT, left_out))) or None,
        )

    async def _deliver(
        self, plan: Plan, event: Event, reached: list[str], *, first_attempt: bool
    ) -> None:
        """Start and signal what the plan says, and add the ids of the workflows that are reached.

        Raises:
            NotDeliveredError: one of them cannot be reached now.
            _StalePlanError: one of them has ended; all others are reached.
        """
        for start in plan.starts:
            started = await self._start(plan, start, event, first_attempt=first_attempt)
            reached.append(started)
        ended = False
        for workflow_id in plan.delivers_to:
            if await self._signal(workflow_id, plan, event):
                reached.append(workflow_id)
            else:
                ended = True
        if ended:
            raise _StalePlanError

    async def _start(
        self, plan: Plan, start: StartPlan, event: Event, *, first_attempt: bool
    ) -> str:
        """Start a lifecycle, unless an earlier attempt did; return its workflow's id."""
        kind = LIFECYCLES[start.lifecycle]
        argument = self._router.start_for_event(kind, plan, start, event)
        workflow_id = kind.workflow_id(plan.job.job_id)
        if not first_attempt and await self._audit.has_begun(workflow_id, start.episode):
            return workflow_id
        try:
            await starting.start(self._client, kind, argument, RPC_TIMEOUT)
        except WorkflowAlreadyStartedError as error:
            if await self._audit.was_started_by(workflow_id, plan.event_id):
                return workflow_id
            # The run before has ended but still has mail to send: it begins the next one itself.
            if not await signal(self._client, workflow_id, BEGIN_ANEW, argument):
                raise NotDeliveredError("its earlier workflow run has not closed yet") from error
        except NO_ANSWER as error:
            raise no_answer(error) from error
        return workflow_id

    async def _signal(self, workflow_id: str, plan: Plan, event: Event) -> bool:
        """Signal an event to a workflow; return whether it took it, or else has ended.

        Raises:
            NotDeliveredError: it cannot be reached now.
        """
        now = self._clock()
        envelope = plan.envelope(event, now)
        if not self._may_fast_forward:
            envelope = envelope.dated(now)
        if await signal(self._client, workflow_id, "job_event", envelope):
            return True
        standing = await self._audit.settle(workflow_id)
        if standing is not Standing.ENDED:
            raise NotDeliveredError(WHY_NOT_NOW[standing])
        return False

    async def _relay_command(self, pending: PendingEvent, command: RelayedCommand) -> Received:
        event_id = pending.webhook_id
        workflow_id = LIFECYCLES[command.lifecycle].workflow_id(command.job_id)
        try:
            outcome = await self._relay.relay(command, event_id)
        except Refused as refused:
            await self._inbox.settle(pending.id, Outcome.IGNORED, None)
            reason = refused.refusal.message
            return Received(event_id=event_id, outcome=Outcome.IGNORED, reason=reason)
        except NotDeliveredError as error:
            return await self._postpone(pending, Outcome.STARTED, workflow_id, str(error))
        await self._inbox.settle(pending.id, outcome, workflow_id)
        return Received(event_id=event_id, outcome=outcome, workflow_id=workflow_id)

    async def _postpone(
        self, pending: PendingEvent, outcome: Outcome, workflow_id: str | None, reason: str
    ) -> Received:
        """Leave an event, or a relayed command, to redelivery."""
        await self._inbox.postpone(pending.id, reason, self._clock())
        log.warning("kept, not told yet", event_id=pending.webhook_id)
        return _kept(pending, outcome, workflow_id, reason)


@asynccontextmanager
async def _in_time(deadline: float, what: str) -> AsyncIterator[None]:
    """Have something kept by an instant of the event loop's clock.

    Raises:
        StoreUnavailableError: it was not.
    """
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except TimeoutError as error:
        raise StoreUnavailableError(f"{what} was not kept in time") from error


def _settled(kept: Kept, webhook_id: str) -> Received | None:
    """Return the answer to what needs no more than to be kept, None for what goes on."""
    if kept.outcome is None:
        return None
    return Received(event_id=webhook_id, outcome=kept.outcome, reason=kept.reason)


def _log_dead_letter(settled: Received, event_id: str) -> None:
    if settled.outcome is Outcome.DEAD_LETTER:
        log.error("dead letter", event_id=event_id)


def _kept_for_later(pending: PendingEvent, reason: str, plan: Plan | None = None) -> Received:
    """Answer that an event is kept, and what it will come to as far as that is known."""
    if plan is None:
        return _kept(pending, Outcome.DELIVERED, None, reason)
    return _kept(pending, plan.outcome, _first_workflow(plan), reason)


def _kept(
    pending: PendingEvent, outcome: Outcome, workflow_id: str | None, reason: str
) -> Received:
    return Received(
        event_id=pending.webhook_id,
        outcome=outcome,
        workflow_id=workflow_id,
        reason=f"saved, and delivered automatically: {reason}",
    )


def _first_workflow(plan: Plan) -> str | None:
    for start in plan.starts:
        return LIFECYCLES[start.lifecycle].workflow_id(plan.job.job_id)
    return plan.delivers_to[0] if plan.delivers_to else None
