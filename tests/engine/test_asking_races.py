"""The edge of the 48 hours against a job system: PlusOne accepts, or the job goes; never both."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.accounts import NO_PROVIDER_FOUND, PLUSONE
from domain.effects import AddNote, OpenTask, ReassignJob, SendEmail
from domain.jobs import JobStatus
from domain.roles import STEWARD, Actor, Role
from tests.domain.factories import HOLD, WINDOW_ENDS, a_job
from tests.engine.asked import Chances, CoreWorld, LifeWorld, World
from tests.engine.loop import MemoryLoop
from tests.engine.memory import Life
from tests.engine.test_plus_one import DANA, a_search
from tests.store.rows import a_batch

PAULA = Actor(name="Paula", role=Role.PLUSONE)
TROUBLES = Chances(lost_answer=0.3, no_connection=0.2, crash=0.15, lost_hook=0.1)


def on_the_edge(life: Life) -> Life:
    """Return a search a second before its window ends."""
    life.loop.pass_time(WINDOW_ENDS - timedelta(seconds=1) - life.loop.now())
    return life


def plusone_accepts(world: World) -> None:
    """Accept in the job system, which lets only the account do so that has the job."""
    if world.live.assigned_to.is_(PLUSONE) and world.live.status is JobStatus.NEW:
        world.changes("job.status_changed", PAULA, status=JobStatus.ACCEPTED)


def dispatch_assigns_again(world: World) -> None:
    """Assign to PlusOne anew, in the job system: it has 48 hours again."""
    if world.live.assigned_to.is_(PLUSONE):
        world.changes("job.assigned", DANA, assigned_at=world.loop.now())


def is_gone(world: World) -> bool:
    """Return whether the job went to No Provider Found, by one change there, and is so here."""
    live, ours = world.live, world.held.job
    assert (ours.assigned_to.name, ours.status) == (live.assigned_to.name, live.status)
    gone = live.assigned_to.is_(NO_PROVIDER_FOUND)
    assert gone or live.assigned_to.is_(PLUSONE)
    assert len(world.done) == gone
    assert not gone or live.status is JobStatus.NEW  # never both
    return gone


def core_verdict(world: CoreWorld) -> str:
    world.searching.result()
    gone = is_gone(world)
    assert world.moved == gone
    assert gone or world.live.status is JobStatus.ACCEPTED
    return "gone" if gone else "accepted"


def verdict(world: LifeWorld) -> str:
    """Return what a job has come to, where all that tells of it tells the same."""
    life, store = world.life, world.life.store
    gone = is_gone(world)
    told = (
        len(store.effects(ReassignJob)),
        sum("No Provider Found" in note.text for note in store.effects(AddNote)),
        [mail.template for mail in store.effects(SendEmail)].count("plusone_send_instructions"),
        [task.task for task in store.effects(OpenTask)].count("complete_claim"),
    )
    assert told == (gone,) * 4
    assert not life.attention
    assert life.outcome == ("no_provider_found" if gone else None)
    if gone:
        return "gone"
    accepted = world.live.status is JobStatus.ACCEPTED
    assert life.stage == ("accepted" if accepted else "searching")
    return life.stage


def outcomes(run: Callable[[int], str], interleavings: int) -> Counter[str]:
    """Return how often each verdict came out of so many interleavings, each of its own seed."""
    seen = Counter[str]()
    for seed in range(interleavings):
        try:
            seen[run(seed)] += 1
        except AssertionError as error:
            raise AssertionError(f"interleaving {seed}") from error
    return seen


@pytest.mark.no_cover  # measured, it takes twice as long; what it runs, others run, too
@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-19")
def test_of_an_acceptance_and_a_move_there_is_one_in_ten_thousand_interleavings() -> None:
    wanted = ReassignJob(
        to=NO_PROVIDER_FOUND, by=STEWARD, reason="nobody found", believed=a_job(), hold=HOLD
    )
    batch = a_batch(wanted)

    def run(seed: int) -> str:
        loop = MemoryLoop.at(WINDOW_ENDS - timedelta(seconds=1))
        world = CoreWorld(loop, a_job(), random.Random(seed), TROUBLES)
        world.begin(batch, wanted)
        world.later(0, 6_000, lambda: plusone_accepts(world))
        loop.pass_time(timedelta(minutes=10))
        return core_verdict(world)

    seen = outcomes(run, 10_000)
    assert min(seen["accepted"], seen["gone"]) > 1_000, seen


@pytest.mark.rule("PO-17")
@pytest.mark.rule("PO-19")
@pytest.mark.rule("PO-67")
def test_a_search_at_the_edge_ends_accepted_or_gone_whatever_gets_lost() -> None:
    def run(seed: int) -> str:
        world = LifeWorld(on_the_edge(a_search()), random.Random(seed), TROUBLES)
        world.later(0, 6_000, lambda: plusone_accepts(world))
        world.life.passes("10m")
        return verdict(world)

    assert {*outcomes(run, 300)} == {"accepted", "gone"}


@pytest.mark.rule("PO-18")
def test_a_new_assignment_at_the_edge_has_48_hours_of_its_own_whatever_gets_lost() -> None:
    unheard = Chances(lost_answer=0.3, no_connection=0.2, crash=0.15)

    def run(seed: int) -> str:
        world = LifeWorld(on_the_edge(a_search()), random.Random(seed), unheard)
        world.later(0, 6_000, lambda: dispatch_assigns_again(world))
        world.life.passes("10m")
        return verdict(world)

    assert {*outcomes(run, 200)} == {"searching", "gone"}
