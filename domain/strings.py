"""What a text from outside has to be, so that every database can keep it."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

STORABLE = r"^[^\x00]*$"
"""Pattern of a text without NUL, the one character that PostgreSQL cannot keep."""

Storable = Annotated[str, StringConstraints(pattern=STORABLE)]
"""A text of any length."""

Label = Annotated[str, StringConstraints(max_length=300, pattern=STORABLE)]
"""A short text, such as a name: it fits every column."""
