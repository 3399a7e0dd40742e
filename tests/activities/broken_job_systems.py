"""Job systems that do one thing wrong, and which checks have to find it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import uuid4

import httpx

from samples.job_system.book import Book
from samples.job_system.server import JobSystem
from samples.job_system.shapes import Happening
from tests.domain.factories import a_job

TOKEN: Final = "s3cret"


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    body: dict[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def is_(self, method: str, path: str) -> bool:
        return self.method == method and re.fullmatch(path, self.path) is not None

    def saying(self, **changes: Any) -> Asked:
        return replace(self, body={**self.body, **changes})

    def expecting(self, **changes: Any) -> Asked:
        return self.saying(expected={**self.body.get("expected", {}), **changes})


@dataclass(frozen=True)
class Answer:
    """What it is answered with."""

    status: int
    body: Any = None


Go = Callable[[Asked], Awaitable[Answer]]
Variant = Callable[[Asked, Go], Awaitable[Answer]]

JOB: Final = r"/jobs/[^/?]+"
LIST: Final = r"/jobs\?.*"


class Broken(httpx.AsyncBaseTransport):
    """The sample job system, and what a variant makes of its requests and answers."""

    def __init__(self, variant: Variant | None = None, token: str | None = TOKEN) -> None:
        book = Book(None)
        for number in ("SJ-1001", "SJ-1002"):
            job = a_job(job_id=number, order_id="SO-500", customer={"email": "pat@example.com"})
            said = {"type": "job.assigned", "actor": {"name": "Dana", "role": "dispatch"}}
            book.happen(Happening.model_validate({**said, "job": job.model_dump(mode="json")}))
        app = JobSystem(book, "http://127.0.0.1:9", "whsec_", token).app()
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._variant = variant

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = {
            name: said
            for name, said in request.headers.items()
            if name in ("authorization", "idempotency-key")
        }
        path = request.url.raw_path.decode()
        body = json.loads(await request.aread() or b"{}")
        asked = Asked(request.method, path, body, headers)
        answer = await (
            self._go(asked) if self._variant is None else self._variant(asked, self._go)
        )
        return httpx.Response(answer.status, json=answer.body)

    async def _go(self, asked: Asked) -> Answer:
        request = httpx.Request(
            asked.method,
            f"http://sample{asked.path}",
            json=asked.body or None,
            headers=dict(asked.headers),
        )
        answer = await self._inner.handle_async_request(request)
        return Answer(answer.status_code, json.loads(await answer.aread() or b"null"))


# --- variants -------------------------------------------------------------------------------------


async def _live(asked: Asked, go: Go) -> dict[str, Any]:
    answer = await go(replace(asked, method="GET", body={}))
    body: dict[str, Any] = answer.body
    return body


async def lets_changes_in(asked: Asked, go: Go) -> Answer:
    answer = await go(asked)
    if answer.status == 401 and asked.method == "PATCH":
        await go(replace(asked, headers={**asked.headers, "authorization": f"Bearer {TOKEN}"}))
    return answer


async def forgets_keys(asked: Asked, go: Go) -> Answer:
    return await go(replace(asked, headers={**asked.headers, "idempotency-key": str(uuid4())}))


async def takes_every_account(asked: Asked, go: Go) -> Answer:
    if asked.is_("PATCH", JOB) and "expected" in asked.body:
        live = await _live(asked, go)
        asked = asked.expecting(assigned_to=live.get("job", {}).get("assigned_to", {}).get("name"))
    return await go(asked)


async def takes_every_status(asked: Asked, go: Go) -> Answer:
    if asked.is_("PATCH", JOB) and "expected" in asked.body:
        live = await _live(asked, go)
        asked = asked.expecting(status=live.get("job", {}).get("status"))
    return await go(asked)


async def takes_every_report(asked: Asked, go: Go) -> Answer:
    if asked.is_("PATCH", JOB) and "expected" in asked.body:
        live = await _live(asked, go)
        asked = asked.expecting(
            diagnostic_report_at=live.get("job", {}).get("diagnostic_report_at")
        )
    return await go(asked)


async def compares_before_it_sets(asked: Asked, go: Go) -> Answer:
    if asked.is_("PATCH", JOB) and "expected" in asked.body:
        live = await _live(asked, go)
        was_so = live.get("job", {}).get("status") == asked.body["expected"].get("status")
        await _whoever_comes_at_once()
        if was_so:
            answer = await go(asked)
            if answer.status == 409:
                answer = await go(asked.expecting(status=answer.body["job"]["status"]))
            return answer
    return await go(asked)


async def keeps_keys_too_late(asked: Asked, go: Go) -> Answer:
    """Do a key twice that comes twice at once, and refuse to do it once more."""
    if asked.is_("PATCH", JOB):
        key = str(asked.headers.get("idempotency-key"))
        if (first := _under_way.get(key)) is not None:
            await first.wait()
            job = (await _live(asked, go))["job"]
            return await forgets_keys(asked.expecting(status=job["status"]), go)
        first = _under_way[key] = asyncio.Event()
        try:
            await _whoever_comes_at_once()
            return await go(asked)
        finally:
            first.set()
            del _under_way[key]
    return await go(asked)


_under_way: Final[dict[str, asyncio.Event]] = {}


async def _whoever_comes_at_once() -> None:
    """Let all that was sent at the same time come in; it takes steps of the loop, and no time."""
    for _ in range(100):
        await asyncio.sleep(0)


async def hides_the_live_job(asked: Asked, go: Go) -> Answer:
    answer = await go(asked)
    return replace(answer, body={"message": "no"}) if answer.status == 409 else answer


async def answers_with_an_old_job(asked: Asked, go: Go) -> Answer:
    before = await _live(asked, go) if asked.is_("PATCH", JOB) else {}
    answer = await go(asked)
    return replace(answer, body=before) if before and answer.status == 200 else answer


async def gives_no_message(asked: Asked, go: Go) -> Answer:
    answer = await go(asked)
    if answer.status != 409:
        return answer
    return replace(answer, body={**answer.body, "message": None})


async def fails_at_odd_numbers(asked: Asked, go: Go) -> Answer:
    return Answer(500) if "%2F" in asked.path else await go(asked)


async def finds_everything(asked: Asked, go: Go) -> Answer:
    answer = await go(asked)
    return Answer(200, {"job_id": "SJ-1001"}) if answer.status == 404 else answer


async def has_one_version(asked: Asked, go: Go) -> Answer:
    answer = await go(asked)
    if isinstance(answer.body, dict) and "version" in answer.body:
        return replace(answer, body={**answer.body, "version": 1})
    return answer


async def counts_readings(asked: Asked, go: Go) -> Answer:
    answer = await go(asked)
    if isinstance(answer.body, dict) and "version" in answer.body:
        return replace(answer, body={**answer.body, "version": str(uuid4())})
    return answer


async def cannot_be_read(asked: Asked, go: Go) -> Answer:
    """Answer the first reading only."""
    answer = await go(asked)
    if asked.is_("GET", JOB) and answer.status == 200:
        if asked.path in _read_once:
            return replace(answer, body={"job": {}, "version": 1})
        _read_once.add(asked.path)
    return answer


_read_once: Final[set[str]] = set()


async def takes_bad_fields(asked: Asked, go: Go) -> Answer:
    answer = await go(asked)
    if answer.status != 422:
        return answer
    return Answer(200, await _live(asked, go) if asked.is_("PATCH", JOB) else {})


async def keeps_status_at_reassigning(asked: Asked, go: Go) -> Answer:
    if "assigned_to" in asked.body.get("set", {}) and "status" not in asked.body["set"]:
        job = (await _live(asked, go))["job"]
        status = "Accepted" if job["status"] == "New" else job["status"]
        return await go(asked.saying(set={**asked.body["set"], "status": status}))
    return await go(asked)


async def sets_no_address(asked: Asked, go: Go) -> Answer:
    wanted = dict(asked.body.get("set", {}))
    if wanted.pop("customer_email", None):
        return await go(asked.saying(set=wanted))
    return await go(asked)


async def cannot_cancel(asked: Asked, go: Go) -> Answer:
    if asked.body.get("set", {}).get("status") == "Cancelled":
        return Answer(200, await _live(asked, go))
    return await go(asked)


async def cannot_go_back(asked: Asked, go: Go) -> Answer:
    if asked.body.get("set", {}).get("status") == "New":
        return Answer(422, {"message": "A job is New only once."})
    return await go(asked)


async def closes_once(asked: Asked, go: Go) -> Answer:
    if asked.is_("PATCH", f"{JOB}/tasks/.*"):
        if asked.path in _closed:
            return Answer(409, {"message": "It is closed."})
        _closed.add(asked.path)
    return await go(asked)


_closed: Final[set[str]] = set()


async def opens_two_of_a_code(asked: Asked, go: Go) -> Answer:
    if asked.is_("POST", f"{JOB}/exceptions"):
        asked = asked.saying(code=asked.body["key"])
    return await go(asked)


async def never_closes_exceptions(asked: Asked, go: Go) -> Answer:
    if asked.is_("PATCH", f"{JOB}/exceptions/.*"):
        asked = asked.saying(status="In Progress")
    return await go(asked)


async def adds_without_a_number(asked: Asked, go: Go) -> Answer:
    answer = await go(asked)
    return Answer(201, {}) if asked.is_("POST", "/orders/.*") and answer.status == 201 else answer


async def adds_to_another_account(asked: Asked, go: Go) -> Answer:
    if asked.is_("POST", "/orders/.*"):
        asked = asked.saying(account={"number": None, "name": "No Provider Found"})
    return await go(asked)


async def names_the_job_itself(asked: Asked, go: Go) -> Answer:
    answer = await go(asked)
    is_added = asked.is_("POST", "/orders/.*") and answer.status == 201
    return Answer(201, {"job_id": "SJ-1001"}) if is_added else answer


async def ignores_the_limit(asked: Asked, go: Go) -> Answer:
    return await go(replace(asked, path=re.sub(r"limit=\d+", "limit=100", asked.path)))


async def ignores_the_cursor(asked: Asked, go: Go) -> Answer:
    return await go(replace(asked, path=re.sub("&changed_since=.*", "", asked.path)))


async def lists_no_changes(asked: Asked, go: Go) -> Answer:
    answer = await go(asked)
    if asked.is_("GET", r".*limit=500.*") and answer.body["items"] and "since" in asked.path:
        return replace(answer, body={**answer.body, "items": []})
    return answer


async def lists_what_cannot_be_read(asked: Asked, go: Go) -> Answer:
    answer = await go(asked)
    if asked.is_("GET", LIST):
        items = [{**each, "job": {**each["job"], "trade": None}} for each in answer.body["items"]]
        return replace(answer, body={**answer.body, "items": items})
    return answer


@dataclass(frozen=True)
class Fault:
    """A variant, and the checks that have to find what is wrong with it."""

    variant: Variant
    found_by: tuple[str, ...]
    after: tuple[str, ...] = ()
    """Checks that have to be carried out before."""


_STATUS: Final = "A job with another status is not changed"
_ACCOUNT: Final = "A job with another account is not changed"
_REPORT: Final = "A job with another diagnostic report is not changed"
_REFUSED_KEY: Final = "The key of a refused change does nothing when it comes again"
_CHANGED: Final = "A job that is as expected is changed"
_SAME_KEY: Final = "The same key again changes nothing"
_LATE_KEY: Final = "A key that comes late does not undo what happened since"
_ONE_WINS: Final = "Of two changes at once, one wins"
_AT_ONCE: Final = "The same key twice at once is done once"
_REASSIGNED: Final = "A job can be given to another account"
ADDS: Final = "A job is added to an order, once for its key"
_READ_ADDED: Final = "The added job can be read"
_FIELDS: Final = "Each field that Steward sets is set"
_TASK: Final = "A task is opened, once for its key, and closed, also twice"
_EXCEPTION: Final = "An Exception is opened, changed and closed; of one code, one is open at a time"
_ALL: Final = "All jobs are listed, each once, and each can be read"
_LISTED: Final = "A changed job is listed after the cursor, once"
_AS_IT_WAS: Final = "The job is as it was"
_READABLE: Final = "A job can be read"
_UNTOUCHED: Final = "Nothing is changed with a wrong token"

FAULTS: Final = (
    Fault(lets_changes_in, (_UNTOUCHED,)),
    Fault(
        forgets_keys,
        (_SAME_KEY, _LATE_KEY, ADDS, "A note is taken, and once for its key"),
    ),
    Fault(takes_every_account, (_ACCOUNT, _REFUSED_KEY)),
    Fault(takes_every_status, (_STATUS,)),
    Fault(takes_every_report, (_REPORT,)),
    Fault(compares_before_it_sets, (_ONE_WINS,)),
    Fault(keeps_keys_too_late, (_AT_ONCE,)),
    Fault(hides_the_live_job, (_STATUS, _ACCOUNT, _REPORT)),
    Fault(gives_no_message, (_STATUS, _ACCOUNT, _REPORT)),
    Fault(answers_with_an_old_job, (_CHANGED,)),
    Fault(fails_at_odd_numbers, ("Odd numbers, percent-encoded, are not found",)),
    Fault(
        finds_everything,
        (
            "An unknown job is not found",
            "An unknown job is not changed",
            "An unknown order is not found",
            "A note on an unknown job is refused",
            "An unknown task is not found",
            "An unknown Exception is not found",
        ),
    ),
    Fault(has_one_version, (_CHANGED,)),
    Fault(counts_readings, ("Reading changes nothing",)),
    Fault(cannot_be_read, (_READABLE,)),
    Fault(
        takes_bad_fields,
        (
            "A status that does not exist is refused",
            "A change that expects nothing is refused",
            "A visibility that does not exist is refused",
        ),
    ),
    Fault(keeps_status_at_reassigning, (_REASSIGNED,)),
    Fault(sets_no_address, (_FIELDS,)),
    Fault(cannot_cancel, ("The added job can be cancelled",)),
    Fault(cannot_go_back, (_AS_IT_WAS,), after=(_CHANGED,)),
    Fault(closes_once, (_TASK,)),
    Fault(opens_two_of_a_code, (_EXCEPTION,)),
    Fault(never_closes_exceptions, (_EXCEPTION,)),
    Fault(adds_without_a_number, (ADDS,)),
    Fault(names_the_job_itself, (ADDS,)),
    Fault(adds_to_another_account, (_READ_ADDED,)),
    Fault(ignores_the_limit, ("A page has at most as many jobs as asked for",)),
    Fault(
        ignores_the_cursor,
        ("The cursor moves on", _ALL),
    ),
    Fault(lists_no_changes, (_LISTED,), after=(_ALL,)),
    Fault(lists_what_cannot_be_read, (_ALL,)),
)
LETS_IN: Final = ("A wrong token is refused", "No token is refused", _UNTOUCHED)
"""What is found where nobody has to show a token."""
