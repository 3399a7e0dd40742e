"""How people read what programs write: names, and instants in the company's time."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

from samples.job_system import clock

_ZONE: Final = ZoneInfo("America/New_York")
_SPELLED: Final = {"plusone": "PlusOne", "apo": "APO", "spoc": "SPoC"}
_ROLES: Final = {
    "plusone": "PlusOne",
    "spoc_specialist": "SPoC specialist",
    "admin_team": "Admin team",
}


def label(name: str) -> str:
    """Return a program's name as people read it: `second_contact` is Second contact."""
    first, *more = name.split("_")
    words = [_SPELLED.get(first, first.capitalize()), *(_SPELLED.get(each, each) for each in more)]
    return " ".join(words)


def role_label(role: str) -> str:
    """Return what a role is called: `customer_service` is Customer Service."""
    return _ROLES.get(role) or role.replace("_", " ").title()


def signed(name: str, role: str) -> str:
    """Return who did something, with their role unless the name says it or it is a program."""
    title = role_label(role)
    return name if role == "system" or title.casefold() in name.casefold() else f"{name}, {title}"


def when(instant: str | None) -> str:
    """Return an instant as people read it; what is none, as it is."""
    try:
        at = clock.read(instant)
    except ValueError:
        return instant or ""
    return "" if at is None else at.astimezone(_ZONE).strftime("%a, %b %-d, %-I:%M:%S %p ET")
