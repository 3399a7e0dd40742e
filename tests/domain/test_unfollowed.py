"""What people read of a job that nobody follows."""

from __future__ import annotations

import pytest

from domain.apo.kind import APO
from domain.jobs import JobStatus
from domain.labels import task_label
from domain.lifecycles import LifecycleKind
from domain.plus_one.kind import PLUS_ONE
from domain.unfollowed import (
    ENDED_WELL,
    NOBODY_FOLLOWS,
    is_left_alone,
    job_without_follower,
    nobody_follows,
    task_to_take_up,
    told_by,
)
from workflows.registry import LIFECYCLES

WHY = "its workflow was terminated in Temporal"


def test_a_job_that_nothing_can_start_on_says_only_that() -> None:
    assert job_without_follower(JobStatus.NEW, [], ()) == "Nobody is following up on this job."
    said = job_without_follower(JobStatus.COMPLETED, [], ())
    assert said == "Nobody is following up on this job. It is Completed."


@pytest.mark.parametrize("kind", [PLUS_ONE, APO], ids=lambda kind: kind.name)
def test_what_was_never_started_is_not_started_again(kind: LifecycleKind) -> None:
    first = job_without_follower(JobStatus.NEW, [kind], ())
    again = job_without_follower(JobStatus.NEW, [kind], {kind.name})
    assert first == f"{NOBODY_FOLLOWS} To start the {kind.title}, {kind.start_first}."
    assert again == f"{NOBODY_FOLLOWS} To start the {kind.title} again, {kind.start_again}."
    assert "again" not in first.split()


def test_the_task_and_the_sentence_say_the_same() -> None:
    task = task_to_take_up(PLUS_ONE, WHY)
    assert told_by(task) == nobody_follows(PLUS_ONE, WHY)
    assert task.text == f"Decide how this job goes on. {told_by(task)}"


def test_a_kind_of_task_without_a_label_is_told_by_its_name() -> None:
    assert task_label("pay") == "Pay the customer"
    assert task_label("look_into_it") == "Look into it"


def test_what_ends_well_is_an_end_of_a_lifecycle() -> None:
    ends = {end for kind in LIFECYCLES.values() for end in kind.ends}
    assert ends > ENDED_WELL
    assert is_left_alone(JobStatus.NEW, "declined")
    assert not is_left_alone(JobStatus.NEW, "appointment_confirmed")
