"""Jobs that run today go on under tomorrow's code: every recorded history replays.

A failing replay means that a running job would get stuck at the next deployment. The change that
made it fail is not wrong for new jobs, only for those that began before it: keep the old way beside
the new one, behind `self.patched("what-changed")` or an edition, and record a history that takes
the new way under a story of its own (`python -m tests.replay.record a_new_story`).

A history is recorded again, or removed, only once no job of its kind runs any more: ask Temporal,
`temporal workflow list --query 'ExecutionStatus = "Running" AND WorkflowType = "PlusOneSearch"'`,
and mind the jobs of everybody else who runs Steward. Then the `patched` goes, too, by way of
`workflow.deprecate_patch`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from activities.effects import Effects, all_activities
from activities.mails import Mails
from domain.commands import DISMISS_ATTENTION
from domain.editions import NEWEST, Edition
from domain.effects import Batch, Effect
from domain.lifecycles import LifecycleKind
from tests.replay.changed_story import CHANGED
from tests.replay.check import NAMES, names, problems, recorded
from tests.replay.record import FOLDER, STORIES
from workers.payloads import DATA_CONVERTER
from workers.worker import runner
from workflows.registry import LIFECYCLES

HISTORIES = sorted(FOLDER.glob("*.json"))


def events(path: Path, kind: str) -> list[dict[str, Any]]:
    """The attributes of a history's events of one kind, such as `activityTaskScheduled`."""
    attributes = f"{kind}EventAttributes"
    recorded = json.loads(path.read_text())["events"]
    return [event[attributes] for event in recorded if attributes in event]


def found_in_histories(kind: str, *names: str) -> set[str]:
    """What stands under the names, one within the other, in all histories' events of one kind."""
    found: set[str] = set()
    for path in HISTORIES:
        for event in events(path, kind):
            value: Any = event
            for name in names:
                value = value[name]
            found.add(value)
    return found


def batches() -> Iterator[Batch]:
    """The batches of effects that the lifecycles of all histories had carried out."""
    for path in HISTORIES:
        for scheduled in events(path, "activityTaskScheduled"):
            (payload,) = scheduled["input"]["payloads"]
            data = base64.b64decode(payload["data"])
            if data.startswith(b"{"):  # a mail that is sent on its own is a key alone
                yield Batch.model_validate_json(data)


def cause_of(path: Path) -> str:
    """Return the name of the event or the command that started a workflow."""
    (started,) = events(path, "workflowExecutionStarted")
    (payload,) = started["input"]["payloads"]
    return str(json.loads(base64.b64decode(payload["data"])).get("cause", {}).get("name"))


def edition_of(path: Path) -> int:
    """Return the edition of the rules that a recorded job follows."""
    (started,) = events(path, "workflowExecutionStarted")
    (payload,) = started["input"]["payloads"]
    return int(json.loads(base64.b64decode(payload["data"])).get("edition", Edition.FIRST))


def history(path: Path) -> WorkflowHistory:
    (started,) = events(path, "workflowExecutionStarted")
    return WorkflowHistory.from_json(started["workflowId"], path.read_text())


@pytest.mark.parametrize("lifecycle", LIFECYCLES)
async def test_jobs_that_began_earlier_go_on(lifecycle: str) -> None:
    """Of all editions: what is in them is read, they replay, and their commands are as recorded."""
    assert [str(problem) async for problem in problems(recorded(lifecycle))] == []


def test_all_names_of_this_release_are_on_record() -> None:
    """`python -m tests.replay.fingerprints` records new ones: later releases must keep them."""
    assert NAMES.read_text().splitlines() == names()


def test_the_newest_edition_has_histories_of_every_lifecycle() -> None:
    """`docs/changing-a-rule.md` says how they are recorded."""
    newest = {path for path in recorded() if edition_of(path) == NEWEST}
    assert {path.name.partition(".")[0] for path in newest} == set(LIFECYCLES)


async def test_a_story_that_was_changed_in_place_is_refused() -> None:
    """By every history: one worker replays them all, as making one costs more than replaying."""

    async def one_by_one() -> AsyncIterator[WorkflowHistory]:
        for path in HISTORIES:
            yield history(path)

    replayer = Replayer(workflows=CHANGED, workflow_runner=runner(), data_converter=DATA_CONVERTER)
    async with replayer.workflow_replay_iterator(one_by_one()) as results:
        failures = [result.replay_failure async for result in results]
    refused = [isinstance(failure, NondeterminismError) for failure in failures]
    assert refused == [True] * len(HISTORIES)


def test_every_story_is_recorded_and_every_history_belongs_to_a_story() -> None:
    told = {path.name.split(".")[1].replace("-", "_") for path in HISTORIES}
    assert told == {story.__name__ for story in STORIES}


def test_every_lifecycle_has_a_history() -> None:
    recorded = found_in_histories("workflowExecutionStarted", "workflowType", "name")
    assert recorded == {kind.workflow_type for kind in LIFECYCLES.values()}


def test_every_activity_is_in_a_history_under_the_name_it_is_registered_by() -> None:
    activities = all_activities(Effects.__new__(Effects), Mails.__new__(Mails))
    registered = {getattr(each, "__temporal_activity_definition").name for each in activities}
    assert found_in_histories("activityTaskScheduled", "activityType", "name") == registered


def test_every_command_is_in_a_history() -> None:
    given = found_in_histories(
        "workflowExecutionUpdateAccepted", "acceptedRequest", "input", "name"
    )
    causes = {cause_of(path) for path in HISTORIES}
    declared = {name for kind in LIFECYCLES.values() for name in kind.commands}
    for_people = {name for kind in LIFECYCLES.values() for name in kind.commands.for_people}
    assert given >= for_people - {DISMISS_ATTENTION}
    assert declared - for_people <= given | causes


def test_every_kind_of_effect_is_in_a_history() -> None:
    carried_out = {step.effect.kind for batch in batches() for step in batch.steps}
    union, _ = get_args(Effect)
    kinds = {kind.model_fields["kind"].default for kind in get_args(union)}
    assert carried_out == kinds


@pytest.mark.parametrize("kind", LIFECYCLES.values(), ids=lambda kind: kind.name)
def test_every_stage_and_every_end_is_in_a_history(kind: LifecycleKind) -> None:
    told = [batch.progress for batch in batches() if batch.lifecycle == kind.name]
    assert {progress.stage for progress in told if progress} == {*kind.stages, *kind.ends}
