"""`steward migrate-store`: the store of one database, copied into another."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from store.moving import Copied

_MISCONFIGURED = 2


def add_moving_verb(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command(
        "migrate-store",
        epilog="\b\nExamples:\n"
        "  steward migrate-store --from sqlite:///.steward/steward.sqlite3"
        " --to postgresql+psycopg://steward@db/steward\n"
        "  steward migrate-store --from postgresql+psycopg://steward@db/steward"
        " --to sqlite:///moved/steward.sqlite3 --json",
    )(migrate_store)


def migrate_store(
    source: Annotated[str, typer.Option("--from", metavar="URL", help="The database to copy.")],
    target: Annotated[str, typer.Option("--to", metavar="URL", help="An empty database.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Copy the store into another database, and check the copy.

    Stop Steward first. The copy gets the schema, every row, and the same numbers. The source stays
    as it is. Take the key ring along: the copy needs the same one (STEWARD_KEYS).

    STEWARD_DATABASE_PASSWORD, or its file, is the password of a PostgreSQL URL that has none.
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
            counts = move(
                with_database_password(source),
                with_database_password(target),
                datetime.now(UTC),
                tell,
            )
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
