"""The command line's verb for what the hooks missed: `steward reconcile`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def add_reconcile_verb(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command(
        "reconcile",
        epilog="\b\nExamples:\n  steward reconcile --dry-run\n  steward reconcile\n"
        "  steward reconcile --since 4711 --json\n"
        '  steward reconcile --since "" --keep',
    )(reconcile)


def reconcile(
    since: Annotated[
        str | None,
        typer.Option(
            metavar="CURSOR",
            help="The job system's cursor to begin at, empty for its list's beginning; where it "
            "stopped if unset.",
        ),
    ] = None,
    role: Annotated[
        str | None, typer.Option("--as", help="Your role: `admin_team` if unset.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Your name; your login name if unset.")] = None,
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Have the Schedule go on from there, too.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what was missed; change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look in the job system for what its hooks missed, and deliver it.

    With STEWARD_TOKEN set, you act as the owner of the token unless --as or --name says otherwise.
    """
    from starters.api_client import ApiClient
    from starters.rendering import print_json, print_reconciled

    body: dict[str, object] = {"dry_run": dry_run}
    if since is not None:
        body["since"] = since
    if keep:
        body["keep"] = True
    if role or name or not os.environ.get("STEWARD_TOKEN"):
        who = name or os.environ.get("USER") or "command line"
        body["actor"] = {"name": who, "role": role or "admin_team"}
    with ApiClient.from_environment() as client:
        found = client.post("reconcile", body=body)
    if as_json:
        print_json(found)
    else:
        print_reconciled(found, dry_run=dry_run)
