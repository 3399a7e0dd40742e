"""A mail that is held goes out when its time has come, or not at all if it has no point by then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from domain.apo.mails import TIMED
from domain.effects import MailFate, SendEmail, WithdrawMails
from domain.journal import NOBODY_NEEDS_IT
from domain.policy import Policy, parse_policy
from tests.engine.memory import Life
from tests.engine.test_apo import (
    begun_by,
    instructed,
    mails,
    offered_payment,
    standing,
    taken,
    unproven,
)
from workflows.engine import NOBODY_IS_ASKED_IN_VAIN

AGENT = "customer_service"
EVERYTHING = parse_policy('[mail]\nholds = "everything"', "everything.toml")


def holding(life: Life, hours: int) -> Life:
    life.store.hold = timedelta(hours=hours)
    return life


def reminded(life: Life, times: int = 1) -> Life:
    """Let time pass until the customer has been reminded so often."""
    while mails(life).count("apo_instructions_reminder") < times:
        life.passes("1h")
    return life


def held(life: Life) -> list[str]:
    return [life.engine.mails.unsent[key] for key in life.engine.mails.held]


def reasons(life: Life) -> list[str]:
    return [effect.reason for effect in life.store.effects(WithdrawMails)]


@pytest.mark.rule("G-98")
@pytest.mark.parametrize("begun", [instructed, taken, offered_payment, unproven])
def test_only_what_time_sends_to_the_customer_keeps_the_hours(begun: Callable[[], Life]) -> None:
    life = begun().passes("60d")
    sent = life.store.effects(SendEmail)
    assert {mail.template for mail in sent if mail.limits is not None} == {
        mail.template for mail in sent if mail.template in TIMED
    }
    assert any(mail.limits is not None for mail in sent)


def test_a_company_can_hold_everything_and_older_jobs_hold_nothing() -> None:
    for policy, holds in ((EVERYTHING, True), (_of_before(), False)):
        life = begun_by("offer_apo", policy=policy)
        life.does("customer_not_reached", "dispatch", voicemail_left=True)
        life.passes("9d")
        found = {mail.limits is not None for mail in life.store.effects(SendEmail)}
        assert found == {holds}


def _of_before() -> Policy:
    """The policy of a job that began before mails were held."""
    written = EVERYTHING.model_dump(mode="json")
    written["mail"] = {"sender": written["mail"]["sender"]}
    return Policy.model_validate(written)


def test_a_held_mail_waits_on_a_timer_of_its_own_and_then_goes_out() -> None:
    life = reminded(holding(instructed(), 10))
    assert held(life) == mails(life)[1:] == ["apo_instructions_reminder"]
    assert "Hold e-mail `apo_instructions_reminder`" in life.timers
    life.passes("11h")
    assert (held(life), life.engine.mails.unsent) == ([], {})
    assert standing(life)[3] == []
    assert reasons(life) == []


def test_a_held_mail_outlives_a_new_history() -> None:
    life = reminded(holding(instructed(), 10))
    life.history_is_long = True
    life.hears("customer.called", {"about": "The rain"}).settle()
    assert len(life.starts) == 2
    assert [*life.starts[1].held_mails] == [*life.starts[1].unsent_mails]
    assert held(life) == ["apo_instructions_reminder"]
    sent_before = len(life.timers)
    life.passes("11h")
    assert (held(life), life.engine.mails.unsent) == ([], {})
    assert len(life.timers) == sent_before


@pytest.mark.rule("G-98")
def test_a_held_reminder_is_not_sent_once_its_deadline_has_passed() -> None:
    life = reminded(holding(instructed(), 24 * 30), 3)
    assert held(life) == ["apo_instructions_reminder"], "the newest alone"
    assert reasons(life) == ["it was held until its deadline had passed"] * 2
    assert standing(life)[3] == []


@pytest.mark.rule("G-98")
def test_a_held_reminder_is_not_sent_after_the_answer() -> None:
    life = reminded(holding(instructed(), 10))
    life.does("customer_refused", AGENT, reason="Wants a provider of ours")
    assert life.settle().outcome == "refused", "nobody waits for what nobody needs"
    assert len(reasons(life)) == 1
    assert standing(life)[3] == []


def ended_with_a_mail_held() -> Life:
    life = holding(unproven(), 10)
    life.passes("9d")
    while life.stage != "closed_without_proof":
        life.passes("1h")
    return life


def test_what_is_told_at_the_end_is_told_in_the_morning() -> None:
    life = ended_with_a_mail_held()
    assert (held(life), life.outcome) == (["apo_closing_without_proof"], None)
    assert life.passes("11h").outcome == "closed_without_proof"


# --- what comes back after it was sent --------------------------------------------------------


def came_back(life: Life, fate: str = "bounced", **changes: object) -> Life:
    key = next(step.key for step in life.store.steps if isinstance(step.effect, SendEmail))
    told = {"key": key, "template": "apo_instructions", "fate": fate} | changes
    return life.signals("mail_came_back", told).settle()


@pytest.mark.rule("G-73")
@pytest.mark.parametrize("fate", ["bounced", "refused"])
def test_a_mail_that_comes_back_late_has_the_customer_reached_in_another_way(fate: str) -> None:
    life = came_back(instructed(), fate)
    assert standing(life)[2:] == (["reach_otherwise", "refund_deductible"], ["delivery_failed"])
    assert life.lifecycle.case.mail_fails is (fate == "bounced")
    key = [step.key for step in life.store.steps if step.key.startswith("undelivered:")]
    came_back(life, fate)
    again = [step.key for step in life.store.steps if step.key.startswith("undelivered:")]
    assert {*key} == {*again}, "one key, so the store opens one task"


@pytest.mark.rule("G-73")
@pytest.mark.parametrize(
    ("template", "is_asked"), [("apo_closing_without_proof", True), ("apo_instructions", False)]
)
def test_after_the_end_only_what_the_customer_still_needs_is_told_another_way(
    template: str, *, is_asked: bool
) -> None:
    life = ended_with_a_mail_held()
    came_back(life, template=template)
    assert ("reach_otherwise" in life.store.tasks) is is_asked
    assert (life.attention == ["delivery_failed"]) is is_asked
    assert (life.store.journal.count(NOBODY_NEEDS_IT) == 0) is is_asked


def test_a_job_from_before_asks_about_each_mail_that_comes_back() -> None:
    life = ended_with_a_mail_held()
    life.unpatched.add(NOBODY_IS_ASKED_IN_VAIN)
    assert "reach_otherwise" in came_back(life).store.tasks


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "apo/SJ-9999#1/start/1"},
        {"key": 7},
        {"fate": MailFate.SENT.value},
        {"template": "x" * 81},
    ],
)
def test_what_nobody_can_use_is_refused(wrong: dict[str, Any]) -> None:
    life = came_back(instructed(), **wrong)
    assert standing(life)[3] == ["bad_message"]
    assert "mail_came_back" in life.store.journal[-1]
