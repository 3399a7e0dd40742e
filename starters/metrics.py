"""Figures for Prometheus: what this process did, and what the store holds."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import ClassVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    generate_latest,
)

from domain.outgoing import Contact, Destination
from service.audit import Audit
from service.retaining import Retention
from starters.process_metrics import ProcessCollector
from store.inbox import Inbox
from store.outbox_list import OutboxList
from store.reading import Reading
from store.reconciliations import Reconciliations
from store.retention import Kept
from workers.background import Background


class Metrics:
    """The figures of one API process."""

    CONTENT_TYPE: ClassVar[str] = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
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
        self._retained = Gauge(
            "steward_retention_deleted",
            "Texts and jobs that this process has deleted because they were kept long enough",
            ["what"],
            registry=self._registry,
        )
        self._reconciliations: Reconciliations | None = None
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

    def watch_retention(self, retention: Retention) -> None:
        """Have shown what this process deletes because it was kept long enough."""
        for kept in retention.deleted:
            read = partial(_deleted, retention, kept)
            self._retained.labels(what=kept.value).set_function(read)

    def watch_reconciliation(self, reconciliations: Reconciliations) -> None:
        """Have the figures of reconciliation shown, too: there is another job system."""
        self._reconciliations = reconciliations
        self._registry.register(self._reconciled)
        self._registry.register(self._reconciled_at)
        self._registry.register(self._reconcile_failures)

    async def _read_reconciliation(self, reconciliations: Reconciliations) -> None:
        record = await reconciliations.record()
        if record is None:
            return
        for event, count in record.missed.items():
            self._reconciled.labels(type=event).set(count)
        if record.succeeded_at is not None:
            self._reconciled_at.set(record.succeeded_at.timestamp())
        self._reconcile_failures.set(record.failures)

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
        for state, count in (await inbox.counts()).items():
            self._inbox.labels(state=state).set(count)
        if self._audit is not None:
            self._lost.set(len(await self._audit.lost()))
        if self._reconciliations is not None:
            await self._read_reconciliation(self._reconciliations)
        self._mails.clear()
        for mail in await reading.failing_mails():
            self._mails.labels(state=mail["state"]).inc()

    async def read_outbox(self, outbox: OutboxList, now: datetime) -> None:
        """Read the gauges of the outbox from the store, if anybody is told anything.

        Raises:
            StoreUnavailableError: it does not answer.
        """
        for gauge in (self._outbox, self._oldest, self._silent):
            gauge.clear()
        if not outbox.destinations:
            return
        for (destination, state), count in (await outbox.counts()).items():
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

    def exposition(self) -> bytes:
        """Return the figures as Prometheus reads them."""
        return generate_latest(self._registry)


def _deleted(retention: Retention, kept: Kept) -> float:
    return float(retention.deleted[kept])
