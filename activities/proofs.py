"""Checks messages that did not come through Steward: the one place that believes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from temporalio import activity

from domain.proofs import Unproven, Verdict
from store.key_ring import KeyRing
from store.proofs import UsedProofs


class Proofs:
    """Checks proofs with the keys of one store."""

    def __init__(self, used: UsedProofs, ring: Callable[[], KeyRing]) -> None:
        """Take what has counted, and what tells the key ring.

        Args:
            used: the proofs that have counted.
            ring: tells the key ring that they are made with.
        """
        self._used = used
        self._ring = ring

    @activity.defn
    async def check_proofs(self, asked: list[Unproven]) -> list[Verdict]:
        """Return whether each of some messages is believed; tried again, it says the same.

        Raises:
            StoreUnavailableError: the database does not answer.
        """
        info = activity.info()
        key = f"{info.workflow_run_id}/{info.activity_id}"
        return await self._used.check(asked, self._ring, key, datetime.now(UTC))
