"""What the sections of a policy are made of."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from domain.durations import Spacing
from domain.operator_files import is_written_by_hand

_ADDRESS = r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+\.[^@\s<>,;:\".]+"


def _address(text: str) -> str:
    if not re.fullmatch(_ADDRESS, text):
        raise ValueError(f"{text!r} is not an e-mail address")
    return text


def _mailbox(text: str) -> str:
    if not re.fullmatch(rf"{_ADDRESS}|[^\x00-\x1f<>@\",;:]+ <{_ADDRESS}>", text):
        raise ValueError(f"{text!r} is not a sender: write it like Steward <steward@example.com>")
    return text


EmailAddress = Annotated[str, AfterValidator(_address)]
"""An address alone, such as `steward@example.com`."""

Mailbox = Annotated[str, AfterValidator(_mailbox)]
"""An address, alone or behind a name: `Steward <steward@example.com>`."""


def with_unit(value: object) -> object:
    """Return business days as they are written, with their unit.

    Raises:
        ValueError: the value is no text, such as a bare number.
    """
    if isinstance(value, str):
        return value
    raise ValueError(f"{value!r} has no unit: write business days like 3bd")


def known_keys(keys: type[StrEnum]) -> BeforeValidator:
    """Return what keeps the known keys of a table that a job carries along.

    A newer release may know more of them. In an operator's file an unknown key is refused.
    """

    def only_known(table: object, info: ValidationInfo) -> object:
        if is_written_by_hand(info) or not isinstance(table, dict):
            return table
        return {key: value for key, value in table.items() if key in known}

    known = frozenset(keys)
    return BeforeValidator(only_known)


class Section(BaseModel):
    """A section of the policy.

    A job carries its policy along, so a section ignores what a newer release has added to it; the
    reader of an operator's file refuses what it does not know.
    """

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True, use_attribute_docstrings=True)


class Reminders(Section):
    """How often and how far apart somebody is reminded."""

    attempts: Annotated[int, Field(strict=True, ge=0, le=20)]
    """Reminders before something else happens."""
    every: Spacing
    """The time before each of them, and once more before what happens in the end."""


def reminders(every: str, attempts: int = 3) -> Reminders:
    """Return reminders as a section's default has them: `every` is like `2bd` or `4h`."""
    return Reminders.model_validate({"attempts": attempts, "every": every})
