"""What is said of an erased job, and what is left of it."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.erasing import ERASED, erased_banner, erased_refusal, erased_sentence, job_left
from domain.refusals import RefusalKind
from tests.domain.factories import a_job

AT = datetime(2026, 11, 29, 17, tzinfo=UTC)
NEW_YORK = "America/New_York"


def test_of_a_job_nothing_of_a_person_is_left() -> None:
    job = a_job(customer={"name": "Tweety", "email": "tweety@example.com", "zip": "74101"})
    left = job_left(job)
    assert (left.job_id, left.status, left.item.name) == (job.job_id, job.status, ERASED)
    assert "tweety" not in left.model_dump_json().lower()
    assert "74101" not in left.model_dump_json()


def test_whoever_wants_something_of_it_is_told_when_and_what_instead() -> None:
    refusal = erased_refusal("SJ-1001", AT, NEW_YORK)
    assert refusal.kind is RefusalKind.CONFLICT
    assert "erased on Sun, Nov 29, 12:00 PM ET" in refusal.message
    assert "new job" in str(refusal.instead)


def test_who_and_why_is_said_in_one_sentence() -> None:
    banner = erased_banner(AT, "Sam", "The customer asked for it.", NEW_YORK)
    assert banner.endswith("by Sam: The customer asked for it.")
    assert erased_sentence("Asked for") == "erased the job's data: Asked for"
