"""A turn that was refused did not happen; what happened beside it did."""

import pytest

from domain.attention import Attention
from domain.editions import NEWEST, Edition
from tests.domain.factories import an_option


@pytest.mark.parametrize(("edition", "is_kept"), [(Edition.FIRST, False), (NEWEST, True)])
def test_a_mail_that_comes_back_meanwhile_is_not_forgotten_with_the_turn(
    *, edition: int, is_kept: bool
) -> None:
    option = an_option(edition=edition)
    before = option.before_turn()
    option.calls = 1
    option.flag(Attention.OVERDUE)
    option.mail_fails = True
    option.flag(Attention.DELIVERY_FAILED)

    option.roll_back_to(before)

    assert option.calls == 0
    assert option.mail_fails is is_kept
    assert option.attention == ([Attention.DELIVERY_FAILED] if is_kept else [])


def test_what_came_and_what_was_done_outlast_a_refused_turn() -> None:
    option = an_option()
    before = option.before_turn()
    option.turns, option.events_taken = 3, ["event-1"]
    option.named["documents_received"] = 1

    option.roll_back_to(before)

    assert (option.turns, option.events_taken) == (3, ["event-1"])
    assert option.named == {"documents_received": 1}
