"""`steward keys`: what is encrypted stays readable, to processes that run meanwhile as well."""

from __future__ import annotations

import asyncio
import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from service.stuck import in_the_clear
from starters.cli import app
from store import data_keys
from store.data_keys import DataKeys
from store.database import Database, migrate
from store.key_ring import KeyRing, RingKey, new_ring_key
from store.switches import Switch, Switches
from tests.desk import sqlite_url
from tests.server.test_cli import said
from tests.server.test_sealing import PLAIN
from workers.key_rings import data_keys_of
from workers.sealing import SealingCodec
from workers.settings import Settings, SettingsError

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("STEWARD_DATABASE_URL", "STEWARD_KEYS"):
        monkeypatch.setenv(name, "")
    monkeypatch.chdir(tmp_path)
    migrate(sqlite_url(tmp_path))


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(tmp_path)


def told(*arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(said("keys", *arguments, "--json"))
    return document


async def verb(*arguments: str) -> dict[str, Any]:
    return await asyncio.to_thread(told, *arguments)


async def opened(tmp_path: Path) -> tuple[Database, DataKeys]:
    database = Database(sqlite_url(tmp_path))
    return database, await data_keys_of(Settings(), tmp_path, database)


async def test_a_ring_is_rotated_under_a_process_that_runs(
    tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_keys, "_AT_ONCE", 2)
    database, keys = await opened(tmp_path)
    sealed = {}
    for job in ("SJ-1", "SJ-2", "SJ-3"):
        sealed[job] = await SealingCodec(keys, job_id=job).encode([PLAIN])
    before = (await verb("list", "--data", data))["items"]
    assert [(each["jobs"], each["is_first"], each["in_file"]) for each in before] == [
        (3, True, True)
    ]
    rotated = await verb("rotate", "--data", data)
    assert rotated == {"first": rotated["added"], "added": rotated["first"], "wrapped": 3}
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o600
    await SealingCodec(keys, job_id="SJ-4").encode([PLAIN])  # a key made right after
    for job, payloads in sealed.items():
        keys.forget(job)
        (plain,) = await SealingCodec(keys, job_id=job).decode(payloads)
        assert plain.data == PLAIN.data
    after = (await verb("list", "--data", data))["items"]
    assert [(each["id"], each["jobs"]) for each in after] == [
        (rotated["first"], 4),
        (before[0]["id"], 0),
    ]
    await database.close()


async def test_a_rotation_that_was_cut_off_is_finished_by_the_next(
    tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_keys, "_AT_ONCE", 1)
    database, keys = await opened(tmp_path)
    for job in ("SJ-1", "SJ-2", "SJ-3"):
        await SealingCodec(keys, job_id=job).encode([PLAIN])
    line = (await verb("new"))["line"]
    file = tmp_path / "keys"
    file.write_text(f"{line}\n{file.read_text()}")
    await keys.wrap_anew()
    assert await verb("rotate", "--data", data) == {"first": line[:8], "added": None, "wrapped": 2}
    assert len(KeyRing.parse(file.read_text()).keys) == 2
    nothing = await verb("rotate", "--only-wrap", "--data", data)
    assert nothing == {"first": line[:8], "added": None, "wrapped": 0}
    await database.close()


def test_where_the_key_file_cannot_be_written_the_way_out_is_named(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told("start", "--data", data)
    before = (tmp_path / "keys").read_text()

    def refused(*_: object) -> None:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr("workers.key_rings._write_new", refused)
    run = CliRunner().invoke(app, ["keys", "rotate", "--data", data])
    assert run.exit_code == 1
    assert "Read-only file system" in run.output
    assert "steward keys rotate --only-wrap" in run.output.replace("\n", " ")
    assert (tmp_path / "keys").read_text() == before


async def test_encryption_is_turned_on_in_an_upgraded_store(tmp_path: Path, data: str) -> None:
    database, keys = await opened(tmp_path)
    await Switches(database).turn(Switch.PAYLOADS, NOW, is_on=False)
    assert await SealingCodec(keys).encode([PLAIN]) == [PLAIN]
    listed = await asyncio.to_thread(said, "keys", "list", "--data", data)
    assert "Payloads are not encrypted yet. Turn encryption on: steward keys start" in listed
    assert "not used yet" not in listed
    (stuck,) = await in_the_clear(keys)
    assert (stuck.kind, stuck.is_for_engineers) == ("not_encrypted", True)
    assert "steward keys start" in stuck.cure
    assert (await verb("start", "--data", data))["changed"]
    assert not (await verb("start", "--data", data))["changed"]
    assert (await verb("list", "--data", data))["encrypts"]
    await database.close()
    database, keys = await opened(tmp_path)
    assert await in_the_clear(keys) == []
    await database.close()


async def test_a_key_file_that_is_another_or_everybodys_is_told_of(
    tmp_path: Path, data: str
) -> None:
    database, keys = await opened(tmp_path)
    await SealingCodec(keys, job_id="SJ-1").encode([PLAIN])
    file = tmp_path / "keys"
    file.chmod(0o644)
    assert (await verb("list", "--data", data))["others_can_read"] is True
    assert f"chmod o-rwx {file}" in await asyncio.to_thread(said, "keys", "list", "--data", data)
    with capture_logs() as logs:
        await data_keys_of(Settings(), tmp_path, database)
    assert [each["instead"] for each in logs] == ["chmod o-rwx FILE"]
    file.chmod(0o666)
    with pytest.raises(SettingsError, match="can change it"):
        await data_keys_of(Settings(), tmp_path, database)
    key = new_ring_key()
    before = KeyRing.parse(file.read_text()).first
    file.write_text(f"{RingKey(before.id, key.secret).line()}\n")
    file.chmod(0o600)
    listed = await verb("list", "--data", data)
    assert listed["others_can_read"] is False
    assert [each["is_another"] for each in listed["items"]] == [True]
    shown = await asyncio.to_thread(said, "keys", "list", "--data", data)
    assert "put the right one back" in shown
    await database.close()
