"""Refuses whatever somebody still wants of a job whose data was erased."""

from __future__ import annotations

from collections.abc import Callable

from domain.current import current
from domain.erasing import erased_refusal
from domain.policy import Policy
from domain.refusals import Refused
from store.erasures import Erasures


class ErasedJobs:
    """Knows which jobs take nothing any more."""

    def __init__(self, erasures: Erasures, policy: Policy | Callable[[], Policy]) -> None:
        """Take what it rests on.

        Args:
            erasures: the store's.
            policy: says on which clock people read when a job was erased.
        """
        self._erasures = erasures
        self._policy = current(policy)

    async def require_kept(self, job_id: str) -> None:
        """Return if a job was not erased.

        Raises:
            Refused: it was; the refusal says when, and is on no record: it would name somebody
                who asks, on a job of which nothing of a person is left.
            StoreUnavailableError: the store does not answer.
        """
        erasure = await self._erasures.of(job_id)
        if erasure is not None:
            zone = self._policy().calendar.zone
            raise Refused(erased_refusal(job_id, erasure.erased_at, zone))
