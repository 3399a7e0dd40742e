"""How urgent a lifecycle is: the instant by which lists sort it, the earliest first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from domain.attention import Attention

NO_DEADLINE: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""Where a running lifecycle stands that nothing is due on: after all that have a deadline."""
ENDED: Final = datetime(9001, 1, 1, tzinfo=UTC)
"""Where a lifecycle stands that has ended."""
NEVER_FOLLOWED: Final = datetime(9002, 1, 1, tzinfo=UTC)
"""Where a job stands that never had a lifecycle."""


def urgent_at(
    due_at: datetime | None,
    attention_since: Mapping[str, Mapping[str, Any]],
    outcome: str | None,
    wall: datetime,
) -> datetime:
    """Return the instant by which lists sort a lifecycle; it is late once that has passed.

    It is never null, so that every database sorts alike. A missed deadline keeps the lifecycle at
    that deadline, whatever is due next, and however late somebody noticed.

    Args:
        due_at: when what it waits for is due.
        attention_since: its open alerts, as the store keeps them.
        outcome: how it has ended, None while it runs.
        wall: the wall clock, aware UTC. A fast-forwarded job misses its deadlines ahead of it, and
            is late now all the same.
    """
    if outcome is not None:
        return ENDED
    missed = attention_since.get(Attention.OVERDUE.value)
    if missed is None:
        return due_at or NO_DEADLINE
    # An alert that is older than the desk doesn't know its deadline, only when it was raised.
    since = min(datetime.fromisoformat(missed.get("due_at") or missed["since"]), wall)
    return min(since, due_at or since)
