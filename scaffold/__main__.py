"""The command line for those who develop Steward: `python -m scaffold new-lifecycle NAME`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaffold.names import Names, ScaffoldError
from scaffold.skeleton import skeleton_of, write

ROOT = Path(__file__).parents[1]

app = typer.Typer(
    help="Helps to develop Steward. Run it in a checkout.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def _root() -> None:
    """Keep the verb's name on the command line while there is only one."""


@app.command(
    "new-lifecycle",
    epilog="\b\nExamples:\n"
    "  python -m scaffold new-lifecycle warranty-callback\n"
    '  python -m scaffold new-lifecycle recall --prefix RC --title "Recall of a product"',
)
def new_lifecycle(
    name: Annotated[str, typer.Argument(help="In lower case, with dashes between words.")],
    title: Annotated[
        str | None, typer.Option(help="What people call it; else the name, in words.")
    ] = None,
    prefix: Annotated[
        str | None, typer.Option(help="What its rules' ids begin with; else its initials.")
    ] = None,
) -> None:
    """Write the skeleton of a new lifecycle. Nothing that is there is overwritten."""
    try:
        names = Names.of(name, title=title, prefix=prefix)
        skeleton = skeleton_of(names, ROOT)
        write(skeleton, ROOT)
    except ScaffoldError as error:
        typer.echo(f"new-lifecycle: {error}", err=True)
        raise typer.Exit(1) from error
    for path in skeleton.new:
        typer.echo(f"wrote    {path}")
    for path in skeleton.changed:
        typer.echo(f"added to {path}")
    typer.echo(_next_steps(names))


def _next_steps(names: Names) -> str:
    return f"""
Next, as docs/adding-a-lifecycle.md says:
  pytest tests/scenarios/test_{names.module}.py   a scenario fails; it says what to change
  python -m starters.docs   fills the table of commands in docs/{names.name}.md
  python -m tests.replay.record {names.name}
  make check && pytest tests/architecture"""


if __name__ == "__main__":
    app(prog_name="python -m scaffold")
