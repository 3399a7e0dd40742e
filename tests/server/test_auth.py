"""Who somebody is: the body where only this machine comes in, a token everywhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from starters.tokens import TokenFile, TokenFileError, Tokens
from store.tokens import TokenStore
from tests.desk import Desk, Told
from tests.server.conftest import api
from workers.settings import Auth, SettingsError, must_be_loopback

DANA = {"name": "Dana", "role": "dispatch"}
SAM = {"name": "Sam", "role": "authorizations"}


def entry(token: str, name: str, role: str) -> str:
    digest = sha256(token.encode()).hexdigest()
    return f'[[token]]\nsha256 = "{digest}"\nname = "{name}"\nrole = "{role}"\n'


FILE = entry("dana-s token", **DANA) + entry("sam-s-token", **SAM)


@pytest.fixture
async def guarded(desk: Desk, tmp_path: Path) -> AsyncIterator[Desk]:
    """The desk's API where tokens say who somebody is."""
    path = tmp_path / "tokens.toml"
    path.write_text(FILE)
    tokens = Tokens(TokenStore(desk.database), TokenFile(path))
    async with api(desk, tokens=tokens) as opened:
        yield opened


@pytest.fixture(scope="module")
async def job(desk: Desk) -> Told:
    """A job whose search runs all the while."""
    return await desk.searching()


async def give(
    desk: Desk, job: Told, command: str, authorization: str | None, **fields: Any
) -> httpx.Response:
    path = f"/jobs/{job.id}/plus-one/{command}"
    return await desk.http.post(path, json=fields, headers=showing(authorization))


def showing(authorization: str | None) -> dict[bytes, bytes]:
    return {b"authorization": authorization.encode("latin-1")} if authorization else {}


# --- with tokens ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer",
        "Bearer ",
        "Bearer guessed",
        "Basic dana-s token",
        "dana-s token",
        "Bearer dana-s token, sam-s-token",
        f"Bearer {sha256(b'sam-s-token').hexdigest()}",
        "Bearer \xe9",
    ],
)
async def test_nobody_comes_in_without_a_token_that_we_know(
    guarded: Desk, job: Told, authorization: str | None
) -> None:
    response = await give(guarded, job, "customer_called", authorization, actor=DANA)
    assert response.status_code == 401
    assert response.json()["error"] == "unauthenticated"
    headers = showing(authorization)
    for path in ("/jobs", f"/jobs/{job.id}", "/stuck", "/mail", "/hooks/dead", "/metrics"):
        assert (await guarded.http.get(path, headers=headers)).status_code == 401
    replay = await guarded.http.post("/hooks/dead/1/replay", headers=headers)
    assert replay.status_code == 401


async def test_hooks_and_health_need_no_token(guarded: Desk) -> None:
    job = guarded.job()
    assert (await job.assigned())["outcome"] == "started"
    for path in ("/healthz", "/readyz"):
        assert (await guarded.http.get(path)).status_code == 200


@pytest.mark.parametrize("authorization", ["Bearer dana-s token", "bearer  dana-s token "])
async def test_the_token_says_who_it_is_and_the_body_need_not(
    guarded: Desk, job: Told, authorization: str
) -> None:
    response = await give(guarded, job, "add_service_job", authorization, reason="second opinion")
    assert response.status_code == 200, response.text
    page = await guarded.http.get(f"/jobs/{job.id}", headers=showing(authorization))
    shown = page.json()
    assert {"name": "Dana", "role": "dispatch"} in [entry["actor"] for entry in shown["journal"]]


async def test_a_body_may_name_whom_the_token_names(guarded: Desk, job: Told) -> None:
    token = "Bearer dana-s token"
    response = await give(guarded, job, "add_service_job", token, reason="more", actor=DANA)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "other", [SAM, {"name": "Dana", "role": "supervisor"}, {"name": "Eve", "role": "dispatch"}]
)
async def test_a_body_that_names_another_is_refused_and_the_token_s_owner_journalled(
    guarded: Desk, desk: Desk, other: dict[str, str]
) -> None:
    job = await desk.searching()
    token = "Bearer dana-s token"
    response = await give(guarded, job, "add_service_job", token, reason="more", actor=other)
    assert response.status_code == 403
    assert (response.json()["error"], response.json()["rule"]) == ("role", None)
    shown = await job.show()
    assert shown["service_jobs"] == []
    (entry,) = [entry for entry in shown["journal"] if entry["what"].startswith("refused")]
    assert entry["actor"] == DANA


async def test_a_role_is_the_token_s_and_no_more(guarded: Desk, job: Told) -> None:
    response = await give(guarded, job, "approve", "Bearer dana-s token", amount="1.00")
    assert response.status_code == 403
    response = await give(guarded, job, "approve", "Bearer sam-s-token", amount="1.00")
    assert response.status_code == 409


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"', b"nonsense", b'{"actor": 7}'])
async def test_with_a_token_too_a_body_has_to_be_readable(
    guarded: Desk, job: Told, body: bytes
) -> None:
    response = await guarded.http.post(
        f"/jobs/{job.id}/plus-one/add_service_job",
        content=body,
        headers={**showing("Bearer dana-s token"), b"content-type": b"application/json"},
    )
    assert response.status_code == 422


# --- without ----------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_without_tokens_this_machine_may_come_in(host: str) -> None:
    must_be_loopback(host, Auth.NONE)


@pytest.mark.parametrize(
    "host", ["0.0.0.1", "::", "10.0.0.1", "192.0.2.7", "api.example.com", "127.0.0.1.example.com"]
)
def test_without_tokens_nobody_else_may(host: str) -> None:
    with pytest.raises(SettingsError, match=f"--host {host}: "):
        must_be_loopback(host, Auth.NONE)
    must_be_loopback(host, Auth.TOKENS)


# --- the file ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "token: this field is missing"),
        ("token = []", "token: list at least 1"),
        ("[[token]]", "token.0.sha256: this field is missing"),
        (FILE.replace("dispatch", "king"), "token.0.role: choose one of dispatch"),
        (FILE.replace('"Sam"', '""'), "token.1.name: this can't be empty"),
        (FILE + 'admin = "yes"\n', "token.1.admin: this field is unknown"),
        (
            '[[token]]\nsha256 = "XYZ"\nname = "D"\nrole = "dispatch"',
            "token.0.sha256: write a SHA-256 digest: 64 digits and letters a to f, in lower case",
        ),
        ("[[token", "Expected ']]'"),
        ("\xff", "Invalid statement"),
    ],
)
def test_a_problem_of_the_file_names_file_and_key(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(TokenFileError) as problem:
        TokenFile(path)
    assert str(problem.value).startswith(f"{path}: ")
    assert complaint in str(problem.value)
    assert "XYZ" not in str(problem.value)


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenFileError, match=r"none\.toml.*No such file"):
        TokenFile(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TokenFileError, match=r"binary\.toml.*utf-8"):
        TokenFile(tmp_path / "binary.toml")
    with pytest.raises(TokenFileError, match="directory"):
        TokenFile(tmp_path)


def test_of_two_entries_of_one_token_neither_widens_the_other(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text(entry("same", **DANA) + entry("same", **SAM))
    caller = TokenFile(path).caller("same")
    assert caller is not None
    assert caller.actor is not None
    assert caller.actor.model_dump(mode="json") in (DANA, SAM)
