"""What every process works with is closed however the process ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from activities import job_system
from store.database import StoreUnavailableError, migrate
from workers.process import Process
from workers.settings import Settings


async def test_a_process_that_cannot_start_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = list[job_system.OwnCopy]()

    async def close(self: job_system.OwnCopy) -> None:
        closed.append(self)

    monkeypatch.setattr(job_system.OwnCopy, "close", close)
    process = Process(Settings(), tmp_path, "steward")
    with pytest.raises(StoreUnavailableError):
        async with process:
            await process.database.check()
    assert len(closed) == 1
    migrate(Settings().database_in(tmp_path))
    with pytest.raises(RuntimeError, match="after shutdown"):
        await process.database.check()
