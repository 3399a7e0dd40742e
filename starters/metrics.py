"""Figures for Prometheus: what this process did, and what the store holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    generate_latest,
)

from domain.held import HeldFor
from domain.mail_reports import ReportKind
from domain.outgoing import Contact, Destination
from domain.policy import Policy
from service.audit import Audit
from service.retaining import Retention
from starters.process_metrics import ProcessCollector
from store.heartbeats import Heartbeats
from store.inbox import STATES, Inbox, Outcome
from store.mail_queue import MailState
from store.outbox_list import UNSETTLED, OutboxList
from store.reading import Reading
from store.reconciliations import Reconciliations
from store.retention import Kept
from workers.background import Background
from workers.core import CoreListener
from workers.figures import Figures
from workflows.registry import LIFECYCLES

_FAULTS = ("500", "503")
"""Statuses of commands that an alert watches."""


class Metrics:
    """The figures of one API process."""

    CONTENT_TYPE: ClassVar[str] = CONTENT_TYPE_LATEST

    def __init__(self, process: Figures | None = None, core: CoreListener | None = None) -> None:
        """Take what else is shown: the figures of this process, and of Temporal's core in it."""
        self._process = process
        self._core = core
        self._registry = CollectorRegistry()
        self._audit: Audit | None = None
        self._lost = Gauge(
            "steward_lost_lifecycles",
            "Lifecycles that were lost in Temporal and wait for a person's decision",
            registry=self._registry,
        )
        self.hooks = Counter(
            "steward_hooks", "Events received, by outcome", ["outcome"], registry=self._registry
        )
        self.commands = Counter(
            "steward_commands",
            "Commands given, by HTTP status",
            ["lifecycle", "command", "status"],
            registry=self._registry,
        )
        self.put_off = Counter(
            "steward_requests_put_off",
            "Requests to be sent again later, by reason: rate, busy or behind",
            ["reason"],
            registry=self._registry,
        )
        self.over_quota = Counter(
            "steward_hooks_over_quota",
            "Events taken beyond what their sender is expected to send in a minute",
            ["sender"],
            registry=self._registry,
        )
        self._retained = Gauge(
            "steward_retention_deleted",
            "Texts and jobs that this process has deleted because they were kept long enough",
            ["what"],
            registry=self._registry,
        )
        self._reconciliations: Reconciliations | None = None
        self._policy: Callable[[], Policy] | None = None
        self._reconciled = Gauge(
            "steward_reconciled_events",
            "Events that no hook told of and the job system's list shows, by type",
            ["type"],
            registry=None,
        )
        self._reconciled_at = Gauge(
            "steward_reconciliation_succeeded_timestamp_seconds",
            "When the job system's list was last read successfully, in Unix time",
            registry=None,
        )
        self._reconcile_failures = Gauge(
            "steward_reconciliation_failures",
            "Times that the job system's list could not be read",
            registry=None,
        )
        self._reconciled_every = Gauge(
            "steward_reconciliation_interval_seconds",
            "How often the policy has the job system's list read",
            registry=None,
        )
        self._heartbeats: Heartbeats | None = None
        self._beat_at = Gauge(
            "steward_heartbeat_succeeded_timestamp_seconds",
            "When a test job came through all the way last, in Unix time; 0 if none ever has",
            registry=None,
        )
        self._beat_seconds = Gauge(
            "steward_heartbeat_seconds", "How long that test job took", registry=None
        )
        self._beat_every = Gauge(
            "steward_heartbeat_interval_seconds", "How often a test job is sent", registry=None
        )
        self._open = Gauge(
            "steward_open_lifecycles",
            "Lifecycles that run, by stage",
            ["lifecycle", "stage"],
            registry=self._registry,
        )
        self._overdue = Gauge(
            "steward_overdue_promises", "Open promises past their time", registry=self._registry
        )
        self._inbox = Gauge(
            "steward_inbox_events",
            "Events in the inbox, by state",
            ["state"],
            registry=self._registry,
        )
        self._mails = Gauge(
            "steward_failing_mails",
            "Mails not delivered, by state",
            ["state"],
            registry=self._registry,
        )
        self._held = Gauge(
            "steward_held_mails",
            "Mails that wait for their hour or their day, by reason",
            ["reason"],
            registry=self._registry,
        )
        self.mail_reports = Counter(
            "steward_bounces",
            "Reports on mails that were sent, by kind",
            ["kind"],
            registry=self._registry,
        )

        self._outbox = Gauge(
            "steward_outbox",
            "What still has to be told or was refused, by destination and state",
            ["destination", "state"],
            registry=self._registry,
        )
        self._oldest = Gauge(
            "steward_outbox_oldest_seconds",
            "Age of the oldest thing that still has to be told, or was asked in vain",
            ["destination"],
            registry=self._registry,
        )
        self._silent = Gauge(
            "steward_circuit_open",
            "Whether a destination does not answer, or not to us",
            ["destination"],
            registry=self._registry,
        )

        self._begin_with_zero()

    def _begin_with_zero(self) -> None:
        """Show what alerts watch from the start: of a rise from nothing, no query knows."""
        for outcome in ("refused", *Outcome):
            self.hooks.labels(outcome=str(outcome))
        for kind in LIFECYCLES.values():
            for command in (*kind.commands, "unknown"):
                for status in _FAULTS:
                    self.commands.labels(lifecycle=kind.name, command=command, status=status)
        for reason in ("rate", "busy", "behind"):
            self.put_off.labels(reason=reason)
        for kind_ in ("unreadable", *ReportKind):
            self.mail_reports.labels(kind=str(kind_))

    def count_command(self, lifecycle: str, command: str, status: int) -> None:
        """Count a command by the status that it was answered with."""
        self.commands.labels(lifecycle=lifecycle, command=command, status=str(status)).inc()

    def watch_retention(self, retention: Retention) -> None:
        """Have shown what this process deletes because it was kept long enough."""
        for kept in retention.deleted:
            read = partial(_deleted, retention, kept)
            self._retained.labels(what=kept.value).set_function(read)

    def watch_reconciliation(
        self, reconciliations: Reconciliations, policy: Callable[[], Policy]
    ) -> None:
        """Have the figures of reconciliation shown, too: there is another job system."""
        self._reconciliations, self._policy = reconciliations, policy
        self._registry.register(self._reconciled_every)
        self._registry.register(self._reconciled)
        self._registry.register(self._reconciled_at)
        self._registry.register(self._reconcile_failures)

    async def _read_reconciliation(self, reconciliations: Reconciliations) -> None:
        if self._policy is not None:
            self._reconciled_every.set(self._policy().reconciliation.every.total_seconds())
        record = await reconciliations.record()
        if record is None:
            return
        for event, count in record.missed.items():
            self._reconciled.labels(type=event).set(count)
        if record.succeeded_at is not None:
            self._reconciled_at.set(record.succeeded_at.timestamp())
        self._reconcile_failures.set(record.failures)

    def watch_heartbeat(self, heartbeats: Heartbeats, every: timedelta) -> None:
        """Have the figures of the heartbeat shown, too: one is sent so often."""
        self._heartbeats = heartbeats
        self._registry.register(self._beat_at)
        self._registry.register(self._beat_seconds)
        self._registry.register(self._beat_every)
        self._beat_every.set(every.total_seconds())

    async def _read_heartbeat(self, heartbeats: Heartbeats) -> None:
        record = await heartbeats.record()
        if record is not None and record.succeeded_at is not None:
            self._beat_at.set(record.succeeded_at.timestamp())
            self._beat_seconds.set(record.seconds or 0.0)

    def watch(self, audit: Audit, background: Background) -> None:
        """Have the figures of this process's audit and of its perpetual tasks shown, too."""
        self._audit = audit
        self._registry.register(ProcessCollector(audit, background))

    async def read(self, reading: Reading, inbox: Inbox, now: datetime) -> None:
        """Read the gauges from the store.

        Raises:
            StoreUnavailableError: it does not answer.
        """
        self._open.clear()
        for lifecycle, stage, count in await reading.open_by_stage():
            self._open.labels(lifecycle=lifecycle, stage=stage).set(count)
        self._overdue.set(len(await reading.overdue_promises(now)))
        self._inbox.clear()
        for state, count in (dict.fromkeys(STATES, 0) | await inbox.counts()).items():
            self._inbox.labels(state=state).set(count)
        if self._audit is not None:
            self._lost.set(len(await self._audit.lost()))
        if self._heartbeats is not None:
            await self._read_heartbeat(self._heartbeats)
        if self._reconciliations is not None:
            await self._read_reconciliation(self._reconciliations)
        self._mails.clear()
        for state in MailState:
            self._mails.labels(state=state.value)
        for mail in await reading.failing_mails():
            self._mails.labels(state=mail["state"]).inc()
        self._held.clear()
        for reason in HeldFor:
            self._held.labels(reason=reason.value)
        for mail in await reading.held_mails():
            self._held.labels(reason=mail["held_for"]).inc()

    async def read_outbox(self, outbox: OutboxList, now: datetime) -> None:
        """Read the gauges of the outbox from the store, if anybody is told anything.

        Raises:
            StoreUnavailableError: it does not answer.
        """
        for gauge in (self._outbox, self._oldest, self._silent):
            gauge.clear()
        if not outbox.destinations:
            return
        counts = {(each.value, state): 0 for each in outbox.destinations for state in UNSETTLED}
        for (destination, state), count in (counts | await outbox.counts()).items():
            self._outbox.labels(destination=destination, state=state).set(count)
        known, asked = await outbox.standings(), None
        if Destination.JOB_SYSTEM in outbox.destinations:
            asked = await outbox.unanswered()
        for each in sorted(outbox.destinations):
            in_vain = asked if each is Destination.JOB_SYSTEM else None
            found = ((await outbox.waiting(each)).oldest, in_vain and in_vain.since)
            oldest = min(filter(None, found), default=now)
            self._oldest.labels(destination=each.value).set(
                max((now - oldest).total_seconds(), 0.0)
            )
            is_silent = each in known and known[each].contact is not Contact.ANSWERS
            is_open = is_silent or in_vain is not None
            self._silent.labels(destination=each.value).set(is_open)

    async def exposition(self) -> bytes:
        """Return the figures as Prometheus reads them: the store's, this process's, the core's."""
        shown = generate_latest(self._registry)
        if self._process is not None:
            shown += self._process.exposition()
        if self._core is not None:
            shown += await self._core.read()
        return shown


def _deleted(retention: Retention, kept: Kept) -> float:
    return float(retention.deleted[kept])
