"""What it costs to ask and tell another job system, instead of keeping the jobs alone."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.driver import Driven
from benchmarks.driving import driven, under_way
from benchmarks.figures import Bar, Figure, Goal, Picture, Section, at_most
from benchmarks.golden_paths import GOLDEN_PATHS, Event, GoldenPath
from benchmarks.lives import JOB, NotAsToldError, StewardLives
from benchmarks.partner import Heard
from benchmarks.processes import child
from benchmarks.quiet_paths import MANY_CALLS, MANY_NOTES
from benchmarks.scale import Scale, Tell
from domain.outgoing import Destination
from store.database import Database, migrate
from workers.temporal import connect

_ASKED = at_most(1.25)
_NOT_ASKED = at_most(1.1)
"""Nothing, within the noise of this benchmark."""
_ASKS = "PlusOne to No Provider Found"
"""The first path to measure where little is measured: its job changes."""
_MILLISECONDS = 1000

_METHOD = """\
Each golden path is carried out twice in each of {rounds} rounds, in turns: once where Steward's own
copy of the jobs is all there is, and once where another job system has to be asked and told. That
one is a process of its own on this machine, reached over HTTP, and agrees to everything at once.
Else all is as it is for [throughput](#throughput-and-processor-time): {under_way} lifecycles under
way, {warm_up} before the clock starts, {lifecycles} counted.

The worker asks, so its processor time is held against each other. What it tells it writes into the
outbox; the API sends it, in a process of its own here, for whose processor time there is no goal.
One more path gives six commands that change no job. And {hooks} hooks that change none go through
the intake of one process, into the store of each of the two, a job here and a job there."""

_LIMITS = """\
A question is one more transaction before it, and a request over HTTP with its two models in JSON.
Each note, task and Exception is one more row in the transaction that writes it. A job system over a
network answers later: the lifecycle waits longer for it, but the worker has no more to do."""


class Jobs(StrEnum):
    """Where the jobs are."""

    OWN_COPY = "own copy"
    ELSEWHERE = "job system elsewhere"


@dataclass(frozen=True)
class _Run:
    """What one run came to."""

    driven: Driven
    heard: Heard | None
    """What the other job system had heard in the end."""


_Rounds = Mapping[Jobs, Sequence[_Run]]


async def measure(scale: Scale, tell: Tell) -> Section:
    """Measure the golden paths, commands and hooks, with the jobs here and elsewhere."""
    by_need = sorted(GOLDEN_PATHS, key=lambda path: path.name != _ASKS)
    paths = (*by_need[: scale.paths_elsewhere], MANY_CALLS)
    found = {path.name: await _rounds_of(path, scale, tell) for path in paths}
    tell("hooks")
    hooks = await _hooks(scale)
    return Section(
        name="asking",
        title="What asking costs",
        method=_METHOD.format(
            rounds=scale.rounds,
            under_way=under_way(scale),
            warm_up=scale.warm_up,
            lifecycles=scale.lifecycles,
            hooks=_hooks_of(scale),
        ),
        limits=_LIMITS,
        figures=(
            *(figure for name, rounds in found.items() for figure in _figures(name, rounds)),
            *_compared("hooks that change no job: processor time", "ms", hooks, _NOT_ASKED),
        ),
        pictures=(_picture(found),),
    )


async def _rounds_of(path: GoldenPath, scale: Scale, tell: Tell) -> _Rounds:
    found: dict[Jobs, list[_Run]] = {jobs: [] for jobs in Jobs}
    order = deque(Jobs)
    for number in range(1, scale.rounds + 1):
        for jobs in order:
            tell(f"{path.name}: round {number} of {scale.rounds}, {jobs}")
            found[jobs].append(await _run(path, scale, jobs))
        order.rotate(1)
    return found


async def _run(path: GoldenPath, scale: Scale, jobs: Jobs) -> _Run:
    """Carry a path out; a job system knows its jobs as their events show them."""
    if jobs is Jobs.OWN_COPY:
        return _Run(await driven(path, scale), None)
    job = {"order_id": None, "assigned_at": datetime.now(UTC).isoformat(), **JOB}
    for told in (*path.before, *path.told):
        job |= told.job if isinstance(told, Event) else {}
    async with child("benchmarks.partner", json.dumps(job)) as partner:
        run = await driven(path, scale, job_system_url=partner.said)
        heard = Heard.model_validate_json(await partner.ask("heard"))
    lives = scale.lifecycles if path.name == _ASKS else 0
    if (path is MANY_CALLS and heard.asked) or heard.asked < lives:
        raise NotAsToldError(f"{path.name}: the job system was asked {heard.asked} times")
    return _Run(run, heard)


# --- hooks ------------------------------------------------------------------------------------


async def _hooks(scale: Scale) -> Mapping[Jobs, Sequence[float]]:
    """Return the processor time of a hook that changes no job, in milliseconds, by round."""
    found: dict[Jobs, list[float]] = {jobs: [] for jobs in Jobs}
    for _ in range(scale.rounds):
        for jobs, seconds in (await _round_of_hooks(scale)).items():
            found[jobs].append(_MILLISECONDS * seconds / _hooks_of(scale))
    return found


async def _round_of_hooks(scale: Scale) -> Mapping[Jobs, float]:
    """Return the seconds of processor time of all hooks: a job here, a job there, in turns."""
    client = await connect(lazy=True)
    took = dict.fromkeys(Jobs, 0.0)
    with TemporaryDirectory() as folder:
        databases, lives = [], {}
        for jobs in Jobs:
            url = f"sqlite:///{Path(folder) / f'{jobs.name}.sqlite3'}"
            migrate(url)
            tells = {Destination.JOB_SYSTEM} if jobs is Jobs.ELSEWHERE else ()
            databases.append(Database(url, tells))
            lives[jobs] = StewardLives(MANY_NOTES, client, databases[-1])
            await lives[jobs].prepared(0)
        for number in range(1, 1 + _lives_of_hooks(scale)):
            for jobs in Jobs:
                began = time.process_time()
                await lives[jobs].prepared(number)
                took[jobs] += time.process_time() - began
        for database in databases:
            await database.close()
    return took


def _lives_of_hooks(scale: Scale) -> int:
    return max(1, scale.commands // len(MANY_NOTES.told))


def _hooks_of(scale: Scale) -> int:
    return _lives_of_hooks(scale) * len(MANY_NOTES.told)


# --- what is made of it -----------------------------------------------------------------------


def _figures(path: str, rounds: _Rounds) -> Sequence[Figure]:
    def of(measured: Callable[[Driven], float]) -> Mapping[Jobs, Sequence[float]]:
        return {jobs: [measured(run.driven) for run in runs] for jobs, runs in rounds.items()}

    goal = _NOT_ASKED if path == MANY_CALLS.name else _ASKED
    lives = [run.heard for run in rounds[Jobs.ELSEWHERE] if run.heard is not None]
    return [
        *_compared(f"{path}: worker's processor time", "ms", of(lambda run: run.worker_ms), goal),
        *_compared(f"{path}: Temporal's processor time", "ms", of(lambda run: run.server_ms)),
        *_compared(f"{path}: rate", "1/s", of(lambda run: run.rate)),
        Figure.of(
            f"{path}: processor time of what tells",
            "ms",
            [run.driven.teller_ms for run in rounds[Jobs.ELSEWHERE]],
        ),
        Figure.of(f"{path}: changes asked for, in a run", "", [each.asked for each in lives]),
        Figure.of(f"{path}: jobs read, in a run", "", [each.read for each in lives]),
        Figure.of(f"{path}: things told, in a run", "", [each.told for each in lives]),
    ]


def _compared(
    name: str, unit: str, found: Mapping[Jobs, Sequence[float]], goal: Goal | None = None
) -> Sequence[Figure]:
    """Return the ratio of a quantity within each round, and the quantity with the jobs in both."""
    pairs = zip(found[Jobs.ELSEWHERE], found[Jobs.OWN_COPY], strict=True)
    ratios = [elsewhere / own for elsewhere, own in pairs]
    return [
        Figure.of(f"{name}, against the own copy", "×", ratios, goal),
        *(Figure.of(f"{name}, {jobs}", unit, values) for jobs, values in found.items()),
    ]


def _picture(found: Mapping[str, _Rounds]) -> Picture:
    bars = []
    for path, rounds in found.items():
        for jobs, runs in rounds.items():
            figure = Figure.of(path, "ms", [run.driven.worker_ms for run in runs])
            bars.append(
                Bar(
                    label=f"{path}\n{jobs}",
                    median=figure.median,
                    lowest=figure.lowest,
                    highest=figure.highest,
                )
            )
    return Picture(
        name="asking",
        title="Processor time of the worker",
        y_label="ms for a lifecycle",
        bars=tuple(bars),
    )
