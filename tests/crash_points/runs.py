"""Runs of a golden path: undisturbed, or with a process that dies on the way."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client

from domain.policy import parse_policy
from service import courier
from tests.conferences import AT_ANY_HOUR
from tests.crash_points.outside import Outside
from tests.crash_points.partners import Listener, Partner
from tests.crash_points.paths import Golden
from tests.crash_points.picture import Picture, picture_of
from tests.crash_points.places import Deaths, Place
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
    """The places that its processes came to, in order."""
    died_at: list[Place]
    """The places at which they died."""
    picture: Picture


@dataclass(frozen=True)
class Ground:
    """Where runs take place."""

    temporal: Client
    template: Path
    """A store that is migrated and empty."""
    folder: Path

    async def run(self, golden: Golden, deaths: Deaths | None = None) -> Run:
        """Go a path to its end, with another process from each place where one dies."""
        a_new_world = a_world(
            self.temporal,
            self.template,
            self.folder,
            _POLICY,
            Partner() if golden.has_job_system else None,
            Listener() if golden.publishes else None,
            deaths or {},
        )
        with _nobody_mourns(), _couriers_hurry():
            async with belonging(), a_new_world as world:
                outside = Outside(world)
                await world.begin()
                await golden.path(outside)
                picture = await picture_of(world, outside.answers)
            return Run(world.met, world.died_at, picture)


@contextmanager
def _couriers_hurry() -> Iterator[None]:
    """Let what has to be told be told at once, and not within a second."""
    before = vars(courier)["_PAUSE_SECONDS"]
    setattr(courier, "_PAUSE_SECONDS", 0.02)  # noqa: B010  it is final for those who run it
    try:
        yield
    finally:
        setattr(courier, "_PAUSE_SECONDS", before)  # noqa: B010  as above


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
