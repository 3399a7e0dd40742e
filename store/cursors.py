"""Cursors: the place in a list at which its next page begins, as a text to send back."""

from __future__ import annotations

import base64
from typing import Any, TypeVar

from pydantic import TypeAdapter

PlaceT = TypeVar("PlaceT")


class CursorError(ValueError):
    """A cursor that no list gave out."""


def write_cursor(adapter: TypeAdapter[PlaceT], place: PlaceT) -> str:
    """Return the cursor of a place."""
    return base64.urlsafe_b64encode(adapter.dump_json(place)).decode()


def read_cursor(adapter: TypeAdapter[PlaceT], cursor: str) -> PlaceT:
    """Return the place of a cursor.

    Raises:
        CursorError: it is none of this list.
    """
    try:
        return adapter.validate_json(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, OverflowError) as error:
        shown = cursor if len(cursor) <= _LONGEST_SHOWN else f"{cursor[:_LONGEST_SHOWN]}…"
        raise CursorError(
            f"{shown!r} is not a cursor of this list. Send `after` as the previous page gave it, "
            "or leave it out."
        ) from error


_LONGEST_SHOWN = 60

_Number = TypeAdapter[int](int)
_LARGEST = 2**63


def write_id_cursor(row_id: int) -> str:
    """Return the cursor of a list that is in the order of its rows' ids."""
    return write_cursor(_Number, row_id)


def read_id_cursor(cursor: str) -> int:
    """Return the id at which the page before ended.

    Raises:
        CursorError: it is no cursor of a list in that order.
    """
    row_id = read_cursor(_Number, cursor)
    if not 0 <= row_id < _LARGEST:
        raise CursorError("This is not a cursor of this list.")
    return row_id


def page_of(rows: list[Any], limit: int) -> tuple[list[Any], Any | None]:
    """Return the rows of a page of which one more was read, and the row that ends it if more come.

    Args:
        rows: at most `limit + 1` rows, in the order of the list.
        limit: rows of a page.
    """
    return rows[:limit], rows[limit - 1] if len(rows) > limit else None
