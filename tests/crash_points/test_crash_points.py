"""Wherever the process dies: in the end everything has happened exactly once."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from datetime import date

import pytest

from tests.crash_points.paths import PATHS
from tests.crash_points.picture import differences
from tests.crash_points.places import Place
from tests.crash_points.runs import PARTS, Ground, part_of
from tests.crash_points.summary import PROPERTY

PART = os.environ.get("CRASHES_PART") or str(date.today().toordinal() % PARTS)  # noqa: DTZ011  any day's will do
"""Which tenth of the places is tried, or `all`."""
PLACE = os.environ.get("CRASHES_PLACE")
"""The one place that is tried, if one failed before."""


def chosen(places: list[Place]) -> list[Place]:
    """Return the places that are tried now."""
    if PLACE is not None:
        return [place for place in places if str(place) == PLACE]
    return places if PART == "all" else part_of(places, int(PART))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", PATHS)
async def test_a_death_at_any_place_changes_nothing(
    ground: Ground, name: str, record_property: Callable[[str, object], None]
) -> None:
    golden = PATHS[name]
    undisturbed = await ground.run(golden)
    assert golden.ends_as in [each["outcome"] for each in undisturbed.picture["lifecycles"]]
    tried, missed, faults = chosen(undisturbed.met), [], []
    for place in tried:
        try:
            run = await ground.run(golden, dies_at=place)
        except (AssertionError, TimeoutError) as error:
            faults.append(_told(name, place, f"it does not come to its end: {error!r}"))
            continue
        if not run.has_died:
            missed.append(str(place))
        found = differences(undisturbed.picture, run.picture)
        faults += [_told(name, place, each) for each in found]
    said = f"; not met: {', '.join(missed)}" if missed else ""
    figures = {"path": name, "places": len(undisturbed.met), "tried": len(tried), "said": said}
    record_property(PROPERTY, figures)
    assert not faults, "\n".join(faults)


def _told(name: str, place: Place, fault: str) -> str:
    """Return what went wrong where, and how to see it again."""
    again = f"CRASHES_PLACE={shlex.quote(str(place))} pytest tests/crash_points -k {name!r}"
    return f"died {place}: {fault}\n  again: {again}"
