"""What reconciles, put together for a process."""

from __future__ import annotations

from collections.abc import Callable

from activities.job_system import JobSystem
from activities.reconciling import Reconciler
from domain.directory import Directory
from store.database import Database
from store.inbox import Inbox
from store.reconciliations import Reconciliations
from workflows.registry import LIFECYCLES


def reconciler_of(
    database: Database, job_system: JobSystem, directory: Directory | Callable[[], Directory]
) -> Reconciler:
    """Return what compares the job system's list with our copies."""
    kinds = tuple(LIFECYCLES.values())
    store = Reconciliations(database)
    return Reconciler(job_system, Inbox(database), store, kinds, directory)
