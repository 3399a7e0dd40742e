"""A diagnostic report holds a job with PlusOne for the assignment that it is about."""

from datetime import timedelta

import pytest

from domain.editions import Edition
from domain.guards import PlusOneHold, WayOut, plusone_hold
from domain.jobs import HeldJob
from tests.domain.factories import ASSIGNED_AT, HOLD, POLICY, WINDOW_ENDS, a_job, an_event

BEFORE = ASSIGNED_AT - timedelta(seconds=1)


@pytest.mark.rule("PO-20")
@pytest.mark.parametrize("way_out", [None, WayOut.CANNOT_LOCATE])
def test_a_report_from_before_the_assignment_holds_nothing(way_out: WayOut | None) -> None:
    earlier = a_job(diagnostic_report_at=BEFORE)
    assert plusone_hold(earlier, WINDOW_ENDS, HOLD, way_out) is None
    once = PlusOneHold.under(POLICY, Edition.TASKS_CLOSE_AT_EVERY_END)
    held = plusone_hold(earlier, WINDOW_ENDS, once, way_out)
    assert held is not None
    assert held.rule == "PO-20"


@pytest.mark.rule("PO-18")
def test_a_job_with_an_earlier_report_is_held_for_its_48_hours() -> None:
    held = plusone_hold(a_job(diagnostic_report_at=BEFORE), ASSIGNED_AT, HOLD)
    assert held is not None
    assert held.rule == "PO-18"


@pytest.mark.rule("PO-20")
@pytest.mark.parametrize("fraction", [0, 217_000])
def test_a_report_of_the_second_of_the_assignment_is_about_it(fraction: int) -> None:
    job = a_job(
        diagnostic_report_at=ASSIGNED_AT, assigned_at=ASSIGNED_AT.replace(microsecond=fraction)
    )
    held = plusone_hold(job, WINDOW_ENDS, HOLD)
    assert held is not None
    assert held.rule == "PO-20"


@pytest.mark.rule("PO-20")
def test_a_report_that_is_submitted_again_is_about_the_present_assignment() -> None:
    event = an_event("job.report_submitted", a_job(diagnostic_report_at=BEFORE), {"complete": True})
    assert event.job_told().diagnostic_report_at == event.occurred_at


@pytest.mark.rule("PO-20")
def test_a_report_stays_entered_for_its_assignment_alone() -> None:
    reported = a_job(diagnostic_report_at=ASSIGNED_AT)
    again = a_job(assigned_at=ASSIGNED_AT + timedelta(hours=1))
    assert HeldJob(job=reported).told(a_job()).job == reported
    assert HeldJob(job=reported).told(again, newly_assigned=True).job == again
