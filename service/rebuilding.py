"""Starts lifecycles again, each where it stood, in a Temporal that has lost them or never had them.

The store keeps each lifecycle as of its last batch (decision 21). What came after that batch comes
from the inbox: events and relayed commands that the lifecycle has not taken go with its start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

import structlog
from pydantic import ValidationError
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from domain.events import Event, EventEnvelope, JobChanged
from domain.faults import in_brief
from domain.lifecycles import LifecycleKind, LifecycleStart, WaitingMessage, job_of
from domain.roles import STEWARD
from domain.snapshots import (
    REMEMBERED,
    InTurn,
    Snapshot,
    SnapshotNotReadableError,
    read_snapshot,
    read_turn,
    start_again,
)
from domain.told import UnreadableEventError, read_event, read_own_event
from service import starting
from service.audit import VANISHED
from service.relayed_commands import message_id_of_relayed, relayed_command_in
from store.data_keys import KeyDestroyedError
from store.database import Database
from store.losses import Losses
from store.plans import Plan
from store.snapshots import KeptMessage, OpenCase, Snapshots, Surroundings
from store.switches import Switch, Switches
from workers.namespace import NamespaceGuard
from workers.temporal import names_no_workflow
from workflows.mailbox import known_by
from workflows.registry import LIFECYCLES

log = structlog.get_logger()

_AT_ONCE: Final = 8
"""Lifecycles that are looked at, or started, at the same time."""
_PAGE: Final = 200
_PATIENCE: Final = timedelta(seconds=10)
"""How long Temporal has to start one."""
_CARRIED: Final = 512 * 1024
"""Bytes of JSON of the messages that go with a start; redelivery brings what is more."""
_EARLIER: Final = timedelta(minutes=1)
"""How much earlier than a command that starts a lifecycle an event for it may have come."""
_CAUGHT_UP: Final = "caught-up:"


class Fate(StrEnum):
    """What becomes of a lifecycle that may have to be started again."""

    STARTED = "started"
    """It is started where it stood; at a dry run: it would be."""
    RUNS = "runs"
    """It runs in this Temporal already."""
    TO_START = "to_start"
    """It has not begun: the event that starts it is delivered again."""
    CLOSED = "closed"
    """Its workflow has ended in this very Temporal: the audit sees to it."""
    NO_SNAPSHOT = "no_snapshot"
    """The store cannot start it: a release before this one wrote it last."""
    FAILED = "failed"
    """Temporal did not start it; the next run tries again."""
    NONE = "none"
    """It has ended, and nothing is left to do."""


class Rebuilt(NamedTuple):
    """What became of one lifecycle."""

    workflow_id: str
    fate: Fate
    reason: str | None = None
    """Why it was not started, as a sentence with what to do; None where it was."""

    @property
    def told(self) -> dict[str, Any]:
        """What programs read of it."""
        lifecycle, job_id = job_of(self.workflow_id)
        fate = self.fate.value
        return {"job_id": job_id, "lifecycle": lifecycle, "fate": fate, "reason": self.reason}


class Progress(NamedTuple):
    """How far a rebuild has come."""

    done: int
    started: int


_BY_HAND = "Start it again by hand: `steward stuck` says how."
_NO_SNAPSHOT = f"A release before this one wrote it last. {_BY_HAND}"


class Restart(NamedTuple):
    """How a lifecycle goes on where it stood."""

    argument: LifecycleStart
    left_out: tuple[int, ...]
    """Messages of the inbox that are too many to go with the start: they are delivered again."""


class Rebuilder:
    """Starts every lifecycle again that the store lists and Temporal does not run."""

    def __init__(
        self,
        database: Database,
        client: Client,
        guard: NamespaceGuard,
        clock: Callable[[], datetime],
    ) -> None:
        """Take the store, and the Temporal in which lifecycles are started.

        Args:
            database: the store.
            client: the way to Temporal.
            guard: proves that it is the store's namespace.
            clock: the wall clock, aware UTC.
        """
        self._snapshots = Snapshots(database)
        self._losses = Losses(database)
        self._switches = Switches(database)
        self._client = client
        self._guard = guard
        self._clock = clock

    async def run(
        self, *, dry: bool = False, tell: Callable[[Progress], None] = lambda _: None
    ) -> list[Rebuilt]:
        """Start what does not run; return what became of each lifecycle, in their order.

        Run again after whatever has interrupted it, it goes on: what runs already is left alone.

        Args:
            dry: whether to start nothing, and only say what would be.
            tell: told now and then how far it has come.

        Raises:
            WrongNamespaceError: the store belongs to another namespace.
            TemporalUnreachableError: Temporal does not answer.
            StoreUnavailableError: the database does not answer.
        """
        await self._guard.prove()
        if not dry:
            await self._switches.turn(Switch.REBUILD_DUE, self._clock(), is_on=True)
        rebuilt, after = list[Rebuilt](), ""
        while page := await self._snapshots.candidates(after, _PAGE):
            rebuilt += await self._each(page, dry=dry)
            after = page[-1]
            tell(Progress(len(rebuilt), sum(each.fate is Fate.STARTED for each in rebuilt)))
        if not dry and all(each.fate is not Fate.FAILED for each in rebuilt):
            await self._switches.turn(Switch.REBUILD_DUE, self._clock(), is_on=False)
        return [each for each in rebuilt if each.fate is not Fate.NONE]

    async def _each(self, workflow_ids: Sequence[str], *, dry: bool) -> list[Rebuilt]:
        left, rebuilt = iter(workflow_ids), list[Rebuilt]()

        async def work_off() -> None:
            for workflow_id in left:
                rebuilt.append(await self._rebuild(workflow_id, dry=dry))

        ends = await asyncio.gather(*(work_off() for _ in range(_AT_ONCE)), return_exceptions=True)
        for end in ends:
            if end is not None:
                raise end
        return sorted(rebuilt)

    async def _rebuild(self, workflow_id: str, *, dry: bool) -> Rebuilt:
        case = await self._snapshots.case(workflow_id)
        if case is None or (case.lost_because and not case.lost_because.endswith(VANISHED)):
            return Rebuilt(workflow_id, Fate.NONE)
        try:
            return await self._rebuild_case(case, dry=dry)
        except SnapshotNotReadableError as error:
            reason = f"The store can't start it: {error}. {_BY_HAND}"
            return Rebuilt(workflow_id, Fate.NO_SNAPSHOT, reason)
        except KeyDestroyedError:  # its job was erased, so nobody goes on with it
            return Rebuilt(workflow_id, Fate.NONE)
        except RPCError as error:
            log.warning("a lifecycle is not started again", reason=in_brief(error))
            said = f"Temporal didn't start it ({error.status.name}). Run `steward rebuild` again."
            return Rebuilt(workflow_id, Fate.FAILED, said)

    async def _rebuild_case(self, case: OpenCase, *, dry: bool) -> Rebuilt:
        """Start a lifecycle again, if it has to run and does not.

        Raises:
            SnapshotNotReadableError: what is kept of it cannot be read.
            RPCError: Temporal does not answer.
        """
        around = await self._snapshots.surroundings(case)
        if not is_left(case, around):
            return Rebuilt(case.workflow_id, Fate.NONE)
        if (here := await self._found_here(case)) is not None:
            return Rebuilt(case.workflow_id, here)
        if case.sequence == 0:
            return await self._to_start(case, around, dry=dry)
        restart = restart_of(LIFECYCLES[case.lifecycle], case, around, self._clock())
        if restart is None:
            return Rebuilt(case.workflow_id, Fate.NO_SNAPSHOT, _NO_SNAPSHOT)
        if dry:
            return Rebuilt(case.workflow_id, Fate.STARTED)
        return await self._start(case, restart)

    async def _found_here(self, case: OpenCase) -> Fate | None:
        """Return what this Temporal knows of the workflow, None if nothing."""
        handle = self._client.get_workflow_handle(case.workflow_id)
        try:
            found = await handle.describe(rpc_timeout=_PATIENCE)
        except RPCError as error:
            if names_no_workflow(error):
                return None
            raise
        if found.status in (None, WorkflowExecutionStatus.RUNNING):
            return Fate.RUNS
        return Fate.CLOSED if found.run_id == case.run_id else None

    async def _to_start(self, case: OpenCase, around: Surroundings, *, dry: bool) -> Rebuilt:
        """Have the event delivered again that starts a lifecycle which has told nothing yet."""
        starter = next((m for m in around.messages if m.event_id == case.started_by), None)
        if starter is None:
            return Rebuilt(case.workflow_id, Fate.NO_SNAPSHOT, _NO_SNAPSHOT)
        if starter.is_delivered and not dry:
            await self._snapshots.deliver_again(starter.id, self._clock())
        return Rebuilt(case.workflow_id, Fate.TO_START)

    async def _start(self, case: OpenCase, restart: Restart) -> Rebuilt:
        if case.lost_because is not None:
            await self._snapshots.undo_loss(case)
            await self._losses.found_again(case.workflow_id, self._clock())
        kind = LIFECYCLES[case.lifecycle]
        try:
            await starting.start(self._client, kind, restart.argument, _PATIENCE)
        except WorkflowAlreadyStartedError:
            return Rebuilt(case.workflow_id, Fate.RUNS)
        for inbox_id in restart.left_out:
            await self._snapshots.deliver_again(inbox_id, self._clock())
        return Rebuilt(case.workflow_id, Fate.STARTED)


# --- what a lifecycle goes on from ----------------------------------------------------------------


def is_left(case: OpenCase, around: Surroundings) -> bool:
    """Return whether a lifecycle runs, or has ended and stays for something.

    Raises:
        SnapshotNotReadableError: what is kept of it cannot be read.
    """
    if case.outcome is None:
        return True
    if case.snapshot is None:
        return False
    snapshot = read_snapshot(case.snapshot)
    if snapshot.episode != case.episode or snapshot.sequence != case.sequence:
        return False
    waits = any(key in around.mails for key in snapshot.mails) or bool(around.waiting_mails)
    return snapshot.look is not None or waits


def restart_of(
    kind: LifecycleKind, case: OpenCase, around: Surroundings, now: datetime
) -> Restart | None:
    """Return how a lifecycle goes on where it stood, None if nothing that is kept says it.

    Args:
        kind: which it is.
        case: what the store keeps of it.
        around: what the store knows beside that.
        now: the wall clock, aware UTC.

    Raises:
        SnapshotNotReadableError: what is kept of it cannot be read.
    """
    turn = read_turn(case.in_turn) if case.in_turn else None
    snapshot = read_snapshot(case.snapshot) if case.snapshot else None
    if case.began_with is None or around.job is None or not _is_newest(case, snapshot, turn):
        return None
    job = around.job.held.job.without_customer(), around.job.version
    start = start_again(kind, case.began_with, snapshot, job, case.due_at)
    if start.episode != case.episode:
        return None
    messages, left_out = _Messages(kind, case, snapshot, turn, start, around, now).carried()
    mails = (snapshot.mails if snapshot else {}) | dict(around.waiting_mails)
    carried = {
        "unsent_mails": mails,
        "held_mails": dict(around.held_mails),
        "waiting_messages": messages,
    }
    return Restart(start.model_copy(update=carried), left_out)


def _is_newest(case: OpenCase, snapshot: Snapshot | None, turn: InTurn | None) -> bool:
    """Return whether nothing was told after what is kept, but for a turn that has not ended."""
    told = turn is not None and turn.sequence >= case.sequence
    if snapshot is None:
        return told
    return snapshot.episode == case.episode and (snapshot.sequence == case.sequence or told)


class _Messages:
    """What a lifecycle has not taken yet, in the order in which it came."""

    def __init__(
        self,
        kind: LifecycleKind,
        case: OpenCase,
        snapshot: Snapshot | None,
        turn: InTurn | None,
        start: LifecycleStart,
        around: Surroundings,
        now: datetime,
    ) -> None:
        self._kind = kind
        self._case = case
        self._snapshot = snapshot
        self._turn = turn
        self._start = start
        self._around = around
        self._now = now

    def carried(self) -> tuple[tuple[WaitingMessage, ...], tuple[int, ...]]:
        """Return what goes with the start, and the inbox's ids of what is too much for that."""
        left, kept, left_out = _CARRIED, list[WaitingMessage](), list[int]()
        for carried, inbox_id in self._waiting():
            message = self._dated(carried)
            left -= len(message.model_dump_json())
            if left >= 0 or inbox_id is None:
                kept.append(message)
            else:
                left_out.append(inbox_id)
        return tuple(kept), tuple(left_out)

    def _waiting(self) -> list[tuple[WaitingMessage, int | None]]:
        """Return what waits, each with the id by which the inbox has it, if it has."""
        by_id = {each.event_id: each for each in self._around.messages}
        waiting = self._snapshot.waiting if self._snapshot else ()
        told, named = list[tuple[WaitingMessage, int | None]](), set[str]()
        if self._turn is not None and self._turn.message is not None:
            told.append((self._turn.message, None))
        for each in waiting:
            if isinstance(each, WaitingMessage):
                told.append((each, None))
            elif each in by_id:
                named.add(each)
                told += self._as_waiting(by_id[each])
            elif each.startswith(_CAUGHT_UP):
                told += self._caught_up()
        is_first = self._snapshot is not None and self._snapshot.sequence == 1
        if is_first and self._turn is None:
            told += self._caught_up()
        for message in self._untaken():
            if message.event_id not in named:
                told += self._as_waiting(message)
        return told

    def _dated(self, message: WaitingMessage) -> WaitingMessage:
        """Return a message, an event in it with its instant: the worker may start hours later."""
        if message.event is None:
            return message
        return message.model_copy(update={"event": message.event.dated(self._now)})

    def _untaken(self) -> list[KeptMessage]:
        """Return the messages of the inbox that were for this lifecycle, and it has not taken."""
        messages = self._around.messages
        taken = self._taken()
        oldest = next((each.id for each in messages if each.event_id in taken), 0)
        is_known_whole = len(taken) < REMEMBERED
        started = next((m.id for m in messages if m.event_id == self._start.event_id), None)
        since = self._start.occurred_at - _EARLIER
        return [
            each
            for each in messages
            if self._is_for_it(each)
            and not taken & _names_of(each)
            and (is_known_whole or each.id > oldest)
            and (each.received_at >= since if started is None else each.id > started)
        ]

    def _taken(self) -> set[str]:
        case: Mapping[str, Any] = self._snapshot.case if self._snapshot else {}
        answered = [key.rpartition(" ")[2] for key in case.get("answers", {})]
        return {
            self._start.event_id,
            *case.get("events_taken", ()),
            *case.get("signals_taken", ()),
            *answered,
        }

    def _is_for_it(self, message: KeptMessage) -> bool:
        if message.plan is None:
            return message.is_delivered and message.workflow_id == self._case.workflow_id
        planned = (*message.plan.get("delivers_to", ()), *message.plan.get("reached", ()))
        return self._case.workflow_id in planned

    def _as_waiting(self, message: KeptMessage) -> list[tuple[WaitingMessage, int | None]]:
        """Return a message as it goes with the start; none if it can't be read any more."""
        if message.plan is None:
            command = relayed_command_in(message.body)
            if command is None or command.lifecycle != self._kind.name:
                return []
            fields = {**command.fields, "message_id": message_id_of_relayed(message.event_id)}
            return [(WaitingMessage(name=command.command, fields=fields), message.id)]
        try:
            plan = Plan.model_validate(message.plan)
            event: Event
            if message.origin is None:
                event = read_event(message.body, self._now).event
            else:
                event = read_own_event(message.body).event
        except (ValidationError, UnreadableEventError) as error:
            log.warning("an event can't be read again", reason=in_brief(error))
            return []
        return [(WaitingMessage(event=plan.envelope(event, self._now)), message.id)]

    def _caught_up(self) -> list[tuple[WaitingMessage, int | None]]:
        """Return the job as it stands, where the lifecycle was about to hear of that."""
        row = self._around.job
        if row is None or row.version <= self._start.job_version:
            return []
        job = row.held.job.without_customer()
        at = row.newest_event_at or self._now
        event = JobChanged(type="job.status_changed", occurred_at=at, actor=STEWARD, job=job)
        event_id = f"{_CAUGHT_UP}{row.version}"
        envelope = EventEnvelope(event_id=event_id, job_version=row.version, event=event, age=0.0)
        return [(WaitingMessage(event=envelope), None)]


def _names_of(message: KeptMessage) -> set[str]:
    """Return by what a lifecycle may know a message."""
    event_id = message.event_id
    return {event_id, known_by(event_id), message_id_of_relayed(event_id)}
