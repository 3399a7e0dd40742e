"""What the procedure of the Single Point of Contact leaves to the company."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
)

from domain.durations import BusinessDays, Elapsed
from domain.events import ReviewCase
from domain.policy_values import Reminders, Section, reminders, with_unit
from domain.roles import Role


class SpocPolicy(Section):
    """What the procedure of the Single Point of Contact leaves open."""

    report_due: Annotated[BusinessDays, BeforeValidator(with_unit)] = 1
    """How long after the confirmed diagnosis appointment the report may come (SPOC-13, G-22)."""
    overdue: Reminders = reminders("1bd", attempts=2)
    """The provider is reminded of a report that is overdue (SPOC-27)."""
    missing: Reminders = reminders("1bd", attempts=2)
    """The Leadership Desk is reminded of what a partial report lacks (SPOC-28)."""
    reply: Reminders = reminders("24h", attempts=1)
    """The specialist answers the Leadership Desk (G-30)."""
    min_sp_attempts: Annotated[int, Field(strict=True, ge=1, le=20)] = 1
    """How often the provider is asked before the specialist may be (SPOC-22, G-29)."""
    attempts_per_reason: StrictBool = True
    """Whether an attempt counts only for what was missing when it was made (SPOC-22, G-85)."""
    part_update_age: Annotated[BusinessDays, BeforeValidator(with_unit)] = 5
    """A report has to be older before the specialist is asked for a part (SPOC-31, G-25)."""
    confirm_grace: Annotated[BusinessDays, BeforeValidator(with_unit)] = 1
    """How long the provider may take to confirm an order (SPOC-34, G-26)."""
    quiet: Elapsed = timedelta(days=30)
    """After a full report, how long nothing has to be heard before the follow-up closes."""
    medical_immediate: StrictBool = True
    """Whether Authorizations reviews a Medical Emergency at once (SPOC-20, G-31)."""
    review_cases: tuple[ReviewCase, ...] = tuple(ReviewCase)
    """What of a report Authorizations reviews at once (SPOC-16..19, SPOC-48, G-86)."""
    pr_tracking_conditions: Annotated[
        tuple[Literal["no_eta", "eta_passed"], ...], Field(min_length=1)
    ] = ("no_eta", "eta_passed")
    """What a PR-Tracking Exception may be opened for (SPOC-37, G-27)."""
    purchasing_form_roles: Annotated[tuple[Role, ...], Field(min_length=1)] = (
        Role.LEADERSHIP_DESK,
        Role.SUPERVISOR,
        Role.ESCALATIONS,
    )
    """Who has the Purchasing Escalation Form; the others open the Exception (G-28)."""
