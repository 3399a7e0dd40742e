"""The command line's verb for what the hooks missed: `steward reconcile`."""

from __future__ import annotations

from typing import Annotated

import typer

from starters.options import AsJson, NameOption, acting, examples


def add_reconcile_verb(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command(
        "reconcile",
        epilog=examples(
            "reconcile --dry-run",
            "reconcile",
            "reconcile --since 4711 --json",
            'reconcile --since "" --keep',
        ),
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
    name: NameOption = None,
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
    body |= acting(role, name, "admin_team")
    with ApiClient.from_environment() as client:
        found = client.post("reconcile", body=body)
    if as_json:
        print_json(found)
    else:
        print_reconciled(found, dry_run=dry_run)
