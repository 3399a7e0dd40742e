"""Dismissing what lifecycles that have ended still ask attention for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from domain.attention import dismissed_sentence
from domain.commands import DISMISS_ATTENTION, Answer, DismissAttention, not_standing
from domain.lifecycles import LifecycleKind
from domain.refusals import Refused
from store.attention import AttentionOfEnded
from store.database import Database
from store.reading import Reading


class Dismissals:
    """Answers `dismiss_attention` where no workflow is left to do so."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._ended = AttentionOfEnded(database)
        self._reading = Reading(database)
        self._clock = clock

    async def answer(
        self, kind: LifecycleKind, job_id: str, fields: object, attempt: str
    ) -> Answer | None:
        """Dismiss a call for attention of an ended lifecycle, and return the answer.

        Args:
            kind: the lifecycle.
            job_id: the job.
            fields: the command's payload, as it came.
            attempt: tells this command from all others.

        Returns:
            None if the lifecycle runs, or never did: then its workflow answers.

        Raises:
            Refused: the role may not, a field is wrong, or there is nothing to dismiss.
            StoreUnavailableError: the store does not answer.
        """
        workflow_id = kind.workflow_id(job_id)
        standing = await self._ended.standing(workflow_id)
        if standing is None:
            return None
        request = kind.commands.read(DISMISS_ATTENTION, fields)
        payload = request.payload
        if not isinstance(payload, DismissAttention):
            raise TypeError(f"{DISMISS_ATTENTION} has a payload of its own")
        said = dismissed_sentence(payload.attention, payload.reason)
        if not await self._ended.dismiss(
            workflow_id, payload.attention, payload.actor, said, self._clock(), attempt
        ):
            raise Refused(not_standing(payload.attention, standing))
        shown = await self._reading.lifecycle(workflow_id) or {}
        return Answer(
            stage=shown.get("stage", ""),
            waiting_on=None,
            due_at=None,
            next=shown.get("next", ""),
        )
