"""Both releases as processes: the last one, kept in `tests/releases`, and this one."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4
from zipfile import ZipFile

import httpx

from domain.signatures import generate_secret, sign
from tests.desk import PLUSONE, account, acting, iso
from tests.ports import free_port
from tests.server.processes import Processes, Running, environment, steward

ROOT = Path(__file__).parents[2]
RELEASES = ROOT / "tests" / "releases"
UI = 1000
"""How far the port of Temporal's UI is above Temporal's."""
_RUN = "from starters.cli import main; main()"


@dataclass(frozen=True)
class Release:
    """A release, and how its verbs are run."""

    code: Path | None
    """The folder of its packages; None: this one."""

    @classmethod
    def last(cls, folder: Path) -> Release:
        """Unpack the last release in a folder."""
        (packed,) = RELEASES.glob("*.zip")
        with ZipFile(packed) as file:
            file.extractall(folder)
        for data in ("domain/zips.csv", "samples"):  # no code, and the same in both
            (folder / data).symlink_to(ROOT / data)
        return cls(folder)

    def start(
        self, processes: Processes, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> Running:
        """Run one of its verbs."""
        given = environment(**(variables or {}))
        if self.code is None:
            return processes.start(steward(*arguments), given)
        given["PYTHONPATH"] = str(self.code)
        return processes.start([sys.executable, "-c", _RUN, *arguments], given, self.code)


THIS = Release(None)


class Installation:
    """What both releases work on, one after the other or beside each other."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        self.processes = processes
        self.data = folder / "data"
        self.temporal_port = free_port(UI)
        self.secret = generate_secret()
        self.jobs: list[str] = []
        self.calls = Counter[str]()
        """How often the customer of each job called."""

    def up(self, release: Release, *options: str) -> int:
        """Run the whole stack of a release; return the port of its API."""
        port = free_port()
        self.stack = release.start(
            self.processes,
            "up",
            *("--port", str(port), "--temporal-port", str(self.temporal_port)),
            *("--data", str(self.data), *options),
            variables={"STEWARD_HOOK_SECRETS": self.secret},
        )
        return port

    def stop(self) -> None:
        """Stop it with Ctrl-C."""
        self.stack.interrupt()
        assert self.stack.exit_code() == 0, self.stack.said

    def get(self, port: int, path: str, **query: str | bool) -> Any:
        """Ask the API at a port."""
        answer = httpx.get(f"http://127.0.0.1:{port}{path}", params=query, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def standing(self, port: int) -> dict[tuple[str, str], str]:
        """Where each open lifecycle stands, as the API at a port tells it."""
        found: dict[tuple[str, str], str] = {}
        after: str | None = ""
        while after is not None:
            page = self.get(port, "/jobs", open=True, after=after)
            for item in page["items"]:
                if item["lifecycle"] is not None:
                    found[item["job_id"], item["lifecycle"]] = item["stage"]
            after = page["after"]
        return found

    def standing_once(
        self, port: int, expected: Mapping[tuple[str, str], str]
    ) -> dict[tuple[str, str], str]:
        """Where each open lifecycle stands, once some have come to where they are expected."""
        while True:
            found = self.standing(port)
            if found.items() >= expected.items():
                return found
            time.sleep(0.1)

    def do(self, port: int, job_id: str, command: str, role: str, **fields: Any) -> dict[str, Any]:
        """Give a command of the search by PlusOne by the API at a port."""
        answer = httpx.post(
            f"http://127.0.0.1:{port}/jobs/{job_id}/plus-one/{command}",
            json={"actor": acting(role), **fields},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def tell(self, port: int, job: Mapping[str, Any], type_: str, **data: Any) -> str:
        """Tell the API at a port of an event; return what became of it."""
        at = datetime.now(UTC)
        body = {
            "type": type_,
            "occurred_at": iso(at),
            "actor": acting("dispatch"),
            "job": dict(job),
            "data": data,
        }
        raw, event_id = json.dumps(body).encode(), f"msg_{uuid4().hex}"
        headers = {
            "webhook-id": event_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": sign(self.secret, event_id, at, raw),
            "content-type": "application/json",
        }
        answer = httpx.post(
            f"http://127.0.0.1:{port}/hooks/jobs", content=raw, headers=headers, timeout=60
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["outcome"])

    def assign(self, port: int) -> str:
        """Assign a new job to PlusOne through the API at a port; return its number."""
        job_id = f"SJ-{len(self.jobs) + 1}"
        self.jobs.append(job_id)
        job = {
            "job_id": job_id,
            "order_id": f"SO-{job_id}",
            "status": "New",
            "trade": "Plumbing",
            "item": {"name": "Kitchen faucet", "category": "other"},
            "assigned_to": account(PLUSONE["name"], PLUSONE["number"]),
            "assigned_at": iso(datetime.now(UTC) - timedelta(hours=1)),
        }
        assert self.tell(port, job, "job.assigned") == "started"
        return job_id
