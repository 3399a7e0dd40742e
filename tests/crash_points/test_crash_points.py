"""Wherever processes die: in the end everything has happened exactly once."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from datetime import date

import pytest

from tests.crash_points.paths import PATHS
from tests.crash_points.picture import differences
from tests.crash_points.places import Deaths, Place, together
from tests.crash_points.runs import PARTS, Ground, part_of
from tests.crash_points.summary import PROPERTY

PART = os.environ.get("CRASHES_PART") or str(date.today().toordinal() % PARTS)  # noqa: DTZ011  any day's will do
"""Which tenth of the places is tried, or `all`."""
PLACES = os.environ.get("CRASHES_PLACES")
"""The places of the one run that is tried, if one failed before."""
_AND = "; "


def chosen(places: list[Place]) -> list[Place]:
    """Return the places that are tried now."""
    if PLACES is not None:
        return [place for place in places if str(place) in PLACES.split(_AND)]
    return places if PART == "all" else part_of(places, int(PART))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", PATHS)
async def test_a_death_at_any_place_changes_nothing(
    ground: Ground, name: str, record_property: Callable[[str, object], None]
) -> None:
    golden = PATHS[name]
    undisturbed = await ground.run(golden)
    assert golden.ends_as in [each["outcome"] for each in undisturbed.picture["lifecycles"]]
    faults: list[str] = []

    async def died_at(deaths: Deaths) -> list[Place]:
        try:
            run = await ground.run(golden, deaths)
        except (AssertionError, TimeoutError) as error:
            faults.append(_told(name, deaths, [f"it does not come to its end: {error!r}"]))
            return list(deaths.values())
        if found := differences(undisturbed.picture, run.picture):
            faults.append(_told(name, deaths, found))
        return run.died_at

    tried = chosen(undisturbed.met)
    died = [place for deaths in together(tried) for place in await died_at(deaths)]
    # What a death in an earlier step has kept from happening, happens where nothing died before.
    missed = [
        place
        for place in tried
        if place not in died and place not in await died_at({place.step: place})
    ]
    said = f"; not met: {_AND.join(map(str, missed))}" if missed else ""
    figures = {"path": name, "places": len(undisturbed.met), "tried": len(tried), "said": said}
    record_property(PROPERTY, figures)
    assert not faults, "\n".join(faults)


def _told(name: str, deaths: Deaths, found: Sequence[str]) -> str:
    """Return what went wrong in a run, and how to see it again."""
    places = _AND.join(str(deaths[step]) for step in sorted(deaths))
    again = f"CRASHES_PLACES={shlex.quote(places)} pytest tests/crash_points -k {name!r}"
    return "\n".join((f"died {places}:", *(f"  {each}" for each in found), f"  again: {again}"))
