"""The job that a page is about, or the page that stands in its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from fastapi import Request, Response

from domain.erasing import erased_banner
from starters.desk.pages import Pages
from starters.desk.parts import DeskParts
from starters.desk.people import Person

NOTHING_CAN_BE_DONE = 409
"""The status of the page of an erased job, on which somebody wanted to do something."""


async def found_job(
    parts: DeskParts,
    pages: Pages,
    request: Request,
    who: Person,
    job_id: str,
    *,
    wanted: Collection[str] | None = None,
    erased: int | None = NOTHING_CAN_BE_DONE,
) -> Mapping[str, Any] | Response:
    """Return a job as `Reading.job` has it, or the page that says there is none, or that it's gone.

    Args:
        parts: what the desk works with.
        pages: the desk's pages.
        request: what was asked.
        who: who asked.
        job_id: the job.
        wanted: the parts of what happened to it that are wanted; all if None.
        erased: the status of the page that stands for all pages of an erased job; None where what
            is left of the job is wanted.

    Raises:
        StoreUnavailableError: the store does not answer.
    """
    found = await parts.reading.job(job_id, parts=wanted)
    if found is None:
        meant = await parts.reading.meant(job_id)
        return pages.show(request, who, "missing.html", 404, job_id=job_id, meant=meant)
    if erased is None or "erased" not in found:
        return found
    said = found["erased"]
    return pages.show(
        request,
        who,
        "erased.html",
        erased,
        job=found["job"],
        said=erased_banner(said["at"], said["by"], said["reason"], pages.zone),
        ended=found["lifecycles"],
        here=None,
    )
