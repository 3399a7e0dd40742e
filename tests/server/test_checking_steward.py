"""`steward job-system check` against Steward itself, which is no job system."""

from __future__ import annotations

import pytest
from httpx import ASGITransport

from activities.conformance import CannotCheckError, Conformance
from tests.desk import Desk


async def refusal(desk: Desk, job: str | None) -> str:
    checking = Conformance("http://localhost", "s3cret", job, ASGITransport(desk.app))
    with pytest.raises(CannotCheckError) as error:
        await checking.begin()
    await checking.close()
    return str(error.value)


async def test_steward_itself_is_no_job_system(desk: Desk) -> None:
    said = [await refusal(desk, None)]  # no job is there, unless another test has left one
    job = desk.job()
    await job.assigned()
    said += [await refusal(desk, each) for each in (None, "SJ-0", job.id)]
    for each in said:
        assert "what answers at http://localhost is no job system" in each
        assert each.endswith("Check the address")
