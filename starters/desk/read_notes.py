"""Whoever is shown a customer's data reads it: that is noted, by one rule for all pages.

What counts is an answer about one job (its page, its forms, its call screens, what a command on it
was answered), the text of one of its mails or events, and how its customer can be reached, as My
tasks says it. A list that shows a line of many jobs doesn't count, and neither does what was not
found.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable

from fastapi import Request

from starters.desk.people import CurrentPerson
from starters.reads import Reads


def shows(request: Request, job_ids: Iterable[str | None]) -> None:
    """Say of which jobs an answer shows data, where its address doesn't name the job."""
    request.state.shown_jobs = [each for each in job_ids if each]


def note_reads(reads: Reads) -> Callable[[Request, CurrentPerson], AsyncIterator[None]]:
    """Return what every page depends on, in the scope of its function.

    It notes the read before the answer is sent, unless the page raised: then it shows nothing.
    """

    async def note(request: Request, who: CurrentPerson) -> AsyncIterator[None]:
        yield
        if request.method not in {"GET", "HEAD"}:
            return
        job_id = request.path_params.get("job_id")
        shown: list[str] = getattr(request.state, "shown_jobs", [])
        for each in [str(job_id), *shown] if job_id is not None else shown:
            reads.note(who.actor, each)

    return note
