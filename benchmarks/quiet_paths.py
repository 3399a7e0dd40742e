"""Ways that no job goes, on which nothing changes the job: beside what asking costs elsewhere."""

from __future__ import annotations

from benchmarks.golden_paths import ASSIGNED_TO_PLUSONE, GoldenPath, Order, changed, noted
from domain.plus_one.kind import PLUS_ONE
from domain.roles import Role

MANY_CALLS = GoldenPath(
    name="Calls while PlusOne searches",
    lifecycle=PLUS_ONE,
    told=(
        ASSIGNED_TO_PLUSONE,
        *(Order("customer_called") for _ in range(6)),
        changed("job.cancelled", Role.DISPATCH, status="Cancelled"),
    ),
    ends_as="cancelled",
    time_is_skipped=False,
)
"""Its commands change no job."""

MANY_NOTES = GoldenPath(
    name="Notes while PlusOne searches",
    lifecycle=PLUS_ONE,
    told=(
        ASSIGNED_TO_PLUSONE,
        *(noted(Role.PLUSONE, f"ASSIGNMENT: looking, day {day}") for day in range(20)),
    ),
    ends_as="no_provider_found",
    time_is_skipped=True,
)
"""Its hooks change no job."""
