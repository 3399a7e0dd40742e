"""Who Steward works with over HTTP, where every request is two places."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response

from activities.http_job_system import HttpJobSystem
from activities.http_subscriber import HttpSubscriber
from domain.signatures import HookSecrets
from samples.job_system.api import api
from samples.job_system.book import Book
from samples.job_system.misbehaviour import Behaviour
from tests.crash_points.places import Gate
from tests.desk import SECRET

_TOKEN = "the-token-of-crash-points"
_KNOWN = frozenset({"jobs", "orders", "notes", "tasks", "exceptions", "events"})


class Partner:
    """A job system: the sample's, whose hooks are sent by whoever plays the outside."""

    def __init__(self) -> None:
        self.book = Book(None)
        self._app = FastAPI()
        self._app.include_router(api(self.book, Behaviour(), _TOKEN, None))

    def as_seen_from(self, gate: Gate) -> HttpJobSystem:
        """Return the way to it of the process that a gate belongs to."""
        return HttpJobSystem("http://jobs.example", _TOKEN, _GatedTransport(self._app, gate))

    def picture(self, job_id: str) -> dict[str, list[Any]]:
        """Return all that it knows of a job, and of the jobs that were added to its order."""
        jobs = [each["job"] for each in self.book.jobs() if each["job"]["job_id"] != job_id]
        return {
            "the job there": [self.book.read(job_id).body],
            "jobs added there": jobs,
            "entries there": [{**each, "id": None} for each in self.book.entries()],
            "tasks there": self.book.tasks(job_id),
            "exceptions there": self.book.exceptions(job_id),
        }


class Listener:
    """Somebody who takes Steward's events."""

    def __init__(self) -> None:
        self.came: list[tuple[str, Any]] = []
        """The id and body of each event, each as often as it came."""
        self._app = FastAPI()

        @self._app.post("/events")
        async def take(request: Request) -> Response:
            self.came.append((request.headers["webhook-id"], await request.json()))
            return Response(status_code=204)

    def as_seen_from(self, gate: Gate) -> HttpSubscriber:
        """Return the way to it of the process that a gate belongs to."""
        return HttpSubscriber(
            "http://events.example/events",
            HookSecrets.parse(SECRET),
            _GatedTransport(self._app, gate),
        )

    def picture(self) -> dict[str, list[Any]]:
        """Return the events, each once; they may come twice, but under one id and alike."""
        first: dict[str, Any] = {}
        unlike = [event for name, event in self.came if first.setdefault(name, event) != event]
        often = [
            name for name, times in Counter(name for name, _ in self.came).items() if times > 2
        ]
        return {
            "events": list(first.values()),
            "events that differ under one id": unlike,
            "events that came more than twice": often,
        }


class _GatedTransport(httpx.AsyncBaseTransport):
    """The network between a process and somebody: a request leaves, and its answer comes."""

    def __init__(self, app: FastAPI, gate: Gate) -> None:
        self._inner = httpx.ASGITransport(app)
        self._gate = gate

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = [part if part in _KNOWN else "…" for part in request.url.path.split("/")[1:]]
        named = f"{request.method} /{'/'.join(path)}"
        await self._gate.touch(f"before request {named}")
        response = await self._inner.handle_async_request(request)
        await self._gate.touch(f"after request {named}")
        return response
