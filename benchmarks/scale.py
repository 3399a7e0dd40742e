"""How much is measured: all of it for the page, or a little to see that it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Tell = Callable[[str], None]
"""Shows a person how far a benchmark has come."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The size of one run of the benchmarks."""

    rounds: int
    """Rounds of each interleaved comparison."""
    warm_up: int
    """Lifecycles carried out before the clock runs, each round."""
    lifecycles: int
    """Lifecycles that a throughput round counts."""
    paths: Sequence[str] | None
    """Names of the golden paths whose throughput is measured; None for all of them."""
    paths_beside_all: int | None
    """How many golden paths are held against more than the floor; None for all of them."""
    paths_elsewhere: int | None
    """How many golden paths are carried out with the job system elsewhere; None for all of them.

    The path with many calls is in any case.
    """
    hooks_for_seconds: int
    """How long hooks are posted at 20 a second."""
    burst: int
    """Hooks posted at once."""
    commands: int
    """Command round trips."""
    timers: int
    """Timers that fall due within a minute."""
    open_jobs: Sequence[int]
    """Sizes that the stack is grown to."""
    overdue: int
    """Jobs whose timers fell due while the largest stack was down."""
    instances: int
    """Workflow instances whose making is timed."""
    replays: int
    """Replays of a history that are timed."""
    histories: int | None
    """How many of the histories on record are replayed; None for all of them."""
    readings: int
    """How often a list is read at each size of the stack."""
    costs_without_goal: bool
    """Whether paths are counted, too, whose cost has no goal; a test counts each of them."""
    skipped: int
    """Whole searches carried out in skipped time."""
    on_board: int
    """Open jobs on the board of the desk."""


FULL = Scale(
    rounds=5,
    warm_up=20,
    lifecycles=60,
    paths=None,
    paths_beside_all=None,
    paths_elsewhere=None,
    hooks_for_seconds=60,
    burst=500,
    commands=300,
    timers=1000,
    open_jobs=(100, 1_000, 10_000),
    overdue=500,
    instances=200,
    replays=20,
    histories=None,
    readings=5,
    costs_without_goal=True,
    skipped=1000,
    on_board=10_000,
)
QUICK = Scale(
    rounds=1,
    warm_up=1,
    lifecycles=2,
    paths=("PlusOne to completed",),
    paths_beside_all=1,
    paths_elsewhere=0,
    hooks_for_seconds=2,
    burst=30,
    commands=5,
    timers=5,
    open_jobs=(5, 20),
    overdue=5,
    instances=5,
    replays=1,
    histories=3,
    readings=1,
    costs_without_goal=False,
    skipped=5,
    on_board=20,
)
