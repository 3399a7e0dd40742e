"""How long one waits: for a hook's answer, a command's, the first note, and after a deadline."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from benchmarks.figures import Bar, Figure, Picture, Section, at_most
from benchmarks.orders import Compared, Posted
from benchmarks.percentiles import percentile, percentile_figures
from benchmarks.scale import Scale, Tell
from benchmarks.stack import Place
from benchmarks.surroundings import Surroundings, surroundings
from domain.policy import load_policy

HOOKS_A_SECOND = 20

_PACED, _BURST = f"hook at {HOOKS_A_SECOND} a second", "hook in a burst"
_PACED_GOAL_MS, _BURST_GOAL_MS, _GIVEN_UP_MS = 50, 500, 5000
_COMMAND_GOAL = 2
_LATENESS_GOAL_SECONDS = 2

_TIMERS_A_MINUTE = 1000
_LEAD_SECONDS, _LEAD_SECONDS_A_TIMER = 10, 0.1

_METHOD = """
The stack is `steward up` on an empty folder: worker and API in one process, Temporal and its files
in another. The caller is a third; each of its calls has a connection of its own, each hook a
signature. Hooks at 20 a second are posted at an even pace however long the answers take, and their
time counts from when they were to be posted; every second one starts a search, the others tell of a
note on an open job. In a burst every hook starts a search, and all are posted at once.

A command is `customer_called` over HTTP, which writes a note and a line of the journal before it is
answered. It is given in turn with two updates of bare workflows on the same server, whose worker
has a process of its own. The floor is the one that first waits for an activity that does nothing,
as the command waits for its own; the other, which is answered at once, is shown beside it. All
these workflows are in their workers' caches.

The first note, and what a deadline brings about, count from when they can be read in the store. The
deadlines are the ends of 48-hour searches that began 48 hours ago, a thousand a minute.
""".strip()

_LIMITS = """
A hook that is told at once takes three transactions of the store's only writer and one call of
Temporal. In a burst, most are answered as soon as they are kept, many in one transaction; what they
wait for is the one core that a Python process has, which the API shares with the worker. A command
takes two tasks of its workflow and an activity, each handed over between three processes; a bare
update with an effect takes the same. A timer waits for the worker to carry out those before it.
""".strip()


class TooSlowError(Exception):
    """Timers fell due too early for what they were to show; the message says how many."""


async def measure(scale: Scale, tell: Tell) -> Section:
    """Return how long one waits for everything that anybody waits for."""
    commands, bursts = list[Compared](), list[tuple[Posted, ...]]()
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        tell("starting the stack")
        async with place.running(), surroundings(place) as around:
            await around.open_searches(around.new_searches(scale.warm_up))
            await around.compare_commands(around.searches, scale.warm_up)
            for number in range(1, scale.rounds + 1):
                tell(f"commands, round {number} of {scale.rounds}")
                commands.append(await around.compare_commands(around.searches, scale.commands))
            tell("first notes")
            first_notes = await around.first_notes(around.new_searches(scale.commands))
            tell(f"hooks at {HOOKS_A_SECOND} a second for {scale.hooks_for_seconds} s")
            paced = await _paced(around, scale.hooks_for_seconds * HOOKS_A_SECOND)
            tell(f"{scale.timers} timers")
            lateness = await _lateness(around, scale.timers)
            for number in range(1, scale.rounds + 1):
                tell(f"burst {number} of {scale.rounds}")
                bursts.append(await around.post(around.new_searches(scale.burst)))
                await around.watch.rest()
    by_pace = percentile_figures(_PACED, "ms", [_waits(paced)], {95: at_most(_PACED_GOAL_MS)})
    by_burst = percentile_figures(
        _BURST, "ms", [_waits(each) for each in bursts], {95: at_most(_BURST_GOAL_MS)}
    )
    by_command, ratios = _trips(commands), _ratios(commands)
    return Section(
        name="latency",
        title="Latency",
        method=_METHOD,
        limits=_LIMITS,
        figures=(
            *by_pace,
            *_losses(_PACED, paced),
            *by_burst,
            *_losses(_BURST, list(chain.from_iterable(bursts))),
            *by_command,
            *ratios,
            *percentile_figures("hook to first note", "ms", [first_notes]),
            *percentile_figures(
                "timer lateness", "s", [lateness], {99: at_most(_LATENESS_GOAL_SECONDS)}
            ),
        ),
        pictures=(
            _bars("latency-paced", f"A hook's answer, {HOOKS_A_SECOND} a second", by_pace),
            _bars("latency-burst", f"A hook's answer, {scale.burst} at once", by_burst),
            _bars("latency-commands", "A command's answer, and bare updates", by_command),
        ),
    )


async def _paced(around: Surroundings, hooks: int) -> tuple[Posted, ...]:
    """Post hooks at the pace of the goal: new searches, and notes on those opened before."""
    new = around.new_searches(hooks // 2)
    known = [*around.searches, *new]
    posted = await around.post(
        [hook for start, old in zip(new, known, strict=False) for hook in (start, old.noted())],
        a_second=HOOKS_A_SECOND,
    )
    await around.watch.rest()
    return posted


async def _lateness(around: Surroundings, timers: int) -> list[float]:
    """Return by how many seconds each of so many deadlines came to pass too late.

    Raises:
        TooSlowError: the first fell due before the last was set.
    """
    lead = timedelta(seconds=_LEAD_SECONDS + timers * _LEAD_SECONDS_A_TIMER)
    begin, apart = datetime.now(UTC) + lead, timedelta(minutes=1) / _TIMERS_A_MINUTE
    window = load_policy(None).plus_one.search_window
    dues = [begin + place * apart for place in range(timers)]
    searches = around.searches_since([due - window for due in dues])
    await around.open_searches(searches)
    await around.watch.reminders(timers)
    if datetime.now(UTC) > begin:
        raise TooSlowError(f"{timers} timers could not be set in {lead.total_seconds():.0f} s")
    ends = await around.watch.ends_of_searches([search.job_id for search in searches])
    return [ends[each.job_id] - due.timestamp() for each, due in zip(searches, dues, strict=True)]


def _waits(posted: Sequence[Posted]) -> list[float]:
    return [each.milliseconds for each in posted]


def _losses(name: str, posted: Sequence[Posted]) -> list[Figure]:
    refused = sum(not each.taken for each in posted)
    late = sum(each.milliseconds > _GIVEN_UP_MS for each in posted)
    told_later = sum(each.told_later for each in posted)
    return [
        Figure.of(f"{name}, refused", "hooks", [refused], at_most(0)),
        Figure.of(f"{name}, over 5 s", "hooks", [late], at_most(0)),
        Figure.of(f"{name}, kept and told later", "hooks", [told_later]),
    ]


def _trips(rounds: Sequence[Compared]) -> list[Figure]:
    return [
        *percentile_figures("command", "ms", [each.command for each in rounds]),
        *percentile_figures("empty update", "ms", [each.empty_update for each in rounds]),
        *percentile_figures(
            "update with an effect", "ms", [each.update_with_effect for each in rounds]
        ),
    ]


def _ratios(rounds: Sequence[Compared]) -> list[Figure]:
    def slower(floor: Callable[[Compared], Sequence[float]]) -> list[float]:
        return [percentile(each.command, 95) / percentile(floor(each), 95) for each in rounds]

    return [
        Figure.of(
            "command against an update with an effect, p95",
            "×",
            slower(lambda each: each.update_with_effect),
            at_most(_COMMAND_GOAL),
        ),
        Figure.of(
            "command against an empty update, p95", "×", slower(lambda each: each.empty_update)
        ),
    ]


def _bars(name: str, title: str, figures: Sequence[Figure]) -> Picture:
    return Picture(
        name=name,
        title=title,
        y_label="ms",
        bars=tuple(
            Bar(label=each.name, median=each.median, lowest=each.lowest, highest=each.highest)
            for each in figures
        ),
        limit=next((each.goal.limit for each in figures if each.goal), None),
    )
