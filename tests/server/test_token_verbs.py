"""`steward token` on the store itself: what it makes is in force at once, and seen just once."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from domain.accounts import PLUSONE
from domain.roles import EMPLOYEES
from starters.access import Caller
from starters.cli import app
from starters.tokens import Tokens
from store import schema
from store.database import Database
from store.tokens import TokenStore, digest_of
from tests.desk import now, sqlite_url
from tests.server.test_cli import said
from tests.store.rows import execute, rows


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STEWARD_DATABASE_URL", "")
    monkeypatch.chdir(tmp_path)


def failed(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["token", *arguments])
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    return result.output


def made(folder: Path, *arguments: str) -> dict[str, Any]:
    new: dict[str, Any] = json.loads(
        said("token", "new", *arguments, "--data", str(folder), "--json")
    )
    return new


def caller(folder: Path, token: str) -> Caller | None:
    """Return whom the API would take the owner of a token for."""
    return asyncio.run(_caller(folder, token))


async def _caller(folder: Path, token: str) -> Caller | None:
    database = Database(sqlite_url(folder))
    tokens = Tokens(TokenStore(database))
    found = await tokens.caller(f"Bearer {token}")
    await tokens.settle()
    await database.close()
    return found


async def _rows(folder: Path) -> list[dict[str, Any]]:
    database = Database(sqlite_url(folder))
    found = await rows(database, schema.tokens)
    await database.close()
    return found


async def _expire(folder: Path) -> None:
    database = Database(sqlite_url(folder))
    await execute(database, schema.tokens.update().values(expires_at=now()))
    await database.close()


def test_a_token_is_shown_once_and_is_nowhere_to_be_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    new = made(folder, "--name", "Dana", "--role", "dispatch", "--expires", "90d")
    assert set(new) == {
        *("id", "token", "name", "role", "account", "jobs", "created_at", "expires_at")
    }
    assert (new["name"], new["role"], new["account"], new["jobs"]) == ("Dana", "dispatch", None, [])
    listed = said("token", "list", "--data", str(folder), "--json")
    (item,) = json.loads(listed)["items"]
    assert (item["id"], item["name"], item["state"]) == (new["id"], "Dana", "in force")
    assert item["last_used_at"] is None
    for shown in (listed, said("token", "list", "--data", str(folder))):
        assert new["token"] not in shown
    (row,) = asyncio.run(_rows(folder))
    assert row["digest"] == digest_of(new["token"])
    for file in folder.iterdir():
        assert new["token"].encode() not in file.read_bytes()


def test_it_works_at_once_until_it_is_revoked(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    new = made(folder, "--name", "Dana", "--role", "dispatch")
    known = caller(folder, new["token"])
    assert known is not None
    assert known.actor is not None
    assert (known.actor.name, known.actor.role) == ("Dana", "dispatch")
    (item,) = json.loads(said("token", "list", "--data", str(folder), "--json"))["items"]
    assert item["last_used_at"] is not None
    assert "is revoked" in said("token", "revoke", new["id"], "--data", str(folder))
    assert caller(folder, new["token"]) is None
    assert "is already revoked" in failed("revoke", new["id"], "--data", str(folder))
    (item,) = json.loads(said("token", "list", "--data", str(folder), "--json"))["items"]
    assert item["state"] == "revoked"


def test_a_token_that_has_expired_lets_nobody_in(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    new = made(folder, "--name", "Dana", "--role", "dispatch", "--expires", "1h")
    assert caller(folder, new["token"]) is not None
    asyncio.run(_expire(folder))
    assert caller(folder, new["token"]) is None
    (item,) = json.loads(said("token", "list", "--data", str(folder), "--json"))["items"]
    assert item["state"] == "expired"


def test_a_partner_has_an_account_and_a_customer_has_jobs(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    provider = made(folder, "--name", "Tulsa", "--role", "provider", "--account", "4711")
    plusone = made(folder, "--name", "PlusOne", "--role", "plusone")
    jobs = ["--job", "SJ-1", "--job", "SJ-2", "--job", "SJ-1"]
    customer = made(folder, "--name", "Ada", "--role", "customer", *jobs)
    found = [caller(folder, each["token"]) for each in (provider, plusone, customer)]
    assert [each and each.account for each in found] == ["4711", PLUSONE.number, None]
    assert [each and each.jobs for each in found] == [
        *(frozenset(), frozenset(), frozenset({"SJ-1", "SJ-2"}))
    ]


@pytest.mark.parametrize(
    ("arguments", "because"),
    [
        (["--name", "T", "--role", "provider"], "a provider's token needs --account NUMBER"),
        (["--name", "T", "--role", "provider", "--account", " "], "needs --account NUMBER"),
        (["--name", "A", "--role", "customer"], "a customer's token needs --job JOB"),
        (
            ["--name", "A", "--role", "customer", "--job", "no job"],
            "--job no job: this can't be a job number. Write it like SJ-2001",
        ),
        (["--name", "D", "--role", "king"], 'there is no role "king". Use one of:'),
        (["--name", " ", "--role", "dispatch"], "--name: this can't be empty"),
        (["--name", "D", "--role", "dispatch", "--expires", "soon"], "--expires: 'soon' is no"),
        (["--name", "D", "--role", "dispatch", "--expires", "0d"], "--expires: "),
        (["--name", "D", "--role", "dispatch", "--account", "1"], "--account: only tokens for"),
        (
            ["--name", "D", "--role", "dispatch", "--job", "SJ-1"],
            "--job: only tokens for customer or system are",
        ),
    ],
)
def test_a_token_of_nonsense_is_refused_and_nothing_is_made(
    tmp_path: Path, arguments: list[str], because: str
) -> None:
    folder = tmp_path / "desk"
    assert because in failed("new", *arguments, "--data", str(folder))
    assert not folder.exists()


def test_every_employee_s_token_needs_a_name_and_a_role_alone(tmp_path: Path) -> None:
    for role in sorted(EMPLOYEES):
        assert made(tmp_path / "desk", "--name", "Sam", "--role", role)["role"] == role


def test_where_there_is_no_store_no_token_is_listed_or_revoked(tmp_path: Path) -> None:
    folder = tmp_path / "nowhere"
    for verb in (["list"], ["revoke", "1"]):
        assert "there is no database yet, so there are no tokens" in failed(
            *verb, "--data", str(folder)
        )
    assert not folder.exists()


def test_an_unknown_id_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    made(folder, "--name", "Dana", "--role", "dispatch")
    assert "there is no token 77" in failed("revoke", "77", "--data", str(folder))


def test_the_store_of_the_database_url_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEWARD_DATABASE_URL", sqlite_url(tmp_path))
    made(tmp_path / "desk", "--name", "Dana", "--role", "dispatch")
    assert not (tmp_path / "desk").exists()
    assert (tmp_path / "steward.sqlite3").exists()


def test_a_store_that_is_made_is_its_owner_s_alone(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    made(folder, "--name", "Dana", "--role", "dispatch")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
