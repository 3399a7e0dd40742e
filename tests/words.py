"""What a text for people must not hold: identifiers, machine time, and words of the old voice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from domain.effects import AddNote, Batch, OpenException, OpenPromise, OpenTask
from domain.labels import COMMANDS, STAGES, TASKS
from domain.promises import Promise
from domain.roles import Role

FORBIDDEN = (
    r"\bis waited for",
    r"\bare waited for",
    r"\bis asked (?:for|to|about)\b",
    r"\bis told\b",
    r"\b(?:is|are|was|were) to (?!be\b)[a-z]+",
    r"\bwhom\b",
    r"\bwhoever\b",
    r"\bwhosever\b",
    r"\banew\b",
    r"\bbut for\b",
    r"\bno reason given",
    r"\bno details\b",
    r"\bno time named",
    r"\bfor want of",
    r"\bunheard\b",
    r"\bnobody knows when",
    r"\bsee to it\b",
    r"\bcome to be\b",
    r"\bso that it\b",
    r"\bcannot go on\b",
    r"\bnot the last word",
    r"\bstands? with\b",
    r"\bcomes to\b",
    r"\bdoes not suffice\b|\bdo not suffice\b",
)
"""Phrases that nobody says (voice.md, rules 1, 6 and 8)."""

_FORBIDDEN = re.compile("|".join(FORBIDDEN), re.IGNORECASE)
_IDENTIFIER = re.compile(r"(?<![\w./{-])[a-z]+(?:_[a-z0-9]+)+(?![\w/(=:*-]|\.\w)")
_MACHINE_TIME = re.compile(
    r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z|%Y-%m-%d|\.isoformat\(\)|\} UTC\b|[0-9:]{5} UTC\b"
)
_DEPARTMENT = re.compile(
    r"(?<![\w`'-])(?:dispatch|authorizations|plusone|leadership desk|support services)(?![\w`'-])"
)
_KNOWN_TO_ALL = frozenset({"message_id", "webhook_id"})
"""Fields by which people who send messages know them; a sentence may name them."""
_NAMES = frozenset({*COMMANDS, *STAGES, *TASKS, *Role})
_OF_PROGRAMS = re.compile(
    r"(?<!\")\{(?:[a-z_.]+\.)?(?:role|waiting_on|stage|kind\.name|command\.name|lifecycle)(?:\.value)?\}"
)
"""Placeholders that fill in an identifier where a label is meant."""
_FOR_PROGRAMS = re.compile(r"`[^`]*`|“[a-z_]+=[^”]*”")
"""What stands in backticks is for a program, and named as one."""


def problems_of(said: str) -> Iterator[str]:
    """Return what is wrong with a text for people; what stands in backticks is for programs."""
    text = _FOR_PROGRAMS.sub("``", said)
    for pattern, what in (
        (_FORBIDDEN, "says"),
        (_MACHINE_TIME, "has the time of a machine:"),
        (_DEPARTMENT, "names a department without its capital:"),
        (_OF_PROGRAMS, "fills in an identifier:"),
    ):
        for found in pattern.finditer(text):
            yield f'{what} "{found[0]}"'
    without_placeholders = re.sub(r"\{[^{}]*\}", "{}", text)
    for found in _IDENTIFIER.finditer(without_placeholders):
        if found[0] not in _KNOWN_TO_ALL:
            yield f'names an identifier: "{found[0]}"'


def problems_at_run_time(said: str) -> Iterator[str]:
    """Return what is wrong with a text that a story produced, which may quote what people wrote."""
    text = _FOR_PROGRAMS.sub("``", said)
    for found in _FORBIDDEN.finditer(text):
        yield f'says "{found[0]}"'
    for found in _MACHINE_TIME.finditer(text):
        yield f'has the time of a machine: "{found[0]}"'
    for found in _IDENTIFIER.finditer(text):
        if found[0] in _NAMES:
            yield f'names an identifier: "{found[0]}"'


def texts_for_people(batch: Batch) -> Iterator[str]:
    """Return every text of a batch that people read."""
    for step in batch.steps:
        match step.effect:
            case AddNote(text=text) | OpenTask(text=text) | OpenException(comment=text):
                yield text
            case OpenPromise(promise=promise):
                yield from _of(promise)
            case _:
                pass
    if batch.progress is not None:
        yield from _of(batch.progress.waiting) if batch.progress.waiting else ()
        yield from (*batch.progress.beside, *batch.progress.guide)


def _of(promise: Promise) -> Iterable[str]:
    return promise.duty, promise.then, promise.changed_by


def must_be_readable(batch: Batch) -> None:
    """Return if everybody understands what a story has people read.

    Raises:
        AssertionError: something is in words of the code, or of the old voice.
    """
    wrong = {
        f"{batch.lifecycle}: {text}: {problem}"
        for text in texts_for_people(batch)
        for problem in problems_at_run_time(text)
    }
    assert not wrong, "; ".join(sorted(wrong))
