"""The store is copied while nobody works on it, which a worker that has stopped doesn't hold up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from starters.failures import Failure
from starters.moving_verbs import must_be_silent
from tests.desk import sqlite_url
from tests.ports import free_port, nobodys_port
from tests.server.processes import Processes, environment, steward
from workers.dev_server import DevServer, ServerOptions
from workers.temporal import POLLED_LATELY, pollers_of
from workflows.registry import TASK_QUEUE

THEN = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)


async def test_a_worker_that_has_stopped_does_not_run(tmp_path: Path) -> None:
    temporal = DevServer(ServerOptions(port=free_port(), ui_port=None, database=None))
    client, source = await temporal.start(), sqlite_url(tmp_path)
    variables = environment(
        STEWARD_DATABASE_URL=source,
        STEWARD_SMTP_URL=f"smtp://127.0.0.1:{nobodys_port()}",
        TEMPORAL_ADDRESS=temporal.address,
    )
    move = steward("migrate-store", "--from", source, "--to", sqlite_url(tmp_path / "there"))
    with Processes(tmp_path) as processes:
        setup = processes.start(steward("setup"), variables)
        assert await asyncio.to_thread(setup.exit_code) == 0
        worker = processes.start(steward("worker"), variables)
        while not (polled := await _polled(client)):  # noqa: ASYNC110  Temporal tells nobody
            await asyncio.sleep(0.02)
        worker.interrupt()
        assert await asyncio.to_thread(worker.exit_code) == 0
        moved = processes.start([*move, "--json"], variables)
        assert await asyncio.to_thread(moved.exit_code) == 0
        assert await _polled(client) == polled  # Temporal still shows it
        assert "Temporal still lists a worker" not in moved.said
        assert json.loads(moved.said[moved.said.index("{") :])["rows"]["jobs"] == 0
    await temporal.stop()


async def _polled(client: Client) -> Mapping[str, datetime]:
    return (await pollers_of(client, TASK_QUEUE, datetime.now(UTC))).identities


class Watched:
    """Workers, as they are seen at each look; a look and the pause before it take a second."""

    def __init__(self, *looks: Mapping[str, datetime]) -> None:
        self._looks = looks
        self.seconds = 0
        self.told: list[str] = []

    async def look(self) -> Mapping[str, datetime]:
        return self._looks[min(self.seconds, len(self._looks) - 1)]

    async def pause(self, _: float) -> None:
        self.seconds += 1

    async def must_be_silent(self) -> None:
        await must_be_silent(
            self.look, self.told.append, clock=lambda: self.seconds, pause=self.pause
        )


async def test_a_worker_that_asks_for_work_again_is_running() -> None:
    crashed = {"7@a": THEN}
    again = Watched(crashed, crashed, {"7@a": THEN + timedelta(minutes=1)})
    with pytest.raises(Failure, match=r"a worker is running on the source: 7@a\. Stop it"):
        await again.must_be_silent()
    another = Watched(crashed, {**crashed, "8@a": THEN})
    with pytest.raises(Failure, match="running on the source: 8@a"):
        await another.must_be_silent()


async def test_a_worker_that_crashed_is_waited_for_and_no_longer_than_it_could_be_silent() -> None:
    forgotten = Watched({"7@a": THEN}, {"7@a": THEN}, {})
    await forgotten.must_be_silent()
    assert (forgotten.seconds, len(forgotten.told)) == (2, 1)
    assert "a worker: 7@a. The copy begins in 75 seconds" in forgotten.told[0]

    shown_for_ever = Watched({"7@a": THEN, "8@a": THEN})
    await shown_for_ever.must_be_silent()
    assert shown_for_ever.seconds == POLLED_LATELY.total_seconds()
    assert len(shown_for_ever.told) == 8
    assert "a worker: 7@a, 8@a. The copy begins in 5 seconds" in shown_for_ever.told[-1]
    await Watched({}).must_be_silent()


async def test_a_worker_that_can_no_longer_be_seen_may_be_running() -> None:
    looks = iter([{"7@a": THEN}, {"7@a": THEN}])

    async def look() -> dict[str, datetime]:
        seen = next(looks, None)
        if seen is None:
            raise TimeoutError
        return seen

    watched = Watched({})
    with pytest.raises(
        Failure, match=r"may be running on the source: 7@a\. Temporal doesn't answer"
    ):
        await must_be_silent(
            look, watched.told.append, clock=lambda: watched.seconds, pause=watched.pause
        )
