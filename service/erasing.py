"""Erases jobs: what a supervisor decides, once nothing of the job runs any more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError
from temporalio.client import Client

from domain.faults import in_brief
from domain.field_problems import field_problems
from domain.labels import lifecycle_label
from domain.lifecycles import job_of
from domain.refusals import Refused, conflicting, forbidden, unreadable
from domain.roles import Actor, Role
from domain.values import Prose
from service.acting import who_acts
from service.signalling import RPC_TIMEOUT, is_not_found, no_answer, stop_erased
from store.data_keys import DataKeys
from store.erasures import Erasure, Erasures, StillOpenError
from workers.temporal import NO_ANSWER
from workflows.registry import LIFECYCLES

log = structlog.get_logger()

_LOOKS_EVERY_SECONDS = 0.05
_LOOKS_AT_A_RUN = 10
"""After how many looks a workflow is cancelled again: the run that was, may have begun another."""
PATIENCE = timedelta(seconds=8)
"""How long lifecycles that are ended first have for it."""

EXAMPLE: Final[Mapping[str, object]] = {
    "actor": {"name": "Sam", "role": Role.SUPERVISOR.value},
    "reason": "Requested by the customer",
}
"""A body to copy."""


class JobErase(BaseModel):
    """A supervisor has a job's data erased for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    actor: Actor | None = None
    """Who decides; in `tokens` mode it may be left out."""
    reason: Prose
    """Why. It is kept, so it must not tell of a person."""
    end: bool = False
    """Whether procedures that still run on the job are cancelled first."""


class ErasingDesk:
    """Does what supervisors decide about the data of jobs."""

    def __init__(
        self,
        erasures: Erasures,
        client: Client | None,
        clock: Callable[[], datetime],
        patience: timedelta = PATIENCE,
        keys: Collection[DataKeys] = (),
    ) -> None:
        """Take what the desk works with.

        Args:
            erasures: the store's.
            client: the way to Temporal; None where nothing is ever ended first.
            clock: the wall clock, aware UTC.
            patience: how long lifecycles that are ended first have for it.
            keys: the open data keys of this process, which uses those of erased jobs no more.
        """
        self._keys = keys
        self._erasures = erasures
        self._client = client
        self._clock = clock
        self._patience = patience

    async def asked(self, job_id: str, fields: object, by: Actor | None) -> Erasure | None:
        """Erase a job as somebody asks over HTTP; see `erase`.

        Args:
            job_id: the job.
            fields: what was sent, unread.
            by: who sent it by their token, None where the body's actor is believed.
        """
        try:
            said = JobErase.model_validate(fields)
        except ValidationError as error:
            raise unreadable(
                field_problems(error, "an erasure", JobErase),
                instead=f"Send fields like {json.dumps(EXAMPLE)}.",
            ) from error
        actor = who_acts(said.actor, by, "Say who erases the job.")
        return await self.erase(job_id, actor, said.reason, end=said.end)

    async def erase(self, job_id: str, by: Actor, reason: str, *, end: bool) -> Erasure | None:
        """Erase a job for ever; one that is erased already stays so.

        Args:
            job_id: the job.
            by: who wants it.
            reason: why.
            end: whether lifecycles that still run are cancelled first.

        Returns:
            The erasure; None if there is no such job.

        Raises:
            Refused: the role may not, or a lifecycle runs.
            StoreUnavailableError: the store does not answer.
        """
        if by.role is not Role.SUPERVISOR:
            raise forbidden(None, "Only a supervisor can erase a job.", instead="Ask a supervisor.")
        try:
            if end:
                await self._end(job_id)
            erasure = await self._erasures.erase(job_id, by, reason, self._clock())
        except StillOpenError as error:
            running = " and ".join(lifecycle_label(job_of(each)[0]) for each in error.workflow_ids)
            raise conflicting(
                None,
                f"{running} still runs on job {job_id}, so it wasn't erased.",
                instead='Wait until it has ended, or end it first: `--end`, or "end": true.',
            ) from error
        if erasure is not None:
            for each in self._keys:
                each.forget(job_id)
            if self._client is not None:
                await _stop(self._client, job_id)
        return erasure

    async def _end(self, job_id: str) -> None:
        """Cancel what runs on a job, run after run, until the store knows that all has ended.

        Raises:
            Refused: Temporal doesn't answer, or it takes too long.
        """
        if self._client is None:
            raise RuntimeError("nothing can be ended without a way to Temporal")
        looks = 0
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                while running := await self._erasures.open_lifecycles(job_id):
                    if looks % _LOOKS_AT_A_RUN == 0:
                        await _cancel(self._client, running)
                    await asyncio.sleep(_LOOKS_EVERY_SECONDS)
                    looks += 1
        except TimeoutError as error:
            why = "Its procedures were cancelled, but haven't ended yet"
            raise _not_ended(why) from error


async def _cancel(client: Client, workflow_ids: Iterable[str]) -> None:
    """Cancel the newest run of each workflow; one that is cancelled already, stays so.

    Raises:
        Refused: Temporal doesn't answer.
    """
    for workflow_id in workflow_ids:
        try:
            await client.get_workflow_handle(workflow_id).cancel(rpc_timeout=RPC_TIMEOUT)
        except NO_ANSWER as error:
            if not is_not_found(error):
                raise _not_ended(str(no_answer(error))) from error


async def _stop(client: Client, job_id: str) -> None:
    """Terminate what still runs for an erased job: it can't be read, and has nothing to do.

    A lifecycle that has ended stays open in Temporal until its last mail has gone out.
    """
    try:
        for kind in LIFECYCLES.values():
            await stop_erased(client, kind.workflow_id(job_id))
    except NO_ANSWER as error:
        log.warning("what runs for an erased job is ended by the audit", reason=in_brief(error))


def _not_ended(why: str) -> Refused:
    return conflicting(
        None,
        f"{why}, so the job wasn't erased.",
        instead="Check that a worker runs, then erase the job again.",
    )


def shown(erasure: Erasure) -> dict[str, Any]:
    """Return an erasure as answers show it."""
    return erasure._asdict()
