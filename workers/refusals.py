"""Journals refused updates.

A rejected update leaves nothing in Temporal's history, and a validator may change nothing: so the
worker gives the workflow a function that puts the refusal aside, and writes it down from outside.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog
from temporalio.worker import (
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from domain.faults import in_brief
from domain.lifecycles import job_of
from domain.refusals import Refusal
from domain.roles import Actor
from store.database import StoreUnavailableError
from store.journal import Journal, RefusedAttempt
from workers.background import Background
from workflows.messages import RECORD_REFUSAL

log = structlog.get_logger()


class RefusalRecorder(Interceptor):
    """Writes the refusals of validators to the journal, beside the worker."""

    def __init__(
        self,
        journal: Journal,
        background: Background | None = None,
        count: Callable[[str, Refusal], None] = lambda _, __: None,
    ) -> None:
        """Take where refusals are written, and what counts them by workflow."""
        self._journal = journal
        self._count = count
        self._background = background or Background()
        self._loop = asyncio.get_running_loop()
        self._writing: set[asyncio.Task[None]] = set()

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002  the SDK's name
    ) -> type[WorkflowInboundInterceptor] | None:
        """Give workflows the function; nothing is intercepted."""
        input.unsafe_extern_functions[RECORD_REFUSAL] = self.record
        return None

    def record(
        self,
        workflow_id: str,
        update_id: str,
        at: datetime,
        actor: Actor,
        command: str,
        refusal: Refusal,
    ) -> None:
        """Take a refusal from a workflow's thread and write it in the worker's."""
        self._count(workflow_id, refusal)
        lifecycle, job_id = job_of(workflow_id)
        attempt = RefusedAttempt(
            id=update_id,
            job_id=job_id,
            lifecycle=lifecycle,
            command=command,
            at=at,
            actor=actor,
            refusal=refusal,
        )
        self._loop.call_soon_threadsafe(self._start_writing, attempt)

    def _start_writing(self, attempt: RefusedAttempt) -> None:
        task = self._loop.create_task(self._write(attempt))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, attempt: RefusedAttempt) -> None:
        try:
            await self._journal.refused(attempt)
        except StoreUnavailableError as error:
            log.warning(
                "a refusal could not be journalled",
                lifecycle=attempt.lifecycle,
                job=attempt.job_id,
                command=attempt.command,
                reason=in_brief(error),
            )
        except Exception as error:  # noqa: BLE001  nobody waits for it, and nobody else would tell
            self._background.count("refusals", error)

    async def written(self) -> None:
        """Return once everything that was put aside is written."""
        while self._writing:
            await asyncio.gather(*self._writing)
