"""One run of lifecycles: Temporal, what drives and what works, each in a process of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.driver import Driven, Errand, Watched
from benchmarks.floor import Phase
from benchmarks.golden_paths import GoldenPath
from benchmarks.processes import child, temporal
from benchmarks.scale import Scale
from benchmarks.sealing import KEYS_FILE
from store.key_ring import new_ring_key

_MOST_UNDER_WAY = 24
"""Lifecycles at a time that leave no processor idle while the driver waits for some of them."""


def under_way(scale: Scale) -> int:
    """Return how many lifecycles are carried out at a time."""
    return min(_MOST_UNDER_WAY, max(1, scale.lifecycles // 5))


async def driven(
    path: GoldenPath,
    scale: Scale,
    *,
    phases: Sequence[Phase] | None = None,
    is_sealed: bool = False,
    job_system_url: str | None = None,
) -> Driven:
    """Carry lifecycles out on a new store and a new Temporal, and return what that came to.

    Args:
        path: the way that each of them goes.
        scale: how many there are.
        phases: what a bare workflow goes through in Steward's place; None for Steward.
        is_sealed: whether payloads are encrypted.
        job_system_url: where the jobs are, None where our own copy is the job system.

    Raises:
        ChildFailedError: a process does not start, or does not end well.
    """
    with TemporaryDirectory() as folder:
        if is_sealed:
            (Path(folder) / KEYS_FILE).write_text(f"{new_ring_key().line()}\n")
        async with temporal(Path(folder), thrown_away=True) as server:
            store_url = f"sqlite:///{Path(folder) / 'store.sqlite3'}"
            errand = Errand(
                path=path.name,
                address=server.address,
                under_way=under_way(scale),
                warm_up=scale.warm_up,
                counted=scale.lifecycles,
                store_url=store_url if phases is None else None,
                is_elsewhere=job_system_url is not None,
                phases=tuple(phases or ()),
            )
            async with child("benchmarks.driver", errand.model_dump_json()) as driver:
                jobs_there = () if job_system_url is None else (job_system_url,)
                stewards = (store_url, driver.said, *jobs_there) if phases is None else ()
                async with (
                    child("benchmarks.worker", server.address, *stewards) as worker,
                    _teller(store_url, job_system_url) as teller,
                ):
                    pids = {"worker": worker.measured.pid, "server": server.measured.pid}
                    watched = Watched(**pids, teller=teller)
                    said = await driver.ask(watched.model_dump_json())
    return Driven.model_validate_json(said)


@asynccontextmanager
async def _teller(store_url: str, job_system_url: str | None) -> AsyncIterator[int | None]:
    """Tell the job system, if there is one; return the process that does."""
    if job_system_url is None:
        yield None
        return
    async with child("benchmarks.teller", store_url, job_system_url) as teller:
        yield teller.measured.pid
