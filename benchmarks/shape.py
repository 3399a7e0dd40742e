"""The shape of a golden path, taken from Steward itself, so that what it is held against follows.

One lifecycle is carried out on a quiet server, and its history is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import temporalio.client
import temporalio.worker
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.postman import SmtpPostman
from benchmarks.floor import Phase, Until
from benchmarks.golden_paths import GoldenPath
from benchmarks.lives import StewardLives
from benchmarks.pace import Pace
from benchmarks.processes import temporal
from domain.effects import Batch, CloseTask, Step
from domain.policy import load_policy
from store.database import Database, migrate
from workers.mail_sink import MailSink
from workers.worker import make_worker

_LOCAL_ACTIVITY = "core_local_activity"
_ENDS_PHASE = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: Until.SIGNAL,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: Until.UPDATE,
    EventType.EVENT_TYPE_TIMER_FIRED: Until.TIMER,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: Until.END,
}


@dataclass(frozen=True)
class Shape:
    """What the bare engine has to do for the same lifecycle."""

    as_batches: tuple[Phase, ...]
    """As many activities as Steward has: one for all effects that become true together."""
    found_by_stage: tuple[Phase, ...]
    """The same, with search attributes set as often as Steward sets them."""
    one_by_one: tuple[Phase, ...]
    """An activity for each single effect, mails included, in sequence."""


async def shape_of(path: GoldenPath) -> Shape:
    """Carry a golden path out once and return its shape.

    Raises:
        NotAsToldError: it went another way.
    """
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'store.sqlite3'}"
        migrate(url)
        database, sink, seen = Database(url), MailSink(), _Seen()
        postman = SmtpPostman(await sink.start(), load_policy(None).mail.sender)
        async with temporal(None) as server:
            config = server.client.config()
            config["interceptors"] = [seen]
            async with make_worker(Client(**config), database, postman):
                life = await StewardLives(path, server.client, database).prepared(0)
                await Pace(server.client).carry_out(life)
            history = await server.client.get_workflow_handle(life.workflow_id).fetch_history()
        await database.close()
        sink.stop()
    phases = tuple(_phases_in(history.events))
    return Shape(
        as_batches=tuple(replace(phase, upserts=0) for phase in phases),
        found_by_stage=phases,
        one_by_one=tuple(_one_by_one(phases, seen.batches)),
    )


class _Seen(temporalio.client.Interceptor, temporalio.worker.Interceptor):
    """Sees every batch that is carried out."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def intercept_activity(
        self,
        next: ActivityInboundInterceptor,  # noqa: A002  the SDK's name
    ) -> ActivityInboundInterceptor:
        return _Watch(next, self.batches)


class _Watch(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, batches: list[Batch]) -> None:
        super().__init__(following)
        self._batches = batches

    async def execute_activity(
        self,
        input: ExecuteActivityInput,  # noqa: A002  the SDK's name
    ) -> Any:  # noqa: ANN401  the SDK's own
        self._batches += [each for each in input.args if isinstance(each, Batch)]
        return await super().execute_activity(input)


def _phases_in(events: Iterable[HistoryEvent]) -> Iterator[Phase]:
    activities, upserts, timer_seconds = 0, 0, None
    for event in events:
        scheduled = event.activity_task_scheduled_event_attributes.activity_type.name
        marker = event.marker_recorded_event_attributes.marker_name
        if scheduled or marker == _LOCAL_ACTIVITY:
            activities += 1
        elif event.event_type == EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
            upserts += 1
        elif event.event_type == EventType.EVENT_TYPE_TIMER_STARTED:
            started = event.timer_started_event_attributes
            timer_seconds = started.start_to_fire_timeout.ToTimedelta().total_seconds()
        elif until := _ENDS_PHASE.get(event.event_type):
            yield Phase(
                activities=activities,
                timer_seconds=timer_seconds,
                until=until,
                upserts=upserts,
            )
            activities, upserts, timer_seconds = 0, 0, None


def _one_by_one(phases: Iterable[Phase], batches: Iterable[Batch]) -> Iterator[Phase]:
    carried_out = iter(batches)
    for phase in phases:
        effects = sum(_single_effects(next(carried_out).steps) for _ in range(phase.activities))
        yield Phase(activities=effects, timer_seconds=phase.timer_seconds, until=phase.until)


def _single_effects(steps: Sequence[Step]) -> int:
    """Return how many activities a batch would be, counted in its disfavour.

    Tasks closed one after another count as one effect, and the lifecycle's own row, which every
    batch writes, not at all.
    """
    kinds = [type(step.effect) for step in steps]
    return max(1, sum(1 if kind is CloseTask else len(list(run)) for kind, run in groupby(kinds)))
