"""A lifecycle is whole, or the failure says what to add: the checklist for the next one."""

import ast
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

import workflows
from domain.attention import Attention
from domain.lifecycles import LifecycleKind
from domain.plus_one.kind import PLUS_ONE
from workflows.lifecycle import Lifecycle
from workflows.registry import LIFECYCLES, WORKFLOWS

ROOT = Path(__file__).parents[2]
ROOMS = {
    "__init__": "its name, in one docstring",
    "case": "its stages, its case and its start",
    "moves": "how it goes from stage to stage",
    "rules": "who may do what, and when, all pure",
    "waits": "whom it waits for, until when, and who is reminded",
    "tasks": "what it asks people to do, and how long each task lasts",
    "payloads": "what each command carries, with its help",
    "commands": "what people can do to it, in one table",
    "guide": "what the agent does and says",
    "policy": "what the procedure leaves to the company",
    "kind": "all its rooms tied together",
}
"""The rooms of a procedure's package in domain/, and what each holds."""
STORIES = {workflow.story.kind.name: workflow.story for workflow in WORKFLOWS}


def scenarios_of(kind: LifecycleKind) -> Iterator[str]:
    """The source of each scenario of a lifecycle."""
    module = kind.name.replace("-", "_")
    for path in (ROOT / "tests" / "scenarios").glob(f"test_{module}*.py"):
        source = path.read_text()
        for node in ast.walk(ast.parse(source)):
            match node:
                case ast.AsyncFunctionDef(name=name) if name.startswith("test_"):
                    yield ast.get_source_segment(source, node) or ""


def is_told_by(kind: LifecycleKind, module: str) -> bool:
    story = STORIES.get(kind.name)
    return story is not None and story.__module__ == f"workflows.{module}"


def missing(kind: LifecycleKind) -> list[str]:
    """What has still to be added before a lifecycle is whole."""
    module, name = kind.name.replace("-", "_"), kind.name
    scenarios = list(scenarios_of(kind))
    checklist = {
        f"docs/{name}.md: its page, for those who have to know why a job stands where it stands": (
            ROOT / "docs" / f"{name}.md"
        ).exists(),
        **{
            f"domain/{module}/{room}.py: {holds}": (
                ROOT / "domain" / module / f"{room}.py"
            ).exists()
            for room, holds in ROOMS.items()
        },
        f"workflows/{module}.py: its story, {kind.workflow_type}, and a line in "
        "workflows/registry.py": is_told_by(kind, module),
        f"tests/scenarios/test_{module}*.py: scenarios that read like the procedure": bool(
            scenarios
        ),
        f"tests/scenarios/test_{module}*.py: a scenario in which a signal cannot be used, and the "
        f"job shows the attention {Attention.BAD_MESSAGE}": any(
            Attention.BAD_MESSAGE in each for each in scenarios
        ),
        f"tests/engine/test_{module}.py: its story in memory, to each of its ends": (
            ROOT / "tests" / "engine" / f"test_{module}.py"
        ).exists(),
        f"tests/replay/histories/{name}.*.json: stories in tests/replay/{module}_stories.py, "
        "recorded": any((ROOT / "tests" / "replay" / "histories").glob(f"{name}.*.json")),
    }
    return [thing for thing, is_there in checklist.items() if not is_there]


def to_do(kind: LifecycleKind) -> str:
    return "\n  - ".join([f"To make {kind.name} whole, add:", *missing(kind)])


@pytest.mark.parametrize("kind", LIFECYCLES.values(), ids=lambda kind: kind.name)
def test_a_lifecycle_is_whole(kind: LifecycleKind) -> None:
    assert not missing(kind), to_do(kind)


def test_all_that_a_new_lifecycle_lacks_is_listed() -> None:
    sixth = replace(PLUS_ONE, name="sixth-lifecycle", workflow_type="SixthLifecycle")
    assert [each.partition(":")[0] for each in missing(sixth)] == [
        "docs/sixth-lifecycle.md",
        *(f"domain/sixth_lifecycle/{room}.py" for room in ROOMS),
        "workflows/sixth_lifecycle.py",
        "tests/scenarios/test_sixth_lifecycle*.py",
        "tests/scenarios/test_sixth_lifecycle*.py",
        "tests/engine/test_sixth_lifecycle.py",
        "tests/replay/histories/sixth-lifecycle.*.json",
    ]


def test_every_story_is_registered() -> None:
    told = {
        found
        for module in pkgutil.iter_modules(workflows.__path__, "workflows.")
        for found in vars(import_module(module.name)).values()
        if isinstance(found, type) and issubclass(found, Lifecycle) and found is not Lifecycle
    }
    assert told == set(STORIES.values())
