"""A job's stream as its page shows it: filters by kind, and what Steward did folded away."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from urllib.parse import urlencode

from domain.roles import Role
from store.job_story import STORY_KINDS, StoryEntry

_KIND_LABELS: Final[Mapping[str, str]] = {
    "notes": "Notes",
    "mail": "E-mail",
    "assignments": "Assignments",
    "tasks": "Tasks",
    "exceptions": "Exceptions",
    "service-jobs": "Service jobs",
    "journal": "Journal",
}


@dataclass(frozen=True, kw_only=True)
class Item:
    """An entry of a stream, or several in a row that Steward itself wrote."""

    entries: Sequence[StoryEntry]
    """The newest first."""

    @property
    def is_folded(self) -> bool:
        """Whether it shows only how many events it holds, until somebody opens it."""
        return len(self.entries) > 1

    @property
    def id(self) -> str:
        """What stays the same while newer events join it."""
        oldest = self.entries[-1]
        return f"{'events' if self.is_folded else oldest.kind}-{oldest.id}"


@dataclass(frozen=True, kw_only=True)
class KindFilter:
    """A kind of entries that a stream can be narrowed to."""

    label: str
    count: int
    is_on: bool
    address: str
    """The same page, with this kind on where it was off, and off where it was on."""


def items(entries: Sequence[StoryEntry]) -> Iterator[Item]:
    """Return a stream's entries as they are shown: Steward's own events in a row as one item."""
    for is_steward, run in groupby(entries, _is_stewards):
        if is_steward:
            yield Item(entries=list(run))
        else:
            yield from (Item(entries=[entry]) for entry in run)


def _is_stewards(entry: StoryEntry) -> bool:
    return entry.kind == "journal" and entry.said["by"]["role"] == Role.SYSTEM.value


def wanted_kinds(shown: Collection[str]) -> Sequence[str]:
    """Return the kinds that an address asks for: all, where it names none that there is."""
    return [kind for kind in STORY_KINDS if kind in shown] or STORY_KINDS


def kind_filters(
    path: str, shown: Collection[str], counts: Mapping[str, int]
) -> Sequence[KindFilter]:
    """Return the kinds that a stream can be narrowed to: those that the job has entries of.

    Args:
        path: of the job's page.
        shown: the kinds that the page shows now, as its address names them.
        counts: how many entries there are of each kind.
    """
    named = [kind for kind in STORY_KINDS if kind in shown]
    return [
        KindFilter(
            label=_KIND_LABELS[kind],
            count=counts[kind],
            is_on=kind in named,
            address=stream_address(path, [each for each in named if each != kind])
            if kind in named
            else stream_address(path, [*named, kind]),
        )
        for kind in STORY_KINDS
        if counts[kind] or kind in named
    ]


def stream_address(path: str, kinds: Collection[str], after: str | None = None) -> str:
    """Return where a stream shows these kinds, or all if there are none, from a cursor on."""
    asked = [("show", kind) for kind in STORY_KINDS if kind in kinds]
    if after is not None:
        asked.append(("after", after))
    return f"{path}?{urlencode(asked)}#stream" if asked else f"{path}#stream"
