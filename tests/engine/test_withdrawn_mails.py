"""Nobody does by hand what a mail was to do that was withdrawn."""

from __future__ import annotations

import pytest

from domain.attention import Attention
from domain.effects import MailFate, SendEmail, WithdrawMails
from tests.engine.memory import Life
from tests.engine.visits import a_visit

MAIL = SendEmail(to="a@example.com", template="public_note")


def waiting() -> Life:
    """A visit whose mail waits for its server."""
    visit = a_visit()
    visit.mail_server = MailFate.WAITING
    visit.store.fates = [MailFate.WAITING]
    visit.engine.effects.begin_turn("mail")
    visit.engine.effects.add(MAIL)
    return visit.settle()


def withdrawn(visit: Life) -> Life:
    visit.engine.effects.begin_turn("withdraw")
    visit.engine.effects.add(WithdrawMails(templates=("public_note",)))
    return visit.settle()


@pytest.mark.parametrize("fate", [MailFate.WITHDRAWN, MailFate.SENT, MailFate.BOUNCED, None])
def test_a_mail_that_was_withdrawn_asks_for_nobody(fate: MailFate | None) -> None:
    visit = withdrawn(waiting())
    visit.mail_server = fate
    visit.settle()
    assert Attention.DELIVERY_FAILED not in visit.attention


def test_a_mail_that_was_withdrawn_while_it_went_out_may_have_arrived() -> None:
    visit = withdrawn(waiting())
    visit.mail_server = MailFate.UNCERTAIN
    assert Attention.DELIVERY_FAILED in visit.settle().attention


def test_a_mail_of_another_template_that_comes_back_is_left_to_a_person() -> None:
    visit = waiting()
    visit.engine.effects.begin_turn("withdraw")
    visit.engine.effects.add(WithdrawMails(templates=("apo_offer",)))
    visit.settle()
    visit.mail_server = MailFate.BOUNCED
    assert Attention.DELIVERY_FAILED in visit.settle().attention
