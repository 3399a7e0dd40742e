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
    """List the providers to call, and learn which one to call first (CONF-01, CONF-12)."""

    reason: Prose
    """Why the job is reassigned."""
    urgent: StrictBool
    """The customer's situation is urgent (CONF-09)."""
    candidates: Annotated[tuple[Listed, ...], Field(max_length=_MOST_LISTED)]
    """The providers, in the order in which to call them."""

    @field_validator("candidates")
    @classmethod
    def _providers(cls, candidates: tuple[Listed, ...]) -> tuple[Listed, ...]:
        for each in candidates:
            if any(same_account(each.account, account) for account in PSEUDO_ACCOUNTS):
                raise ValueError(f"{each.name} is one of our own accounts; list providers only")
        return candidates


class ProviderNoAnswer(Payload):
    """Log that nobody answered or that the call was cut off; don't leave a message."""

    customer_dropped: StrictBool = False
    """The customer was cut off, too (CONF-41)."""


class ProviderAnswered(Payload):
    """Log what the provider answered, and learn what comes next (CONF-18 to CONF-23)."""

    available: StrictBool
    """Whether the provider can do the job."""
    reason: Prose | None = None
    """Why it can't (CONF-20)."""
    contact_name: Line | None = None
    """The person the agent spoke with (CONF-18)."""
    earliest_appointment: ToldInstant | None = None
    """Its soonest available appointment (CONF-22)."""
    travel_fee: Usd | None = None
    """The travel fee it asks for, in USD (CONF-10)."""


class ApproveTravelFee(Payload):
    """Approve a travel fee, of this amount (CONF-10, CONF-11)."""

    amount: Usd
    """In USD."""


class DeclineTravelFee(Payload):
    """Decline the travel fee; the next provider is called (CONF-10)."""

    amount: Usd | None = None
    """The most that we would have paid, in USD."""


class ProviderConference(Payload):
    """Log whether the provider joins the conference; if not, it gets the job and calls the customer
    (CONF-23 to CONF-27).
    """

    agrees: StrictBool
    will_contact_by: ToldInstant | None = None
    """If it doesn't join: when it will have contacted the customer (CONF-24)."""


class CustomerConference(Payload):
    """Log whether the customer joins the conference; if not, the provider gets the job and calls
    them (CONF-28 to CONF-35).
    """

    agrees: StrictBool


class AppointmentCaptured(Payload):
    """Record the appointment set in the conference; the provider gets the job (CONF-36 to
    CONF-38).
    """

    at: ToldInstant
    customer_agrees: StrictBool = False
    """The customer agrees to an appointment later than the acceptable time (CONF-13)."""


class SupervisorDecision(Payload):
    """Decide how to help an urgent customer when no provider may be called (CONF-09)."""

    option: Literal["emergency_line", "apo", "dispatch"]
    in_network_exhausted: StrictBool = False
    """Every effort to find an in-network provider has failed (APO-22)."""
    note: Prose | None = None
