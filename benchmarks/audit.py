"""What the audit costs beside many open jobs: `python -m benchmarks.audit [JOBS]`.

Temporal answers as it would for so many running workflows, without any of them; the store is real.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsResponse
from temporalio.client import Client

from service import audit as audited
from service.audit import Audit
from store import schema
from store.database import Database, migrate
from store.leases import Leases
from store.lifecycles import Lifecycles
from store.losses import Losses
from workers.namespace import NamespaceGuard

_PAGE = 1000
_ROUNDS = 5


def _row(number: int, now: datetime) -> dict[str, Any]:
    job_id = f"SJ-{number}"
    return {
        "workflow_id": f"plus-one/{job_id}",
        "job_id": job_id,
        "lifecycle": "plus-one",
        "episode": 1,
        "sequence": 3,
        "started_by": f"msg_{number}",
        "stage": "searching",
        "waiting_on": "plusone",
        "since": now,
        "due_at": now + timedelta(hours=48),
        "next": "Waiting for PlusOne to find a provider.",
        "attention": [],
        "remembered": {},
        "guide": [],
    }


def _pages(jobs: int) -> list[bytes]:
    """Return the pages of a list of so many workflows, as they come over the wire."""
    return [
        ListWorkflowExecutionsResponse(
            executions=[
                WorkflowExecutionInfo(
                    execution=WorkflowExecution(
                        workflow_id=f"plus-one/SJ-{number}", run_id="0" * 36
                    ),
                    task_queue="service-jobs",
                )
                for number in range(first, min(first + _PAGE, jobs))
            ]
        ).SerializeToString()
        for first in range(0, jobs, _PAGE)
    ]


async def measure(jobs: int) -> None:
    """Print the CPU time of a look that counts, and of one that compares every id."""
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'steward.sqlite3'}"
        migrate(url)
        database = Database(url)
        rows = [_row(number, now) for number in range(jobs)]
        await database.write(
            lambda connection: connection.execute(schema.lifecycles.insert(), rows)
        )
        pages = _pages(jobs)

        async def running(*_: object) -> set[str]:
            parsed = (ListWorkflowExecutionsResponse.FromString(page) for page in pages)
            return {each.execution.workflow_id for page in parsed for each in page.executions}

        async def count(*_: object) -> int:
            return jobs

        async def nothing(*_: object) -> Any:  # noqa: ANN401  whatever is asked
            return set()

        asked = {"running_ids": running, "waiting_count": count}
        asked |= {"ended_from_outside": nothing, "workers_poll": nothing}
        for name, answer in asked.items():
            setattr(audited, name, answer)

        class Proven(NamespaceGuard):
            async def prove(self) -> None:
                return

        guard = Proven(database, cast("Client", None))  # which nobody asks
        losses, leases = Losses(database), Leases(database)
        audit = Audit(Lifecycles(database), losses, leases, guard, lambda: datetime.now(UTC))
        whole = [await _cpu(audit)]
        counted = [await _cpu(audit) for _ in range(_ROUNDS)]
        said = f"{jobs} open lifecycles: counting {min(counted) * 1000:.1f} ms of CPU, "
        print(f"{said}comparing every id {min(whole) * 1000:.1f} ms")  # noqa: T201  what is asked for
        await database.close()


async def _cpu(audit: Audit) -> float:
    begun = time.process_time()
    await audit.compare()
    return time.process_time() - begun


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
