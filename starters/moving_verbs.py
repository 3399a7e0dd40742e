"""`steward migrate-store`: the store of one database, copied into another."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from starters.options import AsJson, examples

if TYPE_CHECKING:
    from store.moving import Copied

_MISCONFIGURED = 2
_PATIENCE_SECONDS = 3
"""How long Temporal has to say whether a worker is running."""


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

    Stop the API and all workers first. The copy gets the schema, every row, and the same numbers.
    The source stays as it is. Take the key ring along: the copy needs the same one (STEWARD_KEYS).

    STEWARD_DATABASE_PASSWORD, or its file, is the password of a PostgreSQL URL that has none.
    TEMPORAL_* names the Temporal server, which is asked if a worker is running.
    """
    from datetime import UTC, datetime

    from starters.failures import Failure
    from starters.faults_told import failures_told
    from starters.rendering import print_json, print_text
    from store.database import DatabaseUrlError
    from store.moving import CannotMoveError, move
    from workers.settings import with_database_password

    def tell(copied: Copied) -> None:
        typer.echo(f"{copied.table}: {copied.rows:,} of {copied.of:,}", err=True)

    try:
        with failures_told(), ExitStack() as stack:
            _hold_folder(source, stack)
            known = with_database_password(source)
            _must_have_no_worker(known)
            counts = move(known, with_database_password(target), datetime.now(UTC), tell)
    except DatabaseUrlError as error:
        raise Failure(str(error), _MISCONFIGURED) from error
    except CannotMoveError as error:
        raise Failure(str(error)) from error
    if as_json:
        print_json({"rows": counts})
    else:
        print_text(
            f"Copied and checked: {sum(counts.values()):,} rows. Now set STEWARD_DATABASE_URL."
        )


def _must_have_no_worker(source: str) -> None:
    """Return if no worker works on a store, or if that can't be seen, which is then said.

    Raises:
        Failure: one works on it.
    """
    import uvloop

    from starters.failures import Failure
    from store.moving import namespace_of

    own = namespace_of(source)
    if own is None:  # nothing has worked on it yet
        return
    polled = uvloop.run(_is_polled(own))
    if polled is None:
        typer.echo(
            "Can't see if a worker is running: the store's Temporal doesn't answer at "
            "TEMPORAL_ADDRESS. Make sure that all workers are stopped.",
            err=True,
        )
    elif polled:
        raise Failure(
            "a worker is running on the source. Stop the worker, wait two minutes, and try again"
        )


async def _is_polled(namespace_id: str) -> bool | None:
    """Return whether a worker polls in a namespace, None where its Temporal doesn't answer."""
    import asyncio
    from datetime import UTC, datetime

    from workers.temporal import (
        NO_ANSWER,
        TemporalUnreachableError,
        connect,
        find_namespace,
        pollers_of,
    )
    from workflows.registry import TASK_QUEUE

    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            client = await connect()
            found = await find_namespace(client)
            if found is None or found.id != namespace_id:
                return None
            return bool((await pollers_of(client, TASK_QUEUE, datetime.now(UTC))).versions)
    except (TemporalUnreachableError, *NO_ANSWER):
        return None


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
