"""What makes the command line easier to use: its version, completion, new secrets, backups."""

from __future__ import annotations

import os
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer

from starters.failures import Failure

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DataOption = Annotated[Path, typer.Option("--data", help="The folder of `steward up`.")]

DEFAULT_DATA = Path(".steward")


def add_to(app: typer.Typer, hooks: typer.Typer) -> None:
    """Add the options and verbs of this module to the command line."""
    app.callback()(steward)
    hooks.command(
        "secret", epilog="\b\nExamples:\n  steward hooks secret\n  steward hooks secret --json"
    )(secret)
    app.command(
        epilog="\b\nExamples:\n  steward backup monday\n  steward backup monday --data desk"
    )(backup)
    app.command(
        epilog="\b\nExamples:\n  steward restore monday\n  steward restore monday --data desk"
    )(restore)


def _print_version(asked: bool) -> None:  # noqa: FBT001  the option's value
    if asked:
        typer.echo(f"steward {version_of('steward')}")
        raise typer.Exit


def steward(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Keep a home-warranty company's service jobs from being forgotten."""


def secret(*, as_json: AsJson = False) -> None:
    """Make a secret for signing hooks, and print it.

    It is kept nowhere. To rotate without refusing an event, add it after the old one in
    STEWARD_HOOK_SECRETS and restart each API; have the job system sign with it; then take the old
    one away and restart each API again.
    """
    from starters.rendering import print_json  # noqa: PLC0415  --help is quick without it
    from starters.signatures import generate_secret  # noqa: PLC0415

    made = generate_secret()
    if as_json:
        print_json({"secret": made})
    else:
        typer.echo(made)


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the copy.")],
    data: DataOption = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Copy the folder of `steward up`, while it runs or not.

    The store and Temporal are copied as they are at one instant. The copy has the customers' data
    and the hooks' secret in it: keep it as you keep those.
    """
    from datetime import UTC, datetime  # noqa: PLC0415  --help is quick without it

    from starters.backups import back_up  # noqa: PLC0415  as above

    _store_must_lie_in(data)
    made = back_up(data, folder, datetime.now(UTC))
    _tell(made, f"{folder}: the backup is complete. Put it back with `steward restore`.", as_json)


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A copy by `steward backup`.")],
    data: DataOption = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Put a copy into a folder for `steward up` that has no data yet.

    Started on it, every job goes on as of the instant of the copy; deadlines that have passed since
    are met at once.
    """
    from starters.backups import restore as put_back  # noqa: PLC0415  as above

    _store_must_lie_in(data)
    told = put_back(folder, data)
    _tell(
        told,
        f"{data}: restored as of {told.get('made_at')}. Start it with `steward up --data {data}`.",
        as_json,
    )


def _store_must_lie_in(data: Path) -> None:
    """Refuse to pretend that all is copied where the store lies elsewhere."""
    if url := os.environ.get("STEWARD_DATABASE_URL"):
        kind = url.partition(":")[0]
        raise Failure(
            f"the store is not in {data} but where STEWARD_DATABASE_URL says ({kind}); "
            "see docs/backup.md"
        )


def _tell(document: object, text: str, as_json: bool) -> None:  # noqa: FBT001  the option's value
    from starters.rendering import print_json  # noqa: PLC0415  as above

    if as_json:
        print_json(document)
    else:
        typer.echo(text)


def lifecycles_beginning_with(incomplete: str) -> list[str]:
    """Return the lifecycles whose names begin so, for a shell that completes one."""
    from workflows.registry import LIFECYCLES  # noqa: PLC0415

    return [name for name in LIFECYCLES if name.startswith(incomplete)]


def commands_beginning_with(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the commands of the lifecycle that was typed, whose names begin so."""
    from workflows.registry import LIFECYCLES  # noqa: PLC0415

    kind = LIFECYCLES.get(ctx.params.get("lifecycle") or "")
    return [name for name in (kind.commands if kind else ()) if name.startswith(incomplete)]
