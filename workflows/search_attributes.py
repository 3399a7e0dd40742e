"""The search attributes of all lifecycles: the one list that registration and workflows read."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from domain.jobs import Job
from domain.roles import Role

JOB_ID = SearchAttributeKey.for_keyword("JobId")
LIFECYCLE = SearchAttributeKey.for_keyword("Lifecycle")
STAGE = SearchAttributeKey.for_keyword("Stage")
WAITING_ON = SearchAttributeKey.for_keyword("WaitingOn")
TRADE = SearchAttributeKey.for_keyword("Trade")
SEVERITY = SearchAttributeKey.for_keyword("Severity")
ASSIGNED_TO = SearchAttributeKey.for_keyword("AssignedTo")
DUE_AT = SearchAttributeKey.for_datetime("DueAt")
ATTENTION = SearchAttributeKey.for_keyword_list("Attention")

ALL = (
    JOB_ID,
    LIFECYCLE,
    STAGE,
    WAITING_ON,
    TRADE,
    SEVERITY,
    ASSIGNED_TO,
    DUE_AT,
    ATTENTION,
)


_LONGEST = 1000
"""Characters of an attribute's JSON that surely fit the server's limit of 2048 bytes."""


_LONGEST_OF_A_CHARACTER = 12
"""Characters of JSON that one of a text may become: two escapes."""


def describing(
    *,
    lifecycle: str,
    job: Job,
    stage: str,
    waiting_on: Role | None,
    due_at: datetime | None,
    attention: tuple[str, ...] = (),
) -> TypedSearchAttributes:
    """Return the attributes of a lifecycle as it stands; what is absent has no attribute."""
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(JOB_ID, job.job_id),
        SearchAttributePair(LIFECYCLE, lifecycle),
        SearchAttributePair(STAGE, stage),
        SearchAttributePair(TRADE, _fitting(job.trade)),
        SearchAttributePair(SEVERITY, job.severity.value),
        SearchAttributePair(ASSIGNED_TO, _fitting(job.assigned_to.name)),
    ]
    if waiting_on is not None:
        pairs.append(SearchAttributePair(WAITING_ON, waiting_on.value))
    if due_at is not None:
        pairs.append(SearchAttributePair(DUE_AT, due_at))
    if attention:
        pairs.append(SearchAttributePair(ATTENTION, list(attention)))
    return TypedSearchAttributes(pairs)


def _fitting(text: str) -> str:
    """Return the text cut to what Temporal takes: which ends a workflow over one too long."""
    if len(text) * _LONGEST_OF_A_CHARACTER <= _LONGEST:
        return text
    while len(json.dumps(text)) > _LONGEST:
        text = text[: len(text) * 3 // 4]
    return text
