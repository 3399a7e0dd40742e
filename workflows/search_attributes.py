"""The search attributes of all lifecycles: the one list that registration and workflows read."""

from __future__ import annotations

import json
from typing import Any

from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    SearchAttributeUpdate,
    TypedSearchAttributes,
)

from workflows.runtime import Standing

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


def describing(standing: Standing) -> TypedSearchAttributes:
    """Return the attributes of a lifecycle as it stands; what is absent has no attribute."""
    job = standing.job
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(JOB_ID, job.job_id),
        SearchAttributePair(LIFECYCLE, standing.lifecycle),
        SearchAttributePair(STAGE, standing.stage),
        SearchAttributePair(TRADE, _fitting(job.trade)),
        SearchAttributePair(SEVERITY, job.severity.value),
        SearchAttributePair(ASSIGNED_TO, _fitting(job.assigned_to.name)),
    ]
    if standing.waiting_on is not None:
        pairs.append(SearchAttributePair(WAITING_ON, standing.waiting_on.value))
    if standing.due_at is not None:
        pairs.append(SearchAttributePair(DUE_AT, standing.due_at))
    if standing.attention:
        pairs.append(SearchAttributePair(ATTENTION, list(standing.attention)))
    return TypedSearchAttributes(pairs)


def changes(
    old: TypedSearchAttributes, new: TypedSearchAttributes
) -> list[SearchAttributeUpdate[Any]]:
    """Return what has to be set, and what to be unset, to come from some attributes to others."""
    updates: list[SearchAttributeUpdate[Any]] = []
    key: Any  # a list of keys of several types has no type of its own
    for key in ALL:
        was, is_now = old.get(key), new.get(key)
        if is_now is None and was:
            updates.append(key.value_unset())
        elif is_now is not None and is_now != was:
            updates.append(key.value_set(is_now))
    return updates


def _fitting(text: str) -> str:
    """Return the text cut to what Temporal takes: which ends a workflow over one too long."""
    if len(text) * _LONGEST_OF_A_CHARACTER <= _LONGEST:
        return text
    while len(json.dumps(text)) > _LONGEST:
        text = text[: len(text) * 3 // 4]
    return text
