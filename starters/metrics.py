"""Figures for Prometheus: what this process did, and what the store holds."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    generate_latest,
)

from service.audit import Audit
from starters.process_metrics import ProcessCollector
from store.inbox import Inbox
from store.reading import Reading
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
        self._mails.clear()
        for mail in await reading.failing_mails():
            self._mails.labels(state=mail["state"]).inc()

    def exposition(self) -> bytes:
        """Return the figures as Prometheus reads them."""
        return generate_latest(self._registry)
