"""A job system to ask, in memory and in a lifecycle's own time: hooks, answers and crashes at will.

What decides is the product's: `Asking`, `HeldJob`, the story. Only the tables are a dictionary.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from temporalio.exceptions import ApplicationError

from activities.asking import Asking
from activities.job_system import JobSystem, NotReachedError
from domain.accounts import PLUSONE
from domain.asking import CHANGED, as_expected, changing_steps, request_for, why_not
from domain.effects import Batch, BatchResult, ReassignJob, UpdateJob
from domain.events import EventEnvelope, JobAssigned, JobChanged
from domain.job_system import ChangedJobs, ChangeRequest, LiveJob, Telling
from domain.jobs import HeldJob, Job, JobStatus
from domain.refusals import Refusal
from domain.roles import STEWARD, Actor
from store.asking import Ask, Prepared
from store.job_changes import Agreement
from store.ledger import Render
from tests.domain.factories import ASSIGNED_AT, a_job
from tests.engine.loop import MemoryLoop
from tests.engine.memory import Life
from tests.job_system import MemoryJobSystem

_events = count(1)
_NEW: Mapping[str, Any] = {"occurred_at": ASSIGNED_AT, "actor": STEWARD, "job": a_job()}
_EVENTS: Mapping[str, JobAssigned | JobChanged] = {
    "job.assigned": JobAssigned(type="job.assigned", **_NEW),
    "job.status_changed": JobChanged(type="job.status_changed", **_NEW),
}


@dataclass
class Row:
    """What is kept of one thing asked."""

    ask: Ask
    state: str = "asking"
    is_certain: bool = False
    """Whether it is certain that nothing was done."""


@dataclass(frozen=True)
class Chances:
    """How often something goes wrong, each from 0 to 1."""

    lost_answer: float = 0.0
    no_connection: float = 0.0
    crash: float = 0.0
    lost_hook: float = 0.0


@dataclass
class World:
    """A job in the job system, our copy of it, and what is on its way between them."""

    loop: MemoryLoop
    job: InitVar[Job]
    dice: random.Random
    chances: Chances = Chances()
    partner: MemoryJobSystem = field(init=False)
    held: HeldJob = field(init=False)
    version: int = 1
    rows: dict[str, Row] = field(default_factory=dict)
    results: dict[int, BatchResult] = field(default_factory=dict)
    hooks: deque[JobAssigned | JobChanged] = field(default_factory=deque)
    done: list[ChangeRequest] = field(default_factory=list)
    """The changes that the job system has made because it was asked."""

    def __post_init__(self, job: Job) -> None:
        self.held = HeldJob(job=job)
        self.partner = MemoryJobSystem(now=self.loop.now)
        self.partner.enter(job)
        self.asking = Asking(Kept(self), Travelling(self), self.loop.now)

    @property
    def live(self) -> Job:
        return self.partner.jobs[self.held.job.job_id]

    # --- what people and the job system do -----------------------------------------------------

    def changes(self, type_: str, actor: Actor, **changes: object) -> None:
        """Have the job changed in the job system, and a hook sent of it."""
        self.partner.enter(self.live.model_copy(update=changes))
        self.tells(type_, actor)

    def tells(self, type_: str, actor: Actor) -> None:
        """Send a hook with the job as it stands, unless it gets lost."""
        if self.dice.random() < self.chances.lost_hook:
            return
        event = _EVENTS[type_].model_copy(
            update={"occurred_at": self.loop.now(), "actor": actor, "job": self.live}
        )
        self.hooks.append(event)
        self.later(0, 900, self._deliver)

    def later(self, least: int, most: int, doing: Callable[[], None]) -> None:
        """Do something after so many milliseconds, by chance."""
        self.loop.call_later(self.dice.randint(least, most) / 1000, doing)

    def _deliver(self) -> None:
        """Take the hooks over in their order, unless the job system is being asked."""
        if any(row.state == "asking" and not row.is_certain for row in self.rows.values()):
            self.later(300, 300, self._deliver)
            return
        while self.hooks:
            event = self.hooks.popleft()
            before = self.held
            self.held = before.told(
                event.job,
                newly_assigned=event.type == "job.assigned" and event.actor != STEWARD,
                tells_assignment=event.type == "job.assigned",
                tells_status=event.type == "job.status_changed",
            )
            self.keep(self.version + (self.held.job != before.job))
            self.hears(event.model_copy(update={"job": self.held.job}))

    def keep(self, version: int) -> None:
        """Keep our copy under a version."""
        self.version = version

    def hears(self, event: JobAssigned | JobChanged) -> None:
        """Have the lifecycle hear an event, with our copy of the job."""
        raise NotImplementedError

    def comes_true(self, batch: Batch, *, agreed: bool) -> BatchResult:
        """Do all else that a batch does; the job has changed as it says, or it has none to."""
        raise NotImplementedError

    # --- carrying out --------------------------------------------------------------------------

    async def carry_out(self, batch: Batch) -> BatchResult:
        """Carry a batch out, as often as it takes."""
        while True:
            await self.passes()
            try:
                answer = await self._asked_first(batch)
            except ApplicationError as error:
                await self.loop.sleep_for(error.next_retry_delay or timedelta(seconds=1))
                continue
            if isinstance(answer, Agreement) and self.dice.random() < self.chances.crash:
                continue
            return answer if isinstance(answer, BatchResult) else self._apply(batch, answer)

    async def _asked_first(self, batch: Batch) -> Agreement | BatchResult | None:
        if not self.asking.is_asked_about(batch):
            return None
        return await self.asking.agree(batch, _renders_nothing)

    def _apply(self, batch: Batch, agreed: Agreement | None) -> BatchResult:
        if batch.sequence in self.results:
            return self.results[batch.sequence]
        result = self.comes_true(batch, agreed=agreed is not None)
        if agreed is not None:
            for step in changing_steps(batch):
                self.held = _after(self.held, step.effect, batch.now)
            self.held = self.held.agreed(agreed.live) if agreed.live else self.held
            self.keep(self.version + 1)
            for row in self.rows.values():
                row.state = "done" if row.ask.id == agreed.row_id else row.state
            told = {"job": self.held.job, "job_version": self.version}
            result = result.model_copy(update=told)
        self.results[batch.sequence] = result
        return result

    async def passes(self) -> None:
        """Let a request, or a transaction, take its time."""
        await self.loop.sleep_for(timedelta(milliseconds=self.dice.randint(1, 400)))


class LifeWorld(World):
    """A world with a whole lifecycle in it: engine and story."""

    def __init__(self, life: Life, dice: random.Random, chances: Chances) -> None:
        self.life = life
        super().__init__(life.loop, life.store.job, dice, chances, version=life.store.version)
        life.asks = self.carry_out

    def keep(self, version: int) -> None:
        super().keep(version)
        self.life.store.job, self.life.store.version = self.held.job, version

    def hears(self, event: JobAssigned | JobChanged) -> None:
        envelope = EventEnvelope(
            event_id=f"told-{next(_events)}", job_version=self.version, event=event, age=0
        )
        self.life.signals("job_event", envelope.model_dump(mode="json"))

    def comes_true(self, batch: Batch, *, agreed: bool) -> BatchResult:
        return self.life.store.apply(batch, agreed=agreed)


class CoreWorld(World):
    """A world with the core of a search in it: at its end it asks, and decides again if refused."""

    believed: Job
    moved = 0
    """How often the job was moved here."""
    asked = 0

    def begin(self, batch: Batch, wanted: ReassignJob) -> None:
        """Begin to wait for the end of the window."""
        self.believed = self.held.job
        self._batch, self._wanted = batch, wanted
        self.searching = self.loop.create_task(self._search())

    def hears(self, event: JobAssigned | JobChanged) -> None:
        self.believed = event.job

    def comes_true(self, batch: Batch, *, agreed: bool) -> BatchResult:
        assert agreed
        self.moved += 1
        return BatchResult()

    async def _search(self) -> None:
        while self.believed.assigned_to.is_(PLUSONE) and self.believed.status is JobStatus.NEW:
            left = self.believed.assigned_at + self._wanted.hold.search_window - self.loop.now()
            if left > timedelta():
                await self.loop.sleep_for(left)
                continue
            result = await self.carry_out(self._turn())
            assert result.job is not None
            self.believed = result.job

    def _turn(self) -> Batch:
        self.asked += 1
        wanted = self._wanted.model_copy(update={"believed": self.believed})
        now, first = self.loop.now(), self._batch.steps[0]
        step = first.model_copy(update={"effect": wanted, "at": now})
        turn = {"steps": (step,), "sequence": self.asked, "now": now}
        return self._batch.model_copy(update=turn)


def _after(held: HeldJob, effect: object, now: datetime) -> HeldJob:
    if isinstance(effect, ReassignJob):
        return held.reassigned(effect.to, now)
    assert isinstance(effect, UpdateJob)
    return held.updated(effect)


def _renders_nothing(*_: object) -> Any:
    raise AssertionError("nobody makes mails here")


@dataclass
class Travelling(JobSystem):
    """The job system at the other end of a network."""

    world: World

    @property
    def is_elsewhere(self) -> bool:
        return True

    async def read(self, job_id: str) -> LiveJob:
        await self._arrives()
        live = await self.world.partner.read(job_id)
        await self.world.passes()
        return live

    async def change(self, job_id: str, change: ChangeRequest, key: str) -> LiveJob:
        await self._arrives()
        version = self.world.partner.versions[job_id]
        live = await self.world.partner.change(job_id, change, key)
        if self.world.partner.versions[job_id] != version:
            self.world.done.append(change)
            self.world.tells("job.assigned", change.actor)
        await self.world.passes()
        if self.world.dice.random() < self.world.chances.lost_answer:
            raise NotReachedError("the answer got lost", may_have_happened=True)
        return live

    async def tell(self, job_id: str, telling: Telling, key: str) -> str | None:
        raise AssertionError(f"nobody tells of {telling.what} here: {job_id}, {key}")

    async def list_changed(self, since: str | None, limit: int) -> ChangedJobs:
        raise AssertionError(f"nobody lists here: {since}, {limit}")

    async def close(self) -> None:
        """Have nothing to close."""

    async def _arrives(self) -> None:
        await self.world.passes()
        if self.world.dice.random() < self.world.chances.no_connection:
            raise NotReachedError("no connection")


@dataclass
class Kept:
    """Keeps what is asked; see `KeepsAsked`."""

    world: World

    async def prepare(self, batch: Batch, render: Render, now: datetime) -> Prepared:
        world = self.world
        if batch.sequence in world.results:
            return None
        key = f"{changing_steps(batch)[0].key}@{batch.sequence}"
        row = world.rows.get(key)
        if row is not None and row.state == "done":
            return self._as_it_is(CHANGED)
        if row is not None and not row.is_certain:
            return replace(row.ask, held=world.held, may_be_done=True)
        if refusal := why_not(batch, world.held.job):
            world.rows.pop(key, None)
            return self._as_it_is(refusal)
        ask = Ask(
            id=len(world.rows) + 1,
            row_key=key,
            generation=row.ask.generation if row else 0,
            request=request_for(batch, world.held.job),
            held=world.held,
            may_be_done=False,
        )
        world.rows[key] = Row(ask)
        return ask

    async def ask_anew(self, ask: Ask, live: Job, now: datetime) -> Ask:
        request = ask.request.model_copy(update={"expected": as_expected(live)})
        anew = replace(ask, request=request, generation=ask.generation + 1, may_be_done=False)
        self.world.rows[ask.row_key].ask = anew
        return anew

    async def postpone(
        self,
        ask: Ask,
        reason: str | None,
        now: datetime,
        next_attempt_at: datetime | None,
    ) -> None:
        self.world.rows[ask.row_key].is_certain = next_attempt_at is not None

    async def refuse(self, ask: Ask, batch: Batch, reason: str, now: datetime) -> None:
        raise AssertionError(f"{ask.key} of {batch.workflow_id} is refused at {now}: {reason}")

    async def turn_down(self, ask: Ask, reason: str, now: datetime) -> BatchResult:
        raise AssertionError(f"{ask.key} is turned down at {now}: {reason}")

    async def take(
        self,
        ask: Ask,
        batch: Batch,
        live: Job,
        refusal: Refusal,
        now: datetime,
    ) -> BatchResult:
        world = self.world
        before = world.held
        world.held = before.shown(live)
        world.keep(world.version + (world.held.job != before.job))
        world.rows[ask.row_key].state = "done"
        return self._as_it_is(refusal)

    def _as_it_is(self, refusal: Refusal) -> BatchResult:
        return BatchResult(refusal=refusal, job=self.world.held.job, job_version=self.world.version)
