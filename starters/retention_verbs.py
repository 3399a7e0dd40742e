"""`steward retention`: what was kept long enough, and its deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from starters.on_the_database import DataOption, on_the_database
from starters.options import DEFAULT_DATA, AsJson, examples

if TYPE_CHECKING:
    from store.database import Database

_IF_NONE = "so nothing is kept. Name another folder with --data"
_EXAMPLES = ("retention --dry-run", "retention --dry-run --json", "retention --data desk")
_LABELS = {
    "hook_bodies": "Bodies of events",
    "mails": "Texts of mails",
    "answers": "Answers to commands",
    "ended_jobs": "Jobs that are over",
}


def add_retention_verb(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("retention", epilog=examples(*_EXAMPLES))(retention)


def retention(
    data: DataOption = DEFAULT_DATA,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete what the policy keeps no longer. The API does so by itself every 10 minutes."""
    from datetime import UTC, datetime

    from service.retaining import Due, Retention
    from starters.rendering import print_json, print_text
    from store.leases import Leases
    from store.retention import RetentionStore
    from workers.settings import load_settings

    now = datetime.now(UTC)

    async def work(database: Database) -> list[Due]:
        policy = load_settings().load_policy()
        keeping = Retention(RetentionStore(database), Leases(database), lambda: policy, lambda: now)
        due = await keeping.due()
        if dry_run:
            return due
        deleted = await keeping.sweep()
        return [each._replace(rows=deleted[each.kept]) for each in due]

    found = on_the_database(data, work, _IF_NONE)
    if as_json:
        items = [
            {"what": each.kept.value, "before": each.before.isoformat(), "count": each.rows}
            for each in found
        ]
        print_json({"deleted": not dry_run, "items": items})
        return
    for each in found:
        days, done = (now - each.before).days, "would go" if dry_run else "deleted"
        print_text(f"{_LABELS[each.kept]}, older than {days} days: {each.rows} {done}")
