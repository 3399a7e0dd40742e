"""The Schedule of the specialists' digest, made and kept as the policy wants it."""

from __future__ import annotations

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from domain.policy import Policy
from workflows.digest import SpecialistsDigest
from workflows.registry import TASK_QUEUE

DIGEST = "specialists-digest"
"""Id of the Schedule, and the beginning of the ids of the workflows that it starts."""

_CATCH_UP = timedelta(hours=6)
"""A digest that Temporal could not start in time is of use on its morning, and not at night."""
_AT_MOST = timedelta(hours=20)


async def ensure_digest(client: Client, policy: Policy) -> None:
    """Have every specialist mailed at the policy's time of day; a pause that somebody set stays."""
    wanted = digest_schedule(policy)
    try:
        await client.create_schedule(DIGEST, wanted)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(DIGEST).update(lambda found: _updated(found, wanted))


def digest_schedule(policy: Policy) -> Schedule:
    """Return the Schedule that a policy asks for."""
    minutes = policy.digest.at // timedelta(minutes=1)
    zone = policy.calendar.zone
    return Schedule(
        action=ScheduleActionStartWorkflow(
            SpecialistsDigest.run,
            args=[zone],
            id=DIGEST,
            task_queue=TASK_QUEUE,
            execution_timeout=_AT_MOST,
            static_summary="Mails each SPoC specialist the jobs that wait for them",
        ),
        spec=ScheduleSpec(
            calendars=[
                ScheduleCalendarSpec(
                    hour=[ScheduleRange(minutes // 60)], minute=[ScheduleRange(minutes % 60)]
                )
            ],
            time_zone_name=zone,
        ),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCH_UP),
    )


def _updated(found: ScheduleUpdateInput, wanted: Schedule) -> ScheduleUpdate:
    wanted.state = found.description.schedule.state
    return ScheduleUpdate(schedule=wanted)
