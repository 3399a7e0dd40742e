"""The command line's verb for who has read a job: `steward reads JOB`."""

from __future__ import annotations

from typing import Annotated

import typer

from starters.options import AsJson, examples


def add_read_verb(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("reads", epilog=examples("reads SJ-2001", "reads SJ-2001 --json"))(reads)


def reads(
    job: Annotated[str, typer.Argument(metavar="JOB", help="The job's number.")],
    after: Annotated[str | None, typer.Option(help="The cursor from the previous page.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List who has read a job's data, the latest first. Only supervisors can."""
    from starters.api_client import ApiClient
    from starters.rendering import print_json, print_reads

    with ApiClient.from_environment() as client:
        page = client.get("jobs", job, "reads", after=after)
    (print_json if as_json else print_reads)(page)
