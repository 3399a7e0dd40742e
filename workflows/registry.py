"""All lifecycles: a sixth one is a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.lifecycles import LifecycleKind
from workflows.am_escalation import AreaManagerEscalation
from workflows.apo import AlternateProviderOption
from workflows.lifecycle import Lifecycle
from workflows.plus_one import PlusOneSearch
from workflows.reassignment import ConferenceReassignment
from workflows.spoc import SpocFollowUp

TASK_QUEUE = "service-jobs"

WORKFLOWS: tuple[type[Lifecycle[Any]], ...] = (
    PlusOneSearch,
    AlternateProviderOption,
    AreaManagerEscalation,
    SpocFollowUp,
    ConferenceReassignment,
)

LIFECYCLES: Mapping[str, LifecycleKind] = {
    workflow.kind.name: workflow.kind for workflow in WORKFLOWS
}
