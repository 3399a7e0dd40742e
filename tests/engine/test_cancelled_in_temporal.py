"""A workflow that somebody cancels in Temporal, whenever that is: nothing is forgotten in silence.

The job goes on, and nobody follows it. A supervisor is asked to take it up, which the next start of
the lifecycle settles.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.editions import Edition
from domain.effects import OpenTask
from domain.roles import Role
from domain.tasks import CommonTask, Lasts
from domain.unfollowed import CANCELLED_IN_TEMPORAL, nobody_follows
from tests.domain.reassignment_cases import NIGHT
from tests.engine import test_am_escalation as am
from tests.engine import test_apo as apo
from tests.engine import test_plus_one as plus_one
from tests.engine import test_reassignment as conference
from tests.engine import test_spoc as spoc
from tests.engine.memory import Life
from tests.engine.visits import a_visit

AGENT = "customer_service"


def told_by(begun: Callable[[], Life], *commands: tuple[str, str, dict[str, object]]) -> Life:
    life = begun()
    for name, role, fields in commands:
        life.does(name, role, **fields)
    return life


def noted(text: str) -> Callable[[], Life]:
    return lambda: plus_one.plusone_notes(plus_one.a_repair(), text)


WAITING: dict[str, Callable[[], Life]] = {
    "doorbell ringing": a_visit,
    "doorbell on_the_doorstep": lambda: (
        a_visit().hears("customer.called", {"about": "Coming!"}).settle()
    ),
    "plus-one searching": plus_one.a_search,
    "plus-one accepted": plus_one.a_repair,
    "plus-one diagnosis_submitted": noted("DIAGNOSIS SUBMITTED/AWAITING APPROVAL"),
    "plus-one info_requested": lambda: told_by(
        plus_one.a_repair, ("request_info", "authorizations", {"what": "A photo"})
    ),
    "plus-one approved": lambda: told_by(
        plus_one.a_repair, ("approve", "authorizations", {"amount": "240.00"})
    ),
    "plus-one denied": lambda: told_by(
        plus_one.a_repair, ("deny", "authorizations", {"reason": "Frost"})
    ),
    "plus-one parts_ordered": noted("PARTS ORDERED"),
    "apo awaiting_approval": lambda: apo.begun_by("request_apo"),
    "apo contacting_customer": lambda: apo.begun_by("offer_apo"),
    "apo awaiting_customer": apo.instructed,
    "apo awaiting_documents": apo.taken,
    "apo estimate_review": lambda: told_by(
        apo.taken, ("estimate_submitted", AGENT, {"amount": "900.00"})
    ),
    "apo reviewing_documents": apo.invoiced,
    "apo offer_sent": apo.offered_payment,
    "apo awaiting_paid_invoice": apo.unproven,
    "am-escalation contacting_provider": am.a_concern,
    "am-escalation awaiting_callback": lambda: told_by(
        am.a_concern, ("provider_contacted", AGENT, {"reached": False})
    ),
    "am-escalation second_contact": am.a_call_back,
    "am-escalation exception_open": am.an_exception,
    "am-escalation area_manager_engaged": lambda: told_by(
        am.an_exception, ("admin_reviewed", "admin_team", {"area_manager_email": "a@example.com"})
    ),
    "spoc awaiting_report": spoc.awaiting,
    "spoc report_overdue": spoc.overdue,
    "spoc missing_information": lambda: spoc.reports(spoc.awaiting(), complete=False),
    "spoc spoc_contacted": spoc.contacted,
    "spoc report_received": lambda: spoc.reports(spoc.awaiting()),
    "reassignment calling_provider": conference.calling,
    "reassignment travel_fee_review": lambda: told_by(
        conference.calling,
        ("provider_answered", AGENT, {"available": True, "travel_fee": "45.00"}),
    ),
    "reassignment asking_provider": lambda: told_by(
        conference.calling, ("provider_answered", AGENT, {"available": True})
    ),
    "reassignment asking_customer": conference.asking_the_customer,
    "reassignment conferencing": lambda: told_by(
        conference.asking_the_customer, ("customer_conference", AGENT, {"agrees": True})
    ),
    "reassignment supervisor_review": lambda: conference.calling(at=NIGHT, urgent=True),
}
"""A lifecycle in each of its stages."""


def is_told(life: Life) -> None:
    """Check that nobody is left to wait for what nobody follows any more."""
    assert (life.outcome, life.stage) == ("cancelled", "cancelled")
    assert None not in life.store.promises.values(), "a promise is left open"
    tasks = {kind.value: kind for kind in life.kind.tasks}
    left = [each for each in life.store.tasks if each != CommonTask.WORKFLOW_ENDED]
    assert all(tasks[each].lasts is Lasts.UNTIL_DONE for each in left)
    assert life.store.tasks.count(CommonTask.WORKFLOW_ENDED) == 1
    (task,) = [
        each for each in life.store.effects(OpenTask) if each.task == CommonTask.WORKFLOW_ENDED
    ]
    assert task.role is Role.SUPERVISOR
    assert nobody_follows(life.kind, CANCELLED_IN_TEMPORAL) in task.text
    assert "cancelled in Temporal" in life.store.journal
    assert "Complete" in {*life.store.exceptions.values(), "Complete"}
    assert {*life.store.exceptions.values()} <= {"Complete"}
    progress = life.store.progress
    assert progress is not None
    assert (progress.outcome, progress.waiting) == ("cancelled", None)


def test_every_stage_of_every_lifecycle_is_tried() -> None:
    kinds = {life.kind.name: life.kind for life in (begun() for begun in WAITING.values())}
    assert len(kinds) == 6
    assert set(WAITING) == {f"{name} {stage}" for name in kinds for stage in kinds[name].stages}


@pytest.mark.parametrize("standing", WAITING)
def test_a_workflow_that_is_cancelled_is_left_to_a_supervisor(standing: str) -> None:
    life = WAITING[standing]()
    assert life.stage == standing.split(" ")[1]

    life.is_cancelled().settle()

    is_told(life)


@pytest.mark.parametrize("standing", WAITING)
def test_a_workflow_that_is_cancelled_while_a_batch_is_under_way(standing: str) -> None:
    life = WAITING[standing]()
    life.store_is_slow = True
    life.signals("nonsense", {"actor": None}).settle()
    life.is_cancelled().settle()
    assert life.outcome is None

    life.store_is_slow = False
    life.settle()

    is_told(life)


@pytest.mark.parametrize("begun", [plus_one.a_search, apo.taken, am.a_concern, spoc.awaiting])
def test_jobs_of_older_editions_end_as_they_did(begun: Callable[[], Life]) -> None:
    start = begun().starts[0].model_copy(update={"case": None})
    life = Life(begun().story, start, edition=Edition.TASKS_CLOSE_AT_EVERY_END).settle()

    life.is_cancelled().settle()

    assert life.outcome == "cancelled"
    assert CommonTask.WORKFLOW_ENDED not in life.store.tasks


def test_the_next_start_settles_that_nobody_follows_the_job() -> None:
    life = plus_one.a_search().is_cancelled().settle()
    assert life.store.tasks == ["workflow_ended"]
    start = life.starts[0].model_copy(update={"episode": 2, "event_id": "assigned-again"})

    again = Life(life.story, start, store=life.store).settle()

    assert (again.stage, life.store.tasks) == ("searching", [])
