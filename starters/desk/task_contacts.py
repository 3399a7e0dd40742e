"""Whom a task is about, and how to reach them: the number to call, one click away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from domain.accounts import PSEUDO_ACCOUNTS
from domain.directory import Addressee, Directory
from domain.moments import spoken
from domain.roles import Role
from domain.zips import zones_of
from store.task_list import TaskAtHand


class Contact(NamedTuple):
    """Somebody whom a task may be about."""

    who: str
    """Their part in the job: Customer, Provider."""
    name: str
    phone: str | None
    email: str | None
    local: str | None = None
    """What time it is there, if that is not the company's."""


_ABOUT_AREA_MANAGER = frozenset(
    {"reach_area_manager", "area_manager_silent", "provider_silent", "review_exception"}
)
_ABOUT_SPECIALIST = frozenset({"specialist_silent"})


class Contacts:
    """Says whom a task is about."""

    def __init__(self, directory: Callable[[], Directory]) -> None:
        self._directory = directory

    def of(self, at_hand: TaskAtHand, now: datetime, zone: str) -> list[Contact]:
        """Return those who can be reached about a task, whom it is about first.

        Args:
            at_hand: the task, with its job.
            now: the wall clock, aware UTC.
            zone: the company's, an IANA name.
        """
        return [*self._colleagues(at_hand), *_parties(at_hand, now, zone)]

    def _colleagues(self, at_hand: TaskAtHand) -> Iterator[Contact]:
        job, kind = at_hand.job, at_hand.task.kind
        if job is None:
            return
        for role, kinds in (
            (Role.AREA_MANAGER, _ABOUT_AREA_MANAGER),
            (Role.SPOC_SPECIALIST, _ABOUT_SPECIALIST),
        ):
            if kind in kinds:
                meant = Addressee(role=role, provider=job.assigned_to)
                if found := self._directory().find(meant, job):
                    yield Contact(role.label, found.name, None, found.email)


def _parties(at_hand: TaskAtHand, now: datetime, zone: str) -> Iterator[Contact]:
    job, call = at_hand.job, at_hand.waiting and at_hand.waiting.call
    if job is None:
        return
    customer, assigned = job.customer, job.assigned_to
    if call is not None:
        there = _other_time(call["zones"], now, zone)
        yield Contact("Provider", call["name"], call["phone"], None, there)
    if customer is not None and (customer.name or customer.phone):
        there = time_there(customer.zip, now, zone)
        yield Contact("Customer", customer.name or "No name", customer.phone, None, there)
    if call is not None:  # the job is with another still, who has nothing to do with this
        return
    there = time_there(assigned.zip, now, zone)
    is_provider = not any(assigned.is_(account) for account in PSEUDO_ACCOUNTS)
    part = "Provider" if is_provider else "Assigned"
    yield Contact(part, assigned.name, assigned.phone, assigned.email, there)


def time_there(zip_code: str | None, now: datetime, company: str) -> str | None:
    """Return what time it is at a ZIP code; None if it's unknown, or the company's own."""
    return _other_time(zones_of(zip_code), now, company)


def _other_time(zones: Sequence[str], now: datetime, company: str) -> str | None:
    said = list(dict.fromkeys(_clock(now, zone) for zone in zones))
    return None if not said or said == [_clock(now, company)] else " or ".join(said)


def _clock(now: datetime, zone: str) -> str:
    """Return the time of day, such as `9:05 AM MT`."""
    return spoken(now, zone).rpartition(", ")[2]
