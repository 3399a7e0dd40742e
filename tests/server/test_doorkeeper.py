"""Nobody comes in through the door who should not, and no answer goes out unguarded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.testing import capture_logs

from domain.roles import Actor, Role
from starters.access import Caller
from starters.doorkeeper import CHANGES, JOB_EVENTS, SIGN_IN, Doorkeeper, Limits
from starters.pace import Pace
from starters.tokens import token_in
from store.database import StoreUnavailableError
from tests.loop_clock import time_passes

GUARDS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "x-frame-options": "DENY",
}
DANA = Caller(Actor(name="Dana", role=Role.DISPATCH))
OTHERS = Limits()


async def behind(scope: Scope, receive: Receive, send: Send) -> None:
    """What is behind the door: says that it was reached."""
    await JSONResponse({"reached": scope["path"]})(scope, receive, send)


async def identify(authorization: str | None) -> Caller | None:
    return DANA if token_in(authorization or "") == "dana" else None


@asynccontextmanager
async def door(
    app: ASGIApp = behind, *, tokens: bool = False, limits: Limits = OTHERS, **how: Any
) -> AsyncIterator[httpx.AsyncClient]:
    keeper = Doorkeeper(
        hooks=how.pop("hooks", app),
        everything_else=app,
        identify=identify if tokens else None,
        hosts=how.pop("hosts", ()),
        limits=limits,
        **how,
    )
    transport = httpx.ASGITransport(keeper)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8080") as client:
        yield client


def is_refusal(response: httpx.Response, status: int) -> None:
    """The shape of a refusal, and the guards of every answer."""
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) - {"instead"} == {"error", "rule", "message"}
    assert body["rule"] is None
    assert body["message"]
    assert GUARDS.items() <= dict(response.headers).items()
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]


# --- hosts ------------------------------------------------------------------------------------

OURS = [
    "localhost",
    "LOCALHOST:8080",
    "127.0.0.1",
    "127.0.0.1:9999",
    "127.8.8.8",
    "[::1]",
    "[::1]:8080",
]
FOREIGN = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "192.0.2.7",
    "0.0.0.0",  # noqa: S104  a name like any other
    "[fd00::1]",
    "",
    "localhost:port",
    "localhost:99999",
    "localhost@evil.example",
    "evil.example@localhost",
    "localhost/",
    "localhost?",
    "::1",
    "localhost, evil.example",
    "\xe9",
]


@pytest.mark.parametrize("host", OURS)
async def test_a_loopback_name_is_ours_with_and_without_port(host: str) -> None:
    async with door() as client:
        assert (await client.get("/jobs", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/mail"), ("POST", "/jobs/SJ-1/plus-one/approve"), ("POST", JOB_EVENTS)]
    + [("GET", path) for path in ("/healthz", "/console", "/openapi.json")],
)
async def test_a_foreign_host_is_misdirected(host: str, method: str, path: str) -> None:
    async with door() as client:
        response = await client.request(
            method, path, headers={b"host": host.encode("latin-1"), b"content-type": b"text/plain"}
        )
    is_refusal(response, 421)


@pytest.mark.parametrize("tokens", [False, True])
async def test_a_request_names_one_host(*, tokens: bool) -> None:
    async with door(tokens=tokens) as client:
        twice = [("host", "localhost"), ("host", "localhost")]
        is_refusal(await client.get("/jobs", headers=twice), 421)


async def test_a_name_that_is_set_is_ours_too() -> None:
    async with door(hosts=["desk.example", "[fd00::1]"]) as client:
        for host in ("desk.example", "Desk.Example:80", "[fd00::1]:8080", "localhost"):
            assert (await client.get("/jobs", headers={"host": host})).status_code == 200
        is_refusal(await client.get("/jobs", headers={"host": "other.example"}), 421)


async def test_where_tokens_are_asked_for_any_name_will_do() -> None:
    async with door(tokens=True) as client:
        headers = {"host": "api.example", "authorization": "Bearer dana"}
        assert (await client.get("/jobs", headers=headers)).status_code == 200


# --- origins ----------------------------------------------------------------------------------

CHANGING = ["POST", "PUT", "PATCH", "DELETE"]
COMMAND = "/jobs/SJ-1/plus-one/approve"


@pytest.mark.parametrize("method", CHANGING)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://localhost"},
        {"origin": "http://localhost:3000"},
        {"origin": "https://localhost"},
        {"origin": "http://localhost:port"},
        {"origin": "http://localhost:8080.evil.example"},
        {"origin": "file://"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "whatever"},
        {"sec-fetch-site": ""},
        {"origin": "http://localhost:8080", "sec-fetch-site": "cross-site"},
        {"origin": "http://evil.example", "sec-fetch-site": "same-origin"},
    ],
)
async def test_a_page_of_another_origin_changes_nothing(
    method: str, headers: dict[str, str]
) -> None:
    async with door() as client:
        response = await client.request(method, COMMAND, json={}, headers=headers)
    is_refusal(response, 403)


@pytest.mark.parametrize("method", CHANGING)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://localhost:8080"},
        {"origin": "http://LOCALHOST:8080"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"host": "127.0.0.1", "origin": "http://127.0.0.1:80", "sec-fetch-site": "same-origin"},
    ],
)
async def test_a_program_and_a_page_of_ours_change_what_they_may(
    method: str, headers: dict[str, str]
) -> None:
    async with door() as client:
        response = await client.request(method, COMMAND, json={}, headers=headers)
    assert response.status_code == 200


async def test_a_link_on_another_page_leads_to_the_console() -> None:
    async with door() as client:
        headers = {"sec-fetch-site": "cross-site", "origin": "http://evil.example"}
        assert (await client.get("/console", headers=headers)).status_code == 200


async def test_an_event_is_known_by_its_signature_wherever_it_comes_from() -> None:
    async with door() as client:
        headers = {"origin": "http://evil.example", "content-type": "text/plain"}
        assert (await client.post(JOB_EVENTS, headers=headers)).status_code == 200


# --- JSON -------------------------------------------------------------------------------------


@pytest.mark.parametrize("tokens", [False, True])
@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=UTF-8", 200),
        ('application/json;charset="utf-8"', 200),
        ("application/json; charset=latin-1", 415),
        ("text/plain", 415),
        ("text/plain; application/json", 415),
        ("application/jsonp", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
        (None, 415),
    ],
)
async def test_a_body_is_json(tokens: bool, content_type: str | None, status: int) -> None:  # noqa: FBT001
    headers = {"authorization": "Bearer dana"}
    headers |= {"content-type": content_type} if content_type is not None else {}
    async with door(tokens=tokens) as client:
        response = await client.post(COMMAND, content=b"{}", headers=headers)
    if status == 200:
        assert response.status_code == 200
    else:
        is_refusal(response, status)


async def test_where_there_is_no_body_there_need_be_no_type() -> None:
    async with door() as client:
        assert (await client.post("/hooks/dead/1/replay")).status_code == 200
        is_refusal(
            await client.post("/hooks/dead/1/replay", headers={"content-type": "text/plain"}), 415
        )


async def test_a_body_of_unknown_length_is_a_body() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"{}"

    async with door() as client:
        is_refusal(await client.post(COMMAND, content=chunks()), 415)


# --- tokens -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/jobs", "/openapi.json", "/metrics", "/nowhere", "/console"])
async def test_everything_needs_a_token_but_hooks_and_health(path: str) -> None:
    async with door(tokens=True) as client:
        refused = await client.get(path)
        is_refusal(refused, 401)
        assert refused.headers["www-authenticate"].startswith("Bearer")
        known = await client.get(path, headers={"authorization": "Bearer dana"})
        assert known.status_code == 200
        twice = [("authorization", "Bearer dana")] * 2
        is_refusal(await client.get(path, headers=twice), 401)


async def test_wrong_tokens_are_slowed_down_and_right_ones_and_hooks_never() -> None:
    wrong = {"authorization": "Bearer guess"}
    async with door(tokens=True) as client:
        answers = [await client.get("/jobs", headers=wrong) for _ in range(12)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
        is_refusal(answers[-1], 429)
        assert 0 < int(answers[-1].headers["retry-after"]) <= 60
        known = await client.get("/jobs", headers={"authorization": "Bearer dana"})
        assert known.status_code == 200
        is_refusal(await client.get("/jobs"), 401)
        assert (await client.post(JOB_EVENTS, headers=wrong)).status_code == 200


async def test_no_answer_but_a_static_file_is_kept_by_a_browser() -> None:
    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        said = Response("data", headers={"cache-control": "no-cache"})
        await said(scope, receive, send)

    async with door(stream) as client:
        answer = await client.get("/console/changes")
        assert answer.headers.get_list("cache-control") == ["no-store"]


@pytest.mark.parametrize("path", [JOB_EVENTS, "/healthz", "/readyz"])
async def test_hooks_and_health_are_open(path: str) -> None:
    async with door(tokens=True) as client:
        assert (await client.request("POST", path)).status_code == 200


# --- what goes out ----------------------------------------------------------------------------


async def test_what_an_answer_says_itself_stays() -> None:
    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        headers = {"content-security-policy": "default-src 'self'"}
        await PlainTextResponse("a page", headers=headers)(scope, receive, send)

    async with door(page) as client:
        response = await client.get("/console")
    assert response.headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert GUARDS.items() <= dict(response.headers).items()


@pytest.mark.parametrize("path", ["/jobs", JOB_EVENTS])
@pytest.mark.parametrize(
    ("problem", "status"),
    [(ZeroDivisionError("ada@example.com"), 500), (StoreUnavailableError("db.internal"), 503)],
)
async def test_a_fault_is_answered_in_the_shape_of_a_refusal(
    problem: Exception, status: int, path: str
) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise problem

    async with door(failing) as client:
        response = await client.post(path, json={})
    is_refusal(response, status)
    assert str(problem) not in response.text


async def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    scope: dict[str, Any] = {"type": "http", "scheme": "http", "method": "GET", "path": "/"}
    scope["headers"] = [(b"host", b"localhost")]
    keeper = Doorkeeper(
        hooks=failing, everything_else=failing, identify=None, hosts=(), limits=OTHERS
    )
    await keeper(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start"]


async def test_whoever_has_gone_is_not_answered() -> None:
    async def left(scope: Scope, receive: Receive, send: Send) -> None:
        raise ClientDisconnect

    keeper = Doorkeeper(hooks=left, everything_else=left, identify=None, hosts=(), limits=OTHERS)

    async def send(message: Any) -> None:
        raise AssertionError(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    headers = [(b"host", b"localhost")]
    for path in ("/jobs", JOB_EVENTS):
        await keeper(
            {"type": "http", "method": "POST", "path": path, "headers": headers}, receive, send
        )


# --- how long, and how many -------------------------------------------------------------------


class Slow:
    """What takes its time: until it is let go, and after so many have come."""

    def __init__(self, expected: int = 1) -> None:
        self.go = asyncio.Event()
        self._all_there = asyncio.Barrier(expected + 1)

    async def all_there(self) -> None:
        await self._all_there.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._all_there.wait()
        await self.go.wait()
        await Response()(scope, receive, send)


SHORT = Limits(reading=timedelta(milliseconds=20), changing=timedelta(milliseconds=20))


@pytest.mark.parametrize("path", ["/jobs", "/readyz", "/console"])
async def test_a_read_that_hangs_is_answered(path: str) -> None:
    async with door(Slow(), limits=SHORT) as client:
        response = await client.get(path)
    is_refusal(response, 503)
    body = response.json()
    assert (body["message"], body["instead"]) == ("No answer in time.", "Try again in a moment.")


async def test_a_command_that_hangs_may_still_be_carried_out() -> None:
    async with door(Slow(), limits=SHORT) as client:
        response = await client.post(COMMAND, json={})
    is_refusal(response, 503)
    assert "may still be carried out" in response.json()["message"]
    assert "message_id" in response.json()["instead"]


async def test_a_store_that_hangs_does_not_hold_up_whoever_shows_a_token() -> None:
    async def hanging(_: str | None) -> Caller | None:
        await asyncio.Event().wait()
        return None

    keeper = Doorkeeper(
        hooks=behind, everything_else=behind, identify=hanging, hosts=(), limits=SHORT
    )
    transport = httpx.ASGITransport(keeper)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        is_refusal(await client.get("/jobs"), 503)


async def test_many_requests_at_once_leave_room_for_hooks_and_health() -> None:
    slow = Slow(expected=3)

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        await (behind if scope["path"] == "/readyz" else slow)(scope, receive, send)

    async with door(served, hooks=behind, limits=Limits(at_once=3)) as client:
        waiting = [asyncio.create_task(client.get("/jobs")) for _ in range(3)]
        await slow.all_there()
        refused = await client.get("/jobs")
        is_refusal(refused, 503)
        assert refused.headers["retry-after"] == "1"
        assert (await client.post(JOB_EVENTS)).status_code == 200
        assert (await client.get("/readyz")).status_code == 200
        slow.go.set()
        assert {response.status_code for response in await asyncio.gather(*waiting)} == {200}
        waiting = [asyncio.create_task(client.get("/jobs")) for _ in range(3)]
        await slow.all_there()
        assert {response.status_code for response in await asyncio.gather(*waiting)} == {200}


async def test_hooks_have_a_limit_of_their_own() -> None:
    slow = Slow(expected=2)
    async with door(behind, hooks=slow, limits=Limits(hooks_at_once=2)) as client:
        waiting = [asyncio.create_task(client.post(JOB_EVENTS)) for _ in range(2)]
        await slow.all_there()
        is_refusal(await client.post(JOB_EVENTS), 503)
        assert (await client.get("/jobs")).status_code == 200
        slow.go.set()
        await asyncio.gather(*waiting)


class Dripping:
    """Bodies that begin, and whose rest comes when it is let go."""

    def __init__(self, expected: int) -> None:
        self.go = asyncio.Event()
        self.all_wait = asyncio.Barrier(expected + 1)

    async def __call__(self) -> AsyncIterator[bytes]:
        yield b"{"
        await self.all_wait.wait()
        await self.go.wait()
        yield b"}"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """What is behind the door: says what body it got."""
    body = bytearray()
    async for piece in Request(scope, receive).stream():
        body += piece
    await PlainTextResponse(f"{len(body)} {bytes(body[:2]).decode()}")(scope, receive, send)


FORM = {"content-type": "application/x-www-form-urlencoded"}
DANAS = {"authorization": "Bearer dana", "content-type": "application/json"}
BODIES = [(SIGN_IN, FORM), (f"{SIGN_IN}/company", FORM), (COMMAND, DANAS), (JOB_EVENTS, {})]


async def test_whoever_sends_a_body_slowly_takes_nobodys_place() -> None:
    limits, drips = Limits(at_once=1, hooks_at_once=1), Dripping(3 * len(BODIES))
    async with door(echo, tokens=True, limits=limits) as client:
        waiting = [
            asyncio.create_task(client.post(path, content=drips(), headers=headers))
            for path, headers in BODIES
            for _ in range(3)
        ]
        await drips.all_wait.wait()
        for path, headers in BODIES:
            answer = await client.post(path, content=b"{}", headers=headers)
            assert (answer.status_code, answer.text) == (200, "2 {}"), path
        assert (await client.get("/jobs", headers=DANAS)).status_code == 200
        drips.go.set()
        assert {each.text for each in await asyncio.gather(*waiting)} == {"2 {}"}


async def test_the_codec_server_leaves_room_for_everybody_else() -> None:
    drips, path = Dripping(2), "/codec/decode"
    async with door(echo, tokens=True, limits=Limits(codec_at_once=2)) as client:
        waiting = [
            asyncio.create_task(client.post(path, content=drips(), headers=DANAS)) for _ in range(2)
        ]
        await drips.all_wait.wait()
        is_refusal(await client.post(path, content=b"{}", headers=DANAS), 503)
        assert (await client.post(COMMAND, content=b"{}", headers=DANAS)).status_code == 200
        drips.go.set()
        assert {each.text for each in await asyncio.gather(*waiting)} == {"2 {}"}


@pytest.mark.parametrize(("path", "headers"), BODIES)
async def test_a_body_comes_whole_in_time_and_is_not_too_large(
    path: str, headers: dict[str, str]
) -> None:
    drips, limits = Dripping(1), Limits(body=timedelta(minutes=1))
    async with door(echo, tokens=True, limits=limits) as client:
        late = asyncio.create_task(client.post(path, content=drips(), headers=headers))
        await drips.all_wait.wait()
        time_passes(limits.body.total_seconds())
        is_refusal(await late, 408)
        assert "nothing was done" in late.result().json()["message"]
        large = await client.post(path, content=b"x" * 20_000, headers=headers)
        if path.startswith(SIGN_IN):
            is_refusal(large, 413)
        else:
            assert large.text == "20000 xx"


async def test_the_answers_of_refusals_are_json_of_one_line() -> None:
    async with door() as client:
        response = await client.get("/jobs", headers={"host": "evil.example"})
    assert response.headers["content-type"] == "application/json"
    assert json.loads(response.content)["error"] == "misdirected"


# --- streams ----------------------------------------------------------------------------------


class Streams:
    """What is behind the door: streams, which stay open until they are closed, and all else."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._all_open, self._closing = asyncio.Event(), asyncio.Event()

    async def all_open(self) -> None:
        """Return once so many have come as are expected."""
        await self._all_open.wait()

    def close(self) -> None:
        """Close all, and whichever comes from now on."""
        self._closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == CHANGES:
            self._expected -= 1
            if self._expected == 0:
                self._all_open.set()
            await self._closing.wait()
        await PlainTextResponse("over")(scope, receive, send)


async def test_streams_stay_open_and_have_room_of_their_own() -> None:
    """However long they are open, and however many: pages and commands still come in."""
    streams = Streams(2)
    limits = Limits(reading=timedelta(minutes=1), at_once=1, streams_at_once=2)
    async with door(streams, limits=limits) as client:
        listening = [asyncio.create_task(client.get(CHANGES)) for _ in range(2)]
        await streams.all_open()
        time_passes(limits.reading.total_seconds())
        assert (await client.get("/jobs")).status_code == 200
        one_more = await client.get(CHANGES)
        is_refusal(one_more, 503)
        assert "too many pages" in one_more.json()["message"].casefold()
        streams.close()
        assert [(await each).status_code for each in listening] == [200, 200]
        assert (await client.get(CHANGES)).status_code == 200


async def test_one_person_leaves_room_for_the_streams_of_others() -> None:
    """A browser, which can't read an error, gets an event: it doesn't ask again."""
    streams, limits = Streams(2), Limits(streams_at_once=9, streams_of_one=2)
    listening = {"accept": "text/event-stream"}
    async with door(streams, limits=limits) as client:
        open_ = [asyncio.create_task(client.get(CHANGES)) for _ in range(2)]
        await streams.all_open()
        one_more = await client.get(CHANGES, headers=listening)
        assert (one_more.status_code, one_more.text) == (200, "event: full\ndata:\n\n")
        is_refusal(await client.get(CHANGES), 503)
        streams.close()
        assert [(await each).status_code for each in open_] == [200, 200]
        assert (await client.get(CHANGES, headers=listening)).text == "over"


async def test_a_stream_needs_a_token_as_all_else_does() -> None:
    async with door(tokens=True) as client:
        is_refusal(await client.get(CHANGES), 401)


# --- HTTPS ------------------------------------------------------------------------------------


async def test_whoever_came_by_https_is_told_to_come_by_nothing_else() -> None:
    async with door(tokens=True) as client:
        dana = {"authorization": "Bearer dana"}
        plain = await client.get("/jobs", headers=dana)
        assert "strict-transport-security" not in plain.headers
        for headers in ({**dana, "x-forwarded-proto": "https"}, {"x-forwarded-proto": "https"}):
            answer = await client.get("/jobs", headers=headers)
            assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_who_is_turned_away_is_logged_without_what_they_showed() -> None:
    with capture_logs() as lines:
        async with door(tokens=True) as client:
            await client.get("/jobs", headers={"authorization": "Bearer secret"})
            await client.get("/jobs", headers={"authorization": "Bearer dana"})
    assert lines == [
        {
            "event": "a request was turned away",
            "log_level": "info",
            "status": 401,
            "method": "GET",
        }
    ]


# --- how often --------------------------------------------------------------------------------


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("per_minute", [60, 77, 3000])
def test_a_sender_has_a_minutes_requests_at_once_or_one_after_another(per_minute: int) -> None:
    clock = Clock()
    pace = Pace(per_minute, clock)
    for _ in range(per_minute):
        assert pace.seconds_to_wait("dana") == 0
    assert pace.seconds_to_wait("dana") == 1
    assert pace.seconds_to_wait("sam") == 0, "everybody has their own"
    clock.now += 60.0 / per_minute
    assert pace.seconds_to_wait("dana") == 0
    assert pace.seconds_to_wait("dana") == 1
    clock.now += 60
    for _ in range(3 * per_minute):  # whoever sends evenly may do so for ever
        assert pace.seconds_to_wait("dana") == 0
        clock.now += 60.0 / per_minute
    clock.now += 600
    assert [pace.seconds_to_wait("dana") for _ in range(per_minute + 1)][-2:] == [0, 1]


def test_senders_are_remembered_in_bounded_memory() -> None:
    pace = Pace(60, Clock())
    for each in range(10_000):
        assert pace.seconds_to_wait(str(each)) == 0
    assert len(pace._full_at) == 4096
    assert "9999" in pace._full_at


def test_nobody_gets_another_minutes_requests_by_sending_as_many_others() -> None:
    clock = Clock()
    pace = Pace(60, clock)
    for _ in range(60):
        pace.seconds_to_wait("dana")
    for each in range(5000):
        pace.seconds_to_wait(str(each))
    assert pace.seconds_to_wait("dana") == 1
    clock.now += 60
    for each in range(5000):  # by now nothing need be remembered of the others
        pace.seconds_to_wait(f"{each} later")
    assert len(pace._full_at) == 4096


async def test_whoever_sends_too_much_is_told_when_to_try_again() -> None:
    clock, counted = Clock(), list[str]()
    door_ = door(tokens=True, pace=Pace(60, clock), put_off=counted.append)
    dana = {"authorization": "Bearer dana"}
    async with door_ as client:
        for _ in range(60):
            assert (await client.get("/jobs", headers=dana)).status_code == 200
        refused = await client.get("/jobs", headers=dana)
        is_refusal(refused, 429)
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["error"] == "too_many"
        assert refused.json()["instead"] == "Try again in 1 second."
        is_refusal(await client.post(COMMAND, json={}, headers=dana), 429)
        # Health and hooks are not counted, nor is a token that nobody knows.
        for path in ("/healthz", "/readyz"):
            assert (await client.get(path, headers=dana)).status_code == 200
        assert (await client.post(JOB_EVENTS, headers=dana)).status_code == 200
        is_refusal(await client.get("/jobs", headers={"authorization": "Bearer sam"}), 401)
        for same in ("Bearer  dana", "bearer dana", "BEARER \t dana  "):
            is_refusal(await client.get("/jobs", headers={"authorization": same}), 429)
        clock.now += 1.0
        assert (await client.get("/jobs", headers=dana)).status_code == 200
    assert counted == ["rate"] * 5


async def test_where_nobody_shows_who_they_are_nobody_is_counted() -> None:
    async with door(pace=Pace(60, Clock())) as client:
        for _ in range(100):
            assert (await client.get("/jobs")).status_code == 200
