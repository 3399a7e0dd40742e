"""A job system in memory: it holds jobs, does a key once, and can be told to misbehave."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from activities.job_system import JobChangedError, TurnedDownError
from domain.accounts import Account
from domain.job_system import ChangedJob, ChangedJobs, ChangeRequest, LiveJob, Telling
from domain.jobs import Assignee, Job, JobStatus

AnswerT = TypeVar("AnswerT")


@dataclass
class MemoryJobSystem:
    """The other half of the jobs; see `JobSystem`."""

    jobs: dict[str, Job] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    told: list[tuple[str, Telling]] = field(default_factory=list)
    """What it was told, each once, in order."""
    asked: list[tuple[str, ChangeRequest]] = field(default_factory=list)
    """Every change that it was asked for, refused ones and repetitions among them."""
    requests: int = 0
    before: Callable[[], None] | None = None
    """Called before a request is looked at: it may raise what the adapter would raise."""
    after: Callable[[], None] | None = None
    """Called once a request is done, before the answer leaves."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    unreadable: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Jobs that are listed as they are here, whatever a job has to say."""
    changes: list[tuple[str, datetime]] = field(default_factory=list)
    """Which job was changed, and when, in order."""
    _answers: dict[str, Any] = field(default_factory=dict)

    @property
    def is_elsewhere(self) -> bool:
        return True

    def enter(self, job: Job) -> LiveJob:
        """Have a job as somebody enters it here."""
        self.jobs[job.job_id] = job
        self.versions[job.job_id] = self.versions.get(job.job_id, 0) + 1
        self.changes.append((job.job_id, self.now()))
        return self._live(job.job_id)

    async def read(self, job_id: str) -> LiveJob:
        self._arrive()
        return self._leave(self._live(job_id))

    async def change(self, job_id: str, change: ChangeRequest, key: str) -> LiveJob:
        self._arrive()
        self.asked.append((key, change))
        if key in self._answers:
            answer: LiveJob = self._answers[key]
            return self._leave(answer)
        live = self._live(job_id)
        if not _is_as_expected(live.job, change):
            raise JobChangedError(live, "the job is not as expected")
        self._answers[key] = self.enter(_changed(live.job, change, self.now()))
        return self._leave(self._live(job_id))

    async def tell(self, job_id: str, telling: Telling, key: str) -> str | None:
        self._arrive()
        if key not in self._answers:
            self._live(job_id)
            self.told.append((job_id, telling))
            added = f"{job_id}-{len(self.told)}" if telling.what == "add_service_job" else None
            self._answers[key] = added
        answer: str | None = self._answers[key]
        return self._leave(answer)

    async def list_changed(self, since: str | None, limit: int) -> ChangedJobs:
        self._arrive()
        newest = {job_id: place for place, (job_id, _) in enumerate(self.changes, 1)}
        later = sorted(place for place in newest.values() if place > int(since or 0))[:limit]
        items = tuple(self._listed(*self.changes[place - 1]) for place in later)
        return self._leave(ChangedJobs(items=items, next=str(later[-1]) if later else since))

    def _listed(self, job_id: str, changed_at: datetime) -> ChangedJob:
        job = self.unreadable.get(job_id) or self.jobs[job_id].model_dump(mode="json")
        return ChangedJob(job=job, version=self.versions[job_id], changed_at=changed_at)

    async def close(self) -> None:
        pass

    def _live(self, job_id: str) -> LiveJob:
        if job_id not in self.jobs:
            raise TurnedDownError("404: no such job", status=404)
        return LiveJob(job=self.jobs[job_id], version=self.versions[job_id])

    def _arrive(self) -> None:
        self.requests += 1
        if self.before is not None:
            self.before()

    def _leave(self, answer: AnswerT) -> AnswerT:
        if self.after is not None:
            self.after()
        return answer


def _is_as_expected(live: Job, change: ChangeRequest) -> bool:
    expected = change.expected
    return (
        expected.assigned_to in (live.assigned_to.number, live.assigned_to.name)
        and expected.status is live.status
        and expected.diagnostic_report_at == live.diagnostic_report_at
    )


def _changed(job: Job, change: ChangeRequest, now: datetime) -> Job:
    wanted = change.set
    changes: dict[str, Any] = {}
    if wanted.assigned_to is not None:
        account = Account(number=wanted.assigned_to.number, name=wanted.assigned_to.name)
        changes |= {"assigned_to": Assignee.of(account), "assigned_at": now}
        changes |= {"status": JobStatus.NEW, "sub_status": None}
    for name in ("status", "sub_status", "appointment_at"):
        if getattr(wanted, name) is not None:
            changes[name] = getattr(wanted, name)
    changed = job.model_copy(update=changes)
    return (
        changed
        if wanted.customer_email is None
        else changed.with_customer_at(wanted.customer_email)
    )
