"""Every lifecycle lets a supervisor dismiss a call for attention, and waits on as before."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.attention import Attention
from domain.commands import DISMISS_ATTENTION
from domain.refusals import RefusalKind
from tests.engine import test_am_escalation as am_escalation
from tests.engine import test_apo as apo
from tests.engine import test_plus_one as plus_one
from tests.engine import test_reassignment as reassignment
from tests.engine import test_spoc as spoc
from tests.engine.memory import Life
from workflows.registry import LIFECYCLES

STANDING: dict[str, Callable[[], Life]] = {
    "plus-one searching": plus_one.a_search,
    "plus-one repairing": plus_one.a_repair,
    "apo contacting": apo.taken,
    "apo waiting for documents": apo.instructed,
    "apo paying": apo.offered_payment,
    "am-escalation calling": am_escalation.a_concern,
    "am-escalation excepting": am_escalation.an_exception,
    "spoc awaiting": spoc.awaiting,
    "spoc overdue": spoc.overdue,
    "reassignment calling": reassignment.calling,
    "reassignment asking": reassignment.asking_the_customer,
}
DISMISSAL = {"attention": "bad_message", "reason": "Sent again"}


def test_every_lifecycle_is_tried() -> None:
    assert {name.split(" ")[0] for name in STANDING} == set(LIFECYCLES)


@pytest.mark.parametrize("begin", STANDING.values(), ids=STANDING)
def test_a_dismissed_call_for_attention_is_gone_and_the_wait_goes_on(
    begin: Callable[[], Life],
) -> None:
    life = begin().settle()
    life.signals("no_such_command", {"actor": {"name": "Robin", "role": "dispatch"}}).settle()
    assert Attention.BAD_MESSAGE in life.attention
    case = life.lifecycle.case
    before = (case.stage, case.waiting, case.due_at, case.counts_from, case.reminded)
    others = [each for each in life.attention if each != Attention.BAD_MESSAGE]

    answer = life.does(DISMISS_ATTENTION, "supervisor", **DISMISSAL)

    case = life.lifecycle.case
    assert (case.stage, case.waiting, case.due_at, case.counts_from, case.reminded) == before
    assert (answer.stage, life.attention) == (case.stage, others)
    assert life.shown[-1].attention == tuple(others)
    assert "dismissed the alert “Message refused”: Sent again" in life.store.journal


@pytest.mark.parametrize("begin", STANDING.values(), ids=STANDING)
def test_what_nobody_asks_attention_for_is_not_dismissed(begin: Callable[[], Life]) -> None:
    life = begin().settle()
    refusal = life.refuses(DISMISS_ATTENTION, "supervisor", **DISMISSAL)
    assert refusal.kind is RefusalKind.CONFLICT


@pytest.mark.parametrize("role", ["dispatch", "customer_service", "customer", "leadership_desk"])
def test_only_a_supervisor_dismisses(role: str) -> None:
    life = plus_one.a_search()
    life.signals("no_such_command", {}).settle()
    refusal = life.refuses(DISMISS_ATTENTION, role, **DISMISSAL)
    assert refusal.kind is RefusalKind.ROLE
    assert Attention.BAD_MESSAGE in life.attention


def test_steward_is_no_bad_message_when_it_comes_late_with_what_is_settled() -> None:
    life = plus_one.a_search()
    steward = {"actor": {"name": "Steward", "role": "system"}, **DISMISSAL}
    life.signals(DISMISS_ATTENTION, steward).settle()
    assert life.attention == []


def test_what_comes_again_after_it_was_dismissed_asks_for_attention_again() -> None:
    life = plus_one.a_search()
    life.signals("no_such_command", {}).settle()
    life.does(DISMISS_ATTENTION, "supervisor", **DISMISSAL)
    life.signals("no_such_command", {}).settle()
    assert Attention.BAD_MESSAGE in life.attention


def test_temporal_ui_does_not_offer_it_among_the_commands_of_a_stage() -> None:
    life = plus_one.a_search().settle()
    assert DISMISS_ATTENTION not in life.details
