"""What the checks send."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from domain.accounts import PROCURE_VENDOR
from domain.job_system import AccountSet, ChangeRequest, ChangeSet, Expected
from domain.jobs import Job, JobStatus
from domain.roles import STEWARD

REASON: Final = "Conformance check"


def new_key() -> str:
    """Return an idempotency key, or a key of a task or an Exception."""
    return str(uuid4())


def unknown_number() -> str:
    """Return a number that no job and no order has."""
    return f"none-{uuid4()}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def request_for(job: Job, wanted: ChangeSet, **otherwise: object) -> dict[str, Any]:
    """Return a change of a job that is as it is, but for what is expected otherwise."""
    expected = Expected(
        assigned_to=job.assigned_to.number or job.assigned_to.name,
        status=job.status,
        diagnostic_report_at=job.diagnostic_report_at,
    ).model_copy(update=otherwise)
    request = ChangeRequest(expected=expected, set=wanted, actor=STEWARD, reason=REASON)
    return request.as_sent()


def another_status(job: Job) -> ChangeSet:
    """Return a change of a job's status to another."""
    is_new = job.status is JobStatus.NEW
    return ChangeSet(status=JobStatus.ACCEPTED if is_new else JobStatus.NEW)


def way_back(job: Job, original: Job) -> ChangeSet | None:
    """Return what sets a job back to what it was, None if it is."""
    changes: dict[str, Any] = {}
    if not job.assigned_to.is_(original.assigned_to.account):
        account = original.assigned_to.account
        changes["assigned_to"] = AccountSet(number=account.number, name=account.name)
        changes["status"] = original.status
        changes["sub_status"] = original.sub_status
    if job.status is not original.status:
        changes["status"] = original.status
    if job.sub_status != original.sub_status and original.sub_status:
        changes["sub_status"] = original.sub_status
    return ChangeSet(**changes) if changes else None


def note_body() -> dict[str, Any]:
    """Return a note."""
    return {
        "author": STEWARD.model_dump(mode="json"),
        "text": "Conformance check: ümlauts, “quotes” and\na second line.",
        "visibility": "Private",
        "at": _now(),
    }


def task_body(key: str) -> dict[str, Any]:
    """Return a task."""
    text = "Conformance check. Nothing to do."
    return {"key": key, "role": "dispatch", "kind": "conformance", "text": text, "at": _now()}


def exception_body(key: str) -> dict[str, Any]:
    """Return an Exception."""
    said = {"code": "PROCESS", "status": "In Progress", "comment": REASON}
    return {"key": key, **said, "at": _now()}


def service_job_body() -> dict[str, Any]:
    """Return a job that is added."""
    account = PROCURE_VENDOR.model_dump(mode="json")
    return {"account": account, "event_type": None, "reason": REASON, "comments": ["One", "Two"]}
