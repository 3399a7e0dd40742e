"""A test job goes the way of a real one, and whoever looks at jobs sees nothing of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest

from domain.heartbeats import LATEST, Heartbeat, heartbeat_in
from domain.signatures import HookSecrets
from service.heartbeat import WORKFLOW_ID, HeartbeatDoor, HeartbeatRound, stuck_heartbeat
from starters.app import post_to_hook
from store.heartbeats import HeartbeatRecord, Heartbeats
from store.inbox import Inbox
from store.leases import Leases
from store.schema import inbox
from tests.desk import SECRET, Desk, now
from tests.server.conftest import api
from workers.figures import Figures

EVERY = timedelta(minutes=5)
AT = datetime(2026, 11, 23, 15, tzinfo=UTC)


def rounds(desk: Desk, clock: Any = now) -> HeartbeatRound:
    secrets = HookSecrets.parse(SECRET)
    return HeartbeatRound(
        Heartbeats(desk.database),
        Leases(desk.database),
        desk.client,
        partial(post_to_hook, desk.app, secrets),  # type: ignore[arg-type]  # it is Steward's
        clock,
        EVERY,
        pause=timedelta(0),
    )


PEOPLE_SEE = ("/jobs", "/stuck", "/tasks", "/outbox", "/mail", "/hooks/dead")


async def sees_nothing(desk: Desk) -> None:
    """Check that nobody who looks at jobs and events sees anything of a heartbeat."""
    for path in PEOPLE_SEE:
        assert "heartbeat" not in (await desk.http.get(path)).text, path
    rows = select(func.count()).where(inbox.c.webhook_id.like("heartbeat%"))
    assert await desk.database.read(lambda connection: connection.scalar(rows)) == 0
    shown = (await desk.http.get("/metrics")).text
    hooks = [line for line in shown.splitlines() if line.startswith("steward_hooks_total{")]
    assert hooks, "they are shown before any came in"
    counted = [line for line in hooks if not line.endswith(" 0.0")]
    assert counted == [], "no event came in through this API"


async def come_through(store: Heartbeats, since: datetime) -> HeartbeatRecord:
    """Return how it went once a heartbeat has come through."""
    async with asyncio.timeout(30):
        while True:
            went = await store.record()
            if went is not None and went.succeeded_at is not None and went.succeeded_at >= since:
                return went
            await asyncio.sleep(0.02)


async def test_a_heartbeat_comes_through_and_leaves_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with api(desk, heartbeat=EVERY, figures=Figures()) as there:
        for _ in range(2):
            began = now()
            assert await rounds(there).beat() == 200
            went = await come_through(Heartbeats(desk.database), began)
            assert went.started_at is not None
            assert went.failing_since is None
        await sees_nothing(there)
        metrics = (await there.http.get("/metrics")).text
    assert f"steward_heartbeat_interval_seconds {EVERY.total_seconds()}" in metrics
    assert "steward_heartbeat_succeeded_timestamp_seconds 0.0" not in metrics
    known = await ended(desk)
    assert known <= await cleared(desk, monkeypatch), "Temporal is asked to forget them"


async def ended(desk: Desk) -> set[str]:
    """The runs that have ended, as far as Temporal lists them: it deletes in its own time."""
    runs = f'WorkflowId = "{WORKFLOW_ID}" AND ExecutionStatus != "Running"'
    async with asyncio.timeout(30):
        while True:
            if found := {run.run_id async for run in desk.client.list_workflows(runs)}:
                return found
            await asyncio.sleep(0.05)


async def cleared(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The runs that Temporal takes a request to forget for."""
    asked, service = set[str](), desk.client.workflow_service
    delete = service.delete_workflow_execution

    async def remember(request: DeleteWorkflowExecutionRequest) -> Any:
        answer = await delete(request)
        asked.add(request.workflow_execution.run_id)
        return answer

    monkeypatch.setattr(service, "delete_workflow_execution", remember)
    await rounds(desk)._clear()
    return asked


async def test_one_that_temporal_does_not_take_is_not_kept(desk: Desk) -> None:
    """The next one comes soon: nothing waits in the inbox, and `stuck` says where it ends."""
    away = await desk.cut_off_from_temporal()
    assert await rounds(away).beat() == 200
    record = await Heartbeats(desk.database).record()
    assert record is not None
    assert record.started_at is None
    assert await rounds(away)._is_due() is False
    assert await rounds(away, lambda: now() + EVERY)._is_due() is True
    await sees_nothing(away)


async def test_an_old_one_is_dropped(desk: Desk) -> None:
    """It was kept, and the process died: redelivery finds it later."""
    beat = Heartbeat(id="heartbeat_old", begun_at=now() - LATEST * 2, pause=timedelta(0))
    hooks = Inbox(desk.database)
    kept = await hooks.keep(beat.id, beat.body, now())
    door = HeartbeatDoor(desk.client, Heartbeats(desk.database), now)
    assert await door.take(kept.id, beat) == "it is too old"
    assert kept.id not in [each.id for each in await hooks.due(now() + EVERY)]


def test_only_steward_s_own_bytes_are_a_heartbeat() -> None:
    beat = Heartbeat(id="heartbeat_1", begun_at=AT, pause=timedelta(seconds=1))
    assert heartbeat_in(beat.body) == beat
    for other in (
        b'{"type":"job.assigned","job":{}}',
        b'{"type":"steward.heartbeat","id":"x"}',
        b'{"type":"steward.heartbeat","id":"a b","begun_at":"2026-11-23T15:00:00Z","pause":"P9D"}',
    ):
        assert heartbeat_in(other) is None


def record(**changes: Any) -> HeartbeatRecord:
    fields: dict[str, Any] = {
        "begun_at": AT,
        "started_at": AT,
        "succeeded_at": AT,
        "seconds": 1.2,
        "failing_since": None,
    }
    return HeartbeatRecord(**(fields | changes))


@pytest.mark.parametrize(
    ("went", "now_", "says"),
    [
        (None, AT, None),
        (record(), AT + timedelta(minutes=4), None),
        (record(failing_since=AT - timedelta(minutes=6)), AT, None),
        (record(), AT + timedelta(minutes=16), "No API sends"),
        (
            record(failing_since=AT - timedelta(minutes=10), started_at=None),
            AT,
            "doesn't get from the hook to Temporal",
        ),
        (record(failing_since=AT - timedelta(minutes=10)), AT, "no worker finishes it"),
    ],
)
def test_stuck_says_how_far_a_heartbeat_gets(
    went: HeartbeatRecord | None, now_: datetime, says: str | None
) -> None:
    found = stuck_heartbeat(went, EVERY, now_)
    assert [thing.kind for thing in found] == ([] if says is None else ["heartbeat"])
    assert all(says is not None and says in thing.what for thing in found)
    assert all(thing.is_for_engineers and thing.cure for thing in found)
