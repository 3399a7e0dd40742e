"""Writes the table of types in docs/events.md from the models of the events that are published."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic.fields import FieldInfo

from domain.accounts import NO_PROVIDER_FOUND, PLUSONE, PLUSONE_PARTS
from domain.jobs import Visibility
from domain.outgoing import public_id
from domain.published import (
    DATA,
    Data,
    EventType,
    ExceptionClosed,
    ExceptionOpened,
    JobAdded,
    JobReassigned,
    JobUpdated,
    LifecycleEnded,
    LifecycleMoved,
    LifecycleStarted,
    NoteAdded,
    PromiseClosed,
    PromiseOpened,
    PublishedEvent,
    TaskClosed,
    TaskOpened,
)
from domain.roles import Role
from starters.docs import FOLDER

PAGE = FOLDER / "events.md"

_BEGIN, _END = "<!-- types:begin -->\n", "<!-- types:end -->\n"
_HEAD = "| Type | What has happened | `data` |\n|---|---|---|\n"
_ASSIGNED_AT: Final = datetime(2026, 11, 21, 14, 5, tzinfo=UTC)
_LATER: Final = _ASSIGNED_AT + timedelta(hours=5)
_DUE_AT: Final = _ASSIGNED_AT + timedelta(hours=48)
_PROMISE: Final = {
    "promise_id": public_id("search"),
    "rule": "PO-17",
    "waiting_on": Role.PLUSONE,
    "opened_at": _ASSIGNED_AT,
    "due_at": _DUE_AT,
}
_TASK: Final = {"task_id": public_id("task"), "role": Role.DISPATCH, "kind": "complete_claim"}
_EXCEPTION: Final = {"exception_id": public_id("exception"), "code": "SP UNRESPONSIVE"}

EXAMPLES: Mapping[EventType, Data] = {
    EventType.LIFECYCLE_STARTED: LifecycleStarted(
        episode=1, stage="searching", waiting_on=Role.PLUSONE, due_at=_DUE_AT
    ),
    EventType.LIFECYCLE_MOVED: LifecycleMoved(
        episode=1,
        from_stage="searching",
        stage="accepted",
        waiting_on=Role.PLUSONE,
        due_at=_DUE_AT,
    ),
    EventType.LIFECYCLE_ENDED: LifecycleEnded(
        episode=1, from_stage="searching", outcome="no_provider_found"
    ),
    EventType.PROMISE_OPENED: PromiseOpened.model_validate(_PROMISE),
    EventType.PROMISE_KEPT: PromiseClosed.model_validate(_PROMISE),
    EventType.PROMISE_BROKEN: PromiseClosed.model_validate(_PROMISE),
    EventType.PROMISE_SUPERSEDED: PromiseClosed.model_validate(_PROMISE),
    EventType.PROMISE_WAIVED: PromiseClosed.model_validate(_PROMISE),
    EventType.TASK_OPENED: TaskOpened.model_validate(_TASK),
    EventType.TASK_CLOSED: TaskClosed.model_validate({**_TASK, "closed_by": Role.DISPATCH}),
    EventType.JOB_REASSIGNED: JobReassigned(
        from_account=PLUSONE, to_account=NO_PROVIDER_FOUND, by=Role.SYSTEM
    ),
    EventType.JOB_UPDATED: JobUpdated(
        status=None,
        sub_status="Confirmed Appointment",
        appointment_at=_DUE_AT,
        customer_email_changed=False,
        by=Role.DISPATCH,
    ),
    EventType.JOB_ADDED: JobAdded(service_job_id=public_id("job"), account=PLUSONE_PARTS),
    EventType.NOTE_ADDED: NoteAdded(
        note_id=public_id("note"), author=Role.SYSTEM, visibility=Visibility.PUBLIC
    ),
    EventType.EXCEPTION_OPENED: ExceptionOpened.model_validate({**_EXCEPTION, "status": "Open"}),
    EventType.EXCEPTION_CLOSED: ExceptionClosed.model_validate(_EXCEPTION),
}
"""The data of an event of each type."""

_WHEN: Final = {
    EventType.LIFECYCLE_STARTED: _ASSIGNED_AT,
    EventType.LIFECYCLE_ENDED: _DUE_AT,
    EventType.PROMISE_OPENED: _ASSIGNED_AT,
    EventType.PROMISE_BROKEN: _DUE_AT,
    EventType.JOB_REASSIGNED: _DUE_AT,
}
"""When an example happens; all others happen in between."""

_HOW_IT_CLOSED: Final = {
    EventType.PROMISE_KEPT: "A timed duty was met.",
    EventType.PROMISE_BROKEN: "A timed duty was not met by its deadline.",
    EventType.PROMISE_SUPERSEDED: "A timed duty is over, because something else made it pointless.",
    EventType.PROMISE_WAIVED: "A timed duty is over, because nobody wants it any more.",
}


def with_types(page: str) -> str:
    """Return the page with the table of types as the models have them.

    Raises:
        ValueError: the page has no place for it.
    """
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} needs a line {_BEGIN.strip()} and a line {_END.strip()}")
    examples = "\n".join(_example(each) for each in EventType)
    return (
        f"{before}{begin}{_HEAD}{''.join(_row(each) for each in EventType)}\n"
        f"One of each:\n\n```text\n{examples}\n```\n{end}{after}"
    )


def _row(type_: EventType) -> str:
    model = DATA[type_]
    said = _HOW_IT_CLOSED.get(type_) or " ".join((model.__doc__ or "").split())
    fields = ", ".join(
        f"`{name}{'?' if _may_be_null(field) else ''}`"
        for name, field in model.model_fields.items()
    )
    return f"| `{type_}` | {said} | {fields} |\n"


def _may_be_null(field: FieldInfo) -> bool:
    return type(None) in getattr(field.annotation, "__args__", ())


def _example(type_: EventType) -> str:
    at = _WHEN.get(type_, _LATER)
    event = PublishedEvent.of(type_, EXAMPLES[type_], at=at, job_id="SJ-1001", lifecycle="plus-one")
    return json.dumps(event.model_dump(mode="json"))


def main() -> None:
    """Bring the page up to date."""
    PAGE.write_text(with_types(PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
