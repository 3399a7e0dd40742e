"""How long a workflow task may take before it counts as deadlocked."""

from __future__ import annotations

from datetime import timedelta

from tests.desk import Desk, Letterbox
from workers.worker import make_worker

WHEN_THE_SERVER_GIVES_UP = timedelta(seconds=10)
THE_SDKS_OWN = timedelta(seconds=2)


async def test_a_busy_job_has_nearly_as_long_as_the_server_gives_it(desk: Desk) -> None:
    worker = make_worker(desk.client, desk.database, Letterbox(), task_queue="another")
    tasks = worker._workflow_worker
    assert tasks is not None

    seconds = tasks._deadlock_timeout_seconds

    assert seconds is not None
    assert 3 * THE_SDKS_OWN < timedelta(seconds=seconds) < WHEN_THE_SERVER_GIVES_UP
