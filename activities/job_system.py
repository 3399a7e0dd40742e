"""The job system as Steward sees it: asked before its jobs are changed, told of everything else."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from domain.job_system import ChangedJobs, ChangeRequest, LiveJob, Telling


class JobSystem(Protocol):
    """A job system. Whoever writes an adapter of their own implements this.

    Every request carries an idempotency key: the same key is the same request, done once.
    """

    @property
    def is_elsewhere(self) -> bool:
        """Whether the jobs are in another system, and not only in Steward's own copy."""

    async def read(self, job_id: str) -> LiveJob:
        """Return a job as it stands.

        Raises:
            JobSystemError: it cannot be read now, or not at all.
        """

    async def change(self, job_id: str, change: ChangeRequest, key: str) -> LiveJob:
        """Change a job if it still is as expected; return it as changed.

        Raises:
            JobChangedError: it is not; nothing was changed.
            JobSystemError: it is not known whether it was changed, or it was refused.
        """

    async def tell(self, job_id: str, telling: Telling, key: str) -> str | None:
        """Tell of what was done; return the id of a job that is added, None for all else.

        Raises:
            JobSystemError: it was not taken.
        """

    async def list_changed(self, since: str | None, limit: int) -> ChangedJobs:
        """Return the jobs that have changed since a cursor, from the beginning without one.

        Raises:
            JobSystemError: they cannot be listed now, or not at all.
        """

    async def close(self) -> None:
        """Let go of whatever connects us with it; nothing is asked afterwards."""


class JobSystemError(Exception):
    """The job system did not do what it was asked; the text is for people, and names nobody."""

    @property
    def for_logs(self) -> str:
        """What may be logged of it."""
        return str(self)


class NotReachedError(JobSystemError):
    """It does not answer, or not now: worth another try under the same key.

    Attributes:
        retry_after: how long to leave it alone, if anybody says so.
        may_have_happened: whether it may have done what it was asked.
        was_asked: False where the request never left us, such as at an open circuit.
        has_answered: whether it did answer, and only makes nothing of this request: it is not
            silent, and other requests may fare better.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry_after: timedelta | None = None,
        may_have_happened: bool = False,
        was_asked: bool = True,
        has_answered: bool = False,
    ) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.may_have_happened = may_have_happened
        self.was_asked = was_asked
        self.has_answered = has_answered


class NotLetInError(JobSystemError):
    """It does not know us: our address or token is wrong, and all jobs wait for that.

    Attributes:
        retry_after: how long to leave it alone, if an open circuit says so.
        was_asked: False where an open circuit kept the request back (`activities.circuit`).
    """

    def __init__(
        self, reason: str, *, retry_after: timedelta | None = None, was_asked: bool = True
    ) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.was_asked = was_asked


class TurnedDownError(JobSystemError):
    """It refuses this request for good.

    Attributes:
        status: its HTTP status, None where it has none.
    """

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status

    @property
    def for_logs(self) -> str:
        """The status alone: the reason is its own, and may quote anybody."""
        return "refused" if self.status is None else f"refused ({self.status})"


class JobChangedError(JobSystemError):
    """The job is not as it was expected to be; nothing was changed.

    Attributes:
        live: the job as it stands.
    """

    def __init__(self, live: LiveJob, reason: str) -> None:
        super().__init__(reason)
        self.live = live

    @property
    def for_logs(self) -> str:
        """That it has changed: the reason is the job system's own, and may quote anybody."""
        return "the job has changed"


class OwnCopy:
    """Steward's own copy of the jobs is the job system: there is nobody to ask or tell."""

    @property
    def is_elsewhere(self) -> bool:
        """No: the store has the jobs, and decides."""
        return False

    async def read(self, job_id: str) -> LiveJob:
        """Refuse: the store is asked instead."""
        raise _nobody(f"read {job_id}")

    async def change(self, job_id: str, change: ChangeRequest, key: str) -> LiveJob:  # noqa: ARG002  the port's signature
        """Refuse: the store changes the job."""
        raise _nobody(f"change {job_id}")

    async def tell(self, job_id: str, telling: Telling, key: str) -> str | None:  # noqa: ARG002  the port's signature
        """Refuse: nobody is told."""
        raise _nobody(f"tell of {telling.what} on {job_id}")

    async def list_changed(self, since: str | None, limit: int) -> ChangedJobs:  # noqa: ARG002  the port's signature
        """Return nothing: no job changes but in our own copy."""
        return ChangedJobs(items=())

    async def close(self) -> None:
        """Do nothing: nothing connects us with it."""


def _nobody(what: str) -> JobSystemError:
    return JobSystemError(f"there is no other job system to {what}")
