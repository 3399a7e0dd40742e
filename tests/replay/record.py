"""Records the histories that every later release has to replay: `python -m tests.replay.record`.

Each story is told once at a real desk. Name the stories to record on the command line, or a whole
module of them (`apo` for `apo_stories.py`); without a name all are recorded. A story whose name
begins with `long` is told at a server that takes forty events for a long history. Before a story is
recorded again, read `test_replay.py`; to record it as jobs of a newer edition tell it, name another
folder first: `python -m tests.replay.record --to third_edition storm_weekend`. Then have
`python -m tests.replay.fingerprints` put the commands of the new history on record.
"""

from __future__ import annotations

import asyncio
import json
import pkgutil
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from temporalio.client import Client, WorkflowHistory

from domain.lifecycles import job_of
from tests.desk import Desk, Told, open_desk, sqlite_url
from tests.ports import free_port
from workers.dev_server import DevServer, ServerOptions
from workers.temporal import connect

FOLDER = Path(__file__).parent / "histories"
THIRD_EDITION = "third_edition"
"""The folder beside it of stories told before, as jobs of the third edition tell them."""
_ELSEWHERE = "--to"

Story = Callable[[Desk], Awaitable[Told]]

_LONG = "long"
_MODULES_END = "_stories"
_SHORT_HISTORIES = ("limit.historyCount.suggestContinueAsNew=40",)


def _modules() -> Iterator[ModuleType]:
    """The modules of this folder that tell stories: one for each lifecycle."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)], "tests.replay."):
        if module.name.endswith(_MODULES_END):
            yield import_module(module.name)


STORIES: Sequence[Story] = tuple(story for module in _modules() for story in module.STORIES)
"""The stories of all `*_stories.py` beside this module."""


async def _histories(client: Client, workflow_id: str) -> list[WorkflowHistory]:
    """Return the histories of all runs, the first one first."""
    runs = [run async for run in client.list_workflows(f'WorkflowId = "{workflow_id}"')]
    runs.sort(key=lambda run: run.start_time)
    return [
        await client.get_workflow_handle(workflow_id, run_id=run.run_id).fetch_history()
        for run in runs
    ]


def _without_places(recorded: Any) -> Any:
    """Return a history without stack traces: they name the paths of one machine."""
    match recorded:
        case dict():
            return {
                key: _without_places(value)
                for key, value in recorded.items()
                if key != "stackTrace"
            }
        case list():
            return [_without_places(each) for each in recorded]
        case _:
            return recorded


async def record(stories: Iterable[Story], folder: Path, *dynamic_config: str) -> None:
    """Tell stories at one server, and keep the histories of all their runs in a folder."""
    options = ServerOptions(
        port=free_port(), ui_port=None, database=None, dynamic_config=dynamic_config
    )
    server = DevServer(options)
    await server.start()
    try:
        # The identity is in every event: that of this machine is nobody's business.
        client = await connect(target_host=server.address, namespace="default", identity="recorder")
        for story in stories:
            await _keep(story, client, folder)
    finally:
        await server.stop()


async def _keep(story: Story, client: Client, folder: Path) -> None:
    with TemporaryDirectory() as data:
        async with open_desk(client, sqlite_url(Path(data))) as desk:
            job = await story(desk)
            await job.outcome()
            histories = await _histories(client, job.handle.id)
    lifecycle, _ = job_of(job.handle.id)
    _write(histories, f"{lifecycle}.{story.__name__.replace('_', '-')}", folder)


def _write(histories: Iterable[WorkflowHistory], name: str, folder: Path) -> None:
    """Keep the histories of a story's runs; those that were kept before are never replaced."""
    folder.mkdir(exist_ok=True)
    if any(folder.glob(f"{name}.*.json")):
        raise SystemExit(
            f"{folder.name}/{name} was recorded before, and jobs that run were told so. Record it "
            f"into the folder of a newer edition: {_ELSEWHERE} fifth_edition. A history of this "
            "edition that no release has had yet can be removed first."
        )
    for number, history in enumerate(histories, start=1):
        path = folder / f"{name}.{number}.json"
        path.write_text(json.dumps(_without_places(history.to_json_dict()), indent=1) + "\n")
        print(f"{path.name}: {len(history.events)} events")  # noqa: T201  a tool for a person


def chosen(names: Sequence[str]) -> list[Story]:
    """Return the stories of these names, or of the modules of these names; all if none is named.

    Raises:
        SystemExit: there is no such story, and no such module.
    """
    found: list[Story] = []
    for name in names:
        wanted = name.replace("-", "_")
        module = f"tests.replay.{wanted}{_MODULES_END}"
        named = [each for each in STORIES if each.__name__ == wanted or each.__module__ == module]
        if not named:
            raise SystemExit(f"There is no story {name}, and no tests/replay/{wanted}_stories.py.")
        found += named
    return found if names else [*STORIES]


async def main() -> None:
    names, folder = sys.argv[1:], FOLDER
    if names[:1] == [_ELSEWHERE]:
        folder, names = FOLDER.parent / names[1], names[2:]
    stories = chosen(names)
    long = [story for story in stories if story.__name__.startswith(_LONG)]
    if len(long) < len(stories):
        await record((story for story in stories if story not in long), folder)
    if long:
        await record(long, folder, *_SHORT_HISTORIES)


if __name__ == "__main__":
    asyncio.run(main())
