"""Writes the tables of commands in docs/ from the one declaration of each command.

`python -m starters.docs` brings every page up to date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from domain.commands import Command, Payload
from domain.lifecycles import LifecycleKind
from domain.roles import EMPLOYEES, Role
from workflows.registry import LIFECYCLES

FOLDER = Path(__file__).parents[1] / "docs"

_TABLE = re.compile(r"(?<=<!-- commands:begin -->\n).*?(?=<!-- commands:end -->)", re.DOTALL)
_HEAD = "| Command | Who may | Stages | Fields | What it does |\n|---|---|---|---|---|\n"
_FEW = 2


def page_of(kind: LifecycleKind) -> Path:
    """Return where the page of a lifecycle is."""
    return FOLDER / f"{kind.name}.md"


def commands_table(kind: LifecycleKind) -> str:
    """Return the commands of a lifecycle as a table in Markdown."""
    return _HEAD + "".join(_row(kind, command) for command in kind.commands.values())


def with_commands(page: str, kind: LifecycleKind) -> str:
    """Return a page with the table of commands of its lifecycle between the two marks.

    Raises:
        ValueError: the page has no place for it.
    """
    written, places = _TABLE.subn(lambda _: commands_table(kind), page)
    if places != 1:
        raise ValueError(
            "a lifecycle's page has the lines <!-- commands:begin --> and <!-- commands:end --> "
            f"once, not {places} times"
        )
    return written


def _row(kind: LifecycleKind, command: Command) -> str:
    cells = (
        f"`{command.name}`",
        _who(command.roles),
        _when(command, kind.stages),
        ", ".join(_fields(command.payload)) or "–",
        command.help,
    )
    return f"| {' | '.join(cells)} |\n"


def _who(roles: frozenset[Role]) -> str:
    if roles == EMPLOYEES:
        return "any employee"
    return ", ".join(role for role in Role if role in roles)


def _when(command: Command, all_stages: tuple[str, ...]) -> str:
    if not command.starts:
        return _where(command.stages, all_stages)
    running = f", and in {_where(command.stages, all_stages)}" if command.stages else ""
    return f"none: it starts the lifecycle{running}"


def _where(stages: frozenset[str], all_stages: tuple[str, ...]) -> str:
    elsewhere = [stage for stage in all_stages if stage not in stages]
    if not elsewhere:
        return "all"
    if len(elsewhere) <= _FEW < len(stages):
        return f"all but {_quoted(elsewhere)}"
    return _quoted(stage for stage in all_stages if stage in stages)


def _fields(payload: type[Payload]) -> list[str]:
    return [
        f"`{name}`" if field.is_required() else f"`{name}?`"
        for name, field in payload.model_fields.items()
        if name not in Payload.model_fields
    ]


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def main() -> None:
    """Bring the page of every lifecycle up to date."""
    for kind in LIFECYCLES.values():
        page = page_of(kind)
        page.write_text(with_commands(page.read_text("utf-8"), kind), "utf-8")


if __name__ == "__main__":
    main()
