"""Whether the customer has another address is decided by the store, never by a mask."""

from __future__ import annotations

import pytest

from domain.editions import Edition
from tests.engine.memory import Life
from tests.engine.test_apo import instructed


def with_failing_mail(edition: int) -> Life:
    life = instructed()
    life.lifecycle.case.edition = edition
    life.lifecycle.case.mail_fails = True
    return life


@pytest.mark.rule("G-73")
@pytest.mark.parametrize(
    ("edition", "still_fails"),
    [(Edition.FACTS_BY_MEANING, False), (Edition.TASKS_CLOSE_AT_EVERY_END, True)],
)
def test_a_corrected_address_of_the_same_mask_is_mailed(*, edition: int, still_fails: bool) -> None:
    life = with_failing_mail(edition)
    life.hears("job.status_changed", customer_mail_version=1).settle()
    assert life.lifecycle.case.mail_fails is still_fails


@pytest.mark.rule("G-73")
def test_another_mask_alone_is_no_other_address() -> None:
    life = with_failing_mail(Edition.FACTS_BY_MEANING)
    life.hears("job.status_changed", customer_mail="j***@example.com, b***@example.com").settle()
    assert life.lifecycle.case.mail_fails
