"""Stories that were changed without `workflow.patched`: what a release must never do."""

from __future__ import annotations

from typing import Any

from workflows.lifecycle import Lifecycle
from workflows.registry import WORKFLOWS
from workflows.temporal import DurableLifecycle, durable


def changed(story: type[Lifecycle[Any]]) -> type[DurableLifecycle]:
    """Return the workflow of a story that carries out one activity more than was recorded."""

    async def run(self: Lifecycle[Any]) -> None:
        self.note("Hello.")
        await self.engine.publisher.flush(None, "one activity more")
        await story.run(self)

    return durable(type(f"Changed{story.__name__}", (story,), {"__module__": __name__, "run": run}))


CHANGED = tuple(changed(workflow.story) for workflow in WORKFLOWS)

globals().update({workflow.__name__: workflow for workflow in CHANGED})
# Temporal's sandbox imports a workflow by its name.
