"""`steward rebuild`: for a Temporal that has lost its data, or is another than before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from starters.on_the_database import DataOption
from starters.options import DEFAULT_DATA, AsJson, examples

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.rebuilding import Progress, Rebuilt

_SHOWN = 50
"""Lifecycles of which people are told one by one."""


def add_rebuild_verb(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command(
        "rebuild",
        epilog=examples("rebuild --dry-run", "rebuild", "rebuild --json"),
    )(rebuild)


def rebuild(
    data: DataOption = DEFAULT_DATA,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be started; change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start every open job again in a Temporal that doesn't have it.

    Use it after Temporal lost its data, or to move to another server, cluster or namespace. Each
    procedure continues where it was. Running it twice does no harm.

    TEMPORAL_* names the Temporal server and STEWARD_DATABASE_URL the database.
    """
    import uvloop

    from starters.failures import Failure
    from starters.faults_told import failures_told
    from starters.rendering import print_json

    def tell(progress: Progress) -> None:
        started = "to be started" if dry_run else "started"
        typer.echo(f"Checked {progress.done:,}, {started} {progress.started:,}.", err=True)

    with failures_told():
        rebuilt = uvloop.run(_rebuilt(data, dry=dry_run, tell=tell))
    if as_json:
        print_json(_told(rebuilt, dry=dry_run))
    else:
        _print(rebuilt, dry=dry_run)
    if not dry_run and (failed := _count(rebuilt)["failed"]):
        raise Failure(f"{failed:,} were not started. Run `steward rebuild` again")


async def _rebuilt(data: Path, *, dry: bool, tell: Callable[[Progress], None]) -> list[Rebuilt]:
    from datetime import UTC, datetime, timedelta

    from service.rebuilding import Rebuilder
    from store.database import Database
    from workers.namespace import NamespaceGuard
    from workers.settings import load_settings
    from workers.store_client import client_of_store

    settings = load_settings()
    database = Database(settings.database_in(data))
    try:
        client = await client_of_store(settings, data, database, timedelta(seconds=10))
        guard = NamespaceGuard(database, client)
        rebuilder = Rebuilder(database, client, guard, lambda: datetime.now(UTC))
        return await rebuilder.run(dry=dry, tell=tell)
    finally:
        await database.close()


def _count(rebuilt: list[Rebuilt]) -> dict[str, int]:
    from service.rebuilding import Fate

    fates = [each.fate for each in rebuilt]
    return {fate.value: fates.count(fate) for fate in Fate if fate is not Fate.NONE}


def _told(rebuilt: list[Rebuilt], *, dry: bool) -> dict[str, Any]:
    return {"dry_run": dry, "count": _count(rebuilt), "items": [each.told for each in rebuilt]}


def _print(rebuilt: list[Rebuilt], *, dry: bool) -> None:
    from service.rebuilding import Fate
    from starters.rendering import print_text

    said = {
        Fate.STARTED: "to be started" if dry else "started where they were",
        Fate.RUNS: "running already",
        Fate.TO_START: "starting with their first event, once the API runs",
        Fate.CLOSED: "ended in Temporal; see `steward stuck`",
        Fate.NO_SNAPSHOT: "without what they need to continue",
        Fate.FAILED: "not started",
    }
    count = _count(rebuilt)
    lines = [f"{count[fate.value]:,} {words}" for fate, words in said.items() if count[fate.value]]
    print_text("\n".join(lines) or "No job is open.")
    unable = [each for each in rebuilt if each.reason is not None]
    for each in unable[:_SHOWN]:
        print_text(f"{each.workflow_id}: {each.reason}")
    if len(unable) > _SHOWN:
        print_text(f"… and {len(unable) - _SHOWN:,} more: see all with --json.")
