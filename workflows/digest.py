"""The specialists' digest, started every morning by a Schedule."""

from __future__ import annotations

from datetime import date, timedelta

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RetryPolicy

from domain.calendars import DigestDay
from workflows.temporal import prove_input

_ONE_ATTEMPT = timedelta(minutes=10)
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=10))


DIGEST = "specialists-digest"
"""Id of the Schedule, and the beginning of the ids of the workflows that it starts."""


@workflow.defn(name="SpecialistsDigest", failure_exception_types=[ValidationError, TypeError])
class SpecialistsDigest:
    """E-mails each specialist once a day the jobs that wait for them."""

    @workflow.run
    async def run(self, zone: str, day: date | None = None) -> int:
        """Send the digests of a day and return how many there are.

        Args:
            zone: the IANA zone whose calendar says which day it is; the activity asks it.
            day: the day, if it is not today.

        Raises:
            ApplicationError: it is not Steward's Schedule that has started it.
        """
        await prove_input(DIGEST)
        sent: int = await workflow.execute_activity(
            "send_specialists_digest",
            DigestDay(zone=zone, at=workflow.now(), day=day),
            result_type=int,
            start_to_close_timeout=_ONE_ATTEMPT,
            retry_policy=_RETRY,
            summary=f"digests of {day or 'today'}",
        )
        return sent
