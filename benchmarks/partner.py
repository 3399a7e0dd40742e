"""A job system in its own process, which agrees to everything: `python -m benchmarks.partner JOB`.

It knows every job: as the argument says, and as it was asked to change it since. What it does costs
as little as it can, so that Steward is measured and not a job system.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import uvicorn
from pydantic import BaseModel, ConfigDict

from benchmarks.processes import run_as_child, serve

TOKEN = "benchmark"  # noqa: S105  of a job system that lives for seconds on this machine
"""The bearer token, which nobody checks."""

_Message = MutableMapping[str, Any]


class Heard(BaseModel):
    """How many requests of each kind a job system has had."""

    model_config = ConfigDict(frozen=True)

    read: int = 0
    asked: int = 0
    told: int = 0


class Partner:
    """An ASGI application: the job system."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        self._as_first_known = job
        self._jobs: dict[str, dict[str, Any]] = {}
        self.heard = Heard()

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        """Answer a request."""
        body = await _body(receive)
        status, answer = self._answer(scope["method"], scope["path"], body)
        said = json.dumps(answer).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(said))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": said})

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        match method, path.strip("/").split("/"):
            case "GET", ["jobs", job_id]:
                self._count("read")
                return HTTPStatus.OK, self._live(unquote(job_id))
            case "PATCH", ["jobs", job_id]:
                self._count("asked")
                self._change(unquote(job_id), json.loads(body)["set"])
                return HTTPStatus.OK, self._live(unquote(job_id))
            case "POST", ["orders", order_id, "jobs"]:
                self._count("told")
                return HTTPStatus.CREATED, {"job_id": f"{order_id}-{self.heard.told}"}
            case _:
                self._count("told")
                return HTTPStatus.CREATED if method == "POST" else HTTPStatus.OK, {}

    def _count(self, what: str) -> None:
        self.heard = self.heard.model_copy(update={what: getattr(self.heard, what) + 1})

    def _job(self, job_id: str) -> dict[str, Any]:
        return self._jobs.setdefault(job_id, {**self._as_first_known, "job_id": job_id})

    def _live(self, job_id: str) -> dict[str, Any]:
        return {"job": self._job(job_id), "version": 1}

    def _change(self, job_id: str, wanted: dict[str, Any]) -> None:
        job, changes = self._job(job_id), dict(wanted)
        if email := changes.pop("customer_email", None):
            changes["customer"] = {**job["customer"], "email": email}
        if "assigned_to" in changes:
            changes = {
                "status": "New",
                "sub_status": None,
                "assigned_at": datetime.now(UTC).isoformat(),
                **changes,
            }
        job |= changes


async def _body(receive: Callable[[], Awaitable[_Message]]) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def main(job: str) -> None:
    """Answer until the benchmark ends; a line asks how many requests came so far."""
    partner = Partner(json.loads(job))
    server = uvicorn.Server(uvicorn.Config(partner, lifespan="off", log_level="error"))

    async def count(_: str) -> str:
        return partner.heard.model_dump_json()

    with socket.create_server(("127.0.0.1", 0)) as listening:  # requests wait until it serves
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        await serve(count, f"http://127.0.0.1:{listening.getsockname()[1]}")
        server.should_exit = True
        await serving


if __name__ == "__main__":
    run_as_child(main(sys.argv[1]))
