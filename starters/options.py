"""What verbs of the command line have in common: options, the end of their help, and who acts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_DATA = Path(".steward")
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DataOption = Annotated[Path, typer.Option("--data", help="The folder of `steward up`.")]
NameOption = Annotated[str | None, typer.Option(help="Your name; your login name if unset.")]


def examples(*lines: str) -> str:
    """Return the end of a verb's help: what one can type after `steward`."""
    return "\b\nExamples:\n" + "\n".join(f"  steward {line}" for line in lines)


def token_says_who_acts(role: str | None, name: str | None) -> bool:
    """Return whether the owner of STEWARD_TOKEN acts, since nobody says otherwise."""
    return not (role or name) and bool(os.environ.get("STEWARD_TOKEN"))


def actor(role: str, name: str | None) -> dict[str, str]:
    """Return who acts, as a body says it: under their login name if they say no other."""
    return {"name": name or os.environ.get("USER") or "command line", "role": role}


def acting(role: str | None, name: str | None, usual_role: str) -> dict[str, dict[str, str]]:
    """Return the part of a body that says who acts, nothing where their token says it."""
    if token_says_who_acts(role, name):
        return {}
    return {"actor": actor(role or usual_role, name)}
