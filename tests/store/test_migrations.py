"""The migrations make what the code expects, from nothing, and from what they made before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, create_engine, inspect, text

from domain.accounts import NO_PROVIDER_FOUND
from domain.jobs import HeldJob
from store import schema
from store.database import (
    Database,
    DatabaseUrlError,
    StoreUnavailableError,
    checked_url,
    known_revisions,
    migrate,
    newest_revision,
)
from store.jobs import held_job
from store.migrating import alembic_config
from store.schema import metadata
from store.urgency import NO_DEADLINE
from tests.domain.factories import WINDOW_ENDS, a_job
from tests.store.rows import everything, keep, lifecycle_row, rows

T = TypeVar("T")


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def asked(url: str, question: Callable[[Connection], T]) -> T:
    with connected(url) as connection:
        return question(connection)


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    return list(compare_metadata(context, metadata))


def revisions() -> list[str]:
    """Return all revisions, the first one first."""
    script = ScriptDirectory.from_config(alembic_config())
    return [revision.revision for revision in script.walk_revisions()][::-1]


def to(revision: str) -> Callable[[Connection], None]:
    """Return what brings a schema to a revision, up or down."""

    def move(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        context = MigrationContext.configure(connection)
        known = ["base", *revisions()]
        is_down = known.index(revision) < known.index(context.get_current_revision() or "base")
        (command.downgrade if is_down else command.upgrade)(config, revision)

    return move


def insert(connection: Connection, name: str, row: Mapping[str, object]) -> None:
    """Add a row to a table as it is at this revision."""
    connection.execute(Table(name, MetaData(), autoload_with=connection).insert().values(**row))


def test_what_they_make_of_nothing_is_what_the_code_expects(bare_url: str) -> None:
    migrate(bare_url)
    assert asked(bare_url, tables) == set(metadata.tables)
    assert asked(bare_url, differences) == []


async def test_again_they_change_nothing(bare_url: str) -> None:
    migrate(bare_url)
    database = Database(bare_url)
    await keep(database)
    before = await everything(database)
    migrate(bare_url)
    assert await everything(database) == before
    assert asked(bare_url, differences) == []
    await database.close()


@pytest.mark.parametrize(
    ("oldest", "said"), [("0016", None), ("9998", "run the newer release")], ids=["yes", "no"]
)
async def test_a_process_may_start_again_on_what_a_newer_release_has_made(
    bare_url: str, oldest: str, said: str | None
) -> None:
    migrate(bare_url)

    def newer(connection: Connection) -> None:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(schema.schema_readers.update().values(oldest=oldest))

    asked(bare_url, newer)
    database = Database(bare_url)
    if said is None:
        await database.check()
    else:
        with pytest.raises(StoreUnavailableError, match=said):
            await database.check()
    await database.close()


async def test_nobody_starts_on_the_schema_of_an_older_release(bare_url: str) -> None:
    asked(bare_url, to("0012"))
    database = Database(bare_url)
    with pytest.raises(StoreUnavailableError, match="run `steward setup`"):
        await database.check()
    await database.close()


def test_each_can_be_taken_back_and_made_again(bare_url: str) -> None:
    for revision in revisions():
        asked(bare_url, to(revision))
    for earlier in ["base", *revisions()][-2::-1]:
        asked(bare_url, to(earlier))
    assert asked(bare_url, tables) == set()
    migrate(bare_url)
    assert asked(bare_url, differences) == []


async def test_what_the_first_release_kept_is_read_as_it_was(bare_url: str) -> None:
    """A job that was reassigned once, and its lifecycle."""
    asked(bare_url, to("0001"))
    moved = HeldJob(job=a_job()).reassigned(NO_PROVIDER_FOUND, WINDOW_ENDS)
    job = {
        "job_id": "SJ-1001",
        "version": 2,
        "job": moved.job.model_dump(mode="json", exclude={"customer_mail", "customer_zip"}),
        "replaced": a_job().model_dump(mode="json", exclude={"customer_mail", "customer_zip"}),
        "trade": "Plumbing",
        "severity": "Standard",
        "assigned_to": "No Provider Found",
        "words": "sj-1001",
    }
    lifecycle = lifecycle_row("plus-one/SJ-1001")
    asked(bare_url, lambda connection: insert(connection, "jobs", job))
    asked(bare_url, lambda connection: insert(connection, "lifecycles", lifecycle))
    migrate(bare_url)
    database = Database(bare_url)
    row = await database.read(lambda connection: held_job(connection, "SJ-1001"))
    assert row is not None
    assert row.held == moved
    new: dict[str, object] = {
        "remembered": {},
        "guide": [],
        "attention_since": {},
        "lost_at": None,
        "before_loss": None,
        "run_id": None,
        "told_at": None,
        "was_reset": False,
        "changed_at": None,
        "call": None,
        "duty": None,
        "urgent_at": lifecycle["due_at"] or NO_DEADLINE,
        "snapshot": None,
        "in_turn": None,
        "began_with": None,
    }
    (brought_over,) = await rows(database, schema.lifecycles)
    assert brought_over == {**lifecycle, **new}
    await database.close()


def test_there_is_one_way_through_them() -> None:
    script = ScriptDirectory.from_config(alembic_config())
    assert script.get_heads() == [newest_revision()]
    assert script.get_bases() == [revisions()[0]]
    assert known_revisions() == frozenset(revisions())


async def test_a_database_without_our_schema_is_not_worked_with(bare_url: str) -> None:
    database = Database(bare_url)
    with pytest.raises(StoreUnavailableError, match=r"at nothing.*`steward setup`"):
        await database.check()
    migrate(bare_url)
    await database.check()
    await database.close()


def test_the_folder_of_a_new_file_is_made(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path / 'a' / 'b' / 'steward.sqlite3'}")
    assert (tmp_path / "a" / "b" / "steward.sqlite3").exists()


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "not a database URL"),
        ("not a url", "not a database URL"),
        ("postgresql://host:port/name", "not a database URL"),
        ("mysql://root@localhost/steward", "mysql is not supported"),
        ("oracle+oracledb://localhost", "oracle is not supported"),
    ],
)
def test_a_url_of_no_database_of_ours_is_refused(url: str, complaint: str) -> None:
    with pytest.raises(DatabaseUrlError, match=complaint):
        checked_url(url)


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:///steward.sqlite3", "sqlite"),
        ("sqlite+aiosqlite:///steward.sqlite3", "sqlite"),
        ("postgresql://steward@db/steward", "postgresql+psycopg"),
        ("postgresql+asyncpg://steward@db/steward", "postgresql+psycopg"),
        ("postgresql+psycopg://steward@db/steward", "postgresql+psycopg"),
    ],
)
def test_a_url_may_name_any_driver_ours_is_used(url: str, driver: str) -> None:
    assert checked_url(url).drivername == driver


def test_a_password_is_never_told() -> None:
    with pytest.raises(DatabaseUrlError) as refused:
        checked_url("mysql://root:hunter2@localhost/steward")
    assert "hunter2" not in str(refused.value)
