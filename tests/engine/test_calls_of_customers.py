"""A customer's call that the job system reports counts only where the call can be about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.domain.spoc_cases import a_start
from tests.engine.memory import Life
from tests.engine.test_reassignment import calling
from workflows.spoc import SpocFollowUp


def awaiting_a_report() -> Life:
    return Life(SpocFollowUp, a_start()).settle()


def seen_by_people(life: Life) -> tuple[object, ...]:
    return (
        life.stage,
        [*life.store.notes],
        [*life.store.journal],
        [*life.store.tasks],
        [*life.attention],
    )


@pytest.mark.rule("G-91")
@pytest.mark.parametrize("begin", [awaiting_a_report, calling])
def test_a_call_is_neither_about_a_report_nor_about_a_conference(
    begin: Callable[[], Life],
) -> None:
    life = begin()
    before = seen_by_people(life)

    life.hears("customer.called", {"about": "When will somebody come?"}).settle()

    assert seen_by_people(life) == before
    assert "customer_called" not in life.kind.commands
    assert life.outcome is None
