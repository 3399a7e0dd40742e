"""All checks of a job system, one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import httpx
from httpx import codes

from activities.conformance import (
    adding,
    changing,
    coming_in,
    ending,
    listing,
    reading,
    telling,
)
from activities.conformance.answers import fitting_number, page_of
from activities.conformance.bench import Bench
from activities.conformance.checks import (
    BrokenError,
    CannotCheckError,
    Check,
    NotCheckedError,
    Result,
)
from activities.job_system import JobSystem
from activities.port_transport import PortTransport

_GROUPS: Final = (
    coming_in.CHECKS,
    reading.CHECKS,
    changing.CHECKS,
    adding.CHECKS,
    telling.NOTES,
    telling.TASKS,
    telling.EXCEPTIONS,
    listing.CHECKS,
    ending.CHECKS,
)
CHECKS: Final[tuple[Check, ...]] = tuple(check for group in _GROUPS for check in group.checks)
"""In the order in which they are carried out: later ones may use what earlier ones found."""


class Conformance:
    """The checks of one job system."""

    def __init__(
        self,
        url: str,
        token: str,
        job_id: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        adapter: JobSystem | None = None,
    ) -> None:
        """Begin; nothing is sent before `begin`.

        Args:
            url: where its paths begin.
            token: the bearer token that it knows Steward by.
            job_id: the job to work with; the first that fits if it is not said.
            transport: how requests travel, if not over the network.
            adapter: what is asked and told instead of an address; it is closed at the end.
        """
        self._adapter = adapter
        if adapter is not None:
            transport = PortTransport(adapter, lambda: self._bench.job_id)
        self._bench = Bench(url, token, job_id or "", transport)

    async def close(self) -> None:
        """Close its connections."""
        await self._bench.close()
        if self._adapter is not None:
            await self._adapter.close()

    async def begin(self) -> str:
        """Find the job to work with; return its number.

        Raises:
            CannotCheckError: there is none, or nobody answers.
        """
        bench = self._bench
        try:
            if not bench.job_id:
                bench.job_id = await self._find_job()
            answer = await bench.send("GET", bench.path)
        except BrokenError as broken:
            raise CannotCheckError(f"the job system can't be reached: {broken}") from broken
        if answer.status_code == codes.UNAUTHORIZED:
            raise CannotCheckError(
                "the job system doesn't accept the token (401). Check STEWARD_JOB_SYSTEM_TOKEN"
            )
        try:
            bench.begin_with(bench.live(answer).job)
        except BrokenError as broken:
            raise CannotCheckError(
                f"job {bench.job_id} can't be read: {broken}. Name another with --job"
            ) from broken
        return bench.job_id

    async def run(self) -> AsyncIterator[Result]:
        """Carry out all checks, one after the other."""
        for check in CHECKS:
            self._bench.sent = []
            if check.is_of_http and self._adapter is not None:
                yield Result(check, None, (), "an adapter of your own does without")
                continue
            holds: bool | None = True
            try:
                got = await check.carry_out(self._bench)
            except BrokenError as broken:
                holds, got = False, str(broken)
            except NotCheckedError as reason:
                holds, got = None, str(reason)
            yield Result(check, holds, tuple(self._bench.sent), got)

    async def _find_job(self) -> str:
        answer = await self._bench.send("GET", "/jobs?limit=100")
        if answer.status_code == codes.UNAUTHORIZED:
            raise CannotCheckError(
                "the job system doesn't accept the token (401). Check STEWARD_JOB_SYSTEM_TOKEN"
            )
        try:
            page = page_of(answer)
        except BrokenError as broken:
            raise CannotCheckError(
                f"the jobs can't be listed: {broken}. Name a job with --job"
            ) from broken
        numbers = [item.job_id for item in page.items if item.job_id]
        for number in (*filter(None, map(fitting_number, page.items)), *numbers):
            return number
        raise CannotCheckError("the job system lists no job. Enter one, or name one with --job")
