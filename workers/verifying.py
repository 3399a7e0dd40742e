"""`steward worker --verify`: do the jobs that run go on under this code?

A sample of the open jobs of every procedure and stage is replayed before the first worker of a
release takes traffic, and some that ended lately. Nothing is changed, and no work is taken.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus, WorkflowHistory
from temporalio.service import RPCError, RPCStatusCode

from domain.labels import lifecycle_label, stage_label
from store.data_keys import KeyDestroyedError
from workers.replaying import replayed
from workflows.registry import TASK_QUEUE
from workflows.search_attributes import JOB_ID, LIFECYCLE, STAGE

log = structlog.get_logger()

_LATELY = timedelta(days=14)
"""How long ago a workflow may have ended whose history is looked at."""
_ENDED = 2000
"""Most ended workflows that the sample is drawn from: the newest."""
ENDED = "ended"
"""Stands for the stage of a group whose workflows have ended."""

CURE = (
    "Keep the old way for jobs that run: behind self.patched(…) where a story's mechanics changed, "
    "behind an edition where a rule changed. docs/releases.md says how."
)


@dataclass(frozen=True, order=True)
class Group:
    """Workflows that stand at the same place: a procedure's in one stage, or ended."""

    lifecycle: str
    """The procedure's name; the workflow type of what follows no job."""
    stage: str
    """The stage; empty where there is none."""

    @property
    def title(self) -> str:
        """The group as people call it."""
        where = "ended lately" if self.stage == ENDED else stage_label(self.stage)
        return f"{lifecycle_label(self.lifecycle)}, {where}" if self.stage else self.lifecycle


@dataclass(frozen=True)
class Difference:
    """A workflow that would not go on under this code; it names nobody but the job's number."""

    group: Group
    workflow_id: str
    run_id: str
    job_id: str | None
    differs: str


@dataclass
class Verified:
    """What came of it."""

    found: dict[Group, int] = field(default_factory=dict)
    """How many workflows there are of each group."""
    replayed: dict[Group, int] = field(default_factory=dict)
    """How many of each were replayed."""
    differences: list[Difference] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every workflow of the sample goes on."""
        return not self.differences


async def verify(
    client: Client, *, sample: int, now: datetime, tell: Callable[[str], None]
) -> Verified:
    """Replay a sample of the workflows of a namespace against this code.

    Args:
        client: the way to Temporal; its converter reads what is in the histories.
        sample: the most workflows of each group: the oldest, the newest, and some between them.
        now: the wall clock, aware UTC.
        tell: is told of the progress, a line for each group.

    Raises:
        RPCError: Temporal does not answer.
    """
    groups = await _groups(client, now)
    chosen = {group: spread(members, sample) for group, members in sorted(groups.items())}
    done = Verified(found={group: len(groups[group]) for group in chosen})
    at = {member.run_id: (group, member) for group in chosen for member in chosen[group]}
    histories = _histories(client, [member for members in chosen.values() for member in members])
    results = replayed(histories, client.data_converter)
    told: Group | None = None
    async for history, differs in results:
        group, member = at[history.run_id]
        if told not in (None, group):
            tell(_line(told, done))
        told = group
        done.replayed[group] = done.replayed.get(group, 0) + 1
        if differs is not None and not _was_erased(differs):
            done.differences.append(_difference(group, member, differs))
    if told is not None:
        tell(_line(told, done))
    return done


def _was_erased(differs: str) -> bool:
    """Return whether nobody can read a history any more, and so nobody goes on with it."""
    return KeyDestroyedError.for_logs in differs


def _line(group: Group, done: Verified) -> str:
    tried = done.replayed[group]
    bad = sum(each.group == group for each in done.differences)
    verdict = f"; {bad} would not go on" if bad else ""
    return f"{group.title}: {tried} of {done.found[group]:,} replayed{verdict}"


def _difference(group: Group, member: WorkflowExecution, differs: str) -> Difference:
    job = member.typed_search_attributes.get(JOB_ID)
    return Difference(group, member.id, member.run_id, job, differs)


async def _groups(client: Client, now: datetime) -> Mapping[Group, list[WorkflowExecution]]:
    """Return the open workflows by procedure and stage, and those that ended lately."""
    ours = f'TaskQueue = "{TASK_QUEUE}" AND '
    is_open = f'{ours}ExecutionStatus = "Running"'
    # What Schedules start ends all the time, and would leave no room for jobs.
    since = (now - _LATELY).isoformat()
    lately = f'CloseTime > "{since}" AND Lifecycle IS NOT NULL'
    ended = f'{ours}ExecutionStatus != "Running" AND {lately}'
    found: dict[Group, list[WorkflowExecution]] = {}
    for query, limit in ((is_open, None), (ended, _ENDED)):
        async for member in client.list_workflows(query, limit=limit, page_size=1000):
            found.setdefault(_group_of(member), []).append(member)
    return found


def _group_of(member: WorkflowExecution) -> Group:
    attributes = member.typed_search_attributes
    lifecycle = attributes.get(LIFECYCLE) or member.workflow_type
    is_open = member.status is WorkflowExecutionStatus.RUNNING
    return Group(lifecycle, (attributes.get(STAGE) or "") if is_open else ENDED)


def spread(members: Iterable[WorkflowExecution], most: int) -> Sequence[WorkflowExecution]:
    """Return some members, evenly by the time of their start: the oldest, the newest, and between.

    What began long ago is what a release breaks.
    """
    by_age = sorted(members, key=lambda each: (each.start_time, each.run_id))
    if len(by_age) <= most:
        return by_age
    if most == 1:
        return by_age[:1]
    last = len(by_age) - 1
    return [by_age[round(place * last / (most - 1))] for place in range(most)]


async def _histories(
    client: Client, members: Iterable[WorkflowExecution]
) -> AsyncIterator[WorkflowHistory]:
    for member in members:
        handle = client.get_workflow_handle(member.id, run_id=member.run_id)
        try:
            yield await handle.fetch_history()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            log.info("a workflow is gone meanwhile", run_id=member.run_id)
