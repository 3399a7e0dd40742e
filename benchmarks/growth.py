"""How the stack bears more and more open jobs, and how it comes back with all of them."""

from __future__ import annotations

import asyncio
import tempfile
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure, Picture, Section, at_most
from benchmarks.latency import HOOKS_A_SECOND, TooSlowError
from benchmarks.orders import Compared, Hook, Milliseconds
from benchmarks.percentiles import percentile
from benchmarks.scale import Scale, Tell
from benchmarks.stack import Place, Sizes, Stack, StackFailedError, steward
from benchmarks.store_watch import StoreWatch
from benchmarks.surroundings import JobsLostError, Surroundings, surroundings
from domain.policy import load_policy

_HOOK, _COMMAND = "hook", "command"
_RANKS = (50, 95)
_OPENED_AT_ONCE = 500

_SLOWER_GOAL = 1.5
_BOUNDED_GOAL = 1.5
_DISK_GOAL_KB = 40
_RESTART_GOAL_SECONDS = 60

_LEAD_SECONDS, _LEAD_SECONDS_A_TIMER = 10, 0.1

_METHOD = """
The stack is `steward up` on an empty folder: worker and API in one process, Temporal and its files
in another. Jobs are opened through the hooks; each then searches, with its timer set. At each size,
disk and memory are read when nothing moves any more. Then hooks tell, 20 a second, of notes on jobs
evenly spread over all that are open, and commands are given to others, as spread, in turn with bare
updates as under Latency; so most of them meet jobs that the worker no longer has in its cache of
1,000 and has to replay. `GET /jobs` reads the first page of 100; `steward stuck` is the whole
command, its start included. Disk counts both databases with their journal files.

At the largest size, searches are opened that are about to end, and then both processes are killed
(SIGKILL). When all of these searches are overdue, `steward up` is started again; the time runs from
there until the last of them can be read as ended in the store.
""".strip()

_LIMITS = """
A hook and a command read and write by key, in the store and in Temporal; what grows is the replay
of jobs that are not in the worker's cache. `GET /jobs` sorts all open lifecycles, and `stuck` reads
them. The worker's memory grows with its cache, and that ends at 1,000 jobs. Most of Temporal's disk
is not the history but the indexes that its SQLite schema keeps of every search attribute, used or
not. A restart waits for Python's imports and Temporal's start, and then for the worker, which
replays each overdue job.
""".strip()


@dataclass(frozen=True, kw_only=True)
class _Size:
    """What was measured with so many open jobs."""

    jobs: int
    disk: Sizes
    memory: Sizes
    waits: Mapping[str, Milliseconds]
    """By what was waited for."""
    listing: Milliseconds
    stuck: Milliseconds


async def measure(scale: Scale, tell: Tell) -> Section:
    """Return what the stack takes, in time and in space, with ever more open jobs."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        tell("starting the stack")
        async with place.running() as stack:
            async with surroundings(place) as around:
                sizes = [
                    await _measured(jobs, stack, around, scale, tell) for jobs in scale.open_jobs
                ]
                tell(f"opening {scale.overdue} searches that are about to end")
                overdue, due = await _about_to_end(around, scale.overdue)
            await stack.kill()
            if datetime.now(UTC) > due:
                raise TooSlowError(f"{scale.overdue} searches were not opened before they ended")
        tell("waiting until they are overdue")
        await asyncio.sleep((due - datetime.now(UTC)).total_seconds())
        tell("starting the stack again")
        until_ready, until_ended = await _restart(place, overdue)
    return Section(
        name="growth",
        title="Growth",
        method=_METHOD,
        limits=_LIMITS,
        figures=(
            *(figure for size in sizes for figure in _figures(size)),
            *_comparisons(sizes),
            Figure.of("restart until ready", "s", [until_ready]),
            Figure.of(
                f"restart until {scale.overdue} overdue timers have fired",
                "s",
                [until_ended],
                at_most(_RESTART_GOAL_SECONDS),
            ),
        ),
        pictures=_pictures(sizes),
    )


# --- measuring --------------------------------------------------------------------------------


async def _measured(
    jobs: int, stack: Stack, around: Surroundings, scale: Scale, tell: Tell
) -> _Size:
    """Open jobs until there are so many, and measure."""
    while missing := jobs - len(around.searches):
        tell(f"opening jobs: {len(around.searches):,} of {jobs:,}")
        await around.open_searches(around.new_searches(min(missing, _OPENED_AT_ONCE)))
    disk, memory = around.place.disk(), stack.memory()
    tell(f"measuring with {jobs:,} open jobs")
    await _note(around, scale.warm_up, 1 / 4)
    hooks = await _note(around, scale.commands, 0)
    await _command(around, scale.warm_up, 3 / 4)
    trips = await _command(around, scale.commands, 1 / 2)
    return _Size(
        jobs=jobs,
        disk=disk,
        memory=memory,
        waits={
            _HOOK: hooks,
            _COMMAND: trips.command,
            "update with an effect": trips.update_with_effect,
        },
        listing=await around.read("/jobs", scale.readings),
        stuck=tuple([await _stuck(around.place) for _ in range(scale.readings)]),
    )


async def _note(around: Surroundings, times: int, phase: float) -> Milliseconds:
    notes = [job.noted() for job in _spread(around.searches, times, phase)]
    posted = await around.post(notes, a_second=HOOKS_A_SECOND)
    if lost := sum(not each.taken for each in posted):
        raise JobsLostError(f"{lost} of {times} hooks were not taken")
    await around.watch.rest()
    return tuple(each.milliseconds for each in posted)


async def _command(around: Surroundings, times: int, phase: float) -> Compared:
    return await around.compare_commands(_spread(around.searches, times, phase), times)


def _spread(jobs: Sequence[Hook], wanted: int, phase: float) -> list[Hook]:
    """Return jobs evenly spread over all, some more than once if more are wanted than there are.

    Args:
        jobs: all.
        wanted: how many.
        phase: from 0 to 1: two lists of another phase share no job, if there are enough.
    """
    apart = len(jobs) / wanted
    return [jobs[int((place + phase) * apart)] for place in range(wanted)]


async def _stuck(place: Place) -> float:
    """Return how many milliseconds the command takes that lists what is stuck."""
    begin = time.monotonic()
    command = await asyncio.create_subprocess_exec(
        *steward("stuck"), stdin=DEVNULL, stdout=DEVNULL, env=place.environment()
    )
    if status := await command.wait():
        raise StackFailedError(f"steward stuck ended with exit {status}")
    return (time.monotonic() - begin) * 1000


async def _about_to_end(around: Surroundings, wanted: int) -> tuple[list[str], datetime]:
    """Open searches that end in a moment; return their jobs, and when they end."""
    lead = timedelta(seconds=_LEAD_SECONDS + wanted * _LEAD_SECONDS_A_TIMER)
    due = datetime.now(UTC) + lead
    searches = around.searches_since([due - load_policy(None).plus_one.search_window] * wanted)
    await around.open_searches(searches)
    await around.watch.reminders(wanted)
    return [search.job_id for search in searches], due


async def _restart(place: Place, overdue: Sequence[str]) -> tuple[float, float]:
    """Return after how many seconds the stack is ready, and has ended what was overdue."""
    begin = time.monotonic()
    async with place.running():
        ready = time.monotonic()
        await StoreWatch(place.store).ends_of_searches(overdue)
        return ready - begin, time.monotonic() - begin


# --- telling ----------------------------------------------------------------------------------


def _figures(size: _Size) -> list[Figure]:
    named = f"{size.jobs:,} open jobs"
    return [
        *(
            Figure.of(f"{named}: {what}, p{rank}", "ms", [percentile(waits, rank)])
            for what, waits in size.waits.items()
            for rank in _RANKS
        ),
        Figure.of(f"{named}: GET /jobs", "ms", size.listing),
        Figure.of(f"{named}: steward stuck", "ms", size.stuck),
        Figure.of(f"{named}: memory of worker and API", "MiB", [size.memory.steward]),
        Figure.of(f"{named}: memory of Temporal", "MiB", [size.memory.temporal]),
        Figure.of(f"{named}: store on disk", "KB", [size.disk.steward]),
        Figure.of(f"{named}: Temporal on disk", "KB", [size.disk.temporal]),
    ]


def _comparisons(sizes: Sequence[_Size]) -> list[Figure]:
    smallest, smaller, largest = sizes[0], sizes[-2], sizes[-1]
    return [
        *(
            Figure.of(
                f"{largest.jobs:,} open jobs against {smallest.jobs:,}: {what}, p{rank}",
                "×",
                [percentile(waits, rank) / percentile(smallest.waits[what], rank)],
                at_most(_SLOWER_GOAL) if what in {_HOOK, _COMMAND} else None,
            )
            for what, waits in largest.waits.items()
            for rank in _RANKS
        ),
        Figure.of(
            f"{largest.jobs:,} open jobs against {smaller.jobs:,}: memory of worker and API",
            "×",
            [largest.memory.steward / smaller.memory.steward],
            at_most(_BOUNDED_GOAL),
        ),
        Figure.of(
            f"{largest.jobs:,} open jobs: disk of each",
            "KB",
            [largest.disk.both / largest.jobs],
            at_most(_DISK_GOAL_KB),
        ),
    ]


def _pictures(sizes: Sequence[_Size]) -> tuple[Picture, ...]:
    def line(value: Callable[[_Size], float]) -> tuple[tuple[float, float], ...]:
        return tuple((size.jobs, value(size)) for size in sizes)

    jobs = "open jobs"
    return (
        Picture(
            name="growth-waits",
            title="Waiting (p95)",
            y_label="ms",
            x_label=jobs,
            lines={
                what: tuple((size.jobs, percentile(size.waits[what], 95)) for size in sizes)
                for what in sizes[0].waits
            },
        ),
        Picture(
            name="growth-reads",
            title="Reading lists",
            y_label="ms",
            x_label=jobs,
            lines={
                "GET /jobs": line(lambda size: median(size.listing)),
                "steward stuck": line(lambda size: median(size.stuck)),
            },
        ),
        Picture(
            name="growth-memory",
            title="Resident memory",
            y_label="MiB",
            x_label=jobs,
            lines={
                "worker and API": line(lambda size: size.memory.steward),
                "Temporal": line(lambda size: size.memory.temporal),
            },
        ),
        Picture(
            name="growth-disk",
            title="Disk, for each open job",
            y_label="KB",
            x_label=jobs,
            lines={
                "store": line(lambda size: size.disk.steward / size.jobs),
                "Temporal": line(lambda size: size.disk.temporal / size.jobs),
                "both": line(lambda size: size.disk.both / size.jobs),
            },
            limit=_DISK_GOAL_KB,
        ),
    )
