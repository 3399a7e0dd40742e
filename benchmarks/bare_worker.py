"""Carries out the bare updates in a process of its own: `python -m benchmarks.bare_worker`."""

from __future__ import annotations

import sys

from temporalio.worker import Worker

from benchmarks.bare_update import TASK_QUEUE, BareUpdates, nothing
from benchmarks.processes import run_as_child, serve
from workers.temporal import connect


async def main(temporal_address: str, workflows: int) -> None:
    """Start so many bare workflows, tell their ids, and carry out their updates to the end."""
    client = await connect(target_host=temporal_address, namespace="default")
    ids = [f"bare-{number}" for number in range(workflows)]
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[BareUpdates], activities=[nothing]):
        for each in ids:
            await client.start_workflow(BareUpdates.run, id=each, task_queue=TASK_QUEUE)
        await serve(_answer_nothing, " ".join(ids))


async def _answer_nothing(line: str) -> str:
    raise ValueError(f"nothing is asked of this process, least of all {line!r}")


if __name__ == "__main__":
    run_as_child(main(sys.argv[1], int(sys.argv[2])))
