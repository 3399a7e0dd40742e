"""What it costs to make an instance of each lifecycle's workflow in the sandbox.

The instances are made in a process of their own: `python -m benchmarks.sandbox`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence

from temporalio import workflow

from benchmarks.empty import Empty
from benchmarks.figures import Bar, Figure, Picture, Section, at_most
from benchmarks.processes import child, run_as_child, serve
from benchmarks.scale import Scale, Tell
from workers.worker import sandbox
from workflows.registry import WORKFLOWS

WORKFLOW_TYPES = {each.story.kind.workflow_type: each for each in WORKFLOWS}

_GOAL = at_most(1.5)
_MILLISECONDS = 1000


async def measure(scale: Scale, tell: Tell) -> Section:
    """Make instances of each lifecycle's workflow and of an empty one, in turn."""
    rounds: list[dict[str, float]] = []
    async with child("benchmarks.sandbox") as maker:
        await maker.ask(str(scale.instances))
        for number in range(1, scale.rounds + 1):
            tell(f"round {number} of {scale.rounds}, {scale.instances} instances each")
            rounds.append(json.loads(await maker.ask(str(scale.instances))))
    spent = {name: [found[name] for found in rounds] for name in rounds[0]}
    instances = [Figure.of(f"an instance of {name}", "ms", spent[name]) for name in spent]
    return Section(
        name="sandbox",
        title="Sandbox",
        method=(
            "Instances of each lifecycle's workflow are made in the worker's sandbox, as when a "
            "job starts or comes back into the cache, and in turn with them instances of a "
            "workflow that has nothing in it. CPU of the process that makes them, where nothing "
            "else runs; a first round does not count."
        ),
        limits=(
            "All of ours is passed through, stories too (ADR 8), which a test keeps so; the empty "
            "workflow is made anew for each instance, as a module is that nobody passes through, "
            "so a ratio under 1 says only that no module of ours is. Tests run the stories inside "
            "the sandbox."
        ),
        figures=(*(_against_empty(name, spent) for name in WORKFLOW_TYPES), *instances),
        pictures=(
            Picture(
                name="sandbox-instances",
                title="CPU for an instance in the sandbox",
                y_label="ms",
                bars=tuple(
                    Bar(label=of.name, median=of.median, lowest=of.lowest, highest=of.highest)
                    for of in instances
                ),
            ),
        ),
    )


def _against_empty(name: str, spent: Mapping[str, Sequence[float]]) -> Figure:
    pairs = zip(spent[name], spent[Empty.__name__], strict=True)
    ratios = [ours / empty for ours, empty in pairs]
    return Figure.of(f"{name} against an empty workflow", "×", ratios, _GOAL)


# --- in the process that makes them -----------------------------------------------------------


async def make_instances(wanted: str) -> str:
    """Make so many instances of each workflow; return CPU milliseconds of one, by its name."""
    workflows = {**WORKFLOW_TYPES, Empty.__name__: Empty}
    return json.dumps({name: _spent(workflow, int(wanted)) for name, workflow in workflows.items()})


def _spent(story: type, instances: int) -> float:
    runner, definition = sandbox(), workflow._Definition.must_from_class(story)  # noqa: SLF001
    began = time.process_time()
    for _ in range(instances):
        runner.prepare_workflow(definition)
    return (time.process_time() - began) / instances * _MILLISECONDS


if __name__ == "__main__":
    run_as_child(serve(make_instances))
