"""Effects: collected while the story goes on, and carried out together when it waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Protocol, TypeVar

from domain.attention import NOT_CARRIED_OUT
from domain.effects import (
    Batch,
    BatchResult,
    CloseTask,
    Effect,
    Kept,
    OpenTask,
    Progress,
    ReassignJob,
    SendCommand,
    Step,
    WriteJournal,
)
from domain.labels import attention_label, lifecycle_label, task_label, to_do
from domain.lifecycles import Case, LifecycleStart, job_of
from domain.roles import STEWARD, Actor
from workflows.runtime import Runtime, StoreNotReachedError

_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=5)
"""How long the store is left alone between two of its failures, at first and at most."""
_LONG = timedelta(minutes=1)
"""How long a batch takes to fail where it is the store that does not answer."""

_REQUESTS_KNOWN = 20
"""Turns, the latest, of which it is known by which request they are asked for."""
_LONGEST_TURN = 280
"""Characters of a turn's name that fit a key with all that stands beside it."""

ResultT = TypeVar("ResultT")


class KeepsCase(Protocol):
    """Tells the store from what the lifecycle can go on; see `workflows.keeping`."""

    def kept_with(
        self, steps: Sequence[Step], progress: Progress | None, *, keeps_turn: bool
    ) -> Kept:
        """Return what the store keeps with a batch of these effects."""

    def has_kept(self, batch: Batch, result: BatchResult) -> None:
        """Take in that a batch has come true."""


class EffectBuffer:
    """Collects effects, and has them come true in one batch.

    Effects are named by the turn they belong to, what woke the lifecycle, and by their place in it:
    so their keys are the same in every replay, and after a reset.
    """

    def __init__(
        self, runtime: Runtime, start: LifecycleStart, case: Case, on_trouble: Callable[[], None]
    ) -> None:
        """Begin with nothing collected.

        Args:
            runtime: carries batches out.
            start: the workflow's argument.
            case: counts the batches, and asks for attention when they cannot be carried out.
            on_trouble: called when the store does not take a batch.
        """
        self._runtime = runtime
        self._case = case
        self._episode = start.episode
        self._known_version = start.job_version if start.cause.kind == "command" else None
        self._on_trouble = on_trouble
        self._steps: list[Step] = []
        self._turn = f"continued:{case.turns}" if case.turns else "start"
        self._steps_in_turn = 0
        self._requests = dict[str, str]()
        self._asked_for_by(runtime.start_request_id)
        self.keeper: KeepsCase | None = None
        """Says what the store keeps of the case, once the engine is put together."""
        self.was_cancelled = False
        """Whether the lifecycle was cancelled in Temporal while a batch was under way."""

    def __bool__(self) -> bool:
        """Return whether effects wait to be carried out."""
        return bool(self._steps)

    # --- collecting --------------------------------------------------------------------------

    def begin_turn(self, name: str, request_id: str | None = None) -> None:
        """Name the effects that follow for what woke the lifecycle.

        Args:
            name: what did.
            request_id: the request that brought it, where one is known.
        """
        if len(name) > _LONGEST_TURN:
            name = f"{name[: _LONGEST_TURN - 65]}:{sha256(name.encode()).hexdigest()}"
        self._turn, self._steps_in_turn = name, 0
        self._asked_for_by(request_id)

    def _asked_for_by(self, request_id: str | None) -> None:
        """Remember for log lines by which request this turn is asked for."""
        if request_id is not None:
            self._requests[self._prefix] = request_id
            if len(self._requests) > _REQUESTS_KNOWN:
                del self._requests[next(iter(self._requests))]

    def _requests_of(self, steps: Sequence[Step]) -> tuple[str, ...]:
        """Return the requests that effects are asked for by.

        What follows from a mail's fate has the turn that has queued the mail in its key.
        """
        found = (
            request_id
            for turn, request_id in self._requests.items()
            if any(turn in step.key for step in steps)
        )
        return tuple(dict.fromkeys(found))

    @property
    def turn(self) -> str:
        """What woke the lifecycle, by which its effects are named."""
        return self._turn

    def begin_counted_turn(self, name: str, request_id: str | None = None) -> None:
        """Name the effects that follow for something that may happen many times."""
        ordinal = self._case.named[name] = self._case.named.get(name, 0) + 1
        self.begin_turn(f"{name}:{ordinal}", request_id)

    def add(self, effect: Effect) -> str:
        """Collect an effect of this turn, and return its key."""
        self._steps_in_turn += 1
        key = f"{self._prefix}{self._steps_in_turn}"
        self.add_beside(key, effect)
        return key

    def add_beside(self, key: str, effect: Effect) -> None:
        """Collect an effect that belongs to no turn, under a key of its own."""
        self._steps.append(Step(key=key, at=self._runtime.now(), effect=effect))

    def journal(self, what: str, actor: Actor = STEWARD, rule: str | None = None) -> None:
        """Record who did or tried what, and under which rule."""
        self.add(WriteJournal(actor=actor, what=what, rule=rule))

    def opens_task(self, task: str) -> bool:
        """Return whether a task of a kind is opened with the collected effects."""
        effects = (step.effect for step in self._steps)
        return any(isinstance(effect, OpenTask) and effect.task == task for effect in effects)

    def forget_turn(self) -> None:
        """Drop what this turn has collected: it was refused after all."""
        self._steps = self._beside(self._steps)

    def _beside(self, steps: Sequence[Step]) -> list[Step]:
        return [step for step in steps if not step.key.startswith(self._prefix)]

    @property
    def _prefix(self) -> str:
        """How the keys of this turn's steps begin."""
        return f"{self._runtime.workflow_id}#{self._episode}/{self._turn}/"

    # --- carrying out ------------------------------------------------------------------------

    async def flush(
        self, progress: Progress | None, summary: str, *, keeps_turn: bool = False
    ) -> tuple[Batch, BatchResult]:
        """Let the collected effects come true, all of them or none, however long it takes.

        Args:
            progress: where the lifecycle stands with them, None to leave that as it is.
            summary: what a person reads of it, if the effects say nothing themselves.
            keeps_turn: whether somebody may be asked before it comes true: the store then keeps
                what began the turn, too.

        Returns:
            The batch, and what came of it. If it was refused, what this turn has collected is
            forgotten; what was collected beside it is kept for the next batch.
        """
        batch = self._batch(progress, keeps_turn=keeps_turn)
        result = await self._carry_out(batch, summary)
        if result.refusal is not None:
            self._steps = self._beside(batch.steps) + self._steps
        else:
            self._case.asked = open_tasks_after(self._case.asked, batch.steps)
            if self.keeper is not None:
                self.keeper.has_kept(batch, result)
        return batch, result

    def _batch(self, progress: Progress | None, *, keeps_turn: bool) -> Batch:
        steps, self._steps = tuple(self._steps), []
        self._case.turns += 1
        lifecycle, job_id = job_of(self._runtime.workflow_id)
        return Batch(
            workflow_id=self._runtime.workflow_id,
            job_id=job_id,
            lifecycle=lifecycle,
            episode=self._episode,
            sequence=self._case.turns,
            now=self._runtime.now(),
            calendar=self._case.policy.calendar,
            steps=steps,
            progress=progress,
            known_version=self._known_version if self._case.turns == 1 else None,
            kept=None
            if self.keeper is None
            else self.keeper.kept_with(steps, progress, keeps_turn=keeps_turn),
            request_ids=self._requests_of(steps),
        )

    async def _carry_out(self, batch: Batch, summary: str) -> BatchResult:
        activity, said = _principal(batch.steps), _summary(batch.steps, summary)
        return await self.insist(lambda: self._runtime.carry_out(activity, batch, said))

    async def insist(self, attempt: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Return what comes of something that needs the store, however long it takes.

        Args:
            attempt: tries it; raises `StoreNotReachedError` where it is to be tried again.
        """
        pause = _FIRST_PAUSE
        while True:
            tried_at = self._runtime.now()
            try:
                result = await self._to_its_end(attempt())
            except StoreNotReachedError as error:
                for attention in NOT_CARRIED_OUT:
                    if attention is not error.attention:
                        self._case.unflag(attention)
                self._case.flag(error.attention)
                self._on_trouble()
                if self._runtime.patched("store-retries-back-off"):
                    if self._runtime.now() - tried_at > _LONG:  # it was waited for already
                        pause = _FIRST_PAUSE
                    why = f"{attention_label(error.attention).lower()}: trying again"
                    await self._to_its_end(self._runtime.sleep(pause, why))
                    pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            for attention in NOT_CARRIED_OUT:
                self._case.unflag(attention)
            return result

    async def _to_its_end(self, carrying_out: Awaitable[ResultT]) -> ResultT:
        """Wait for a batch even when cancelled: the batch of the end must not overtake it."""
        batch = asyncio.ensure_future(carrying_out)
        try:
            return await asyncio.shield(batch)
        except asyncio.CancelledError:
            self.was_cancelled = True
            return await batch


def open_tasks_after(asked: tuple[str, ...], steps: Sequence[Step]) -> tuple[str, ...]:
    """Return the kinds of open tasks after a batch has opened and closed some."""
    open_kinds = dict.fromkeys(asked)
    for step in steps:
        if isinstance(step.effect, OpenTask):
            open_kinds[step.effect.task] = None
        elif isinstance(step.effect, CloseTask):
            open_kinds.pop(step.effect.task, None)
    return tuple(open_kinds)


_BY_WEIGHT = (
    "reassign_job",
    "update_job",
    "add_service_job",
    "open_exception",
    "close_exception",
    "send_email",
    "add_note",
    "open_task",
    "close_task",
)
"""The kinds of effect that a batch may be named for, the weightiest first."""


def _principal(steps: Sequence[Step]) -> str:
    """Return the activity that a batch is named for: its weightiest effect, else the progress."""
    kinds = {step.effect.kind for step in steps}
    return next((kind for kind in _BY_WEIGHT if kind in kinds), "record_progress")


_IN_WORDS: Mapping[str, str] = {
    "reassign_job": "reassign to {account}",
    "update_job": "update the job",
    "open_exception": "open Exception {code}",
    "change_exception": "set Exception {code} to {status}",
    "close_exception": "close Exception {code}",
    "add_note": "add a {visibility} note",
    "open_task": "task for {people}: {task_label}",
    "send_email": "e-mail `{template}`",
    "withdraw_mails": "withdraw e-mail",
    "give_order": "ask {lifecycle_label}: {to_do}",
    "close_promise": "promise {outcome}",
}
"""What is said of each kind of effect, made of its own fields, none of which is personal."""


def _summary(steps: Sequence[Step], otherwise: str) -> str:
    """Return in a line what a batch does, without anything personal."""
    said = "; ".join(filter(None, (_in_words(step.effect) for step in steps))) or otherwise
    return f"{said[:1].upper()}{said[1:]}"[:400]


def _in_words(effect: Effect) -> str:
    return _IN_WORDS.get(effect.kind, "").format_map(vars(effect) | _labels(effect))


def _labels(effect: Effect) -> dict[str, str]:
    """Return what people call what an effect names."""
    match effect:
        case ReassignJob(to=to):
            return {"account": to.number or to.name}
        case OpenTask(role=role, task=task):
            return {"people": role.people, "task_label": task_label(task)}
        case SendCommand(lifecycle=lifecycle, command=command):
            return {"lifecycle_label": lifecycle_label(lifecycle), "to_do": to_do(command)}
        case _:
            return {}
