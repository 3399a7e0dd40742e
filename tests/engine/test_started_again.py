"""Temporal's data is lost, and a lifecycle is started again: hours later, and as if in time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from domain.effects import Batch, BatchResult, ClosePromise
from domain.events import EVENT
from domain.jobs import HeldJob, JobStatus
from domain.lifecycles import LifecycleStart
from domain.plus_one.case import PlusOneStart
from service.rebuilding import restart_of
from store.jobs import HeldRow
from store.plans import Plan
from store.snapshots import KeptMessage, OpenCase, Surroundings, kept_columns
from tests.domain.factories import ASSIGNED_AT, POLICY, a_job
from tests.engine.memory import Life, MemoryStore
from workflows.plus_one import PlusOneSearch

HOUR = timedelta(hours=1)


@dataclass
class KeepingStore(MemoryStore):
    """A store that keeps what lifecycles go on from, and the inbox."""

    row: dict[str, Any] = field(default_factory=dict)
    inbox: list[KeptMessage] = field(default_factory=list)

    def apply(self, batch: Batch, *, agreed: bool = False) -> BatchResult:
        result = super().apply(batch, agreed=agreed)
        self.row |= kept_columns(batch, result, result.deadlines)
        self.row |= {"sequence": batch.sequence, "due_at": result.due_at}
        return result


def a_search() -> Life:
    job = a_job()
    start = PlusOneStart(
        job=job,
        job_version=1,
        policy=POLICY,
        episode=1,
        event_id="assigned",
        occurred_at=ASSIGNED_AT,
    )
    return Life(PlusOneSearch, start, store=KeepingStore(job)).settle()


def kept_by(life: Life) -> KeepingStore:
    assert isinstance(life.store, KeepingStore)
    return life.store


def happens(
    life: Life,
    type_: str,
    at: datetime,
    data: dict[str, Any] | None = None,
    *,
    is_heard: bool = True,
    **changes: Any,
) -> None:
    """Have something happen that the inbox takes now, and that the lifecycle is told, or not."""
    store = kept_by(life)
    store.job, store.version = store.job.model_copy(update=changes), store.version + 1
    told = {
        "type": type_,
        "occurred_at": at.isoformat(),
        "actor": {"name": "Paula", "role": "plusone"},
        "job": store.job.model_dump(mode="json"),
        "data": data or {},
    }
    number = len(store.inbox) + 1
    plan = Plan(
        event_id=f"event-{number}",
        job=store.job,
        job_version=store.version,
        occurred_at=at,
        delivers_to=(life.workflow_id,),
    )
    store.inbox.append(
        KeptMessage(
            id=number,
            event_id=plan.event_id,
            received_at=life.loop.now(),
            body=json.dumps(told).encode(),
            origin="somebody",
            is_delivered=True,
            workflow_id=None,
            plan=plan.model_dump(mode="json"),
        )
    )
    if is_heard:
        envelope = plan.envelope(EVENT.validate_python(told), life.loop.now())
        life.signals("job_event", envelope.model_dump(mode="json"))
        life.settle()


def plusone_notes(life: Life, text: str, at: datetime, **options: Any) -> None:
    note = {"author": {"name": "Paula", "role": "plusone"}, "text": text}
    happens(life, "job.note_added", at, {"note": note}, **options)


def started_again(life: Life, rebuilt_at: datetime, heard_at: datetime) -> Life:
    """Start a lifecycle again whose history is lost, and have a worker take it up later."""
    store = kept_by(life)
    case = OpenCase(
        workflow_id=life.workflow_id,
        job_id=store.job.job_id,
        lifecycle=life.kind.name,
        episode=life.starts[-1].episode,
        started_by="assigned",
        outcome=None,
        lost_because=None,
        run_id="lost",
        **store.row,
    )
    newest = max((Plan.model_validate(each.plan).occurred_at for each in store.inbox), default=None)
    row = HeldRow(HeldJob(job=store.job), store.version, newest)
    around = Surroundings(row, store.inbox, {}, {}, {})
    restart = restart_of(life.kind, case, around, rebuilt_at)
    assert restart is not None
    travelled: LifecycleStart = type(life.starts[0]).model_validate_json(
        restart.argument.model_dump_json()
    )
    return Life(life.story, travelled, store=store, at=heard_at).settle()


def closings(life: Life) -> list[tuple[str, str]]:
    """Return every closing of a promise, in order."""
    return [
        (closed.promise_key, closed.outcome.value) for closed in life.store.effects(ClosePromise)
    ]


def test_what_changed_nothing_changes_nothing_when_it_is_heard_again_hours_later() -> None:
    life, begun = a_search().passes("1h"), ASSIGNED_AT
    happens(life, "job.status_changed", begun + HOUR, status=JobStatus.ACCEPTED)
    life.passes("1h")
    plusone_notes(life, "DIAGNOSIS SUBMITTED/AWAITING APPROVAL", begun + 2 * HOUR)
    before, batches = dict(life.store.promises), len(life.store.batches)
    plusone_notes(life, "ASSIGNED, AND ON OUR WAY", begun + 1.5 * HOUR)
    happens(life, "job.report_submitted", begun + 1.8 * HOUR, {"complete": True})
    assert (life.store.promises, life.stage) == (before, "diagnosis_submitted")
    tasks, notes, closed = list(life.store.tasks), list(life.store.notes), closings(life)
    assert len(life.store.batches) == batches  # so no snapshot knows them as taken

    again = started_again(life, begun + 4 * HOUR, begun + 9 * HOUR)

    assert (again.store.promises, again.stage) == (before, "diagnosis_submitted")
    assert (again.store.tasks, again.store.notes, closings(again)) == (tasks, notes, closed)
    assert again.lifecycle.case.events_taken[-2:] == ["event-3", "event-4"]


def test_what_nobody_heard_counts_from_when_it_happened() -> None:
    life, begun = a_search().passes("1h"), ASSIGNED_AT
    at = begun + HOUR / 2
    happens(life, "job.status_changed", at, status=JobStatus.ACCEPTED, is_heard=False)

    again = started_again(life, begun + 4 * HOUR, begun + 9 * HOUR)

    assert (again.stage, again.lifecycle.case.accepted_at) == ("accepted", at)


def test_a_deadline_that_passed_while_temporal_was_lost_breaks_its_promise_once() -> None:
    life, begun = a_search().passes("20h"), ASSIGNED_AT

    again = started_again(life, begun + 60 * HOUR, begun + 61 * HOUR)
    assert (again.stage, again.outcome) == ("no_provider_found", "no_provider_found")
    assert [outcome for _, outcome in closings(again)] == ["broken"]
    assert list(again.store.promises.values()) == ["broken"]
