"""What a story does around a move that the store refuses, because the job is another by now."""

from __future__ import annotations

import pytest

from domain.accounts import NO_PROVIDER_FOUND
from domain.editions import Edition
from domain.jobs import Assignee, JobStatus, Severity
from tests.engine.memory import Life
from tests.engine.test_plus_one import SOMEBODY_ELSE, a_search, behind_its_back
from tests.engine.test_reassignment import calling
from workflows.plus_one import PlusOneSearch
from workflows.reassignment import ConferenceReassignment

OLD = Edition.TASKS_CLOSE_AT_EVERY_END


def test_a_silence_whose_move_is_refused_once_breaks_its_promise() -> None:
    life = calling().passes("30m")
    behind_its_back(life, status=JobStatus.ACCEPTED)

    life.passes("90m")

    assert [*life.store.promises.values()] == ["broken", "broken"], "refused once, and then done"
    assert (life.outcome, life.store.tasks) == ("sent_to_dispatch", [])


def test_a_silence_on_a_job_that_is_elsewhere_ends_with_no_promise_open() -> None:
    life = calling().passes("30m")
    behind_its_back(life, assigned_to=SOMEBODY_ELSE)

    life.passes("90m")

    assert life.outcome == "superseded"
    assert [*life.store.promises.values()] == ["broken", "superseded"]
    assert life.store.tasks == []


def test_a_silence_of_an_older_edition_goes_on_as_it_did() -> None:
    life = Life(ConferenceReassignment, calling().starts[0], edition=OLD).settle().passes("30m")
    behind_its_back(life, assigned_to=SOMEBODY_ELSE)

    life.passes("90m")

    assert life.outcome == "superseded"


@pytest.mark.rule("PO-67")
@pytest.mark.parametrize(
    ("changes", "stage"),
    [
        ({"assigned_to": SOMEBODY_ELSE}, "superseded"),
        ({"assigned_to": Assignee.of(NO_PROVIDER_FOUND)}, "superseded"),
        ({"status": JobStatus.CANCELLED}, "cancelled"),
        ({"status": JobStatus.COMPLETED}, "completed"),
        ({"status": JobStatus.ACCEPTED}, "accepted"),
        ({"status": JobStatus.EXPIRED}, "searching"),
    ],
)
def test_a_search_that_cannot_be_given_up_any_more_refuses_to_be(
    changes: dict[str, object], stage: str
) -> None:
    life = behind_its_back(a_search(), **changes)

    refusal = life.refuses("report_cannot_locate", "plusone")

    assert refusal.message
    assert life.stage == stage
    assert not [note for note in life.store.notes if "No Provider Found" in note]
    still_open = {key for key, outcome in life.store.promises.items() if outcome is None}
    beside = {*life.lifecycle.case.promised_beside}
    assert beside <= still_open
    assert len(still_open - beside) == (life.outcome is None)


def test_a_report_of_an_older_edition_is_answered_as_it_was() -> None:
    life = Life(PlusOneSearch, a_search().starts[0], edition=OLD).settle()
    behind_its_back(life, assigned_to=SOMEBODY_ELSE)

    assert life.does("report_cannot_locate", "plusone").stage == "superseded"


@pytest.mark.rule("PO-04")
def test_a_call_that_came_with_a_raised_severity_is_noted_although_the_job_has_to_stay() -> None:
    life = a_search()
    life.hears("customer.called", {"about": "Nobody came"}, severity=Severity.EMERGENCY)
    behind_its_back(life, status=JobStatus.ACCEPTED)

    life.settle()

    assert (life.stage, life.store.tasks) == ("accepted", ["became_urgent"])
    assert "The customer called: Nobody came" in life.store.notes
