"""What others are told of is written in one place, so that no place can forget to have it told."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import schema

ROOT = Path(__file__).parents[2]
WRITTEN_ONCE = {"notes", "tasks", "exceptions", "service_jobs"}
TOLD = WRITTEN_ONCE | {"lifecycles", "promises"}
"""The tables whose rows others are told of."""
WRITERS = {
    "store/job_rows.py": WRITTEN_ONCE,
    "store/deliveries.py": {"service_jobs"},  # the id that the job system gave an added job
    "store/ledger.py": {"lifecycles", "promises"},
    "store/losses.py": {"lifecycles", "promises"},
    "store/lifecycles.py": {"lifecycles"},
    "store/attention.py": {"lifecycles"},  # attention, of which nobody is told
    # how far a turn has come, of which nobody is told; and a loss that a rebuild takes back
    "store/snapshots.py": {"lifecycles", "promises"},
}
"""The modules that write them, and which."""
WRITING = {"insert", "update", "delete", "upsert", "insert_once"}


def tables_written(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Return line and name of each told table that is handed to what makes a writing statement."""
    aliases = {
        target.id: name
        for assigned in ast.walk(module)
        if isinstance(assigned, ast.Assign)
        for target, value in _pairs(assigned)
        if isinstance(target, ast.Name) and (name := _told_table(value))
    }
    for call in ast.walk(module):
        if not isinstance(call, ast.Call):
            continue
        made_by = call.func
        name = made_by.attr if isinstance(made_by, ast.Attribute) else getattr(made_by, "id", "")
        if name not in WRITING | {"_insert"}:
            continue
        owner = [made_by.value] if isinstance(made_by, ast.Attribute) else []
        for argument in (*owner, *call.args):
            table = _told_table(argument)
            if table is None and isinstance(argument, ast.Name):
                table = aliases.get(argument.id)
            if table is not None:
                yield call.lineno, table


def _pairs(assigned: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    (target,) = assigned.targets[:1]
    if isinstance(target, ast.Tuple) and isinstance(assigned.value, ast.Tuple):
        yield from zip(target.elts, assigned.value.elts, strict=True)
    else:
        yield target, assigned.value


def _told_table(said: ast.expr) -> str | None:
    is_of_schema = (
        isinstance(said, ast.Attribute)
        and isinstance(said.value, ast.Name)
        and said.value.id == "schema"
        and said.attr in TOLD
    )
    return said.attr if is_of_schema and isinstance(said, ast.Attribute) else None


MODULES = sorted(
    str(path.relative_to(ROOT))
    for room in ("activities", "service", "starters", "store", "workers")
    for path in (ROOT / room).rglob("*.py")
    if "migrations" not in path.parts
)


@pytest.mark.parametrize("module", MODULES)
def test_what_others_are_told_of_is_written_in_one_place(module: str) -> None:
    found = list(tables_written(ast.parse((ROOT / module).read_text())))
    allowed = WRITERS.get(module, set())
    assert [each for each in found if each[1] not in allowed] == []


def test_the_one_place_writes_them_all() -> None:
    found = tables_written(ast.parse((ROOT / "store/job_rows.py").read_text()))
    assert {table for _, table in found} == WRITTEN_ONCE
    assert set(schema.metadata.tables) >= TOLD


@pytest.mark.parametrize("module", ["store/ledger.py", "store/losses.py"])
def test_promises_are_closed_where_that_is_published(module: str) -> None:
    tree = ast.parse((ROOT / module).read_text())
    closing = {
        assigned.targets[0].id
        for assigned in tree.body
        if isinstance(assigned, ast.Assign) and isinstance(assigned.targets[0], ast.Name)
        if "update(schema.promises)" in ast.unparse(assigned.value)
    }
    said = ast.unparse(tree)
    assert said.count("update(schema.promises)") == len(closing) > 0
    for name in closing:
        assert said.count(name) - 1 == said.count(f"publishing.close_promises({name}, ")


@pytest.mark.parametrize(
    "written",
    [
        "connection.execute(update(schema.tasks).where(True))",
        "connection.execute(database.insert_once(schema.notes), row)",
        "self._insert(schema.tasks, key=key)",
        "_TASKS, _OTHERS = schema.tasks, schema.jobs\nconnection.execute(update(_TASKS))",
        "notes = schema.notes\nnotes_written = database.insert(notes)",
        "schema.exceptions.delete()",
    ],
)
def test_another_place_would_be_found(written: str) -> None:
    assert list(tables_written(ast.parse(written)))
