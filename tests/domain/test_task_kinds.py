"""What settles each kind of task, and which changes of a job leave it without a point."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.accounts import (
    ALTERNATE_PROVIDER_OPTION,
    NO_PROVIDER_FOUND,
    PLUSONE,
    PROCURE_VENDOR,
    Account,
)
from domain.apo.kind import APO
from domain.jobs import Assignee, JobStatus, Severity
from domain.lifecycles import LifecycleKind
from domain.plus_one.kind import PLUS_ONE
from domain.roles import Role
from domain.tasks import JobChange, Lasts, TaskKind, changes
from domain.unfollowed import CANCELLED_IN_TEMPORAL, task_to_take_up
from tests.domain.factories import a_job
from workflows.registry import LIFECYCLES

PROVIDER = Account(number="4711", name="Tulsa Plumbing")
KINDS = [
    pytest.param(kind, task, id=f"{kind.name}:{task}")
    for kind in LIFECYCLES.values()
    for task in kind.tasks
]
DONE_BY_A_PERSON_ALONE = {
    "plus-one": {"assigned_out_of_turn", "procurement_claim"},
    "apo": {
        "assigned_out_of_turn",
        "refund_deductible",
        "pay",
        "new_documents",
        "document_after_the_end",
    },
    "am-escalation": {"risk"},
    "spoc": {"review_exception"},
    "reassignment": set(),
}
"""What stays to be done whatever becomes of the job, until somebody says that it is done."""


@pytest.mark.parametrize(("kind", "task"), KINDS)
def test_a_command_that_settles_a_task_is_one_of_its_lifecycle(kind: Any, task: TaskKind) -> None:
    assert set(task.settled_by) <= set(kind.commands)
    assert task.closes_by == (task.settled_by[0] if task.settled_by else None)


@pytest.mark.parametrize(("kind", "task"), KINDS)
def test_what_outlives_its_lifecycle_loses_its_point_or_waits_for_a_person(
    kind: Any, task: TaskKind
) -> None:
    for_a_person = task in DONE_BY_A_PERSON_ALONE[kind.name]
    if task.lasts is Lasts.UNTIL_DONE:
        assert bool(task.pointless_after) is not for_a_person
        assert not task.settled_by, "after the end no command could settle it"
    else:
        assert not for_a_person


@pytest.mark.parametrize(
    ("before", "after", "happened"),
    [
        ({}, {}, set()),
        ({}, {"status": JobStatus.CANCELLED}, {JobChange.CANCELLED}),
        ({}, {"status": JobStatus.COMPLETED}, {JobChange.COMPLETED}),
        ({"status": JobStatus.COMPLETED}, {"status": JobStatus.COMPLETED}, set()),
        ({}, {"status": JobStatus.ACCEPTED}, set()),
        ({}, {"assigned_to": Assignee.of(PROCURE_VENDOR)}, {JobChange.MOVED}),
        ({}, {"assigned_to": Assignee.of(NO_PROVIDER_FOUND)}, {JobChange.MOVED}),
        ({}, {"assigned_to": Assignee.of(PROVIDER)}, {JobChange.MOVED, JobChange.PLACED}),
        (
            {},
            {"assigned_to": Assignee.of(ALTERNATE_PROVIDER_OPTION)},
            {JobChange.MOVED, JobChange.PLACED},
        ),
        (
            {"assigned_to": Assignee.of(PROVIDER)},
            {"assigned_to": Assignee.of(PLUSONE)},
            {JobChange.MOVED, JobChange.PLACED, JobChange.BACK_WITH_PLUSONE},
        ),
        ({}, {"appointment_at": datetime(2026, 12, 1, tzinfo=UTC)}, {JobChange.SCHEDULED}),
        ({"appointment_at": datetime(2026, 12, 1, tzinfo=UTC)}, {"appointment_at": None}, set()),
        ({"severity": Severity.EMERGENCY}, {}, {JobChange.CALMED}),
        ({"severity": Severity.EMERGENCY}, {"severity": Severity.MEDICAL_EMERGENCY}, set()),
    ],
)
def test_what_happened_to_a_job(
    before: dict[str, Any], after: dict[str, Any], happened: set[JobChange]
) -> None:
    assert changes(a_job(**before), a_job(**after)) == happened


@pytest.mark.parametrize("kind", LIFECYCLES.values(), ids=lambda kind: kind.name)
def test_a_job_that_nobody_follows_says_how_it_starts_again(kind: LifecycleKind) -> None:
    task = task_to_take_up(kind, CANCELLED_IN_TEMPORAL)

    assert (task.role, task.task) == (Role.SUPERVISOR, "workflow_ended")
    assert f"{kind.title} on this job: {CANCELLED_IN_TEMPORAL}" in task.text
    starting = [name for name, command in kind.commands.items() if command.starts]
    assert "in the job system" in task.text or any(f"`{name}`" in task.text for name in starting)


def test_a_lifecycle_that_says_nothing_else_starts_again_by_its_commands() -> None:
    assert replace(PLUS_ONE, commands=APO.commands, restarts=None).start_again == (
        "offer APO (`offer_apo`) or request APO (`request_apo`) or log the documents "
        "(`documents_received`)"
    )
