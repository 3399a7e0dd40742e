"""A backup, made while everything runs, is put back, and every job goes on."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import pytest

from starters.api_client import ApiClient
from starters.backups import DATABASES, MANIFEST, back_up, restore
from starters.conveniences import backup
from starters.conveniences import restore as restore_verb
from starters.data_folder import hold
from starters.event_files import HookEvent, read_events
from starters.failures import Failure
from starters.hook_sender import SECRETS_FILE, send, signing_secret
from tests.server.processes import Processes, environment, eventually, warm
from tests.server.test_stack import FAUCET, Stack

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with Processes(tmp_path) as started:
        yield started


def jobs_of(number: int, folder: Path) -> list[HookEvent]:
    """The events of a job like that of the faucet."""
    path = folder / "another.json"
    path.write_text(FAUCET.read_text().replace("SJ-2001", f"SJ-{70000 + number}"))
    return read_events(path, datetime.now(UTC))


def keep_sending(stack: Stack, enough: Event) -> None:
    """Send one job after the other until somebody has seen enough."""
    secret = signing_secret(stack.data)
    with ApiClient(f"http://127.0.0.1:{stack.port}") as client:
        number = 0
        while not enough.is_set():
            number += 1
            for event in jobs_of(number, stack.data.parent):
                send(client, event, secret)


def test_a_copy_made_under_load_is_of_one_instant_and_every_job_of_it_goes_on(
    processes: Processes, tmp_path: Path
) -> None:
    stack = Stack.somewhere(processes, tmp_path)
    first = stack.up()
    first.until_said("Steward is running")
    stack.run("hook", "--data", str(stack.data), str(FAUCET))
    due_at = stack.get("/jobs/SJ-2001")["lifecycles"][0]["due_at"]

    enough = Event()
    sender = Thread(target=keep_sending, args=(stack, enough))
    sender.start()
    try:
        eventually(lambda: len(stack.get("/jobs")["items"]) > 5, "some jobs")
        stack.run("backup", str(tmp_path / "copy"), "--data", str(stack.data))
        copied = len(stack.get("/jobs")["items"])
        eventually(lambda: len(stack.get("/jobs")["items"]) > copied, "more jobs after it")
    finally:
        enough.set()
        sender.join()
    first.interrupt()
    assert first.exit_code() == 0
    shutil.rmtree(stack.data)

    stack.run("restore", str(tmp_path / "copy"), "--data", str(stack.data))
    second = stack.up()
    second.until_said("Steward is running")
    with closing(sqlite3.connect(tmp_path / "copy" / "steward.sqlite3")) as store:
        known = [row[0] for row in store.execute("SELECT job_id FROM jobs")]
    assert len(known) > 5

    def all_are_searched_for() -> bool:
        found = [stack.get(f"/jobs/{each}")["lifecycles"] for each in known]
        # The one whose first event had come, and its second not, is not given to PlusOne yet.
        waiting = sum(not lifecycles for lifecycles in found)
        return waiting <= 1 and all(each[0]["stage"] == "searching" for each in found if each)

    eventually(all_are_searched_for, "every job that was copied")
    standing = stack.get("/jobs/SJ-2001")["lifecycles"][0]
    assert (standing["stage"], standing["due_at"]) == ("searching", due_at)
    stack.run("fast-forward", "SJ-2001", "plus-one", "48h")
    assert stack.stage("SJ-2001") == "no_provider_found"
    for each in known:
        followed = stack.get(f"/jobs/{each}")
        if followed["lifecycles"] and each != "SJ-2001":
            stack.run("fast-forward", each, "plus-one", "48h")
            assert stack.stage(each) == "no_provider_found"
            break


# --- what a copy is -----------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder as `steward up` leaves it, with little in it."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name in DATABASES:
        with closing(sqlite3.connect(folder / name)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE thing (name TEXT)")
            connection.execute("INSERT INTO thing VALUES ('kept')")
            connection.commit()
    (folder / SECRETS_FILE).write_text("whsec_secret\n")
    return folder


def things(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM thing")]


def test_a_copy_is_its_owners_alone_and_comes_back_as_it_was(data: Path, tmp_path: Path) -> None:
    copy, again = tmp_path / "copies" / "monday", tmp_path / "again"
    made = back_up(data, copy, NOW)
    assert made["made_at"] == "2026-11-29T12:00:00Z"
    assert {each.name for each in copy.iterdir()} == {*DATABASES, SECRETS_FILE, MANIFEST}
    assert stat.S_IMODE(copy.stat().st_mode) == 0o700
    assert {stat.S_IMODE(each.stat().st_mode) for each in copy.iterdir()} == {0o600}
    assert restore(copy, again) == made
    assert [things(again / name) for name in DATABASES] == [["kept"], ["kept"]]
    assert (again / SECRETS_FILE).read_text() == "whsec_secret\n"
    assert stat.S_IMODE((again / SECRETS_FILE).stat().st_mode) == 0o600


def test_what_is_not_committed_is_in_neither_copy(data: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(data / DATABASES[0])) as writer:
        back_up(data, tmp_path / "copy", NOW)
        writer.execute("INSERT INTO thing VALUES ('later')")
        writer.commit()
    assert things(tmp_path / "copy" / DATABASES[0]) == ["kept"]
    assert things(data / DATABASES[0]) == ["kept", "later"]


def test_nothing_is_overwritten(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "copy", NOW)
    with pytest.raises(Failure, match="already exists"):
        back_up(data, tmp_path / "copy", NOW)
    with pytest.raises(Failure, match="already has data"):
        restore(tmp_path / "copy", data)


def test_a_folder_that_a_stack_runs_on_gets_nothing(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "copy", NOW)
    (tmp_path / "other").mkdir()
    with (
        hold(tmp_path / "other"),
        pytest.raises(Failure, match="another `steward up` is running on"),
    ):
        restore(tmp_path / "copy", tmp_path / "other")


@pytest.mark.parametrize("name", [*DATABASES, MANIFEST])
def test_half_a_copy_is_refused(data: Path, tmp_path: Path, name: str) -> None:
    back_up(data, tmp_path / "copy", NOW)
    (tmp_path / "copy" / name).unlink()
    with pytest.raises(Failure, match="is no"):
        restore(tmp_path / "copy", tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("name", DATABASES)
def test_a_spoilt_copy_is_refused(data: Path, tmp_path: Path, name: str) -> None:
    back_up(data, tmp_path / "copy", NOW)
    (tmp_path / "copy" / name).write_bytes(b"spoilt" * 1000)
    with pytest.raises(Failure, match=f"{name} is not a complete backup"):
        restore(tmp_path / "copy", tmp_path / "again")


def test_a_folder_without_a_stack_is_none(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"is not a folder of `steward up`: steward\.sqlite3"):
        back_up(tmp_path, tmp_path / "copy", NOW)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("verb", ["backup", "restore"])
def test_a_store_that_lies_elsewhere_is_not_passed_over(
    processes: Processes, tmp_path: Path, verb: str
) -> None:
    elsewhere = environment(STEWARD_DATABASE_URL="postgresql+psycopg://steward:secret@db/steward")
    refused = processes.start(warm(verb, str(tmp_path / "copy")), elsewhere)
    assert refused.exit_code() == 1
    assert "docs/backup.md" in refused.said
    assert "secret" not in refused.said


def test_the_copy_of_a_newer_release_is_refused_in_one_line(
    processes: Processes, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/newer.sqlite3"
    with closing(sqlite3.connect(tmp_path / "newer.sqlite3")) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")
        connection.commit()
    refused = processes.start(warm("setup"), environment(STEWARD_DATABASE_URL=url))
    assert refused.exit_code() == 1
    *_, line = refused.said.splitlines()
    assert line.startswith("steward: the schema is of a newer release")
    assert "Traceback" not in refused.said


def test_the_manifest_names_the_release(data: Path, tmp_path: Path) -> None:
    back_up(data, tmp_path / "copy", NOW)
    told = json.loads((tmp_path / "copy" / MANIFEST).read_text())
    assert set(told) == {"made_at", "version"}


@pytest.mark.parametrize("by_file", [False, True])
def test_the_folders_own_store_may_be_named(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_file: bool
) -> None:
    named = f"sqlite:///{data / DATABASES[0]}"
    if by_file:
        (tmp_path / "url").write_text(named)
        monkeypatch.setenv("STEWARD_DATABASE_URL_FILE", str(tmp_path / "url"))
    else:
        monkeypatch.setenv("STEWARD_DATABASE_URL", named)
    backup(tmp_path / "copy", data)
    assert (tmp_path / "copy" / MANIFEST).exists()
    with pytest.raises(Failure, match="unset STEWARD_DATABASE_URL"):
        restore_verb(tmp_path / "copy", tmp_path / "again")
    assert not (tmp_path / "again").exists()
