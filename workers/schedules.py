"""The Schedules: the specialists' digest and reconciliation, kept as the policy wants them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleCalendarSpec,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import RawValue
from temporalio.service import RPCError, RPCStatusCode

from domain.policy import Policy
from domain.reconciliation import ReconciliationOrder
from workers.payloads import DATA_CONVERTER
from workflows.digest import DIGEST, SpecialistsDigest
from workflows.messages import MEANT_FOR, START, meant_for
from workflows.reconciliation import RECONCILE, Reconciliation
from workflows.registry import TASK_QUEUE

_CATCH_UP = timedelta(hours=6)
"""A digest that Temporal could not start in time is of use on its morning, and not at night."""
_AT_MOST = timedelta(hours=20)
_RECONCILIATION_AT_MOST = timedelta(minutes=30)


async def ensure_schedules(client: Client, policy: Policy, *, has_job_system: bool) -> None:
    """Have everything started in its time that no job starts.

    Args:
        client: the way to Temporal.
        policy: says when.
        has_job_system: whether the jobs are in another system, and not only in our own copy.
    """
    await ensure_digest(client, policy)
    await ensure_reconciliation(client, policy, has_job_system=has_job_system)


async def ensure_digest(client: Client, policy: Policy) -> None:
    """Have every specialist mailed at the policy's time of day; a pause that somebody set stays."""
    await _ensure(client, DIGEST, digest_schedule(policy))


async def ensure_reconciliation(client: Client, policy: Policy, *, has_job_system: bool) -> None:
    """Have what the hooks missed looked for, as often as the policy says.

    A pause that somebody set stays. Without another job system there is nothing to look for, and no
    Schedule.
    """
    if has_job_system:
        await _ensure(client, RECONCILE, reconciliation_schedule(policy))
        return
    try:
        await client.get_schedule_handle(RECONCILE).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def _ensure(client: Client, name: str, wanted: Schedule) -> None:
    try:
        await client.create_schedule(name, wanted)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(name).update(lambda found: _updated(found, wanted))


def reconciliation_schedule(policy: Policy) -> Schedule:
    """Return the Schedule of reconciliation that a policy asks for."""
    every = policy.reconciliation.every
    return Schedule(
        action=ScheduleActionStartWorkflow(
            Reconciliation.run,
            args=_marked(ReconciliationOrder(grace=policy.reconciliation.grace), RECONCILE),
            id=RECONCILE,
            task_queue=TASK_QUEUE,
            execution_timeout=max(every, _RECONCILIATION_AT_MOST),
            static_summary="Reads the job system's list for what the hooks missed",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=every),
    )


def digest_schedule(policy: Policy) -> Schedule:
    """Return the Schedule that a policy asks for."""
    minutes = policy.digest.at // timedelta(minutes=1)
    zone = policy.calendar.zone
    return Schedule(
        action=ScheduleActionStartWorkflow(
            SpecialistsDigest.run,
            args=_marked(zone, DIGEST),
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


def _marked(argument: object, schedule: str) -> list[RawValue]:
    """Return the input of a Schedule's workflows, by which they know it once it is encrypted."""
    (payload,) = DATA_CONVERTER.payload_converter.to_payloads([argument])
    payload.metadata[MEANT_FOR] = meant_for(datetime.now(UTC), START, schedule).encode()
    return [RawValue(payload)]


def _updated(found: ScheduleUpdateInput, wanted: Schedule) -> ScheduleUpdate:
    wanted.state = found.description.schedule.state
    return ScheduleUpdate(schedule=wanted)
