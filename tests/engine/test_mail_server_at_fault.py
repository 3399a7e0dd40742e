"""A fault of our own mail server is waited for, and never counts as one of the customer's."""

from __future__ import annotations

from domain.attention import Attention
from domain.effects import MailFate, MailUndeliverable, SendEmail
from tests.engine.memory import Life
from tests.engine.visits import a_visit
from workflows.mails import WAITS_FOR_OUR_SERVER
from workflows.runtime import MailGivenUpError

MAIL = SendEmail(to="a@example.com", template="public_note")


def sent_on_its_own(*failures: MailGivenUpError, patched: bool = True) -> Life:
    """A visit whose mail was not taken with its batch, and then failed for hours so often."""
    visit = a_visit()
    if not patched:
        visit.unpatched.add(WAITS_FOR_OUR_SERVER)
    visit.given_up = list(failures)
    visit.store.fates = [MailFate.WAITING]
    visit.engine.effects.begin_turn("mail")
    visit.engine.effects.add(MAIL)
    return visit.settle()


def ours() -> MailGivenUpError:
    return MailGivenUpError(waits_for_us=True)


def test_a_mail_waits_until_our_server_is_mended_however_often_that_is_given_up() -> None:
    visit = sent_on_its_own(ours(), ours(), ours())
    assert visit.given_up == []
    assert Attention.DELIVERY_FAILED not in visit.attention
    assert visit.store.effects(MailUndeliverable) == []


def test_a_mail_that_the_recipients_side_does_not_take_is_given_up() -> None:
    visit = sent_on_its_own(ours(), MailGivenUpError())
    assert Attention.DELIVERY_FAILED in visit.attention
    assert len(visit.store.effects(MailUndeliverable)) == 1


def test_a_job_that_gave_such_a_mail_up_before_the_patch_still_does() -> None:
    visit = sent_on_its_own(ours(), patched=False)
    assert Attention.DELIVERY_FAILED in visit.attention
