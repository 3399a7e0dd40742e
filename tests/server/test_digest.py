"""Temporal starts the digest every morning, and a person may start it besides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    ScheduleHandle,
    ScheduleOverlapPolicy,
)

from domain.policy import parse_policy
from tests.desk import Desk
from tests.domain.factories import POLICY
from tests.follow_ups import contacted, tulsa_plumbing
from workers.schedules import digest_schedule, ensure_digest
from workflows.digest import DIGEST


@pytest.fixture
async def schedule(client: Client) -> AsyncIterator[ScheduleHandle]:
    """Leave no Schedule behind."""
    handle = client.get_schedule_handle(DIGEST)
    yield handle
    await handle.delete()


def test_it_is_sent_at_the_policys_time_on_the_calendars_clock() -> None:
    schedule = digest_schedule(POLICY)
    (at,) = schedule.spec.calendars
    assert (at.hour[0].start, at.minute[0].start) == (8, 0)
    assert schedule.spec.time_zone_name == "America/New_York"
    assert schedule.policy.overlap is ScheduleOverlapPolicy.SKIP


async def test_it_is_kept_as_the_policy_wants_it_and_stays_paused(
    client: Client, schedule: ScheduleHandle
) -> None:
    await ensure_digest(client, POLICY)
    await schedule.pause(note="The specialists are on a trip")
    await ensure_digest(client, parse_policy('[digest]\nat = "07:30"', "early.toml"))

    kept = (await schedule.describe()).schedule
    (at,) = kept.spec.calendars
    assert (at.hour[0].start, at.minute[0].start) == (7, 30)
    assert (kept.state.paused, kept.state.note) == (True, "The specialists are on a trip")


async def started(schedule: ScheduleHandle, times: int) -> str:
    """Return which workflow a Schedule has started last, once they are so many."""
    while len(actions := (await schedule.describe()).info.recent_actions) < times:  # noqa: ASYNC110  the server tells no other way
        await asyncio.sleep(0.05)
    newest = actions[-1].action
    assert isinstance(newest, ScheduleActionExecutionStartWorkflow)
    return newest.workflow_id


@pytest.mark.rule("SPOC-12")
async def test_whoever_starts_it_a_specialist_gets_one_mail_a_day(
    desk: Desk, schedule: ScheduleHandle
) -> None:
    here = tulsa_plumbing(spoc_email=f"{desk.job().id.lower()}@warranty.example")
    job = await contacted(desk, assigned_to=here)
    await ensure_digest(desk.client, POLICY)
    for times in (1, 2):
        await schedule.trigger()
        newest = await started(schedule, times)
        assert newest.startswith("specialists-digest-")
        await desk.client.get_workflow_handle(newest).result()

    to_them = [mail for mail in desk.letterbox.mails if mail.to == here["spoc_email"]]
    assert [mail.subject.endswith(f": job {job.id}") for mail in to_them] == [True, False]
    assert job.id in to_them[-1].text
