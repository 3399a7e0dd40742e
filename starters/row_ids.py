"""The IDs of rows, as people type them on the command line."""

from __future__ import annotations

from typing import Final

import typer

_MOST: Final = 2**63
"""IDs are smaller: a database counts no further."""
_LONGEST_QUOTE: Final = 40


def row_id(typed: str) -> int:
    """Return the ID that somebody typed.

    Raises:
        typer.BadParameter: it is none.
    """
    digits = typed.strip()
    if digits.isascii() and digits.isdigit() and len(digits) <= len(str(_MOST)):
        number = int(digits)
        if 0 < number < _MOST:
            return number
    shown = typed if len(typed) <= _LONGEST_QUOTE else f"{typed[:_LONGEST_QUOTE]}…"
    raise typer.BadParameter(f"“{shown}” isn't an ID. Write the number that the list shows.")
