"""Stored jobs that no longer validate: read as far as they can be, so that the job goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from domain.jobs import HeldJob, Job

log = structlog.get_logger()

ModelT = TypeVar("ModelT", bound=BaseModel)

_ROUNDS = 50


def read_held(job_id: str, stored: Mapping[str, Any]) -> HeldJob | None:
    """Return our copy of a job as it is stored.

    An older release, or a person by hand, may have written what this one does not read. A field
    that may be missing is left out then, and what is left out is logged, without what it says. Of a
    job that lacks what it must have, the newest version counts that does not.

    Returns:
        None if no version can be read: the next event tells the whole job anew.
    """
    try:
        return HeldJob.model_validate(stored)
    except ValidationError as error:
        log.warning("a stored job is damaged", job_id=job_id, fields=_fields(error))
    job = _salvaged(Job, stored.get("job"))
    as_told = _salvaged(Job, stored.get("as_told"))
    kept = stored.get("replaced")
    earlier = kept if isinstance(kept, list) else [kept]
    replaced = [each for each in (_salvaged(Job, told) for told in earlier) if each is not None]
    newest = job or as_told or (replaced[-1] if replaced else None)
    if newest is None:
        return None
    return HeldJob(job=newest, replaced=tuple(replaced), as_told=as_told if job else None)


def read_stored_job(job_id: str, stored: object) -> Job | None:
    """Return a stored job, as far as it can be read; None if it lacks what it must have."""
    try:
        return Job.model_validate(stored)
    except ValidationError as error:
        log.warning("a stored job is damaged", job_id=job_id, fields=_fields(error))
    return _salvaged(Job, stored)


def _salvaged(model: type[ModelT], stored: object) -> ModelT | None:
    """Return what a document says without the fields that cannot be read; None if they must be."""
    document = _copy(stored)
    for _ in range(_ROUNDS):
        try:
            return model.model_validate(document)
        except ValidationError as error:
            if not all(_leave_out(document, fault["loc"]) for fault in error.errors()):
                return None
    return None


def _leave_out(document: object, place: tuple[int | str, ...]) -> bool:
    """Leave out the field in a place; return whether it was there."""
    if not place:
        return False
    *path, name = place
    parent = document
    for step in path:
        parent = parent.get(step) if isinstance(parent, dict) else None
    if not isinstance(parent, dict) or name not in parent:
        return False
    del parent[name]
    return True


def _copy(stored: object) -> object:
    return (
        {name: _copy(each) for name, each in stored.items()} if isinstance(stored, dict) else stored
    )


def _fields(error: ValidationError) -> list[str]:
    return [".".join(map(str, fault["loc"])) for fault in error.errors()][:20]
