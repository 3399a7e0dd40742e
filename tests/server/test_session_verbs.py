"""`steward session`: who is signed in, and how an administrator signs them out."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from domain.roles import Role
from starters.cli import app
from store.database import Database, migrate
from store.sessions import SessionStore
from tests.desk import now, sqlite_url
from tests.server.test_cli import said


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STEWARD_DATABASE_URL", "")
    monkeypatch.chdir(tmp_path)


async def opened(url: str, name: str, token_digest: str | None = None) -> str:
    database = Database(url)
    roles = [Role.SUPERVISOR, Role.DISPATCH]
    id_ = await SessionStore(database).open(name, roles, now(), token_digest=token_digest)
    await database.close()
    return id_


async def is_open(url: str, id_: str) -> bool:
    database = Database(url)
    found = await SessionStore(database).find(id_, now())
    await database.close()
    return found is not None


def test_whoever_is_signed_in_is_listed_and_signed_out(tmp_path: Path) -> None:
    data, url = str(tmp_path), sqlite_url(tmp_path)
    migrate(url)
    assert said("session", "list", "--data", data).strip() == "Nobody is signed in."
    dana = asyncio.run(opened(url, "Dana"))
    sam = asyncio.run(opened(url, "Sam", "0" * 64))
    listed = said("session", "list", "--data", data)
    assert "Dana (Supervisor), signed in with a company account" in listed
    assert "Sam (Supervisor), signed in with a personal token" in listed
    assert dana not in listed
    items = json.loads(said("session", "list", "--data", data, "--json"))["items"]
    (session,) = [each["id"] for each in items if each["name"] == "Dana"]
    assert f"Session {session} is ended." in said("session", "end", session, "--data", data)
    assert not asyncio.run(is_open(url, dana))
    assert asyncio.run(is_open(url, sam))
    again = CliRunner().invoke(app, ["session", "end", session, "--data", data])
    assert again.exit_code == 1
    assert f"there is no session {session}. See `steward session list`" in again.output


@pytest.mark.parametrize("verb", [["list"], ["end", "%"], ["end", ""]])
def test_where_there_is_no_store_nobody_is_signed_in(tmp_path: Path, verb: list[str]) -> None:
    result = CliRunner().invoke(app, ["session", *verb, "--data", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "there is no database yet, so nobody is signed in" in result.output
