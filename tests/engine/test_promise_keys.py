"""A wait that begins again at the very same instant is a promise of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.editions import Edition
from tests.domain.reassignment_cases import FIVE
from tests.engine import test_am_escalation as am
from tests.engine import test_apo as apo
from tests.engine import test_plus_one as plus_one
from tests.engine import test_reassignment as conference
from tests.engine import test_spoc as spoc
from tests.engine.memory import Life
from tests.engine.visits import a_visit
from workflows.plus_one import PlusOneSearch

AGENT = "customer_service"


def again(name: str, role: str, **fields: Any) -> Callable[[Life], object]:
    return lambda life: life.does(name, role, **fields)


def order(life: Life) -> None:
    spoc.an_order_to_confirm(life)


TWICE: dict[str, tuple[Callable[[], Life], Callable[[Life], object]]] = {
    "two providers do not answer": (
        lambda: conference.calling(*FIVE),
        again("provider_no_answer", AGENT),
    ),
    "two reviews": (
        am.an_exception,
        again("admin_reviewed", "admin_team", area_manager_email="a@example.com"),
    ),
    "two calls": (am.a_concern, again("provider_contacted", AGENT, reached=False)),
    "two approvals": (plus_one.a_repair, again("approve", "authorizations", amount="240.00")),
    "two sets of documents": (
        apo.taken,
        again("documents_received", "customer", paid_invoice=False),
    ),
    "two estimates": (apo.taken, again("estimate_submitted", AGENT, amount="900.00")),
    "instructions twice": (
        apo.instructed,
        again("instructions_not_received", AGENT, corrected_email="ada@example.com"),
    ),
    "two orders to confirm": (spoc.overdue, order),
    "two knocks": (a_visit, lambda life: life.hears("job.created").settle()),
}


@pytest.mark.parametrize("what", TWICE)
def test_what_is_waited_for_is_an_open_promise(what: str) -> None:
    begun, act = TWICE[what]
    life = begun()
    for _ in range(2):
        act(life)
        waiting = life.lifecycle.case.waiting
        assert waiting is not None
        assert life.store.promises[waiting.key] is None, "it is open"
        assert len([each for each in life.store.promises.values() if each is None]) == len(
            {waiting.key, *life.lifecycle.case.promised_beside}
        )


def test_keys_of_older_editions_are_as_they_were() -> None:
    start = plus_one.a_search().starts[0]
    life = Life(PlusOneSearch, start, edition=Edition.TASKS_CLOSE_AT_EVERY_END).settle()
    (key,) = life.store.promises
    assert key == f"search:{start.job.assigned_at:%Y%m%dT%H%M%S.%f}"
