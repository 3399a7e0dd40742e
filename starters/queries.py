"""Filters of lists: what a query may ask for, and a refusal that names the legal values."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from fastapi import HTTPException, Path, Query

from domain.suggestions import did_you_mean
from domain.values import JOB_ID, Storable
from workflows.registry import LIFECYCLES

Cursor = Annotated[
    Storable | None, Query(max_length=2000, description="The cursor from the previous page.")
]
JobFilter = Annotated[Storable | None, Query(pattern=rf"^({JOB_ID[1:-1]})?$")]
RowId = Annotated[int, Path(lt=2**63)]

_LONGEST_SHOWN = 60


def one_of(name: str, value: str | None, legal: Collection[str]) -> str | None:
    """Return a filter's value, which has to be a legal one where there is one.

    Args:
        name: the filter's name.
        value: what was asked for; None, or nothing as of an empty form, for anything.
        legal: what may be asked for, in the order in which people read it.

    Raises:
        HTTPException: 422; the message names the legal values.
    """
    if not value:
        return None
    if value in legal:
        return value
    raise refused(
        f"{name}: unknown value {shown(value)}.{did_you_mean(value, legal)} "
        f"Use one of: {', '.join(legal)}."
    )


STAGES = tuple(dict.fromkeys(stage.value for kind in LIFECYCLES.values() for stage in kind.stage))
"""The stages of all lifecycles."""


def refused(message: str) -> HTTPException:
    """Return the answer to a query that asks for nonsense."""
    return HTTPException(422, message)


def shown(value: str) -> str:
    """Return a value as a message quotes it: at most a line."""
    return repr(value if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}…")
