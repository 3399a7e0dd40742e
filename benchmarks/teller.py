"""Tells the job system in its own process: `python -m benchmarks.teller STORE_URL JOB_SYSTEM_URL`.

It is the part of the API that does so, alone.
"""

from __future__ import annotations

import sys

from activities.http_job_system import HttpJobSystem
from benchmarks.partner import TOKEN
from benchmarks.processes import run_as_child, serve
from domain.outgoing import Destination
from domain.policy import load_policy
from service.assembly import make_service
from store.database import Database
from workers.background import Background
from workers.settings import LogForm
from workers.telemetry import configure_logging
from workers.temporal import connect


async def tell(store_url: str, job_system_url: str) -> None:
    """Tell what stands in the outbox until the benchmark ends."""
    configure_logging(LogForm.JSON)
    database = Database(store_url, {Destination.JOB_SYSTEM})
    job_system = HttpJobSystem(job_system_url, TOKEN)
    nobody = await connect(lazy=True)
    service = make_service(database, nobody, load_policy(None), job_system=job_system)
    (courier,) = service.couriers
    async with Background().running(courier=courier.run_once):
        await serve(_nothing_to_say)
    await courier.stop()
    await job_system.close()
    await database.close()


async def _nothing_to_say(line: str) -> str:
    raise ValueError(f"a teller answers nothing, but was asked: {line}")


if __name__ == "__main__":
    run_as_child(tell(*sys.argv[1:]))
