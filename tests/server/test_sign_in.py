"""Signing in at the desk: who gets a session, what it opens, and what ends it."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx import ASGITransport
from sqlalchemy import select, update

from domain.roles import Actor, Role
from domain.signatures import HookSecrets
from starters.app import Parts, make_app
from starters.attempts import AttemptLimits, Attempts
from starters.desk.people import form_token
from starters.tokens import TokenFile, Tokens
from store import schema
from store.inbox import Inbox
from store.sessions import SessionStore
from store.tokens import NewToken, TokenStore, digest_of
from tests.desk import SECRET, Desk, now

HERE, AWAY = "http://localhost", "https://desk.example"
_addresses = itertools.count(1)
COOKIES = {HERE: "steward-plain", AWAY: "__Host-steward"}
NAVIGATES = {"accept": "text/html", "sec-fetch-mode": "navigate", "sec-fetch-site": "none"}


@dataclass
class Browser:
    """Somebody's browser, as far as cookies and forms go."""

    http: httpx.AsyncClient
    headers: dict[str, str] = field(default_factory=lambda: dict(NAVIGATES))

    async def opens(self, path: str) -> httpx.Response:
        return await self.http.get(path, headers=self.headers)

    async def sends(self, path: str, **fields: str) -> httpx.Response:
        headers = self.headers | {
            "origin": str(self.http.base_url).rstrip("/"),
            "sec-fetch-site": "same-origin",
        }
        return await self.http.post(path, data=fields, headers=headers)

    async def signs_in(self, token: str, back: str = "/console") -> httpx.Response:
        page = await self.opens("/console/sign-in")
        return await self.sends(
            "/console/sign-in", token=token, back=back, form_token=form_token_of(page)
        )

    @property
    def session(self) -> str | None:
        return self.http.cookies.get(COOKIES[str(self.http.base_url).rstrip("/")])


@dataclass(frozen=True)
class Door:
    """A desk where people sign in."""

    desk: Desk
    tokens: TokenStore
    app: Any

    @asynccontextmanager
    async def browser(self, at: str = HERE) -> AsyncIterator[Browser]:
        address = f"192.0.2.{next(_addresses)}"
        transport = ASGITransport(self.app, client=(address, 50000))
        async with httpx.AsyncClient(transport=transport, base_url=at) as http:
            yield Browser(http)

    async def token(self, role: str = "dispatch", **more: Any) -> NewToken:
        return await self.tokens.new(Actor(name="Dana Ruiz", role=Role(role)), now(), **more)


def form_token_of(page: httpx.Response) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def open_door(desk: Desk, **changes: Any) -> Door:
    store = TokenStore(desk.database)
    parts: dict[str, Any] = {
        "database": desk.database,
        "client": desk.client,
        "policy": desk.policy,
        "secrets": HookSecrets.parse(SECRET),
        "tokens": Tokens(store),
    }
    return Door(desk, store, make_app(Parts(**(parts | changes))))


@pytest.fixture(scope="module")
def door(desk: Desk) -> Door:
    return open_door(desk)


@pytest.fixture(scope="module")
def house_door(house: Desk) -> Door:
    return open_door(house)


# --- coming in --------------------------------------------------------------------------------


async def test_a_token_opens_the_desk_and_leads_to_where_somebody_wanted(house_door: Door) -> None:
    made = await house_door.token()
    async with house_door.browser() as browser:
        sent_away = await browser.opens("/console?q=SJ-1&show=all")
        assert sent_away.status_code == 303
        location = sent_away.headers["location"]
        assert location == "/console/sign-in?back=%2Fconsole%3Fq%3DSJ-1%26show%3Dall"
        page = await browser.opens(location)
        assert (page.status_code, "Personal token" in page.text) == (200, True)
        inside = await browser.sends(
            "/console/sign-in",
            token=f" {made.token} ",
            back="/console?q=SJ-1&show=all",
            form_token=form_token_of(page),
        )
        assert inside.status_code == 303
        assert inside.headers["location"] == "/console?q=SJ-1&show=all"
        board = await browser.opens("/console")
        assert (board.status_code, "Dana Ruiz" in board.text) == (200, True)
        assert "Sign out" in board.text
        assert "No sign-in" not in board.text
        again = await browser.opens("/console/sign-in?back=/console/mail")
        assert again.headers["location"] == "/console/mail"


@pytest.mark.parametrize("at", [HERE, AWAY])
async def test_a_session_s_cookie_is_kept_as_strictly_as_the_browser_can(
    door: Door, at: str
) -> None:
    made = await door.token()
    async with door.browser(at) as browser:
        answer = await browser.signs_in(made.token)
        (cookie,) = [
            each
            for each in answer.headers.get_list("set-cookie")
            if each.startswith(f"{COOKIES[at]}=")
        ]
        flags = {part.strip().casefold() for part in cookie.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/", "max-age=43200"} <= flags
        assert ("secure" in flags) is (at == AWAY)
        assert not any(flag.startswith("domain") for flag in flags)
        kept = browser.session
        assert kept is not None
        assert len(kept) >= 43  # 256 bits
        assert (await browser.opens("/console")).status_code == 200


async def test_behind_a_proxy_that_ends_https_the_cookie_is_secure(door: Door) -> None:
    async with door.browser() as browser:
        browser.headers["x-forwarded-proto"] = "https"
        (cookie,) = (await browser.opens("/console/sign-in")).headers.get_list("set-cookie")
        assert cookie.startswith("__Host-")
        assert "; secure" in cookie.casefold()


async def test_the_store_knows_of_a_session_s_id_only_the_digest(door: Door) -> None:
    made = await door.token()
    async with door.browser() as browser:
        await browser.signs_in(made.token)
        kept = browser.session
        assert kept is not None
        asked = select(schema.sessions).where(schema.sessions.c.digest == digest_of(kept))
        row = await door.desk.database.read(lambda c: c.execute(asked).one())
        assert kept not in repr(tuple(row))
        assert made.token not in repr(tuple(row))


@pytest.mark.parametrize("kind", ["unknown", "revoked", "expired", "blank"])
async def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(door: Door, kind: str) -> None:
    made = await door.token(expires_at=now() - timedelta(1) if kind == "expired" else None)
    if kind == "revoked":
        await door.tokens.revoke(made.id, now())
    token = {"unknown": "stw_nobody", "blank": " "}.get(kind, made.token)
    async with door.browser() as browser:
        answer = await browser.signs_in(token)
        assert answer.status_code == 401
        assert "This token is not valid. It may be mistyped, revoked or expired." in answer.text
        assert browser.session is None
        assert (await browser.opens("/console")).status_code == 303


@pytest.mark.parametrize("role", ["plusone", "provider", "customer", "system"])
async def test_whoever_is_no_employee_is_told_that_the_desk_is_not_for_them(
    door: Door, role: str
) -> None:
    made = await door.token(role, account="700004711", jobs=("SJ-1",))
    async with door.browser() as browser:
        answer = await browser.signs_in(made.token)
        assert (answer.status_code, browser.session) == (403, None)
        assert "The desk is for employees, and this token is for " in answer.text


async def test_the_operator_s_file_of_tokens_opens_the_desk_until_it_does_not(
    desk: Desk, tmp_path: Path
) -> None:
    entry = '[[token]]\nsha256 = "{}"\nname = "Sam"\nrole = "supervisor"\n'
    file = tmp_path / "tokens.toml"
    file.write_text(entry.format(digest_of("in the file")))
    door = open_door(desk, tokens=Tokens(TokenStore(desk.database), TokenFile(file)))
    async with door.browser() as browser:
        await browser.signs_in("in the file")
        assert (await browser.opens("/console")).status_code == 200
        file.write_text(entry.format(digest_of("another, now")))
        assert (await browser.opens("/console")).status_code == 303


# --- what ends a session ----------------------------------------------------------------------


async def test_signing_out_ends_the_session_also_for_who_kept_its_cookie(door: Door) -> None:
    made = await door.token()
    async with door.browser() as browser, door.browser() as thief:
        await browser.signs_in(made.token)
        thief.http.cookies.set(COOKIES[HERE], browser.session or "")
        assert (await thief.opens("/console")).status_code == 200
        board = await browser.opens("/console")
        left = await browser.sends("/console/sign-out", form_token=form_token_of(board))
        assert (left.status_code, left.headers["location"]) == (303, "/console/sign-in")
        assert browser.session is None
        assert (await thief.opens("/console")).status_code == 303


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
async def test_a_session_ends_with_its_token(house_door: Door, column: str) -> None:
    made = await house_door.token(expires_at=now() + timedelta(1))
    async with house_door.browser() as browser:
        await browser.signs_in(made.token)
        assert (await browser.opens("/console")).status_code == 200
        of = schema.tokens.c.id == made.id
        ending = update(schema.tokens).where(of).values({column: now()})
        await house_door.desk.database.write(lambda c: c.execute(ending))
        assert (await browser.opens("/console")).status_code == 303


async def test_a_session_lasts_twelve_hours_and_is_swept_when_the_next_begins(house: Desk) -> None:
    store = SessionStore(house.database)
    begun = datetime(2026, 11, 2, 8, tzinfo=UTC)
    id_ = await store.open("Dana", [Role.DISPATCH], begun)
    assert await store.find(id_, begun + timedelta(hours=12, seconds=-1)) is not None
    assert await store.find(id_, begun + timedelta(hours=12)) is None
    await store.open("Sam", [Role.SUPERVISOR], begun + timedelta(hours=12))
    asked = select(schema.sessions.c.name).where(schema.sessions.c.digest == digest_of(id_))
    assert await house.database.read(lambda c: c.execute(asked).all()) == []


async def test_whoever_signs_in_gets_a_new_id_and_the_old_one_ends(door: Door) -> None:
    made = await door.token()
    async with door.browser() as browser, door.browser() as before:
        planted = "planted-by-somebody-else"
        browser.http.cookies.set(COOKIES[HERE], planted, domain="localhost.local")
        await browser.signs_in(made.token)
        first = browser.session
        assert first not in {None, planted}
        before.http.cookies.set(COOKIES[HERE], first or "")
        page = await sign_in_form(door)
        browser.http.cookies.update(page[0])
        await browser.sends("/console/sign-in", token=made.token, form_token=page[1])
        assert browser.session != first
        assert (await before.opens("/console")).status_code == 303


async def sign_in_form(door: Door) -> tuple[dict[str, str], str]:
    """The cookies and the form's token of a browser that has just opened the page."""
    async with door.browser() as browser:
        page = await browser.opens("/console/sign-in")
        return dict(browser.http.cookies), form_token_of(page)


# --- what a session opens, and what it does not -------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/jobs", "/tasks", "/stuck", "/mail", "/metrics", "/openapi.json", "/hooks/dead"]
)
async def test_a_session_opens_the_desk_alone(door: Door, path: str) -> None:
    made = await door.token("supervisor")
    async with door.browser() as browser:
        await browser.signs_in(made.token)
        assert (await browser.opens("/console")).status_code == 200
        assert (await browser.opens(path)).status_code == 401


async def test_a_session_gives_no_commands_past_the_desk(door: Door) -> None:
    made = await door.token("supervisor")
    job = await door.desk.searching()
    async with door.browser() as browser:
        await browser.signs_in(made.token)
        answer = await browser.http.post(f"/jobs/{job.id}/plus-one/report_cannot_locate", json={})
        assert answer.status_code == 401


async def test_a_bearer_token_opens_the_desk_too(door: Door) -> None:
    made = await door.token()
    async with door.browser() as browser:
        shown = {"authorization": f"Bearer {made.token}"}
        assert (await browser.http.get("/console", headers=shown)).status_code == 200
        wrong = {"authorization": "Bearer nonsense"} | NAVIGATES
        assert (await browser.http.get("/console", headers=wrong)).status_code == 401


@pytest.mark.parametrize("headers", [{}, {"accept": "*/*"}, NAVIGATES | {"sec-fetch-mode": "cors"}])
async def test_a_program_and_a_script_are_told_to_sign_in_and_led_nowhere(
    door: Door, headers: dict[str, str]
) -> None:
    async with door.browser() as browser:
        answer = await browser.http.get("/console", headers=headers)
        assert (answer.status_code, answer.headers.get("location")) == (401, None)
        browser.headers = NAVIGATES
        assert (await browser.opens("/console/changes")).status_code == 401


async def test_a_form_of_nobody_changes_nothing_and_says_how_to_go_on(door: Door) -> None:
    async with door.browser() as browser:
        answer = await browser.sends("/console/role", role="supervisor", form_token="")
        assert answer.status_code == 401
        assert "Nothing was changed" in answer.text
        assert "/console/sign-in" in answer.text


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/console",
        "//evil.example/console",
        "/\\evil.example",
        "/console\\@evil.example",
        "/consolevil",
        "javascript:alert(1)",
        "/jobs",
        "/console\r\nset-cookie: a=b",
        "/console/../jobs",
        "/console/%2e%2e/jobs",
        "/console/sign-in?back=/console",
    ],
)
async def test_signing_in_leads_nowhere_but_to_the_desk(door: Door, back: str) -> None:
    made = await door.token()
    async with door.browser() as browser:
        answer = await browser.signs_in(made.token, back)
        assert (answer.status_code, answer.headers["location"]) == (303, "/console")
        already = await browser.http.get("/console/sign-in", params={"back": back})
        assert already.headers["location"] in {"/console", "/console/sign-in?back=/console"}


# --- forms ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/console/sign-in", "/console/sign-out", "/console/role"])
async def test_a_form_of_another_site_changes_nothing(
    door: Door, path: str, headers: dict[str, str]
) -> None:
    made = await door.token()
    async with door.browser() as browser:
        page = await browser.opens("/console/sign-in")
        await browser.signs_in(made.token)
        board = await browser.opens("/console")
        right = form_token_of(page if path.endswith("in") else board)
        answer = await browser.http.post(path, data={"form_token": right}, headers=headers)
        assert answer.status_code == 403
        assert (await browser.opens("/console")).status_code == 200


@pytest.mark.parametrize("form_token", ["", "0" * 64, "é"])
async def test_a_form_without_its_token_changes_nothing(door: Door, form_token: str) -> None:
    made = await door.token()
    async with door.browser() as browser:
        await browser.opens("/console/sign-in")
        refused = await browser.sends("/console/sign-in", token=made.token, form_token=form_token)
        assert (refused.status_code, browser.session) == (403, None)
        await browser.signs_in(made.token)
        refused = await browser.sends("/console/sign-out", form_token=form_token)
        assert refused.status_code == 403
        assert (await browser.opens("/console")).status_code == 200


async def test_another_session_s_form_token_is_not_taken(door: Door) -> None:
    made = await door.token()
    async with door.browser() as browser, door.browser() as other:
        await browser.signs_in(made.token)
        await other.signs_in(made.token)
        foreign = form_token_of(await other.opens("/console"))
        refused = await browser.sends("/console/sign-out", form_token=foreign)
        assert refused.status_code == 403


async def test_what_is_refused_at_the_desk_is_said_on_a_page(door: Door) -> None:
    made = await door.token()
    async with door.browser() as browser:
        await browser.signs_in(made.token)
        out_of_date = await browser.sends("/console/sign-out", form_token="old")
        assert "This page is out of date. Reload it, then try again." in out_of_date.text
        assert "Dana Ruiz" in out_of_date.text
        nowhere = await browser.opens("/console/nowhere")
        assert (nowhere.status_code, "There is no such page" in nowhere.text) == (404, True)
        program = await browser.http.get("/console/nowhere", headers={"accept": "*/*"})
        assert (program.status_code, program.json()["error"]) == (404, "not_found")


# --- roles ------------------------------------------------------------------------------------


async def test_a_token_has_one_role_and_no_switch(door: Door) -> None:
    made = await door.token("dispatch")
    async with door.browser() as browser:
        await browser.signs_in(made.token)
        board = await browser.opens("/console")
        assert 'action="/console/role"' not in board.text
        refused = await browser.sends(
            "/console/role", role="supervisor", form_token=form_token_of(board)
        )
        assert refused.status_code == 403


# --- trying too often -------------------------------------------------------------------------


async def test_whoever_fails_too_often_waits_and_others_do_not(door: Door) -> None:
    made = await door.token()
    async with door.browser() as guesser, door.browser() as other:
        for _ in range(10):
            assert (await guesser.signs_in("stw_wrong")).status_code == 401
        refused = await guesser.signs_in(made.token)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 60
        assert "Too many failed attempts. Try again in" in refused.text
        assert (await other.signs_in(made.token)).status_code == 303


def test_failures_are_forgotten_counted_by_network_and_bounded() -> None:
    clock = [0.0]
    limits = AttemptLimits(from_one=2, from_all=5, window=60, addresses=3)
    attempts = Attempts(limits, lambda: clock[0])
    for _ in range(2):
        attempts.failed("2001:db8::1")
    assert attempts.seconds_to_wait("2001:db8::2") == 61  # the same network
    assert attempts.seconds_to_wait("2001:db8:0:1::1") == 0
    clock[0] = 59.5
    assert attempts.seconds_to_wait("2001:db8::1") == 1
    clock[0] = 60.0
    assert attempts.seconds_to_wait("2001:db8::1") == 0
    for number in range(5):
        attempts.failed(f"192.0.2.{number}")
    assert len(attempts._by_address) == 3
    assert attempts.seconds_to_wait("198.51.100.1") == 0
    assert attempts.seconds_to_wait_after_failing() == 61  # too many in all


async def test_failures_of_others_keep_no_holder_of_a_token_out(desk: Desk) -> None:
    door = open_door(desk)
    made = await door.token()
    for _ in range(20):
        async with door.browser() as guesser:
            page = await guesser.opens("/console/sign-in")
            for _ in range(10):
                await guesser.sends(
                    "/console/sign-in", token="stw_wrong", form_token=form_token_of(page)
                )
    async with door.browser() as one_more, door.browser() as holder:
        refused = await one_more.signs_in("stw_wrong")
        assert (refused.status_code, "retry-after" in refused.headers) == (429, True)
        assert (await holder.signs_in(made.token)).status_code == 303


async def test_a_browser_without_the_page_s_cookie_signs_in_nobody(door: Door) -> None:
    made = await door.token()
    async with door.browser() as browser:
        sent = {"token": made.token, "form_token": form_token("")}
        refused = await browser.sends("/console/sign-in", **sent)
        assert (refused.status_code, browser.session) == (403, None)


# --- without ----------------------------------------------------------------------------------


async def test_where_nobody_is_asked_there_is_nothing_to_sign_in_to(desk: Desk) -> None:
    page = await desk.http.get("/console/sign-in")
    assert (page.status_code, page.headers["location"]) == (303, "/console")
    assert "Sign out" not in (await desk.http.get("/console")).text


@pytest.mark.parametrize(
    ("id_", "role", "name"),
    [("x", "system", "Root"), ("", "supervisor", "E"), ("x", "supervisor", "a\r\nb")],
)
async def test_where_nobody_is_asked_a_cookie_that_no_page_gave_is_not_believed(
    desk: Desk, id_: str, role: str, name: str
) -> None:
    cookie = f"steward-here={id_}:{role}:{name.encode().hex()}"
    page = await desk.http.get("/console", headers={"cookie": cookie})
    assert "Supervisor at this desk" in page.text
    sent = {"form_token": form_token(id_), "role": "dispatch"}
    refused = await desk.http.post("/console/role", data=sent, headers={"cookie": cookie})
    assert refused.status_code == 403


@pytest.mark.parametrize(("scheme", "is_secure"), [("https", True), ("http", False)])
async def test_cookies_that_came_by_https_go_by_https_alone(
    desk: Desk, scheme: str, *, is_secure: bool
) -> None:
    """Where nobody signs in, people may come without it: their browser keeps cookies then, too."""
    await desk.post_event(b"oops")
    (letter, *_), _ = await Inbox(desk.database).dead()
    sent = {"form_token": form_token("x")}
    by = {"cookie": f"steward-here=x:supervisor:{b'Sam'.hex()}", "x-forwarded-proto": scheme}
    answers = [
        await desk.http.get("/console", headers={**by, "cookie": "steward-here=nobody"}),
        await desk.http.post(f"/console/hooks/{letter['id']}/replay", data=sent, headers=by),
    ]
    cookies = [each for answer in answers for each in answer.headers.get_list("set-cookie")]
    assert [each.partition("=")[0] for each in cookies] == ["steward-here", "steward-said"]
    assert [each.endswith("; Secure") for each in cookies] == [is_secure] * 2


@pytest.mark.parametrize("name", ["Dana\n\n(Supervisor)", "Dana\u202e approved"])
async def test_a_name_is_a_line_that_everybody_sees(desk: Desk, name: str) -> None:
    cookie = f"steward-here=x:dispatch:{b'Sam'.hex()}"
    sent = {"form_token": form_token("x"), "role": "dispatch", "name": name}
    refused = await desk.http.post("/console/role", data=sent, headers={"cookie": cookie})
    assert refused.status_code == 422
    assert "Write your name on one line" in refused.text


async def test_no_text_from_outside_turns_what_follows_it(desk: Desk) -> None:
    job = desk.job()
    job.fields["customer"]["name"] = "Ada\u202eBy\u2066ron"
    await job.event("job.created")
    page = (await desk.http.get(f"/console/jobs/{job.id}")).text
    assert "Ada\N{REPLACEMENT CHARACTER}By\N{REPLACEMENT CHARACTER}ron" in page
    assert not {"\u202e", "\u2066"} & set(page)
