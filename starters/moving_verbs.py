"""`steward migrate-store`: the store of one database, copied into another."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starters.options import AsJson, examples

if TYPE_CHECKING:
    from store.moving import Copied

Seen = Mapping[str, datetime]
"""What workers call themselves, and when each asked Temporal for work last."""

_MISCONFIGURED = 2
_PATIENCE_SECONDS = 3
"""How long Temporal has to say whether a worker is running."""
_LOOK_EVERY_SECONDS = 1.0
_SAY_EVERY_SECONDS = 10.0


def add_moving_verb(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command(
        "migrate-store",
        epilog=examples(
            "migrate-store --from sqlite:///.steward/steward.sqlite3"
            " --to postgresql+psycopg://steward@db/steward",
            "migrate-store --from postgresql+psycopg://steward@db/steward"
            " --to sqlite:///moved/steward.sqlite3 --json",
        ),
    )(migrate_store)


def migrate_store(
    source: Annotated[str, typer.Option("--from", metavar="URL", help="The database to copy.")],
    target: Annotated[str, typer.Option("--to", metavar="URL", help="An empty database.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Copy the store into another database, and check the copy.

    Stop the API and all workers first. After a worker crashed, the copy waits up to 75 seconds to
    see that none asks for work. The copy gets the schema, every row, and the same numbers. The
    source stays as it is. Take the key ring along: the copy needs the same one (STEWARD_KEYS).

    STEWARD_DATABASE_PASSWORD, or its file, is the password of a PostgreSQL URL that has none.
    TEMPORAL_* names the Temporal server, which is asked if a worker is running.
    """
    from datetime import UTC, datetime

    from starters.failures import Failure
    from starters.faults_told import failures_told
    from starters.rendering import print_json, print_text
    from store.database import DatabaseUrlError
    from store.moving import CannotMoveError, move, must_be_movable
    from workers.settings import with_database_password

    def tell(copied: Copied) -> None:
        typer.echo(f"{copied.table}: {copied.rows:,} of {copied.of:,}", err=True)

    try:
        with failures_told(), ExitStack() as stack:
            _hold_folder(source, stack)
            known, there = with_database_password(source), with_database_password(target)
            namespace_id = must_be_movable(known, there, datetime.now(UTC))
            if namespace_id is not None:
                _must_have_no_worker(known, namespace_id)
            counts = move(known, there, datetime.now(UTC), tell)
    except DatabaseUrlError as error:
        raise Failure(str(error), _MISCONFIGURED) from error
    except CannotMoveError as error:
        raise Failure(str(error)) from error
    if as_json:
        print_json({"rows": counts})
    else:
        print_text(
            f"Copied and checked: {sum(counts.values()):,} rows. "
            "Now set STEWARD_DATABASE_URL to the copy."
        )


def _must_have_no_worker(source: str, namespace_id: str) -> None:
    """Return once no worker works on a store, or if that can't be seen, which is then said.

    Raises:
        Failure: one works on it.
    """
    import uvloop

    if not uvloop.run(_no_worker_works(source, namespace_id)):
        typer.echo(
            "Can't see if a worker is running: the store's Temporal doesn't answer at "
            "TEMPORAL_ADDRESS. Make sure that all workers are stopped.",
            err=True,
        )


async def _no_worker_works(source: str, namespace_id: str) -> bool:
    """Return True once no worker works in a namespace, False where its Temporal doesn't answer.

    Raises:
        Failure: one works in it, or may: Temporal has shown it, and answers no more.
    """
    import asyncio
    from datetime import UTC, datetime

    from store.database import Database
    from store.stopped_workers import StoppedWorkers
    from workers.temporal import (
        NO_ANSWER,
        TemporalUnreachableError,
        connect,
        find_namespace,
        pollers_of,
    )
    from workflows.registry import TASK_QUEUE

    database = Database(source)
    stopped = StoppedWorkers(database)

    async def look() -> Seen:
        polled = (await pollers_of(client, TASK_QUEUE, datetime.now(UTC))).identities
        known = await stopped.among(polled)
        return {each: at for each, at in polled.items() if each not in known or at > known[each]}

    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            client = await connect()
            found = await find_namespace(client)
        if found is None or found.id != namespace_id:
            return False
        await must_be_silent(look, lambda line: typer.echo(line, err=True))
    except (TemporalUnreachableError, *NO_ANSWER):
        return False
    else:
        return True
    finally:
        await database.close()


async def must_be_silent(
    look: Callable[[], Awaitable[Seen]],
    tell: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], Awaitable[object]] | None = None,
) -> None:
    """Return once no worker asks Temporal for work, which one that runs does every minute.

    Args:
        look: which workers have asked lately, and when; not those that are known to have stopped.
        tell: told at once, and every ten seconds, what is waited for.
        clock: seconds that pass.
        pause: waits so many seconds between two looks.

    Raises:
        Failure: a worker has asked for work meanwhile, or Temporal answers no more.
    """
    import asyncio

    from starters.failures import Failure
    from workers.temporal import NO_ANSWER, POLLED_LATELY

    before, began = await look(), clock()
    deadline, say_at = began + POLLED_LATELY.total_seconds(), began
    seen = before
    while seen and (left := deadline - clock()) > 0:
        if clock() >= say_at:
            say_at = clock() + _SAY_EVERY_SECONDS
            tell(
                f"Temporal still lists a worker: {', '.join(sorted(seen))}. The copy begins in "
                f"{left:.0f} seconds if it asks for no work. Is it running? Press Ctrl-C, and stop "
                "the worker."
            )
        await (pause or asyncio.sleep)(_LOOK_EVERY_SECONDS)
        try:
            seen = await look()
        except NO_ANSWER as error:
            raise Failure(
                f"a worker may be running on the source: {', '.join(sorted(seen))}. Temporal "
                "doesn't answer any more, so nobody can see it. Stop the worker, and try again"
            ) from error
        asked = sorted(each for each, at in seen.items() if at != before.get(each))
        if asked:
            raise Failure(
                f"a worker is running on the source: {', '.join(asked)}. Stop it, and try again"
            )


def _hold_folder(source: str, stack: ExitStack) -> None:
    """Keep `steward up` off a data folder while its store is copied.

    Raises:
        Failure: there is no such file, or `steward up` runs on it.
    """
    from starters.data_folder import STORE_FILE, hold
    from starters.failures import Failure
    from store.database import checked_url

    url = checked_url(source)
    if url.get_backend_name() != "sqlite":
        return
    file = Path(url.database or "")
    if not file.is_file():
        raise Failure(f"{file}: there is no database. Name another with --from")
    if file.name == STORE_FILE:
        stack.enter_context(hold(file.parent, "Stop it, then copy again"))
