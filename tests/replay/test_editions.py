"""A rule that is changed for jobs to come does not touch jobs that run: it has an edition."""

from __future__ import annotations

import pytest
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from domain.editions import NEWEST, Edition
from domain.plus_one.case import PlusOneStart
from domain.policy import load_policy
from domain.roles import Actor, Role
from tests.domain.factories import a_job
from tests.engine.memory import Life
from tests.replay.changed_rule import (
    NEXT,
    FaultyWorkflow,
    GreetsSincePatch,
    GreetsSincePatchWorkflow,
    RemindsLaterSinceNext,
    RemindsLaterSinceNextWorkflow,
    RemindsLaterWorkflow,
)
from tests.replay.record import FOLDER
from tests.replay.test_replay import history
from workers.payloads import DATA_CONVERTER
from workers.worker import runner
from workflows.plus_one import PlusOneSearch
from workflows.temporal import DurableLifecycle

REMINDED_OF_A_SEARCH = FOLDER / "plus-one.no-provider-found.1.json"


async def replay(workflow: type[DurableLifecycle]) -> None:
    replayer = Replayer(
        workflows=[workflow], workflow_runner=runner(), data_converter=DATA_CONVERTER
    )
    await replayer.replay_workflow(history(REMINDED_OF_A_SEARCH))


async def test_a_rule_changed_in_place_breaks_jobs_that_run() -> None:
    with pytest.raises(NondeterminismError):
        await replay(RemindsLaterWorkflow)


async def test_a_rule_with_an_edition_leaves_jobs_that_run_as_they_are() -> None:
    await replay(RemindsLaterSinceNextWorkflow)


@pytest.mark.parametrize(
    ("edition", "left"),
    [
        (Edition.FIRST, ["decide_after_search"]),
        (Edition.TASKS_CLOSE_AT_EVERY_END, []),
        (NEWEST, ["workflow_ended"]),
    ],
)
def test_tasks_close_when_temporal_cancels_a_job_of_a_later_edition(
    edition: int, left: list[str]
) -> None:
    policy = load_policy(None)
    asks = policy.plus_one.model_copy(update={"on_window_end": "dispatch_task"})
    start = start_under(edition).model_copy(
        update={"policy": policy.model_copy(update={"plus_one": asks})}
    )
    search = Life(PlusOneSearch, start, edition=edition).passes("49h")

    search.is_cancelled().settle()

    assert (search.outcome, search.store.tasks) == ("cancelled", left)


async def test_a_change_of_mechanics_behind_a_patch_leaves_jobs_that_run_as_they_are() -> None:
    await replay(GreetsSincePatchWorkflow)


@pytest.mark.parametrize("patched", [True, False])
def test_a_job_that_starts_after_a_patch_takes_the_new_way(*, patched: bool) -> None:
    search = Life(GreetsSincePatch, start_under(NEWEST))
    search.unpatched = set() if patched else {"greets"}

    search.settle()

    assert ("Hello." in search.store.notes) is patched


async def test_a_fault_of_ours_fails_the_task_and_never_the_workflow() -> None:
    with pytest.raises(RuntimeError, match="FaultyWorkflow has a fault"):
        await replay(FaultyWorkflow)


def start_under(edition: int) -> PlusOneStart:
    job = a_job()
    return PlusOneStart(
        job=job,
        job_version=1,
        policy=load_policy(None),
        episode=1,
        event_id="assigned",
        occurred_at=job.assigned_at,
        started_by=Actor(name="Dana", role=Role.DISPATCH),
        edition=edition,
    )


@pytest.mark.parametrize(("edition", "reminded_after"), [(NEWEST, "24h"), (NEXT, "30h")])
def test_a_job_follows_the_rules_of_the_edition_that_it_began_under(
    edition: int, reminded_after: str
) -> None:
    search, passed, reminded = Life(RemindsLaterSinceNext, start_under(edition)), 0, {}
    for after in ("23h", "24h", "29h", "30h"):
        search.passes(f"{int(after[:-1]) * 60 - passed}m")
        passed = int(after[:-1]) * 60
        reminded[after] = "search_running" in search.store.tasks

    assert next(after for after, was in reminded.items() if was) == reminded_after


def test_a_job_keeps_its_edition_when_it_continues_as_new() -> None:
    search = Life(RemindsLaterSinceNext, start_under(NEXT)).settle()
    search.history_is_long = True
    search.does("customer_called", "customer_service")

    (_, carried_on) = search.starts
    assert carried_on.edition == NEXT
    assert search.lifecycle.case.edition == NEXT


def test_an_argument_from_before_there_were_editions_is_of_the_first() -> None:
    written = start_under(NEWEST).model_dump(mode="json", exclude={"edition"})
    assert PlusOneStart.model_validate(written).opened().edition == Edition.FIRST


async def test_a_worker_leaves_a_job_of_a_newer_edition_to_a_newer_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It fails the workflow's task, which Temporal tries again, and not the workflow."""
    monkeypatch.setattr("workflows.temporal.NEWEST", Edition.FIRST - 1)

    with pytest.raises(RuntimeError, match="Start a worker of the newer release"):
        await replay(RemindsLaterSinceNextWorkflow)
