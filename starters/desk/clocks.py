"""What time it is for jobs that were moved ahead, so that all pages count from the same instant."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from starters.desk.parts import DeskParts


async def clocks_of(
    parts: DeskParts, job_ids: Collection[str], now: datetime
) -> Mapping[str, datetime]:
    """Return what time it is for those of some jobs that are ahead, aware UTC.

    Only a rehearsal moves clocks: elsewhere nothing is asked of the store.

    Args:
        parts: of the desk.
        job_ids: the jobs.
        now: the wall clock, aware UTC.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    return {} if parts.rehearsal is None else await parts.stories.ahead(job_ids, now)
