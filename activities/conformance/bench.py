"""What the checks work with: one job of a job system, and the requests about it.

A method that gets another answer than it needs raises BrokenError.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import quote

import httpx

from activities.conformance.answers import (
    LONGEST_QUOTE,
    check_same,
    live_job,
    page_of,
    parsed,
    status_of,
)
from activities.conformance.bodies import another_status, new_key, request_for, way_back
from activities.conformance.checks import BrokenError, CannotCheckError, NotCheckedError
from activities.http_answers import certificate_problem
from domain.job_system import ChangedJobs, ChangeSet, LiveJob
from domain.jobs import Job
from domain.values import shortened

_TIMEOUT: Final = httpx.Timeout(10, connect=3)
_TOO_MUCH: Final = frozenset({429, 503})
_ATTEMPTS: Final = 3
_LONGEST_PAUSE: Final = 5.0
"""Seconds that a request waits that is too much just now."""
_PATIENCE: Final = 5.0
"""Seconds within which a list shows a change."""
LONGEST_LIST: Final = 500
"""Jobs on a page of the list of changed jobs."""


class Bench:
    """A job system, and the job that the checks work with.

    Attributes:
        token: the bearer token that the job system knows Steward by.
        job_id: the job's number, empty until one is found.
        added: the number of the job that a check has added, None before.
        end: the cursor after all jobs, None until a check has read the list to its end.
        sent: the requests of the present check, in order.
    """

    def __init__(
        self, url: str, token: str, job_id: str, transport: httpx.AsyncBaseTransport | None
    ) -> None:
        self.token = token
        self.job_id = job_id
        self.added: str | None = None
        self.end: str | None = None
        self.sent: list[str] = []
        self._original: Job | None = None
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=_TIMEOUT,
            transport=transport,
            trust_env=False,
            verify=httpx.create_ssl_context() if transport is None else False,
        )

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    @property
    def path(self) -> str:
        """Where the job is."""
        return f"/jobs/{quote(self.job_id, safe='')}"

    @property
    def told_path(self) -> str:
        """Where notes and the like go: onto the added job, if there is one."""
        return f"/jobs/{quote(self.added or self.job_id, safe='')}"

    @property
    def original(self) -> Job:
        """The job as it was when the checks began.

        Raises:
            CannotCheckError: they have not begun.
        """
        if self._original is None:
            raise CannotCheckError("the checks have not begun")
        return self._original

    def begin_with(self, job: Job) -> None:
        """Remember the job as it is before anything is checked."""
        self._original = job

    async def send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        key: str | None = None,
        *,
        token: str | None = None,
    ) -> httpx.Response:
        """Send a request, and again where it is too much just now."""
        said = "" if body is None else f" {shortened(json.dumps(body), LONGEST_QUOTE)}"
        self.sent.append(f"{method} {shortened(path, LONGEST_QUOTE)}{said}")
        shown = self.token if token is None else token
        headers = {"accept": "application/json"}
        if shown:
            headers["authorization"] = f"Bearer {shown}"
        if key is not None:
            headers["idempotency-key"] = key
        attempt = 0
        while True:
            attempt += 1
            try:
                answer = await self._client.request(method, path, json=body, headers=headers)
            except httpx.HTTPError as error:
                why = certificate_problem(error) or type(error).__name__
                raise BrokenError(f"no answer ({why})") from error
            if answer.status_code not in _TOO_MUCH or attempt == _ATTEMPTS:
                return answer
            wanted = answer.headers.get("retry-after", "")
            pause = float(wanted) if wanted.isascii() and wanted.isdigit() else 1.0
            await asyncio.sleep(min(pause, _LONGEST_PAUSE))

    async def read(self) -> LiveJob:
        """Return the job as it stands."""
        return self.live(await self.send("GET", self.path), "200 with the job")

    async def read_added_job(self) -> LiveJob:
        """Return the added job as it stands, if one was added."""
        if self.added is None:
            raise NotCheckedError("no job was added")
        answer = await self.send("GET", f"/jobs/{quote(self.added, safe='')}")
        return self.live(answer, "200 with the job", self.added)

    def live(
        self, answer: httpx.Response, wanted: str = "200 with the job", job_id: str | None = None
    ) -> LiveJob:
        """Return the job that an answer brings, if it is the one that was asked for."""
        status_of(answer, 200, 201)
        live = live_job(answer)
        if live.job.job_id != (job_id or self.job_id):
            raise BrokenError(f"job {live.job.job_id} instead of {wanted}")
        return live

    async def change(self, job: Job, wanted: ChangeSet) -> LiveJob:
        """Change a job that is as it is; return it as changed."""
        path = f"/jobs/{quote(job.job_id, safe='')}"
        answer = await self.send("PATCH", path, request_for(job, wanted), new_key())
        return self.live(answer, job_id=job.job_id)

    async def refused_expecting(self, **otherwise: object) -> str:
        """Have a change refused since the job is not as expected."""
        before = await self.read()
        change = request_for(before.job, another_status(before.job), **otherwise)
        async with self.set_back():
            answer = await self.send("PATCH", self.path, change, new_key())
            status_of(answer, 409)
            live = live_job(answer)
            if live != before:
                raise BrokenError("409, but not with the job as it stands")
            message = parsed(answer).get("message")
            if not isinstance(message, str) or not message:
                raise BrokenError("409 without a message")
            return await self.unchanged(before, "409 with the live job")

    async def unchanged(self, before: LiveJob, got: str) -> str:
        """Return what came, if the job is as before."""
        after = await self.read()
        if after == before:
            return got
        if after.version == before.version:
            raise BrokenError(f"{got}, but the job is another and its version is the same")
        raise BrokenError(
            f"{got}, but the job was changed (version {before.version} became {after.version})"
        )

    async def told_twice(self, method: str, path: str, body: dict[str, Any]) -> str:
        """Tell twice under one key; return the status, if both answers are the same."""
        key = new_key()
        first = await self.send(method, path, body, key)
        got = status_of(first, 201, 200, 204)
        if first.content.strip():
            parsed(first)
        check_same(first, await self.send(method, path, body, key))
        return f"{got} twice"

    @asynccontextmanager
    async def set_back(self) -> AsyncIterator[None]:
        """Set back what is changed meanwhile; that it did not work, the last check finds."""
        try:
            yield
        finally:
            try:
                job = (await self.read()).job
                if back := way_back(job, self.original):
                    await self.change(job, back)
            except BrokenError:
                self.sent.append("(the job could not be set back)")

    def last_cursor(self) -> str:
        """Return the cursor after all jobs."""
        if self.end is None:
            raise NotCheckedError("the list gives no cursor after all jobs")
        return self.end

    async def list_changed(self, since: str | None, limit: int) -> ChangedJobs:
        """Return a page of the list of changed jobs."""
        query = f"limit={limit}"
        if since is not None:
            query += f"&changed_since={quote(since, safe='')}"
        return page_of(await self.send("GET", f"/jobs?{query}"))

    async def list_until_there(self, cursor: str) -> ChangedJobs:
        """Return what changed since a cursor, as soon as it is there."""
        for _ in range(int(_PATIENCE / 0.25)):
            page = await self.list_changed(cursor, LONGEST_LIST)
            if page.items:
                return page
            await asyncio.sleep(0.25)
        raise BrokenError(f"nothing within {_PATIENCE:.0f} seconds")
