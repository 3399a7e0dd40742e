"""No story asks the host what time it is anywhere: what it needs was recorded when it began."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain import zones
from domain.effects import AddNote
from tests.domain.reassignment_cases import HONOLULU, MIDNIGHT_IN_THE_WEST, NIGHT, NOON, PHOENIX
from tests.engine.memory import Life
from tests.engine.test_reassignment import AGENT, calling, in_days

AHEAD = "Pacific/Kiritimati"


def no_zone(name: str) -> ZoneInfo:
    raise LookupError(name)


def wrong_zone(_: str) -> ZoneInfo:
    """Lie: it is fourteen hours later than in Greenwich, wherever somebody asks."""
    return ZoneInfo(AHEAD)


def a_conference(at: datetime = NOON, **fields: Any) -> Callable[[], Life]:
    """What is told on the phone; the call itself is begun before, by another host."""
    life = calling(PHOENIX, HONOLULU, at=at, **fields)

    def told() -> Life:
        answers = []
        if life.outcome is None and life.stage == "supervisor_review":
            answers.append(life.does("supervisor_decision", "supervisor", option="dispatch"))
        if life.outcome is None:
            answers.append(life.does("provider_no_answer", AGENT))
        if life.outcome is None:
            offer = in_days(life, 1)
            answers.append(
                life.does("provider_answered", AGENT, available=True, earliest_appointment=offer)
            )
            life.does("provider_conference", AGENT, agrees=True)
            life.does("customer_conference", AGENT, agrees=True)
            life.does("appointment_captured", AGENT, at=offer)
        return life

    return told


@pytest.mark.rule("CONF-05")
@pytest.mark.parametrize("zone", [no_zone, wrong_zone])
@pytest.mark.parametrize(
    "begun",
    [
        {"at": NOON},
        {"at": NIGHT, "urgent": True},
        {"at": MIDNIGHT_IN_THE_WEST, "urgent": True},
        {"at": NIGHT},
    ],
)
def test_a_conference_goes_on_as_it_was_begun_on_whatever_host(
    begun: dict[str, Any], zone: Callable[[str], tzinfo], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = a_conference(**begun)(), a_conference(**begun)
    monkeypatch.setattr(zones, "ZoneInfo", zone)

    there = elsewhere()

    assert there.outcome == here.outcome
    assert there.activities == here.activities
    assert notes(there) == notes(here)
    assert [each.guide for each in guides(there)] == [each.guide for each in guides(here)]


def notes(life: Life) -> list[str]:
    return [note.text for note in life.store.effects(AddNote)]


def guides(life: Life) -> list[Any]:
    return [batch.progress for batch in life.store.batches if batch.progress]
