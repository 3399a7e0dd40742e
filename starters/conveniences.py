"""What makes the command line easier to use: its version, completion, new secrets, backups."""

from __future__ import annotations

from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer

from starters.failures import Failure
from starters.options import DEFAULT_DATA, AsJson, DataOption, examples

_MISCONFIGURED = 2


def add_to(app: typer.Typer, hooks: typer.Typer) -> None:
    """Add the options and verbs of this module to the command line."""
    app.callback()(steward)
    hooks.command("secret", epilog=examples("hooks secret", "hooks secret --json"))(secret)
    app.command(epilog=examples("backup monday", "backup monday --data desk"))(backup)
    app.command(epilog=examples("restore monday", "restore monday --data desk"))(restore)


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

    It is not stored. To rotate secrets without losing an event, add the new one after the old one
    in STEWARD_HOOK_SECRETS and restart each API. Have the job system sign with the new one. Then
    remove the old one and restart each API again.
    """
    from domain.signatures import generate_secret  # noqa: PLC0415
    from starters.rendering import print_json  # noqa: PLC0415  --help is quick without it

    made = generate_secret()
    if as_json:
        print_json({"secret": made})
    else:
        typer.echo(made)


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder for the backup.")],
    data: DataOption = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Back up the folder of `steward up`, running or not.

    Database and Temporal are copied as of one instant. The backup holds customer data and the hook
    secret, so protect it.
    """
    from datetime import UTC, datetime  # noqa: PLC0415  --help is quick without it

    from starters.backups import back_up  # noqa: PLC0415  as above

    _store_must_lie_in(data)
    made = back_up(data, folder, datetime.now(UTC))
    _tell(made, f"{folder}: backup complete. Restore it with `steward restore`.", as_json)


def restore(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder made by `steward backup`.")
    ],
    data: DataOption = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Restore a backup into an empty folder.

    Run `steward up` on it, and every job continues from the time of the backup. What fell due since
    then happens at once.
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
    """Refuse to pretend that all is copied where the store lies elsewhere.

    Raises:
        Failure: STEWARD_DATABASE_URL names another database than the folder's.
    """
    from starters.data_folder import STORE_FILE  # noqa: PLC0415  as above
    from store.database import checked_url  # noqa: PLC0415  as above
    from workers.settings import SettingsError, configured_database  # noqa: PLC0415  as above

    try:
        url = configured_database()
    except SettingsError as error:
        raise Failure(str(error), _MISCONFIGURED) from error
    if url is None:
        return
    at = checked_url(url)
    kind, own = at.get_backend_name(), data / STORE_FILE
    if kind == "sqlite" and Path(at.database or "").resolve() == own.resolve():
        return
    raise Failure(
        f"the database isn't in {data}: STEWARD_DATABASE_URL names another one ({kind}). For that "
        f"one, see docs/backup.md. For {own}, unset STEWARD_DATABASE_URL"
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
