"""Instants as this job system writes and reads them: ISO 8601, UTC, in thousandths of a second."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present instant, aware UTC."""
    return datetime.now(UTC)


def written(at: datetime) -> str:
    """Return an aware instant as text; texts of this kind sort as their instants do."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(text: str | None) -> datetime | None:
    """Return the instant that a text tells, None for none.

    Raises:
        ValueError: it tells none.
    """
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def same(one: str | None, other: str | None) -> bool:
    """Return whether two texts tell the same instant, to the second; some write no fraction."""
    mine, theirs = read(one), read(other)
    if mine is None or theirs is None:
        return mine is theirs
    return int(mine.timestamp()) == int(theirs.timestamp())
