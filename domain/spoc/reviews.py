"""What Authorizations reviews at once: the cases in which another provider would call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from domain.editions import Edition
from domain.events import ReviewCase
from domain.jobs import Job
from domain.spoc.case import SpocCase
from domain.spoc.tasks import Task


class Review(NamedTuple):
    """The task that a review case makes, what it says, and the rule behind it."""

    task: Task
    text: str
    rule: str


REVIEWS: Mapping[ReviewCase, Review] = {
    ReviewCase.OVER_APPROVAL_LIMIT: Review(
        Task.REVIEW_COST,
        "Review the report now. The cost is over the approval limit.",
        "SPOC-16",
    ),
    ReviewCase.REPLACEMENT_RECOMMENDED: Review(
        Task.REVIEW_REPLACEMENT,
        "Review the report now. The provider recommends a replacement.",
        "SPOC-17",
    ),
    ReviewCase.NON_COVERED_CHARGES: Review(
        Task.REVIEW_CHARGES,
        "Review the report now. It lists charges that aren't covered.",
        "SPOC-18",
    ),
    ReviewCase.POSSIBLE_DENIAL: Review(
        Task.REVIEW_DENIAL,
        "Review the report now. The repair may be denied.",
        "SPOC-19",
    ),
    ReviewCase.POTENTIAL_RECALL: Review(
        Task.RESEARCH_RECALL,
        "Research the job history and the time frame. Then confirm the recall or cancel it.",
        "SPOC-48",
    ),
}
"""What each case asks of Authorizations."""

OF_A_REPORT = tuple(
    review.task for case, review in REVIEWS.items() if case is not ReviewCase.POTENTIAL_RECALL
)
"""The tasks that lose their point with the report that they are about."""

TO_REVIEW = frozenset({*(review.task for review in REVIEWS.values()), Task.REVIEW_AT_ONCE})
"""The tasks by which the specialists' digest finds the reports to review (SPOC-15)."""


def task_text(case: ReviewCase, text: str | None = None) -> str:
    """Return the text of a review's task, with the note of whoever asked for it."""
    review = REVIEWS[case]
    said = f' Note: "{text}"' if text else ""
    return f"{review.text}{said} ({review.rule})"


def reviews_at_once(case: SpocCase, told: tuple[ReviewCase, ...]) -> tuple[ReviewCase, ...]:
    """Return what a report has Authorizations review, as far as the policy wants it (G-86).

    Args:
        case: the follow-up; a recall is known of its job, too (SPOC-48).
        told: the cases that came with the report.
    """
    found = {*told}
    if case.job.is_recall and case.edition >= Edition.EVERY_CLAUSE:
        found.add(ReviewCase.POTENTIAL_RECALL)
    return tuple(each for each in ReviewCase if each in found & {*case.policy.spoc.review_cases})


def follows_claims(case: SpocCase) -> bool:
    """Return whether a follow-up makes a task of a claim that is Under Review (SPOC-50)."""
    return case.edition >= Edition.EVERY_CLAUSE


def claim_is_under_review(job: Job) -> bool:
    """Return whether the job system says that the job's claim is Under Review (SPOC-50)."""
    return (job.sub_status or "").strip().casefold() == "under review"
