"""What the PlusOne procedure leaves to the company."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from domain.durations import BusinessDays, Elapsed, format_elapsed
from domain.policy_values import EmailAddress, Section, with_unit
from domain.values import Line, Usd

_LEAST_SEARCH = timedelta(hours=48)


def _some_event_type(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("name at least one event type")
    return names


def _some_trade(trades: tuple[str, ...]) -> tuple[str, ...]:
    if not trades:
        raise ValueError("list at least one trade")
    return trades


class ProfileAddress(Section):
    """The postal address in PlusOne's profile."""

    line: Line
    city: Line
    state: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    zip: Annotated[str, StringConstraints(pattern=r"^[0-9]{5}(-[0-9]{4})?$")]


class PlusOnePolicy(Section):
    """What the PlusOne procedure leaves open."""

    search_window: Elapsed
    """How long PlusOne may search, counted from the assignment (PO-17, G-01)."""
    customer_expectation: Elapsed
    """What the customer is told to wait, counted from the assignment (PO-31, G-01)."""
    on_window_end: Literal["no_provider_found", "dispatch_task"]
    """What happens to a job that is not accepted in time (PO-67, G-02)."""
    release_on_cannot_locate: StrictBool
    """Whether PlusOne may give a job back before the window ends (G-07)."""
    npf_starts_apo: StrictBool
    """Whether No Provider Found starts the apo lifecycle (PO-69, G-08)."""
    expired_counts_as_new: StrictBool
    """Whether an Expired job is held like a New one (G-03)."""
    on_severity_raise: Literal["release_if_new", "hold"]
    """What happens when the severity is raised during the search (PO-04, G-05)."""
    silence_reminder: Annotated[BusinessDays, BeforeValidator(with_unit)]
    """How long PlusOne may be silent once it has accepted."""
    served_trades: Annotated[
        tuple[Literal["Plumbing", "Electrical", "Appliances", "HVAC"], ...],
        AfterValidator(_some_trade),
    ]
    """The trades that PlusOne serves (PO-01)."""
    approval_threshold: Usd | None = None
    """Up to this amount PlusOne repairs without approval (PO-27); None: never (G-09)."""
    call_above: Usd
    """Above this amount a customer is called about non-covered charges, else mailed (G-65)."""
    email: EmailAddress
    """Where PlusOne is asked to send its instructions when the job carries no address (PO-68)."""
    profile_address: ProfileAddress
    """PlusOne's own address, to which nothing is shipped (PO-54)."""
    search_not_said: Literal["assumed", "ask"] = "assumed"
    """What it means if an assignment doesn't say which searches were tried (PO-15, G-75)."""
    oracle_update: Literal["when_asked", "always"] = "when_asked"
    """When a supervisor has to set a shipping address in Oracle (PO-55, G-76)."""
    recall_event_types: Annotated[tuple[Line, ...], AfterValidator(_some_event_type)] = ("Recall",)
    """Event types that make an added service job a recall (PO-06, G-77)."""
    inform_within: Annotated[BusinessDays, BeforeValidator(with_unit)] = Field(
        default="1bd", validate_default=True
    )
    """Once it has accepted: PlusOne's time for its note, its call and its e-mail to the customer
    (PO-62, PO-63, PO-65)."""

    @field_validator("search_window")
    @classmethod
    def _long_enough(cls, window: Elapsed) -> Elapsed:
        if window < _LEAST_SEARCH:
            raise ValueError(
                f"{format_elapsed(window)} is too short: PO-17 gives PlusOne at least 48h"
            )
        return window

    @field_validator("customer_expectation")
    @classmethod
    def _within_the_window(cls, expectation: Elapsed, info: ValidationInfo) -> Elapsed:
        window = info.data.get("search_window")
        if window is not None and expectation >= window:
            raise ValueError(
                f"{format_elapsed(expectation)} must be shorter than the search window, "
                f"{format_elapsed(window)}"
            )
        return expectation
