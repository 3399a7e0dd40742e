"""What a process measures of its own work, for Prometheus.

Every label has few values, all of them ours: names of activities, lifecycles and outcomes. No label
names a job or a person.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from activities.job_system import (
    JobChangedError,
    JobSystem,
    JobSystemError,
    NotLetInError,
    NotReachedError,
    TurnedDownError,
)
from domain.job_system import ChangedJobs, ChangeRequest, LiveJob, Telling
from domain.lifecycles import job_of
from domain.refusals import Refusal
from workers.spans import NO_SPANS, Mark, Spans

_SHORT: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds by which durations are told apart."""
_LAG: Final = (0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 2.0, 5.0)
_LOOKS_EVERY: Final = 0.5
"""Seconds between two looks at how late the event loop is."""

AnswerT = TypeVar("AnswerT")


class Figures:
    """The figures of one process, with those of Python and of the process itself."""

    def __init__(self) -> None:
        # When a series began would be a series of its own: twice as many.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        Gauge(
            "steward_build_info",
            "Always 1; its label says which release runs",
            ["version"],
            registry=self.registry,
        ).labels(version=version("steward")).set(1)
        self.attempts = Counter(
            "steward_activity_attempts",
            "Attempts of activities, by what came of them: done, refused, or failed",
            ["activity", "outcome"],
            registry=self.registry,
        )
        self.retries = Counter(
            "steward_activity_retries",
            "Attempts of activities after the first",
            ["activity"],
            registry=self.registry,
        )
        self.durations = Histogram(
            "steward_activity_seconds",
            "How long an attempt of an activity takes",
            ["activity"],
            buckets=_SHORT,
            registry=self.registry,
        )
        self.refusals = Counter(
            "steward_refusals",
            "What rules refused to a message or to a batch of effects",
            ["lifecycle", "kind"],
            registry=self.registry,
        )
        self.mails = Counter(
            "steward_mail_attempts",
            "E-mails brought to the mail server, by what it did with them",
            ["outcome"],
            registry=self.registry,
        )
        self.calls = Counter(
            "steward_job_system_calls",
            "Requests to the job system, by what came of them",
            ["call", "outcome"],
            registry=self.registry,
        )
        self.call_durations = Histogram(
            "steward_job_system_seconds",
            "How long the job system takes to answer",
            ["call"],
            buckets=_SHORT,
            registry=self.registry,
        )
        self.lag = Histogram(
            "steward_event_loop_lag_seconds",
            "How late this process's event loop is: its code holds it up, or the machine is busy",
            buckets=_LAG,
            registry=self.registry,
        )

    def refused(self, workflow_id: str, refusal: Refusal) -> None:
        """Count what a rule refused."""
        lifecycle = job_of(workflow_id)[0]
        self.refusals.labels(lifecycle=lifecycle, kind=refusal.kind.value).inc()

    @asynccontextmanager
    async def watching_loop(self) -> AsyncIterator[None]:
        """Measure for as long as the context lasts how late the event loop is."""
        watching = asyncio.create_task(self._watch_loop())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch_loop(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            due = now() + _LOOKS_EVERY
            await asyncio.sleep(_LOOKS_EVERY)
            self.lag.observe(max(now() - due, 0.0))

    def exposition(self) -> bytes:
        """Return the figures as Prometheus reads them."""
        return generate_latest(self.registry)


# --- the job system -------------------------------------------------------------------------------


class MeasuredJobSystem:
    """A job system whose answers are counted, timed, and steps of traces; see `JobSystem`."""

    def __init__(self, job_system: JobSystem, figures: Figures, spans: Spans = NO_SPANS) -> None:
        self._spans = spans
        self._job_system = job_system
        self._figures = figures

    @property
    def is_elsewhere(self) -> bool:
        """Whether the jobs are in another system."""
        return self._job_system.is_elsewhere

    async def read(self, job_id: str) -> LiveJob:
        """Return a job as it stands."""
        return await self._timed("read", self._job_system.read(job_id))

    async def change(self, job_id: str, change: ChangeRequest, key: str) -> LiveJob:
        """Change a job if it still is as expected; return it as changed."""
        return await self._timed("change", self._job_system.change(job_id, change, key))

    async def tell(self, job_id: str, telling: Telling, key: str) -> str | None:
        """Tell of what was done; return the id of a job that is added, None for all else."""
        return await self._timed("tell", self._job_system.tell(job_id, telling, key))

    async def list_changed(self, since: str | None, limit: int) -> ChangedJobs:
        """Return the jobs that have changed since a cursor, from the beginning without one."""
        return await self._timed("list", self._job_system.list_changed(since, limit))

    async def close(self) -> None:
        """Let go of whatever connects us with it."""
        await self._job_system.close()

    async def _timed(self, call: str, answer: Awaitable[AnswerT]) -> AnswerT:
        with self._spans.span(f"job system: {call}") as mark:
            return await self._answered(call, answer, mark)

    async def _answered(self, call: str, answer: Awaitable[AnswerT], mark: Mark) -> AnswerT:
        outcome, begun = "fault", time.perf_counter()
        try:
            answered = await answer
            outcome = "done"
        except JobSystemError as error:
            outcome = _outcome_of(error)
            raise
        finally:
            self._figures.calls.labels(call=call, outcome=outcome).inc()
            mark("outcome", outcome)
            if outcome != _HELD_BACK:
                seconds = time.perf_counter() - begun
                self._figures.call_durations.labels(call=call).observe(seconds)
        return answered


_HELD_BACK: Final = "held_back"
"""The outcome of a request that an open circuit kept from leaving."""


def _outcome_of(error: JobSystemError) -> str:
    match error:
        case NotReachedError(was_asked=False) | NotLetInError(was_asked=False):
            return _HELD_BACK
        case NotReachedError():
            return "no_answer"
        case NotLetInError():
            return "not_let_in"
        case JobChangedError():
            return "job_changed"
        case TurnedDownError():
            return "refused"
        case _:
            return "unusable_answer"
