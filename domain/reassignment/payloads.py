"""What each command of a conference call carries; its docstring is the command's help."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, field_validator

from domain.accounts import PSEUDO_ACCOUNTS, same_account
from domain.commands import Payload
from domain.reassignment.case import Listed
from domain.values import Line, Prose, ToldInstant, Usd

_MOST_LISTED = 100
"""Candidates that an agent may list: far more than can be called while a customer waits."""


class StartReassignment(Payload):
    """List the providers to call and learn whom to call first (CONF-01, CONF-12)."""

    reason: Prose
    """Why the job is reassigned."""
    urgent: StrictBool
    """The customer's situation is urgent (CONF-09)."""
    candidates: Annotated[tuple[Listed, ...], Field(max_length=_MOST_LISTED)]
    """The providers in the order in which they are to be called."""

    @field_validator("candidates")
    @classmethod
    def _providers(cls, candidates: tuple[Listed, ...]) -> tuple[Listed, ...]:
        for each in candidates:
            if any(same_account(each.account, account) for account in PSEUDO_ACCOUNTS):
                raise ValueError(f"{each.name} is no provider")
        return candidates


class ProviderNoAnswer(Payload):
    """Nobody answers, or the line broke off: on to the next, without a message."""


class ProviderAnswered(Payload):
    """Write down what the provider answers, and learn what comes next (CONF-18 to CONF-23)."""

    available: StrictBool
    """Whether the provider can do the job."""
    reason: Prose | None = None
    """Why not (CONF-20)."""
    contact_name: Line | None = None
    """Whom the agent spoke with (CONF-18)."""
    earliest_appointment: ToldInstant | None = None
    """The first appointment that it has (CONF-22)."""
    travel_fee: Usd | None = None
    """What it asks for the way, in USD (CONF-10)."""


class ApproveTravelFee(Payload):
    """Approve a travel fee, of this amount (CONF-10, CONF-11)."""

    amount: Usd
    """In USD."""


class DeclineTravelFee(Payload):
    """Decline the travel fee: on to the next provider (CONF-10)."""

    amount: Usd | None = None
    """What would have been paid, in USD."""


class ProviderConference(Payload):
    """Say whether the provider joins a conference; if not, it has the job and calls the
    customer (CONF-23 to CONF-27).
    """

    agrees: StrictBool
    will_contact_by: ToldInstant | None = None
    """Until when it contacts the customer by itself (CONF-24)."""


class CustomerConference(Payload):
    """Say whether the customer joins; if not, the provider has the job and calls them (CONF-28
    to CONF-35).
    """

    agrees: StrictBool


class AppointmentCaptured(Payload):
    """Store the appointment of the conference; the provider has the job (CONF-36 to CONF-38)."""

    at: ToldInstant


class SupervisorDecision(Payload):
    """Choose what is done for an urgent customer out of hours (CONF-09)."""

    option: Literal["emergency_line", "apo", "dispatch"]
    in_network_exhausted: StrictBool = False
    """Every effort to find a provider in the network has failed (APO-22)."""
    note: Prose | None = None
