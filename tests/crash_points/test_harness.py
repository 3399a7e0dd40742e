"""The harness itself: a dead process does nothing more, and what is doubled or lost is noticed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.crash_points.picture import differences
from tests.crash_points.places import Died, Gate, Place, together
from tests.crash_points.runs import PARTS, part_of


async def test_a_dead_process_gets_no_further_whatever_it_catches() -> None:
    gate, done = Gate(Place(0, "commit", 2)), []

    async def live() -> None:
        for number in range(5):
            try:
                await gate.touch("commit")
                done.append(number)
            except Exception:  # noqa: BLE001  as careless code may do
                done.append(-1)

    living = asyncio.create_task(live())
    await gate.died.wait()
    await asyncio.sleep(0)
    assert (done, living.done()) == ([0], False)
    gate.bury()
    with pytest.raises(Died):
        await living
    assert done == [0]


def mail(state: str = "sent", came: int = 1, *, on_its_way: bool = False) -> dict[str, Any]:
    key = "spoc/JOB#1/start"
    return {"key": key, "state": state, "came": came, "was being handed over": on_its_way}


def picture(mail: dict[str, Any], *tasks: str) -> dict[str, list[Any]]:
    rows = [{"key": key, "text": "Call", "kind": "mail"} for key in tasks]
    return {"emails": [mail], "tasks": rows, "lifecycles": []}


SEEN_TO = "undelivered:spoc/JOB#1/start"


@pytest.mark.parametrize("came", [0, 1])
def test_a_mail_may_be_uncertain_if_it_was_on_its_way_and_a_person_sees_to_it(came: int) -> None:
    found = picture(mail("uncertain", came, on_its_way=True), SEEN_TO)
    assert differences(picture(mail()), found) == []


@pytest.mark.parametrize(
    "found",
    [
        picture(mail(came=2)),
        picture(mail(came=0)),
        picture(mail("uncertain"), SEEN_TO),
        picture(mail("uncertain", on_its_way=True)),
        picture(mail("uncertain", on_its_way=True), SEEN_TO, SEEN_TO),
        picture(mail("uncertain", 2, on_its_way=True), SEEN_TO),
        picture(mail(), "spoc/JOB#1/start"),
    ],
)
def test_what_is_lost_doubled_or_hidden_is_noticed(found: dict[str, list[Any]]) -> None:
    assert differences(picture(mail()), found)


async def test_a_place_is_told_apart_within_its_step() -> None:
    gate = Gate()
    await gate.touch("commit")
    gate.enter(1, dies_at=Place(1, "commit", 2))
    await gate.touch("commit")
    assert not gate.is_dead
    dying = asyncio.create_task(gate.touch("commit"))
    await gate.died.wait()
    assert gate.met == [Place(0, "commit", 1), Place(1, "commit", 1), Place(1, "commit", 2)]
    gate.bury()
    with pytest.raises(Died):
        await dying


PLACES = [Place(number // 7, "commit", number % 7) for number in range(37)]


def test_the_parts_are_all_places() -> None:
    parts = (part_of(PLACES, part) for part in range(PARTS))
    assert sorted(place for part in parts for place in part) == PLACES


def test_the_runs_are_all_places_each_with_one_death_in_a_step() -> None:
    runs = together(PLACES)
    assert sorted(place for deaths in runs for place in deaths.values()) == PLACES
    assert all(place.step == step for deaths in runs for step, place in deaths.items())
    assert len(runs) == 7
    assert together([]) == []
