"""The job system over HTTP: what is sent, what each answer means, and what is never taken."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities import http_job_system
from activities.circuit import FAILURES
from activities.http_answers import retry_after
from activities.http_job_system import HttpJobSystem
from activities.job_system import (
    JobChangedError,
    JobSystemError,
    NotLetInError,
    NotReachedError,
    TurnedDownError,
)
from domain.accounts import PROCURE_VENDOR
from domain.job_system import (
    AccountSet,
    ChangeRequest,
    ChangeSet,
    Expected,
    TellException,
    TellExceptionChange,
    Telling,
    TellNote,
    TellServiceJob,
    TellTask,
    TellTaskDone,
)
from domain.jobs import JobStatus, Visibility
from domain.roles import STEWARD, Role
from tests.domain.factories import ASSIGNED_AT, a_job
from tests.loop_clock import time_passes

TOKEN = "s3cret-token"
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
LIVE = {"job": a_job().model_dump(mode="json"), "version": 7}
CHANGE = ChangeRequest(
    expected=Expected(assigned_to="700010237", status=JobStatus.NEW, diagnostic_report_at=None),
    set=ChangeSet(assigned_to=AccountSet(number=None, name="Procure Vendor")),
    actor=STEWARD,
    reason="Nobody was found",
)
NOTE = TellNote(author=STEWARD, text="Searching", visibility=Visibility.PUBLIC, at=ASSIGNED_AT)
ADDED = TellServiceJob(
    order_id="SO-500", account=PROCURE_VENDOR, event_type=None, reason="Second opinion"
)


def answering(
    status: int, body: object = None, **headers: str
) -> tuple[HttpJobSystem, list[httpx.Request]]:
    """Return a job system that always answers so, and what it is sent."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(
            status,
            content=b"" if body is None else content,
            headers={name.replace("_", "-"): said for name, said in headers.items()},
        )

    return over(answer), seen


def over(answer: Callable[[httpx.Request], httpx.Response]) -> HttpJobSystem:
    transport = httpx.MockTransport(answer)
    return HttpJobSystem("https://jobs.example/api/v2", TOKEN, transport, now=lambda: NOW)


async def asked(system: HttpJobSystem) -> object:
    return await system.change("SJ-1001", CHANGE, "key-1")


# --- what is sent ---------------------------------------------------------------------------------


async def test_asks_with_the_token_the_key_and_what_it_believes() -> None:
    system, seen = answering(200, LIVE)
    live = await system.change("SJ-1001", CHANGE, "key-1")
    (request,) = seen
    assert (request.method, request.url.path) == ("PATCH", "/api/v2/jobs/SJ-1001")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["idempotency-key"] == "key-1"
    assert json.loads(request.content) == {
        "expected": {"assigned_to": "700010237", "status": "New", "diagnostic_report_at": None},
        "set": {"assigned_to": {"number": None, "name": "Procure Vendor"}},
        "actor": {"name": "Steward", "role": "system"},
        "reason": "Nobody was found",
    }
    assert (live.job, live.version) == (a_job(), 7)


AT = "2026-11-21T14:05:30Z"


@pytest.mark.parametrize(
    ("telling", "method", "path", "body"),
    [
        (
            NOTE,
            "POST",
            "/jobs/SJ-1001/notes",
            {
                "author": {"name": "Steward", "role": "system"},
                "text": "Searching",
                "visibility": "Public",
                "at": AT,
            },
        ),
        (
            TellTask(key="t-1", role=Role.DISPATCH, kind="call", text="Call.", at=ASSIGNED_AT),
            "POST",
            "/jobs/SJ-1001/tasks",
            {"key": "t-1", "role": "dispatch", "kind": "call", "text": "Call.", "at": AT},
        ),
        (
            TellTaskDone(key="t/1", outcome="Called"),
            "PATCH",
            "/jobs/SJ-1001/tasks/t%2F1",
            {"status": "done", "outcome": "Called"},
        ),
        (TellTaskDone(key="t-1"), "PATCH", "/jobs/SJ-1001/tasks/t-1", {"status": "done"}),
        (
            TellException(key="e-1", code="AM1", status="Open", comment="Late", at=ASSIGNED_AT),
            "POST",
            "/jobs/SJ-1001/exceptions",
            {"key": "e-1", "code": "AM1", "status": "Open", "comment": "Late", "at": AT},
        ),
        (
            TellExceptionChange(key="e-1", status="Closed"),
            "PATCH",
            "/jobs/SJ-1001/exceptions/e-1",
            {"status": "Closed"},
        ),
    ],
)
async def test_tells_each_thing_where_it_belongs(
    telling: Telling, method: str, path: str, body: dict[str, Any]
) -> None:
    system, seen = answering(201)
    assert await system.tell("SJ-1001", telling, "key-2") is None
    (request,) = seen
    assert (request.method, request.url.raw_path.decode()) == (method, f"/api/v2{path}")
    assert request.headers["idempotency-key"] == "key-2"
    assert json.loads(request.content) == body


async def test_adds_a_job_to_the_order_and_keeps_its_id() -> None:
    system, seen = answering(201, {"job_id": "SJ-2002"})
    assert await system.tell("SJ-1001", ADDED, "key-3") == "SJ-2002"
    assert seen[0].url.path == "/api/v2/orders/SO-500/jobs"
    assert json.loads(seen[0].content) == {
        "account": {"number": None, "name": "Procure Vendor"},
        "event_type": None,
        "reason": "Second opinion",
        "comments": [],
    }


@pytest.mark.parametrize("order_id", [None, "", ".", ".."])
async def test_a_job_without_a_usable_order_is_refused_before_anything_is_sent(
    order_id: str | None,
) -> None:
    system, seen = answering(201, {"job_id": "SJ-2002"})
    with pytest.raises(TurnedDownError):
        await system.tell("SJ-1001", ADDED.model_copy(update={"order_id": order_id}), "key")
    assert seen == []


async def test_names_are_encoded_as_one_part_of_the_path() -> None:
    system, seen = answering(404)
    with pytest.raises(TurnedDownError):
        await system.read("SJ/../1?x#y%é")
    assert seen[0].url.raw_path == b"/api/v2/jobs/SJ%2F..%2F1%3Fx%23y%25%C3%A9"


async def test_lists_what_changed_since_a_cursor() -> None:
    item = {"job": {"job_id": "SJ-1"}, "version": "v1", "changed_at": AT}
    system, seen = answering(200, {"items": [item], "next": "c-2"})
    page = await system.list_changed("a&b", 50)
    assert dict(seen[0].url.params) == {"changed_since": "a&b", "limit": "50"}
    assert (page.items[0].job_id, page.items[0].version, page.next) == ("SJ-1", "v1", "c-2")
    await system.list_changed(None, 50)
    assert dict(seen[1].url.params) == {"limit": "50"}


async def test_an_item_of_another_shape_hides_no_other() -> None:
    item = {"job": {"job_id": "SJ-1"}, "version": "v1", "changed_at": AT}
    said = {"items": [{**item, "job": None}, item, {**item, "version": {}}], "next": "c-2"}
    system, _ = answering(200, said)
    page = await system.list_changed(None, 50)
    assert [each.job_id for each in page.items] == ["SJ-1"]
    assert [(each.job_id, each.why) for each in page.strange] == [
        (None, "job is not as agreed"),
        ("SJ-1", "version.str is not as agreed"),
    ]


async def test_what_a_partner_calls_strange_is_none_of_ours() -> None:
    system, _ = answering(200, {"items": [], "next": None, "strange": ["x"]})
    assert (await system.list_changed(None, 50)).is_empty


# --- what the answers mean ------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201])
async def test_200_and_201_both_mean_done(status: int) -> None:
    system, _ = answering(status, LIVE)
    assert (await system.change("SJ-1001", CHANGE, "key")).version == 7
    assert await system.tell("SJ-1001", NOTE, "key") is None


async def test_a_note_needs_no_words_in_answer() -> None:
    system, _ = answering(204)
    assert await system.tell("SJ-1001", NOTE, "key") is None


@pytest.mark.parametrize(
    ("status", "may_have_happened"),
    [(408, False), (425, False), (429, False), (500, True), (502, True), (503, False), (504, True)],
)
async def test_what_is_tried_again(status: int, *, may_have_happened: bool) -> None:
    system, _ = answering(status, retry_after="7")
    with pytest.raises(NotReachedError, match=str(status)) as error:
        await asked(system)
    assert error.value.may_have_happened is may_have_happened
    assert error.value.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("0", timedelta()),
        ("120", timedelta(minutes=2)),
        ("Sun, 29 Nov 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Sun, 29 Nov 2026 12:00:30 -0000", timedelta(seconds=30)),
        ("Sun, 29 Nov 2026 11:00:00 GMT", timedelta()),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("", None),
    ],
)
def test_how_long_it_wants_to_be_left_alone(said: str, meant: timedelta | None) -> None:
    assert retry_after(said, NOW) == meant


@given(st.text())
def test_any_retry_after_is_read_or_left(said: str) -> None:
    wanted = retry_after(said, NOW)
    assert wanted is None or wanted >= timedelta()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed_and_says_which_setting_to_check(status: int) -> None:
    system, seen = answering(status, location="https://elsewhere.example/")
    with pytest.raises(NotLetInError, match="STEWARD_JOB_SYSTEM_URL"):
        await asked(system)
    assert len(seen) == 1


async def test_a_wrong_token_is_a_fault_of_ours_and_is_not_told() -> None:
    system, seen = answering(401, {"message": f"unknown token {TOKEN}"})
    with pytest.raises(NotLetInError, match="STEWARD_JOB_SYSTEM_TOKEN") as error:
        await asked(system)
    assert TOKEN not in str(error.value)
    with pytest.raises(NotLetInError) as kept_back:
        await asked(system)
    assert not kept_back.value.was_asked
    assert len(seen) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 410, 422])
async def test_other_refusals_are_for_good_and_say_why(status: int) -> None:
    system, _ = answering(status, {"message": "no such job"})
    for ask in (asked(system), system.read("SJ-1001"), system.tell("SJ-1001", NOTE, "key")):
        with pytest.raises(TurnedDownError, match=f"{status}: no such job") as error:
            await ask
        assert error.value.status == status


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"message": "m", "error": "e"}, "m"),
        ({"error": "e"}, "e"),
        ({"detail": "d"}, "d"),
        ({"detail": [{"loc": []}]}, "Unprocessable"),
        (b"<html>no</html>", "Unprocessable"),
        (None, "Unprocessable"),
        (b"[" * 100_000, "Unprocessable"),
    ],
)
async def test_the_reason_is_its_own_if_it_gives_one(body: object, said: str) -> None:
    system, _ = answering(422, body)
    with pytest.raises(TurnedDownError, match=f"422: {said}"):
        await asked(system)


async def test_a_long_reason_is_shortened() -> None:
    system, _ = answering(422, {"message": "no " * 10_000})
    with pytest.raises(TurnedDownError) as error:
        await asked(system)
    assert len(str(error.value)) <= 320


async def test_409_of_a_change_gives_the_live_job() -> None:
    live = {**LIVE, "message": "It was accepted", "version": "v8"}
    system, _ = answering(409, live)
    with pytest.raises(JobChangedError, match="It was accepted") as error:
        await asked(system)
    assert (error.value.live.job, error.value.live.version) == (a_job(), "v8")


async def test_409_of_what_is_told_is_a_refusal() -> None:
    system, _ = answering(409, {"message": "One is open"})
    with pytest.raises(TurnedDownError, match="409: One is open"):
        await system.tell("SJ-1001", NOTE, "key")


UNREADABLE = [
    b"",
    b"OK",
    b"<html>Sign in</html>",
    b'{"job": ',
    b"\xff\xfe",
    b"[" * 500_000,
    json.dumps([LIVE]).encode(),
    json.dumps({"job": LIVE["job"]}).encode(),
    json.dumps({**LIVE, "version": None}).encode(),
    json.dumps({**LIVE, "job": {"job_id": "SJ-1001"}}).encode(),
    json.dumps({**LIVE, "job": a_job(job_id="SJ-1002").model_dump(mode="json")}).encode(),
    json.dumps(LIVE).encode() + b" " * (1024 * 1024),
]


@pytest.mark.parametrize("content", UNREADABLE, ids=range(len(UNREADABLE)))
@pytest.mark.parametrize("status", [200, 409])
async def test_what_cannot_be_read_is_never_taken(status: int, content: bytes) -> None:
    system, _ = answering(status, content)
    with pytest.raises(NotReachedError, match="can't be read") as error:
        await asked(system)
    assert error.value.may_have_happened
    assert len(str(error.value)) < 200


@pytest.mark.parametrize("content", [b"<html>Sign in</html>", b"OK"])
async def test_a_page_instead_of_an_answer_does_not_count_as_told(content: bytes) -> None:
    system, _ = answering(200, content)
    with pytest.raises(NotReachedError):
        await system.tell("SJ-1001", NOTE, "key")


@pytest.mark.parametrize("body", [{}, [], {"job_id": 7}, {"job_id": ""}, None])
async def test_an_added_job_without_an_id_is_asked_for_again(body: object) -> None:
    system, _ = answering(201, body)
    with pytest.raises(NotReachedError, match="id of the added job") as error:
        await system.tell("SJ-1001", ADDED, "key")
    assert error.value.may_have_happened


async def test_a_page_of_jobs_may_be_longer_than_one_job() -> None:
    items = [
        {"job": {"job_id": f"SJ-{n}", "x": "y" * 2000}, "version": 1, "changed_at": AT}
        for n in range(1000)
    ]
    system, _ = answering(200, {"items": items, "next": None})
    assert len((await system.list_changed(None, 1000)).items) == 1000
    system, _ = answering(200, b" " * (8 * 1024 * 1024 + 1))
    with pytest.raises(NotReachedError, match="longer than"):
        await system.list_changed(None, 1000)


async def test_nothing_that_is_said_or_shown_holds_the_token() -> None:
    for status in (200, 302, 401, 403, 409, 422, 500, 503):
        system, _ = answering(status, {"message": "no"})
        with pytest.raises(JobSystemError) as error:
            await asked(system)
        cause = error.value.__cause__
        assert TOKEN not in f"{error.value!r} {error.value.for_logs} {cause!r} {system!r}"


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "schlüssel"])
def test_a_token_that_no_header_can_carry_is_refused_without_naming_it(token: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII") as error:
        HttpJobSystem("https://jobs.example", token)
    assert not token or token not in str(error.value)


# --- what goes wrong on the way -------------------------------------------------------------------


def failing(error: Exception) -> HttpJobSystem:
    def raises(_: httpx.Request) -> httpx.Response:
        raise error

    return over(raises)


@pytest.mark.parametrize(
    ("error", "reason", "may_have_happened"),
    [
        (httpx.ConnectError("refused"), "can't be reached", False),
        (httpx.ConnectTimeout("late"), "can't be reached", False),
        (httpx.PoolTimeout("busy"), "too many requests", False),
        (httpx.UnsupportedProtocol("ftp"), "STEWARD_JOB_SYSTEM_URL", False),
        (httpx.ReadTimeout("late"), "doesn't answer in time", True),
        (httpx.WriteTimeout("late"), "doesn't answer in time", True),
        (httpx.ReadError("reset"), "broke off", True),
        (httpx.RemoteProtocolError("hung up"), "broke off", True),
        (httpx.DecodingError("gzip"), "broke off", True),
    ],
)
async def test_what_may_have_happened(
    error: Exception, reason: str, *, may_have_happened: bool
) -> None:
    with pytest.raises(NotReachedError, match=reason) as told:
        await asked(failing(error))
    assert told.value.may_have_happened is may_have_happened


async def test_waiting_for_a_free_connection_says_nothing_of_the_job_system() -> None:
    system = failing(httpx.PoolTimeout("busy"))
    for _ in range(FAILURES + 1):
        with pytest.raises(NotReachedError, match="too many requests"):
            await asked(system)
    assert system.circuit.reason is None


async def test_a_certificate_that_is_not_trusted_is_told_as_such() -> None:
    problem = ssl.SSLCertVerificationError(1, "self-signed")
    problem.verify_message = "self-signed certificate"
    error = httpx.ConnectError("TLS")
    error.__cause__ = problem
    with pytest.raises(NotReachedError, match=r"certificate.*SSL_CERT_FILE") as told:
        await asked(failing(error))
    assert not told.value.may_have_happened


@asynccontextmanager
async def listening(
    connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    scheme: str = "http",
) -> AsyncIterator[HttpJobSystem]:
    """Run a server on a socket, and give what asks it."""

    async def handled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await connected(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has left
        finally:
            writer.close()

    server = await asyncio.start_server(handled, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    system = HttpJobSystem(f"{scheme}://127.0.0.1:{port}", TOKEN)
    try:
        yield system
    finally:
        await system.close()
        server.close()


async def request_of(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            await reader.readexactly(int(line.partition(b":")[2]))


async def test_an_answer_that_drips_in_for_ever_is_given_up() -> None:
    """Each drip comes in good time, and all of them together do not."""

    async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(100):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)
            time_passes(http_job_system._LONGEST_WAIT / 20)

    async with listening(drips) as system:
        with pytest.raises(NotReachedError, match="in time") as error:
            await asked(system)
    assert error.value.may_have_happened


async def test_an_answer_without_an_end_is_not_read_to_it() -> None:
    sent = 0

    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent < 64 * 1024 * 1024:
            writer.write(b" " * 65536)
            await writer.drain()
            sent += 65536

    async with listening(floods) as system:
        with pytest.raises(NotReachedError, match="longer than 1,048,576 bytes"):
            await asked(system)
    assert sent < 32 * 1024 * 1024


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", b"what?\r\n"]
)
async def test_a_connection_that_breaks_off_leaves_it_open(said: bytes) -> None:
    async def breaks_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(said)

    async with listening(breaks_off) as system:
        with pytest.raises(NotReachedError, match="broke off") as error:
            await asked(system)
    assert error.value.may_have_happened


async def test_nobody_listening_is_a_failure_that_did_nothing() -> None:
    system = HttpJobSystem("http://127.0.0.1:9", TOKEN)
    with pytest.raises(NotReachedError, match="can't be reached") as error:
        await asked(system)
    assert not error.value.may_have_happened
    await system.close()


async def test_tls_to_what_speaks_none_says_so() -> None:
    async def speaks_plainly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with listening(speaks_plainly, "https") as system:
        with pytest.raises(NotReachedError, match="connection is not safe") as error:
            await asked(system)
    assert not error.value.may_have_happened


async def test_keeps_its_connection() -> None:
    connections = 0
    body = json.dumps(LIVE).encode()

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await request_of(reader)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()

    async with listening(answers) as system:
        for _ in range(5):
            await asked(system)
    assert connections == 1


# --- the circuit ----------------------------------------------------------------------------------


async def test_after_five_failures_it_is_left_alone_whatever_it_is_to_be_asked() -> None:
    system, seen = answering(503, retry_after="30")
    for _ in range(FAILURES):
        with pytest.raises(NotReachedError):
            await asked(system)
    for ask in (system.read("SJ-9"), system.tell("SJ-8", NOTE, "k"), system.list_changed(None, 1)):
        with pytest.raises(NotReachedError) as kept_back:
            await ask
        assert not kept_back.value.was_asked
        assert timedelta(seconds=29) < (kept_back.value.retry_after or timedelta())
    assert len(seen) == FAILURES


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, {"message": "an error"}),
        (409, {"message": "no"}),
        (200, {}),
        (200, {**LIVE, "job": a_job(job_id="SJ-2002").model_dump(mode="json")}),
    ],
)
async def test_jobs_that_it_cannot_handle_shut_no_other_job_out(status: int, body: object) -> None:
    seen = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.method == "PATCH":
            return httpx.Response(status, json=body)
        return httpx.Response(201, json={})

    system = over(handle)
    for _ in range(FAILURES * 3):
        with pytest.raises(NotReachedError) as unanswered:
            await asked(system)
        assert (unanswered.value.was_asked, unanswered.value.has_answered) == (True, True)
        await system.tell("SJ-8", NOTE, "k")
    assert system.circuit.reason is None
    assert len(seen) == FAILURES * 6


@pytest.mark.parametrize(("status", "body"), [(422, None), (404, None), (409, LIVE)])
async def test_refusals_do_not_open_it(status: int, body: object) -> None:
    system, seen = answering(status, body)
    for _ in range(FAILURES + 3):
        with pytest.raises((TurnedDownError, JobChangedError)):
            await asked(system)
    assert len(seen) == FAILURES + 3
    assert system.circuit.reason is None


async def test_being_cancelled_does_not_open_it() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await request_of(reader)
        await reader.read()

    async with listening(silent) as system:
        for _ in range(FAILURES + 1):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asked(system), 0.05)
        assert system.circuit.reason is None
