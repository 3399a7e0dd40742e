"""What keeps the store and Temporal in agreement, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.client import Client

from activities.job_system import JobSystem, OwnCopy
from activities.subscriber import Subscriber
from domain.current import current
from domain.directory import Directory
from domain.outgoing import Destination, public_id
from domain.policy import Policy
from service.audit import Audit
from service.commands import PATIENCE, CommandDispatcher
from service.courier import Courier, Deliver, send_event, tell_job_system
from service.dismissals import Dismissals
from service.erased_jobs import ErasedJobs
from service.events import EventDispatcher
from service.heartbeat import HeartbeatDoor, HeartbeatRound
from service.mail_reports import MailReportDesk
from service.questions import Questions
from service.readiness import Readiness
from service.reconciling import ReconciliationDesk
from service.redelivery import Redelivery
from service.relayed_commands import CommandRelay
from service.retaining import Retention
from service.routing import Router
from service.startable import Startable
from service.traffic import Traffic
from store.database import Database
from store.deliveries import Deliveries, Outgoing
from store.erasures import Erasures
from store.heartbeats import Heartbeats
from store.inbox import Inbox
from store.intake import Intake
from store.journal import Journal
from store.leases import Leases
from store.lifecycles import Lifecycles
from store.losses import Losses
from store.mail_reports import MailReports
from store.reading import Reading
from store.retention import RetentionStore
from workers.background import Background
from workers.namespace import NamespaceGuard
from workers.reconciling import reconciler_of
from workers.spans import NO_SPANS, Spans
from workflows.registry import LIFECYCLES, TASK_KINDS


@dataclass(frozen=True)
class Service:
    """All that a door needs."""

    events: EventDispatcher
    redelivery: Redelivery
    audit: Audit
    guard: NamespaceGuard
    readiness: Readiness
    background: Background
    commands: CommandDispatcher
    startable: Startable
    job_system: JobSystem
    couriers: tuple[Courier, ...]
    """One for each destination that is told something."""
    subscriber: Subscriber | None
    """Who takes Steward's events."""
    reconciliation: ReconciliationDesk
    retention: Retention

    @asynccontextmanager
    async def running(self, heartbeat: HeartbeatRound | None = None) -> AsyncIterator[None]:
        """Redeliver, audit and tell others for as long as the context lasts.

        Args:
            heartbeat: sends test jobs beside that, if any are sent.
        """
        rounds: dict[str, Callable[[], Awaitable[None]]] = {
            "redelivery": self.redelivery.run_once,
            "audit": self.audit.run_once,
            "retention": self.retention.run_once,
            **{courier.name: courier.run_once for courier in self.couriers},
            **({"heartbeat": heartbeat.run_once} if heartbeat is not None else {}),
        }
        try:
            async with self.background.running(**rounds):
                yield
        finally:
            await self.audit.stop()
            await self.retention.stop()
            for courier in self.couriers:
                await courier.stop()
            if self.subscriber is not None:
                await self.subscriber.close()


def make_service(
    database: Database,
    client: Client,
    policy: Policy | Callable[[], Policy],
    directory: Directory | Callable[[], Directory] | None = None,
    *,
    job_system: JobSystem | None = None,
    subscriber: Subscriber | None = None,
    command_patience: timedelta = PATIENCE,
    inbox: Inbox | None = None,
    intake: Intake | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    spans: Spans = NO_SPANS,
    may_fast_forward: bool = False,
) -> Service:
    """Return the service of one process, with redelivery and audit not yet running.

    Args:
        database: the store.
        client: the way to Temporal.
        policy: what lifecycles start under.
        directory: who is in the SPoC programme although the job system does not say so.
        job_system: where the jobs are; our own copy if it is not said.
        subscriber: who takes Steward's events, None if nobody does.
        command_patience: how long a command waits for a worker.
        inbox: the hooks' inbox, if others use it too.
        intake: what takes events over, if it is not the usual one.
        clock: the wall clock, aware UTC.
        spans: keeps traces, if anything does.
        may_fast_forward: whether jobs' time can be fast-forwarded, so that they have to be told how
            long ago something happened, and not when.
    """
    router = Router(tuple(LIFECYCLES.values()), policy, directory)
    inbox = inbox or Inbox(database)
    lifecycles, journal, traffic = Lifecycles(database), Journal(database), Traffic()
    reading, jobs = Reading(database), job_system or OwnCopy()
    guard = NamespaceGuard(database, client, clock)
    audit = Audit(lifecycles, Losses(database), Leases(database), guard, clock)
    events = EventDispatcher(
        inbox,
        intake or Intake(database, router.route, TASK_KINDS),
        router,
        CommandRelay(client, lifecycles, journal, router, audit, clock),
        audit,
        traffic,
        client,
        clock,
        MailReportDesk(
            inbox, MailReports(database), lifecycles, LIFECYCLES, audit, client, clock
        ).take,
        HeartbeatDoor(client, Heartbeats(database), clock),
        spans,
        may_fast_forward=may_fast_forward,
    )
    commands = CommandDispatcher(
        client,
        lifecycles,
        journal,
        reading,
        router,
        audit,
        ErasedJobs(Erasures(database), policy),
        Dismissals(database, clock),
        Questions(lifecycles, reading, journal, router, clock),
        command_patience,
        clock,
    )
    redelivery = Redelivery(inbox, events, traffic, clock)
    background = Background()
    readiness = Readiness(database, guard, background, clock)
    startable = Startable(lifecycles, router, LIFECYCLES, clock)
    return Service(
        events,
        redelivery,
        audit,
        guard,
        readiness,
        background,
        commands,
        startable,
        jobs,
        _couriers(database, jobs, subscriber, clock, spans),
        subscriber,
        ReconciliationDesk(reconciler_of(database, jobs, directory or Directory()), traffic),
        Retention(RetentionStore(database), Leases(database), current(policy), clock),
    )


_KEEPS_TRYING: Mapping[Destination, timedelta | None] = {
    Destination.JOB_SYSTEM: None,
    Destination.EVENTS: timedelta(hours=72),
}
"""For how long each destination is told something in vain before that counts as refused."""


def _couriers(
    database: Database,
    job_system: JobSystem,
    subscriber: Subscriber | None,
    clock: Callable[[], datetime],
    spans: Spans,
) -> tuple[Courier, ...]:
    """Return a courier for each destination that has to be told of what is written."""
    deliver: dict[Destination, Deliver] = {Destination.JOB_SYSTEM: tell_job_system(job_system)}
    if subscriber is not None:
        deliver[Destination.EVENTS] = send_event(subscriber)
    return tuple(
        Courier(
            Deliveries(database, each),
            each,
            _traced(deliver[each], each, spans),
            Leases(database),
            clock,
            gives_up_after=_KEEPS_TRYING[each],
        )
        for each in deliver
        if each in database.tells
    )


def _traced(deliver: Deliver, destination: Destination, spans: Spans) -> Deliver:
    """Return what delivers as before, and makes a trace of each delivery: the outbox keeps none.

    What belongs together is found by the job, and by the id under which it is told.
    """

    async def delivered(told: Outgoing) -> str | None:
        with spans.span(f"outbox: {destination}", job=told.job_id, event_id=public_id(told.key)):
            return await deliver(told)

    return delivered
