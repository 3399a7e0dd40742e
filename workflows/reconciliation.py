"""Reconciliation, started every few minutes by a Schedule: what the hooks missed comes in."""

from __future__ import annotations

from datetime import timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RetryPolicy

from domain.reconciliation import ReconciliationOrder
from workflows.temporal import prove_input

_ONE_ATTEMPT = timedelta(minutes=10)
_SIGN_OF_LIFE = timedelta(minutes=2)
_ATTEMPTS = 3
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=10), maximum_attempts=_ATTEMPTS)


RECONCILE = "reconcile"
"""Id of the Schedule, and the beginning of the ids of the workflows that it starts."""


@workflow.defn(name="Reconciliation", failure_exception_types=[ValidationError, TypeError])
class Reconciliation:
    """Reads the job system's list of changed jobs on from where it was read to before."""

    @workflow.run
    async def run(self, order: ReconciliationOrder) -> int:
        """Return how many events no hook had told of; what keeps failing is left to the next run.

        Args:
            order: what to leave for the next run.

        Raises:
            ApplicationError: it is not Steward's Schedule that has started it.
        """
        await prove_input(RECONCILE)
        missed: int = await workflow.execute_activity(
            "reconcile",
            order,
            result_type=int,
            start_to_close_timeout=_ONE_ATTEMPT,
            heartbeat_timeout=_SIGN_OF_LIFE,
            retry_policy=_RETRY,
            summary="what the hooks missed",
        )
        return missed
