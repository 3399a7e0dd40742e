"""What an answer of the job system says; BrokenError where it is not as it should be."""

from __future__ import annotations

from typing import Any, Final

import httpx
from pydantic import ValidationError
from pydantic_core import from_json

from activities.conformance.checks import BrokenError
from activities.port_transport import FOR_ANY_REASON
from domain.job_system import ChangedJob, ChangedJobs, LiveJob
from domain.jobs import Job, JobStatus
from domain.values import shortened

_LONGEST_ANSWER: Final = 1024 * 1024
"""Bytes of an answer that Steward reads."""
_LONGEST_PAGE: Final = 8 * 1024 * 1024
_REFUSALS: Final = frozenset({404, 409, 422})
LONGEST_QUOTE: Final = 200
"""Characters of an answer, or of a request, that a result repeats."""


def status_of(answer: httpx.Response, *wanted: int) -> str:
    """Return an answer's status, if it is one that is wanted.

    An adapter may refuse without saying by which status: then any refusal is as good.
    """
    if answer.extensions.get(FOR_ANY_REASON) and _REFUSALS.intersection(wanted):
        return "refused"
    if answer.status_code not in wanted:
        raise BrokenError(in_short(answer))
    return str(answer.status_code)


def check_same(first: httpx.Response, again: httpx.Response) -> None:
    """Check that two answers to one key are the same."""
    if again.status_code != first.status_code:
        raise BrokenError(f"{in_short(again)}, after {first.status_code} the first time")
    if first.content.strip() and parsed(again) != parsed(first):
        raise BrokenError("another answer the second time")


def parsed(answer: httpx.Response) -> Any:  # noqa: ANN401  whatever JSON can say
    """Return the JSON of an answer."""
    try:
        return from_json(answer.content, allow_inf_nan=False)
    except ValueError as error:
        raise BrokenError(f"{answer.status_code}, which is no JSON") from error


def live_job(answer: httpx.Response) -> LiveJob:
    """Return the job that an answer brings."""
    if len(answer.content) > _LONGEST_ANSWER:
        raise BrokenError(f"{len(answer.content):,} bytes, more than Steward reads")
    try:
        return LiveJob.model_validate(parsed(answer))
    except ValidationError as error:
        raise BrokenError(f"{answer.status_code}, {_problem(error)}") from error


def page_of(answer: httpx.Response) -> ChangedJobs:
    """Return the page of jobs that an answer brings."""
    status_of(answer, 200)
    if len(answer.content) > _LONGEST_PAGE:
        raise BrokenError(f"{len(answer.content):,} bytes, more than Steward reads")
    try:
        return ChangedJobs.model_validate(parsed(answer))
    except ValidationError as error:
        raise BrokenError(f"200, {_problem(error)}") from error


def fitting_number(item: ChangedJob) -> str | None:
    """Return the number of a listed job, if all can be checked with it."""
    try:
        job = Job.model_validate(item.job)
    except ValidationError:
        return None  # another one will do; that it can't be read, a check finds
    is_open = job.status in (JobStatus.NEW, JobStatus.ACCEPTED)
    return job.job_id if is_open and job.order_id else None


def readable_number(job: dict[str, Any]) -> str:
    """Return the number of a listed job that can be read."""
    try:
        return Job.model_validate(job).job_id
    except ValidationError as error:
        number = shortened(str(job.get("job_id")), 40)
        raise BrokenError(f"job {number}: {_problem(error)}") from error


def _problem(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the body'}: {first['msg']}"


def in_short(answer: httpx.Response) -> str:
    """Return an answer in short: its status, and why if it refuses."""
    said = None
    if not answer.is_success:
        try:
            said = parsed(answer)
        except BrokenError:
            return f"{answer.status_code}, which is no JSON"
    message = said.get("message") if isinstance(said, dict) else None
    quoted = f": {shortened(message, LONGEST_QUOTE)}" if isinstance(message, str) else ""
    return f"{answer.status_code}{quoted}"
