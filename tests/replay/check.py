"""What every release is held against before it is one: the histories that were recorded.

For each history: what is in it can be read, it replays, and the commands that this code issues for
it are those of its fingerprint. Temporal itself compares the order of commands and their names. The
fingerprint holds what it lets pass: how long a timer runs, what a batch of effects does, which
search attributes are set, which patches are asked for.
"""

from __future__ import annotations

import ast
import base64
import difflib
import json
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import WorkflowHistory
from temporalio.converter import StorageDriverStoreContext, WorkflowSerializationContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import Info, _Definition

import workflows
from activities.effects import Effects, all_activities
from activities.mails import Mails
from domain.editions import Edition
from domain.effects import Batch
from workers.replaying import replayed
from workers.worker import runner
from workflows import search_attributes
from workflows.registry import ALL_WORKFLOWS, LIFECYCLES

HERE = Path(__file__).parent
FINGERPRINTS = HERE / "fingerprints"
NAMES = FINGERPRINTS / "names.txt"
_NEW = "this history is new: put it on record with python -m tests.replay.fingerprints"
_CONTINUES = "continue as new with "
_DEFINITION = "__temporal_activity_definition"
FOLDERS = ("histories", "first_edition", "third_edition", "fourth_edition")
ROLLED_OUT = """\
Jobs that run have such a history, and a release must leave them as they are:
- a rule changed: give it an edition, docs/changing-a-rule.md;
- a story's mechanics changed: put it behind self.patched("what-changed"), docs/releases.md;
- a field has another name: keep the old one as an alias; a new field has a default.
The new way gets a history of its own: python -m tests.replay.record a_new_story.
Only if running jobs may well change so (docs/releases.md): python -m tests.replay.fingerprints."""

Fingerprint = Sequence[str]


def recorded(lifecycle: str = "") -> list[Path]:
    """Return the recorded histories of all editions, or those of one lifecycle."""
    return [
        path for folder in FOLDERS for path in sorted((HERE / folder).glob(f"{lifecycle}*.json"))
    ]


def name_of(path: Path) -> str:
    """Return what a history is called in the fingerprints: its folder and name."""
    return f"{path.parent.name}/{path.stem}"


@dataclass(frozen=True)
class Problem:
    """Why a history would not go on as it began."""

    found_by: str
    """`reading`, `replay`, `fingerprint` or `names`."""
    history: str
    said: str

    def __str__(self) -> str:
        """Say it to whoever made the change, and what to do."""
        return f"{self.history}: {self.said}\n\n{ROLLED_OUT}"


async def problems(paths: Iterable[Path]) -> AsyncGenerator[Problem]:
    """Hold histories against this code; what is found first comes first."""
    for name in missing_names():
        yield Problem("names", "jobs that run", f"nothing is called {name} any more")
    paths = list(paths)
    documents = {path: json.loads(path.read_text()) for path in paths}
    for path in paths:
        for said in unreadable_in(documents[path]):
            yield Problem("reading", name_of(path), said)
    fingerprints = read_fingerprints()
    async with aclosing(issued_for(documents)) as found:
        async for path, differs, issued in found:
            if differs is not None:
                yield Problem("replay", name_of(path), differs)
            elif name_of(path) not in fingerprints:
                yield Problem("fingerprint", name_of(path), _NEW)
            elif said := _changed(fingerprints[name_of(path)], issued):
                yield Problem("fingerprint", name_of(path), said)


def _changed(before: Fingerprint, now: Fingerprint) -> str:
    """Return how a fingerprint has changed, empty if it has not."""
    now = [_as_before(old, new) for old, new in zip_longest(before, now, fillvalue="") if new]
    if list(before) == now:
        return ""
    lines = difflib.unified_diff(before, now, "recorded", "this code", lineterm="", n=2)
    return "the commands of this code are others:\n" + "\n".join(lines)


def _as_before(old: str, new: str) -> str:
    """Return a command, or the old one if it only hands more over to the next run."""
    if not (old.startswith(_CONTINUES) and new.startswith(_CONTINUES)):
        return new
    handed_over, kept = (set(each.removeprefix(_CONTINUES).split(", ")) for each in (new, old))
    return old if kept <= handed_over else new


# --- names that jobs that run rely on -------------------------------------------------------------


def missing_names() -> list[str]:
    """Return the names that earlier releases knew, and this code does not."""
    return sorted(set(NAMES.read_text().splitlines()) - set(names()))


def names() -> list[str]:
    """Return all names that stand in histories, or that others send: what is called so stays so."""
    activities = all_activities(Effects.__new__(Effects), Mails.__new__(Mails))
    found = {f"activity {getattr(each, _DEFINITION).name}" for each in activities}
    found |= {f"search attribute {key.name}" for key in search_attributes.ALL}
    found |= {f"edition {int(edition)} {edition.name}" for edition in Edition}
    found |= {f"patch {each}" for each in patches()}
    for workflow in ALL_WORKFLOWS:
        defined = _Definition.must_from_class(workflow)
        of = f"of {defined.name}"
        found.add(f"workflow {defined.name}")
        found |= {f"signal {name} {of}" for name in defined.signals if name}
        found |= {f"update {name} {of}" for name in defined.updates if name}
        found |= {f"query {name} {of}" for name in defined.queries if name}
    for kind in LIFECYCLES.values():
        found |= {f"stage {stage} of {kind.workflow_type}" for stage in kind.stage}
    return sorted(found)


def patches() -> Iterator[str]:
    """Return the names of the patches that the workflow code asks for, as far as it spells them."""
    for path in sorted(Path(workflows.__file__).parent.glob("*.py")):
        tree = ast.parse(path.read_text())
        constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _is_patched(node.func) and node.args:
                yield from _spelt(node.args[0], constants)


def _is_patched(called: ast.expr) -> bool:
    return isinstance(called, ast.Attribute) and called.attr in {"patched", "_is_in_force"}


def _spelt(argument: ast.expr, constants: Mapping[str, Any]) -> Iterator[str]:
    match argument:
        case ast.Constant(value=str(name)):
            yield name
        case ast.Name(id=variable) if variable in constants:
            yield str(constants[variable])
        case ast.JoinedStr(values=[ast.Constant(value=str(beginning)), *_]):
            yield f"{beginning}…"
        case _:
            pass  # `Runtime.patched` passes on what it was asked


# --- fingerprints -------------------------------------------------------------------------------


def read_fingerprints() -> Mapping[str, Fingerprint]:
    """Return the commands that were recorded for each history."""
    found: dict[str, list[str]] = {}
    for path in sorted(set(FINGERPRINTS.glob("*.txt")) - {NAMES}):
        name = ""
        for line in path.read_text().splitlines():
            if line.startswith("  "):
                found[name].append(line.strip())
            elif line:
                name = line
                found[name] = []
    return found


async def issued_for(
    documents: Mapping[Path, Mapping[str, Any]],
) -> AsyncGenerator[tuple[Path, str | None, Fingerprint]]:
    """Replay histories, and return for each what differs and the commands that this code issues."""
    listening = Listening(runner())
    histories = {path: _history(path, document) for path, document in documents.items()}

    async def one_by_one() -> AsyncIterator[WorkflowHistory]:
        for history in histories.values():
            listening.commands.clear()
            yield history

    paths = iter(histories)
    async with aclosing(replayed(one_by_one(), workflow_runner=listening)) as results:
        async for _, differs in results:
            yield next(paths), differs, tuple(_line(each) for each in listening.commands)


def _history(path: Path, document: Mapping[str, Any]) -> WorkflowHistory:
    started = document["events"][0]["workflowExecutionStartedEventAttributes"]
    return WorkflowHistory.from_json(started.get("workflowId", path.stem), dict(document))


def _line(command: WorkflowCommand) -> str:
    """Return a command as a fingerprint has it: without ids, instants, and what people read."""
    variant = command.WhichOneof("variant") or "nothing"
    said = _SAID.get(variant)
    return said(command) if said else variant.replace("_", " ")


def _upserted(command: WorkflowCommand) -> str:
    upserted = command.upsert_workflow_search_attributes.search_attributes
    told = sorted(f"{key}={_shown(value)}" for key, value in _indexed(upserted).items())
    return f"attributes {' · '.join(told)}"


def _continued(command: WorkflowCommand) -> str:
    (argument,) = command.continue_as_new_workflow_execution.arguments
    start = json.loads(argument.data)
    return _CONTINUES + ", ".join(name for name in start if start[name])


def _activity(command: WorkflowCommand) -> str:
    scheduled = command.schedule_activity
    return f"activity {scheduled.activity_type}{_effects(scheduled.arguments)}"


_SAID: Mapping[str, Callable[[WorkflowCommand], str]] = {
    "start_timer": lambda each: f"timer {each.start_timer.start_to_fire_timeout.ToTimedelta()}",
    "schedule_activity": _activity,
    "upsert_workflow_search_attributes": _upserted,
    "set_patch_marker": lambda each: f"patch {each.set_patch_marker.patch_id}",
    "update_response": lambda each: f"update {each.update_response.WhichOneof('response')}",
    "complete_workflow_execution": lambda each: (
        f"complete {each.complete_workflow_execution.result.data.decode()}"
    ),
    "continue_as_new_workflow_execution": _continued,
}
"""What is said of each kind of command; of others, the kind."""


def _indexed(upserted: Any) -> Mapping[str, Payload]:
    fields: Mapping[str, Payload] = getattr(upserted, "indexed_fields", upserted)
    return fields


def _shown(value: Payload) -> str:
    return value.data.decode() if value.data else "none"


def _effects(arguments: Sequence[Payload]) -> str:
    """Return what a batch does: the kinds of its effects, and the stage that it comes to."""
    (argument,) = arguments
    batch = json.loads(argument.data)
    if not isinstance(batch, dict):
        return ""  # a mail that is sent on its own is a key alone
    kinds = [step["effect"]["kind"] for step in batch["steps"]]
    counted = [(kind, sum(1 for _ in same)) for kind, same in groupby(kinds)]
    said = ", ".join(kind if times == 1 else f"{times} {kind}" for kind, times in counted)
    progress = batch.get("progress") or {}
    stage = f" → {progress['stage']}" if progress else ""
    return f": {said or 'nothing'}{stage}"


@dataclass
class Listening(WorkflowRunner):
    """The worker's runner, with all the commands of its workflows kept."""

    runner: WorkflowRunner
    commands: list[WorkflowCommand] = field(default_factory=list)

    def prepare_workflow(self, defn: _Definition) -> None:
        self.runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _Heard(self.runner.create_instance(det), self.commands)

    def set_worker_level_failure_exception_types(
        self, types: Sequence[type[BaseException]]
    ) -> None:
        self.runner.set_worker_level_failure_exception_types(types)


class _Heard(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance, commands: list[WorkflowCommand]) -> None:
        self._instance = instance
        self._commands = commands

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        completion = self._instance.activate(act)
        self._commands.extend(completion.successful.commands)
        return completion

    def get_serialization_context(self, command_info: Any) -> WorkflowSerializationContext | None:
        context = self._instance.get_serialization_context(command_info)
        assert context is None or isinstance(context, WorkflowSerializationContext)
        return context

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()


# --- what is in a history -------------------------------------------------------------------------


def unreadable_in(document: Mapping[str, Any]) -> Iterator[str]:
    """Say what of a history this release can't read, or would forget."""
    for event in document["events"]:
        if started := event.get("workflowExecutionStartedEventAttributes"):
            kind = next(
                each
                for each in LIFECYCLES.values()
                if each.workflow_type == started["workflowType"]["name"]
            )
            yield from _unread(kind.start, started["input"]["payloads"], "the start")
        elif scheduled := event.get("activityTaskScheduledEventAttributes"):
            name = scheduled["activityType"]["name"]
            yield from _unread(Batch, scheduled["input"]["payloads"], f"a batch of {name}")


def _unread(model: Any, payloads: Sequence[Mapping[str, str]], what: str) -> Iterator[str]:
    for payload in payloads:
        written = json.loads(base64.b64decode(payload["data"]))
        if not isinstance(written, dict):
            continue
        try:
            read = model.model_validate(written)
        except ValueError as error:
            yield f"{what} can't be read: {error}"
            continue
        forgotten = sorted(_lost(written, read.model_dump(mode="json", by_alias=True)))
        if forgotten:
            yield f"{what} forgets {', '.join(forgotten)}"


def _lost(written: Any, read: Any, at: str = "") -> set[str]:
    """Return where something was written that is not there once it is read."""
    if isinstance(written, dict) and isinstance(read, dict):
        lost: set[str] = set()
        for name, value in written.items():
            place = f"{at}.{name}" if at else name
            if name in read:
                lost |= _lost(value, read[name], place)
            elif value:  # what is empty may be left out
                lost.add(place)
        return lost
    if isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        return set().union(*(_lost(old, new, at) for old, new in zip(written, read, strict=True)))
    return set()
