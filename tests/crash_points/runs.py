"""Runs of a golden path: undisturbed, or with a process that dies on the way."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client

from domain.policy import parse_policy
from tests.conferences import AT_ANY_HOUR
from tests.crash_points.outside import Outside
from tests.crash_points.picture import Picture, picture_of
from tests.crash_points.places import Place
from tests.crash_points.process import belonging
from tests.crash_points.world import a_world

PARTS = 10
"""In so many parts the places are run, a part a day."""

_POLICY = parse_policy(AT_ANY_HOUR, "crash-points.toml")
"""The built-in policy, with providers that can be called whenever tests are run."""


@dataclass(frozen=True)
class Run:
    """One run of a path."""

    met: list[Place]
    """The places of its first process, until that died if it did."""
    has_died: bool
    picture: Picture


@dataclass(frozen=True)
class Ground:
    """Where runs take place."""

    temporal: Client
    template: Path
    """A store that is migrated and empty."""
    folder: Path

    async def run(
        self, path: Callable[[Outside], Awaitable[None]], dies_at: Place | None = None
    ) -> Run:
        """Go a path to its end, with another process from where the first one dies."""
        a_new_world = a_world(self.temporal, self.template, self.folder, _POLICY)
        with _nobody_mourns():
            async with belonging(), a_new_world as world:
                outside = Outside(world)
                first = await world.begin(dies_at)
                await path(outside)
                picture = await picture_of(world, outside.answers)
                return Run(first.met, first.is_dead, picture)


@contextmanager
def _nobody_mourns() -> Iterator[None]:
    """Let the SDK say nothing about the activities of a process that is taken away."""
    log = logging.getLogger("temporalio")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def part_of(places: list[Place], part: int) -> list[Place]:
    """Return one of the `PARTS` of all places."""
    return places[part::PARTS]
