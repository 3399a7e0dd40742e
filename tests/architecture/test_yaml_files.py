"""Compose and Kubernetes refuse a file that says a key twice; PyYAML takes the last in silence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path
    for place in (".", "deploy", "docs")
    for pattern in ("*.yaml", "*.yml")
    for path in (ROOT.glob(pattern) if place == "." else (ROOT / place).rglob(pattern))
)


def said_twice(node: yaml.Node | None) -> Iterator[str]:
    """Give each key, with its line, that stands twice in one mapping."""
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if key.value in keys:
                yield f"{key.value} (line {key.start_mark.line + 1})"
            keys.add(key.value)
            yield from said_twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from said_twice(each)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_says_each_key_once(path: Path) -> None:
    documents = list(yaml.compose_all(path.read_text("utf-8"), Loader=yaml.SafeLoader))
    assert documents
    assert [key for document in documents for key in said_twice(document)] == []


def test_a_key_that_stands_twice_is_found() -> None:
    twice = yaml.compose("a:\n  b: 1\n  b: 2\n", Loader=yaml.SafeLoader)
    assert list(said_twice(twice)) == ["b (line 3)"]
