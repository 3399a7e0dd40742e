"""A worker in its own process: `python -m benchmarks.worker ADDRESS [STORE SMTP [JOB_SYSTEM]]`.

With the URL of a store it is Steward's, else the floor's; with that of a job system, it asks there.
"""

from __future__ import annotations

import sys

from temporalio.client import Client
from temporalio.worker import Worker

from activities.http_job_system import HttpJobSystem
from activities.job_system import OwnCopy
from activities.postman import SmtpPostman
from benchmarks.floor import TASK_QUEUE, Floor, nothing
from benchmarks.partner import TOKEN
from benchmarks.processes import run_as_child, serve
from benchmarks.sealing import client_for
from domain.outgoing import Destination
from domain.policy import load_policy
from store.database import Database
from workers.settings import LogForm
from workers.telemetry import configure_logging
from workers.worker import make_worker


async def work_on_the_floor(address: str) -> None:
    """Carry out bare workflows until the benchmark ends."""
    worker = Worker(
        await Client.connect(address),
        task_queue=TASK_QUEUE,
        workflows=[Floor],
        activities=[nothing],
    )
    async with worker:
        await serve(_nothing_to_say)


async def work_for_steward(
    address: str, store_url: str, smtp_url: str, job_system_url: str | None = None
) -> None:
    """Carry out lifecycles as `steward worker` does, until the benchmark ends."""
    configure_logging(LogForm.JSON)
    database = Database(store_url, {Destination.JOB_SYSTEM} if job_system_url else ())
    job_system = HttpJobSystem(job_system_url, TOKEN) if job_system_url else OwnCopy()
    postman = SmtpPostman(smtp_url, load_policy(None).mail.sender)
    client = await client_for(address, database)
    async with make_worker(client, database, postman, job_system=job_system):
        await serve(_nothing_to_say)
    await database.close()


async def _nothing_to_say(line: str) -> str:
    raise ValueError(f"a worker answers nothing, but was asked: {line}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [temporal_address]:
            run_as_child(work_on_the_floor(temporal_address))
        case [temporal_address, store, smtp, *job_system]:
            run_as_child(work_for_steward(temporal_address, store, smtp, *job_system))
        case _:
            sys.exit(__doc__)
