"""Signing in with a company account, at a provider that does what each test says.

That the real thing works is shown in a browser (tests/browser/test_signing_in.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from pydantic import SecretStr
from structlog.testing import capture_logs

from domain.sign_in_roles import SignInRoles, parse_sign_in_roles
from domain.signatures import HookSecrets, generate_secret
from starters.api_process import serving
from starters.app import Parts
from starters.desk.sign_in import COMPANY, COMPANY_BACK
from starters.oidc import CompanyAccounts, Patience
from tests.desk import Desk
from tests.loop_clock import time_passes
from tests.ports import free_port
from tests.server.test_sign_in import HERE, Browser, Door, form_token_of, open_door
from workers import telemetry

ISSUER = "https://accounts.example"
SECRET = "a secret that only the provider and Steward know"
KEY = RSAKey.generate_key(2048, {"kid": "first"})
NEXT_KEY = RSAKey.generate_key(2048, {"kid": "second"})
ROLES = parse_sign_in_roles("""
scopes = ["openid", "profile", "groups"]
[groups]
Dispatchers = "dispatch"
"Desk leads" = ["supervisor", "dispatch"]
""")


@dataclass
class Provider:
    """A provider; what it says is made by functions that a test can change."""

    keys: list[RSAKey] = field(default_factory=lambda: [KEY])
    signing: Any = field(default_factory=lambda: KEY)
    algorithm: str = "RS256"
    claims: dict[str, Any] = field(default_factory=dict)
    """What the ID token says beside, or instead of, what it has to."""
    user_info: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Callable[[], httpx2.Response]] = field(default_factory=dict)
    """Other answers, by path."""
    asked: list[str] = field(default_factory=list)
    posted: dict[str, list[str]] = field(default_factory=dict)
    nonce: str = ""

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]()
        match path:
            case "/.well-known/openid-configuration":
                return httpx2.Response(200, json=self._metadata())
            case "/keys":
                keys = [key.as_dict(private=False) for key in self.keys]
                return httpx2.Response(200, json={"keys": keys})
            case "/token":
                self.posted = parse_qs(request.content.decode())
                token = {"access_token": "access", "token_type": "Bearer", "id_token": self._id()}
                return httpx2.Response(200, json=token)
            case "/user":
                assert request.headers["authorization"] == "Bearer access"
                return httpx2.Response(200, json={"sub": "dana"} | self.user_info)
            case other:
                raise AssertionError(other)

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
            "userinfo_endpoint": f"{ISSUER}/user",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "verify": False,  # no setting of the client's, although Authlib would take it for one
        } | self.metadata

    def _id(self) -> str:
        now = int(time.time())
        said = {
            "iss": ISSUER,
            "sub": "dana",
            "aud": "steward",
            "iat": now,
            "exp": now + 60,
            "nonce": self.nonce,
            "name": "Dana Ruiz",
            "groups": ["Dispatchers"],
        } | self.claims
        said = {name: value for name, value in said.items() if value is not None}
        header = {"alg": self.algorithm, "kid": getattr(self.signing, "kid", None) or "first"}
        return jwt.encode(header, said, self.signing, algorithms=["RS256", "HS256"])


@dataclass
class Setting:
    door: Door
    provider: Provider
    roles: list[SignInRoles]
    """What the operator's file says, last."""
    clock: list[float]
    company: CompanyAccounts


@pytest.fixture
def setting(desk: Desk) -> Setting:
    provider, roles, clock = Provider(), [ROLES], [0.0]
    company = CompanyAccounts(
        ISSUER,
        "steward",
        SecretStr(SECRET),
        lambda: roles[-1],
        transport=httpx2.MockTransport(provider),
        clock=lambda: clock[0],
    )
    return Setting(open_door(desk, company=company), provider, roles, clock, company)


@pytest.fixture
async def browser(setting: Setting) -> AsyncIterator[Browser]:
    async with setting.door.browser() as opened:
        yield opened


async def begins(browser: Browser, back: str = "/console/mail") -> dict[str, str]:
    """Go to the provider; return what it is asked."""
    leads = await browser.http.get(COMPANY, params={"back": back}, headers=browser.headers)
    assert leads.status_code == 302, leads.text
    return {
        name: value
        for name, (value,) in parse_qs(urlsplit(leads.headers["location"]).query).items()
    }


async def comes_back(
    setting: Setting, browser: Browser, back: str = "/console/mail", **more: str
) -> httpx.Response:
    """Go to the provider and come back from it."""
    asked = await begins(browser, back)
    setting.provider.nonce = asked["nonce"]
    query = {"code": "code", "state": asked["state"]} | more
    return await browser.http.get(COMPANY_BACK, params=query, headers=browser.headers)


async def is_in(browser: Browser) -> bool:
    return (await browser.opens("/console")).status_code == 200


async def test_somebody_comes_in_and_where_they_wanted_to(
    setting: Setting, browser: Browser
) -> None:
    page = await browser.opens("/console/sign-in?back=/console/mail")
    assert "Continue to accounts.example" in page.text
    assert "/console/sign-in/company?back=%2Fconsole%2Fmail" in page.text
    asked = await begins(browser)
    assert asked["redirect_uri"] == f"{HERE}{COMPANY_BACK}"
    assert asked["scope"] == "openid profile groups"
    assert asked["code_challenge_method"] == "S256"
    assert asked["response_type"] == "code"
    inside = await comes_back(setting, browser)
    assert (inside.status_code, inside.headers["location"]) == (303, "/console/mail")
    assert setting.provider.posted["code_verifier"]
    assert setting.provider.posted["redirect_uri"] == [f"{HERE}{COMPANY_BACK}"]
    board = await browser.opens("/console")
    assert "Dana Ruiz" in board.text
    assert "/user" not in setting.provider.asked  # the ID token says it all


async def test_what_the_id_token_does_not_say_the_user_info_does(
    setting: Setting, browser: Browser
) -> None:
    setting.provider.claims = {"groups": None, "name": None}
    setting.provider.user_info = {"name": "Dana R.", "groups": ["Desk leads", "Others"]}
    await comes_back(setting, browser)
    board = await browser.opens("/console")
    assert "Dana R." in board.text
    assert "<strong>Supervisor</strong>" in board.text


async def test_somebody_of_two_roles_switches_between_them_and_to_no_other(
    setting: Setting, browser: Browser
) -> None:
    setting.provider.claims = {"groups": ["Desk leads", "Dispatchers"]}
    await comes_back(setting, browser)
    board = await browser.opens("/console")
    token = form_token_of(board)
    assert board.text.count("<option ") >= 2
    await browser.sends("/console/role", role="dispatch", form_token=token)
    assert "<strong>Dispatch</strong>" in (await browser.opens("/console")).text
    refused = await browser.sends("/console/role", role="escalations", form_token=token)
    assert refused.status_code == 403
    assert "<strong>Dispatch</strong>" in (await browser.opens("/console")).text


async def test_whoever_is_in_no_group_is_told_which_open_the_desk(
    setting: Setting, browser: Browser
) -> None:
    setting.provider.claims = {"groups": ["Drivers"]}
    refused = await comes_back(setting, browser)
    assert refused.status_code == 403
    assert "Dispatchers (Dispatch); Desk leads (Supervisor, Dispatch)" in refused.text
    assert not await is_in(browser)


async def test_what_the_operator_changes_counts_for_the_next_who_comes(
    setting: Setting, browser: Browser
) -> None:
    setting.roles.append(
        parse_sign_in_roles('groups_claim = "realm.roles"\n[groups]\nx = "supervisor"')
    )
    setting.provider.claims = {"realm": {"roles": ["x"]}}
    await comes_back(setting, browser)
    assert "<strong>Supervisor</strong>" in (await browser.opens("/console")).text


WRONG: dict[str, Callable[[Provider], None]] = {
    "another issuer": lambda p: p.claims.update(iss="https://evil.example"),
    "another audience": lambda p: p.claims.update(aud="another"),
    "another nonce": lambda p: p.claims.update(nonce="another"),
    "no nonce": lambda p: p.claims.update(nonce=None),
    "expired": lambda p: p.claims.update(exp=int(time.time()) - 600),
    "of the future": lambda p: p.claims.update(iat=int(time.time()) + 6000),
    "nobody": lambda p: p.claims.update(sub=None),
    "another key": lambda p: setattr(p, "signing", RSAKey.generate_key(2048, {"kid": "first"})),
    "another's user info": lambda p: (
        p.claims.update(groups=None),
        p.user_info.update(sub="eve", groups=["Dispatchers"]),
    )[0],
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_an_id_token_that_is_not_for_this_sign_in_opens_nothing(
    setting: Setting, browser: Browser, wrong: str
) -> None:
    asked = await begins(browser)
    setting.provider.nonce = asked["nonce"]
    WRONG[wrong](setting.provider)
    query = {"code": "code", "state": asked["state"]}
    refused = await browser.http.get(COMPANY_BACK, params=query, headers=browser.headers)
    assert refused.status_code in {401, 503}, refused.text
    assert 'role="alert"' in refused.text
    assert not await is_in(browser)


async def test_an_id_token_signed_with_what_everybody_knows_opens_nothing(
    setting: Setting, browser: Browser
) -> None:
    setting.provider.signing = OctKey.import_key(SECRET)
    setting.provider.algorithm = "HS256"  # the provider lists it
    refused = await comes_back(setting, browser)
    assert refused.status_code == 401
    assert not await is_in(browser)


async def test_no_id_token_is_no_sign_in(setting: Setting, browser: Browser) -> None:
    token = {"access_token": "access", "token_type": "Bearer"}
    setting.provider.answers["/token"] = lambda: httpx2.Response(200, json=token)
    refused = await comes_back(setting, browser)
    assert refused.status_code == 503
    assert not await is_in(browser)


@pytest.mark.parametrize("issuer", ["https://evil.example", ""])
async def test_an_answer_of_another_issuer_is_not_believed(
    setting: Setting, browser: Browser, issuer: str
) -> None:
    refused = await comes_back(setting, browser, iss=issuer)
    assert refused.status_code == 401
    assert "another sign-in provider than yours" in refused.text
    assert "/token" not in setting.provider.asked


async def test_what_another_browser_began_nobody_can_finish(
    setting: Setting, browser: Browser
) -> None:
    async with setting.door.browser() as other:
        asked = await begins(other)
        query = {"code": "code", "state": asked["state"]}
        refused = await browser.http.get(COMPANY_BACK, params=query, headers=browser.headers)
        assert refused.status_code == 401
        assert "/token" not in setting.provider.asked
        # nor with another state, or with one that was used
        await begins(browser)
        refused = await browser.http.get(COMPANY_BACK, params=query, headers=browser.headers)
        assert refused.status_code == 401
    assert (await comes_back(setting, browser)).status_code == 303
    again = await browser.http.get(COMPANY_BACK, params=query, headers=browser.headers)
    assert again.status_code == 401


async def test_what_is_kept_meanwhile_is_signed(setting: Setting, browser: Browser) -> None:
    await begins(browser)
    (name,) = (each for each in browser.http.cookies if each.startswith("steward-company"))
    kept = browser.http.cookies[name]
    browser.http.cookies.set(name, kept[:-3] + "AAA", domain="localhost.local")
    refused = await browser.http.get(
        COMPANY_BACK, params={"code": "code", "state": "x"}, headers=browser.headers
    )
    assert refused.status_code == 401


async def test_who_says_no_at_the_provider_can_try_again(
    setting: Setting, browser: Browser
) -> None:
    refused = await comes_back(
        setting, browser, error="access_denied", error_description="<b>No</b> Dana"
    )
    assert refused.status_code == 401
    assert "<b>" not in refused.text
    assert "Continue to accounts.example" in refused.text


DOWN: dict[str, Callable[[], httpx2.Response]] = {
    "an error": lambda: httpx2.Response(500),
    "no JSON": lambda: httpx2.Response(200, text="<html>"),
    "JSON of another shape": lambda: httpx2.Response(200, json=[1]),
    "nothing": lambda: httpx2.Response(200, json={}),
    "another's": lambda: httpx2.Response(200, json={"issuer": "https://evil.example"}),
    "not all": lambda: httpx2.Response(200, json={"issuer": ISSUER}),
}


@pytest.mark.parametrize("how", DOWN)
async def test_a_provider_that_is_down_is_said_to_be_and_asked_again(
    setting: Setting, browser: Browser, how: str
) -> None:
    setting.provider.answers["/.well-known/openid-configuration"] = DOWN[how]
    page = await browser.opens(f"{COMPANY}?back=/console/mail")
    assert page.status_code == 503
    assert "accounts.example doesn&#39;t answer. Try again in a minute" in page.text
    assert 'value="/console/mail"' in page.text
    setting.provider.answers.clear()
    assert (await comes_back(setting, browser)).status_code == 303


async def test_a_start_warns_of_a_provider_that_is_down(setting: Setting) -> None:
    desk = setting.door.desk
    parts = Parts(
        database=desk.database,
        client=desk.client,
        policy=desk.policy,
        secrets=HookSecrets.parse(generate_secret()),
        company=setting.company,
    )
    where = "/.well-known/openid-configuration"
    setting.provider.answers[where] = lambda: httpx2.Response(503)
    with capture_logs() as logs:
        async with serving(parts, "127.0.0.1", free_port()), asyncio.timeout(60):
            while not any("sign-in provider" in each["event"] for each in logs):  # noqa: ASYNC110  nobody tells of a line
                await asyncio.sleep(0.01)
    setting.provider.answers.clear()
    with capture_logs() as logs:
        await setting.company.look()
    assert logs == []


async def test_a_provider_that_hangs_is_not_waited_for(setting: Setting, browser: Browser) -> None:
    asked = asyncio.Event()

    async def hang(_: httpx2.Request) -> httpx2.Response:
        asked.set()
        return await asyncio.Future()

    company = CompanyAccounts(
        ISSUER,
        "steward",
        SecretStr(SECRET),
        lambda: ROLES,
        transport=httpx2.MockTransport(hang),
    )
    async with open_door(setting.door.desk, company=company).browser() as waiting:
        opening = asyncio.create_task(waiting.opens(COMPANY))
        await asked.wait()
        time_passes(Patience().whole)
        assert (await opening).status_code == 503


async def test_metadata_are_asked_for_once_an_hour_and_keys_when_they_change(
    setting: Setting, browser: Browser
) -> None:
    provider = setting.provider
    assert (await comes_back(setting, browser)).status_code == 303
    await begins(browser)
    assert provider.asked.count("/.well-known/openid-configuration") == 1
    provider.keys, provider.signing = [KEY, NEXT_KEY], NEXT_KEY
    assert (await comes_back(setting, browser)).status_code == 303
    assert provider.asked.count("/keys") == 2
    setting.clock[0] = 3600.0
    await begins(browser)
    assert provider.asked.count("/.well-known/openid-configuration") == 2


async def test_failing_at_the_provider_too_often_is_failing_too_often(
    setting: Setting, browser: Browser
) -> None:
    for _ in range(10):
        assert (await comes_back(setting, browser, code="guess", state="x")).status_code == 401
    refused = await comes_back(setting, browser, code="guess", state="x")
    assert refused.status_code == 429
    assert "Too many failed attempts" in refused.text


@pytest.mark.parametrize("name", [7, " ", "x" * 121, "nul \x00"])
async def test_an_account_without_a_usable_name_does_not_come_in(
    setting: Setting, browser: Browser, name: object
) -> None:
    setting.provider.claims = {"name": name}
    refused = await comes_back(setting, browser)
    assert refused.status_code == 403
    assert "has no name that Steward can show" in refused.text
    assert not await is_in(browser)


async def test_a_page_that_leads_browsers_back_unasked_locks_nobody_out(
    setting: Setting, browser: Browser
) -> None:
    for _ in range(12):
        refused = await browser.opens(f"{COMPANY_BACK}?error=x&state=y")
        assert refused.status_code == 401
        assert "begin in this browser" in refused.text
    assert (await comes_back(setting, browser)).status_code == 303


@pytest.mark.parametrize("name", ["Dana\u202e", "D\x00na"])
async def test_a_name_with_characters_that_nobody_sees_opens_nothing(
    setting: Setting, browser: Browser, name: str
) -> None:
    setting.provider.claims["name"] = name
    refused = await comes_back(setting, browser)
    assert (refused.status_code, await is_in(browser)) == (403, False)
    assert "no name that Steward can show" in refused.text


def test_the_client_of_the_provider_writes_no_log_lines_of_its_own() -> None:
    assert {"httpx2", "httpcore2"} <= set(telemetry._QUIET)
