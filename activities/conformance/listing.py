"""Checks of the list of changed jobs, and of its cursor."""

from __future__ import annotations

from typing import Final

from activities.conformance.answers import readable_number
from activities.conformance.bench import LONGEST_LIST, Bench
from activities.conformance.bodies import another_status
from activities.conformance.checks import BrokenError, Group, NotCheckedError

CHECKS = Group("Listing")
_MOST_PAGES: Final = 200


@CHECKS.check("A page has at most as many jobs as asked for", "1 job", "listChangedJobs, 200")
async def _limited(bench: Bench) -> str:
    page = await bench.list_changed(None, 1)
    if len(page.items) != 1:
        raise BrokenError(f"{len(page.items)} jobs")
    return "1 job"


@CHECKS.check(
    "The cursor moves on",
    "another job on the second page of one job",
    "listChangedJobs, 200",
)
async def _moves_on(bench: Bench) -> str:
    first = await bench.list_changed(None, 1)
    if first.next is None:
        raise BrokenError("a page with a job and without a cursor after it")
    second = await bench.list_changed(first.next, 1)
    if not second.items:
        raise NotCheckedError("there is only one job. Enter a second one")
    if [each.job_id for each in first.items] == [each.job_id for each in second.items]:
        raise BrokenError(f"{first.items[0].job_id} on both pages")
    return "another job"


@CHECKS.check(
    "All jobs are listed, each once, and each can be read",
    "pages up to the last, none with a job of an earlier one, and the job among them",
    "listChangedJobs, 200",
)
async def _lists_all(bench: Bench) -> str:
    seen: set[str] = set()
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await bench.list_changed(cursor, LONGEST_LIST)
        if not page.items:
            bench.end = page.next or cursor
            break
        for item in page.items:
            job_id = readable_number(item.job)
            if job_id in seen:
                raise BrokenError(f"{job_id} twice")
            seen.add(job_id)
        if page.next is None:
            raise BrokenError("a page with jobs and without a cursor after them")
        cursor = page.next
    else:
        raise NotCheckedError(f"there are more than {_MOST_PAGES * LONGEST_LIST} jobs")
    if bench.job_id not in seen:
        raise BrokenError(f"{len(seen)} jobs, but not {bench.job_id}")
    return f"{len(seen)} jobs"


@CHECKS.check("At the end, nothing comes again", "no job", "listChangedJobs, 200")
async def _nothing_at_the_end(bench: Bench) -> str:
    page = await bench.list_changed(bench.last_cursor(), LONGEST_LIST)
    if page.items:
        raise BrokenError(f"{len(page.items)} jobs, the first {page.items[0].job_id}")
    return "no job"


@CHECKS.check(
    "A changed job is listed after the cursor, once",
    "the job with its new version, and nothing after it",
    "listChangedJobs, 200",
)
async def _lists_change(bench: Bench) -> str:
    cursor = bench.last_cursor()
    async with bench.set_back():
        before = await bench.read()
        changed = await bench.change(before.job, another_status(before.job))
        page = await bench.list_until_there(cursor)
        listed = [(each.job_id, each.version) for each in page.items]
        if listed != [(bench.job_id, changed.version)]:
            raise BrokenError(f"{len(listed)} jobs" if len(listed) != 1 else f"{listed[0]}")
        if page.next is None or page.next == cursor:
            raise BrokenError("the job, but the cursor does not move on")
        if (await bench.list_changed(page.next, LONGEST_LIST)).items:
            raise BrokenError("the job, and again after it")
        return "the job, once"
