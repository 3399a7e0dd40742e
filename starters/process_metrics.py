"""Figures of what a process does by itself: its audit, and its perpetual tasks."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.audit import Audit
from workers.background import Background


class ProcessCollector(Collector):
    """Reads the figures when they are asked for."""

    def __init__(self, audit: Audit, background: Background) -> None:
        self._audit = audit
        self._background = background

    def collect(self) -> Iterator[Metric]:
        """Give the figures as they are now."""
        failures = CounterMetricFamily(
            "steward_background_failures",
            "Failed rounds of tasks that run as long as their process",
            labels=["task"],
        )
        for task, count in self._background.failures.items():
            failures.add_metric([task], count)
        yield failures
        figures = self._audit.figures
        yield CounterMetricFamily(
            "steward_lifecycles_found_lost",
            "Lifecycles that this process found open in the store and gone from Temporal",
            value=figures.closed,
        )
        yield CounterMetricFamily(
            "steward_lifecycles_found_again",
            "Lost lifecycles that this process found running again",
            value=figures.found_again,
        )
        audits = figures.last_run is not None  # else another process does, and says so
        yield GaugeMetricFamily(
            "steward_audit_last_run_timestamp_seconds",
            "When this process compared store and Temporal last",
            value=figures.last_run.timestamp() if figures.last_run else None,
        )
        yield GaugeMetricFamily(
            "steward_workers_polling",
            "Whether a worker polled when the audit looked last",
            value=int(figures.workers_poll) if audits else None,
        )
