"""What makes the command line easier to use: its version, completion, new secrets."""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import Annotated

import typer


def add_to(app: typer.Typer, hooks: typer.Typer) -> None:
    """Add the options and verbs of this module to the command line."""
    app.callback()(steward)
    hooks.command(
        "secret", epilog="\b\nExamples:\n  steward hooks secret\n  steward hooks secret --json"
    )(secret)


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


def secret(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False
) -> None:
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


def lifecycles_beginning_with(incomplete: str) -> list[str]:
    """Return the lifecycles whose names begin so, for a shell that completes one."""
    from workflows.registry import LIFECYCLES  # noqa: PLC0415

    return [name for name in LIFECYCLES if name.startswith(incomplete)]


def commands_beginning_with(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the commands of the lifecycle that was typed, whose names begin so."""
    from workflows.registry import LIFECYCLES  # noqa: PLC0415

    kind = LIFECYCLES.get(ctx.params.get("lifecycle") or "")
    return [name for name in (kind.commands if kind else ()) if name.startswith(incomplete)]
