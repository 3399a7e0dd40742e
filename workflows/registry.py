"""All lifecycles: a sixth one is a line here."""

from __future__ import annotations

from collections.abc import Mapping

from domain.lifecycles import LifecycleKind
from domain.tasks import TaskKind
from workflows.am_escalation import AreaManagerEscalationWorkflow
from workflows.apo import AlternateProviderOptionWorkflow
from workflows.digest import SpecialistsDigest
from workflows.heartbeat import HeartbeatWorkflow
from workflows.plus_one import PlusOneSearchWorkflow
from workflows.reassignment import ConferenceReassignmentWorkflow
from workflows.reconciliation import Reconciliation
from workflows.spoc import SpocFollowUpWorkflow
from workflows.temporal import DurableLifecycle

TASK_QUEUE = "service-jobs"

WORKFLOWS: tuple[type[DurableLifecycle], ...] = (
    PlusOneSearchWorkflow,
    AlternateProviderOptionWorkflow,
    AreaManagerEscalationWorkflow,
    SpocFollowUpWorkflow,
    ConferenceReassignmentWorkflow,
)

ALL_WORKFLOWS: tuple[type, ...] = (
    *WORKFLOWS,
    SpecialistsDigest,
    Reconciliation,
    HeartbeatWorkflow,
)
"""What a worker carries out: the lifecycles, and what Schedules start."""

LIFECYCLES: Mapping[str, LifecycleKind] = {
    workflow.story.kind.name: workflow.story.kind for workflow in WORKFLOWS
}

TASK_KINDS: Mapping[str, type[TaskKind]] = {name: kind.tasks for name, kind in LIFECYCLES.items()}
"""The kinds of tasks of each lifecycle, by the lifecycle's name."""
