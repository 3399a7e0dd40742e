"""Checks whether a job system does what `docs/job-system.openapi.yaml` says, line by line.

The checks write to one job, and set back what they change. What cannot be set back stays: when the
job was assigned, and a job that is added and cancelled, with a note, a task and two Exceptions. So
they are for a test system in which nobody else is at work meanwhile.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import httpx
from httpx import codes
from pydantic import ValidationError
from pydantic_core import from_json

from activities.http_answers import certificate_problem
from activities.job_system import JobSystem
from activities.port_transport import PortTransport
from domain.accounts import NO_PROVIDER_FOUND, PROCURE_VENDOR
from domain.job_system import (
    AccountSet,
    ChangedJob,
    ChangedJobs,
    ChangeRequest,
    ChangeSet,
    Expected,
    LiveJob,
)
from domain.jobs import Job, JobStatus
from domain.roles import STEWARD
from domain.values import shortened

_TIMEOUT: Final = httpx.Timeout(10, connect=3)
_LONGEST_ANSWER: Final = 1024 * 1024
"""Bytes of an answer that Steward reads."""
_LONGEST_PAGE: Final = 8 * 1024 * 1024
_LONGEST_QUOTE: Final = 200
"""Characters of an answer, or of a request, that a result repeats."""
_TOO_MUCH: Final = frozenset({429, 503})
_ATTEMPTS: Final = 3
_LONGEST_PAUSE: Final = 5.0
"""Seconds that a request waits that is too much just now."""
_ROUNDS: Final = 5
"""How often two requests are sent at once."""
_PAGE: Final = 500
_MOST_PAGES: Final = 200
_PATIENCE: Final = 5.0
"""Seconds within which a list shows a change."""
_ODD_NUMBERS: Final = ("no/such", "../jobs", "?x=1#y", "50%", "größe", "a b", "%2F", "x" * 300)
_REASON: Final = "Conformance check"


class CannotCheckError(Exception):
    """There is nothing that the checks could work with; the text says why, and what to do."""


@dataclass(frozen=True)
class Check:
    """What is checked."""

    group: str
    name: str
    expected: str
    clause: str
    """The operation and the answer of the OpenAPI file that say so."""
    is_of_http: bool
    """Whether an adapter of one's own has nothing to do with it."""


@dataclass(frozen=True)
class Result:
    """What became of a check."""

    check: Check
    holds: bool | None
    """None where it could not be checked, as `got` says."""
    sent: tuple[str, ...]
    """The requests, in order."""
    got: str


class _Broken(Exception):  # noqa: N818  a result
    """It does not hold; the text is what came instead."""


class _NotChecked(Exception):  # noqa: N818  a result
    """It cannot be checked; the text says why."""


_Method = Callable[["Conformance"], Awaitable[str]]
_CHECKS: Final[list[tuple[Check, _Method]]] = []


def _check(
    group: str, name: str, expected: str, clause: str, *, is_of_http: bool = False
) -> Callable[[_Method], _Method]:
    def added(method: _Method) -> _Method:
        _CHECKS.append((Check(group, name, expected, clause, is_of_http), method))
        return method

    return added


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
        self._token = token
        self._adapter = adapter
        self._job_id = job_id or ""
        self._original: Job | None = None
        self._added: str | None = None
        self._end: str | None = None
        """The cursor after all jobs."""
        self._sent: list[str] = []
        if adapter is not None:
            transport = PortTransport(adapter, lambda: self._job_id)
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
        if self._adapter is not None:
            await self._adapter.close()

    async def begin(self) -> str:
        """Find the job to work with; return its number.

        Raises:
            CannotCheckError: there is none, or nobody answers.
        """
        try:
            if not self._job_id:
                self._job_id = await self._find_job()
            answer = await self._send("GET", self._path)
        except _Broken as broken:
            raise CannotCheckError(f"the job system can't be reached: {broken}") from broken
        if answer.status_code == codes.UNAUTHORIZED:
            raise CannotCheckError(
                "the job system doesn't accept the token (401). Check STEWARD_JOB_SYSTEM_TOKEN"
            )
        try:
            self._original = self._live(answer, "200 with the job").job
        except _Broken as broken:
            raise CannotCheckError(
                f"job {self._job_id} can't be read: {broken}. Name another with --job"
            ) from broken
        return self._job_id

    async def run(self) -> AsyncIterator[Result]:
        """Carry out all checks, one after the other."""
        for check, method in _CHECKS:
            self._sent = []
            if check.is_of_http and self._adapter is not None:
                yield Result(check, None, (), "an adapter of your own does without")
                continue
            holds: bool | None = True
            try:
                got = await method(self)
            except _Broken as broken:
                holds, got = False, str(broken)
            except _NotChecked as reason:
                holds, got = None, str(reason)
            yield Result(check, holds, tuple(self._sent), got)

    # --- who comes in -----------------------------------------------------------------------------

    @_check("Who comes in", "A wrong token is refused", "401", "readJob, 401", is_of_http=True)
    async def _wrong_token(self) -> str:
        return _status(await self._send("GET", self._path, token=f"{self._token}x"), 401)

    @_check("Who comes in", "No token is refused", "401", "readJob, 401", is_of_http=True)
    async def _no_token(self) -> str:
        return _status(await self._send("GET", self._path, token=""), 401)

    @_check(
        "Who comes in",
        "Nothing is changed with a wrong token",
        "401, and the job is as before",
        "changeJob, 401",
        is_of_http=True,
    )
    async def _change_with_wrong_token(self) -> str:
        before = await self._read()
        change = _request(before.job, _another_status(before.job))
        answer = await self._send("PATCH", self._path, change, _key(), token=f"{self._token}x")
        return await self._unchanged(before, _status(answer, 401))

    # --- reading ----------------------------------------------------------------------------------

    @_check("Reading", "A job can be read", "200 with job and version", "readJob, 200")
    async def _readable(self) -> str:
        live = await self._read()
        return f"200, version {live.version}"

    @_check("Reading", "Reading changes nothing", "the same job and version twice", "readJob, 200")
    async def _read_twice(self) -> str:
        return await self._unchanged(await self._read(), "the same")

    @_check("Reading", "An unknown job is not found", "404", "readJob, 404")
    async def _unknown_job(self) -> str:
        return _status(await self._send("GET", f"/jobs/{_unknown()}"), 404)

    @_check(
        "Reading",
        "Odd numbers, percent-encoded, are not found",
        "404, or 400, 414 or 422",
        "readJob, 404",
    )
    async def _odd_numbers(self) -> str:
        for number in _ODD_NUMBERS:
            answer = await self._send("GET", f"/jobs/{quote(number, safe='')}")
            _status(answer, 404, 400, 414, 422)
        return f"none of {len(_ODD_NUMBERS)} was found"

    # --- changing ---------------------------------------------------------------------------------

    @_check(
        "Changing",
        "A job with another account is not changed",
        "409 with the live job and a message, and the job is as before",
        "changeJob, 409",
    )
    async def _another_account(self) -> str:
        return await self._refused_expecting(assigned_to="An account that nobody has")

    @_check(
        "Changing",
        "A job with another status is not changed",
        "409 with the live job and a message, and the job is as before",
        "changeJob, 409",
    )
    async def _another_expected_status(self) -> str:
        job = (await self._read()).job
        return await self._refused_expecting(status=_another_status(job).status)

    @_check(
        "Changing",
        "A job with another diagnostic report is not changed",
        "409 with the live job and a message, and the job is as before",
        "changeJob, 409",
    )
    async def _another_report(self) -> str:
        job = (await self._read()).job
        reported = job.diagnostic_report_at or datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
        return await self._refused_expecting(diagnostic_report_at=reported - timedelta(days=1))

    @_check(
        "Changing",
        "The key of a refused change does nothing when it comes again",
        "409 again, and the job is as before",
        "changeJob, Idempotency-Key",
    )
    async def _refused_again(self) -> str:
        before = await self._read()
        change = _request(before.job, _another_status(before.job), assigned_to="Nobody at all")
        key = _key()
        for _ in range(2):
            _status(await self._send("PATCH", self._path, change, key), 409)
        return await self._unchanged(before, "409 twice")

    @_check(
        "Changing",
        "A status that does not exist is refused",
        "422, and the job is as before",
        "changeJob, 422",
        is_of_http=True,
    )
    async def _unknown_status(self) -> str:
        before = await self._read()
        change = _request(before.job, _another_status(before.job))
        change["set"] = {"status": "No such status"}
        return await self._unchanged(
            before, _status(await self._send("PATCH", self._path, change, _key()), 422)
        )

    @_check(
        "Changing",
        "A change that expects nothing is refused",
        "422, and the job is as before",
        "changeJob, 422",
        is_of_http=True,
    )
    async def _no_expectation(self) -> str:
        before = await self._read()
        change = _request(before.job, _another_status(before.job))
        del change["expected"]
        return await self._unchanged(
            before, _status(await self._send("PATCH", self._path, change, _key()), 422)
        )

    @_check("Changing", "An unknown job is not changed", "404", "changeJob, 404")
    async def _change_unknown(self) -> str:
        job = (await self._read()).job
        change = _request(job, _another_status(job))
        return _status(await self._send("PATCH", f"/jobs/{_unknown()}", change, _key()), 404)

    @_check(
        "Changing",
        "A job that is as expected is changed",
        "200 with the job as changed and another version, and the job reads so",
        "changeJob, 200",
    )
    async def _changed(self) -> str:
        async with self._set_back():
            before = await self._read()
            wanted = _another_status(before.job)
            changed = await self._change(before.job, wanted)
            if changed.job.status is not wanted.status:
                raise _Broken(f"200, but the status is {changed.job.status}")
            if changed.version == before.version:
                raise _Broken(f"200, but the version is still {before.version}")
            return await self._unchanged(changed, f"200, version {changed.version}")

    @_check(
        "Changing",
        "The same key again changes nothing",
        "the same answer, and the job is as before",
        "changeJob, Idempotency-Key",
    )
    async def _same_key(self) -> str:
        async with self._set_back():
            before, key = await self._read(), _key()
            change = _request(before.job, _another_status(before.job))
            first = await self._send("PATCH", self._path, change, key)
            changed = self._live(first)
            _same(first, await self._send("PATCH", self._path, change, key))
            return await self._unchanged(changed, "the same answer")

    @_check(
        "Changing",
        "A key that comes late does not undo what happened since",
        "the same answer as the first time, and the job is as before",
        "changeJob, Idempotency-Key",
    )
    async def _late_key(self) -> str:
        async with self._set_back():
            before, key = await self._read(), _key()
            change = _request(before.job, _another_status(before.job))
            first = await self._send("PATCH", self._path, change, key)
            changed = self._live(first)
            since = await self._change(changed.job, ChangeSet(status=before.job.status))
            _same(first, await self._send("PATCH", self._path, change, key))
            return await self._unchanged(since, "the same answer")

    @_check(
        "Changing",
        "Of two changes at once, one wins",
        f"200 once and 409 once, {_ROUNDS} times",
        "changeJob, 409",
    )
    async def _two_at_once(self) -> str:
        async with self._set_back():
            for _ in range(_ROUNDS):
                before = await self._read()
                change = _request(before.job, _another_status(before.job))
                answers = await asyncio.gather(
                    *(self._send("PATCH", self._path, change, _key()) for _ in range(2))
                )
                statuses = sorted(answer.status_code for answer in answers)
                if statuses != [codes.OK, codes.CONFLICT]:
                    raise _Broken(f"{statuses[0]} and {statuses[1]}")
            return "200 once and 409 once"

    @_check(
        "Changing",
        "The same key twice at once is done once",
        "200 with the same version, or one that is to be tried again",
        "changeJob, Idempotency-Key",
    )
    async def _same_key_at_once(self) -> str:
        async with self._set_back():
            before, key = await self._read(), _key()
            change = _request(before.job, _another_status(before.job))
            answers = await asyncio.gather(
                *(self._send("PATCH", self._path, change, key) for _ in range(2))
            )
            done = [self._live(each) for each in answers if each.is_success]
            for each in answers:
                if not (
                    each.is_success or each.status_code in (408, 409, 425) or each.is_server_error
                ):
                    raise _Broken(_shown(each))
            if not done:
                raise _Broken("neither was done")
            if len({each.version for each in done}) > 1:
                raise _Broken(
                    f"versions {done[0].version} and {done[1].version}: it was done twice"
                )
            return await self._unchanged(done[0], "done once")

    @_check(
        "Changing",
        "A job can be given to another account",
        "200: the account, assigned now, New, without sub-status; and the job reads so",
        "changeJob, 200",
    )
    async def _reassigned(self) -> str:
        async with self._set_back():
            before = await self._read()
            is_there = before.job.assigned_to.is_(PROCURE_VENDOR)
            to = NO_PROVIDER_FOUND if is_there else PROCURE_VENDOR
            account = AccountSet(number=to.number, name=to.name)
            changed = await self._change(before.job, ChangeSet(assigned_to=account))
            job = changed.job
            if not job.assigned_to.is_(to):
                raise _Broken(f"200, but the account is {job.assigned_to.name}")
            if job.status is not JobStatus.NEW or job.sub_status:
                raise _Broken(f"200, but it is {job.status} with sub-status {job.sub_status}")
            if job.assigned_at <= before.job.assigned_at:
                raise _Broken("200, but the time of the assignment is not later than before")
            return await self._unchanged(changed, f"200, {to.name}")

    # --- adding a job -----------------------------------------------------------------------------

    @_check(
        "Added jobs",
        "A job is added to an order, once for its key",
        "201 (or 200) with its number, and the same answer again",
        "addJob, 201",
    )
    async def _add_job(self) -> str:
        order_id = self._job.order_id
        if not order_id:
            raise _NotChecked("the job has no order. Name a job of an order with --job")
        path, key = f"/orders/{quote(order_id, safe='')}/jobs", _key()
        first = await self._send("POST", path, _service_job(), key)
        said = f"{_status(first, 201, 200)}"
        added = _parsed(first)
        number = added.get("job_id") if isinstance(added, dict) else None
        if not isinstance(number, str) or not number:
            raise _Broken(f"{said} without the number of the job")
        self._added = number
        _same(first, await self._send("POST", path, _service_job(), key))
        return f"{said}, job {number}"

    @_check(
        "Added jobs",
        "The added job can be read",
        "200: of the same order, with the account it was added for",
        "readJob, 200",
    )
    async def _read_added(self) -> str:
        live = await self._read_added_job()
        if live.job.order_id != self._job.order_id:
            raise _Broken(f"200, but its order is {live.job.order_id}")
        if not live.job.assigned_to.is_(PROCURE_VENDOR):
            raise _Broken(f"200, but its account is {live.job.assigned_to.name}")
        return f"200, version {live.version}"

    @_check(
        "Added jobs",
        "Each field that Steward sets is set",
        "200 with sub-status, appointment and e-mail address, and the job reads so",
        "changeJob, 200",
    )
    async def _set_fields(self) -> str:
        live = await self._read_added_job()
        at = datetime(2030, 1, 2, 15, 0, tzinfo=UTC)
        wanted = ChangeSet(
            sub_status="Confirmed Appointment",
            appointment_at=at,
            customer_email="conformance@example.com",
        )
        changed = await self._change(live.job, wanted)
        for job in (changed.job, (await self._read_added_job()).job):
            if job.sub_status != wanted.sub_status:
                raise _Broken(f"200, but the sub-status is {job.sub_status}")
            if job.appointment_at != at:
                raise _Broken("200, but the appointment is another or none")
            if job.customer_email != wanted.customer_email:
                raise _Broken("200, but the customer's e-mail address is another or none")
            if job.status is not live.job.status:
                raise _Broken(f"200, but the status has become {job.status}")
        return f"200, version {changed.version}"

    @_check("Added jobs", "An unknown order is not found", "404", "addJob, 404")
    async def _unknown_order(self) -> str:
        path = f"/orders/{_unknown()}/jobs"
        return _status(await self._send("POST", path, _service_job(), _key()), 404)

    # --- telling ----------------------------------------------------------------------------------

    @_check(
        "Notes",
        "A note is taken, and once for its key",
        "201 (or 200), and the same answer again",
        "addNote, 201",
    )
    async def _note(self) -> str:
        return await self._told_twice("POST", f"{self._told_path}/notes", _note())

    @_check("Notes", "A note on an unknown job is refused", "404", "addNote, 404")
    async def _note_on_unknown(self) -> str:
        path = f"/jobs/{_unknown()}/notes"
        return _status(await self._send("POST", path, _note(), _key()), 404)

    @_check(
        "Notes",
        "A visibility that does not exist is refused",
        "422",
        "addNote, 422",
        is_of_http=True,
    )
    async def _unknown_visibility(self) -> str:
        note = {**_note(), "visibility": "No such visibility"}
        return _status(await self._send("POST", f"{self._told_path}/notes", note, _key()), 422)

    @_check(
        "Tasks",
        "A task is opened, once for its key, and closed, also twice",
        "201 (or 200) twice with the same answer, then 200 twice",
        "openTask, 201; closeTask, 200",
    )
    async def _task(self) -> str:
        task = _key()
        opened = await self._told_twice("POST", f"{self._told_path}/tasks", _task(task))
        done = {"status": "done", "outcome": _REASON}
        for _ in range(2):
            path = f"{self._told_path}/tasks/{task}"
            _status(await self._send("PATCH", path, done, _key()), 200, 201, 204)
        return f"{opened}, then 200 twice"

    @_check("Tasks", "An unknown task is not found", "404", "closeTask, 404")
    async def _unknown_task(self) -> str:
        path = f"{self._told_path}/tasks/{_key()}"
        return _status(await self._send("PATCH", path, {"status": "done"}, _key()), 404)

    @_check(
        "Exceptions",
        "An Exception is opened, changed and closed; of one code, one is open at a time",
        "201 twice with the same answer, 409 for a second, 200, 200, then 201 for another",
        "openException, 201 and 409; changeException, 200",
    )
    async def _exception(self) -> str:
        path, first, second = f"{self._told_path}/exceptions", _key(), _key()
        await self._told_twice("POST", path, _exception(first))
        _status(await self._send("POST", path, _exception(second), _key()), 409)
        for status in ("In Progress", "Complete"):
            change = {"status": status, "comment": _REASON}
            _status(await self._send("PATCH", f"{path}/{first}", change, _key()), 200, 201, 204)
        _status(await self._send("POST", path, _exception(second), _key()), 201, 200, 204)
        change = {"status": "Complete"}
        _status(await self._send("PATCH", f"{path}/{second}", change, _key()), 200, 201, 204)
        return "so it is"

    @_check("Exceptions", "An unknown Exception is not found", "404", "changeException, 404")
    async def _unknown_exception(self) -> str:
        path = f"{self._told_path}/exceptions/{_key()}"
        return _status(await self._send("PATCH", path, {"status": "Complete"}, _key()), 404)

    # --- listing ----------------------------------------------------------------------------------

    @_check(
        "Listing", "A page has at most as many jobs as asked for", "1 job", "listChangedJobs, 200"
    )
    async def _limited(self) -> str:
        page = await self._list(None, 1)
        if len(page.items) != 1:
            raise _Broken(f"{len(page.items)} jobs")
        return "1 job"

    @_check(
        "Listing",
        "The cursor moves on",
        "another job on the second page of one job",
        "listChangedJobs, 200",
    )
    async def _moves_on(self) -> str:
        first = await self._list(None, 1)
        if first.next is None:
            raise _Broken("a page with a job and without a cursor after it")
        second = await self._list(first.next, 1)
        if not second.items:
            raise _NotChecked("there is only one job. Enter a second one")
        if [each.job_id for each in first.items] == [each.job_id for each in second.items]:
            raise _Broken(f"{first.items[0].job_id} on both pages")
        return "another job"

    @_check(
        "Listing",
        "All jobs are listed, each once, and each can be read",
        "pages up to the last, none with a job of an earlier one, and the job among them",
        "listChangedJobs, 200",
    )
    async def _lists_all(self) -> str:
        seen: set[str] = set()
        cursor: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._list(cursor, _PAGE)
            if not page.items:
                self._end = page.next or cursor
                break
            for item in page.items:
                job_id = _readable(item.job)
                if job_id in seen:
                    raise _Broken(f"{job_id} twice")
                seen.add(job_id)
            if page.next is None:
                raise _Broken("a page with jobs and without a cursor after them")
            cursor = page.next
        else:
            raise _NotChecked(f"there are more than {_MOST_PAGES * _PAGE} jobs")
        if self._job_id not in seen:
            raise _Broken(f"{len(seen)} jobs, but not {self._job_id}")
        return f"{len(seen)} jobs"

    @_check("Listing", "At the end, nothing comes again", "no job", "listChangedJobs, 200")
    async def _nothing_at_the_end(self) -> str:
        page = await self._list(self._last_cursor(), _PAGE)
        if page.items:
            raise _Broken(f"{len(page.items)} jobs, the first {page.items[0].job_id}")
        return "no job"

    @_check(
        "Listing",
        "A changed job is listed after the cursor, once",
        "the job with its new version, and nothing after it",
        "listChangedJobs, 200",
    )
    async def _lists_change(self) -> str:
        cursor = self._last_cursor()
        async with self._set_back():
            before = await self._read()
            changed = await self._change(before.job, _another_status(before.job))
            page = await self._list_until_there(cursor)
            listed = [(each.job_id, each.version) for each in page.items]
            if listed != [(self._job_id, changed.version)]:
                raise _Broken(f"{len(listed)} jobs" if len(listed) != 1 else f"{listed[0]}")
            if page.next is None or page.next == cursor:
                raise _Broken("the job, but the cursor does not move on")
            if (await self._list(page.next, _PAGE)).items:
                raise _Broken("the job, and again after it")
            return "the job, once"

    # --- at the end -------------------------------------------------------------------------------

    @_check(
        "At the end",
        "The added job can be cancelled",
        "200, and the job reads Cancelled",
        "changeJob, 200",
    )
    async def _cancel_added(self) -> str:
        live = await self._read_added_job()
        await self._change(live.job, ChangeSet(status=JobStatus.CANCELLED))
        status = (await self._read_added_job()).job.status
        if status is not JobStatus.CANCELLED:
            raise _Broken(f"200, but the job is {status}")
        return "200, Cancelled"

    @_check(
        "At the end",
        "The job is as it was",
        "its account, status, sub-status and report",
        "changeJob, 200",
    )
    async def _as_it_was(self) -> str:
        job = (await self._read()).job
        if back := _way_back(job, self._job):
            fields = ", ".join(back.model_dump(exclude_none=True))
            raise _Broken(f"it could not be set back: {fields}")
        return "as it was"

    # --- pieces -----------------------------------------------------------------------------------

    @property
    def _path(self) -> str:
        return f"/jobs/{quote(self._job_id, safe='')}"

    @property
    def _told_path(self) -> str:
        """Where notes and the like go: onto the added job, if there is one."""
        return f"/jobs/{quote(self._added or self._job_id, safe='')}"

    @property
    def _job(self) -> Job:
        """The job as it was when the checks began."""
        if self._original is None:
            raise CannotCheckError("the checks have not begun")
        return self._original

    async def _find_job(self) -> str:
        answer = await self._send("GET", "/jobs?limit=100")
        if answer.status_code == codes.UNAUTHORIZED:
            raise CannotCheckError(
                "the job system doesn't accept the token (401). Check STEWARD_JOB_SYSTEM_TOKEN"
            )
        try:
            page = _page(answer)
        except _Broken as broken:
            raise CannotCheckError(
                f"the jobs can't be listed: {broken}. Name a job with --job"
            ) from broken
        numbers = [item.job_id for item in page.items if item.job_id]
        for number in (*filter(None, map(_fitting, page.items)), *numbers):
            return number
        raise CannotCheckError("the job system lists no job. Enter one, or name one with --job")

    async def _send(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        key: str | None = None,
        *,
        token: str | None = None,
    ) -> httpx.Response:
        """Send a request, and again where it is too much just now."""
        said = "" if body is None else f" {shortened(json.dumps(body), _LONGEST_QUOTE)}"
        self._sent.append(f"{method} {shortened(path, _LONGEST_QUOTE)}{said}")
        shown = self._token if token is None else token
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
                raise _Broken(f"no answer ({why})") from error
            if answer.status_code not in _TOO_MUCH or attempt == _ATTEMPTS:
                return answer
            wanted = answer.headers.get("retry-after", "")
            pause = float(wanted) if wanted.isascii() and wanted.isdigit() else 1.0
            await asyncio.sleep(min(pause, _LONGEST_PAUSE))

    async def _read(self) -> LiveJob:
        return self._live(await self._send("GET", self._path), "200 with the job")

    async def _read_added_job(self) -> LiveJob:
        if self._added is None:
            raise _NotChecked("no job was added")
        answer = await self._send("GET", f"/jobs/{quote(self._added, safe='')}")
        return self._live(answer, "200 with the job", self._added)

    def _live(
        self, answer: httpx.Response, wanted: str = "200 with the job", job_id: str | None = None
    ) -> LiveJob:
        _status(answer, 200, 201)
        live = _live(answer)
        if live.job.job_id != (job_id or self._job_id):
            raise _Broken(f"job {live.job.job_id} instead of {wanted}")
        return live

    async def _change(self, job: Job, wanted: ChangeSet) -> LiveJob:
        path = f"/jobs/{quote(job.job_id, safe='')}"
        answer = await self._send("PATCH", path, _request(job, wanted), _key())
        return self._live(answer, job_id=job.job_id)

    async def _refused_expecting(self, **otherwise: object) -> str:
        """Have a change refused since the job is not as expected."""
        before = await self._read()
        change = _request(before.job, _another_status(before.job), **otherwise)
        async with self._set_back():
            answer = await self._send("PATCH", self._path, change, _key())
            _status(answer, 409)
            live = _live(answer)
            if live != before:
                raise _Broken("409, but not with the job as it stands")
            message = _parsed(answer).get("message")
            if not isinstance(message, str) or not message:
                raise _Broken("409 without a message")
            return await self._unchanged(before, "409 with the live job")

    async def _unchanged(self, before: LiveJob, got: str) -> str:
        """Return what came, if the job is as before."""
        after = await self._read()
        if after == before:
            return got
        if after.version == before.version:
            raise _Broken(f"{got}, but the job is another and its version is the same")
        raise _Broken(
            f"{got}, but the job was changed (version {before.version} became {after.version})"
        )

    async def _told_twice(self, method: str, path: str, body: dict[str, Any]) -> str:
        key = _key()
        first = await self._send(method, path, body, key)
        got = _status(first, 201, 200, 204)
        if first.content.strip():
            _parsed(first)
        _same(first, await self._send(method, path, body, key))
        return f"{got} twice"

    @asynccontextmanager
    async def _set_back(self) -> AsyncIterator[None]:
        """Set back what is changed meanwhile; that it did not work, the last check finds."""
        try:
            yield
        finally:
            try:
                job = (await self._read()).job
                if back := _way_back(job, self._job):
                    await self._change(job, back)
            except _Broken:
                self._sent.append("(the job could not be set back)")

    def _last_cursor(self) -> str:
        if self._end is None:
            raise _NotChecked("the list gives no cursor after all jobs")
        return self._end

    async def _list(self, since: str | None, limit: int) -> ChangedJobs:
        query = f"limit={limit}"
        if since is not None:
            query += f"&changed_since={quote(since, safe='')}"
        return _page(await self._send("GET", f"/jobs?{query}"))

    async def _list_until_there(self, cursor: str) -> ChangedJobs:
        """Return what changed since a cursor, as soon as it is there."""
        for _ in range(int(_PATIENCE / 0.25)):
            page = await self._list(cursor, _PAGE)
            if page.items:
                return page
            await asyncio.sleep(0.25)
        raise _Broken(f"nothing within {_PATIENCE:.0f} seconds")


# --- bodies ---------------------------------------------------------------------------------------


def _key() -> str:
    return str(uuid4())


def _unknown() -> str:
    """Return a number that no job and no order has."""
    return f"none-{uuid4()}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _request(job: Job, wanted: ChangeSet, **otherwise: object) -> dict[str, Any]:
    """Return a change of a job that is as it is, but for what is expected otherwise."""
    expected = Expected(
        assigned_to=job.assigned_to.number or job.assigned_to.name,
        status=job.status,
        diagnostic_report_at=job.diagnostic_report_at,
    ).model_copy(update=otherwise)
    request = ChangeRequest(expected=expected, set=wanted, actor=STEWARD, reason=_REASON)
    return request.as_sent()


def _another_status(job: Job) -> ChangeSet:
    is_new = job.status is JobStatus.NEW
    return ChangeSet(status=JobStatus.ACCEPTED if is_new else JobStatus.NEW)


def _way_back(job: Job, original: Job) -> ChangeSet | None:
    """Return what sets a job back to what it was, None if it is."""
    changes: dict[str, Any] = {}
    if not job.assigned_to.is_(original.assigned_to.account):
        account = original.assigned_to.account
        changes["assigned_to"] = AccountSet(number=account.number, name=account.name)
        changes["status"] = original.status
        changes["sub_status"] = original.sub_status
    if job.status is not original.status:
        changes["status"] = original.status
    if job.sub_status != original.sub_status and original.sub_status:
        changes["sub_status"] = original.sub_status
    return ChangeSet(**changes) if changes else None


def _note() -> dict[str, Any]:
    return {
        "author": STEWARD.model_dump(mode="json"),
        "text": "Conformance check: ümlauts, “quotes” and\na second line.",
        "visibility": "Private",
        "at": _now(),
    }


def _task(key: str) -> dict[str, Any]:
    text = "Conformance check. Nothing to do."
    return {"key": key, "role": "dispatch", "kind": "conformance", "text": text, "at": _now()}


def _exception(key: str) -> dict[str, Any]:
    said = {"code": "PROCESS", "status": "In Progress", "comment": _REASON}
    return {"key": key, **said, "at": _now()}


def _service_job() -> dict[str, Any]:
    account = PROCURE_VENDOR.model_dump(mode="json")
    return {"account": account, "event_type": None, "reason": _REASON, "comments": ["One", "Two"]}


# --- answers --------------------------------------------------------------------------------------


def _status(answer: httpx.Response, *wanted: int) -> str:
    """Return an answer's status, if it is one that is wanted."""
    if answer.status_code not in wanted:
        raise _Broken(_shown(answer))
    return str(answer.status_code)


def _same(first: httpx.Response, again: httpx.Response) -> None:
    if again.status_code != first.status_code:
        raise _Broken(f"{_shown(again)}, after {first.status_code} the first time")
    if first.content.strip() and _parsed(again) != _parsed(first):
        raise _Broken("another answer the second time")


def _parsed(answer: httpx.Response) -> Any:  # noqa: ANN401  whatever JSON can say
    try:
        return from_json(answer.content, allow_inf_nan=False)
    except ValueError as error:
        raise _Broken(f"{answer.status_code}, which is no JSON") from error


def _live(answer: httpx.Response) -> LiveJob:
    if len(answer.content) > _LONGEST_ANSWER:
        raise _Broken(f"{len(answer.content):,} bytes, more than Steward reads")
    try:
        return LiveJob.model_validate(_parsed(answer))
    except ValidationError as error:
        raise _Broken(f"{answer.status_code}, {_problem(error)}") from error


def _page(answer: httpx.Response) -> ChangedJobs:
    _status(answer, 200)
    if len(answer.content) > _LONGEST_PAGE:
        raise _Broken(f"{len(answer.content):,} bytes, more than Steward reads")
    try:
        return ChangedJobs.model_validate(_parsed(answer))
    except ValidationError as error:
        raise _Broken(f"200, {_problem(error)}") from error


def _fitting(item: ChangedJob) -> str | None:
    """Return the number of a listed job, if all can be checked with it."""
    try:
        job = Job.model_validate(item.job)
    except ValidationError:
        return None  # another one will do; that it can't be read, a check finds
    is_open = job.status in (JobStatus.NEW, JobStatus.ACCEPTED)
    return job.job_id if is_open and job.order_id else None


def _readable(job: dict[str, Any]) -> str:
    """Return the number of a listed job that can be read."""
    try:
        return Job.model_validate(job).job_id
    except ValidationError as error:
        number = shortened(str(job.get("job_id")), 40)
        raise _Broken(f"job {number}: {_problem(error)}") from error


def _problem(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the body'}: {first['msg']}"


def _shown(answer: httpx.Response) -> str:
    """Return an answer in short: its status, and why if it refuses."""
    said = None
    if not answer.is_success:
        try:
            said = _parsed(answer)
        except _Broken:
            return f"{answer.status_code}, which is no JSON"
    message = said.get("message") if isinstance(said, dict) else None
    quoted = f": {shortened(message, _LONGEST_QUOTE)}" if isinstance(message, str) else ""
    return f"{answer.status_code}{quoted}"
