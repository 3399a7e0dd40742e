"""What it costs to replay Steward's histories, beside bare ones of the same length.

They are replayed in a process of its own, `python -m benchmarks.replay FOLDER NUMBER`: the bare
ones lie in the folder, and so many of Steward's are replayed beside them.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.worker import Replayer

from benchmarks.figures import Bar, Figure, Picture, Section, at_most
from benchmarks.floor import TASK_QUEUE, Floor, Phase, Until
from benchmarks.lives import Life
from benchmarks.pace import Pace
from benchmarks.processes import ROOT, child, run_as_child, serve, temporal
from benchmarks.scale import Scale, Tell
from workers.dev_server import die_with_parent
from workers.payloads import DATA_CONVERTER
from workers.worker import runner
from workflows.registry import WORKFLOWS

_GOAL = at_most(1.3)
_A_DAY_SECONDS = 86_400.0
_STEP = Phase(activities=1, timer_seconds=_A_DAY_SECONDS, until=Until.SIGNAL)
_END = Phase(activities=1, timer_seconds=None, until=Until.END)
_EVENTS_OF_A_STEP = 12
_EVENTS_OF_THE_END = 11
_MICROSECONDS = 1_000_000

RECORDED = ROOT / "tests" / "replay" / "histories"
"""Where the histories lie that every release has to replay."""

STEWARD = "Steward's"
FLOOR = "the floor's"


async def measure(scale: Scale, tell: Tell) -> Section:
    """Record a bare history for each of Steward's, and replay both kinds in turn."""
    rounds = []
    with TemporaryDirectory() as folder:
        tell("recording bare histories")
        ours = histories_in(RECORDED)[: scale.histories]
        await _record(Path(folder), lengths=[len(each.events) for each in ours])
        async with child("benchmarks.replay", folder, str(len(ours))) as replayer:
            await replayer.ask("1")
            for number in range(1, scale.rounds + 1):
                tell(f"round {number} of {scale.rounds}, {scale.replays} replays of each history")
                rounds.append(json.loads(await replayer.ask(str(scale.replays))))
    spent = {kind: [found[kind] for found in rounds] for kind in (STEWARD, FLOOR)}
    ratios = [ours / bare for ours, bare in zip(spent[STEWARD], spent[FLOOR], strict=True)]
    events = [Figure.of(f"an event of {kind}", "µs", spent[kind]) for kind in spent]
    return Section(
        name="replay",
        title="Replay",
        method=(
            "All histories that the tests have on record are replayed, and in turn with them as "
            "many of the floor, each about as long as one of Steward's: an activity, then a signal "
            "or a timer waited for, again and again. CPU of the process that replays, where "
            "nothing else runs, by the number of events; a first replay of each does not count."
        ),
        limits=(
            "Each replay begins with an instance in the sandbox, which the events of a history "
            "have to bear together. The rest is reading what came in by the models, and deciding "
            "again what was decided."
        ),
        figures=(Figure.of("an event against the floor", "×", ratios, _GOAL), *events),
        pictures=(
            Picture(
                name="replay-events",
                title="CPU for the replay of an event",
                y_label="µs",
                bars=tuple(
                    Bar(label=of.name, median=of.median, lowest=of.lowest, highest=of.highest)
                    for of in events
                ),
            ),
        ),
    )


async def _record(folder: Path, lengths: Sequence[int]) -> None:
    """Carry out bare workflows, and keep a history of about each of these lengths."""
    async with temporal(None) as server, child("benchmarks.worker", server.address):
        pace, of_steps = Pace(server.client), dict[int, str]()
        for number, length in enumerate(lengths):
            steps = max(0, round((length - _EVENTS_OF_THE_END) / _EVENTS_OF_A_STEP))
            if steps not in of_steps:
                life = _bare_life(server.client, f"floor-{steps}", steps)
                await pace.carry_out(life)
                history = await server.client.get_workflow_handle(life.workflow_id).fetch_history()
                of_steps[steps] = history.to_json()
            (folder / f"{number}.json").write_text(of_steps[steps])


def _bare_life(client: Client, workflow_id: str, steps: int) -> Life:
    handle: WorkflowHandle[Any, Any] = client.get_workflow_handle(workflow_id)
    start = partial(
        client.start_workflow,
        Floor.run,
        [*[_STEP] * steps, _END],
        id=workflow_id,
        task_queue=TASK_QUEUE,
    )
    return Life(workflow_id, [start, *[partial(handle.signal, Floor.told)] * steps], None)


def histories_in(folder: Path) -> Sequence[WorkflowHistory]:
    """Return the histories that lie in a folder."""
    return [_history(path.read_text()) for path in sorted(folder.glob("*.json"))]


def _history(recorded: str) -> WorkflowHistory:
    events = WorkflowHistory.from_json("", recorded).events
    started = events[0].workflow_execution_started_event_attributes
    return WorkflowHistory(started.workflow_id, events)


# --- in the process that replays --------------------------------------------------------------


class Replaying:
    """Replays Steward's histories and those of the floor."""

    def __init__(self, floor: Path, wanted: int) -> None:
        ours = Replayer(
            workflows=WORKFLOWS,
            workflow_runner=runner(),
            data_converter=DATA_CONVERTER,
        )
        self._kinds = {
            STEWARD: (ours, histories_in(RECORDED)[:wanted]),
            FLOOR: (Replayer(workflows=[Floor]), histories_in(floor)),
        }

    async def replay(self, times: str) -> str:
        """Replay each history so often; return CPU microseconds for an event, by kind."""
        spent = dict.fromkeys(self._kinds, 0.0)
        for _ in range(int(times)):
            for kind, (replayer, histories) in self._kinds.items():
                spent[kind] += await _spent_on_an_event(replayer, histories)
        return json.dumps({kind: spent[kind] / int(times) for kind in spent})


async def _spent_on_an_event(replayer: Replayer, histories: Sequence[WorkflowHistory]) -> float:
    async def one_after_the_other() -> AsyncIterator[WorkflowHistory]:
        for history in histories:
            yield history

    began = time.process_time()
    await replayer.replay_workflows(one_after_the_other())
    spent = time.process_time() - began
    return spent * _MICROSECONDS / sum(len(history.events) for history in histories)


if __name__ == "__main__":
    die_with_parent()  # a replay that is cancelled midway never ends
    run_as_child(serve(Replaying(Path(sys.argv[1]), int(sys.argv[2])).replay))
