"""A worker in its own process: `python -m benchmarks.worker ADDRESS [STORE_URL SMTP_URL]`.

With a store it is Steward's, else the floor's.
"""

from __future__ import annotations

import sys

from temporalio.client import Client
from temporalio.worker import Worker

from activities.postman import SmtpPostman
from benchmarks.floor import TASK_QUEUE, Floor, nothing
from benchmarks.processes import run_as_child, serve
from domain.policy import load_policy
from store.database import Database
from workers.settings import LogForm
from workers.telemetry import configure_logging
from workers.temporal import connect
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


async def work_for_steward(address: str, store_url: str, smtp_url: str) -> None:
    """Carry out lifecycles as `steward worker` does, until the benchmark ends."""
    configure_logging(LogForm.JSON)
    database = Database(store_url)
    postman = SmtpPostman(smtp_url, load_policy(None).mail.sender)
    client = await connect(target_host=address, namespace="default")
    async with make_worker(client, database, postman):
        await serve(_nothing_to_say)
    await database.close()


async def _nothing_to_say(line: str) -> str:
    raise ValueError(f"a worker answers nothing, but was asked: {line}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case [temporal_address]:
            run_as_child(work_on_the_floor(temporal_address))
        case [temporal_address, store, smtp]:
            run_as_child(work_for_steward(temporal_address, store, smtp))
        case _:
            sys.exit(__doc__)
