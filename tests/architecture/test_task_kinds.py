"""Every kind of task has one label, and every call for attention somebody who settles it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from domain.attention import SETTLED_BY_TASKS
from domain.labels import TASKS, task_label
from domain.tasks import CommonTask
from workflows.registry import TASK_KINDS

ROOT = Path(__file__).parents[2]
KINDS = {
    *(kind.value for kinds in TASK_KINDS.values() for kind in kinds),
    *(kind.value for kind in CommonTask),
}


def test_every_kind_of_task_has_a_label_and_no_other_has() -> None:
    assert set(TASKS) == KINDS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_label_is_a_short_imperative_without_an_identifier(kind: str) -> None:
    label = task_label(kind)
    assert label[0].isupper()
    assert "_" not in label
    assert not label.endswith(".")
    assert len(label) <= 50


def test_a_kind_of_an_older_release_is_told_by_its_name() -> None:
    assert task_label("call_somebody") == "Call somebody"


def test_attention_is_settled_by_kinds_of_tasks_that_there_are() -> None:
    for kinds in SETTLED_BY_TASKS.values():
        assert kinds <= KINDS


def test_every_task_that_the_code_opens_by_name_is_a_kind() -> None:
    named = re.compile(r'task="([a-z_]+)"')
    for folder in ("service", "store", "workflows"):
        for path in (ROOT / folder).glob("*.py"):
            assert set(named.findall(path.read_text())) <= KINDS, path
