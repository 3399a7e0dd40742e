"""What can come of a call: a button each, for what would be a form of many fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from starters.desk.forms import CommandForm


@dataclass(frozen=True)
class Outcome:
    """One thing that can have come of a call."""

    button: str
    command: str
    said: Mapping[str, str] = field(default_factory=dict)
    """The fields that the button says."""
    asks: tuple[str, ...] = ()
    """The fields that are still asked for."""

    @property
    def key(self) -> str:
        """Tells it from the other outcomes of its command, wherever its form is shown again."""
        return "-".join(re.findall(r"[a-z0-9]+", self.button.lower()))

    def form(self, whole: CommandForm) -> CommandForm:
        """Return its form, made of the whole one of its command."""
        return whole.narrowed(self.button, f"-{self.key}", self.said, self.asks)


_CUT_OFF = Outcome("The call was cut off", "provider_no_answer", asks=("customer_dropped",))
_CANNOT = Outcome(
    "Can't take the job", "provider_answered", {"available": "no"}, ("reason", "contact_name")
)
CONFERENCE: Mapping[str, tuple[str, tuple[Outcome, ...]]] = {
    "calling_provider": (
        "Call {name}",
        (
            Outcome(
                "Can take the job",
                "provider_answered",
                {"available": "yes"},
                ("contact_name", "earliest_appointment", "travel_fee"),
            ),
            _CANNOT,
            Outcome("No answer", "provider_no_answer"),
        ),
    ),
    "travel_fee_review": (
        "{name} asks for a travel fee",
        (
            Outcome("Approve the fee", "approve_travel_fee", asks=("amount",)),
            Outcome("Decline the fee", "decline_travel_fee", asks=("amount",)),
        ),
    ),
    "asking_provider": (
        "Ask {name} to join a conference",
        (
            Outcome("Joins the conference", "provider_conference", {"agrees": "yes"}),
            Outcome(
                "Will call the customer",
                "provider_conference",
                {"agrees": "no"},
                ("will_contact_by",),
            ),
            Outcome(
                "Names an appointment",
                "provider_answered",
                {"available": "yes"},
                ("earliest_appointment", "travel_fee"),
            ),
            _CANNOT,
            _CUT_OFF,
        ),
    ),
    "asking_customer": (
        "Ask the customer to join",
        (
            Outcome("Joins the conference", "customer_conference", {"agrees": "yes"}),
            Outcome("Can't join", "customer_conference", {"agrees": "no"}),
            _CUT_OFF,
        ),
    ),
    "conferencing": (
        "Set the appointment with {name}",
        (
            Outcome(
                "Record the appointment", "appointment_captured", asks=("at", "customer_agrees")
            ),
            _CUT_OFF,
        ),
    ),
    "supervisor_review": (
        "A supervisor decides",
        (
            Outcome(
                "Call emergency lines",
                "supervisor_decision",
                {"option": "emergency_line"},
                ("note",),
            ),
            Outcome(
                "Start APO",
                "supervisor_decision",
                {"option": "apo"},
                ("in_network_exhausted", "note"),
            ),
            Outcome("Send to Dispatch", "supervisor_decision", {"option": "dispatch"}, ("note",)),
        ),
    ),
}
"""The heading of each step of the conference, and what can come of it."""

BY_DISPATCH = (
    Outcome("Accepts APO", "customer_reached", {"outcome": "accepted"}, ("instructions_relayed",)),
    Outcome("Refuses APO", "customer_reached", {"outcome": "refused"}, ("reason",)),
    Outcome(
        "Is undecided", "customer_reached", {"outcome": "undecided"}, ("instructions_relayed",)
    ),
    Outcome("No answer", "customer_not_reached", asks=("voicemail_left",)),
)
BY_WHO_DECIDES = (
    Outcome("Approve APO", "approve_apo", asks=("note",)),
    Outcome("Decline APO", "decline_apo", asks=("reason",)),
)
BY_AGENTS = (
    Outcome("Log the call", "customer_called", asks=("about", "instructions_relayed")),
    Outcome("Accepts APO", "customer_accepted", asks=("note", "instructions_relayed")),
    Outcome("Refuses APO", "customer_refused", asks=("reason",)),
    Outcome(
        "Instructions didn't arrive",
        "instructions_not_received",
        asks=("corrected_email", "by_mail", "hawaii_pm"),
    ),
    Outcome("Has an estimate", "estimate_submitted", asks=("amount",)),
)

_ALL: Final = (
    *(each for _, outcomes in CONFERENCE.values() for each in outcomes),
    *BY_DISPATCH,
    *BY_WHO_DECIDES,
    *BY_AGENTS,
)
_BY_KEY: Final[Mapping[tuple[str, str], Outcome]] = {
    (each.command, f"-{each.key}"): each for each in _ALL
}


def outcome_of(command: str, part: str | None) -> Outcome | None:
    """Return the outcome whose form was sent, None if it was the whole form of its command.

    Args:
        command: the command's name.
        part: the `part` of the form.
    """
    return _BY_KEY.get((command, part or ""))
